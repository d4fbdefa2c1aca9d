"""Types of metadata: fixed when a space is made, kept by what is added, and asked by filters."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nearspace import embed, load, open_space, save
from nearspace.data import Dataset, Vector
from nearspace.errors import DataError, NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.file.checking import verify
from nearspace.space.file.store import add
from nearspace.space.search.filters import matching
from nearspace.space.space import Space

RECIPE = Recipe("raw", "00ff", "more.csv", versions={})
DAY = datetime.datetime(2024, 5, 31)
KNOWN = {
    "price": [9, 1000, 950],
    "rate": [0.1, None, 2.5],
    "vip": [True, None, False],
    "day": [DAY, None, DAY],
    "code": ["007", "", None],
    "tags": [["a"], None, ["b"]],
}


def space_of(ids, labels=None, value=1.0, **columns):
    """Return a space of equal vectors with columns of metadata."""
    vectors = np.full((len(ids), 2), value, dtype=np.float32)
    meta = pa.table(columns) if columns else None
    return Space(vectors, np.array(ids), labels, RECIPE, meta=meta)


@pytest.fixture
def path(tmp_path):
    return save(space_of(["a", "b", "c"], **KNOWN), tmp_path / "s.space")


def found(path, *where):
    space = open_space(path)
    return "".join(space.ids[matching(space, where)])


def test_types_come_back_even_where_nothing_stands(tmp_path):
    empty = {"none": pa.nulls(2), "no dates": pa.array([None] * 2, pa.timestamp("us"))}
    small = {"small": pa.array([0.1, None], pa.float32()), "part": pa.array(["x", None]).cast(
        pa.dictionary(pa.int32(), pa.string())), "huge": pa.array([2**64 - 1, 123456789012345678],
        pa.uint64())}  # fmt: skip
    path = save(space_of(["a", "b"], **empty, **small), tmp_path / "s.space")
    meta = open_space(path).meta
    assert [str(field.type) for field in meta.schema] == [
        "null", "timestamp[us]", "double", "string", "uint64",
    ]  # fmt: skip
    assert found(path, "small=0.1") == "a"
    assert found(path, "huge=123456789012345678") == "b"
    assert found(path, f"huge>{2**63}") == "a"
    assert found(path, "huge>-5") == "ab"
    add(path, space_of(["c"], none=[True]))
    assert found(path, "none=true") == "c"


def test_an_unknown_in_an_added_file_leaves_the_column_as_it_is(path):
    new = space_of(
        ["d", "e"],
        price=["1.234,50", " - "],
        rate=["3,5", "n/a"],
        vip=["yes", "unknown"],
        day=["2024-06-01T02:00+02:00", "?"],
        code=[8, None],
        tags=pa.array([None, ["c"]]),
    )
    done = add(path, new)
    assert (done.new, done.changed) == (2, 0)
    notes = " ".join(done.notes)
    assert "'vip': 1 cell with 'unknown' was kept missing" in notes
    assert "'price' of the space now holds numbers that are not whole" in notes
    assert "'code': 1 cell that is no text was written as text" in notes
    assert verify(path) == []
    meta = open_space(path).meta
    assert [str(field.type).split("<")[0] for field in meta.schema] == [
        "double", "double", "bool", "timestamp[us]", "string", "list",
    ]  # fmt: skip
    assert meta["price"].to_pylist() == [9, 1000, 950, 1234.5, None]
    assert meta["day"][3].as_py() == datetime.datetime(2024, 6, 1)
    assert found(path, "vip=true") == "ad"
    assert found(path, "price>=900") == "bcd"
    assert found(path, "rate>3") == "d"
    assert found(path, "day>=2024-06") == "d"
    assert found(path, "code=8") == "d"
    assert found(path, "code=") == "b"  # an empty text is there, a missing one is not
    assert found(path, "tags=c") == "e"


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("vip", "maybe", r"'vip' holds true or false, and the item 'e' has 'maybe' there"),
        ("vip", 2, "true or false.*has 2 there"),
        ("price", "on request", "'price' holds whole numbers.*'on request'"),
        ("price", "1,234", "'1,234'"),  # a thousand, or a decimal fraction
        ("price", True, "has True"),
        ("rate", DAY, "'rate' holds numbers.*2024"),
        ("rate", 2**53 + 1, "9007199254740993"),
        ("rate", "long " * 100, "'long .*…"),
        ("day", "31.05.2024", "'day' holds dates"),
        ("day", 20240531, "20240531"),
        ("tags", "a", "lists or records"),
        ("code", ["a"], r"'code' holds text.*\['a'\]"),
    ],
)
def test_a_cell_of_another_type_is_refused_by_name_and_nothing_is_added(path, column, cell, words):
    before = path.read_bytes()
    cells = [None, cell] if isinstance(cell, list) else ["?" if isinstance(cell, str) else None]
    cells = cells if len(cells) == 2 else [*cells, cell]
    new = space_of(["d", "e"], **{column: pa.array(cells)})
    with pytest.raises(DataError, match=words) as error:
        add(path, new)
    assert "nothing was added" in str(error.value)
    assert path.read_bytes() == before


def test_codes_of_many_digits_are_not_rounded_beside_fractions(tmp_path):
    numbers = [123456789012345678, 123456789012345679, None]
    path = save(space_of(["a", "b", "c"], n=pa.array(numbers)), tmp_path / "s.space")
    assert found(path, "n=123456789012345678") == "a"
    assert found(path, "n>123456789012345678") == "b"
    before = path.read_bytes()
    with pytest.raises(DataError, match="more than 15 digits"):
        add(path, space_of(["d"], n=[0.5]))
    assert path.read_bytes() == before
    add(path, space_of(["d"], n=pa.array([5.0, None])[:1]))
    assert found(path, "n<6") == "d"
    rounded = space_of(["a", "b"], n=[float(number) for number in numbers[:2]])
    with pytest.raises(DataError, match="keep 15 digits"):
        matching(rounded, ["n=123456789012345678"])
    assert matching(rounded, ["n>1e17"]).all()


def test_columns_that_are_new_or_missing_are_told_and_stay(path):
    done = add(path, space_of(["a", "d"], colour=["red", "blue"], vip=[True, False]), replace=True)
    notes = " ".join(done.notes)
    assert "New to the space, and missing in its other items: 'colour'." in notes
    assert "Missing in what is added, though the space has it: 'price', 'rate', 'day'" in notes
    assert open_space(path).meta.slice(0, 1).to_pylist() == [
        {**{name: cells[0] for name, cells in KNOWN.items()}, "colour": "red"}
    ]
    assert found(path, "colour=blue") == "d"
    assert found(path, "price>0") == "abc"
    assert add(path, space_of(["d"], vip=[False])).unchanged == 1


def test_labels_keep_their_type(tmp_path):
    path = save(space_of(["a", "b"], np.array([1, 2])), tmp_path / "s.space")
    done = add(path, space_of(["c", "d"], np.array(["3", "?"])))
    assert done.notes == ("Labels: 1 cell with '?' was kept missing.",)
    assert open_space(path).labels.tolist() == [1, 2, 3, None]
    with pytest.raises(DataError, match="labels holds whole numbers, and the item 'e' has 'cat'"):
        add(path, space_of(["e"], np.array(["cat"])))
    path = save(space_of(["a", "b"], np.array(["1", "?"])), tmp_path / "t.space")
    add(path, space_of(["c"], np.array([1])))
    assert open_space(path).labels.tolist() == ["1", "?", "1"]
    assert found(path, "label=1") == "ac"


def test_a_folder_with_the_same_names_is_refused_unless_it_is_to_replace(tmp_path):
    ids = [f"{number}.png" for number in range(12)]
    path = save(space_of(ids, np.array(["x"] * 12)), tmp_path / "s.space")
    assert add(path, space_of(ids)).unchanged == 12
    other = space_of([*ids, "new.png"], value=2)
    with pytest.raises(NearspaceError, match=r"12 of its 13 items.*\(0.png, .*4.png, …\)") as error:
        add(path, other)
    assert "replace=" in str(error.value)
    assert len(open_space(path)) == 12
    with pytest.raises(NearspaceError, match="would replace"):  # of the same vectors, too
        add(path, space_of(ids, np.array(["y"] * 12)))
    done = add(path, other, replace=True)
    assert (done.new, done.changed) == (1, 12)
    assert open_space(path).labels.tolist() == ["x"] * 12 + [None]


@pytest.mark.parametrize(
    ("cells", "where", "words"),
    [
        (["900", "1000", None], "n>=900", "of numbers"),
        (["1.200 €", "900 €", "5 €"], "n<1000", "of numbers"),
        (["1,5", "10,5", "on request"], "n<z", "of numbers"),
        (["31.12.2023", "01.02.2024", "x"], "n>a", "of dates"),
        (["May", "June", "July"], "n<31/12/2024", "of dates"),
    ],
)
def test_texts_that_say_numbers_or_dates_have_no_order(cells, where, words):
    with pytest.raises(DataError, match=f"alphabet is not that {words}"):
        matching(space_of(["a", "b", "c"], n=cells), [where])


def test_a_number_written_in_another_way_is_told():
    space = space_of(["a", "b", "c"], n=["007", "9,50", "x"])
    assert matching(space, ["n=007"]).tolist() == [True, False, False]
    assert not matching(space, ["n=8"]).any()
    for where, words in {"n=7": "n=007", "n!=9.5": "n!=9,50"}.items():
        with pytest.raises(DataError, match=f"as it stands there: '{words}'"):
            matching(space, [where])


def test_conditions_on_odd_columns_and_cells():
    space = space_of(
        ["a", "b", "c"],
        np.array(["x", None, "y"], dtype=object),
        **{
            "id": ["k", "l", "m"],
            "a=b": [1, 2, 3],
            "n > 5": ["yes", "no", "no"],
            "truth": ["True", "False", None],
            "iso": ["2024-01-31", "2023-12-31", None],
            "mixed": pa.array([1.5, float("nan"), 2.0], from_pandas=False),
        },
    )
    expected = {"a=b>=2": "bc", "n > 5=yes": "a", "truth=true": "a", "truth!=TRUE": "b",
                "iso>=2024-01-01": "a", "mixed>0": "ac", "mixed!=2": "a", "label!=x": "c",
                "id=a": "a"}  # fmt: skip
    for where, ids in expected.items():
        assert "".join(space.ids[matching(space, [where])]) == ids, where
    with pytest.raises(DataError, match="expected a number"):
        matching(space, ["mixed=nan"])


def test_truth_in_a_table_is_truth_and_columns_of_our_names_are_kept(tmp_path):
    frame = pd.DataFrame({"vip": [True, None, False] * 4, "id": range(12), "n": np.arange(12.0)})
    space = embed(load(frame), "onehot")
    assert int(matching(space, ["vip=true"]).sum()) == 4
    texts = pd.DataFrame({"t": ["near", "far", "off"], "id": [7, 8, 9], "label": ["u", "v", "w"]})
    space = embed(load(texts, column="t", labels="label"), "tfidf")
    assert space.meta.column_names == ["text", "id_"]  # the labels are there as label
    assert embed(load(texts, column="t", labels="id"), "tfidf").meta.column_names == [
        "text", "id_", "label_",
    ]  # fmt: skip
    assert space.ids[matching(space, ["id_=8"])].tolist() == [1]
    dataset = Dataset(np.eye(3), Vector(3), meta=pa.table({"label": ["u", "v", "w"]}))
    assert save(embed(dataset, "raw"), tmp_path / "s.space")
    assert found_ids(tmp_path / "s.space", "label=v") == [1]


def found_ids(path, where):
    space = open_space(path)
    return space.ids[matching(space, [where])].tolist()
