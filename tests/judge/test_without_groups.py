"""What a split promises that knows of no groups, beside what groups left out give."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from tests.judge.test_by_group import ITEMS, NAMES, SPEAKERS

from nearspace import compare, load
from nearspace.data.pair_reading import load_pairs
from nearspace.errors import NearspaceError
from nearspace.report.page import render


class Cut(TransformerMixin, BaseEstimator):
    """Keeps some of the columns."""

    def __init__(self, start=0, stop=1):
        self.start, self.stop = start, stop

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X, dtype=np.float32)[:, self.start : self.stop]


@pytest.fixture(scope="module")
def board():
    how = {"folds": "groups", "rank_by": "knn", "also_without_groups": True}
    return compare(SPEAKERS, encoders=["pca(dim=4)"], **how)


def row(board, spec):
    return next(row for row in board.results if row.spec == spec)


def test_both_scores_stand_side_by_side(board):
    labels, cv = SPEAKERS.target.values, StratifiedKFold(6, shuffle=True, random_state=0)
    theirs = (cross_val_predict(KNeighborsClassifier(5), ITEMS, labels, cv=cv) == labels).mean()
    raw = row(board, "raw")
    assert raw.without_groups.value == pytest.approx(theirs, abs=0.04)
    assert raw.scores["knn"].value < 0.8 < raw.without_groups.value
    assert raw.optimism.value == pytest.approx(raw.without_groups.value - raw.scores["knn"].value)
    assert 0 < raw.optimism.low < raw.optimism.value < raw.optimism.high
    # Over items, as whoever knows of no groups gives it: narrower than over six groups.
    width = lambda told: told.high - told.low  # noqa: E731
    assert width(raw.without_groups) < 0.5 * width(raw.scores["knn"])
    assert row(board, "chance").optimism is None
    assert board.protocol["split without groups"].startswith("6 folds, stratified by label")


def test_ranks_go_by_groups_and_the_honest_scores_are_the_same(board):
    alone = compare(SPEAKERS, encoders=["pca(dim=4)"], folds="groups", rank_by="knn")
    assert [(r.spec, r.verdict, r.scores) for r in alone.results] == [
        (r.spec, r.verdict, r.scores) for r in board.results
    ]
    assert all(r.without_groups is None for r in alone.results)


def test_it_is_said_and_shown(board):
    assert "as in a split that knows of no groups" in board.notes[0]
    assert "without groups" in render(board)
    assert {"without_groups", "optimism_low"} <= set(board.to_frame().columns)


def test_a_turned_order_is_said():
    # What tells the group tells the label of its other items; what tells the label alone is weaker.
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 8)
    labels = rng.permutation(np.arange(40) % 2)[groups]
    who = 6 * rng.normal(size=(40, 6))[groups] + 0.1 * rng.normal(size=(320, 6))
    what = np.c_[labels + 0.6 * rng.normal(size=320), np.zeros((320, 5))]
    data = load(np.c_[who, what], labels=labels, groups=groups)
    board = compare(data, encoders=[Cut(0, 6), Cut(6, 7)], folds=5, also_without_groups=True)
    assert "The order turns: " in board.notes[0]
    assert row(board, "Cut(stop=6)").optimism.value > 0.3
    assert abs(row(board, "Cut(start=6, stop=7)").optimism.value) < 0.1


def test_two_parts_that_test_other_items_vary_each_for_itself():
    groups = np.arange(240) // 6
    data = dataclasses.replace(SPEAKERS, groups=groups)
    board = compare(data, encoders=["raw"], folds=1, also_without_groups=True)
    told = row(board, "raw").optimism
    assert told.low < 0 < told.high
    assert (told.high - told.value) == pytest.approx(told.value - told.low)
    few = compare(SPEAKERS, encoders=["raw"], folds=1, also_without_groups=True)
    assert row(few, "raw").optimism.low is None  # of one group nothing can be told


def test_where_there_are_no_groups_or_the_split_is_given_it_is_refused():
    with pytest.raises(NearspaceError, match=r"has no groups, .* \(groups=\), or leave also_with"):
        compare(load("wine"), encoders=["raw"], also_without_groups=True)
    frame = pd.DataFrame({"one": ["a b", "c d"] * 20, "other": [f"a {n}" for n in range(40)]})
    pairs = load_pairs(frame.assign(score=np.arange(40) % 5), "one", "other", scores="score")
    with pytest.raises(NearspaceError, match="also_without_groups= has no meaning for likeness"):
        compare(pairs, encoders=["raw"], also_without_groups=True)
    split = np.where(np.isin(NAMES, ["ada", "bo"]), "test", "train")
    published = dataclasses.replace(SPEAKERS, split=split)
    with pytest.raises(NearspaceError, match="has a published split, which is the same with"):
        compare(published, encoders=["raw"], also_without_groups=True)


def test_an_interruption_keeps_what_is_done(monkeypatch):
    from nearspace.judge.row_judge import RowJudge

    scored = RowJudge.scored

    def stop(self, spec, *how):
        if spec != "raw":
            raise KeyboardInterrupt
        return scored(self, spec, *how)

    monkeypatch.setattr(RowJudge, "scored", stop)
    how = {"folds": "groups", "also_without_groups": True}
    board = compare(SPEAKERS, encoders=["pca(dim=4)"], **how)
    assert board.interrupted
    assert row(board, "raw").optimism is not None
    assert row(board, "pca(dim=4)").scores["knn"].value > 0.3
    assert any("while judging" in note and "without groups" in note for note in board.notes)
