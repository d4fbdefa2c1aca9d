"""Few items are judged in folds: every one tests, what was measured is joined, rest follows."""

import dataclasses
import json
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from nearspace import compare, load
from nearspace.errors import NearspaceError
from nearspace.judge.folding import choose_folds
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

WINE = load("wine")


class Counting(TransformerMixin, BaseEstimator):
    """Keeps the sizes of what it was fitted on."""

    sizes: ClassVar[list[int]] = []

    def fit(self, X, y=None):
        Counting.sizes.append(len(X))
        return self

    def transform(self, X):
        return np.asarray(X, dtype=np.float32)


def made(n, labels, seed=0):
    return load(np.random.default_rng(seed).normal(size=(n, 4)), labels=labels)


def test_every_wine_is_judged_by_what_was_fitted_on_others():
    Counting.sizes = []
    board = compare(WINE, encoders=[Counting()])
    assert Counting.sizes == [142, 142, 142, 143, 143]
    assert (board.protocol["train"], board.protocol["test"]) == (142, 178)
    assert "5 folds, stratified by label" in board.protocol["split"]
    assert any("Every one of the 178 items tests, in 5 folds" in note for note in board.notes)
    one = compare(WINE, encoders=[Counting()], folds=1)
    assert one.protocol["test"] == 44
    width = lambda board: board.results[0].scores["knn"].high - board.results[0].scores["knn"].low  # noqa: E731
    assert width(board) < 0.65 * width(one)


def test_accuracy_is_that_of_scikit_learn_on_the_same_folds():
    task = set_task(WINE, Protocol(folds=5))
    sides = [(np.setdiff1d(np.arange(178), fold.at), fold.at) for fold in task.folds]
    told = cross_val_predict(KNeighborsClassifier(5), WINE.items, WINE.target.values, cv=sides)
    raw = next(row for row in compare(WINE, encoders=["raw"]).results if row.spec == "raw")
    theirs = (told == WINE.target.values).mean()
    assert raw.scores["knn"].value == pytest.approx(theirs, abs=0.02)  # ties are told otherwise


def test_how_many_folds_is_chosen_by_size():
    def chosen(data, **settings):
        return choose_folds(data, Protocol(folds=None, **settings))

    rows = np.arange(1200) % 2
    sizes = {n: chosen(made(n, rows[:n])) for n in (12, 60, 178, 1000, 1200)}
    assert sizes == {12: (1, 1), 60: (5, 2), 178: (5, 1), 1000: (5, 1), 1200: (1, 1)}
    assert chosen(WINE, seeds=3) == (5, 3)
    assert choose_folds(WINE, Protocol(folds=10)) == (10, 1)
    assert chosen(dataclasses.replace(made(60, rows[:60]), target=None)) == (1, 1)
    few_groups = dataclasses.replace(WINE, groups=np.arange(178) % 3)
    assert chosen(few_groups) == (1, 1)
    assert chosen(dataclasses.replace(WINE, time=np.arange(178))) == (1, 1)


def test_folds_are_refused_where_data_say_what_tests():
    published = dataclasses.replace(WINE, split=np.where(np.arange(178) % 4, "train", "test"))
    with pytest.raises(NearspaceError, match="has a published split, which says which items test"):
        compare(published, encoders=["raw"], folds=5)
    assert compare(published, encoders=["raw"]).protocol["split"] == "as published"
    with pytest.raises(NearspaceError, match="has a time"):
        compare(dataclasses.replace(WINE, time=np.arange(178)), encoders=["raw"], folds=2)
    with pytest.raises(NearspaceError, match="folds= of at least 1"):
        compare(WINE, folds=0)


def test_r2_is_of_all_items_and_not_the_mean_of_the_folds():
    values = np.random.default_rng(1).normal(size=60) * np.r_[np.ones(55), np.full(5, 8)]
    board = compare(made(60, values), encoders=["raw"], task="numbers")
    chance = next(row for row in board.results if row.spec == "chance")
    assert chance.scores["knn_r2"].value == pytest.approx(0, abs=1e-9)
    task = set_task(made(60, values), Protocol(folds=5), "numbers")
    mean, truth = np.empty(60), values
    for fold in task.folds[:5]:
        mean[fold.at] = fold.task.train.target.guess()
    exact = task.joined(
        lambda t: {"knn_r2": t.train.target.score(t.test.target.values, t.test.target.values * 0)}
    )
    against = 1 - np.square(truth).mean() / np.square(truth - mean).mean()
    assert np.nanmean(exact["knn_r2"]) == pytest.approx(against, abs=0.02)


def test_groups_are_the_units_and_stay_together():
    groups = np.arange(60) // 5
    data = dataclasses.replace(made(60, np.arange(60) % 2), groups=groups)
    task = set_task(data, Protocol(folds=4))
    for fold in task.folds:
        assert not set(fold.task.train.groups) & set(fold.task.test.groups)
    assert (task.groups == groups).all()
    assert "over test groups" in compare(data, encoders=["raw"]).protocol["intervals"]


def test_what_is_cached_comes_back_and_is_no_other_fold(tmp_path):
    first, again = (compare(WINE, encoders=["raw"], cache=tmp_path, folds=3) for _ in range(2))
    other = compare(WINE, encoders=["raw"], cache=tmp_path, folds=2)
    scores = [json.loads(board.to_json())["rows"][0]["scores"] for board in (first, again, other)]
    assert scores[0] == scores[1] != scores[2]


def test_the_usable_encoder_is_fitted_on_all_items():
    Counting.sizes = []
    board = compare(WINE, encoders=[Counting()])
    board.fitted(next(row.spec for row in board.results if "Counting" in row.spec))
    assert Counting.sizes[-1] == 178


def test_seeds_are_rounds_each_dealt_anew():
    board = compare(WINE, encoders=["raw"], seeds=2, folds=2)
    assert "4 fits each" in board.protocol["scope"]
    assert "2 folds, dealt 2 times" in board.protocol["split"]
    assert "and seeds" in board.protocol["intervals"]


def test_a_label_of_one_item_never_tests_and_is_no_error():
    labels = ["a"] * 30 + ["b"] * 29 + ["c"]
    board = compare(made(60, labels), encoders=["raw"])
    assert board.protocol["test"] == 59
    assert any("59 of the 60 items test" in note for note in board.notes)
    assert np.isfinite(board.results[0].scores["knn"].high)
