import numpy as np
import pandas as pd
import pytest

from nearspace import load, make
from nearspace.data import Table, infer_kind, kind_from_json
from nearspace.data.column_types import TYPES, column_type, sign_of
from nearspace.errors import DataError

N = 40
RNG = np.random.default_rng(0)
GENRES = [RNG.choice(["crime", "drama", "war"], n, replace=False) for n in RNG.integers(1, 4, N)]
FRAME = pd.DataFrame(
    {
        "price": RNG.normal(size=N).round(3),
        "city": RNG.choice(["Oslo", "Rome", "Bern, east"], N),
        "genres": [";".join(each) for each in GENRES],
        "seen": pd.date_range("2024-01-01", periods=N, freq="7h"),
        "what": [f"a longer text of many words that tells number {n} something" for n in range(N)],
        "title": [f"Film {n}" for n in range(N)],
        "film_id": RNG.permutation(N) + 500,
        "rank": RNG.permutation(N),
        "loans": RNG.integers(0, 5, N),
        "income": RNG.integers(0, 3, N),
    }
)
SEEN = {
    "price": "number",
    "city": "category",
    "genres": "categories",
    "seen": "date",
    "what": "text",
    "title": "id",
    "film_id": "id",
    "rank": "number",
    "loans": "number",
    "income": "number",
}


def refused(*words, source=FRAME, **options):
    with pytest.raises(DataError) as error:
        load(source, kind="table", **options)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("way", ["frame", "csv", "parquet"])
def test_types_are_told_whichever_way_a_table_comes(way, tmp_path):
    assert {name: column_type(FRAME[name]) for name in FRAME} == SEEN
    source = FRAME if way == "frame" else tmp_path / f"a.{way}"
    if way == "csv":
        FRAME.to_csv(source, index=False)
    elif way == "parquet":
        FRAME.to_parquet(source)
    data = load(source, kind="table")
    assert data.kind.column_kinds == {name: of for name, of in SEEN.items() if of != "id"}
    assert data.kind.signs == (("genres", ";"),)
    assert data.meta.column_names == ["title", "film_id"]
    assert data.items["genres"].tolist() == ["|".join(sorted(each)) for each in GENRES]
    (note,) = [note for note in data.notes if "names the rows" in note]
    assert "'title', 'film_id' have another value in every row" in note
    assert "dates ('seen')" in data.notes[0]
    again = load(source, like=data.kind)
    pd.testing.assert_frame_equal(again.items, data.items)
    assert kind_from_json(data.kind.to_json()) == data.kind


@pytest.mark.parametrize(
    ("cells", "of"),
    [
        (range(N), "number"),  # a name of its own, and may count what it likes
        (["a|b", "b|a", "a", "b"] * 5, "categories"),
        (["a|b", "c|d", "e", "f"] * 5, "categories"),
        (["a|1", *(f"a|{n}" for n in range(N))], "category"),  # parts that hardly come again
        (["Oslo, Norway", "Rome, Italy"] * 10, "category"),
        ([["a"], ["a", "b"]], "categories"),
        ([True, False], "category"),
        ([2**60, 2**61], "category"),
        ([None, None], "category"),
        (pd.to_timedelta([1, 2], unit="h"), "number"),
        ([f"{n}" for n in range(19)], "category"),  # too few to be names
    ],
)
def test_what_cells_tell(cells, of):
    assert column_type(pd.Series(list(cells), name="x")) == of


@pytest.mark.parametrize(
    ("name", "of"),
    [("x", "number"), ("user_id", "id"), ("PassengerId", "id"), ("Unnamed: 0", "id"), ("", "id"),
     ("column 0", "id"), ("paid", "number"), ("valid", "number"), ("index", "id")],
)  # fmt: skip
def test_numbers_of_rows_are_told_by_their_name(name, of):
    assert column_type(pd.Series(range(N), name=name)) == of
    assert column_type(pd.Series([1.5, *range(N)], name=name)) == "number"
    assert column_type(pd.Series([*range(N), 3], name=name)) == "number"


