"""Which row of a study to use: one rule, which stars, charts and sentences all ask.

Of the rows that cannot be told from the best, it is the one that `choose` names. It stands beside
the best guess, the row with the highest score: what a test cannot tell apart may differ.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nearspace.judge.cost import Cost, choose_by_cost
from nearspace.judge.power import items_to_settle, visible_gap
from nearspace.judge.score import Score
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import TOP, ScoreTable, with_verdicts

__all__ = [
    "Resolution",
    "choose",
    "contenders",
    "cost_of",
    "frontier",
    "is_above_chance",
    "ranked",
    "with_recommendation",
]

NO_COST = Cost(math.nan, math.nan, math.nan, math.inf)  # not measured


@dataclasses.dataclass(frozen=True)
class Resolution:
    """What a test can tell apart.

    Attributes
    ----------
    items : int
        Test items that the verdicts rest on.
    groups : int or None
        In how many groups, where there are groups.
    gap : float or None
        The smallest gap to the best that is mostly seen, see `visible_gap`.
    between : tuple of str
        The best row, and the tied one that is recommended or comes next; empty where none is tied.
    to_settle : int or None
        About how many test items would tell those two apart, see `items_to_settle`.
    """

    items: int
    groups: int | None = None
    gap: float | None = None
    between: tuple[str, ...] = ()
    to_settle: int | None = None


def with_recommendation(
    rows: Sequence[Any], table: ScoreTable, score: Score, chance: np.ndarray | None = None
) -> tuple[list[Any], Resolution]:
    """Return rows best first, with verdicts and the star, and what the test can tell apart.

    Parameters
    ----------
    rows : sequence
        Of a study, each with the ranking score among its ``scores``.
    table : ScoreTable
        That score of the same rows, unit by unit.
    score : Score
        What ranks.
    chance : ndarray, optional
        As of `ScoreTable.verdicts`.
    """
    places = {id(row): place for place, row in enumerate(rows)}
    rows = ranked(rows, score)
    values = table.values[[places[id(row)] for row in rows]]
    table = dataclasses.replace(table, values=values)
    rows = with_verdicts(rows, table, chance)
    left = contenders(rows, score)
    chosen = choose(left, score) if left else None
    rows = [dataclasses.replace(row, recommended=row is chosen) for row in rows]
    scored = np.isfinite(values).any(axis=(0, 1))
    groups = None if table.groups is None else len(np.unique(table.groups[scored]))
    best = next((at for at, row in enumerate(rows) if row.verdict == "best"), None)
    tied = [at for at, row in enumerate(rows) if row.verdict == TOP[1]]
    rival = next((at for at in tied if rows[at].recommended), tied[0] if tied else None)
    told = Resolution(int(scored.sum()), groups, visible_gap(table))
    if best is None or rival is None:
        return rows, told
    between = (rows[best].name, rows[rival].name)
    settles = items_to_settle(table, best, rival)
    return rows, dataclasses.replace(told, between=between, to_settle=settles)


def contenders(rows: Iterable[Any], score: Score) -> list[Any]:
    """Return the rows between which one may choose by cost.

    They are best or tied with it, can be told from chance, and score above all that are worse:
    one that varies more may be tied at a score at which another is not, but it is not preferred.
    """
    rows = list(rows)
    worse = [_goodness(row, score) for row in rows if row.verdict == "worse"]
    floor = max((value for value in worse if not math.isnan(value)), default=-math.inf)
    return [
        row
        for row in rows
        if row.verdict in TOP and is_above_chance(row) and not _goodness(row, score) <= floor
    ]


def choose(rows: Sequence[Any], score: Score) -> Any:
    """Return the row to use of those that are equally good, see `choose_by_cost`."""
    costs, values = [cost_of(row) for row in rows], [_goodness(row, score) for row in rows]
    return rows[choose_by_cost(costs, values)]


def ranked(rows: Iterable[Any], score: Score) -> list[Any]:
    """Return rows from the best score to the worst, of equal ones the cheapest first."""
    rows = list(rows)
    unknown = [row for row in rows if math.isnan(_goodness(row, score))]
    left = [row for row in rows if not math.isnan(_goodness(row, score))]
    left.sort(key=lambda row: -_goodness(row, score))
    order: list[Any] = []
    while left:
        equal = [row for row in left if _goodness(row, score) == _goodness(left[0], score)]
        first = choose(equal, score)
        order.append(first)
        left = [row for row in left if row is not first]
    return order + unknown


def frontier(rows: Iterable[Any], score: Score) -> list[Any]:
    """Return the rows to use by the same rule, whatever score one asks for, the best first.

    The recommended row is among them, as the cheapest of those at least as good as the last of the
    `contenders`.
    """
    judged = [row for row in rows if row.verdict in (*TOP, "worse") and is_above_chance(row)]
    order = ranked(judged, score)
    line: list[Any] = []
    for n in range(1, len(order) + 1):
        row = choose(order[:n], score)
        if not any(row is other for other in line):
            line.append(row)
    return line


def is_above_chance(row: Any) -> bool:
    """Return whether a row can be told from chance, where anything can be guessed."""
    return row.over_chance is None or (row.over_chance.low or 0) > 0


def cost_of(row: Any) -> Cost:
    """Return what a row costs, as far as that was measured."""
    return NO_COST if row.cost is None else row.cost


def _goodness(row: Any, score: Score) -> float:
    """Return the ranking score of a row, higher where it is better."""
    estimate: Estimate = row.scores[score.name]
    return score.sign * estimate.value
