"""Every group is left out once: what scikit-learn says, a row a group, and no fit for nothing."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from nearspace import compare, load
from nearspace.encoders.handmade.plain import HOG
from nearspace.errors import NearspaceError
from nearspace.report.page import render

RNG = np.random.default_rng(0)
GROUP, LABEL = RNG.integers(6, size=240), RNG.integers(3, size=240)
ITEMS = RNG.normal(size=(3, 8))[LABEL] + 1.5 * RNG.normal(size=(6, 8))[GROUP]
ITEMS = ITEMS + 0.7 * RNG.normal(size=(240, 8))
NAMES = np.array(["ada", "bo", "cy", "di", "eve", "flo"])[GROUP]
SPEAKERS = load(ITEMS, labels=np.array(["yes", "no", "stop"])[LABEL], groups=NAMES)


@pytest.fixture(scope="module")
def board():
    return compare(SPEAKERS, encoders=["raw"], folds="groups", rank_by="knn")


def test_scores_are_those_of_scikit_learn_leaving_one_group_out(board):
    labels = SPEAKERS.target.values
    told = cross_val_predict(
        KNeighborsClassifier(5), ITEMS, labels, groups=NAMES, cv=LeaveOneGroupOut()
    )
    assert [row.group for row in board.by_group] == sorted(set(NAMES))
    for row in board.by_group:
        own = row.group == NAMES
        theirs = (told == labels)[own].mean()
        assert row.items == own.sum()
        assert row.scores["raw"].value == pytest.approx(theirs, abs=0.06)  # ties are told otherwise
        assert row.scores["raw"].low < row.scores["raw"].value < row.scores["raw"].high
    weighted = np.average([row.scores["raw"].value for row in board.by_group], weights=[
        row.items for row in board.by_group
    ])  # fmt: skip
    raw = next(row for row in board.results if row.spec == "raw")
    assert raw.scores["knn"].value == pytest.approx(weighted)


def test_the_interval_is_over_groups_and_what_tests_is_said(board):
    assert board.protocol["split"] == "every group left out once, 6 folds"
    assert board.protocol["test"] == 240
    assert "over test groups" in board.protocol["intervals"]
    assert any("Each of the 6 groups tests once" in note for note in board.notes)
    assert any("on the group" in note and " to " in note for note in board.notes)
    raw = next(row for row in board.results if row.spec == "raw")
    inside = board.by_group[0].scores["raw"]
    assert raw.scores["knn"].high - raw.scores["knn"].low > inside.high - inside.low


def test_groups_stand_in_the_json_and_in_the_report(board):
    told = json.loads(board.to_json())["by_group"]
    assert told[0]["scores"]["raw"]["value"] == board.by_group[0].scores["raw"].value
    page = render(board)
    assert "Group by group" in page
    assert '"groups":' in page
    assert compare(SPEAKERS, encoders=["raw"], folds=3).by_group == ()


def test_what_learns_nothing_embeds_each_item_once(monkeypatch):
    seen, whole = [], HOG._transform
    monkeypatch.setattr(
        HOG, "_transform", lambda self, items: (seen.append(len(items)), whole(self, items))[1]
    )
    digits = dataclasses.replace(load("digits").take(np.arange(240)), groups=NAMES)
    compare(digits, encoders=["hog"], folds="groups", also_without_groups=True)
    assert [n for n in seen if n > 20] == [240]


class Counting(TransformerMixin, BaseEstimator):
    """Counts its fits."""

    fits = 0

    def fit(self, X, y=None):
        Counting.fits += 1
        return self

    def transform(self, X):
        return np.asarray(X, dtype=np.float32)


def test_what_learns_is_fitted_for_every_group_of_every_round(tmp_path):
    Counting.fits = 0
    board = compare(SPEAKERS, encoders=[Counting()], folds="groups", seeds=2, cache=tmp_path)
    assert Counting.fits == 6  # which has no random state: the second round is the same
    assert len(board.by_group) == 6
    assert "2 times" in board.protocol["split"]


def test_classes_of_one_group_are_told_and_do_not_count():
    labels = SPEAKERS.target.values.copy()
    labels[NAMES == "ada"] = "hm"
    data = load(ITEMS, labels=labels, groups=NAMES)
    board = compare(data, encoders=["raw"], folds="groups")
    assert [row.group for row in board.by_group] == ["bo", "cy", "di", "eve", "flo"]
    assert any("'hm' stands in the group 'ada' only" in note for note in board.notes)
    assert any("5 of the 6 groups test once" in note for note in board.notes)


def test_what_cannot_be_is_refused():
    with pytest.raises(NearspaceError, match=r"folds= takes a number of folds, or 'groups'"):
        compare(SPEAKERS, encoders=["raw"], folds="group")
    timed = dataclasses.replace(SPEAKERS, time=np.arange(240))
    with pytest.raises(NearspaceError, match="has a time, which says which items test"):
        compare(timed, encoders=["raw"], folds="groups")
    with pytest.raises(NearspaceError, match="leave near_duplicates='together' out"):
        compare(SPEAKERS, encoders=["raw"], folds="groups", near_duplicates="together")
