import gzip

import numpy as np
import pytest

from nearspace import load
from nearspace.data import Series
from nearspace.errors import DataError

HEADER = """# a comment
@problemName Made
@timeStamps false
@univariate false
@dimensions 2
@classLabel true a b
@data
"""


@pytest.fixture
def made(tmp_path):
    def write(body, header=HEADER, name="made.ts"):
        path = tmp_path / name
        text = (header + body).encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return write


def test_series_of_several_channels_and_lengths(made):
    path = made("1,2,3:4,5,6:a\n\n% another comment\n7,8:9,-1e1:b\n", name="made.ts.gz")
    data = load(path)
    assert (data.kind, data.labels.tolist()) == (Series(2), ["a", "b"])
    assert [item.tolist() for item in data.items] == [
        [[1, 2, 3], [4, 5, 6]],
        [[7, 8], [9, -10]],
    ]
    assert len(data.notes) == 1


def test_missing_values_times_and_numbers_as_labels(made):
    header = "@timeStamps true\n@univariate true\n@targetLabel true\n@data\n"
    data = load(made("(0,1),(1,?),(2,3):0.5\n(0,5),(1,NaN):1.25\n", header))
    assert [item.tolist() for item in data.items] == [[[1, 2, 3]], [[5]]]
    assert data.labels.tolist() == [0.5, 1.25]
    assert any("missing in 1 of 2 series (0)" in note for note in data.notes)


def test_times_of_day_have_colons_too(made):
    header = "@timestamps true\n@classLabel true a\n@data\n"
    line = "(2013-03-01 00:00:00,1.5),(2013-03-01 01:00:00,2):(2013-03-01 00:00:00,3),(4,5):a\n"
    data = load(made(line, header))
    assert data.items[0].tolist() == [[1.5, 2], [3, 5]]
    assert any("times, which were not looked at" in note for note in data.notes)
    with pytest.raises(DataError, match=r"line 4 has steps that are no '\(time,value\)'"):
        load(made("(0,1),(1,2:(0,1),(1,2):a\n", header))


def test_a_file_of_that_ending_among_texts_is_none_of_series(tmp_path):
    for n in range(12):
        (tmp_path / f"{n}.md").write_text(f"text {n}")
    (tmp_path / "index.ts").write_text("export const a = 1;")
    assert load(tmp_path).kind.name == "text"


def test_a_series_without_all_channels_is_left_out_and_named(made):
    data = load(made("1,2:3,4:a\n1,2:a\n5:6:b\n"))
    assert (data.ids.tolist(), data.labels.tolist()) == ([0, 2], ["a", "b"])
    assert data.left_out == {"1": "line 9 has 1 channels"}
    note = "1 line without the 2 channels that most have was left out"
    assert any(note in each for each in data.notes)


def test_a_header_that_lies_is_told(made):
    header = "@univariate true\n@equalLength true\n@seriesLength 9\n@classLabel true a\n@data\n"
    notes = " ".join(load(made("1,2:3,4:a\n1,2,3:4,5,6:z\n", header)).notes)
    assert "@univariate true, and it is false" in notes
    assert "@equallength true, and it is false" in notes
    assert "@serieslength 9, and it is several" in notes
    assert "names the classes a, and not 'z'" in notes


@pytest.mark.parametrize(
    ("body", "header", "words"),
    [
        ("1,two:3,4:a\n", HEADER, "line 8 holds 'two', expected numbers"),
        ("1,2\n", HEADER, "line 8 has no ':' before a label"),
        ("", HEADER, "holds no series"),
        ("1,2:a\n", "@problemName Made\n", "line 2 comes before @data"),
        ("1,2:a\n", "", "line 1 comes before @data"),
    ],
)
def test_what_is_no_such_file_is_told_by_its_line(made, body, header, words):
    with pytest.raises(DataError, match=words):
        load(made(body, header))


def test_a_folder_holds_a_published_split(made):
    made("1,2:3,4:a\n", name="Made_TRAIN.ts")
    path = made("5,6:7,8:b\n5,6:7,9:a\n", name="Made_TEST.ts.gz")
    data = load(path.parent)
    assert (data.split.tolist(), data.labels.tolist()) == (
        ["train", "test", "test"],
        ["a", "b", "a"],
    )
    assert data.ids.tolist() == ["train/0", "test/0", "test/1"]
    made("1,2:3,4:a\n", name="Made_TRAIN.ts.gz")  # the same packed
    (path.parent / "README.md").write_text("What it is.")
    assert load(path.parent).ids.tolist() == data.ids.tolist()
    made("5,6:7,8:b\n", name="Other_TRAIN.ts")
    with pytest.raises(DataError, match="of one data set in a folder"):
        load(path.parent)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "kind", "counts", "steps"),
    [
        ("GunPoint", Series(1), [50, 150], {150}),
        ("BasicMotions", Series(6), [40, 40], {100}),
        ("JapaneseVowels", Series(12), [270, 370], {*range(7, 30)} - {27, 28}),
    ],
)
def test_public_series(public_data, name, kind, counts, steps):
    data = load(public_data / "series" / name)
    assert data.kind == kind
    assert [int((data.split == part).sum()) for part in ("train", "test")] == counts
    assert {item.shape[1] for item in data.items} <= {*range(7, 30)} | steps
    assert all(np.isfinite(item).all() for item in data.items)
