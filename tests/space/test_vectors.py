"""Vectors to and from other tools."""

import errno
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearspace.data import SAMPLES, load
from nearspace.errors import NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.file.store import add
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space, embed

IDS = ["line\nbreak", "🙂", "x" * 10_000, 'quote"s, commas', ""]


@pytest.fixture
def matrix():
    return np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    "of",
    [pa.list_(pa.float32()), pa.list_(pa.float64(), 3), pa.large_list(pa.float16())],
    ids=str,
)
def test_any_list_of_numbers_is_a_vector(of, matrix, tmp_path):
    kept = matrix.astype(np.float16).astype(np.float32)
    path = parquet(tmp_path / "v.parquet", name=IDS, emb=pa.array(kept.tolist(), of), stars=[1] * 5)
    space = open_space(path, ids="name", made_by="a model")
    np.testing.assert_array_equal(space.vectors, kept)
    assert space.vectors.dtype == np.float32
    assert space.ids.tolist() == IDS
    assert space.meta.column_names == ["stars"]
    assert space.encoder is None
    assert space.labels is None
    again = open_space(save(space, tmp_path / "v.space"))
    assert again.ids.tolist() == IDS
    np.testing.assert_array_equal(again.vectors, kept)


def test_what_pandas_and_numpy_write_is_read(matrix, tmp_path):
    frame = pd.DataFrame({"id": range(10, 15), "label": list("abcab"), "vector": list(matrix)})
    frame.to_parquet(tmp_path / "v.parquet")
    np.savez(tmp_path / "v.npz", vectors=matrix, ids=np.arange(10, 15), labels=list("abcab"))
    np.save(tmp_path / "v.npy", matrix)
    for name, ids in (("v.parquet", range(10, 15)), ("v.npz", range(10, 15)), ("v.npy", range(5))):
        space = open_space(tmp_path / name)
        np.testing.assert_array_equal(space.vectors, matrix)
        assert space.ids.tolist() == list(ids)
        assert name == "v.npy" or space.labels.tolist() == list("abcab")


def test_several_chunks_and_a_slice_keep_their_rows(tmp_path):
    matrix = np.arange(900 * 4, dtype=np.float32).reshape(900, 4)
    table = pa.table(
        {"vector": pa.array(matrix.tolist(), pa.list_(pa.float32())), "id": range(900)}
    )
    pq.write_table(table, tmp_path / "v.parquet", row_group_size=100)
    space = open_space(tmp_path / "v.parquet")
    np.testing.assert_array_equal(space.vectors, matrix)
    np.testing.assert_array_equal(space.ids, np.arange(900))


VECTOR = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"id": ["a", "b", "c"], "v": [[1.0], [1.0, 2.0], [1.0]]}, {}, "for the item 'b', got one"),
        ({"id": ["a", "b", "c"], "v": [[1.0], [1.0], None]}, {}, "for the item 'c', got none"),
        ({"id": ["a", "b", "c"], "v": [[1.0], [np.nan], [1.0]]}, {}, "item 'b' a vector .*finite"),
        ({"id": ["a", "b", "c"], "v": [[1.0], [1e300], [1.0]]}, {}, "item 'b' a vector .*finite"),
        ({"id": ["a", "b", "c"], "v": [[1.0], [None], [1.0]]}, {}, "item 'b' a vector .*finite"),
        ({"id": ["a", "b", "a"], "v": VECTOR}, {}, "the id 'a' stands 2 times"),
        ({"id": ["1", "2", None], "v": VECTOR}, {}, "row 2 has no id"),
        ({"v": VECTOR, "w": VECTOR}, {}, "several columns of vectors, v, w; say by --vectors"),
        ({"price": [1.0, 2.0, 3.0]}, {}, "got no column; say by --vectors"),
        ({"v": VECTOR, "price": [1, 2, 3]}, {"vectors": "price"}, "lists of numbers as vectors"),
        ({"v": VECTOR, "brand": [1, 2, 3]}, {"labels": "brnd"}, "Did you mean 'brand'"),
        ({"v": pa.array([], pa.list_(pa.float32()))}, {}, "for no item"),
        ({"v": [[], [], []]}, {"vectors": "v"}, "expected"),
    ],
)  # fmt: skip
def test_what_is_no_vector_is_refused_and_the_item_named(columns, options, message, tmp_path):
    path = parquet(tmp_path / "v.parquet", **columns)
    with pytest.raises(NearspaceError, match=message):
        open_space(path, **options)


def test_files_that_are_something_else_are_refused(matrix, tmp_path):
    for name in ("v.parquet", "v.npz", "v.npy"):
        (tmp_path / name).write_bytes(b"a text file, and no vectors\n" * 50)
        with pytest.raises(NearspaceError, match=rf"^{name}"):
            open_space(tmp_path / name)
        with pytest.raises(NearspaceError, match="no"):
            open_space(tmp_path / f"absent{name}")
    with pytest.raises(NearspaceError, match=r"expected a file of vectors"):
        open_space(tmp_path / "v.csv")
    np.save(tmp_path / "flat.npy", matrix.ravel())
    with pytest.raises(NearspaceError, match="numbers of shape"):
        open_space(tmp_path / "flat.npy")
    np.savez(tmp_path / "o.npz", vectors=matrix, ids=np.array(IDS, dtype=object))
    with pytest.raises(NearspaceError, match="pickle"):
        open_space(tmp_path / "o.npz")
    good = save(embed(SAMPLES["wine"](), "pca(dim=2)"), tmp_path / "cut.parquet")
    good.write_bytes(good.read_bytes()[:2000])
    with pytest.raises(NearspaceError, match="is damaged, truncated or not"):
        open_space(good)


