"""What a test can tell apart, and how large it would have to be to tell more.

Both follow from the paired differences per test unit: a gap is seen where it exceeds what chance
makes of it, and it is seen in most repetitions where it exceeds that by some standard errors more.
"""

from __future__ import annotations

import math

import numpy as np

from nearspace.judge.means import Means
from nearspace.judge.statistics import Comparison, compare_to_best, half_width
from nearspace.judge.table import ScoreTable

__all__ = ["POWER", "items_to_settle", "visible_gap"]

POWER = 0.8
MOST_TIMES = 1e4  # as many items as there are: more is never


def visible_gap(table: ScoreTable, power: float = POWER) -> float | None:
    """Return the smallest gap to the best row that this test sees in most repetitions.

    Parameters
    ----------
    table : ScoreTable
        The rows, unit by unit.
    power : float
        In what share of repetitions the gap should be called real.

    Returns
    -------
    float or None
        In the units of the score, of a typical row among those that are tied with the best, or
        where none is, among all others; None where there is no second row or only one test unit.

    Notes
    -----
    It is (c + z) · e, where e is the standard error of the paired difference, over units or groups
    and over seeds, c how many errors the verdicts ask for (Student's, and for all rows at once) and
    z the normal quantile of ``power``. A row that is right less often varies more, which e allows
    for where scores are 0 or 1. Of such a gap of d needs a share d of the items to differ, so that
    rows which hardly do cannot hide how few items there are. How often a gap of that size is seen:
    ``benchmarks/folds.py``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = (rng.random((2, 1, 225)) < 0.75) * 1.0
    >>> round(visible_gap(ScoreTable(scores, None, 0)), 2)
    0.12
    """
    means, to = _compared(table)
    others = np.arange(len(table.values)) != to.best
    others &= np.isfinite(to.critical)
    if (others & to.tied).any():
        others &= to.tied
    if not others.any():
        return None
    half, errors = _widths(means, to.best, to.critical)
    z = _normal(power)
    gaps = (half + z * errors)[others]
    if np.isin(table.values[np.isfinite(table.values)], (0, 1)).all():
        shares, best = means.values[others].tolist(), float(means.values[to.best])
        pairs = zip(gaps.tolist(), shares, strict=True)
        gaps = np.array([_at_the_gap(gap, best, share) for gap, share in pairs])
    gap = float(np.median(gaps))
    if table.groups is None and table.bounded:
        # Of rows that are the same no difference was ever asked for; of two it is the least.
        squared = (max(float(np.median(to.critical[others])), _normal(0.975)) + z) ** 2
        gap = max(gap, float(squared / (means.units + squared)))
    return gap


def items_to_settle(table: ScoreTable, row: int, other: int, power: float = POWER) -> int | None:
    """Return about how many test items would tell one row from another.

    Parameters
    ----------
    table : ScoreTable
        The rows, unit by unit.
    row, other : int
        Positions of two rows.
    power : float
        In what share of repetitions they should be told apart.

    Returns
    -------
    int or None
        Items, in groups of the sizes that these have; None where the two have the same mean or
        nothing can be told, or where no number of items would do since the fits vary too much.

    Notes
    -----
    It takes for true that the gap is what was measured, and the families of rows to stay the same:
    the number is as rough as the gap is, whose square it is divided by.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> scores = (rng.random((2, 1, 400)) < np.array([0.80, 0.76])[:, None, None]) * 1.0
    >>> scores.mean(axis=2).ravel().tolist()
    [0.7975, 0.765]
    >>> items_to_settle(ScoreTable(scores, None, 0), 0, 1)
    2447
    """
    means, to = _compared(table)
    gap = abs(float(means.values[row] - means.values[other]))
    critical = np.nanmax(to.critical[[row, other]], initial=-np.inf)
    if not gap > 0 or not math.isfinite(critical):
        return None
    variances, z = means.variances[row, other], _normal(power)
    units, fits = means.freedom_beside(other)[row]
    tail = _tail(critical)

    def lacks(times: float) -> bool:
        """Return whether so many times the items would still not do."""
        part = variances / np.array([times, 1.0])
        half = half_width(part[None], np.array([[units * times, fits]]), tail)[0]
        return bool(half + z * np.sqrt(part.sum()) > gap)

    if lacks(MOST_TIMES):
        return None
    low, high = 1 / means.units, MOST_TIMES
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if lacks(middle) else (low, middle)
    items = int(np.isfinite(table.values).any(axis=(0, 1)).sum())
    return math.ceil(high * items)


def _at_the_gap(gap: float, share: float, other: float) -> float:
    """Return the gap to a row that is right less often, from that which two rows would need.

    Being right or not varies the more the nearer to a half its share is. ``gap`` is from what two
    rows vary by that are right as often as ``share`` and ``other`` say.
    """
    own, seen = share * (1 - share), share * (1 - share) + other * (1 - other)
    wide = gap
    for _ in range(50 if seen > 0 else 0):
        less = max(share - wide, 0.5) if share > 0.5 else share
        wide = gap * math.sqrt((own + less * (1 - less)) / seen)
    return min(wide, max(share, gap))


def _compared(table: ScoreTable) -> tuple[Means, Comparison]:
    how = (table.sign > 0, 0.95, table.random_state)
    to = compare_to_best(table.values, table.groups, *how, **table.units)
    return Means.of(table.values, table.groups, **table.units), to


def _widths(means: Means, at: int, critical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how large a difference to one row chance makes, and the error of each."""
    variances, freedom = means.variances[at], means.freedom_beside(at)
    half = np.array(
        [
            half_width(own[None], of[None], _tail(c))[0] if np.isfinite(c) else np.nan
            for own, of, c in zip(variances, freedom, critical, strict=True)
        ]
    )
    return half, np.sqrt(variances.sum(axis=1))


def _tail(critical: float) -> float:
    from scipy import stats

    return float(stats.norm.sf(critical))


def _normal(power: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(power))
