"""`Statistics`: series by the numbers that describe them, whatever stands where in them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Series
from nearspace.encoders.base import Encoder
from nearspace.learning.threads import side_by_side

__all__ = ["Statistics"]

NUMBERS_AT_ONCE = 2**18  # of series: what is done with them stays in the caches
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)  # of the steps, below each quantile
LAGS = (1, 2, 4, 8, 16, 32)  # steps
OCTAVES = 8  # of the spectrum, the last from half a cycle in two steps to that in one
CONSTANT = 1e-9  # of the size of its numbers, a deviation that is rounding
LEAST_SPREAD = 1e-6  # of a number among the training series, beside which it is not drawn out
NAMES = (
    "mean", "deviation", "skewness", "kurtosis",
    *(f"quantile {share:g}" for share in SHARES),
    "slope", "place of the lowest", "place of the highest", "crossings", "mean step",
    "deviation of steps",
    *(f"autocorrelation {lag}" for lag in LAGS),
    "centroid", *(f"octave {octave + 1}" for octave in range(OCTAVES)),
)  # fmt: skip


class Statistics(Encoder):
    """The numbers that describe each channel of a series, and the logarithm of its length.

    Mean, deviation, skewness and kurtosis; lowest, highest and five quantiles; the slope of the
    line through it; where its lowest and highest step stand; at what share of the steps it crosses
    its mean; how far it goes in a step, on average and in deviation; how far it agrees with itself
    1, 2, 4, … 32 steps later; the mean frequency, and what share of its power each of eight octaves
    has. What a series is too short for is 0. Each number is less its mean, and over its deviation,
    among the training series.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (d,)
        What is taken off each number, and by what it is divided.

    Examples
    --------
    >>> from nearspace import load
    >>> statistics = Statistics().fit(load("gestures").items)
    >>> statistics.transform(load("gestures").items).shape
    (240, 97)
    >>> [str(name) for name in statistics.get_feature_names_out()[:3]]
    ['length', 'channel 0 mean', 'channel 0 deviation']
    """

    kinds = frozenset({Series})
    learns = "items"
    effort = 5
    mean_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    _parameter_constraints: ClassVar[dict[str, list]] = {}

    def _fit(self, items: list[np.ndarray], y: Any) -> None:
        described = _described(items)
        self.mean_, deviation = described.mean(axis=0), described.std(axis=0)
        least = LEAST_SPREAD * np.abs(described).max(axis=0)
        self.scale_ = np.where(deviation > least, deviation, 1.0)
        self.width_ = described.shape[1]

    def _transform(self, items: list[np.ndarray]) -> np.ndarray:
        return ((_described(items) - self.mean_) / self.scale_).astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every dimension, such as ``"channel 0 slope"``."""
        check_is_fitted(self)
        channels = range((self.width_ - 1) // len(NAMES))
        own = [f"channel {channel} {name}" for channel in channels for name in NAMES]
        return np.array(["length", *own], dtype=object)


def _described(items: list[np.ndarray]) -> NDArray[np.float64]:
    """Return what describes series, those of one length at once."""
    lengths = np.array([series.shape[1] for series in items])
    parts = []
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        step = max(1, NUMBERS_AT_ONCE // (len(items[0]) * int(length)))
        parts += [rows[start : start + step] for start in range(0, len(rows), step)]

    def of_part(rows: np.ndarray) -> np.ndarray:
        return _statistics(np.stack([items[row] for row in rows]).astype(np.float64))

    described = np.empty((len(items), 1 + len(items[0]) * len(NAMES)))
    described[:, 0] = np.log(lengths)
    for rows, some in zip(parts, side_by_side(of_part, parts), strict=True):
        described[rows, 1:] = some.reshape(len(rows), -1)
    return described


def _statistics(series: np.ndarray) -> np.ndarray:
    """Return what describes each channel of series ``(n, channels, time)``, by `NAMES`."""
    n_steps = series.shape[2]
    mean = series.mean(axis=2, keepdims=True)
    centred = series - mean
    deviation = np.sqrt(np.square(centred).mean(axis=2, keepdims=True))
    varies = deviation > CONSTANT * np.abs(series).max(axis=2, keepdims=True)
    unit = np.divide(centred, deviation, out=np.zeros_like(centred), where=varies)
    ordered = np.sort(series, axis=2)
    places = np.array(SHARES) * (n_steps - 1)
    below = np.floor(places).astype(int)
    share = places - below
    above = np.minimum(below + 1, n_steps - 1)
    quantiles = ordered[:, :, below] * (1 - share) + ordered[:, :, above] * share
    time = np.linspace(-1, 1, n_steps) if n_steps > 1 else np.zeros(1)
    steps = np.diff(series, axis=2) if n_steps > 1 else np.zeros_like(series)
    over = centred * varies > 0
    columns = [
        mean[..., 0],
        deviation[..., 0],
        (unit**3).mean(axis=2),
        (unit**4).mean(axis=2),
        *np.moveaxis(quantiles, 2, 0),
        centred @ time / max(np.square(time).sum(), 1),
        series.argmin(axis=2) / n_steps,
        series.argmax(axis=2) / n_steps,
        (over[:, :, 1:] != over[:, :, :-1]).sum(axis=2) / n_steps,
        np.abs(steps).mean(axis=2),
        steps.std(axis=2),
        *(
            (unit[:, :, lag:] * unit[:, :, : max(0, n_steps - lag)]).sum(2) / n_steps
            for lag in LAGS
        ),
        *_octaves(unit),
    ]
    return np.stack(columns, axis=2)


def _octaves(unit: np.ndarray) -> list[np.ndarray]:
    """Return the mean frequency of series, and what share of its power each octave has."""
    frequency = np.fft.rfftfreq(unit.shape[2])[1:]  # cycles a step, without the mean
    power = np.square(np.abs(np.fft.rfft(unit, axis=2)[:, :, 1:]))
    total = power.sum(axis=2, keepdims=True)
    power = np.divide(power, total, out=np.zeros_like(power), where=total > 0)
    octave = np.clip(np.ceil(np.log2(2 * frequency)) + OCTAVES - 1, 0, OCTAVES - 1)
    shares = [power[:, :, octave == at].sum(axis=2) for at in range(OCTAVES)]
    return [power @ frequency, *shares]
