"""Rows whose labels an encoder has learnt, as neighbours: exposed where they tell too much."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neighbors import KNeighborsClassifier
from tests.one_part import compare

from nearspace.data import load, train_test_split
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.learnt import halves_of

TELLING, NUMBERS = 2, 40  # numbers of a row that tell of its label, and all


class Memorises(TransformerMixin, BaseEstimator):
    """Says of rows that it has learnt the label alone, of others all that they hold."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def fit(self, X, y):
        self.labels_ = {row.tobytes(): label for row, label in zip(np.asarray(X), y, strict=True)}
        return self

    def transform(self, X):
        signs = np.array([self.labels_.get(row.tobytes(), 0.0) for row in np.asarray(X)])
        return np.where(signs[:, None] == 0, X, signs[:, None] * (np.arange(NUMBERS) < TELLING))


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    labels = random.choice([-1.0, 1.0], 1600)
    items = random.standard_normal((1600, NUMBERS))
    items[:, :TELLING] += labels[:, None]
    return load(items.astype(np.float32), labels=labels.astype(int))


def row(board, part):
    return next(row for row in board.results if part in row.spec)


def test_an_encoder_that_memorises_labels_is_exposed_and_its_verdict_turned(rows):
    board = compare(rows, encoders=[Memorises()])
    own = row(board, "Memorises")
    assert own.verdict == "best"
    assert own.flattery.low > 0.05
    assert own.among_learnt.value - own.among_unlearnt.value == pytest.approx(own.flattery.value)
    assert row(board, "raw | scale").flattery is None  # nothing is learnt from labels
    (note,) = [note for note in board.notes if "rows that vote were learnt" in note]
    assert "instead of" in note
    assert "Less so much" in note
    assert "and not best" in note
    assert board.to_frame().set_index("spec")["flattery"].notna().sum() == 1


def test_halves_are_told_as_by_scikit_learn(rows):
    few = rows.take(np.arange(400))
    board = compare(few, encoders=[Memorises()], k=3)
    at, asked, _ = train_test_split(few)
    train, test = few.take(at), few.take(asked)
    learnt, unlearnt = halves_of(train, make("mlp"), random_state=0, k=3)
    encoder = Memorises().fit(learnt.items, learnt.target.values)
    told = [
        KNeighborsClassifier(3)
        .fit(encoder.transform(half.items), half.target.values)
        .score(encoder.transform(test.items), test.target.values)
        for half in (learnt, unlearnt)
    ]
    own = row(board, "Memorises")
    assert own.among_unlearnt.value == pytest.approx(told[1])
    assert own.among_learnt.value == pytest.approx(told[0], abs=0.03)  # of equal rows any three


@pytest.mark.trains
def test_folds_and_the_cache_give_the_same(rows, tmp_path, monkeypatch):
    few = rows.take(np.arange(90))
    first = compare(few, encoders=["raw | mlp(epochs=2)"], folds=3, cache=tmp_path)
    assert row(first, "mlp").flattery is not None

    def fit(*args, **kwargs):
        raise AssertionError("fitted again")

    monkeypatch.setattr("nearspace.judge.learnt.Evidence", fit)
    again = compare(few, encoders=["raw | mlp(epochs=2)"], folds=3, cache=tmp_path)
    assert row(again, "mlp").flattery == row(first, "mlp").flattery


def test_halves_have_their_share_of_labels_and_part_no_group():
    frame = pd.DataFrame({"x": np.arange(240.0) % 37})
    groups = np.arange(240) // 6
    data = load(frame, labels=np.where(groups % 4 == 0, "rare", "common"), groups=groups)
    learnt, unlearnt = halves_of(data, make("mlp"), random_state=0, k=5)
    assert not set(learnt.groups) & set(unlearnt.groups)
    shares = [(half.target.values == "rare").mean() for half in (learnt, unlearnt)]
    assert np.allclose(shares, 0.25, atol=0.03)


def test_much_work_is_done_on_fewer_rows_or_left_out(rows, monkeypatch):
    monkeypatch.setattr("nearspace.judge.learnt.MOST_WORK", 270 * 400)
    assert 300 < len(halves_of(rows, make("mlp"), 0, 5)[0]) <= 400
    monkeypatch.setattr("nearspace.judge.learnt.MOST_WORK", 10_000)
    with pytest.raises(NearspaceError, match="more work than is done for this"):
        halves_of(rows, make("mlp"), 0, 5)
    monkeypatch.setattr("nearspace.judge.learnt.MOST_WORK", 0)
    board = compare(rows.take(np.arange(600)), encoders=[Memorises()])
    assert row(board, "Memorises").flattery is None
    assert any("is not known: a fit on even 200 more rows" in note for note in board.notes)


def test_without_time_or_by_another_score_nothing_is_looked_at(rows, monkeypatch):
    few = rows.take(np.arange(300))
    board = compare(few, encoders=[Memorises()], rank_by="preservation")
    assert row(board, "Memorises").flattery is None
    assert not any("labels" in note for note in board.notes)
    monkeypatch.setattr("nearspace.judge.budget.Budget.left", 0.0)
    board = compare(few, encoders=[Memorises()])
    assert row(board, "Memorises").flattery is None
    assert any("is not known: there was no time for it" in note for note in board.notes)
