"""Ways through a space: between two vectors, and along one dimension at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nearspace.encoders.base import Samples
from nearspace.errors import DataError, did_you_mean

__all__ = ["interpolate", "traverse"]

WAYS = ("linear", "spherical")
DRAWS = 1000
LOWEST, HIGHEST = 0.025, 0.975  # two deviations to either side of a normal distribution


def interpolate(a: np.ndarray, b: np.ndarray, n: int, how: str = "linear") -> np.ndarray:
    """Return ``n`` vectors on the way from ``a`` to ``b``, ends included.

    Parameters
    ----------
    a, b : ndarray of shape (d,)
        The ends.
    n : int
        How many, at least 2.
    how : {"linear", "spherical"}, default="linear"
        The straight way; or the arc around the origin (Shoemake, 1985), along which the length
        goes evenly from that of ``a`` to that of ``b``. Draws from N(0, I) all have about the same
        length, and the straight way between two of them leads through shorter vectors than it
        ever gives (White, 2016).

    Returns
    -------
    ndarray of shape (n, d), float32
        The way.

    Raises
    ------
    ValueError
        If there is no such way, fewer than two vectors are asked for, or there is no arc: an end
        is the origin, or the ends are opposite.

    Examples
    --------
    >>> interpolate(np.array([0.0]), np.array([1.0]), 3).ravel().tolist()
    [0.0, 0.5, 1.0]
    >>> arc = interpolate(np.array([3.0, 0.0]), np.array([0.0, 4.0]), 3, how="spherical")
    >>> np.linalg.norm(arc, axis=1).round(3).tolist()
    [3.0, 3.5, 4.0]
    """
    if how not in WAYS:
        raise DataError(f"interpolate knows no way '{how}'. {did_you_mean(how, WAYS)}")
    if n < 2:
        raise DataError(f"interpolate: expected n of at least 2, the two ends, got {n}.")
    weights = np.linspace(0.0, 1.0, n)[:, None]
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    way = _arc(a, b, weights) if how == "spherical" else (1 - weights) * a + weights * b
    return way.astype(np.float32)


def _arc(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0:
        raise DataError("interpolate: the origin has no direction, so no arc begins or ends there.")
    start, end = a / lengths[0], b / lengths[1]
    # Of two nearly equal or opposite directions the arccosine of the product is too rough.
    angle = 2 * math.atan2(np.linalg.norm(start - end), np.linalg.norm(start + end))
    if math.pi - angle < 1e-6:
        raise DataError(
            "interpolate: many arcs lead from a vector to its opposite; go by another vector, or "
            "use how='linear'."
        )
    # sin(w x) / sin(x), which tends to w where the directions are the same
    share = [
        np.sinc(w * angle / math.pi) * w / np.sinc(angle / math.pi) for w in (1 - weights, weights)
    ]
    return (share[0] * start + share[1] * end) * ((1 - weights) * lengths[0] + weights * lengths[1])


def traverse(
    around: np.ndarray | Samples,
    dimensions: int | Sequence[int] | np.ndarray,
    values: int | Sequence[float] | np.ndarray = 9,
) -> np.ndarray:
    """Return vectors that differ from one in a single dimension, for each of some dimensions.

    Parameters
    ----------
    around : ndarray of shape (d,) or (m, d), or encoder
        The vector; or vectors, for their mean; or a fitted encoder that samples, for the mean of
        what it draws.
    dimensions : int or sequence of int
        Which dimensions, from 0.
    values : int or sequence of float, default=9
        What to set a dimension to; or how many even steps to take between the quantiles 0.025 and
        0.975 of the vectors, which a single vector does not have.

    Returns
    -------
    ndarray of shape (dimensions, values, d), float32
        One row of vectors a dimension.

    Raises
    ------
    ValueError
        If there is no such dimension, or no range to step through.

    Examples
    --------
    >>> traverse(np.array([5.0, 6.0]), 1, [-1.0, 1.0]).tolist()
    [[[5.0, -1.0], [5.0, 1.0]]]
    """
    vectors = np.atleast_2d(
        around.sample(DRAWS, random_state=0) if isinstance(around, Samples) else around
    )
    chosen = np.atleast_1d(dimensions)
    dim = vectors.shape[1]
    if chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= dim:
        raise DataError(f"traverse: expected dimensions from 0 to {dim - 1}, got {dimensions}.")
    if isinstance(values, int | np.integer):
        if values < 1:
            raise DataError(f"traverse: expected at least one step, got {values}.")
        if len(vectors) == 1:
            raise DataError(
                f"traverse: a single vector gives no range to take {values} steps through; pass "
                "the values themselves, or several vectors."
            )
        low, high = np.quantile(vectors[:, chosen], (LOWEST, HIGHEST), axis=0)
        steps = np.linspace(low, high, int(values), axis=1)
    else:
        steps = np.tile(np.asarray(values, dtype=np.float64), (len(chosen), 1))
    ways = np.tile(vectors.mean(axis=0), (*steps.shape, 1))
    ways[np.arange(len(chosen)), :, chosen] = steps
    return ways.astype(np.float32)
