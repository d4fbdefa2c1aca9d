import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nearspace.data import Table, Text, Vector, load
from nearspace.errors import DataError

N = 40
RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(N, 4))
HALF = ["a", "b"] * (N // 2)


def csv(folder, text, name="a.csv"):
    (folder / name).write_text(text)
    return folder / name


def kinds(data):
    return dict(data.kind.columns)


def refused(*words, source, **options):
    with pytest.raises(DataError) as error:
        load(source, **options)
    assert all(word in str(error.value) for word in words), error.value


class Stream:
    """A table, or a column, that Arrow can take, as those of Polars are."""

    def __init__(self, data):
        self.data = data

    def __arrow_c_stream__(self, requested_schema=None):
        return self.data.__arrow_c_stream__(requested_schema)


class Owner:
    def __init__(self, data):
        self.data = data

    def to_arrow(self):
        return self.data


# Numbers and dates that arrive as text


def german(value):
    return f"{value:,.2f}".translate({ord(","): ".", ord("."): ","})


def table_of(write, separator, n=60):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    rows = zip(5000 + 900 * y + rng.normal(0, 200, n), 20 + rng.normal(y, 0.5), y, strict=True)
    lines = [separator.join([write(a), write(b), "xyz"[c]]) for a, b, c in rows]
    return "\n".join([separator.join(["price", "weight", "kind"]), *lines])


def test_a_german_file_is_what_the_same_with_points_is(tmp_path):
    point = load(csv(tmp_path, table_of("{:.2f}".format, ","), "point.csv"), labels="kind")
    for name, text in {
        "german.csv": table_of(german, ";"),
        "units.csv": table_of(lambda value: f"{german(value)} €", ";"),
        "us.csv": table_of(lambda value: f"${value:,.2f}", "|"),
        "tab.tsv": table_of(german, "\t"),
    }.items():
        data = load(csv(tmp_path, text, name), labels="kind")
        pd.testing.assert_frame_equal(data.items, point.items)
        assert data.fingerprint == point.fingerprint
        assert any("between thousands" in note and "'price'" in note for note in data.notes)
    # The same where pandas, or a Parquet file, brings the text.
    frame = pd.read_csv(tmp_path / "german.csv", sep=";")
    frame.to_parquet(tmp_path / "a.parquet")
    for source in (frame, frame.astype(object), tmp_path / "a.parquet"):
        pd.testing.assert_frame_equal(load(source, labels="kind").items, point.items)


def test_one_column_tells_the_mark_of_another(tmp_path):
    text = "a;b\n1,5;1.234\n2,5;5.678\n"
    assert load(csv(tmp_path, text)).items["b"].tolist() == [1234, 5678]
    text = 'a,b,c\n1.5,1.234,"1,234"\n2.5,5.678,"5,678"\n'
    items = load(csv(tmp_path, text)).items
    assert items["b"].tolist() == [1.234, 5.678]
    assert items["c"].tolist() == [1234, 5678]
    alone = load(csv(tmp_path, "a;b\nx;1.234\ny;5.678\n"))
    assert "Numbers such as 1.234 or 1,234 were read as thousands: 'b'." in alone.notes


def test_what_is_missing_and_what_is_text_is_told(tmp_path):
    cells = [f"{n},5" for n in range(N)]
    lines = [
        f"{cell};0{n};{word};{n} kg" for n, (cell, word) in enumerate(zip(cells, HALF, strict=True))
    ]
    lines += ["unknown;1;NA;5 kg", "-;2;a;500 g", "?;3;a;1 kg", "unknown;4;b;"]
    data = load(csv(tmp_path, "\n".join(["price;zip;word;mass", *lines])))
    assert kinds(data) == {
        "price": "number",
        "word": "category",
        "mass": "number",
    }
    assert "'price': 'unknown' (2), '-' (1), '?' (1) count as missing." in data.notes
    assert "'word': 'NA' (1) counts as missing." in data.notes
    assert "'zip' holds codes such as '00': read as text." in data.notes
    assert "'mass': '500 g' (1) counts as missing." in data.notes
    assert data.items["price"].isna().sum() == 4
    assert data.meta["zip"].to_pylist()[:2] == ["00", "01"]
    assert any("'zip' has another value in every row" in note for note in data.notes)


def test_text_of_a_frame_that_is_only_whole_numbers_stays_text():
    frame = pd.DataFrame({"zone": ["1", "2", "3"], "size": ["1.5", "2", "3"], "x": [1, 2, 3]})
    data = load(frame)
    assert kinds(data) == {"zone": "category", "size": "number", "x": "number"}
    assert "Text that was read as numbers: 'size'." in data.notes
    mixed = load(pd.DataFrame({"a": [1, 2.5, "n/a", 3], "b": [1, 2, 3, 4]}))
    assert mixed.items["a"].tolist()[:2] == [1, 2.5]
    assert "'a': 'n/a' (1) counts as missing." in mixed.notes


def test_other_files_are_read_as_the_first(tmp_path):
    train = csv(tmp_path, "price;zip;y\n" + "".join(f"{n},5;0{n};{n % 2}\n" for n in range(9)))
    test = csv(tmp_path, "y;zip;price;more\n1;10;unknown;x\n0;11;1.234;x\n", "b.csv")
    data = load(train, test=test, labels="y")
    assert data.items["zip"].tolist()[-2:] == ["10", "11"]  # text, though numbers here
    assert np.isnan(data.items["price"].iloc[-2])
    assert data.items["price"].iloc[-1] == 1234
    one = load(csv(tmp_path, "price;zip\n7,25;10115\n", "c.csv"), like=data.kind)
    assert one.items.iloc[0].tolist() == [7.25, "10115"]
    wrong = csv(tmp_path, "price;zip\n7,25;10115\nabc;1\n", "d.csv")
    refused("d.csv: row 1, column 'price' is 'abc'", source=wrong, like=data.kind)


def test_large_files_are_typed_whole(tmp_path):
    cells = ["1"] * 300_000
    path = csv(tmp_path, "\n".join(["a,b", *[f"{cell},{cell}" for cell in cells], "2.5,unknown"]))
    data = load(path)
    assert kinds(data) == {"a": "number", "b": "number"}
    assert data.items["a"].iloc[-1] == 2.5
    assert "'b': 'unknown' (1) counts as missing." in data.notes


def test_dates_are_features_but_for_the_time(tmp_path):
    text = "when,seen,a\n31.05.2024,01/13/2024 10:30,1\n01.06.2024,02/03/2024 9:00,2\n"
    data = load(csv(tmp_path, text), time="when")
    assert kinds(data) == {"seen": "date", "a": "number"}
    assert (data.time == np.array(["2024-05-31", "2024-06-01"], "datetime64[us]")).all()
    assert data.items["seen"].dtype == "datetime64[us]"
    assert data.meta["when"].to_pylist()[0] == datetime.datetime(2024, 5, 31)
    assert "Dates with the month first: 'seen'." in data.notes
    frame = pd.DataFrame({"a": [1, 2], "when": pd.to_datetime(["2024-01-02", "2024-01-03"])})
    for source in (frame, frame.astype({"when": "str"}), pa.Table.from_pandas(frame)):
        assert kinds(load(source)) == {"a": "number", "when": "date"}
    either = csv(tmp_path, "when,a\n01/02/2024,1\n03/04/2024,2\n")
    assert kinds(load(either))["when"] == "category"
    assert any("cannot be told apart" in note for note in load(either).notes)
    refused("the time 'when'", "cannot be told apart", "2024-05-31", source=either, time="when")


def test_names_of_things_stay_as_they_are_written(tmp_path):
    lines = ["007,00001,1", "07,00002,2", "NA,123456789012345678,3", "None,123456789012345679,4"]
    path = csv(tmp_path, "\n".join(["y,id,a", *lines, ",x,5"]))
    data = load(path, labels="y", ids="id")
    assert data.target.values.tolist() == ["007", "07", "NA", "None"]
    assert data.ids.tolist()[:4] == [line.split(",")[1] for line in lines]
    path = csv(tmp_path, "y,g,a\n1,1,1\n1.0,2,2\n2,3,3\n")
    assert load(path, labels="y").target.values.tolist() == ["1", "1.0", "2"]
    assert load(path, labels="g").target.values.tolist() == [1, 2, 3]
    path = csv(tmp_path, "y;a\n1.200,50;1\n3.000,25;2\n12,75;3\n")
    assert load(path, labels="y").target.values.tolist() == [1200.5, 3000.25, 12.75]


def test_whole_numbers_that_float64_would_merge_are_text(tmp_path):
    path = csv(tmp_path, "id,a\n123456789012345678,1\n,2\n123456789012345679,3\n")
    frame = pd.DataFrame({"id": pd.array([2**60, None, 2**60 + 1], "Int64"), "a": [1, 2, 3]})
    for source in (path, frame, frame.drop(index=1).astype({"id": int})):
        data = load(source)
        assert kinds(data)["id"] == "category"
        assert data.items["id"].nunique() == 2
        assert any("too large to be exact" in note for note in data.notes)


# Columns of every type


TYPED = {
    "decimal": pa.array([decimal.Decimal("1.50")] * N),
    "date": pa.array([datetime.date(2024, 5, 31)] * N),
    "zoned": pa.array([datetime.datetime(2024, 5, 31, 22)] * N, pa.timestamp("ns", "Asia/Tokyo")),
    "duration": pa.array([90] * N, pa.duration("s")),
    "clock": pa.array([60] * N, pa.time32("s")),
    "large": pa.array(HALF, pa.large_string()),
    "dictionary": pa.array(HALF).dictionary_encode(),
    "truth": pa.array([True, None] * (N // 2)),
    "whole": pa.array([1, None] * (N // 2)),
    "half": pa.array(np.ones(N, np.float16)),
    "nothing": pa.nulls(N),
}


@pytest.mark.parametrize(
    "through", ["arrow", "parquet", "pandas", "arrow-backed", "stream", "owner"]
)
def test_columns_of_every_type(tmp_path, through):
    table = pa.table(TYPED)
    pq.write_table(table, tmp_path / "a.parquet")
    sources = {
        "arrow": lambda: table,
        "parquet": lambda: tmp_path / "a.parquet",
        "pandas": table.to_pandas,
        "arrow-backed": lambda: table.to_pandas(types_mapper=pd.ArrowDtype),
        "stream": lambda: Stream(table),
        "owner": lambda: Owner(table),
    }
    data = load(sources[through]())
    numbers = ["decimal", "duration", "clock", "whole", "half"]
    assert [name for name, kind in kinds(data).items() if kind == "number"][:5] == numbers
    assert data.items["decimal"].iloc[0] == 1.5
    assert data.items["duration"].iloc[0] == 90
    assert data.items["clock"].iloc[0] == 60
    assert data.items["truth"].tolist()[:2] == ["True", None]
    assert data.items["whole"].isna().sum() == N // 2
    assert data.items["dictionary"].tolist() == data.items["large"].tolist() == HALF
    assert data.meta is None
    assert {data.items[name].dtype for name in ("date", "zoned")} == {np.dtype("datetime64[us]")}
    assert data.items["zoned"].iloc[0] == datetime.datetime(2024, 5, 31, 22)  # in UTC


@pytest.mark.parametrize("name", ["embedding", "vectors", "anything"])
def test_the_only_column_of_vectors_is_the_items(tmp_path, name):
    frame = pd.DataFrame({name: list(VECTORS), "price": range(N), "y": HALF})
    frame.to_parquet(tmp_path / "a.parquet")
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 4)
    for source in (
        frame,
        tmp_path / "a.parquet",
        pa.table({name: fixed, "price": range(N), "y": HALF}),
    ):
        data = load(source, labels="y")
        assert data.kind == Vector(4)
        np.testing.assert_array_equal(data.items, VECTORS)
        assert f"vectors in column '{name}'" in data.notes[0]
        assert data.meta.column_names == ["price", "y"]
    table = load(frame, labels="y", without=[name])
    assert table.kind == Table((("price", "number"),))
    two = frame.assign(other=list(VECTORS))
    refused("several columns of vectors", name, "column=", source=two)
    assert load(two, column="other").kind == Vector(4)
    frame.loc[3, name] = None
    data = load(frame, labels="y")
    assert len(data) == N - 1
    assert any("1 row without a vector was left out" in note for note in data.notes)
    frame.at[4, name] = np.zeros(3)
    refused("differ in length", source=frame)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([{"x": 1}, {"x": 2}], "nested values"),
        ([b"a", b"b"], "bytes"),
    ],
)
def test_what_is_no_single_value_is_refused_as_a_feature(cells, words):
    table = pa.table({"a": [1, 2], "s": cells, "t": ["one", "two"]})
    refused(f"'s' holds {words}", "without=['s']", source=table)
    assert list(load(table, without=["s"]).items.columns) == ["a", "t"]
    assert load(table, column="t").kind == Text()


def test_two_columns_of_one_name_are_refused(tmp_path):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "a.parquet")
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    for source in (twice, Stream(twice), tmp_path / "a.parquet", frame):
        refused("the column 'a' stands twice; rename one", source=source)
        refused("the column 'a' stands twice; rename one", source=source, labels="a")


def test_columns_and_streams_of_other_libraries():
    assert load(Stream(pa.chunked_array([["near", "far"]]))).items == ["near", "far"]
    assert len(load(pa.table({"a": [1, 2]}).to_reader())) == 2
    refused("complex numbers", source=pd.DataFrame({"a": [1j, 2], "b": [1, 2]}))


def test_an_index_with_a_name():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 7], name="id"))
    assert load(frame, ids="id").ids.tolist() == [5, 7]
    assert any("The index 'id' was left out" in note for note in load(frame).notes)


