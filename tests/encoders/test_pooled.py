"""Means of token vectors, plain and by smooth inverse frequencies, against naive loops."""

import numpy as np
import pytest

from nearspace.data.words import words_of
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.static import Static
from nearspace.encoders.learned.word_vectors import SkipGram
from nearspace.encoders.spec import make
from nearspace.errors import DataError

TEXTS = ["The cat sat on Paris", "a dog", "Nothing here", "", "cat cat zebra", "the the the dog"]
WORDS = ["the", "cat", "Paris", "dog", "on", ","]
VECTORS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    rows = zip(WORDS, VECTORS.tolist(), strict=True)
    path.write_text("".join(f"{word} {' '.join(map(repr, row))}\n" for word, row in rows))
    return str(path)


def naive(texts, at, vectors, shares=None):
    """Return means over words, one text after the other, weighted where shares are given."""
    means = np.zeros((len(texts), vectors.shape[1]))
    for row, text in enumerate(texts):
        numbers = [at[word] for word in words_of(text) if word in at]
        weights = [1 if shares is None else 1e-3 / (1e-3 + shares[n]) for n in numbers]
        for number, weight in zip(numbers, weights, strict=True):
            means[row] += weight * vectors[number] / len(numbers)
    return means


def test_a_file_of_words_is_a_static_encoder(glove):
    encoder = make(f"static({glove!r})").fit(["whatever"])
    at = {word.lower(): row for row, word in enumerate(WORDS)}
    vectors = encoder.transform(TEXTS)
    np.testing.assert_allclose(vectors, naive(TEXTS, at, VECTORS), atol=1e-6)
    assert encoder.notes_on(["the zebra ran"]) == (
        "66.7 % of the words of the texts are unknown to it.",
    )
    again = Encoder.parse(encoder.dump(), "memory")
    np.testing.assert_array_equal(again.transform(TEXTS), vectors)
    few = Static(glove, max_features=2, dim=3).fit(TEXTS)
    assert few.transform(["cat"])[0].tolist() == VECTORS[1, :3].tolist()
    assert few.notes == ("Of the words in glove.txt the first 2 were read.",)


def with_direction_off(means, texts):
    """Return means less what lies along the first singular vector of them, by a full SVD."""
    direction = np.linalg.svd(means)[2][0]
    return texts - np.outer(texts @ direction, direction)


def test_smooth_inverse_frequencies_are_those_of_the_paper(glove):
    at = {word.lower(): row for row, word in enumerate(WORDS)}
    zipf = 1 / np.arange(1, 7) / (1 / np.arange(1, 7)).sum()
    means = naive(TEXTS, at, VECTORS, zipf)
    encoder = Static(glove, pool="sif").fit(TEXTS)
    vectors = encoder.transform(TEXTS)
    np.testing.assert_allclose(vectors, with_direction_off(means, means), atol=1e-6)
    np.testing.assert_array_equal(encoder.transform(TEXTS[4:5])[0], vectors[4])
    assert not vectors[[2, 3]].any()

    learned = SkipGram(dim=4, at_least=1, epochs=1, pool="sif").fit(TEXTS)
    vocabulary = learned.vocabulary
    at = {word: row for row, word in enumerate(vocabulary.tokens)}
    means = naive(TEXTS, at, learned.table_, vocabulary.counts / vocabulary.seen[1])
    # Of what is hardly trained all is small.
    wanted = with_direction_off(means, means)
    np.testing.assert_allclose(learned.transform(TEXTS), wanted, atol=1e-5 * np.abs(means).max())


def test_texts_without_a_word_that_has_a_vector_leave_no_direction(glove):
    encoder = Static(glove, pool="sif").fit(["zebra", ""])
    assert encoder.direction_ is None
    assert encoder.transform(["the"]).any()


def test_parameters_without_a_meaning_are_refused(glove, tmp_path):
    with pytest.raises(DataError, match=r"holds words, for which tokenizer= has no meaning"):
        Static(glove, tokenizer="a").fit(TEXTS)
    with pytest.raises(DataError, match=r"max_features= is how many words of a file"):
        Static(str(tmp_path), max_features=3).fit(TEXTS)
    with pytest.raises(DataError, match=r"has vectors of 4 numbers, got dim=5"):
        Static(glove, dim=5).fit(TEXTS)
