"""Columns of numbers and of dates as numbers that networks and distances can use."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

__all__ = [
    "CYCLES",
    "date_cycles",
    "date_features",
    "date_names",
    "piecewise_linear",
    "piecewise_names",
    "quantile_edges",
    "quantile_transform",
    "quantiles",
    "years",
]

CYCLES = ("year", "week", "day")  # in which dates come round again, the longest first
CLOSE = 1e-7  # to 0 and 1, where the normal distribution is cut, as scikit-learn does
HUGE = 1e300  # beyond which differences overflow


def quantiles(values: np.ndarray, n_quantiles: int = 1000) -> np.ndarray:
    """Return quantiles of a column at equal steps from the smallest number to the largest.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        The numbers; NaN where one is missing.
    n_quantiles : int, default=1000
        How many; as many as there are numbers where those are fewer.

    Returns
    -------
    ndarray of shape (m,), float64
        They do not fall, and are equal where many numbers are; none where all are missing.

    Examples
    --------
    >>> quantiles(np.array([3.0, 1.0, np.nan, 2.0]), 5).tolist()
    [1.0, 2.0, 3.0]
    """
    present = values[~np.isnan(values)]
    if not len(present):
        return np.empty(0)
    at = np.linspace(0, 1, min(n_quantiles, len(present)))
    shrunk = 0.5 if np.abs(present).max() > HUGE else 1.0
    # Rounding may make a quantile a little smaller than the one before.
    return np.maximum.accumulate(np.quantile(present * shrunk, at)) / shrunk


def quantile_edges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the edges of bins that hold equally many numbers of a column, as far as ties allow.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        The numbers; NaN where one is missing.
    n_bins : int
        How many bins there are at most: equal edges are one.

    Returns
    -------
    ndarray of shape (m,), float64
        Rising, from the smallest number to the largest: at most ``n_bins + 1``, one where all
        numbers are the same, none where all are missing.

    Examples
    --------
    >>> quantile_edges(np.array([0.0, 0.0, 0.0, 1.0, 2.0, 8.0, np.nan]), 4).tolist()
    [0.0, 0.5, 1.75, 8.0]
    """
    present = values[~np.isnan(values)]
    if not len(present):
        return np.empty(0)
    shrunk = 0.5 if np.abs(present).max() > HUGE else 1.0
    return np.unique(np.quantile(present * shrunk, np.linspace(0, 1, n_bins + 1)) / shrunk)


