"""Parts of names: what comes out is what the pattern that is told of reads."""

import numpy as np
import pytest

from nearspace.data.name_parts import name_parts
from nearspace.data.patterns import read_pattern

NAMES = {
    "digits": ["7_theo_0.wav", "3_jackson_1.wav", "3_theo_12.wav"],
    "session and user": ["s01u03-x_5.png", "s02u03-x_5.png", "s02u11-x_7.png"],
    "hashes": ["0a2b40_nohash_0.wav", "ffe012_nohash_3.wav", "ffe012_nohash_1.wav"],
    "folders": ["yes/ada/1.wav", "no/bo/2.wav", "no/ada/11.wav"],
    "unequal": ["ada-1.txt", "bo-2-final.txt", "ada-3-x-y.txt"],
    "endings": ["ada_1.jpg", "bo_2.png", "ada_3.jpg"],
}


@pytest.mark.parametrize("case", NAMES)
def test_the_pattern_of_a_part_reads_that_part(case):
    names = NAMES[case]
    parts = name_parts(names)
    assert parts
    for part in parts:
        if part.pattern:
            pattern = read_pattern(part.pattern)
            assert [pattern.match(name)["group"] for name in names] == part.values.tolist()


def test_parts_are_cut_between_letters_and_digits_where_all_names_have_both():
    told = {part.place: (part.values.tolist(), part.pattern) for part in name_parts(
        NAMES["session and user"]
    )}  # fmt: skip
    assert told["part 1 of the names, its digits at 2"] == (
        ["01", "02", "02"], "s{group}u{}-x_{}.png",
    )  # fmt: skip
    assert told["part 1 of the names, its digits at 4"][0] == ["03", "03", "11"]
    assert "part 2 of the names" not in told  # it is the same in all
    mixed = ["ada1_x.png", "bo2_x.png", "ada2_x.png"]
    halves = {part.place: part.pattern for part in name_parts(mixed)}
    assert halves["part 1 of the names, its letters at 1"] == ""  # no text stands between the two


def test_the_label_is_named_where_no_folder_says_it():
    labels = ["7", "3", "3"]
    assert name_parts(NAMES["digits"], labels)[1].pattern == "{label}_{group}_{}.wav"
    under = ["7/7_theo_0.wav", "3/3_jackson_1.wav", "3/3_theo_12.wav"]
    assert name_parts(under, labels)[2].pattern == "{}_{group}_{}.wav"


def test_names_without_parts_have_none():
    assert name_parts([]) == []
    assert [part.values.tolist() for part in name_parts(["a", "b"])] == [["a", "b"]]
    assert name_parts(["__", "_"]) == []
    braces = name_parts(["a_{x}_1.png", "b_{x}_2.png"])
    assert all(part.pattern == "" for part in braces)
    assert np.array_equal(braces[0].values, ["a", "b"])