def test_what_a_column_is_can_be_said(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    types = {"loans": "category", "title": "category", "city": "categories", "seen": "id"}
    for source in (FRAME, tmp_path / "a.csv"):
        data = load(source, kind="table", types=types)
        seen = SEEN | types
        assert data.kind.column_kinds == {name: of for name, of in seen.items() if of != "id"}
        assert data.items["loans"].iloc[0] == str(FRAME["loans"].iloc[0])
        assert "Bern|east" in set(data.items["city"])  # a comma cuts where it is asked for
    refused("'loanz'", "Did you mean 'loans'?", types={"loanz": "category"})
    refused("'loans'", "'numbr'", "Did you mean 'number'?", types={"loans": "numbr"})
    refused("row 0, column 'city'", "finite number", types={"city": "number"})
    refused("'city' holds no dates", types={"city": "date"})
    refused("row 0, column 'loans'", "expected a date such as", types={"loans": "date"})
    refused("no column is left", "types=", source=FRAME[["title"]])
    assert {*TYPES} == {*SEEN.values()}


def test_ratios_are_columns_of_their_own(tmp_path):
    data = load(FRAME, kind="table", ratio="loans/income")
    assert data.kind.column_kinds["loans/income"] == "number"
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.where(FRAME["income"] == 0, np.nan, FRAME["loans"] / FRAME["income"])
    np.testing.assert_array_equal(data.items["loans/income"], wanted)
    zeros = int((FRAME["income"] == 0).sum())
    assert any(f"{zeros} rows have 'income' 0" in note for note in data.notes)
    # Rows that come later have the two columns, and the ratio is made of them.
    later = load(FRAME.iloc[:3], like=data.kind)
    np.testing.assert_array_equal(later.items["loans/income"], wanted[:3])
    pd.testing.assert_frame_equal(data.kind.check(data.items), data.items)
    alone = load(FRAME, kind="table", ratio=["loans/income"], without=["price"])
    assert "price" not in alone.items
    refused("no column 'loanz'", "Did you mean 'loans'?", ratio="loanz/income")
    refused("'city' holds categories", "types=", ratio="city/income")
    refused("such as 'loans/income'", ratio="loans")
    refused("column 'loans/income' already", source=data.items, ratio="loans/income")
    blank = data.items.assign(**{"loans/income": np.nan})  # as a column is left out by itself
    assert data.kind.check(blank)["loans/income"].isna().all()
    told = "'income' is missing, of which 'loans/income' is made"
    refused(told, source=FRAME.drop(columns="income"), like=without(data.kind, "income"))
    split = pd.DataFrame({"a": [1.0, 2], "b/c": [2.0, 4], "a/b": [1.0, 3], "c": [1.0, 1]})
    refused("can be cut in several ways", source=split, ratio="a/b/c")


def without(kind, name):
    return Table(tuple(each for each in kind.columns if each[0] != name), kind.signs, kind.ratios)


def test_names_of_rows_are_seen_by_nobody():
    kind = infer_kind(FRAME)[0]
    checked = kind.check(FRAME)
    other = checked.assign(title="x", film_id="y")
    assert (kind.hashes(checked) == kind.hashes(other)).all()
    assert not {"title", "film_id"} & {trait.column for trait in kind.traits(checked, np.arange(N))
                                       if trait.seen}  # fmt: skip
    assert kind.hashes(checked.assign(rank=0.0))[0] != kind.hashes(checked)[0]


def test_categories_come_in_order_and_once():
    kind = Table((("g", "categories"),), signs=(("g", ";"),))
    checked = kind.check(pd.DataFrame({"g": ["b; a", "a;b;b", "a|b", ";", None, "c"]}))
    assert checked["g"].tolist() == ["a|b", "a|b", "a|b", None, None, "c"]
    lists = kind.check(pd.DataFrame({"g": [["b", "a"], [], None, np.array(["c"]), [1], ["d"]]}))
    assert lists["g"].tolist() == ["a|b", None, None, "c", "1", "d"]
    with pytest.raises(DataError, match="stands between them"):
        kind.check(pd.DataFrame({"g": [["a|b"], ["c"]]}))
    assert sign_of(pd.Series(["a", "b"])) == ""


@pytest.mark.parametrize("sign", ["|", ";"])
def test_what_cuts_cells_is_not_told_anew_by_rows_that_come_later(sign):
    cells = ["war", f"drama{sign}sci-fi, fantasy", "drama", f"war{sign}sci-fi, fantasy"] * 6
    frame = pd.DataFrame({"genres": cells, "x": range(24)})
    other = ";" if sign == "|" else ","
    later = pd.DataFrame({"genres": ["sci-fi, fantasy", f"a{other}b"], "x": [1, 2]})
    data = load(frame)
    assert data.kind.column_kinds["genres"] == "categories"
    read = load(later, like=data.kind).items["genres"].tolist()
    assert read == data.kind.check(later)["genres"].tolist() == ["sci-fi, fantasy", f"a{other}b"]
    assert load(frame, test=later).items["genres"].tolist()[-2:] == read


def test_a_category_that_is_missing_or_blank_is_the_same(tmp_path):
    (tmp_path / "a.csv").write_text("x,c\n" + "1,red\n2,\n3,blue\n" * 10)
    (tmp_path / "b.csv").write_text("x,c\n" + '1,red\n2,NaN\n3,""\n' * 10)
    data = load(tmp_path / "a.csv", test=tmp_path / "b.csv")
    assert data.items["c"].isna().tolist() == [False, True, False] * 10 + [False, True, True] * 10
    assert make("onehot").fit_transform(data.items).shape[1] == 5  # x, red, blue, other, missing


def test_a_test_file_whose_column_is_something_else(tmp_path):
    (tmp_path / "a.csv").write_text("x,c\n" + "1,red\n2,blue\n" * 10)
    (tmp_path / "b.csv").write_text("x,c\n" + "tall,red\nshort,blue\n" * 10)
    with pytest.raises(DataError, match="column 'x' is 'tall', expected a finite number"):
        load(tmp_path / "a.csv", test=tmp_path / "b.csv")


def test_a_column_all_missing_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("x,c\n" + "1,\n2,\n" * 10)
    data = load(tmp_path / "a.csv")
    assert any("No cell holds anything of 'c'" in note for note in data.notes)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["one", "two", "Twelve"], "holds numbers in words, such as 'one'"),
        (["5 kg", "300 g", "2 kg"], "holds numbers in several units"),
        (["2024-05-31", "01.06.2024", "06/02/2024"], "holds dates written in 3 ways"),
    ],
)
def test_what_looks_like_numbers_or_dates_and_is_none_is_told(tmp_path, cells, told):
    frame = pd.DataFrame({"x": range(30), "w": cells * 10})
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = load(tmp_path / "a.csv")
    assert data.kind.column_kinds["w"] == "category"
    assert any(told in note for note in data.notes)


