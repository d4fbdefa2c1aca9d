import numpy as np
import pytest

from nearspace.data import Vector, kind_from_json
from nearspace.data.kinds.kind import content_hash
from nearspace.errors import DataError


def test_vectors_are_checked():
    kind = Vector.infer([[1, 2], [3, 4]])
    assert kind == Vector(2) == kind_from_json(kind.to_json())
    assert kind.check([[1, 2]]).dtype == np.float64  # whole numbers of 64 bits have more digits
    assert kind.check(np.ones((1, 2))).dtype == np.float64
    with pytest.raises(DataError, match=r"a\.npz: row 1, column 0 is inf"):
        kind.check(np.array([[1.0, 2.0], [np.inf, 3.0]]), "a.npz")
    with pytest.raises(DataError, match=r"shape \(n, 2\), got \(1, 3\)"):
        kind.check(np.ones((1, 3)))
    kind.check(np.full((9, 2), 1e38))
    with pytest.raises(DataError, match=r"that float32 can hold"):
        kind.check(np.full((9, 2), 1e308))


def test_hashes_are_of_content():
    hashes = content_hash(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    assert hashes[0] == hashes[2] != hashes[1]
    # NumPy strips zero bytes at the end, so none may stand there.
    assert all(len(value) == 16 for value in content_hash([str(i) for i in range(3000)]))


def test_draw_shows_the_first_numbers():
    assert Vector(8).draw(np.arange(8) / 3) == "<code>0, 0.333, 0.667, 1, 1.33, 1.67, …</code>"
