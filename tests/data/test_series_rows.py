import numpy as np
import pandas as pd
import pytest

from nearspace import load
from nearspace.data import Series
from nearspace.errors import DataError


def test_a_series_a_row(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("who,0,1,2,10,kind\nA,1,2,3,4,x\nB,5,6,,,y\n")
    data = load(path, kind="series", labels="kind", groups="who")
    assert [item.tolist() for item in data.items] == [[[1, 2, 3, 4]], [[5, 6]]]
    assert (data.labels.tolist(), data.groups.tolist()) == (["x", "y"], ["A", "B"])
    assert any("series of 4 steps; where a row is one step, say by ids=" in n for n in data.notes)


def test_names_of_columns_tell_channels_and_the_order_of_steps():
    table = pd.DataFrame({"y_1": [4.0], "x_10": [3.0], "x_2": [2.0], "x_1": [1.0], "y_2": [5.0]})
    table["y_10"] = 6.0
    data = load(table, kind="series")
    assert data.items[0].tolist() == [[4, 5, 6], [1, 2, 3]]
    assert any("2 channels: 'y', 'x'" in note for note in data.notes)


def test_a_step_a_row(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        {
            "id": name,
            "t": f"2024-05-{day:02}",
            "x": rng.normal(),
            "y": rng.normal(),
            "k": name[0],
        }
        for name, days in (("b1", 4), ("a1", 3), ("a2", 5))
        for day in rng.permutation(np.arange(1, days + 1))
    ]
    table = pd.DataFrame(rows)
    path = tmp_path / "long.csv"
    table.to_csv(path, index=False)
    data = load(path, kind="series", ids="id", time="t", labels="k")
    assert (data.kind, data.ids.tolist(), data.labels.tolist()) == (
        Series(2),
        ["b1", "a1", "a2"],
        ["b", "a", "a"],
    )
    for name, item in zip(data.ids, data.items, strict=True):
        wanted = table[table["id"] == name].sort_values("t")[["x", "y"]].to_numpy().T
        np.testing.assert_allclose(item, wanted, rtol=1e-6)
    assert any("12 rows are steps of 3 series, in the order of their time" in n for n in data.notes)


def test_uneven_times_are_told_and_a_step_at_one_time_stands_once():
    table = pd.DataFrame({"id": [*"aaaabb"], "t": [0, 1, 2, 9, 0, 1], "x": np.arange(6.0)})
    notes = load(table, kind="series", ids="id", time="t").notes
    assert any("uneven in 1 series, from 1 to 7, mostly 1" in note for note in notes)
    table.loc[3, "t"] = 2
    with pytest.raises(DataError, match="series 'a' has two steps at the time 2"):
        load(table, kind="series", ids="id", time="t")


def test_the_steps_of_a_series_have_one_label_and_other_columns_go_where_they_differ():
    table = pd.DataFrame({"id": [*"aabb"], "x": np.arange(4.0), "k": [*"xxyy"], "n": [*"1234"]})
    table["age"] = ["old", "old", "new", "new"]
    data = load(table, kind="series", ids="id", labels="k", without=["n", "age"])
    assert data.meta.column_names == ["k", "age"]
    assert any("left out were 'n'" in note for note in data.notes)
    table["k"] = [*"xyyy"]
    with pytest.raises(DataError, match="series 'a' have several labels, x and y"):
        load(table, kind="series", ids="id", labels="k", without=["n", "age"])
    with pytest.raises(DataError, match="the column 'age' holds no numbers"):
        load(table[["id", "x", "age"]], kind="series", ids="id")
