"""Skip-gram and CBOW as encoders: what they learn, pieces of words, notes, and bad input."""

import numpy as np
import pytest

from nearspace.encoders.base import Encoder
from nearspace.encoders.learned.word_vectors import CBOW, SkipGram
from nearspace.errors import DataError


def corpus(n=300):
    """Return texts of two topics, whose words have endings of their own, and words of both."""
    rng = np.random.default_rng(0)
    both = ["the", "a", "of"]
    topics = [[f"{stem}ing" for stem in ("walk", "talk", "sing", "read", "play")],
              [f"{stem}ness" for stem in ("dark", "kind", "mad", "sad", "good")]]  # fmt: skip
    return [" ".join(rng.choice([*topics[n % 2], *both], 12)) for n in range(n)]


TEXTS = corpus()


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.parametrize("cls", [SkipGram, CBOW])
def test_words_of_a_topic_are_alike_and_so_are_texts_of_them(cls):
    encoder = cls(dim=10, epochs=10, subsample=0).fit(TEXTS)
    alike = cosines(encoder.transform(["walking", "singing", "darkness", "madness"]))
    assert min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max() + 0.3
    texts = cosines(encoder.transform(["talking of singing", "reading", "a sadness"]))
    assert texts[0, 1] > texts[0, 2] + 0.3
    assert {*encoder.vocabulary.tokens[:3]} == {"a", "of", "the"}
    assert not encoder.transform(["zebra", ""]).any()


def test_pieces_give_words_that_were_never_seen_a_vector():
    encoder = SkipGram(dim=10, epochs=10, subsample=0, pieces=True).fit(TEXTS)
    alike = cosines(encoder.transform(["walking", "darkness", "jumping", "illness"]))
    assert alike[0, 2] > alike[0, 3] + 0.3
    assert alike[1, 3] > alike[1, 2] + 0.3
    assert "ing>" in encoder.pieces_
    both = encoder.transform(["jumping the", "jumping", "the"])
    np.testing.assert_allclose(both[0], (both[1] + both[2]) / 2, atol=1e-6)
    assert not encoder.transform(["xyz"]).any()
    assert encoder.notes_on(["jumping the"]) == (
        "50.0 % of the words of the texts are unknown to it.",
        "They have the vectors of their pieces, where these are known.",
    )
    again = Encoder.parse(encoder.dump(), "memory")
    np.testing.assert_array_equal(
        again.transform(["jumping xyz"]), encoder.transform(["jumping xyz"])
    )
    weighted = SkipGram(dim=10, epochs=1, pieces=True, pool="sif").fit(TEXTS)
    assert weighted.transform(["jumping"]).any()


def test_what_the_vocabulary_left_out_and_what_is_unknown_is_told():
    encoder = SkipGram(dim=4, epochs=1).fit([*TEXTS, "zebra"])
    assert encoder.notes == (
        "The vocabulary has the 13 commonest of 14 words; the others are less than 0.1 % of what "
        "the texts hold.",
    )
    assert encoder.notes_on(["the zebra"]) == (
        "50.0 % of the words of the texts are unknown to it.",
    )
    assert SkipGram(dim=4, epochs=1, max_features=3).fit(TEXTS).table_.shape == (3, 4)
    # In one short text no word stands five times.
    assert SkipGram(dim=4, epochs=1).fit(["one line of text"]).table_.shape == (4, 4)


@pytest.mark.parametrize("texts", [["word"], ["word"] * 9, ["one", "two"], ["", "a"]])
def test_texts_without_a_context_are_refused(texts):
    with pytest.raises(DataError, match=r"no text holds two words of the vocabulary"):
        CBOW().fit(texts)


def test_a_vocabulary_of_one_word_that_recurs_is_learned():
    assert np.isfinite(SkipGram(dim=4, epochs=1).fit(["word word word"]).table_).all()


def test_bad_input_is_said_in_a_sentence():
    with pytest.raises(DataError, match=r"hold no word, so there is no vocabulary"):
        SkipGram().fit(["", "…"])
    with pytest.raises(ValueError, match=r"'window' parameter of SkipGram"):
        SkipGram(window=0).fit(TEXTS)
