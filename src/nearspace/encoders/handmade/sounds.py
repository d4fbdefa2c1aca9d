"""Sounds by what their frames show: bands of pitch, cepstra, the shape of the spectrum."""

from __future__ import annotations

import functools
import itertools
from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from nearspace.data import Audio
from nearspace.data.sound import Sound
from nearspace.encoders.base import Encoder
from nearspace.learning.threads import side_by_side

__all__ = ["MFCC", "LogMel", "Spectral"]

BANDS = 40
SECONDS_AT_ONCE = 60.0
REACH = 2  # frames on either side, through which the slope of a delta is laid
QUIET = 8 * np.log(10)  # 80 decibels below the loudest of a sound, where all is silence
LEAST_SPREAD = 1e-3  # of a number, below which it says nothing, and is not drawn out
ROLL_OFF = 0.85  # of the amplitudes of a frame
LOWEST_HZ = 200.0  # where the first band of the contrast ends, and octaves begin
PEAKS = 0.05  # of the frequencies of a band: its strongest, and its weakest
SILENT = 1e-10  # power that is none


class Framed(Encoder):
    """What the frames of a sound show, on average over each of a few segments of equal length.

    A subclass says what a frame shows. The vector holds the means over each segment, in their
    order, those of the deltas (the slopes over five frames), and the deviations over the whole
    sound: what comes first and what comes later is told apart. Each number is less its mean, and
    over its deviation, among the training sounds.
    """

    kinds = frozenset({Audio})
    learns = "items"
    effort = 10
    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "segments": [Interval(Integral, 1, 100, closed="both")],
    }
    segments: int

    @abstractmethod
    def _frames(self, waves: list[np.ndarray], rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what each frame shows, ``(frames, d)``, and how many frames each sound has."""

    def _fit(self, items: list[Sound], y: Any) -> None:
        pooled = self._pooled(items)
        self.mean_ = pooled.mean(axis=0).astype(np.float32)
        self.scale_ = np.maximum(pooled.std(axis=0), LEAST_SPREAD).astype(np.float32)
        self.width_ = pooled.shape[1]

    def _transform(self, items: list[Sound]) -> np.ndarray:
        return ((self._pooled(items) - self.mean_) / self.scale_).astype(np.float32)

    def _pooled(self, items: list[Sound]) -> NDArray[np.float64]:
        """Return what frames show, pooled over time, in its own units."""

        def of_some(rows: slice) -> np.ndarray:
            waves = [sound.samples for sound in items[rows]]
            frames, lengths = self._frames(waves, self.kind_.rate)  # type: ignore[attr-defined]
            return _over_time(frames.astype(np.float64), lengths, self.segments)

        return np.concatenate(list(side_by_side(of_some, list(_some_at_a_time(items)))))


class LogMel(Framed):
    """How loud sounds are in 40 bands of pitch over time, beside how loud they are as a whole.

    Frames and bands are those of `nearspace.data.spectrogram.log_mel`; what is 80 decibels below
    the loudest band of a sound counts as silence, and the mean over all bands is taken off.
    Means and deltas over segments, and deviations, make 40 × (2 × segments + 1) numbers, scaled.

    Parameters
    ----------
    segments : int, default=4
        Into how many parts of equal length each sound is cut.

    Examples
    --------
    >>> from nearspace import load
    >>> LogMel().fit_transform(load("vowels").items).shape
    (240, 360)
    """

    def __init__(self, segments: int = 4):
        self.segments = segments

    def _frames(self, waves: list[np.ndarray], rate: int) -> tuple[np.ndarray, np.ndarray]:
        bands, lengths = _bands(waves, rate)
        sounds = np.repeat(np.arange(len(lengths)), lengths)
        levels = np.bincount(sounds, bands.mean(axis=1)) / lengths
        return bands - levels[sounds, None], lengths


class MFCC(Framed):
    """Mel-frequency cepstral coefficients of sounds over time (Davis & Mermelstein, 1980).

    They are the first numbers of the cosine transform of the logarithms of the 40 bands of pitch of
    each frame: the shape of the spectrum without its fine structure, which is the pitch of a voice.
    Means and deltas over segments, and deviations, make n_mfcc × (2 × segments + 1) numbers,
    scaled.

    Parameters
    ----------
    n_mfcc : int, default=13
        How many coefficients; the first is the loudness.
    segments : int, default=4
        Into how many parts of equal length each sound is cut.

    Examples
    --------
    >>> from nearspace import load
    >>> MFCC().fit_transform(load("vowels").items).shape
    (240, 117)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Framed._parameter_constraints,
        "n_mfcc": [Interval(Integral, 1, BANDS, closed="both")],
    }

    def __init__(self, n_mfcc: int = 13, *, segments: int = 4):
        self.n_mfcc = n_mfcc
        self.segments = segments

    def _frames(self, waves: list[np.ndarray], rate: int) -> tuple[np.ndarray, np.ndarray]:
        bands, lengths = _bands(waves, rate)
        return bands @ _cosines(self.n_mfcc), lengths


