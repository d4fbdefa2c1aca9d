"""Steps of skip-gram and CBOW against naive loops over their pairs; what a pass is made of."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import sparse

from nearspace.learning import word2vec
from nearspace.learning.word2vec import Stream, Words2Vec, train_words

SETTINGS = Words2Vec(
    dim=6, window=3, negatives=4, subsample=0, epochs=2, learning_rate=0.1, around=False, seed=3
)
RNG = np.random.default_rng(0)
WORDS = RNG.integers(0, 20, 300)
STREAM = Stream(WORDS, np.sort(RNG.integers(0, 40, 300)).astype(np.int32), np.bincount(WORDS))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def parts(around, stream=STREAM):
    settings = dataclasses.replace(SETTINGS, around=around)
    return [*word2vec._Parts(stream, settings, np.random.default_rng(1))]


def test_contexts_stay_within_a_text_and_weigh_what_drawn_windows_would_come_to():
    weighed = np.zeros((300, 300))
    for part in parts(False):
        words = part.words.numpy()
        for block, row, at in np.argwhere(part.weights.numpy() > 0):
            weight = part.weights[block, row, at].item()
            distance = abs(row + 3 - at)
            assert weight == pytest.approx((4 - distance) / 3)
            assert 0 < distance <= 3
            weighed[words[block * 32 + row + 3], words[block * 32 + at]] += weight
    wanted = np.zeros((300, 300))
    for i in range(300):
        for j in range(max(0, i - 3), min(300, i + 4)):
            if i != j and STREAM.texts[i] == STREAM.texts[j]:
                wanted[WORDS[i], WORDS[j]] += (4 - abs(i - j)) / 3
    np.testing.assert_allclose(weighed, wanted, atol=1e-5)


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("pieced", [False, True])
def test_a_step_is_that_of_a_naive_loop(around, pieced):
    rng = np.random.default_rng(2)
    pieces = None
    if pieced:  # of each word its own row, and some that words share
        shared = (rng.random((20, 7)) < 0.4).astype(np.float32)
        pieces = sparse.csr_array(np.hstack([np.eye(20, dtype=np.float32), shared]))
    rows = rng.normal(size=(27 if pieced else 20, 6)) * 0.3
    outs = rng.normal(size=(20, 6)) * 0.3
    part = parts(around)[1]
    n_drawn = word2vec.DRAWN_AROUND if around else word2vec.DRAWN
    drawn = rng.integers(0, 20, len(part.weights) * n_drawn)
    table = torch.from_numpy(rows.astype(np.float32))
    other = word2vec._Table(torch.from_numpy(outs.astype(np.float32)))
    looked = word2vec._Table(table) if pieces is None else word2vec._OfPieces(table, pieces)
    step = word2vec._tell_the_word if around else word2vec._tell_the_context
    step(part, looked, other, torch.from_numpy(drawn), 4, 0.1)

    made_of = np.eye(20) if pieces is None else pieces.toarray()
    vectors = (made_of @ rows) / made_of.sum(1, keepdims=True)
    into, out = np.zeros_like(vectors), np.zeros_like(outs)
    words, weights = part.words.numpy(), part.weights.numpy()
    for block in range(len(weights)):
        negatives = drawn[block * n_drawn : (block + 1) * n_drawn]
        for row in range(32):
            centre = words[block * 32 + row + 3]
            pairs = [(words[block * 32 + at], w) for at, w in enumerate(weights[block, row]) if w]
            if around and pairs:
                mean = np.mean([vectors[context] for context, _ in pairs], axis=0)
                targets = [(centre, 1, 1.0), *((n, 0, 4 / n_drawn) for n in negatives)]
                inward = np.zeros(6)
                for target, right, weight in targets:
                    error = weight * (sigmoid(mean @ outs[target]) - right)
                    inward += error * outs[target]
                    out[target] += error * mean
                for context, _ in pairs:
                    into[context] += inward
            if not around:
                total = sum(weight for _, weight in pairs)
                targets = [(context, 1, weight) for context, weight in pairs]
                targets += [(n, 0, total * 4 / n_drawn) for n in negatives]
                for target, right, weight in targets:
                    error = weight * (sigmoid(vectors[centre] @ outs[target]) - right)
                    into[centre] += error * outs[target]
                    out[target] += error * vectors[centre]
    used = np.unique(words[3:-3] if not around else words)
    moves = made_of[used].T @ into[used]
    for before, gradients, after in ((rows, moves, table), (outs, out, other.vectors)):
        lengths = np.maximum(1, 0.1 * np.linalg.norm(gradients, axis=1, keepdims=True))
        np.testing.assert_allclose(after.numpy(), before - 0.1 * gradients / lengths, atol=2e-5)


def test_common_words_are_left_out_as_often_as_the_program_of_word2vec_does():
    counts = np.array([600, 300, 99, 1])
    stays = word2vec._shares_that_stay(counts, 0.01)
    shares = counts / 1000
    np.testing.assert_allclose(stays, np.minimum(1, (np.sqrt(shares / 0.01) + 1) * 0.01 / shares))
    assert (word2vec._shares_that_stay(counts, 0) == 1).all()


@pytest.mark.parametrize("around", [False, True])
def test_words_in_the_same_places_come_out_alike_and_again_the_same(around):
    rng = np.random.default_rng(0)
    topics = rng.integers(0, 2, 400)
    words = (rng.integers(0, 8, (400, 10)) + 8 * topics[:, None]).ravel()
    texts = np.repeat(np.arange(400, dtype=np.int32), 10)
    stream = Stream(words, texts, np.bincount(words))
    settings = dataclasses.replace(SETTINGS, epochs=8, around=around)
    *_, table = train_words(stream, settings)
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    alike = unit @ unit.T
    assert alike[:8, :8].mean() > 0.8 > 0.3 > alike[:8, 8:].mean()
    *_, again = train_words(stream, settings)
    np.testing.assert_array_equal(table, again)
