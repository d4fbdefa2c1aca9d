"""Columns that name groups or times are told with both scores, honest ones are not accused."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.model_selection import GroupShuffleSplit
from sklearn.neighbors import KNeighborsClassifier

from nearspace import compare, load
from nearspace.judge.groups import find_groups
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

N, USERS = 1200, 150


def visits(own=1.0, name="user_id"):
    """Return rows of users, each with a place and a label; ``own`` is how far they differ."""
    rng = np.random.default_rng(0)
    user = rng.integers(USERS, size=N)
    places = own * rng.standard_normal((USERS, 4))[user] + 0.3 * rng.standard_normal((N, 4))
    labels = rng.choice(["a", "b"], USERS)[user] if own else rng.choice(["a", "b"], N)
    frame = pd.DataFrame(places, columns=list("wxyz"))
    return frame.assign(**{name: [f"u{each}" for each in user]}), labels


def found(frame, labels, **roles):
    return find_groups(load(frame, labels=labels, **roles), Protocol())


@pytest.mark.parametrize("name", ["user_id", "town"])
def test_a_column_of_groups_is_told_with_the_scores_of_both_splits(name):
    frame, labels = visits(name=name)
    (leak,), _ = found(frame, labels)
    assert leak.score > 0.8
    assert leak.guess < 0.65
    assert f"{100 * leak.score:.1f} % of the labels" in leak.told
    assert f"--groups '{name}', or groups='{name}'" in leak.told
    assert found(frame, labels, groups=name) == ((), ())
    # The scores are those of whoever parts the rows so, and of whoever does not.
    numbers, peer = frame[list("wxyz")].to_numpy(), KNeighborsClassifier(5)
    users = frame[name].to_numpy()
    ways = GroupShuffleSplit(8, test_size=0.25, random_state=0).split(numbers, labels, users)
    told = [peer.fit(numbers[a], labels[a]).score(numbers[b], labels[b]) for a, b in ways]
    assert leak.guess == pytest.approx(np.mean(told), abs=0.1)


def test_names_alone_are_a_note_and_other_columns_are_left_alone():
    frame, labels = visits(own=0.0)
    leaks, (note,) = found(frame, labels)
    assert leaks == ()
    assert "'user_id' looks as if it named groups: 150 values, of 8 items each" in note
    assert found(frame.rename(columns={"user_id": "town"}), labels) == ((), ())


def test_where_nothing_can_be_measured_names_are_told_without_scores(monkeypatch):
    monkeypatch.setattr("nearspace.judge.groups.MOST_COLUMNS", 4)
    frame, labels = visits()
    leaks, (note,) = found(frame, labels)
    assert leaks == ()
    assert "of 8 items each. Where new items will be" in note


def test_groups_beside_the_items_are_seen_too():
    rng = np.random.default_rng(1)
    writer = rng.integers(60, size=600)
    words = np.array([f"w{at}" for at in range(400)])
    own = rng.integers(400, size=(60, 12))
    texts = [" ".join(words[rng.permutation(own[each])[:6]]) for each in writer]
    labels = rng.choice(["a", "b"], 60)[writer]
    frame = pd.DataFrame({"text": texts, "author": [f"n{each}" for each in writer]})
    (leak,), _ = found(frame, labels, column="text")
    assert "tfidf tells" in leak.told
    assert "--groups 'author'" in leak.told


def test_times_are_told_where_the_latest_rows_are_others():
    rng = np.random.default_rng(0)
    day = np.sort(rng.random(N))
    labels = np.where((np.floor(10 * day) % 2 == 0) ^ (rng.random(N) < 0.1), "a", "b")
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(day * 1000, unit="D")
    frame = pd.DataFrame({"x": rng.standard_normal(N), "day": times})
    (leak,), _ = found(frame, labels)
    assert leak.score > leak.guess + 0.1
    assert "--time 'day', or time='day'" in leak.told
    leaks, (note,) = found(frame, rng.choice(["a", "b"], N))
    assert leaks == ()
    assert "where the latest rows test" in note


def test_numbers_that_count_the_rows_are_told():
    frame, labels = visits()
    frame = frame.assign(row=np.arange(N), place=np.random.default_rng(0).permutation(N) + 7)
    _, notes = found(frame, labels, groups="user_id")
    assert [note.split("'")[1] for note in notes] == ["row", "place"]
    assert "--without 'row'" in notes[0]


def test_they_are_told_before_what_to_use():
    frame, labels = visits()
    board = compare(load(frame, labels=labels), encoders=["raw"], folds=1)
    assert [leak.name for leak in board.leaks] == ["the column 'user_id'"]


@pytest.mark.parametrize("name", ["digits", "sentences", "customers", "wine"])
def test_the_samples_have_no_groups(name):
    assert find_groups(load(name), Protocol()) == ((), ())


@pytest.mark.data
@pytest.mark.parametrize("label", ["species", "sex", "island", "body_mass_g"])
def test_penguins_have_none(public_data, label):
    data = load(public_data / "tables" / "penguins.csv", labels=label)
    task = set_task(data, Protocol())
    assert find_groups(task.dataset, Protocol()) == ((), ())


def spoken(own=2.0, speakers=6, meta=None):
    """Return items of six speakers with names such as ``3_bo_12.wav``."""
    rng = np.random.default_rng(0)
    who, label = rng.integers(speakers, size=600), rng.integers(5, size=600)
    items = rng.normal(size=(5, 8))[label] + own * rng.normal(size=(speakers, 8))[who]
    items += 0.6 * rng.normal(size=(600, 8))
    names = np.array(["ada", "bo", "cy", "di", "eve", "flo"])[who]
    ids = [f"{one}_{name}_{at % 50}-{at}.wav" for at, (one, name) in enumerate(zip(label, names))]  # noqa: B905
    data = load(items, labels=label.astype(str))
    if meta is not None:
        return dataclasses.replace(data, meta=pa.table({meta: names}))
    return dataclasses.replace(data, ids=np.array(ids, dtype=object))


def test_a_part_of_the_names_that_neighbours_share_is_told():
    (leak,), notes = find_groups(spoken(), Protocol())
    assert notes == ()
    assert leak.name == "part 2 of the names"
    assert "share it in 100%" in leak.told
    assert "where chance gives 17%" in leak.told
    assert "6 values, such as " in leak.told
    assert leak.score > 0.9 > 0.7 > leak.guess
    files = dataclasses.replace(spoken(), files=np.array([Path(f"{n}.wav") for n in range(600)]))
    (leak,), _ = find_groups(files, Protocol())
    assert "--pattern '{label}_{group}_{}-{}.wav'" in leak.told
    assert find_groups(spoken(own=0.0), Protocol()) == ((), ())


def test_a_column_beside_the_items_is_told_by_its_name():
    (leak,), _ = find_groups(spoken(meta="recorded by"), Protocol())
    assert "--groups 'recorded by', or groups='recorded by'" in leak.told
    _, (note,) = find_groups(spoken(own=0.0, meta="speaker"), Protocol())
    assert "share it in 1" in note  # as often as chance has it, and yet it is called so


def test_of_many_items_some_are_looked_at_of_every_group():
    from nearspace.judge.groups import MOST_JUDGED, _drawn_in_part

    data = load(np.zeros((20_000, 2)))
    few, many = np.arange(20_000) % 6, np.arange(20_000) // 5
    rows = _drawn_in_part(data, few, 0)
    assert MOST_JUDGED / 2 < len(rows) <= MOST_JUDGED
    assert len(np.unique(few[rows])) == 6
    rows = _drawn_in_part(data, many, 0)
    assert len(rows) == MOST_JUDGED
    assert set(np.bincount(many[rows])) == {0, 5}  # whole ones


def test_a_published_split_with_a_group_on_both_sides_is_a_note():
    data = spoken()
    split = np.where(np.arange(600) % 10, "train", "test")
    leaks, (note,) = find_groups(dataclasses.replace(data, split=split), Protocol())
    assert leaks == ()
    assert "Of the test items of the published split 100% have a value that training" in note
    assert "5 neighbours, and 3" in note  # what is told of new ones
    speaker = np.array([name.split("_")[1] for name in data.ids])
    apart = np.where(np.isin(speaker, ["ada", "bo"]), "test", "train")
    assert find_groups(dataclasses.replace(data, split=apart), Protocol()) == ((), ())
