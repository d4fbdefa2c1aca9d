"""Sounds at another rate: the whole at once, or block by block where that is too large."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Resampler", "resampled"]

REACH = 10  # of the filter to each side, in samples of the lower rate, as SciPy's own
SHAPE = ("kaiser", 5.0)  # of its window, as SciPy's own
BLOCK = 2**18  # samples that are resampled at once, at least


@functools.lru_cache(maxsize=64)
def _filter(up: int, down: int) -> NDArray[np.float32]:
    """Return the filter by which `scipy.signal.resample_poly` resamples, which it makes anew."""
    from scipy.signal import firwin

    longest = max(up, down)
    window = firwin(2 * REACH * longest + 1, 1 / longest, window=SHAPE)
    return np.asarray(window, dtype=np.float32)


def resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Return samples at another rate, without what that cannot hold.

    Parameters
    ----------
    samples : ndarray of shape (time,), float32
        At ``rate``.
    rate, wanted : int
        Samples a second that there are, and that are wanted.

    Returns
    -------
    ndarray of shape (ceil(time * wanted / rate),), float32

    Examples
    --------
    >>> resampled(np.ones(800, np.float32), 8000, 16000).shape
    (1600,)
    """
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    whole = resample_poly(samples, up, down, window=_filter(up, down))
    return np.ascontiguousarray(whole, dtype=np.float32)


class Resampler:
    """Resample a sound block by block, into what `resampled` makes of the whole.

    Parameters
    ----------
    rate, wanted : int
        Samples a second that there are, and that are wanted.

    Examples
    --------
    >>> wave = np.sin(np.arange(4000) / 9).astype(np.float32)
    >>> resampler = Resampler(8000, 5000)
    >>> parts = [resampler.push(wave[:1500]), resampler.push(wave[1500:]), resampler.end()]
    >>> bool(np.allclose(np.concatenate(parts), resampled(wave, 8000, 5000), atol=1e-6))
    True
    """

    def __init__(self, rate: int, wanted: int):
        common = math.gcd(rate, wanted)
        self.rate, self.wanted = rate, wanted
        self.up, self.down = wanted // common, rate // common
        self.reach = -(-REACH * max(self.up, self.down) // self.up) + 1  # in samples that come
        self.block = max(BLOCK, 4 * (self.reach + self.down))
        self._waiting: list[NDArray[np.float32]] = []
        self._count = 0  # of samples that wait
        self._put_out = 0  # of what the first that waits begins, how much is out already

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what can be told, once more samples have come, of the sound at the new rate."""
        if self.rate == self.wanted:
            return samples
        self._waiting.append(samples)
        self._count += len(samples)
        if self._count < self.block:
            return np.empty(0, np.float32)
        return self._out(end=False)

    def end(self) -> NDArray[np.float32]:
        """Return the rest, after the last samples."""
        return self._out(end=True) if self._count else np.empty(0, np.float32)

    def _out(self, end: bool) -> NDArray[np.float32]:
        samples = np.concatenate(self._waiting)
        made = resampled(samples, self.rate, self.wanted)
        # What reaches beyond the end of what has come is told by the next block.
        sure = len(made) if end else (len(samples) - self.reach) * self.up // self.down
        out = made[self._put_out : sure]
        # Blocks begin where samples of both rates stand at one time.
        steps = 0 if end else max(0, (sure * self.down // self.up - self.reach) // self.down)
        rest = samples[len(samples) if end else steps * self.down :]
        self._waiting, self._count = [rest], len(rest)
        self._put_out = sure - steps * self.up
        return out
