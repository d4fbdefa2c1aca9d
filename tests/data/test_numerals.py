import numpy as np
import pandas as pd
import pytest

from nearspace.data.numerals import Numerals, Undecided, parse_numbers

NAN = float("nan")


@pytest.mark.parametrize(
    ("cells", "values", "way"),
    [
        (["1", "-2", "+3"], [1, -2, 3], ""),
        (["1.5", ".5", "2.", "1e-05", "2E+3"], [1.5, 0.5, 2, 1e-5, 2000], ""),
        (["1,5", "-0,25", "12"], [1.5, -0.25, 12], "a decimal comma"),
        (
            ["1.234,5", "12", "3,25"],
            [1234.5, 12, 3.25],
            "a decimal comma and '.' between thousands",
        ),
        (["1,234.5", "12"], [1234.5, 12], "',' between thousands"),
        (["1.234.567", "2"], [1234567, 2], "'.' between thousands"),
        (["1,234,567", "2"], [1234567, 2], "',' between thousands"),
        (["1 234", "5 000 000", "12"], [1234, 5000000, 12], "a blank between thousands"),
        (["1\u00a0234,5", "1\u202f000"], [1234.5, 1000], "a decimal comma and a blank between"),
        (["1'234.50", "1’000"], [1234.5, 1000], "an apostrophe between thousands"),
        (["12 kg", "5kg", "0,5 kg"], [12, 5, 0.5], "a decimal comma and the unit 'kg'"),
        (["1 day", "2 days"], [1, 2], "the unit 'day'"),
        (["3 m/s²", "4.5 m/s²"], [3, 4.5], "the unit 'm/s²'"),
        (["12,5 %", "3%"], [12.5, 3], "a decimal comma and the unit '%'"),
        (["$5", "-$1,234.56", "$-3"], [5, -1234.56, -3], "',' between thousands and the unit '$'"),
        (["€ 1.234", "€ 5"], [1234, 5], "'.' between thousands and the unit '€'"),  # no thousandths
        (["1.234,50 €", "5 €"], [1234.5, 5], "a decimal comma and '.' between thousands and the"),
        (["CHF 1'234.50", "CHF 2.00"], [1234.5, 2], "an apostrophe between thousands and the unit"),
        (["(1,234.5)", "(2.0)", "3.5"], [-1234.5, -2, 3.5], "',' between thousands"),
        (["−5", "3"], [-5, 3], ""),
        ([" 7 ", "8\t"], [7, 8], ""),
        (["1,5e-3", "2,5"], [0.0015, 2.5], "a decimal comma"),
        (["1,5", "inf"], [1.5, np.inf], "a decimal comma"),  # refused where it must be finite
    ],
)
def test_numbers_however_they_are_written(cells, values, way):
    read = parse_numbers(cells)
    assert read.values.tolist() == values
    assert read.way.startswith(way) if way else read.way == ""


def test_whole_numbers_without_a_gap_stay_whole():
    assert parse_numbers(["9007199254740992", "-7"]).values.tolist() == [2**53, -7]
    assert parse_numbers(["1", "2"]).values.dtype == np.int64
    assert parse_numbers(["1,200 kg", "2 kg"]).values.dtype == np.int64
    assert parse_numbers(["1", "2", None]).values.dtype == np.float64


@pytest.mark.parametrize("word", ["-", "?", "n/a", "NA", "unknown", "Missing", "#DIV/0!", "–", ""])
def test_words_for_missing_are_counted(word):
    for cells in (["1", "2", word, None], ["1,5", "2,5", word, None]):
        read = parse_numbers(cells)
        np.testing.assert_array_equal(np.isnan(read.values), [False, False, True, True])
        assert read.missing == {word: 1}


def test_what_few_cells_hold_is_missing_and_more_is_text():
    cells = [f"{value},5" for value in range(98)]
    read = parse_numbers([*cells, "abc", "??", "-"])
    assert read.wrong == {"abc": 1}
    assert read.missing == {"??": 1, "-": 1}
    assert np.isnan(read.values[-3:]).all()
    assert parse_numbers([*cells[:50], *["abc"] * 10]) == Undecided(
        "holds numbers in only 50 of 60 cells"
    )
    assert parse_numbers([*cells[:4], *["abc"] * 6]) is None
    late = ["1"] * 30_000  # whole columns are read, not pieces of them
    assert parse_numbers([*late, "unknown"]).missing == {"unknown": 1}
    assert parse_numbers([*late, "1.234,5"]).values[-1] == 1234.5
    assert parse_numbers([*late, "007"]).reason == "holds codes such as '007'"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["007", "12"], "codes such as '007'"),
        (["10e3", "1001"], "codes such as '10e3'"),
        (["0x1F", "0x20"], None),
        (["00501", "n/a", "10115"], "codes such as '00501'"),
        (["12 kg", "500 g"], "several units (g, kg)"),
        (["12", "12 kg"], "several units (kg, none)"),
        (["1.5k", "2M"], "several units"),
        (["123456789012345678", "1"], "too large to be exact, such as 123456789012345678"),
        (["99999999999999999999", "1"], "too large to be exact"),
        (["9.007.199.254.740.993", "1"], "too large to be exact"),
        (["1_000", "1_001"], None),
        (["01.02.2024", "02.02.2024"], None),
        (["1.2.3", "1.2.4"], None),
        (["10:30", "11:45"], None),
        (["030 123 456", "040 333 222"], None),
        (["12A", "14B"], "several units"),
        (["1-2", "3-4"], None),
        (["one", "two"], None),
        ([None, None], None),
    ],
)
def test_what_is_text(cells, reason):
    read = parse_numbers(cells)
    assert not isinstance(read, Numerals)
    if reason is not None:
        assert reason in read.reason


@pytest.mark.parametrize(
    ("cells", "point", "comma"),
    [
        (["1.234", "5.678"], [1.234, 5.678], [1234, 5678]),
        (["1,234", "12,500"], [1234, 12500], [1.234, 12.5]),
        (["1.234", "5", "unknown"], [1.234, 5, NAN], [1234, 5, NAN]),
    ],
)
def test_either_mark_is_told_and_decided_elsewhere(cells, point, comma):
    assert parse_numbers(cells).ambiguous
    np.testing.assert_array_equal(parse_numbers(cells, ".").values, point)
    np.testing.assert_array_equal(parse_numbers(cells, ",").values, comma)
    settled = parse_numbers([*cells, "0" + cells[0][1:]], ",").values  # 0.234 has no thousands
    assert settled[0] == float(cells[0].replace(",", "."))


def test_a_series_of_any_type_of_text_is_read():
    for dtype in (object, "str", "string", "category"):
        read = parse_numbers(pd.Series(["1,5", None, "2,5"], dtype=dtype))
        np.testing.assert_array_equal(read.values, [1.5, NAN, 2.5])
