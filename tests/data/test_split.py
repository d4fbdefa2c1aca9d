import dataclasses

import numpy as np
import pytest

from nearspace.data import Dataset, Image, Text, Vector, load, train_test_split
from nearspace.data.folds import folds_of
from nearspace.data.split import split_of
from nearspace.errors import DataError


def make(n=200, seed=0, copies=0, **columns):
    """Return a dataset of vectors, the last ``copies`` of which equal the first."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n, 2))
    if copies:
        items[-copies:] = items[:copies]
    return Dataset(items, Vector(2), **columns)


def notes_of(data, **options):
    return " ".join(train_test_split(data, **options)[2])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5])
def test_nothing_stands_on_both_sides(seed, labelled, grouped, test_size):
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, size=400, p=[0.6, 0.3, 0.1]) if labelled else None
    groups = rng.integers(0, 60, size=400).astype(str) if grouped else None
    # Ten copies tie groups together as well.
    data = make(400, seed, copies=10, target=labels, groups=groups)
    train, test, notes = train_test_split(data, test_size, random_state=seed)
    both = np.concatenate([train, test])
    assert (np.sort(both) == np.arange(400)).all()
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()
    assert not np.isin(data.hashes[test], data.hashes[train]).any()
    if grouped:
        assert not np.isin(groups[test], groups[train]).any()
    tolerance = 0.01 if grouped else 0.005
    assert abs(len(test) / 400 - test_size) < tolerance
    if labelled:
        for label in range(3):
            share = (labels[test] == label).sum() / (labels == label).sum()
            assert abs(share - test_size) < (0.2 if grouped else 0.03)
    assert "Exact duplicates: 10 of 400 items equal an earlier one." in notes


def test_the_draw_depends_on_the_random_state_alone():
    data = make(target=np.arange(200) % 4)
    first, again, other = (train_test_split(data, random_state=s)[1] for s in (0, 0, 1))
    assert (first == again).all()
    assert not np.array_equal(first, other)


def test_many_small_classes_are_tested_as_often_as_asked():
    data = make(300, target=np.arange(300) // 2)
    train, test, _ = train_test_split(data)
    assert len(test) == 75
    assert len(np.unique(data.target.values[train])) == 150


def test_a_class_of_one_item_stays_in_training():
    labels = np.array(["rare"] + ["common"] * 99)
    train, _, notes = train_test_split(make(100, target=labels), test_size=0.7)
    assert 0 in train
    assert notes == ("No test item has the label rare.",)


def test_a_label_in_one_group_only_stays_in_training():
    groups = np.repeat(np.arange(10), 10)
    labels = np.where(groups == 3, "once", "often")
    for seed in range(5):
        train, test, _ = train_test_split(make(100, target=labels, groups=groups), 0.3, seed)
        assert "once" in labels[train]
        assert len(test) == 30


def test_two_groups_are_still_parted():
    data = make(100, groups=np.repeat(["a", "b"], 50))
    train, test, _ = train_test_split(data)
    assert len(train) == len(test) == 50


def test_the_published_split_wins_and_its_leaks_are_counted():
    split = np.repeat(["train", "validation", "test"], [60, 20, 20])
    groups = np.arange(100)
    groups[98] = 0
    data = make(100, copies=3, split=split, groups=groups, target=np.arange(100) % 2)
    train, test, notes = train_test_split(data, test_size=0.9)
    assert (train == np.arange(60)).all()
    assert (test == np.arange(80, 100)).all()
    text = " ".join(notes)
    assert "The 20 validation items are in neither part." in text
    assert "3 of 20 test items of the published split stand among the training items" in text
    assert "1 of 20 test items of the published split are of a group" in text


def test_validation_items_test_where_there_is_no_test():
    data = make(100, split=np.repeat(["train", "validation"], [80, 20]))
    train, test, notes = train_test_split(data)
    assert (len(train), len(test)) == (80, 20)
    assert "validation items test" in notes[0]


def test_the_latest_items_test_and_one_moment_stays_together():
    time = np.random.default_rng(0).permutation(np.repeat(np.arange(20), 5))
    groups = np.arange(100)
    earliest, latest = np.flatnonzero(time == 0), np.flatnonzero(time == 19)
    groups[earliest[0]] = groups[latest[0]]
    items = np.random.default_rng(1).normal(size=(100, 2))
    items[earliest[1]] = items[latest[1]]
    data = Dataset(items, Vector(2), time=time, groups=groups)
    train, test, notes = train_test_split(data, 0.22)
    assert len(test) == 20
    assert time[test].min() > time[train].max()
    assert not np.isin(earliest[:2], train).any()
    assert len(train) == 78
    assert any("2 earlier items were left out of training" in note for note in notes)


def test_dates_split_like_numbers():
    days = np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]")
    train, test, _ = train_test_split(make(100, time=days))
    assert (test == np.arange(75, 100)).all()
    assert (train == np.arange(75)).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (make(7), ["at least 8 items", "got 7"]),
        (Dataset(np.ones((20, 2)), Vector(2)), ["equal"]),
        (make(20, groups=np.zeros(20)), ["of one group"]),
        (make(20, groups=np.arange(20) % 4, target=np.arange(20) % 4), ["every label"]),
        (make(20, time=np.zeros(20)), ["all items are of one time"]),
        (make(20, split=np.repeat("train", 20)), ["leaves no test item"]),
        (make(20, split=np.repeat("test", 20)), ["leaves no training item"]),
    ],
)
def test_a_side_that_would_be_empty_is_an_error(data, words):
    with pytest.raises(DataError) as error:
        train_test_split(data)
    assert all(word in str(error.value) for word in words)


def test_a_share_outside_of_0_and_1_is_an_error():
    with pytest.raises(DataError, match=r"test_size has to lie in \(0, 1\), got 1.5"):
        train_test_split(make(), test_size=1.5)


def test_texts_and_tables_are_split_too():
    texts = Dataset(["same", "other"] * 10 + [f"text {i}" for i in range(20)], Text())
    train, test, notes = train_test_split(texts)
    assert not {texts.items[i] for i in train} & {texts.items[i] for i in test}
    assert "18 of 40" in notes[0]
    customers = load("customers")
    train, test, _ = train_test_split(dataclasses.replace(customers, target=None))
    assert len(test) == 125


def sides(data, *rows):
    """Return the names of the items that test, among those at some positions."""
    rows = rows[0] if rows else np.arange(len(data))
    part = data.take(rows)
    return set(rows[train_test_split(part)[1]].tolist())


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("classes", [1, 10])
def test_an_edit_moves_itself_alone(named, classes):
    random = np.random.default_rng(0)
    items = random.integers(0, 256, (1200, 8, 8, 1)).astype(np.uint8)
    ids = np.array([f"{i * 7919 % 1200}.png" for i in range(1200)]) if named else None
    data = Dataset(items, Image((8, 8, 1)), ids, target=np.arange(1200) % classes)
    before = sides(data)
    assert len(before) == 300
    edited = items.copy()
    edited[7, 3, 3] ^= 1  # one pixel, by one grey value
    after = sides(dataclasses.replace(data, items=edited))
    assert len(before ^ after) <= (0 if named else 2)
    # One item less, one more in the middle, twelve less, another order.
    assert len((before ^ sides(data, np.delete(np.arange(1200), 600))) - {600}) <= 4
    gone = random.choice(1200, 12, replace=False)
    left = np.setdiff1d(np.arange(1200), gone)
    assert len((before ^ sides(data, left)) - set(gone.tolist())) <= 12
    assert before == sides(data, random.permutation(1200)) or not named
    strata = np.bincount(data.target.strata[sorted(before)])
    assert (strata == 300 // classes).all()


def test_a_group_keeps_its_side_where_one_is_added():
    groups = np.repeat([f"patient {i}" for i in range(100)], 4)
    data = make(400, groups=groups, target=np.arange(400) % 2)
    before, after = sides(data), sides(data, np.arange(4, 400))
    assert len(before) == 100
    assert len((before ^ after) - {0, 1, 2, 3}) <= 8


def test_copies_test_as_often_as_others():
    data = make(1000, copies=100, target=np.arange(1000) % 2)
    shares = [
        np.isin(train_test_split(data, random_state=s)[1], range(100)).sum() for s in range(8)
    ]
    assert 15 < np.mean(shares) < 35  # of a hundred with a copy, a quarter


def planted(near=True, **columns):
    """Return 400 vectors, 40 of which hardly differ from others, or are equal to them."""
    items = np.random.default_rng(0).normal(size=(400, 6))
    items[360:] = items[:40] + near * 1e-4 * np.random.default_rng(1).normal(size=(40, 6))
    return Dataset(items, Vector(6), **columns)


def test_near_duplicates_across_a_split_are_told_and_kept_together_where_asked():
    data = planted(ids=np.array([f"no {i}" for i in range(400)]))
    _, test, notes = train_test_split(data)
    parted = [i for i in range(40) if (i in test) != (i + 360 in test)]
    assert notes[0].startswith(
        f"Near-duplicates: {len(parted)} of 100 test items are nearly the same as a training item, "
        "such as no "
    )
    assert notes[0].endswith("near_duplicates='together' keeps such on one side.")
    _, test, notes = train_test_split(data, near_duplicates="together")
    assert all((i in test) == (i + 360 in test) for i in range(40))
    assert len(test) == 100
    assert "80 items are nearly the same as another" in notes[0]
    assert "the 40 sets of them, of at most 2 items, stay on one side each." in notes[0]
    with pytest.raises(DataError, match="Did you mean 'together'"):
        train_test_split(data, near_duplicates="togther")


def test_a_published_split_that_leaks_is_told_with_each_test_items_copy():
    split = np.repeat(["train", "test"], [300, 100])
    parts = split_of(planted(split=split), near_duplicates="together")
    assert (parts.copies[60:] == "near").all()
    assert (parts.copies[:60] == "none").all()
    assert "40 of 100 test items are nearly the same" in parts.notes[0]
    assert parts.notes[0].endswith("they were left where they are.")
    parts = split_of(planted(near=False, split=split))
    assert (parts.copies[60:] == "equal").all()


def test_later_items_that_are_nearly_earlier_ones_are_told_or_leave_training():
    data = planted(time=np.arange(400))
    assert "40 of 100 test items are nearly the same" in notes_of(data)
    train, test, _ = train_test_split(data, near_duplicates="together")
    assert (test == np.arange(300, 400)).all()
    assert (train == np.arange(40, 300)).all()


def test_of_many_test_items_some_are_compared(monkeypatch):
    monkeypatch.setattr("nearspace.data.split.MOST_COMPARED", 400 * 50)
    parts = split_of(planted(split=np.repeat(["train", "test"], [300, 100])))
    assert (parts.copies == "unknown").sum() == 50
    assert "of the 50 test items that were compared are nearly the same" in parts.notes[0]


def test_a_limit_draws_the_same_of_a_source_that_grew():
    texts = [f"text number {i}" for i in range(1000)]
    first, second = (load(some, limit=300).items for some in (texts[:900], texts))
    assert len(set(first) & set(second)) > 250


def test_items_without_a_label_are_drawn_like_one_more_class():
    labels = np.array(["a", "b", None, None] * 50, dtype=object)
    train, test, notes = train_test_split(make(200, target=labels))
    assert len(test) == 50
    assert [sum(labels[test] == label) for label in ("a", "b", None)] == [13, 12, 25] or (
        [sum(labels[test] == label) for label in ("a", "b", None)] == [12, 13, 25]
    )
    assert notes == ()
    assert len(train) + len(test) == 200


@pytest.mark.parametrize("heads", [1, 3])
def test_what_stands_in_most_groups_does_not_tie_them_together_and_is_told(heads):
    """Letters of chunks under a letterhead; letters split whole, and the copies are counted."""
    texts = [f"the head {n % heads} of all. words of letter {n} and only {n}" for n in range(40)]
    data = load(texts, labels=["a", "b"] * 20, chunks=5)
    split = split_of(data)
    assert not {*data.groups[split.train]} & {*data.groups[split.test]}
    copied = [data.items[at].startswith("the head") for at in split.test]
    tied = (split.copies == "equal").tolist()
    if heads == 1:
        assert tied == copied
        assert any(
            note.startswith("40 items equal one of another group, and would tie 120 of 120")
            for note in split.notes
        )
        dealt = folds_of(data, 5)
        assert (dealt.copies == "equal").sum() == 40
        with pytest.raises(DataError, match="no test items can be drawn"):
            split_of(data, near_duplicates="together")
    else:  # each ties a third of the letters, which can be parted
        assert not any(tied)


def test_groups_that_are_there_at_all_times_leave_nothing_to_train_on():
    items = np.random.default_rng(0).normal(size=(40, 3))
    data = load(items, labels=np.arange(40) % 2, groups=np.arange(40) % 4, time=np.arange(40))
    with pytest.raises(DataError, match=r"without groups=, or by groups alone, without time=\."):
        train_test_split(data)
