"""What describes series, beside NumPy's and SciPy's own functions."""

import itertools

import numpy as np
import pytest
from scipy import signal, stats

from nearspace.encoders.handmade.statistics import LAGS, NAMES, SHARES, Statistics, _statistics


def naive(wave):
    """Return what describes one channel."""
    n = len(wave)
    unit = (wave - wave.mean()) / wave.std()
    frequency, power = signal.periodogram(unit)
    power = power[1:] / power[1:].sum()
    edges = [0.0, *(2.0 ** -np.arange(8, 0, -1))]
    octaves = [power[(frequency[1:] > low) & (frequency[1:] <= high)].sum()
               for low, high in itertools.pairwise(edges)]  # fmt: skip
    crossings = sum((a > 0) != (b > 0) for a, b in itertools.pairwise(unit))
    return [
        wave.mean(), wave.std(), stats.skew(wave), stats.kurtosis(wave, fisher=False),
        *np.quantile(wave, SHARES), np.polyfit(np.linspace(-1, 1, n), wave, 1)[0],
        wave.argmin() / n, wave.argmax() / n, crossings / n,
        np.abs(np.diff(wave)).mean(), np.diff(wave).std(),
        *(sum(unit[at] * unit[at + lag] for at in range(n - lag)) / n for lag in LAGS),
        (power * frequency[1:]).sum(), *octaves,
    ]  # fmt: skip


@pytest.mark.parametrize("length", [5, 64, 101])
def test_numbers_are_those_of_a_library(length):
    series = np.random.default_rng(length).normal(size=(3, 2, length)).cumsum(2)
    series = series.astype(np.float32).astype(np.float64)
    expected = np.array([[naive(wave) for wave in each] for each in series])
    own = _statistics(series)
    for at, name in enumerate(NAMES):
        # SciPy's periodogram halves the power at half a cycle a step: it counts both sides.
        atol = 0.5 / length if "octave 8" in name or name == "centroid" else 1e-6
        if "octave" not in name or length % 2:
            np.testing.assert_allclose(own[:, :, at], expected[:, :, at], atol=atol, err_msg=name)
    np.testing.assert_allclose(own[:, :, -8:].sum(axis=2), 1)


def test_short_and_constant_series_are_finite_and_far_ones_keep_their_shape():
    random = np.random.default_rng(0)
    items = [random.normal(size=(2, n)).astype(np.float32) for n in (1, 2, 3, 50, 50)]
    items.append(np.full((2, 20), 1e6, np.float32))
    statistics = Statistics().fit(items)
    assert np.isfinite(statistics.transform(items)).all()
    named = dict(zip(NAMES, _statistics(items[-1][None].astype(float))[0, 0], strict=True))
    assert named.pop("mean") == 1e6
    assert not any(value for name, value in named.items() if "quantile" not in name)
    huge = [item * np.float32(1e30) for item in items[:5]]
    assert np.isfinite(Statistics().fit_transform(huge)).all()
