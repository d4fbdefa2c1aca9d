"""The nearest series by dynamic time warping beside the encoders: a reference, never the best."""

import json

import numpy as np
import pytest
from tests.one_part import compare

from nearspace.data import load
from nearspace.data.split import train_test_split
from nearspace.judge import warping
from nearspace.judge.warping import BANDS, DTW
from nearspace.metrics.dtw import dtw_distances


def bumps(n=60, numbers=False):
    """Return series of which one class rises before it falls, and the other after, at any time."""
    random = np.random.default_rng(0)
    labels = np.arange(n) % 2
    series = []
    for label in labels:
        at = np.linspace(-3, 3, random.integers(20, 30)) + random.uniform(-0.4, 0.4)
        wave = (-1) ** label * at * np.exp(-(at**2)) + random.normal(scale=0.03, size=len(at))
        series.append(np.stack([wave, 5 * wave + 100]).astype(np.float32))
    target = (
        labels + random.normal(scale=0.1, size=n) if numbers else np.array(["up", "down"])[labels]
    )
    return load(series, labels=target)


def row(board):
    return next(row for row in board.rows if row.spec == DTW)


@pytest.fixture(scope="module")
def board():
    return compare(bumps(), encoders=["raw"], folds=1)


def test_it_is_a_reference_with_what_a_model_tells_and_no_space(board):
    own = row(board)
    assert own.verdict == "reference"
    assert not own.recommended
    assert set(own.scores) == {"probe", "probe_balanced", "probe_auc", "probe_ap"}
    assert own.scores["probe"].value > 0.9
    assert own.dim == 0
    assert DTW not in board.spaces
    assert json.loads(board.to_json())["gap"]["reference"] == DTW
    assert board.gap.told.startswith("Best linear probe: raw, ")


def nearest_of_others(series, rows, train, band):
    """Return which training series is nearest to each, but for itself, by all distances."""
    pairs = np.array([(i, j) for i in rows for j in train])
    apart = dtw_distances(series, series, pairs, band)
    apart[pairs[:, 0] == pairs[:, 1]] = np.inf
    return train[apart.reshape(len(rows), len(train)).argmin(axis=1)]


@pytest.mark.parametrize("numbers", [False, True])
def test_what_it_tells_is_that_of_the_nearest_by_all_distances(numbers):
    data = bumps(numbers=numbers)
    board = compare(data, encoders=["raw"], folds=1)
    train, test, _ = train_test_split(data)
    every = np.concatenate([data.items[at] for at in train], axis=1)
    mean, scale = every.mean(axis=1, keepdims=True), every.std(axis=1, keepdims=True)
    scaled = [(item - mean) / scale for item in data.items]
    y, best = data.target.values, -np.inf
    for series in (scaled, data.items):
        for band in BANDS:
            own = nearest_of_others(series, train, train, band)
            score = data.target.score(y[train], y[own]).mean()
            if score > best:
                best, told = score, y[nearest_of_others(series, test, train, band)]
    if numbers:
        guess = np.square(y[test] - y[train].mean()).mean()
        expected = 1 - np.square(y[test] - told).mean() / guess
        assert row(board).scores["ridge_r2"].value == pytest.approx(expected)
    else:
        assert row(board).scores["probe"].value == pytest.approx((told == y[test]).mean())


def test_folds_and_the_cache(tmp_path, monkeypatch):
    board = compare(bumps(30), encoders=["raw"], folds=2, cache=tmp_path)

    def nearest(*args, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(warping, "nearest_by_dtw", nearest)
    again = compare(bumps(30), encoders=["raw"], folds=2, cache=tmp_path)
    assert row(again).scores == row(board).scores


def test_too_much_work_and_no_time_and_ctrl_c_lose_nothing_else(monkeypatch):
    monkeypatch.setattr(warping, "MOST_WORK", 1e4)
    board = compare(bumps(), encoders=["raw"], folds=1)
    (failure,) = board.failures
    assert failure.error.endswith("for a reference: 675 pairs of series, 25 steps, 2 channels.")
    monkeypatch.undo()

    def stopped(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(warping, "nearest_by_dtw", stopped)
    board = compare(bumps(), encoders=["raw"], folds=1)
    assert board.interrupted
    assert [row.spec for row in board.results] == ["raw", "rocket", "chance"]
    monkeypatch.undo()
    monkeypatch.setattr("nearspace.judge.budget.Budget.left", 0.0)
    late = compare(bumps(), encoders=["raw"], folds=1, minutes=5)
    assert any(note.startswith("Left out") and DTW in note for note in late.notes)
