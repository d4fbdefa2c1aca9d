"""Vectors made elsewhere find their items by id, by position, by content."""

import numpy as np
import pytest

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
