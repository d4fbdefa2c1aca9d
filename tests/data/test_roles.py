"""What labels, groups and ids become: nothing merges, no digit is lost, what is odd is told."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nearspace import embed, load, open_space, save
from nearspace.data import target_of
from nearspace.data.roles import as_written, plain_values, role_notes
from nearspace.errors import DataError
from nearspace.space.arrays import plain_array
from nearspace.space.search.filters import matching

CODES = [123456789012345678, 123456789012345679]  # one number as float64


def read(tmp_path, cells, role="labels", ending=".csv"):
    """Return the values of a role that stands in a file, and the notes on it."""
    separator = "\t" if ending == ".tsv" else ","
    path = tmp_path / f"table{ending}"
    lines = [f"{row}.5{separator}{cell}" for row, cell in enumerate(cells)]
    path.write_text("\n".join([f"x{separator}code", *lines]) + "\n")
    data = load(path, **{role: "code"})
    values = data.target.values if role == "labels" else getattr(data, role)
    return values.tolist(), " ".join(data.notes)


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
@pytest.mark.parametrize(
    ("cells", "values", "told"),
    [
        (["1", "1.0", "b"], ["1", "1.0", "b"], "'1' and '1.0' differ as texts, not as numbers"),
        (["1", "1.0", "2"], ["1", "1.0", "2"], "'1' and '1.0' differ as texts"),
        (["007", "07", "7"], ["007", "07", "7"], "'007' and '07', '007' and '7' differ as"),
        (["10e3", "10000", "1_000"], ["10e3", "10000", "1_000"], "'10000' and '10e3'"),
        (["007", "042", "100"], ["007", "042", "100"], ""),
        (["elm", "elm ", "oak"], ["elm", "elm ", "oak"], "'elm' and 'elm ' differ only by blanks"),
        (["elm", "Elm", "oak"], ["elm", "Elm", "oak"], "differ only by case or blanks"),
        (["cafe\u0301", "caf\u00e9", "tea"], ["cafe\u0301", "caf\u00e9", "tea"], "differ only by"),
        (["None", "n/a", "a"], ["None", "n/a", "a"], "'None' and 'n/a' were taken for labels"),
        (["nan", "null", "NA"], ["nan", "null", "NA"], "(3 of 3 items)"),
        (["1", "2", "NA"], [1, 2], "'NA' (1 of 3) was taken for missing ones"),
        (["0.5", "2", "?"], [0.5, 2.0], "'?' (1"),
        (["1", "2", ""], [1, 2], "1 of the 3 items has no label"),
        (["a", "b", " "], ["a", "b"], "1 of the 3 items has no label"),
        (["1.0", "2.0", ""], [1, 2], "has no label"),
        (["+1", "-1", "+1"], ["+1", "-1", "+1"], ""),
        ([*map(str, CODES), ""], CODES, "has no label"),
        (["98765432109876543210", "98765432109876543211", "3"], None, ""),
        (["True", "0", "1"], ["True", "0", "1"], ""),
        (["1e-5", "2.5e-5", "3"], [1e-5, 2.5e-5, 3.0], ""),
    ],
)
def test_labels_of_a_text_file_are_what_they_look_like(tmp_path, cells, values, told, ending):
    labels, notes = read(tmp_path, cells, ending=ending)
    assert labels == (cells if values is None else values)
    assert told in notes
    assert told or "differ" not in notes


def test_ids_and_groups_of_a_text_file_keep_their_zeros_and_digits(tmp_path):
    assert read(tmp_path, ["00001", "00002"], "ids")[0] == ["00001", "00002"]
    assert read(tmp_path, ["NA", "None"], "ids")[0] == ["NA", "None"]
    assert read(tmp_path, [*map(str, CODES)], "ids")[0] == CODES
    groups, notes = read(tmp_path, ["p1", "P1 ", "07", "7"], "groups")
    assert groups == ["p1", "P1 ", "07", "7"]
    assert "The groups 'P1 ' and 'p1' differ only by case or blanks" in notes
    with pytest.raises(DataError, match="items without a id: 1"):
        read(tmp_path, [str(CODES[0]), ""], "ids")


def test_infinite_numbers_are_no_labels(tmp_path):
    with pytest.raises(DataError, match="the label of row 0 is inf, expected a finite number"):
        read(tmp_path, ["inf", "1", "2"])


@pytest.mark.parametrize(
    ("labels", "values", "told"),
    [
        ([1, 1.0, "a", "1"], ["1", "1.0", "a", "1"], "1 (a number) and '1' (a text) were taken"),
        ([1, 1.0, 2, 3], [1, 1, 2, 3], ""),
        (["a", None, "None", "b"], ["a", "None", "b"], "'None' was taken for labels of that name"),
        ([True, None, False, True], ["True", "False", "True"], "has no label"),
        ([b"a", b"b", b"a", b"a"], ["a", "b", "a", "a"], ""),
        ([*CODES, None, 3], [*CODES, 3], "has no label"),
        ([*CODES, 2**63, 2**64 - 1], [*CODES, 2**63, 2**64 - 1], ""),
        ([-1, 2**63, 5, 6], ["-1", str(2**63), "5", "6"], ""),
        ([10**20, 10**20 + 1, 5, 6], [str(10**20), str(10**20 + 1), "5", "6"], ""),
        ([2**53 + 1, 1.0, 2.0, 3], [2**53 + 1, 1, 2, 3], ""),
        ([Decimal("1.50"), Decimal(2), 3, 4], [1.5, 2, 3, 4], ""),
        ([float(2**60), 1.0, None, 2.0], [2**60, 1, 2], "which rounds whole numbers beyond"),
        (pd.array([*CODES, None, 3], dtype="Int64"), [*CODES, 3], "has no label"),
        (pa.array([*CODES, None, 3]), [*CODES, 3], "has no label"),
        (pd.Categorical(["a", "b", None, "a"]), ["a", "b", "a"], "has no label"),
        (np.array([b"a", b"b", b"a", b"a"]), ["a", "b", "a", "a"], ""),
        ([datetime.date(2024, 5, day) for day in (1, 2, 1, 2)], None, ""),
    ],
)
@pytest.mark.parametrize("framed", [False, True])
def test_labels_given_as_values_lose_nothing(labels, values, told, framed):
    if framed:
        if isinstance(labels, pa.Array):
            pytest.skip("no column of a frame")
        column = labels if hasattr(labels, "dtype") else pd.Series(labels, dtype=object)
        data = load(pd.DataFrame({"x": np.arange(4.0), "y": column}), labels="y")
    else:
        data = load(np.eye(4), labels=labels)
    assert data.target.values.tolist() == ([*map(str, labels)] if values is None else values)
    assert told in " ".join(data.notes)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([[1, 2], [3], [1], [2]], "the label of row 0 is .1, 2., of type list"),
        ([(1, 2), (3, 4), (1, 2), (3, 4)], "of type tuple"),
        ([{"a": 1}, {"b": 2}, {}, {}], "of type dict"),
        ([1j, 2, 3, 4], "of type complex"),
        (np.array([1j, 2, 3, 4]), "of type complex"),
        ([np.inf, 1, 2, 3], "is inf, expected a finite number"),
        ([-np.inf, 1.5, 2, 3], "is -inf, expected a finite number"),
        ([1e300, 2e300, 1, 2], "is 1e.300, too large a number to be told from its neighbours"),
        ([b"\xff\xfe", b"a", b"a", b"a"], "of type bytes"),
    ],
)
def test_what_is_no_single_value_is_refused(labels, words):
    with pytest.raises(DataError, match=words):
        load(np.eye(4), labels=labels)
    with pytest.raises(DataError, match=words.replace("too large.*", "")):
        plain_values(np.array([None, *labels], dtype=object)[1:], "labels", "Labels")


def test_a_target_made_without_load_is_held_to_the_same():
    with pytest.raises(DataError, match="row 1 has none"):
        target_of(["a", None, "b"])
    with pytest.raises(DataError, match="is inf"):
        target_of([1.0, np.inf])
    assert target_of([*CODES, 2**63]).values.tolist() == [*CODES, 2**63]
    assert target_of([1, "1.0"]).values.tolist() == ["1", "1.0"]


def test_a_name_is_told_once_and_many_are_counted():
    names = np.array([f"{word}{blank}" for word in "abcdef" for blank in ("", " ")])
    (note,) = role_notes(names, "labels")
    assert "'c' and 'c ', and 3 more, differ only by blanks" in note
    assert role_notes(np.array(["1", "2", "-"]), "labels")[0].startswith("'-' was taken")
    assert as_written(["1", "-", "2"], "labels")[0].tolist() == [1, None, 2]


@pytest.fixture
def coded():
    """Thirty-nine rows: codes of 18 digits with a gap, exact and as they come from a CSV reader."""
    codes = [123456789012345600 + row for row in range(38)]
    column = pd.array([*codes, None], dtype="Int64")
    texts = [f"row {row} of these" for row in range(39)]
    rounded = [*map(float, codes), np.nan]
    return pd.DataFrame({"text": texts, "ticket": column, "rounded": rounded})


def test_codes_of_many_digits_are_found_one_by_one(coded, tmp_path):
    def met(space, condition):
        return int(matching(space, [condition]).sum())

    texts = load(coded, column="text")
    assert "The column 'rounded' came as float64, which rounds whole numbers" in " ".join(
        texts.notes
    )
    space = embed(texts, "tfidf")
    save(space, tmp_path / "texts.space")
    for each in (space, open_space(tmp_path / "texts.space")):
        assert met(each, "ticket=123456789012345601") == 1
        assert met(each, "ticket=123456789012345601.0") == 1
        assert met(each, "ticket>=123456789012345636") == 2
    table = load(coded[["ticket"]].assign(x=np.arange(39.0)))
    assert "whole numbers too large to be exact" in " ".join(table.notes)
    assert met(embed(table, "onehot"), "ticket=123456789012345601") == 1
    labelled = embed(load(coded[:-1], column="text", labels="ticket"), "tfidf")
    save(labelled, tmp_path / "labelled.space")
    assert met(open_space(tmp_path / "labelled.space"), "label=123456789012345601") == 1


@pytest.mark.parametrize(
    "values",
    [[2**63 + 1, 5], [2**63 + 1, -5], [2**53 + 1, 0.5], [1, 2.5, "a"], [1, "1"], [*CODES, None]],
)
def test_an_array_of_a_space_is_what_it_was_made_of(values):
    again = plain_array(values).tolist()
    assert again == values
    assert [*map(type, again)] == [*map(type, values)]


def test_the_name_of_a_column_decides_nothing(tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"{row}.5,{['1', '1.0', 'NA'][row % 3]}" for row in range(30)]
    path.write_text("\n".join(["a,thousands", *lines]) + "\n")
    labels = load(path, labels="thousands").labels.tolist()
    assert labels[:3] == ["1", "1.0", "NA"]
