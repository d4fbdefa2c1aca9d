"""What every format of files has to do, by one fixture over all there are."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from nearspace import embed, open_space, save
from nearspace.errors import DataError, NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.formats import FORMATS, Format, written_endings
from nearspace.space.space import Space, dense_vectors
from nearspace.space.vectors import VectorFile, space_of_columns

SPECS = {
    "audio": "logmel",
    "image": "random(dim=3)",
    "series": "statistics",
    "table": "onehot",
    "text": "bow | pca(dim=3)",
    "vector": "l2",
}
WITH_ALL = {".space", ".parquet"}  # hold metadata, thumbnails, and labels that are missing


def read_lines(file: VectorFile) -> Space:
    told, *lines = file.path.read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return space_of_columns(file, pa.Table.from_pylist(rows), json.loads(told))


def write_lines(space, path):
    columns = {"id": space.ids.tolist(), "vector": dense_vectors(space).tolist()}
    if space.labels is not None:
        columns["label"] = space.labels.tolist()
    rows = pa.table(columns).to_pylist()
    lines = [json.dumps(each) for each in (space.recipe.to_json(), *rows)]
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(params=[*written_endings(), ".lines"])
def ending(request, monkeypatch):
    """Every format that is written, and one that is a pair of functions and a row."""
    monkeypatch.setitem(FORMATS, ".lines", Format(read_lines, write_lines))
    return request.param


def test_a_space_comes_back_as_it_went(ending, samples, tmp_path):
    for kind, dataset in samples.items():
        space = embed(dataset.take(np.arange(40)), SPECS[kind])
        again = open_space(save(space, tmp_path / f"{kind}{ending}"))
        np.testing.assert_array_equal(again.vectors, space.vectors)
        assert again.vectors.dtype == np.float32
        assert again.ids.tolist() == space.ids.tolist()
        assert again.labels.tolist() == space.labels.tolist()
        assert json.dumps(again.recipe.to_json()) == json.dumps(space.recipe.to_json())
        assert again.kind == space.kind
        assert (again.encoder is not None) == (ending == ".space")
        if ending in WITH_ALL:
            assert (again.meta is None) == (space.meta is None)
            assert space.meta is None or again.meta.to_pydict() == space.meta.to_pydict()
            assert list(again.thumbnails or ()) == list(space.thumbnails or ())


@pytest.mark.parametrize("ids", [["a", "é", "🙂 \n"], [7, -(2**63), 2**63 - 1]])
def test_ids_of_text_and_of_whole_numbers_without_labels(ending, ids, tmp_path):
    space = Space(np.eye(3, dtype=np.float32), np.array(ids), None, Recipe("raw", "0"))
    again = open_space(save(space, tmp_path / f"v{ending}"))
    assert again.ids.tolist() == ids
    assert again.labels is None


def test_sparse_vectors_too_wide_are_refused_and_the_old_file_stays(ending, tmp_path):
    rows = sparse.csr_array((20_000, 10**6), dtype=np.float32)
    wide = Space(rows, np.arange(20_000), None, Recipe("tfidf", "0"))
    path = tmp_path / f"v{ending}"
    if ending == ".space":  # which holds them as they are
        assert open_space(save(wide, path)).vectors.shape == rows.shape
        return
    path.write_bytes(b"what was there")
    with pytest.raises(NearspaceError, match=r"too many to write in full.*'tfidf \| pca"):
        save(wide, path)
    assert path.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_none_is_told_of_in_a_sentence(ending, tmp_path):
    path = tmp_path / f"v{ending}"
    path.write_bytes(b"a text file, and no vectors\n" * 50)
    with pytest.raises(NearspaceError, match=rf"^\S*v{ending} "):
        open_space(path)
    with pytest.raises(NearspaceError, match=rf"absent{ending} "):
        open_space(tmp_path / f"absent{ending}")
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(NearspaceError, match="is a folder"):
        save(Space(np.eye(2), np.arange(2), None, Recipe("raw", "0")), tmp_path / f"folder{ending}")


def test_other_endings_and_names_for_what_names_its_own_are_refused(samples, tmp_path):
    space = embed(samples["vector"], "raw")
    for name in ("v.csv", "v", "v.npy"):
        with pytest.raises(DataError, match=r"ends in \.space, \.parquet, \.npz; got"):
            save(space, tmp_path / name)
    with pytest.raises(DataError, match=r"ends in \.space, \.parquet, \.npz, \.npy; got '\.csv'"):
        open_space(tmp_path / "v.csv")
    with pytest.raises(DataError, match="says itself"):
        open_space(save(space, tmp_path / "v.space"), ids="id")
