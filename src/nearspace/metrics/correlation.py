"""How well one number goes with another, as a mean over the pairs of them.

A correlation is no mean, but what each pair adds to it is known: its influence, by which the
correlation would move if there were a little more of that pair (the infinitesimal jackknife). The
correlation plus the influence of each pair is a number a pair, whose mean is the correlation, and
whose error is that of the correlation.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

__all__ = ["pearson_parts", "spearman_parts"]


def pearson_parts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a number a pair, whose mean is Pearson's correlation.

    Where all numbers of a side are the same it tells nothing: all are 0.

    Examples
    --------
    >>> pearson_parts(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 7.0])).mean().round(4)
    np.float64(0.9934)
    """
    if _same(x) or _same(y):
        return np.zeros(len(x))
    u, v = (side - side.mean() for side in (x, y))
    u, v = (side / np.sqrt(np.square(side).mean()) for side in (u, v))
    r = (u * v).mean()
    return r + u * v - r * (np.square(u) + np.square(v)) / 2


def spearman_parts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a number a pair, whose mean is Spearman's correlation: Pearson's of the ranks.

    Equal numbers have the mean of their ranks. A pair adds also by what it does to the ranks of
    others.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 1.0, 4.0, 9.0])
    >>> spearman_parts(x, y).mean().round(4)
    np.float64(0.6325)
    """
    if _same(x) or _same(y):
        return np.zeros(len(x))
    # Shares of the numbers below, equal ones by half: their mean is a half, whatever they are.
    f, g = ((stats.rankdata(side) - 0.5) / len(side) for side in (x, y))
    both, of_both = _covariance(x, y, f, g)
    (one, of_one), (other, of_other) = _covariance(x, x, f, f), _covariance(y, y, g, g)
    scale = np.sqrt(one * other)
    r = both / scale
    return r + of_both / scale - r / 2 * (of_one / one + of_other / other)


def _covariance(
    x: np.ndarray, y: np.ndarray, f: np.ndarray, g: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the covariance of shares below, and the influence of each pair on it."""
    adds = f * g + _above(x, g) + _above(y, f)
    return float((f * g).mean()) - 0.25, adds - adds.mean()


def _above(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weights of the numbers above each, and half of those equal to it, over all."""
    places = np.unique(values, return_inverse=True)[1]
    totals = np.bincount(places, weights)
    return (totals[::-1].cumsum()[::-1] - totals / 2)[places] / len(values)


def _same(values: np.ndarray) -> bool:
    """Return whether all numbers are the same."""
    return len(values) == 0 or bool((values == values[0]).all())
