"""Vectors made elsewhere find their items by id, by position, by content."""

import numpy as np
import pytest
from tests.one_part import compare

from nearspace.data import load
from nearspace.encoders.borrowed.elsewhere import Vectors
from nearspace.errors import DataError

ITEMS = ["red", "green", "blue"]


def test_rows_follow_ids_where_there_are_any(tmp_path):
    path = str(tmp_path / "mine.npz")
    np.savez(path, vectors=np.eye(3), ids=np.array(["b", "a", "c"]))
    encoder = Vectors(path)
    encoder.fit_on(load(ITEMS, ids=np.array(["a", "b", "c"])))
    assert encoder.transform(["red", "green"]).argmax(axis=1).tolist() == [1, 0]
    with pytest.raises(DataError, match="no row for 1 of 3 ids, such as 'z'"):
        encoder.fit_on(load(ITEMS, ids=np.array(["a", "b", "z"])))


def test_an_archive_without_ids_goes_by_position(tmp_path):
    path = str(tmp_path / "mine.npz")
    np.savez(path, vectors=np.eye(3))
    encoder = Vectors(path)
    encoder.fit_on(load(ITEMS, ids=np.array(["a", "b", "c"])))
    assert encoder.transform(["green"]).argmax() == 1


def test_what_does_not_match_is_refused(tmp_path):
    path = str(tmp_path / "mine.npy")
    with pytest.raises(DataError, match="no file"):
        Vectors(path).fit(ITEMS)
    np.save(path, np.eye(2))
    with pytest.raises(DataError, match="expected 3 rows"):
        Vectors(path).fit(ITEMS)
    np.save(path, np.eye(3))
    encoder = Vectors(path).fit(ITEMS)
    with pytest.raises(DataError, match="1 of 2 items are not among"):
        encoder.transform(["red", "yellow"])


@pytest.mark.parametrize(
    "items",
    [
        np.random.default_rng(0).normal(size=(40, 3)),
        np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32),
        np.random.default_rng(0).permutation(120).reshape(40, 3) - 60,
        np.where(np.eye(40, 3) > 0, -0.0, np.arange(120).reshape(40, 3)),
    ],
    ids=["float64", "float32", "whole", "-0.0"],
)
def test_numbers_are_recognised_whatever_holds_them(items, tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(80.0).reshape(40, 2))
    data = load(items, kind="vector", labels=["a", "b"] * 20)
    vectors = Vectors(str(tmp_path / "rows.npy")).fit_on(data)
    rows = np.arange(40)[::-1]
    assert (vectors.transform(items[rows])[:, 0] == 2 * rows).all()
    assert (vectors.transform(np.asarray(items[rows] + 0.0))[:, 0] == 2 * rows).all()
    spec = f"vectors(path={str(tmp_path / 'rows.npy')!r})"
    assert not compare(data, encoders=[spec, f"{spec} + raw", f"{spec} | l2"], k=3).failures
