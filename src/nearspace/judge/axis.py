"""The axis on which the intervals of a table are drawn."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate

__all__ = ["Axis", "interval_axis"]


@dataclasses.dataclass(frozen=True)
class Axis:
    """The common axis of the drawn intervals; places on it are percentages of its width."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """Return where a value stands, held within the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def holds(self, value: float) -> bool:
        """Return whether a value stands on the axis."""
        return self.low <= value <= self.high


def interval_axis(metric: str, scores: Sequence[Estimate], chance: float | None) -> Axis:
    """Return an axis for the scores; chance is on it unless that would squeeze them.

    Parameters
    ----------
    metric : str
        The name of the score.
    scores : sequence of Estimate
        What is drawn, at least one.
    chance : float or None
        The level of guessing.
    """
    ends = [x for score in scores for x in (score.value, score.low, score.high) if x is not None]
    low, high = min(ends), max(ends)
    if chance is not None and high - min(low, chance) <= 2 * (high - low):
        low = min(low, chance)
    margin = 0.06 * (high - low) or 0.01
    low, high = low - margin, high + margin
    if SCORES[metric].bounded:  # a share is between 0 and 1, and so is what stands at the ends
        low, high = max(low, 0.0), min(high, 1.0)
    scale = SCORES[metric].scale
    ticks = tuple((tick / scale, f"{tick:g}") for tick in _ticks(low * scale, high * scale))
    return Axis(low, high, ticks)


def _ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return at most ``most`` round numbers between two."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(m for m in (1, 2, 5, 10, 20) if (high - low) / (m * step) <= most)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{step * at:.10g}") for at in range(first, last + 1)]
