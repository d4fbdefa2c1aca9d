"""What float32 loses of numbers, and what they are moved by first, so that it does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["LOOKED_AT", "MERGED", "NOISE", "large_offsets", "merged_share", "rounding_notes"]

FAR = 1e3  # spreads from zero, beyond which float32 loses what the numbers of a column differ by
LOOKED_AT = 2000  # rows, of which a column's median is one of all
COMPARED = 200  # rows: of numbers this far apart none are equal in float32, unless it is coarse
NOISE = 1e-13  # share of a number, up to which a difference is one of rounding in float64
MERGED = 0.03  # share of the different numbers of a column, above which it is told that they merge


def large_offsets(values: np.ndarray) -> np.ndarray | None:
    """Return what to take off each column before it is rounded to float32; None for nothing.

    It is the median of columns that lie far from zero for how far they spread: seconds since 1970,
    metres of a map grid. Distances stay what they are.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Numbers without a gap.

    Returns
    -------
    ndarray of shape (d,), float64, or None
        0 for columns that stay; None where all do, and for other numbers than those of float64.

    Examples
    --------
    >>> seconds, degrees = 1.7e9 + np.arange(5.0), np.array([20.5, 21, 19, 22, 20])
    >>> large_offsets(np.stack([seconds, degrees], axis=1)).tolist()
    [1700000002.0, 0.0]
    """
    if values.dtype != np.float64 or not len(values):
        return None
    some = _some(values, LOOKED_AT)
    low, middle, high = np.quantile(some, (0.25, 0.5, 0.75), axis=0)
    spread = high - low
    rare = spread == 0  # what few rows differ by counts too
    spread[rare] = np.abs(some[:, rare] - middle[rare]).mean(axis=0)
    far = (np.abs(middle) > FAR * spread) & (spread > NOISE * np.abs(middle))
    return np.where(far, middle, 0.0) if far.any() else None


def merged_share(values: np.ndarray) -> np.ndarray:
    """Return for each column which share of its different numbers float32 makes equal.

    Examples
    --------
    >>> merged_share(np.array([[0.0, 1e-300], [1.0, 2e-300], [2.0, 0.0]])).tolist()
    [0.0, 1.0]
    """
    if values.dtype != np.float64 or len(values) < 2:
        return np.zeros(values.shape[1])
    some = np.sort(_some(values, COMPARED), axis=0)
    with np.errstate(over="ignore"):
        rounded = some.astype(np.float32)
    different = np.diff(some, axis=0) > NOISE * np.maximum(np.abs(some[1:]), np.abs(some[:-1]))
    merged = different & (rounded[1:] == rounded[:-1]) & np.isfinite(rounded[1:])
    return merged.sum(axis=0) / np.maximum(different.sum(axis=0), 1)


def rounding_notes(values: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence where there are columns in which float32 makes different numbers equal.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Numbers without a gap.
    names : sequence of str
        What to call each column.
    """
    offset = large_offsets(values)
    share = merged_share(values if offset is None else values - offset)
    lossy = np.flatnonzero(share > MERGED)
    if not len(lossy):
        return ()
    others = f", and so in {len(lossy) - 1} columns more" if len(lossy) > 1 else ""
    return (
        f"Raw input is kept in float32, which makes about {share[lossy[0]]:.0%} of the different "
        f"numbers of {names[lossy[0]]} equal{others}: scale them, or split them up where they are "
        "of several sorts.",
    )


def _some(values: np.ndarray, most: int) -> np.ndarray:
    # At random: every other row may be of another sort.
    n = len(values)
    return values if n <= most else values[np.random.default_rng(0).choice(n, most, replace=False)]
