"""A space as users hold it: in brackets, in loops, as an array, as a frame."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier

from nearspace.data import SAMPLES, load
from nearspace.errors import NearspaceError
from nearspace.space.formats import open_space, save
from nearspace.space.search.neighbours import neighbours
from nearspace.space.space import embed

TEXTS = ["near", "far away", "alike near", "away"]


@pytest.fixture(scope="module")
def digits():
    return embed(SAMPLES["digits"](), "pca(dim=4)")


@pytest.fixture(scope="module")
def texts():
    """Return a sparse space: ids that are text, metadata, and labels of which one is missing."""
    table = pd.DataFrame({"text": TEXTS, "name": list("dcba"), "y": ["p", None, "q", "q"]})
    table["when"] = pd.to_datetime(["2024-01-01", None, "2024-03-01", "2024-04-01"])
    return embed(load(table, column="text", ids="name", labels="y"), "tfidf")


@pytest.mark.parametrize(
    "index",
    [
        slice(3, 20, 4),
        slice(40, None, -7),
        -1,
        np.int32(5),
        range(4),
        [2, 0, -1],
        np.array([9, 8], dtype=np.uint8),
        torch.tensor([3, 4]),
        (np.array([7, 1]), ...),
        [],
        [True] + [False] * 1796,
        np.arange(1797) % 3 == 1,
        pd.Series(np.arange(1797) < 5),
        pd.array(np.arange(1797) < 5, dtype="boolean"),
    ],
    ids=repr,
)
def test_brackets_select_items_as_numpy_does(digits, index):
    some = digits[index]
    if isinstance(index, tuple | list):
        index = np.asarray(index[0] if isinstance(index, tuple) else index, dtype=None)
        index = index if index.size else index.astype(int)
    rows = np.atleast_1d(
        np.arange(1797)[np.asarray(index) if not isinstance(index, slice) else index]
    )
    np.testing.assert_array_equal(some.vectors, digits.vectors[rows])
    np.testing.assert_array_equal(some.ids, digits.ids[rows])
    np.testing.assert_array_equal(some.labels, digits.labels[rows])
    assert list(some.thumbnails) == [digits.thumbnails[row] for row in rows]
    assert (len(some), some.shape, some.encoder) == (len(rows), (len(rows), 4), digits.encoder)


def test_text_in_brackets_is_an_id_and_a_number_a_position(texts):
    assert texts["c"].ids.tolist() == ["c"]
    for ids in (
        ["a", "d"],
        np.array(["a", "d"]),
        pd.Index(["a", "d"]),
        np.array(["a", "d"], object),
    ):
        some = texts[ids]
        assert some.ids.tolist() == ["a", "d"]
        assert some.meta["text"].to_pylist() == ["away", "near"]
        np.testing.assert_array_equal(some.vectors.toarray(), texts.vectors.toarray()[[3, 0]])
    assert texts[1].labels.tolist() == [None]
    backwards = dataclasses.replace(texts, ids=np.array([3, 2, 1, 0]))
    assert backwards[0].ids.tolist() == [3]
    assert backwards["0"].ids.tolist() == backwards[backwards.position(0)].ids.tolist() == [0]


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ("x", "has no item 'x'"),
        (["d", "x"], "has no item 'x'"),
        (4, "no position 4 among 4 items"),
        ([0, -5], "no position -5"),
        ([0, 2, -2], "names the item 'b' 2 times"),
        (["a", "a"], "names the item 'a' 2 times"),
        ([True, False], "the mask is of 2 items, and the space has 4"),
        (pd.Series([True] * 4, index=list("abcd")), "in another order"),
        (["a", 1], r"got \['a', 1\]"),
        ([True, None, True, True], "got .True, None"),
        (1.0, "got 1.0"),
        (None, "got None"),
        (True, "got True"),
        ([[0, 1]], "expected a position"),
        ({0, 1}, "expected a position"),
        (10**30, "expected a position"),
        (slice("a", "c"), "a slice goes from position to position"),
        (slice(0, 4, 0), "a slice goes from position to position"),
        ((slice(None), 2), "selects items; write space.vectors"),
        ((0, 1), "selects items; write space.vectors"),
    ],
    ids=repr,
)
def test_what_selects_nothing_is_told_in_one_sentence(texts, index, told):
    with pytest.raises(NearspaceError, match=told):
        texts[index]


def test_a_mask_of_pandas_holds_by_its_index(texts):
    frame = texts.to_frame()
    assert texts[frame.text.str.contains("near")].ids.tolist() == ["d", "b"]
    with pytest.raises(NearspaceError, match="another order"):
        texts[frame.sort_index().text.str.contains("near")]


def test_iteration_gives_ids_and_vectors(texts, digits):
    by_id = dict(texts)
    assert [*by_id] == ["d", "c", "b", "a"]
    np.testing.assert_array_equal(np.stack(list(by_id.values())), texts.vectors.toarray())
    name, vector = next(iter(digits))
    assert type(name) is int
    assert vector.shape == (4,)
    assert "a" in texts
    assert "x" not in texts
    assert [] not in texts


def test_numpy_and_scikit_learn_take_a_space_for_its_vectors(digits, texts):
    assert np.asarray(digits) is digits.vectors
    assert np.asarray(digits, dtype=np.float64).dtype == np.float64
    copy = np.array(digits)
    copy[:] = 0
    assert digits.vectors.any()
    np.testing.assert_array_equal(np.array(digits, copy=False), digits.vectors)
    assert np.asarray(texts).shape == texts.shape
    with pytest.raises(ValueError, match="is a copy"):
        np.array(texts, copy=False)
    with pytest.raises(ValueError, match="copy"):
        np.array(digits, dtype=np.float64, copy=False)
    assert pd.DataFrame(digits).shape == (1797, 4)
    train, test = train_test_split(digits, random_state=0)
    assert not set(train.ids) & set(test.ids)
    assert cross_val_score(KNeighborsClassifier(), digits, digits.labels, cv=3).mean() > 0.7


def test_too_wide_sparse_vectors_are_refused_in_full(texts, monkeypatch):
    monkeypatch.setattr("nearspace.space.space.LARGEST_DENSE", 8)
    for whole in (np.asarray, lambda space: space.to_frame()):
        with pytest.raises(NearspaceError, match="pipe them through pca"):
            whole(texts)


def test_the_frame_has_a_row_an_id(texts, digits):
    frame = texts.to_frame()
    assert (frame.index.name, frame.index.tolist()) == ("id", texts.ids.tolist())
    assert [*frame] == ["label", *texts.meta.column_names, "vector"]
    assert frame["label"].isna().tolist() == [False, True, False, False]
    assert str(frame["when"].dtype).startswith("datetime64")
    np.testing.assert_array_equal(np.stack(frame["vector"]), np.asarray(texts))
    hostile = pa.table({"id": [1], "label": [2], "vector": [3]})
    other = dataclasses.replace(digits[:1], meta=hostile)
    assert [*other.to_frame()] == ["label", "id_", "label_", "vector_", "vector"]
    assert len(digits[:0].to_frame()) == 0


def test_a_selection_is_a_space_to_save_search_and_read_from_a_file(texts, digits, tmp_path):
    stored = open_space(save(digits, tmp_path / "digits.space"))
    threes = stored[stored.labels == 3]
    assert list(threes.thumbnails[:2]) == [digits.thumbnails[3], digits.thumbnails[13]]
    again = open_space(save(threes[::2], tmp_path / "threes.space"))
    np.testing.assert_array_equal(again.ids, threes.ids[::2])
    assert list(again.thumbnails) == list(threes[::2].thumbnails)
    assert again.encoder.fingerprint == digits.recipe.fingerprint
    nearest = neighbours(digits, threes[:5], k=1).ids[:, 0]
    np.testing.assert_array_equal(nearest, threes.ids[:5])
    kept = dataclasses.replace(digits, parts={"map": b"of all"})
    assert kept[:5].parts == {}
