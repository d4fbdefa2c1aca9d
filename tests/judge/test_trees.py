"""Boosted trees beside the encoders: what scikit-learn tells, without a space."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from tests.one_part import compare

from nearspace.data import Dataset, load, train_test_split
from nearspace.data.kinds.table import Table
from nearspace.errors import NearspaceError
from nearspace.judge.board import Failure
from nearspace.judge.trees import TREES, raw_columns
from nearspace.learning.threads import one_thread


def checkers(n=400):
    """Return rows of which no single column tells anything, and both together all."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.random((n, 2)), columns=["a", "b"])
    frame["city"] = np.where(frame["a"] > 0.5, "Oslo", "Rome")
    labels = np.where((frame["a"] > 0.5) == (frame["b"] > 0.5), "same", "other")
    return load(frame, labels=labels)


@pytest.fixture(scope="module")
def board():
    return compare(checkers(), encoders=["raw"])


def row(board, spec=TREES):
    return next(row for row in board.rows if row.spec == spec)


def test_trees_are_a_reference_with_what_a_model_tells_and_no_space(board):
    trees = row(board)
    assert trees.verdict == "reference"
    assert not trees.recommended
    assert set(trees.scores) == {"probe", "probe_balanced", "probe_auc", "probe_ap"}
    assert trees.dim == 0
    assert trees.cost.fit_seconds > 0
    assert TREES not in board.spaces
    assert TREES not in board.fits
    assert json.loads(board.to_json())["gap"]["reference"] == TREES
    assert board.to_frame().set_index("spec").loc[TREES, "probe"] > 0.95


def test_trees_are_never_best_though_they_tell_more():
    board = compare(checkers(), encoders=["raw"], rank_by="probe")
    assert row(board).scores["probe"].value > row(board, "onehot").scores["probe"].value
    assert row(board).verdict == "reference"
    assert board.leader.spec != TREES
    assert board.recommended is None or board.recommended.spec != TREES


def test_the_gap_is_paired_and_of_the_best_probe(board):
    probes = {r.spec: r.scores["probe"].value for r in board.results if r.dim}
    assert probes[board.gap.row] == max(probes.values())
    own = row(board).scores["probe"].value
    assert board.gap.difference.value == pytest.approx(max(probes.values()) - own)
    assert board.gap.difference.low < board.gap.difference.high < 0
    assert board.gap.told.startswith(f"Best linear probe: {board.gap.row}, ")


def test_classes_are_told_as_by_scikit_learn_of_the_frame(samples):
    data = samples["table"]
    train, test, _ = train_test_split(data)
    names = [name for name, of in data.kind.columns if of == "category"]
    frame = data.items.astype(dict.fromkeys(names, "category"))
    with one_thread():
        peer = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
        told = peer.fit(frame.iloc[train], data.target.values[train]).predict(frame.iloc[test])
    sides = data.take(train), data.take(test)
    columns, wanted, categorical, _ = raw_columns(*sides)
    with one_thread():
        model = HistGradientBoostingClassifier(categorical_features=categorical, random_state=0)
        own = model.fit(columns, sides[0].target.values).predict(wanted)
    assert (own == told).mean() > 0.97


def test_numbers_are_told_in_the_column_of_ridge():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.random((300, 3)), columns=list("abc"))
    frame.loc[::7, "c"] = np.nan
    data = load(frame, labels=(np.abs(frame["a"] - 0.5) + 0.01 * random.random(300)).to_numpy())
    board = compare(data, encoders=["raw"])
    again = compare(data, encoders=["raw"])
    assert row(board).scores["ridge_r2"] == row(again).scores["ridge_r2"]
    train, test, _ = train_test_split(data)
    with one_thread():
        peer = HistGradientBoostingRegressor(random_state=0)
        peer.fit(frame.iloc[train].to_numpy(), data.target.values[train])
    error = np.square(data.target.values[test] - peer.predict(frame.iloc[test].to_numpy())).mean()
    guessed = np.square(data.target.values[test] - data.target.values[train].mean()).mean()
    assert row(board).scores["ridge_r2"].value == pytest.approx(1 - error / guessed)


