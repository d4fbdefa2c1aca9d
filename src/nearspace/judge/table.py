"""`ScoreTable`: how sure the scores of rows are, and which differ.

Rows are encoders, layers of one, or ways to use labels; whatever they are, each has one number a
test unit, in each of several fits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from nearspace.judge.means import Means
from nearspace.judge.score import Score
from nearspace.judge.statistics import Estimate, compare_to_base, compare_to_best, interval

__all__ = [
    "TOP",
    "ScoreTable",
    "Verdict",
    "beside",
    "gap_words",
    "helped",
    "table_of",
    "with_verdicts",
]

TOP = ("best", "tied with best")
ROUNDING = 1e-9  # by which means that are the same may differ


@dataclasses.dataclass(frozen=True, repr=False)
class Verdict:
    """How a row stands: ``"best"``, ``"tied with best"`` or ``"worse"``, and how far from the best.

    ``over_chance`` is how much better than guessing it is, if that is asked: what it is at least
    holds for all rows at once, as do the intervals of the differences.

    Examples
    --------
    >>> Verdict("worse", Estimate(-0.25, -0.36, -0.15))
    Verdict(worse, -0.25 [-0.36, -0.15] to the best)
    """

    word: str
    difference: Estimate
    over_chance: Estimate | None = None

    def __repr__(self) -> str:
        """Return the word, and of all but the best how far it is from it."""
        gap = "" if self.word == "best" else f", {self.difference} to the best"
        return f"Verdict({self.word}{gap})"


@dataclasses.dataclass(frozen=True, eq=False)
class ScoreTable:
    """One score of rows, unit by unit.

    Attributes
    ----------
    values : ndarray of shape (rows, seeds, units)
        A unit that is NaN for all rows has no part.
    groups : ndarray of shape (units,) or None
        What is resampled together.
    random_state : int
        Of the bootstrap.
    bounded : bool
        Whether the values always lie in [0, 1].
    sign : int
        1 where higher is better, else -1.
    strata : ndarray of shape (units,) or None
        The class of each unit, as of `compare_to_base`.
    classes : ndarray of shape (units,) or None
        The class of each unit, where the score is the mean of the means of classes.
    overlap : float
        By what the variance over units is multiplied, as of `interval`.
    """

    values: np.ndarray
    groups: np.ndarray | None
    random_state: int
    bounded: bool = True
    sign: int = 1
    strata: np.ndarray | None = None
    classes: np.ndarray | None = None
    overlap: float = 1.0

    def estimates(self, level: float = 0.95) -> list[Estimate]:
        """Return the mean of every row with its interval."""
        how: dict[str, Any] = {"bounded": self.bounded, **self.units}
        means = Means.of(self.values, self.groups, **self.units).values
        return _estimates(means, *interval(self.values, self.groups, level, **how))

    def verdicts(self, chance: np.ndarray | None = None) -> list[Verdict]:
        """Return how every row stands beside the best, which was picked on the same units.

        ``chance`` is what guessing gets, shape ``(seeds, units)`` or ``(1, units)``.
        """
        how: dict[str, Any] = {"higher_is_better": self.sign > 0, "random_state": self.random_state}
        how |= self.units
        to = compare_to_best(self.values, self.groups, **how)
        words = ["tied with best" if tied else "worse" for tied in to.tied]
        words[to.best] = "best"
        differences = _estimates(to.difference, to.low, to.high)
        if chance is None:
            return list(map(Verdict, words, differences))
        gains = compare_to_base(self.values, chance, self.groups, self.strata, **how)
        over = [Estimate(float(gain), float(low)) for gain, low in zip(*gains, strict=True)]
        return list(map(Verdict, words, differences, over))

    def gain(self, level: float = 0.95) -> Estimate:
        """Return the second of two rows minus the first, studentised as the verdicts are."""
        how = (self.sign > 0, level, self.random_state)
        to = compare_to_best(self.values, self.groups, *how, **self.units)
        change = _estimates(to.difference, to.low, to.high)[1 - to.best]
        return change if to.best == 0 else -change

    def minus(self, base: np.ndarray, level: float = 0.95) -> Estimate:
        """Return the only row minus ``base``, shape ``(seeds, units)``, paired by seed and unit."""
        seeds = min(self.values.shape[1], len(base))  # fewer where it was interrupted
        paired = dataclasses.replace(self, values=self.values[:, :seeds] - base[:seeds])
        how = (level, self.bounded, self.bounded)
        ends = interval(paired.values, self.groups, *how, **self.units)
        means = Means.of(paired.values, self.groups, **self.units).values
        return _estimates(means, *ends)[0]

    @property
    def alike_in_groups(self) -> bool:
        """Whether every row has one mean in all groups."""
        if self.groups is None:
            return False
        scored = np.isfinite(self.values).all(axis=(0, 1))
        units = np.unique(self.groups[scored], return_inverse=True)[1]
        rows = self.values[:, :, scored].mean(axis=1)
        means = np.array([np.bincount(units, row) for row in rows]) / np.bincount(units)
        return bool((np.ptp(means, axis=1) <= ROUNDING).all())

    @property
    def units(self) -> dict[str, Any]:
        """What the test units have in common, beside groups: as of `interval`."""
        return {"classes": self.classes, "overlap": self.overlap}


def table_of(task: Any, score: Score, values: Sequence[np.ndarray]) -> ScoreTable:
    """Return the table of one score of a task, with values ``(seeds, units)`` of each row."""
    stacked = np.stack(values)
    # Chance is known for every item, R-precision of the others for a subsample of them.
    stacked = np.where(np.isnan(stacked).any(axis=(0, 1)), np.nan, stacked)
    seed = task.protocol.random_state
    classes = task.classes if score.by_class else None
    how = (score.bounded, score.sign, task.strata, classes, task.overlap)
    return ScoreTable(stacked, task.groups, seed, *how)


def beside(difference: Estimate) -> str:
    """Return whether a row is ``"better"``, ``"worse"`` or ``"tied"``, by what it has more.

    Examples
    --------
    >>> beside(Estimate(0.1, 0.02, 0.18)), beside(Estimate(0.1, -0.02, 0.22))
    ('better', 'tied')
    """
    if difference.low is not None and difference.low > 0:
        return "better"
    return "worse" if difference.high is not None and difference.high < 0 else "tied"


def helped(gap: Estimate, what: str) -> str:
    """Return in words whether something helped, by what a row has more with it.

    Examples
    --------
    >>> helped(Estimate(0.1, 0.02, 0.18), "pretraining")
    'pretraining helped'
    """
    words = {"better": "{} helped", "worse": "{} did not help"}
    return words.get(beside(gap), "whether {} helped cannot be told").format(what)


def gap_words(gap: Estimate, score: Score, other: str) -> str:
    """Return in words how far a row is above or below another, with the interval."""
    side = "above" if gap.value >= 0 else "below"
    interval = score.parts(gap, signed=True)[1]
    return f"{score.gap(gap.value)} {side} {other} {interval}".rstrip() + "."


def with_verdicts(
    rows: Sequence[Any], table: ScoreTable, chance: np.ndarray | None = None
) -> list[Any]:
    """Return rows with the verdicts of their table; ``chance`` as of `ScoreTable.verdicts`."""
    return [
        dataclasses.replace(
            row,
            verdict=verdict.word,
            difference=verdict.difference,
            over_chance=verdict.over_chance,
        )
        for row, verdict in zip(rows, table.verdicts(chance), strict=True)
    ]


def _estimates(values: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> list[Estimate]:
    return [Estimate(*map(float, three)) for three in zip(values, lows, highs, strict=True)]
