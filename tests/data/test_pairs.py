"""Pairs: two sides and their links, read from two columns of a table."""

import numpy as np
import pandas as pd
import pytest

from nearspace.data import load
from nearspace.data.pair_reading import load_pairs
from nearspace.data.pairs import Pairs
from nearspace.errors import DataError

TABLE = pd.DataFrame(
    {
        "de": ["Hund", "Katze", "Hund", None, "Hund", "Maus"],
        "en": ["dog", "cat", "hound", "bird", "dog", "NA"],
        "score": [5.0, 4.5, 3.0, 2.0, 1.0, 0.5],
    }
)


def told(pairs):
    """Return the texts of every pair."""
    sides = (pairs.left.items, pairs.right.items)
    return [tuple(side[at] for side, at in zip(sides, link, strict=True)) for link in pairs.links]


@pytest.mark.parametrize("ending", ["frame", "csv", "tsv.gz", "parquet"])
def test_two_columns_are_read_a_pair_a_row(ending, tmp_path):
    source = TABLE
    if ending != "frame":
        source = tmp_path / f"pairs.{ending}"
        if ending == "parquet":
            TABLE.to_parquet(source)
        else:
            TABLE.to_csv(source, index=False, sep="\t" if "tsv" in ending else ",")
    pairs = load_pairs(source, "de", "en", scores="score")
    # A text in several rows is one item; "NA" is a word; the second (Hund, dog) is left out.
    assert told(pairs) == [("Hund", "dog"), ("Katze", "cat"), ("Hund", "hound"), ("Maus", "NA")]
    assert pairs.left.items == ["Hund", "Katze", "Maus"]
    assert pairs.left.ids.tolist() == [0, 1, 5]
    assert pairs.scores.tolist() == [5.0, 4.5, 3.0, 0.5]
    assert pairs.notes == (
        "1 row without one of its texts was left out.",
        "1 row whose pair stood there before was left out.",
    )


def test_both_columns_may_be_of_one_set():
    table = pd.DataFrame({"a": ["x", "y", "z"], "b": ["y", "z", "w"]})
    pairs = load_pairs(table, "a", "b", same=True)
    assert pairs.left is pairs.right
    assert pairs.left.items == ["x", "y", "z", "w"]
    assert told(pairs) == [("x", "y"), ("y", "z"), ("z", "w")]
    some = pairs.take([2, 0])
    assert some.left is some.right
    assert told(some) == [("z", "w"), ("x", "y")]


def test_some_pairs_bring_their_items_alone():
    pairs = load_pairs(TABLE, "de", "en", scores="score")
    some = pairs.take(pairs.scores < 4)
    assert told(some) == [("Hund", "hound"), ("Maus", "NA")]
    assert some.right.items == ["hound", "NA"]
    assert some.right.ids.tolist() == [2, 5]
    assert some.scores.tolist() == [3.0, 0.5]
    assert len(some) == 2


@pytest.mark.parametrize(
    ("links", "scores", "words"),
    [
        ([[0, 2]], None, ["pair 0 leads to item 2 of 2 on the right"]),
        ([[0, 0], [-1, 0]], None, ["pair 1 leads to item -1", "left"]),
        ([[0, 1], [0, 1]], None, ["pair 1 stands there before"]),
        ([0, 1], None, ["shape (m, 2)", "(2,)"]),
        ([[0.0, 1.0]], None, ["float64"]),
        ([[0, 1]], [1.0, 2.0], ["1 scores", "(2,)"]),
        ([[0, 1]], [np.nan], ["score of pair 0 is nan"]),
        ([[0, 1]], ["much"], ["a number a pair"]),
    ],
)
def test_what_is_no_pair_is_refused(links, scores, words):
    texts = load(["a", "b"])
    with pytest.raises(DataError) as error:
        Pairs(texts, texts, links, scores)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_columns_and_files_that_are_not_there_are_told(tmp_path):
    with pytest.raises(DataError, match=r"no column 'Score'\. Did you mean 'score'"):
        load_pairs(TABLE, "Score", "en")
    (tmp_path / "a.txt").write_text("one line")
    with pytest.raises(DataError, match=r"a\.txt ends in '\.txt', expected a table"):
        load_pairs(tmp_path / "a.txt", "de", "en")
    with pytest.raises(DataError, match=r"gone\.csv cannot be read"):
        load_pairs(tmp_path / "gone.csv", "de", "en")
    with pytest.raises(DataError, match="expected a row with a text in 'de'"):
        load_pairs(TABLE.iloc[3:4], "de", "en")
    with pytest.raises(DataError, match="file or a DataFrame, got list"):
        load_pairs(["a"], "de", "en")


