"""Vocabularies: tokens in order, their numbers and back, what is left out, what comes of a file."""

from collections import Counter

import numpy as np
import pytest

from nearspace.data import SAMPLES
from nearspace.data.words import words_of
from nearspace.encoders.vocabulary import PADDING, UNKNOWN, Vocabulary
from nearspace.errors import DataError

TEXTS = [
    *SAMPLES["sentences"]().items[:300],
    "",
    "Ünïcode’s 読む 👩‍👩‍👧 <unk> <pad>",
    "\t  two  blanks\n",
]
NEW = ["never seen: zzyzx!", "", "the İstanbul of the sea"]


@pytest.mark.parametrize("most", [40, 100_000])
@pytest.mark.parametrize(("unit", "split"), [("word", words_of), ("char", list)])
def test_tokens_are_those_of_a_naive_count(unit, split, most):
    counted = Counter(token for text in TEXTS for token in split(text))
    common = sorted(token for token in counted if counted[token] > 1)
    common = sorted(common, key=lambda token: -counted[token])[:most]
    vocabulary = Vocabulary.of(TEXTS, unit, most=most, at_least=2)
    assert vocabulary.tokens == common
    assert vocabulary.counts.tolist() == [counted[token] for token in common]
    assert vocabulary.seen == (len(counted), counted.total())
    at = {token: number for number, token in enumerate(common, 2)}
    flat, offsets = vocabulary.ids(NEW + TEXTS)
    assert (flat.dtype, offsets.dtype) == (np.int32, np.int64)
    unknown = 0
    for row, text in enumerate(NEW + TEXTS):
        numbers = [at.get(token, UNKNOWN) for token in split(text)]
        assert flat[offsets[row] : offsets[row + 1]].tolist() == numbers
        unknown += numbers.count(UNKNOWN)
    assert vocabulary.unknown_share(NEW + TEXTS) == unknown / len(flat)


@pytest.mark.parametrize("unit", ["word", "char", "bpe"])
def test_texts_come_back_and_a_vocabulary_out_of_its_state(unit):
    vocabulary = Vocabulary.of(TEXTS, unit, most=600)
    flat, offsets = vocabulary.ids(TEXTS)
    back = vocabulary.texts(flat, offsets)
    if unit == "word":
        numbers = vocabulary.numbers
        wanted = [[w if w in numbers else "\ufffd" for w in words_of(text)] for text in TEXTS]
        assert back == [" ".join(words) for words in wanted]
    else:
        assert back == TEXTS
    assert vocabulary.texts([PADDING, *flat[:9], PADDING]) == vocabulary.texts(flat[:9])
    again = Vocabulary.from_state(vocabulary.state)
    assert len(again) == len(vocabulary)
    np.testing.assert_array_equal(again.ids(TEXTS + NEW)[0], vocabulary.ids(TEXTS + NEW)[0])
    assert Vocabulary.of(TEXTS, unit, most=600).state["tokens"] == vocabulary.tokens


def test_pieces_leave_nothing_unknown_and_grow_with_the_number_asked_for():
    few, more = (Vocabulary.of(TEXTS, "bpe", most=most) for most in (256, 400))
    assert (len(few), len(more)) == (258, 402)
    assert len(more.ids(TEXTS)[0]) < len(few.ids(TEXTS)[0]) == sum(len(t.encode()) for t in TEXTS)
    assert more.texts(*more.ids(NEW)) == NEW
    assert more.unknown_share(NEW) == 0
    assert more.notes == more.notes_on(NEW) == ()


def test_what_is_left_out_or_unknown_is_told():
    vocabulary = Vocabulary.of(["a a a b b c", "d"], most=2)
    assert vocabulary.notes == (
        "The vocabulary has the 2 commonest of 4 words; the others are 28.6 % of what the texts "
        "hold.",
    )
    assert vocabulary.notes_on(["a b x y"]) == (
        "50.0 % of the words of the texts are unknown to it.",
    )
    assert vocabulary.notes_on(["a b", ""]) == Vocabulary.of(["a"]).notes == ()


def test_words_with_capitals_are_met_by_their_small_letters():
    vocabulary = Vocabulary("word", ["Paris", "king", "King", "paris", "PARIS", "Rome"])
    assert vocabulary.ids(["PARIS Paris King rome"])[0].tolist() == [5, 5, 3, 7]


def test_bad_input_is_said_in_a_sentence():
    with pytest.raises(DataError, match=r"hold no word, so there is no vocabulary"):
        Vocabulary.of(["", "…!"])
    with pytest.raises(DataError, match=r"hold no character that stands there 5 times"):
        Vocabulary.of(["abc"], "char", at_least=5)
    with pytest.raises(DataError, match=r"'words'\. Did you mean 'word'\?"):
        Vocabulary.of(["a"], "words")
    with pytest.raises(DataError, match=r"at least 256, each at least once; got most=100"):
        Vocabulary.of(["a"], "bpe", most=100)
    with pytest.raises(DataError, match=r"has the numbers 0 to 2, got 3"):
        Vocabulary.of(["a"]).texts([3])


@pytest.mark.parametrize(
    "change",
    [
        {"unit": "words"}, {"tokens": ["a", "a"]}, {"tokens": "ab"}, {"counts": np.arange(3)},
        {"unit": "char", "tokens": ["ab", "c"]}, {"unit": "bpe"}, {"seen": (1,)}, {"more": 1},
    ],
)  # fmt: skip
def test_a_state_of_no_vocabulary_is_refused(change):
    state = Vocabulary.of(["a b a"]).state
    with pytest.raises((TypeError, ValueError)):
        Vocabulary.from_state(state | change)
    del state["tokens"]
    with pytest.raises(TypeError):
        Vocabulary.from_state(state)
