import math

import numpy as np
import pytest
from scipy.signal import resample_poly

from nearspace.data.resampling import Resampler, resampled

RATES = [(44100, 8000), (8000, 44100), (48000, 16000), (11025, 8000), (8000, 8000), (44099, 8000)]


@pytest.mark.parametrize(("rate", "wanted"), RATES)
@pytest.mark.parametrize("count", [1, 30, 300_001])
def test_blocks_become_what_the_whole_becomes(rate, wanted, count):
    draw = np.random.default_rng(0)
    wave = draw.standard_normal(count).astype(np.float32)
    whole = resampled(wave, rate, wanted)
    assert len(whole) == math.ceil(count * wanted / rate)
    if rate != wanted:
        common = math.gcd(rate, wanted)
        np.testing.assert_array_equal(whole, resample_poly(wave, wanted // common, rate // common))
    resampler, parts = Resampler(rate, wanted), []
    ends = np.unique(draw.integers(0, count + 1, 9))
    for part in np.split(wave, ends):
        parts.append(resampler.push(part))
    np.testing.assert_allclose(np.concatenate([*parts, resampler.end()]), whole, atol=1e-6)


def test_what_the_lower_rate_cannot_hold_is_gone():
    time = np.arange(48000) / 48000
    low, high = (np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (500, 9000))
    both = resampled(low + high, 48000, 8000)[100:-100]
    np.testing.assert_allclose(both, resampled(low, 48000, 8000)[100:-100], atol=2e-3)
    np.testing.assert_allclose(both, low[::6][100:-100], atol=2e-3)
