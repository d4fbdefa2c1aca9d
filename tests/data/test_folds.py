"""Folds: shares of labels, copies and groups in one of them, lone labels, little moves."""

import numpy as np
import pytest

from nearspace import load
from nearspace.data.folds import folds_of, groups_left_out
from nearspace.errors import DataError


def test_every_item_tests_once_a_round_and_labels_have_their_shares():
    wine = load("wine")
    fold = folds_of(wine, 5, rounds=3).fold
    assert fold.shape == (3, 178)
    for dealt in fold:
        counts = np.array([np.bincount(wine.target.strata[dealt == f]) for f in range(5)])
        assert np.ptp(counts, axis=0).max() <= 1
        assert np.ptp(counts.sum(axis=1)) <= 1
    assert len({dealt.tobytes() for dealt in fold}) == 3


def test_numbers_are_dealt_by_their_size():
    values = np.random.default_rng(0).exponential(size=100)
    fold = folds_of(load(np.random.default_rng(1).normal(size=(100, 2)), labels=values), 5).fold[0]
    means = [values[fold == f].mean() for f in range(5)]
    assert np.ptp(means) < 0.25 * values.std()


def test_groups_and_copies_stay_in_one_fold():
    random = np.random.default_rng(0)
    items = np.repeat(random.normal(size=(40, 3)), 2, axis=0)  # each twice
    groups = np.arange(80) // 8
    groups[7] = 1  # whose copy is of group 0
    data = load(items, labels=np.arange(80) // 4 % 2, groups=groups)
    dealt = folds_of(data, 2)
    for fold in dealt.fold:
        assert all(len(set(fold[groups == group])) == 1 for group in np.unique(groups))
        assert (fold[::2] == fold[1::2]).all()
        assert set(fold[groups == 0]) == set(fold[groups == 1])
    assert "40 of 80 items equal an earlier one" in dealt.notes[0]


def test_near_copies_across_folds_are_told_or_stay_together():
    random = np.random.default_rng(0)
    words = [
        " ".join("".join(random.choice(list("abcdefghij"), 5)) for _ in range(12))
        for _ in range(30)
    ]
    texts = load([*words, *(f"{text} z" for text in words)], labels=["x", "y"] * 30, kind="text")
    apart, together = folds_of(texts, 5), folds_of(texts, 5, near_duplicates="together")
    halves = [np.split(dealt.fold[0], 2) for dealt in (apart, together)]
    assert (halves[1][0] == halves[1][1]).all()
    assert (together.copies == "none").all()
    assert ((apart.copies == "near") == np.tile(halves[0][0] != halves[0][1], 2)).all()
    assert "of 60 items are nearly the same as one of another fold" in apart.notes[0]


def test_an_item_whose_label_no_other_has_always_trains():
    labels = ["a"] * 20 + ["b"] * 19 + ["c"]
    dealt = folds_of(load(np.random.default_rng(0).normal(size=(40, 3)), labels=labels), 5)
    assert (dealt.fold[0] == -1).tolist() == [False] * 39 + [True]
    assert dealt.notes[0].startswith("One item always trains")


def test_more_folds_than_can_be_made_are_refused():
    items = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(DataError, match=r"5 folds cannot be made of 3 items that can be parted"):
        folds_of(load(items, labels=np.arange(30) % 2, groups=np.arange(30) // 10), 5)


def test_of_too_many_items_a_draw_is_compared(monkeypatch):
    digits = load("digits")
    monkeypatch.setattr("nearspace.data.split.MOST_COMPARED", 100 * len(digits))
    asked = []
    near = type(digits.kind).near
    monkeypatch.setattr(
        type(digits.kind), "near",
        lambda kind, items, some: asked.append(len(some)) or near(kind, items, some),
    )  # fmt: skip
    copies = folds_of(digits, 5).copies
    assert asked == [100]
    assert (copies == "unknown").sum() == len(digits) - 100


def test_every_group_is_a_fold_and_a_class_of_one_group_does_not_test():
    groups = np.array(list("aaaabbbbccccd"))
    labels = np.array(list("xyxyxyxyxyxzz"))  # z is of c and of d, whose only class it is
    items = np.random.default_rng(0).normal(size=(13, 3))
    dealt = groups_left_out(load(items, labels=labels, groups=groups), rounds=2)
    assert dealt.fold.shape == (2, 13)
    for turn in (0, 1):
        for number, name in enumerate("abcd"):
            train, test = dealt.sides(turn, number)
            assert set(groups[test]) == {name}
            assert set(groups[train]) == set("abcd") - {name}
    assert dealt.tests.all()
    assert "1 of 4 groups hold one class alone ('d')" in dealt.notes[0]
    alone = np.where(labels == "z", "x", labels)
    alone[:2] = "w"
    dealt = groups_left_out(load(items, labels=alone, groups=groups))
    assert dealt.sides(0, 0)[1].tolist() == [2, 3]
    assert np.isin([0, 1], dealt.sides(0, 1)[0]).all()
    assert "'w' stands in the group 'a' only" in dealt.notes[0]


def test_copies_in_other_groups_are_told_and_stay():
    items = np.random.default_rng(0).normal(size=(20, 3))
    items[10] = items[0]
    data = load(items, labels=np.arange(20) % 2, groups=np.arange(20) // 10)
    copies = groups_left_out(data).copies
    assert np.flatnonzero(copies == "equal").tolist() == [0, 10]


def test_groups_that_cannot_be_left_out_are_refused():
    items = np.random.default_rng(0).normal(size=(240, 3))
    with pytest.raises(DataError, match=r"has no groups that could be left out .* \(groups=\)"):
        groups_left_out(load(items))
    with pytest.raises(DataError, match=r"each of 240 groups .* \(folds=10\)"):
        groups_left_out(load(items, groups=np.arange(240)))
    with pytest.raises(DataError, match="of its 2 groups 0 can be told from the others"):
        groups_left_out(load(items, labels=np.arange(240) % 2, groups=np.arange(240) % 2))