def test_thousands_of_columns_are_read_and_one_that_is_named_left_out():
    frame = pd.DataFrame(RNG.normal(size=(5, 3000)), columns=[f"c{i}" for i in range(3000)])
    data = load(frame.assign(row="x"), types={"row": "id"})
    assert len(data.kind.columns) == 3000
    assert "3,000 columns" in data.notes[0]


def test_dates_in_words_are_read_by_the_whole_column_or_refused():
    kind = Table((("d", "date"),))
    texts = kind.check(pd.DataFrame({"d": ["31.05.2024", None, "01.06.2024"]}))
    assert texts["d"].tolist() == [pd.Timestamp("2024-05-31"), pd.NaT, pd.Timestamp("2024-06-01")]
    zoned = pd.DataFrame({"d": pd.to_datetime(["2024-05-31 22:00"]).tz_localize("Asia/Tokyo")})
    assert kind.check(zoned)["d"][0] == pd.Timestamp("2024-05-31 13:00")
    for cells in (["02/03/2024"], ["soon"], [20240531], ["2024-05-31"] * 30 + ["soon"]):
        with pytest.raises(DataError, match="expected a date such as 2024-05-31") as error:
            kind.check(pd.DataFrame({"d": cells}))
        assert repr(cells[-1]) in str(error.value)
