"""Amounts in human units: durations, counts, sizes in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearspace.judge.cost import Cost

__all__ = ["bytes_text", "count_text", "quartiles_text", "seconds_text"]

SECONDS = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s"), (7200.0, 1 / 60, "min"))


def seconds_text(value: float) -> str:
    """Return a duration with its unit.

    Examples
    --------
    >>> [seconds_text(value) for value in (3.4e-5, 0.0123, 4.56, 100, 600, 9000)]
    ['34 µs', '12 ms', '4.6 s', '100 s', '10 min', '2.5 h']
    """
    if not math.isfinite(value):
        return ""
    if value == 0:
        return "0 s"
    for limit, factor, unit in SECONDS:
        if value < limit:
            return f"{_two_digits(value * factor)} {unit}"
    return f"{_two_digits(value / 3600)} h"


def quartiles_text(cost: Cost) -> str:
    """Return the quartiles of the latency of one item, nothing where it was not measured.

    Examples
    --------
    >>> from nearspace.judge.cost import Cost
    >>> quartiles_text(Cost(1, 1, 0.0021, 8, latency_low=0.00198, latency_high=0.0034))
    '2 ms–3.4 ms'
    """
    low, high = seconds_text(cost.latency_low), seconds_text(cost.latency_high)
    return f"{low}–{high}" if low and high else ""


def count_text(value: float) -> str:
    """Return a count or a rate.

    Examples
    --------
    >>> [count_text(value) for value in (3.14, 870, 12345.6, 2.5e6)]
    ['3.1', '870', '12,000', '2.5 M']
    """
    if not math.isfinite(value):
        return ""
    return f"{_two_digits(value / 1e6)} M" if value >= 1e6 else _two_digits(value)


def bytes_text(value: float) -> str:
    """Return a size in memory.

    Examples
    --------
    >>> [bytes_text(value) for value in (128, 812.5, 3136, 2.5e6)]
    ['128 B', '812 B', '3.1 kB', '2.5 MB']
    """
    if not math.isfinite(value):
        return ""
    if value < 1000:
        return f"{value:.0f} B"
    return f"{value / 1000:.1f} kB" if value < 1e6 else f"{value / 1e6:.1f} MB"


def _two_digits(value: float) -> str:
    """Return a number with two digits that count, or all of a whole number below 1,000."""
    if value >= 1000:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
