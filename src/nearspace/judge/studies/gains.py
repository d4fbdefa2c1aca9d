"""What labels brought, used in several ways: a row a way, and sentences on what pretraining did."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nearspace.judge.amounts import seconds_text
from nearspace.judge.board import HIDDEN
from nearspace.judge.card import row_line
from nearspace.judge.cost import Cost, as_quick_to_fit
from nearspace.judge.score import Score
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import gap_words, helped

__all__ = ["FLOOR", "TransferRow", "is_from_scratch", "strongest", "to_use", "verdicts_on"]

SCRATCH = "from scratch"
FLOOR = "linear head on"  # the plain representation: nothing is transferred


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TransferRow:
    """One number of labels, used in one way.

    Attributes
    ----------
    labels : int
        How many training items had a label.
    way : str
        How they were used.
    varied : bool
        Whether a network saw random variations of the labelled items.
    seeds : int
        Draws of labelled items.
    scores : dict of str to Estimate
        The accuracy, or R² where numbers are told, with an interval over draws and test items.
    difference : Estimate or None
        Score minus that of the same network from scratch, varied or not as here, or where none
        is, minus that of the linear head on frozen vectors; paired by draw and test item. The
        intervals hold for all rows of one number of labels at once.
    over_plain : Estimate or None
        Score of the linear head minus that of the linear head on the plain representation,
        paired likewise; None for other ways.
    learning_rate : float or None
        The rate chosen; None for a linear head.
    seconds : float
        Mean wall time of a fit and of labelling the test items.
    predictions : ndarray of shape (seeds, test items)
        The labels given.
    verdict : str
        ``"better"``, ``"worse"`` or ``"tied"``, by the difference; else empty.
    recommended : bool
        Whether it is the way to use with so many labels, see `to_use`.
    """

    labels: int
    way: str
    varied: bool
    seeds: int
    scores: dict[str, Estimate]
    difference: Estimate | None
    over_plain: Estimate | None
    learning_rate: float | None
    seconds: float
    predictions: np.ndarray = dataclasses.field(metadata=HIDDEN)
    verdict: str = ""
    recommended: bool = False

    def __repr__(self) -> str:
        """Return how it did with how many labels, on one line."""
        return row_line(self, f"{self.labels:,} labels, {seconds_text(self.seconds)} a fit")

    @property
    def name(self) -> str:
        """The way: what a row is called in words."""
        return self.way

    @property
    def score(self) -> Estimate:
        """The only score."""
        return next(iter(self.scores.values()))

    @property
    def cost(self) -> Cost:
        """What it costs as far as that is known: the time of a fit."""
        return Cost(self.seconds, math.nan, math.nan, math.nan)


def to_use(rows: Sequence[TransferRow], score: Score) -> int:
    """Return which way to use of some that cannot be told from the best.

    Of those that are `as_quick_to_fit` as the quickest it is the one with the best score.
    """
    quickest = min((row.cost for row in rows), key=lambda cost: cost.fit_seconds)
    quick = [at for at, row in enumerate(rows) if as_quick_to_fit(row.cost, quickest)]
    return max(quick, key=lambda at: score.sign * rows[at].score.value)


def strongest(rows: Sequence[TransferRow], labels: int, varied: bool = False) -> TransferRow | None:
    """Return the best row that transfers anything and has a network from scratch beside it."""
    rivals = [
        row
        for row in rows
        if (row.labels, row.varied) == (labels, varied)
        and row.difference is not None
        and not row.way.startswith(FLOOR)
    ]
    return max(rivals, key=lambda row: row.score.value, default=None)


def is_from_scratch(rows: Sequence[TransferRow]) -> bool:
    """Return whether networks are held against the same from scratch, or against frozen vectors."""
    heads = [row for row in rows if row.way == "linear head"]
    return any(row.way.startswith(SCRATCH) for row in rows) or not heads


def verdicts_on(rows: Sequence[TransferRow], score: Score, spec: str) -> list[str]:
    """Return in a sentence each what pretraining brought.

    Without a network, what the encoder brought over the plain representation.
    """
    cases = dict.fromkeys((row.labels, row.varied) for row in rows)
    best = [row for case in cases if (row := strongest(rows, *case)) is not None]
    said = []
    for row in best:
        how, way = "varied" if row.varied else "as they are", row.way.removesuffix(", varied")
        if is_from_scratch(rows):
            what, items, base = "pretraining", f", items {how}", "the same network from scratch"
        else:
            what, items, base = "fine-tuning", "", "the linear head on frozen vectors"
        gap: Any = row.difference
        said.append(
            f"{row.labels:,} labels{items}: {helped(gap, what)}: the best way, {way}, "
            f"is {gap_words(gap, score, base)}{_plain_has_more(rows, row, score)}"
        )
    if best:
        return said
    plain = next((row.way for row in rows if row.way.startswith(FLOOR)), "")
    return [
        f"{row.labels:,} labels: {helped(row.over_plain, spec)}: the linear head on it is "
        + gap_words(row.over_plain, score, f"the {plain}")
        for row in rows
        if row.over_plain
    ]


def _plain_has_more(rows: Sequence[TransferRow], best: TransferRow, score: Score) -> str:
    """Return that the plain representation is better than the best way, where it is."""
    plain = [row for row in rows if row.labels == best.labels and row.way.startswith(FLOOR)]
    if not plain or score.sign * (plain[0].score.value - best.score.value) <= 0:
        return ""
    gap = score.gap(plain[0].score.value - best.score.value)
    return f" But the {plain[0].way}, which needs no network, is {gap} better than that."