class Spectral(Framed):
    """The shape of the spectrum of sounds over time, in a dozen numbers a frame.

    These are the centroid and the bandwidth of the amplitudes, the frequency below which 85 % of
    them lie, the flatness (geometric over arithmetic mean of the power), how far the peaks of each
    octave stand above its valleys (spectral contrast, Jiang et al., 2002), at what share of the
    samples the sign changes, and the logarithm of the power. Of each there are the means and deltas
    over segments, and the deviation, scaled.

    Parameters
    ----------
    segments : int, default=4
        Into how many parts of equal length each sound is cut.

    Examples
    --------
    >>> from nearspace import load
    >>> Spectral().fit_transform(load("vowels").items).shape
    (240, 108)
    """

    def __init__(self, segments: int = 4):
        self.segments = segments

    def _frames(self, waves: list[np.ndarray], rate: int) -> tuple[np.ndarray, np.ndarray]:
        from nearspace.data.spectrogram import frame_counts, power_spectra

        lengths = frame_counts(waves, rate)
        shapes = [_shapes(power.numpy(), rate) for _, power in power_spectra(waves, rate)]
        crossings = np.concatenate([_crossings(wave, rate) for wave in waves])
        return np.column_stack([np.concatenate(shapes), crossings]), lengths


def _some_at_a_time(items: list[Sound]) -> Iterator[slice]:
    """Yield the rows of sounds that together last a minute, or of one that lasts longer."""
    start, seconds = 0, 0.0
    for row, sound in enumerate(items):
        if row > start and seconds + sound.seconds > SECONDS_AT_ONCE:
            yield slice(start, row)
            start, seconds = row, 0.0
        seconds += sound.seconds
    yield slice(start, len(items))