def piecewise_linear(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how far each number of a column goes through each bin (Gorishniy et al., 2022).

    A bin that lies below the number is 1, one above it is 0, and the one that holds it is the
    fraction of its width below the number. As in equation 1 of "On Embeddings for Numerical
    Features in Tabular Deep Learning", the first bin is not cut at 0 nor the last at 1, so that
    numbers beyond those that the edges come from keep their order.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        The numbers; NaN where one is missing.
    edges : ndarray of shape (m,), float64
        Rising, as `quantile_edges` returns them.

    Returns
    -------
    ndarray of shape (n, m - 1), float64
        A row of NaN where the number is missing; no columns where there is no bin.

    Examples
    --------
    >>> piecewise_linear(np.array([-1.0, 0.5, 3.0, 6.0]), np.array([0.0, 1.0, 5.0])).tolist()
    [[-1.0, 0.0], [0.5, 0.0], [1.0, 0.5], [1.0, 1.25]]
    """
    if len(edges) < 2:
        return np.empty((len(values), 0))
    shrunk = 0.25 if max(np.abs(edges).max(), np.abs(values).max(initial=0.0)) > HUGE else 1.0
    low, high = shrunk * edges[:-1], shrunk * edges[1:]
    with np.errstate(over="ignore"):  # far beyond narrow bins; who rounds to float32 tells
        through = (shrunk * values[:, None] - low) / (high - low)
    through[:, 1:] = np.maximum(through[:, 1:], 0.0)
    through[:, :-1] = np.minimum(through[:, :-1], 1.0)
    return through


def piecewise_names(name: str, edges: np.ndarray) -> list[str]:
    """Return a name for each column that `piecewise_linear` makes of the one of a name.

    Examples
    --------
    >>> piecewise_names("age", np.array([18.0, 30.5, 90.0]))
    ['age 18 to 30.5', 'age 30.5 to 90']
    """
    shown = [repr(edge).removesuffix(".0") for edge in edges.tolist()]
    return [f"{name} {low} to {high}" for low, high in itertools.pairwise(shown)]


def quantile_transform(
    values: np.ndarray, quantiles: np.ndarray, output_distribution: str = "uniform"
) -> np.ndarray:
    """Return where each number of a column stands among quantiles, as scikit-learn does.

    It is what ``QuantileTransformer`` makes of a column with the same quantiles: numbers that are
    equal to several of them stand in their middle, and all beyond them at the ends.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        The numbers; NaN where one is missing.
    quantiles : ndarray of shape (m,), float64
        As `quantiles` returns them.
    output_distribution : {"uniform", "normal"}, default="uniform"
        Whether positions are given as shares from 0 to 1, or as the numbers that have these shares
        of a standard normal distribution below them, from -5.2 to 5.2.

    Returns
    -------
    ndarray of shape (n,), float64
        NaN where the number is missing; where there are no quantiles all stand in the middle.

    Examples
    --------
    >>> among = np.array([0.0, 1.0, 1.0, 1.0, 9.0])
    >>> quantile_transform(np.array([-3.0, 0.5, 1.0, 5.0, 99.0]), among).tolist()
    [0.0, 0.125, 0.5, 0.875, 1.0]
    """
    if len(quantiles) < 2:  # where all numbers are the same: below them, among them, above them
        middle = quantiles[0] if len(quantiles) else np.nan
        shares = np.where(values < middle, 0.0, np.where(values > middle, 1.0, 0.5))
    else:
        at = np.linspace(0, 1, len(quantiles))
        rising = np.interp(values, quantiles, at)
        falling = np.interp(-values, -quantiles[::-1], -at[::-1])
        shares = 0.5 * (rising - falling)
        if quantiles[0] < quantiles[-1]:
            shares = np.where(values <= quantiles[0], 0.0, shares)
            shares = np.where(values >= quantiles[-1], 1.0, shares)
    shares = np.where(np.isnan(values), np.nan, shares)
    return ndtri(np.clip(shares, CLOSE, 1 - CLOSE)) if output_distribution == "normal" else shares


def years(dates: np.ndarray) -> np.ndarray:
    """Return dates as numbers of years: 2024.5 is the middle of 2024.

    Parameters
    ----------
    dates : ndarray of shape (n,), datetime64
        The dates; NaT where one is missing.

    Returns
    -------
    ndarray of shape (n,), float64
        NaN where the date is missing.

    Examples
    --------
    >>> years(np.array(["2024-01-01", "2024-07-02", "NaT"], dtype="datetime64[us]")).tolist()
    [2024.0, 2024.5, nan]
    """
    year = dates.astype("datetime64[Y]")
    whole = np.where(np.isnat(dates), np.nan, year.astype(np.int64) + 1970.0)
    return whole + _turns(dates, "year")


def date_cycles(dates: np.ndarray) -> tuple[str, ...]:
    """Return the cycles in which dates differ: of the year, of the week, of the day.

    Examples
    --------
    >>> date_cycles(np.array(["2024-01-01", "2024-07-01", "NaT"], dtype="datetime64[us]"))
    ('year',)
    """
    present = dates[~np.isnat(dates)]
    days, months = present.astype("datetime64[D]"), present.astype("datetime64[M]")
    steps = {
        # Not the share of the year that has gone by, which a leap day moves.
        "year": 31 * (months.astype(np.int64) % 12) + (days - months).astype(np.int64),
        "week": days.astype(np.int64) % 7,
        "day": (present - days).astype(np.int64),
    }
    return tuple(cycle for cycle in CYCLES if len(np.unique(steps[cycle])) > 1)


def date_features(dates: np.ndarray, cycles: Sequence[str] = CYCLES) -> np.ndarray:
    """Return dates taken apart: the number of years, and where they stand in cycles.

    A cycle is a circle, whose sine and cosine are two columns, so that December stands beside
    January: the day in the year, the day in the week, and the time in the day.

    Parameters
    ----------
    dates : ndarray of shape (n,), datetime64
        The dates; NaT where one is missing.
    cycles : sequence of {"year", "week", "day"}
        As `date_cycles` returns them.

    Returns
    -------
    ndarray of shape (n, 1 + 2 * len(cycles)), float64
        A row of NaN where the date is missing.

    Examples
    --------
    >>> dates = np.array(["2024-01-01", "2024-07-02"], dtype="datetime64[us]")
    >>> date_features(dates, ("year",)).round(3).tolist()
    [[2024.0, 0.0, 1.0], [2024.5, 0.0, -1.0]]
    """
    features, days = [years(dates)], dates.astype("datetime64[D]")
    for cycle in cycles:
        angle = 2 * np.pi * _turns(dates if cycle == "day" else days, cycle)
        features += [np.sin(angle), np.cos(angle)]
    return np.stack(features, axis=1)


def date_names(name: str, cycles: Sequence[str] = CYCLES) -> list[str]:
    """Return a name for each column that `date_features` makes of the one of a name.

    Examples
    --------
    >>> date_names("joined", ("year",))
    ['joined in years', 'joined sine of year', 'joined cosine of year']
    """
    circles = [f"{name} {wave} of {cycle}" for cycle in cycles for wave in ("sine", "cosine")]
    return [f"{name} in years", *circles]


def _turns(dates: np.ndarray, cycle: str) -> np.ndarray:
    """Return how much of a cycle has gone by at dates, from 0 to 1; weeks begin on Monday."""
    if cycle == "year":
        year = dates.astype("datetime64[Y]")
        start = year.astype(dates.dtype)
        return (dates - start) / ((year + 1).astype(dates.dtype) - start)
    monday, length = np.datetime64("1970-01-05"), np.timedelta64(7 if cycle == "week" else 1, "D")
    return ((dates - monday) / length) % 1
