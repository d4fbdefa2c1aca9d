import gzip

import numpy as np
import pytest

from nearspace.data.readers.delimited import read_delimited
from nearspace.errors import DataError


def read(folder, text, name="a.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return read_delimited(folder / name)


def rows(found):
    """The names of the columns and the rows under them, an empty cell as None."""
    frame = found.frame.astype(object)
    return [list(frame.columns), *frame.where(frame.notna(), None).values.tolist()]


AB = [["a", "b"], ["1", "x"], ["2", "y"]]


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("a,b\n1,x\n2,y\n", AB, []),
        ("a;b\n1;x\n2;y\n", AB, ["Separated by ';'."]),
        ("a\tb\r\n1\tx\r\n2\ty", AB, ["Separated by a tab."]),
        ("a|b\r1|x\r2|y\r", AB, ["Separated by '|'."]),
        ("sep=;\na;b\n1;x\n2;y\n", AB, ["Separated by ';'."]),
        ('"sep=|"\na|b\n1|x\n2|y\n', AB, ["Separated by '|'."]),
        ("\ufeffa,b\n1,x\n2,y\n", AB, []),
        ('"a","b"\n"1","x"\n2,y', AB, []),
        (" a ,b \n1,x\n2,y\n", AB, []),
        ("\n\na,b\n\n1,x\n   \n2,y\n\n", AB, []),
        ("# made by us, in 2024\n#\na,b\n1,x\n2,y\n# the end\n", AB,
         ["2 lines of comment were left out.", "1 line of comment was left out."]),
        ("#a,b\n1,x\n2,y\n", AB,
         ["The names of the columns stand in the line of comment above the data."]),
        ("a,b\n1,x\na,b\n2,y\n", AB,
         ["1 line that repeats the names of the columns was left out."]),
        ("a,b\n1,x\n2,y\n,\n,\n", AB, ["2 lines without a value were left out."]),
        ("a,b\n1,x,\n2,y,\n", AB, ["The separator at each line's end (,) was left out."]),
        ("a,b,\n1,x,\n2,y,\n", AB,
         ["A column without a name and without values was left out."]),
        (",a,b\n0,1,x\n1,2,y\n", AB,
         ["The first column, without a name, counts the rows and was left out."]),
        ("a,,b\n1,p,x\n2,q,y\n", [["a", "column 1", "b"], ["1", "p", "x"], ["2", "q", "y"]],
         ["A column without a name is called 'column 1'."]),
        # A separator within fields is none, be it in the header, in numbers or in words.
        ("a, EUR;b\n1,5;x\n2,5;y\n", [["a, EUR", "b"], ["1,5", "x"], ["2,5", "y"]],
         ["Separated by ';'."]),
        ("a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n", [["a", "b", "c"], ["1,5", "2,5", "3,5"],
         ["4,5", "5,5", "6,5"]], ["Separated by ';'."]),
        ("name;age\nDoe, Jane;31\nRoe, Jim;47\n", [["name", "age"], ["Doe, Jane", "31"],
         ["Roe, Jim", "47"]], ["Separated by ';'."]),
        ("tags,n\na;b,1\nc;d,2\n", [["tags", "n"], ["a;b", "1"], ["c;d", "2"]], []),
        ('a,b\n"1,\n2",x\n"say ""no""",y\n', [["a", "b"], ["1,\n2", "x"], ['say "no"', "y"]], []),
        ('size,b\n5" pipe,x\n6" pipe,y\n', [["size", "b"], ['5" pipe', "x"], ['6" pipe', "y"]], []),
        ("text\nhello\nworld\n", [["text"], ["hello"], ["world"]], []),
        ("a,b\n1,x\n#2,y\n", [["a", "b"], ["1", "x"], ["#2", "y"]], []),  # it fits: no comment
        ("land,2019,2020\nA,1,2\nB,3,4\n", [["land", "2019", "2020"], ["A", "1", "2"],
         ["B", "3", "4"]], []),
        ("0,1,2\n5,6,7\n", [["0", "1", "2"], ["5", "6", "7"]], []),
    ],
)  # fmt: skip
def test_a_table_is_cut_as_it_stands(tmp_path, text, expected, notes):
    found = read(tmp_path, text)
    assert rows(found) == expected
    assert sorted(found.notes) == sorted(notes)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_encodings_of_unicode(tmp_path, encoding):
    text = "name,größe\nÄpfel,1\nБ,2\n"
    found = read(tmp_path, text, encoding=encoding)
    assert rows(found) == [["name", "größe"], ["Äpfel", "1"], ["Б", "2"]]
    assert found.notes == [f"In {encoding[:6].upper()}."] * ("8" not in encoding)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode(encoding)))
    assert rows(read_delimited(tmp_path / "b.csv.gz")) == rows(found)


