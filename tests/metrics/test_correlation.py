"""Correlations as means over pairs: their values, and how sure they are."""

import numpy as np
import pytest
from scipy import stats

from nearspace.metrics.correlation import pearson_parts, spearman_parts

PARTS = {"pearson": (pearson_parts, stats.pearsonr), "spearman": (spearman_parts, stats.spearmanr)}


def drawn(rng, n, rounded):
    x = rng.normal(size=n)
    y = 0.7 * x + rng.normal(size=n)
    return (np.round(x), np.round(2 * y) / 2) if rounded else (x, y)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("name", PARTS)
def test_the_mean_is_the_correlation_and_the_spread_its_error(name, rounded):
    parts, peer = PARTS[name]
    rng = np.random.default_rng(0)
    x, y = drawn(rng, 60, rounded)
    told, truth = parts(x, y), peer(x, y)[0]
    assert told.mean() == pytest.approx(truth, abs=1e-12)
    left_out = np.array([peer(np.delete(x, at), np.delete(y, at))[0] for at in range(60)])
    jackknifed = 60 * truth - 59 * left_out
    assert np.corrcoef(told, jackknifed)[0, 1] > 0.999
    assert told.std() == pytest.approx(jackknifed.std(), rel=0.05)


@pytest.mark.parametrize("name", PARTS)
def test_intervals_hold_as_often_as_they_say(name):
    parts, peer = PARTS[name]
    rng = np.random.default_rng(1)
    truth = peer(*drawn(rng, 200_000, True))[0]
    means, errors = [], []
    for _ in range(400):
        told = parts(*drawn(rng, 80, True))
        means.append(told.mean())
        errors.append(told.std(ddof=1) / np.sqrt(80))
    held = np.abs(np.array(means) - truth) <= stats.t.isf(0.025, 79) * np.array(errors)
    assert 0.91 <= held.mean() <= 0.98


@pytest.mark.parametrize("name", PARTS)
def test_numbers_that_are_all_the_same_tell_nothing(name):
    same, others = np.full(5, 0.3), np.arange(5.0)
    assert PARTS[name][0](same, others).tolist() == [0.0] * 5
    assert PARTS[name][0](others, same).tolist() == [0.0] * 5