def _bands(waves: list[np.ndarray], rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the bands of pitch of frames, none below the quietest that counts, and lengths."""
    from nearspace.data.spectrogram import log_mel

    flat, lengths = log_mel(waves, rate, BANDS)
    bands = flat.numpy()
    loudest = np.maximum.reduceat(bands.max(axis=1), lengths.cumsum() - lengths)
    return np.maximum(bands, np.repeat(loudest - np.float32(QUIET), lengths)[:, None]), lengths


@functools.cache
def _cosines(n: int) -> NDArray[np.float32]:
    """Return the first vectors of the orthonormal cosine transform of bands, ``(bands, n)``."""
    at = np.arange(BANDS)[:, None] + 0.5
    waves = np.cos(np.pi / BANDS * at * np.arange(n)) * np.sqrt(2 / BANDS)
    waves[:, 0] /= np.sqrt(2)
    return waves.astype(np.float32)


def _over_time(frames: np.ndarray, lengths: np.ndarray, segments: int) -> np.ndarray:
    """Return means of segments, those of the deltas, and deviations of the whole, a row a sound."""
    ends = lengths.cumsum()
    starts = ends - lengths
    at = np.arange(len(frames))
    first, last = np.repeat(starts, lengths), np.repeat(ends - 1, lengths)
    deltas = np.zeros_like(frames)
    for far in range(1, REACH + 1):
        deltas += far * (frames[np.minimum(at + far, last)] - frames[np.maximum(at - far, first)])
    deltas /= 2 * sum(far**2 for far in range(1, REACH + 1))
    share = np.arange(segments)
    low = starts[:, None] + lengths[:, None] * share // segments
    # A segment of a sound with fewer frames than segments is the frame that it begins in.
    high = np.maximum(low + 1, starts[:, None] - (-lengths[:, None] * (share + 1) // segments))
    means = [_means(values, low, high).reshape(len(lengths), -1) for values in (frames, deltas)]
    whole = starts[:, None], ends[:, None]
    centred = frames - np.repeat(_means(frames, *whole)[:, 0], lengths, axis=0)
    deviations = np.sqrt(_means(np.square(centred), *whole)[:, 0])
    return np.hstack([*means, deviations])


def _means(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the means of rows from each ``low`` to before ``high``, ``(n, segments, d)``."""
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=sums[1:])
    return (sums[high] - sums[low]) / (high - low)[..., None]


def _shapes(power: np.ndarray, rate: int) -> np.ndarray:
    """Return of spectra ``(frames, frequencies)`` what is told of their shape, ``(frames, d)``."""
    hertz = np.linspace(0, rate / 2, power.shape[1], dtype=np.float32)
    amplitudes = np.sqrt(power)
    total = np.maximum(amplitudes.sum(axis=1), np.sqrt(SILENT))
    centroid = amplitudes @ hertz / total
    bandwidth = np.sqrt(
        np.einsum("fh,fh->f", amplitudes, np.square(hertz - centroid[:, None])) / total
    )
    rising = np.cumsum(amplitudes, axis=1)
    roll_off = hertz[(rising >= ROLL_OFF * rising[:, -1:]).argmax(axis=1)]
    audible = np.maximum(power, SILENT)
    flatness = np.log(audible).mean(axis=1) - np.log(audible.mean(axis=1))
    contrast = [_contrast(audible[:, part]) for part in _octaves(rate, power.shape[1])]
    energy = np.log(audible.sum(axis=1))
    return np.column_stack([centroid, bandwidth, roll_off, flatness, *contrast, energy])


def _octaves(rate: int, frequencies: int) -> list[slice]:
    """Return which frequencies belong to each octave; the first one is all below 200 Hz."""
    edges = [0]
    hertz = LOWEST_HZ
    while hertz < rate / 2:
        edges.append(round(hertz / (rate / 2) * (frequencies - 1)))
        hertz *= 2
    edges = sorted({*edges, frequencies})
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def _contrast(power: np.ndarray) -> np.ndarray:
    """Return how far the strongest frequencies of a band stand above the weakest, in logarithms."""
    ordered = np.sort(power, axis=1)
    n = max(1, round(PEAKS * power.shape[1]))
    return np.log(ordered[:, -n:].mean(axis=1)) - np.log(ordered[:, :n].mean(axis=1))


def _crossings(wave: np.ndarray, rate: int) -> np.ndarray:
    """Return at what share of the samples of each frame the sign is not that of the one before."""
    from nearspace.data.spectrogram import frames_of

    window, hop, _ = frames_of(rate)
    changes = np.zeros(len(wave) + 1)
    np.cumsum(np.diff(np.signbit(wave)), out=changes[2:])
    middle = np.arange(0, len(wave) + 1, hop)
    low = np.clip(middle - window // 2, 0, len(wave))
    high = np.clip(middle - window // 2 + window, 0, len(wave))
    return (changes[high] - changes[low]) / window
