import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nearspace.data import Dataset, Table, Text, Vector
from nearspace.errors import DataError

X = np.arange(10.0).reshape(5, 2)


def test_take_takes_every_column_by_position_or_mask():
    data = Dataset(
        X,
        Vector(2),
        target=list("abcab"),
        groups=np.arange(5),
        meta=pa.table({"note": list("vwxyz")}),
        notes=("seen",),
    )
    for taken in (data.take([3, 1]), data.take(np.array([0, 1, 0, 1, 0], bool)).take([1, 0])):
        np.testing.assert_array_equal(taken.items, X[[3, 1]])
        assert taken.target.values.tolist() == ["a", "b"]
        assert taken.ids.tolist() == [3, 1]
        assert taken.groups.tolist() == [3, 1]
        assert taken.meta["note"].to_pylist() == ["y", "w"]
        assert taken.notes == ("seen",)
        assert taken.split is None


def test_take_keeps_the_container():
    assert Dataset(["a", "b", "c"], Text()).take([2, 0]).items == ["c", "a"]
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    taken = Dataset(frame, Table((("a", "number"),))).take([2, 0])
    assert taken.items["a"].tolist() == [3.0, 1.0]
    assert list(taken.items.index) == [0, 1]


def test_lengths_and_ids_are_checked():
    with pytest.raises(DataError, match="expected 5 labels, one for each item, got 4"):
        Dataset(X, Vector(2), target=np.arange(4))
    with pytest.raises(DataError, match="the id 'a' stands 2 times"):
        Dataset(X, Vector(2), ids=list("abcda"), name="mine")


def test_the_fingerprint_changes_with_items_labels_order_and_kind():
    data = Dataset(X, Vector(2), target=np.arange(5))
    changed = X.copy()
    changed[4, 1] += 1e-3
    others = [
        Dataset(changed, Vector(2), target=np.arange(5)),
        Dataset(X, Vector(2), target=np.arange(5)[::-1]),
        Dataset(X, Vector(2)),
        data.take([1, 0, 2, 3, 4]),
        data.take([0, 1, 2, 3]),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 6
    assert Dataset(X.copy(), Vector(2), target=np.arange(5)).fingerprint == data.fingerprint


def test_importing_the_layer_is_light():
    code = (
        "import sys, nearspace.data; heavy = {'torch', 'pandas', 'sklearn', 'scipy', 'PIL', "
        "'pyarrow'}; assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