def test_vectors_of_one_maker_are_added_to_each_other_and_no_others(matrix, tmp_path):
    for name, ids in (("a", "abcde"), ("b", "efghi")):
        pq.write_table(
            pa.table({"id": list(ids), "v": matrix.tolist()}), tmp_path / f"{name}.parquet"
        )
    path = save(open_space(tmp_path / "a.parquet", made_by="model 1"), tmp_path / "a.space")
    add(path, open_space(tmp_path / "b.parquet", made_by="model 1"), replace=True)
    assert open_space(path).ids.tolist() == list("abcdefghi")
    for other in ({}, {"made_by": "model 2"}):
        with pytest.raises(NearspaceError, match="fingerprint"):
            add(path, open_space(tmp_path / "b.parquet", **other))


@pytest.mark.parametrize("name", ["out.parquet", "out.npz"])
def test_a_space_comes_back_as_it_went(name, tmp_path):
    space = embed(SAMPLES["digits"]().take(np.arange(40)), "pca(dim=4)")
    again = open_space(save(space, tmp_path / name))
    np.testing.assert_array_equal(again.vectors, space.vectors)
    np.testing.assert_array_equal(again.ids, space.ids)
    np.testing.assert_array_equal(again.labels, space.labels)
    assert again.recipe.to_json() == json.loads(json.dumps(space.recipe.to_json()))
    assert again.kind == space.kind
    if name == "out.parquet":
        assert list(again.thumbnails) == list(space.thumbnails)
        renamed = open_space(tmp_path / name, made_by="me").recipe
        assert renamed.fingerprint != space.recipe.fingerprint
        assert renamed.left_out == ("image",)


def test_text_and_metadata_go_along(tmp_path):
    space = embed(SAMPLES["sentences"](), "tfidf")
    path = save(space, tmp_path / "out.parquet")
    again = open_space(path)
    assert again.meta["text"].to_pylist() == SAMPLES["sentences"]().items
    np.testing.assert_array_equal(again.vectors, space.vectors.toarray())
    assert load(path).items.shape == again.vectors.shape


def test_columns_of_the_same_name_are_kept_apart(matrix, tmp_path):
    recipe = Recipe("vectors", "0", versions={})
    meta = pa.table({"x": list("abcde"), "vector": [1] * 5, "image": list("vwxyz")})
    space = Space(matrix, np.arange(5), None, recipe, meta=meta)
    table = pq.read_table(save(space, tmp_path / "out.parquet"))
    assert table["x_"].to_pylist() == list("abcde")
    assert table["image_"].to_pylist() == list("vwxyz")
    np.testing.assert_array_equal(np.array(table["vector"].to_pylist()), matrix)


def test_ids_too_long_for_npz_are_refused_before_memory_is_taken(tmp_path):
    ids = np.array(["x" * 100_000, *map(str, range(5999))], dtype=object)
    recipe = Recipe("vectors", "0", versions={})
    space = Space(np.zeros((6000, 2), np.float32), ids, None, recipe)
    with pytest.raises(NearspaceError, match=r"write \.parquet"):
        save(space, tmp_path / "out.npz")
    assert open_space(save(space, tmp_path / "out.parquet")).ids.tolist() == ids.tolist()


@pytest.mark.parametrize("name", ["out.npz", "out.parquet"])
def test_a_full_disk_is_told_in_a_sentence_and_the_old_file_stays(name, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    space = embed(load("wine"), "raw")
    before = save(space, tmp_path / name).read_bytes()
    monkeypatch.setattr("numpy.savez", full)
    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", full)
    with pytest.raises(NearspaceError, match=f"{name} cannot be written"):
        save(space, tmp_path / name)
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("lie", ["[]", "{}", '{"spec": 3}', '{"spec": "a", "fingerprint": "b"}'])
def test_a_recipe_that_is_none_is_not_believed(lie, matrix, tmp_path):
    table = pa.table({"vector": matrix.tolist()})
    pq.write_table(table.replace_schema_metadata({"nearspace.recipe": lie}), tmp_path / "v.parquet")
    assert open_space(tmp_path / "v.parquet").recipe.spec == "vectors"
    good = {"spec": "a", "fingerprint": "b", "data": "c", "versions": {}, "kind": {"kind": "what"}}
    lie = {"nearspace.recipe": json.dumps(good)}
    pq.write_table(table.replace_schema_metadata(lie), tmp_path / "v.parquet")
    assert open_space(tmp_path / "v.parquet").recipe.spec == "vectors"


@pytest.mark.parametrize("ending", ["parquet", "npz", "space"])
def test_labels_that_are_numbers_come_back(ending, matrix, tmp_path):
    numbers = np.array([0.5, 2.0, -1.25, 1e-3, 4.0])
    space = Space(matrix, np.arange(5), numbers, Recipe("pca", "a1"))
    back = open_space(save(space, tmp_path / f"n.{ending}"))
    assert back.labels.dtype == np.float64
    assert back.labels.tolist() == numbers.tolist()
