"""The words that tell some texts from others, where lists of words go wrong."""

import numpy as np
import pandas as pd
import pytest

from nearspace import keywords
from nearspace.errors import DataError


def words_of(texts, groups, k=3):
    return {group: [word for word, _ in told] for group, told in keywords(texts, groups, k).items()}


def test_what_is_common_everywhere_needs_no_list_of_stop_words():
    german = [f"der Hund ist in {place}" for place in ("Bonn", "Köln", "Bonn", "Köln")] * 5
    german += [f"die Katze ist in {place}" for place in ("Bonn", "Köln", "Bonn", "Köln")] * 5
    told = words_of(german, ["dog"] * 20 + ["cat"] * 20)
    assert set(told["dog"]) == {"hund", "der"}
    assert set(told["cat"]) == {"katze", "die"}


def test_markup_numbers_and_addresses_name_nothing():
    texts = [f"<br /> 2016 &nbsp; https://t.co/{i} river {i}" for i in range(9)] + ["the day"] * 9
    assert words_of(texts, [0] * 9 + [1] * 9)[0] == ["river"]


def test_scripts_without_blanks_have_runs_of_letters_that_do_not_overlap():
    texts = ["東京都は大きい", "東京都に住む", "大阪の城", "大阪の人"] * 8
    told = words_of(texts, ["t", "t", "o", "o"] * 8)
    assert told["t"][0] == "東京都"
    assert told["o"][0] == "大阪の"
    for words in told.values():
        pairs = [word[i : i + 2] for word in words for i in range(len(word) - 1)]
        assert len(pairs) == len(set(pairs))
    thai = words_of(["อาหารอร่อย", "อาหารมาก", "รถไฟช้า", "รถไฟเร็ว"] * 8, [0, 0, 1, 1] * 8, 1)
    assert thai[1] == ["รถไฟ"]


def test_few_texts_one_group_and_none():
    assert words_of(["red", "red", "blue", "blue"], [0, 0, 1, 1]) == {0: ["red"], 1: ["blue"]}
    assert words_of(["red", "red"], ["a", "a"]) == {"a": []}  # from nothing
    assert words_of(["red", "blue"], [0, 1]) == {0: [], 1: []}  # each word once
    assert words_of(["", "😀", "12"], [0, 1, 1]) == {0: [], 1: []}
    assert keywords([], []) == {}
    missing = [None, np.nan, pd.NA, "a", "a", "a"]
    assert words_of(["sea"] * 3 + ["hill"] * 3, missing) == {"a": ["hill"]}


def test_a_text_that_repeats_a_word_does_not_name_its_group():
    texts = ["spam " * 1000 + "boat", "boat sea", "boat spam", "boat far", *["hill far"] * 4]
    assert words_of(texts, [0] * 4 + [1] * 4)[0][0] == "boat"


def test_the_scores_fall_and_are_sure():
    random = np.random.default_rng(0)
    noise = [" ".join(random.choice([*"abcdefgh"], 5)) + " same" for _ in range(60)]
    told = keywords(pd.Series(noise), pd.Series([0, 1] * 30))
    assert told == {0: [], 1: []}
    told = keywords(["river day", "engine day", "river night"] * 9, ["r", "e", "r"] * 9)["r"]
    scores = [score for _, score in told]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 1


@pytest.mark.parametrize(
    ("texts", "groups", "told"),
    [
        (["a", "b"], [1], "a group a text, got 2 texts and 1 groups"),
        ("one text", [1], "expected a list of str"),
        (["a", None], [1, 2], "row 1 is None"),
    ],
)
def test_mistakes_are_told_in_a_sentence(texts, groups, told):
    with pytest.raises(DataError, match=told):
        keywords(texts, groups)