def test_judged_sentences_are_read(public_data, tmp_path):
    names = ["one", "other", "score"]
    path = next((public_data / "stsb-captions").glob("*en*.csv.gz"))
    frame = pd.read_csv(path, header=None, names=names)
    pairs = load_pairs(frame, "one", "other", scores="score", same=True)
    assert len(pairs) + sum(int(note.split()[0]) for note in pairs.notes) == len(frame)
    assert 0 <= pairs.scores.min() < pairs.scores.max() <= 5


JUDGED = pd.DataFrame(
    {"a": ["x", "y", "z", "w"], "b": ["u", "v", "u", "v"], "s": ["5", "0.5", None, "3"]}
)


def test_rows_without_a_score_are_left_out():
    pairs = load_pairs(JUDGED, "a", "b", scores="s")
    assert told(pairs) == [("x", "u"), ("y", "v"), ("w", "v")]
    assert pairs.notes == ("1 row without a score was left out.",)


@pytest.mark.parametrize(
    ("scores", "scale", "words"),
    [
        ([5.0, 0.5, 9, -1.0], (0, 5), r"row 2 is 9, expected scores from 0 to 5; so it is in 2"),
        ([5.0, 0.5, 2.0, np.inf], None, r"score in row 3 is inf, expected a finite number"),
        (["5", "little", "much", "none"], None, r"a number in each row of 's', .* got 'little'"),
        (["2"] * 30 + ["like"] + ["1"] * 9, None, r"score in row 30 is 'like'; expected a number"),
    ],
)  # fmt: skip
def test_scores_that_are_none_are_refused(scores, scale, words):
    n = len(scores)
    table = pd.DataFrame({"a": [f"x{at}" for at in range(n)], "b": ["y"] * n, "s": scores})
    with pytest.raises(DataError, match=words):
        load_pairs(table, "a", "b", scores="s", scale=scale)


def test_pairs_to_judge_on_may_stand_apart():
    more = pd.DataFrame({"a": ["x", "new"], "b": ["u", "v"], "s": ["1", "2"]})
    pairs = load_pairs(JUDGED.dropna(), "a", "b", scores="s", test=more)
    # The first of the test pairs stood there before.
    assert pairs.split.tolist() == ["train"] * 3 + ["test"]
    assert pairs.take([3, 0]).split.tolist() == ["test", "train"]
    with pytest.raises(DataError, match="no column 's'"):
        load_pairs(JUDGED, "a", "b", scores="s", test=more[["a", "b"]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"grades": [0.0]}, "grade of pair 0 is 0; expected numbers above 0"),
        ({"grades": [1.0, 2.0]}, "expected 1 grades, a number a pair"),
        ({"split": ["dev"]}, "expected 'train' or 'test' of each of 1 pairs"),
    ],
)
def test_what_is_said_of_pairs_is_checked(options, words):
    texts = load(["a", "b"])
    with pytest.raises(DataError, match=words):
        Pairs(texts, texts, [[0, 1]], **options)


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([0, 1.5, 2, 3, 4.5, 5, 2.5, 55], "row 7 is 55, all others are from 0 to 5"),
        ([0, 1.5, 2, -1, 4.5, 5, 2.5, 3], "row 3 is -1, all others are from 0 to 5"),
        ([-999, 0.1, 0.5, -0.3, 0.9, 0.2, -0.8, 1, 0, 0.7] * 2, "row 0 and in 1 more is -999"),
        ([0, 1.5, 2, 3, 4.5, 5, 2.5, 3], ""),
        ([-1, -0.5, 0, 0.2, 0.4, 0.6, 0.8, 1], ""),
        ([0, 0, 0, 1, 1, 1, 0, 1], ""),
    ],
)
def test_scores_unlike_all_others_are_told_where_nobody_said_the_scale(scores, told):
    table = pd.DataFrame({"a": [f"a{at}" for at in range(len(scores))], "b": "b", "s": scores})
    notes = " ".join(load_pairs(table, "a", "b", scores="s").notes)
    assert told in notes
    assert ("scale=" in notes) is bool(told)
    if not told:
        assert not load_pairs(table, "a", "b", scores="s", scale=(-1, 5)).notes