@pytest.mark.parametrize(
    "text",
    [
        "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,virginica\n",
        "39, State-gov, 77516\n50, Private, 83311\n38, State-gov, 215646\n",
        "5,0,0\n0,1,7\n4,2,2\n",
        "p,x,s\ne,x,s\np,b,n\ne,x,y\n",
    ],
)
def test_a_missing_header_is_told_and_no_row_is_lost(tmp_path, text):
    found = read(tmp_path, text)
    assert list(found.frame.columns) == ["column 0", "column 1", "column 2"]
    assert rows(found)[1:] == [line.replace(", ", ",").split(",") for line in text.splitlines()]
    assert any("not names: the columns are called 'column 0' to" in note for note in found.notes)


def test_numbers_taken_for_names_are_told(tmp_path):
    assert "if they are values" in read(tmp_path, "7,9,12\n1,2,3\n").notes[0]


LINES = ["a,b,c", *[f"{n},x{n},{n % 2}" for n in range(50)]]


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        (7, "5,x,1,9", ["line 8 has 4 fields, cut by ','", "expected 3", "in quotes"]),
        (7, "5,x", ["line 8 has 2 fields", "leaving empty what has no value"]),
        (50, "Total: 50", ["line 51 has 1 field,", "leave the line out"]),
        (7, '5,"x\ny",1\n6,x', ["line 10 has 2 fields"]),
        (7, '5,"x,1', ["the quote that opens in line 8 is never closed"]),
        (7, "5,x,1,", ["line 8 has 4 fields"]),
        (7, "5,\0,1", ["line 8 holds a zero byte"]),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path, line, instead, words):
    text = "\n".join([*LINES[:line], instead, *LINES[line + 1 :]])
    with pytest.raises(DataError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith("a.csv")
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # One field more than there are names: nothing is shifted.
        ("a,b\n1,2,x\n3,4,y\n", ["has 2 names", "have 3 fields", "give every column a name"]),
        ("a,b,a\n1,2,3\n", ["the column 'a' stands twice"]),
        ("text\nHello, world\nBye, world\n", ["has 1 name,", "have 2 fields", "in quotes"]),
        ("", ["is empty"]),
        (" \n\n", ["is empty"]),
        (",,,,\n,,,,\n", ["separators and quotation marks alone"]),
        ('"', ["separators and quotation marks alone"]),
    ],
)
def test_what_cannot_be_cut_is_refused(tmp_path, text, words):
    with pytest.raises(DataError) as error:
        read(tmp_path, text)
    assert all(word in str(error.value) for word in words), error.value


def test_a_tsv_and_what_its_name_says(tmp_path):
    assert rows(read(tmp_path, "a\tb\n1, 2\tx\n", "a.tsv")) == [["a", "b"], ["1, 2", "x"]]
    assert read(tmp_path, "a\tb\n1\tx\n", "a.tsv").notes == []
    assert read(tmp_path, "a,b\n1,x\n", "a.tsv").notes == ["Separated by ','."]


def test_long_fields_and_many_lines(tmp_path):
    long = "word " * 600_000  # longer than what is cut at once
    found = read(tmp_path, f'a,b\n1,"{long}"\n2,y\n')
    assert found.frame["b"].tolist() == [long, "y"]
    count = 60_000
    lines = [f"{n},{'x' * (n % 40)}" for n in range(count)]
    found = read(tmp_path, "\n".join(["n,x", *lines]))
    assert (found.frame["n"].astype(int) == np.arange(count)).all()
    lines[-2] += ",9"
    with pytest.raises(DataError, match="line 60000 has 3 fields"):
        read(tmp_path, "\n".join(["n,x", *lines]))


def test_very_many_columns(tmp_path):
    names = [f"gene number {n}" for n in range(12_000)]
    lines = [",".join(names), *[",".join(f"{n + r}.5" for n in range(12_000)) for r in range(12)]]
    found = read(tmp_path, "\n".join(lines))
    assert list(found.frame.columns) == names
    assert found.frame.shape == (12, 12_000)


def test_two_colons_cut_a_dat_file_as_those_of_movielens_are(tmp_path):
    lines = [
        "id::title::genres",
        "1::Alien: a film (1979)::Horror|Sci-Fi",
        '2::"Great" Cats, the (1998)::Musical',
        "3::Brazil (1985)::",
    ]
    path = tmp_path / "movies.dat"
    path.write_text("\n".join(lines) + "\n")
    read = read_delimited(path)
    assert read.frame["title"].tolist() == [
        "Alien: a film (1979)", '"Great" Cats, the (1998)', "Brazil (1985)",
    ]  # fmt: skip
    assert read.frame["genres"].tolist()[:2] == ["Horror|Sci-Fi", "Musical"]
    assert read.notes[0] == "Separated by '::'."
    path.write_text("user::item::rating\n1::7::5\n1::9::3\n2::7::4\n")
    assert read_delimited(path).frame.to_dict("list") == {
        "user": ["1", "1", "2"], "item": ["7", "9", "7"], "rating": ["5", "3", "4"],
    }  # fmt: skip
    path = tmp_path / "code.csv"  # of another ending two colons are text
    path.write_text("name,what\nstd::sort,a function\nstd::map,a type\n")
    assert read_delimited(path).frame["name"].tolist() == ["std::sort", "std::map"]