def test_columns_of_every_type_are_as_trees_take_them():
    n = 600
    rows = pd.DataFrame(
        {
            "city": ["Oslo", "Rome", "Rome"] * 200,
            "code": [f"{at}" for at in range(n)],
            "tags": ["a|b", "b", None] * 200,
            "day": pd.date_range("2020-01-01", periods=n),
            "says": ["red wine, dry", "white wine", "a cold beer"] * 200,
            "name": [f"row {at}" for at in range(n)],
            "empty": np.full(n, np.nan),
        }
    )
    types = {"code": "category", "tags": "categories", "day": "date", "says": "text"}
    kind = Table.infer(rows, types | {"name": "id"})
    new = rows[:3].assign(
        city=["Rome", "Bern", None], code=["3", "x", None], tags=["c|b", None, "a"]
    )
    sides = [Dataset(kind.check(some), kind) for some in (rows, new)]
    columns, wanted, categorical, notes = raw_columns(*sides)
    assert categorical[:2].tolist() == [True, False]  # of more values than trees take as such
    assert not categorical[2:].any()
    assert columns[:3, 0].tolist() == [1.0, 0.0, 0.0]  # the commonest is the first
    assert wanted[0, 0] == 0
    assert np.isnan(wanted[1:, :2]).all()
    # Of the tags 'b' is the commonest; where a cell is missing, nothing is known of any.
    assert np.array_equal(columns[:3, 2:4], [[1, 1], [1, 0], [np.nan, np.nan]], equal_nan=True)
    assert np.array_equal(wanted[:, 2:4], [[1, 0], [np.nan, np.nan], [0, 1]], equal_nan=True)
    assert (np.diff(columns[:, 4]) == 86_400).all()
    assert columns.shape == (n, wanted.shape[1])
    assert np.allclose(columns[0, 5:], columns[3, 5:])
    assert len(notes) == 1
    assert "'says'" in notes[0]
    names = Table((("name", "id"),))
    alone = Dataset(names.check(rows[["name"]]), names)
    with pytest.raises(NearspaceError, match="no column to tell from"):
        raw_columns(alone, alone)


def test_all_rows_test_in_folds_and_the_cache_serves_what_is_there(tmp_path, monkeypatch):
    data = checkers(120)
    board = compare(data, encoders=["raw"], folds=3, cache=tmp_path)

    def fit(*args):
        raise AssertionError("fitted again")

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", fit)
    again = compare(data, encoders=["raw"], folds=3, cache=tmp_path)
    assert row(again).scores == row(board).scores
    assert row(board).scores["probe"].value > 0.9


def test_what_fails_is_a_row_and_what_has_no_time_is_told(monkeypatch):
    def fit(*args):
        raise ValueError("no memory")

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", fit)
    board = compare(checkers(), encoders=["raw"])
    assert board.failures == [Failure(TREES, "no memory")]
    assert board.gap is None
    assert board.best().spec in ("raw", "onehot")
    monkeypatch.setattr("nearspace.judge.budget.Budget.left", 0.0)
    late = compare(checkers(), encoders=["raw"], minutes=5)
    assert any(note.startswith("Left out") and TREES in note for note in late.notes)


def test_more_work_than_a_reference_is_worth_is_left_out():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.random((440, 70)))
    board = compare(load(frame, labels=[f"c{at % 110}" for at in range(440)]), encoders=["raw"])
    (failure,) = board.failures
    assert failure.spec == TREES
    assert failure.error.endswith("for a reference: 70 columns, 330 rows, 110 trees a round.")


@pytest.mark.trains
def test_what_comes_after_the_trees_is_judged_and_new_values_are_counted():
    random = np.random.default_rng(0)
    rows = checkers(300)
    frame = rows.items.assign(town=[f"town {at}" for at in random.integers(0, 90, 300)])
    board = compare(load(frame, labels=rows.labels), encoders=["onehot", "entity(epochs=1)"])
    assert not [row for row in board.rows if isinstance(row, Failure)]
    (note,) = [note for note in board.notes if "were not seen in fit" in note]
    assert "values of 'town'" in note
