"""The log-odds of words against a naive loop, and where there is nothing to compare."""

import math

import numpy as np

from nearspace.metrics.keyness import keyness


def naive(inside, outside, prior):
    """Return equations 16 to 22 of Monroe, Colaresi & Quinn (2008), word by word."""
    both = inside + outside
    told = []
    for word in range(len(both)):
        expected = prior * both[word] / both.sum()
        odds, variance = [], 0.0
        for counts in (inside, outside):
            often = counts[word] + expected
            odds.append(math.log(often / (counts.sum() + prior - often)))
            variance += 1 / often
        told.append((odds[0] - odds[1]) / math.sqrt(variance))
    return told


def test_it_is_the_log_odds_of_the_paper():
    random = np.random.default_rng(0)
    inside, outside = random.poisson(3, 50) + 1, random.poisson(9, 50)
    for prior in (0.5, 50.0, 5000.0):
        np.testing.assert_allclose(
            keyness(inside, outside, prior), naive(inside, outside, prior), rtol=1e-9, atol=1e-12
        )


def test_what_is_equally_common_or_nowhere_tells_nothing():
    told = keyness(np.array([10, 20, 0]), np.array([100, 200, 0]), 30.0)
    np.testing.assert_allclose(told, 0, atol=1e-12)
    for empty in (np.zeros(3), np.array([5.0, 0, 0])):
        assert np.isfinite(keyness(empty, np.array([0.0, 0, 0]), 4.0)).all()


def test_a_word_seen_once_tells_less_than_one_seen_often():
    inside, outside = np.array([1, 30, 500]), np.array([0, 10, 5000])
    told = keyness(inside, outside, 100.0)
    assert told[1] > told[0] > 0