# Split and without


def test_a_published_split_is_named(tmp_path):
    parts = ["train", "Training", "val", "test"]
    frame = pd.DataFrame({"a": range(4), "part": parts, "y": [0, 1, 0, 1]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", X=frame[["a"]].to_numpy(float), part=np.array(parts))
    for source in (frame, tmp_path / "a.csv", tmp_path / "a.parquet", tmp_path / "a.npz"):
        data = load(source, split="part")
        assert data.split.tolist() == ["train", "train", "validation", "test"]
        if isinstance(data.kind, Table):
            assert kinds(data) == {"a": "number", "y": "number"}
    assert load(np.zeros((4, 2)), split=parts).split.tolist() == data.split.tolist()
    wrong = frame.assign(part=["train", "tset", "val", "test"])
    refused(
        "'tset' is no part of a published split", "Did you mean 'test'?", source=wrong, split="part"
    )
    refused("no column 'prt'", "Did you mean 'part'?", source=frame, split="prt")
    # Without a name only a column called split is one.
    assert load(frame).split is None
    assert load(frame.rename(columns={"part": "split"})).split is not None
    assert load(frame.rename(columns={"part": "split"}), without=["split"]).split is None


def test_columns_are_left_out_and_stay_known(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "alive": ["yes", "no"], "y": [0, 1], "c": ["u", "v"]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    for source in (frame, tmp_path / "a.csv"):
        data = load(source, labels="y", without=["alive", "c"])
        assert kinds(data) == {"a": "number"}
        assert data.meta["alive"].to_pylist() == ["yes", "no"]
        refused("no column 'aliv'", "Did you mean 'alive'?", source=source, without=["aliv"])
        refused("no column is left", source=source, labels="y", without=["a", "alive", "c"])
    np.savez(tmp_path / "a.npz", X=np.zeros((2, 3)), y=[0, 1])
    assert load(tmp_path / "a.npz").target is not None
    assert load(tmp_path / "a.npz", without=["y"]).target is None
    refused("no named columns", "without='a'", source=np.zeros((2, 2)), without=["a"])
    refused("A Dataset", "without", source=load("wine"), without=["a"])


JOINED = {
    "title": ["Zip", None, "Lamp", " ", "Lock"],
    "body": ["it broke at once", "no title here", "", None, "it holds"],
    "stars": [1, 2, 3, 4, 5],
}


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet", "frame", "dict"])
def test_several_columns_are_joined_in_the_order_given(ending, tmp_path):
    frame, source = pd.DataFrame(JOINED), tmp_path / f"a{ending}"
    if ending in (".csv", ".tsv"):
        frame.to_csv(source, index=False, sep="," if ending == ".csv" else "\t")
    elif ending == ".jsonl":
        frame.to_json(source, orient="records", lines=True)
    elif ending == ".parquet":
        frame.to_parquet(source)
    source = {"frame": frame, "dict": JOINED}.get(ending, source)
    data = load(source, column=["title", "body"], labels="stars")
    assert data.items == ["Zip\n\nit broke at once", "no title here", "Lamp", "Lock\n\nit holds"]
    assert data.target.values.tolist() == [1, 2, 3, 5]
    assert data.ids.tolist() == [0, 1, 2, 4]
    assert data.meta.column_names == ["stars"]
    seen = "Read as text: texts in columns 'title', 'body', joined by blank lines, list of str."
    assert data.notes[0] == seen
    assert "1 row without a text was left out: 3." in data.notes
    back = load(source, column=("body", "title"))
    assert back.items[0] == "it broke at once\n\nZip"
    assert load(source, column=["title"]).items == ["Zip", "Lamp", "Lock"]


def test_columns_that_cannot_be_joined_are_named():
    refused("no column 'titel'. Did you mean 'title'", source=JOINED, column=["titel", "body"])
    refused("the column 'body' is named twice", source=JOINED, column=["body", "title", "body"])
    refused("'stars' holds numbers, expected texts", source=JOINED, column=["title", "stars"])
    refused("column= names the columns that hold", "got 3", source=JOINED, column=[3])
    lists = {**JOINED, "vector": [[1.0, 2.0]] * 5}
    refused("'vector' holds [1.0, 2.0]", "list", source=lists, column=["title", "vector"])
    words = {"words": [["near", "means"], ["alike"]]}
    refused("'words' holds ['near', 'means'] of type list", source=words, column="words")
    none = {"a": ["one", "two"], "b": [np.nan, np.nan]}
    assert load(none, column=["b", "a"]).items == ["one", "two"]
    empty = {"a": ["", None, " "], "b": [None, "", ""], "c": [1, 2, 3]}
    refused("no row has a text", source=empty, column=["a", "b"])


def test_an_archive_of_arrays_has_one_that_holds_the_items(tmp_path):
    np.savez(tmp_path / "a.npz", x=VECTORS, z=VECTORS)
    refused("expected one array", "got 2 names", source=tmp_path / "a.npz", column=["x", "z"])
    assert len(load(tmp_path / "a.npz", column=["z"])) == N
