"""What encoders score where items of a group stand on both sides, beside what they score honestly.

A split that knows of no groups tells how well new items of the same groups are told. Whoever needs
new groups told, and reports that, promises too much: by how much is measured here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate, interval
from nearspace.judge.table import TOP, ScoreTable, table_of
from nearspace.judge.task import ItemTask

__all__ = ["order_note", "task_without_groups", "with_optimism"]

Scores = Mapping[str, Mapping[str, np.ndarray]]


def task_without_groups(task: Any) -> Any:
    """Return a task on the same items where nobody knows of their groups.

    Raises
    ------
    NearspaceError
        If there are no groups, or a published split, which would be the same without them.
    """
    name = task.dataset.name
    if not isinstance(task, ItemTask):
        raise NearspaceError(
            f"also_without_groups= has no meaning for {task.name}, whose groups nobody gives: "
            "leave it out."
        )
    if task.groups is None:
        raise NearspaceError(
            f"{name} has no groups, so that there is nothing to split without: name the column "
            "that holds them (groups=), or leave also_without_groups= out."
        )
    if task.dataset.split is not None:
        raise NearspaceError(
            f"{name} has a published split, which is the same with groups and without: leave "
            "also_without_groups= out, or read the data without that split."
        )
    return task.without_groups()


def with_optimism(
    task: Any, loose: Any, row: Any, own: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> Any:
    """Return a row with its ranking score without groups, and how much more that is.

    The score without groups has an interval over items, as whoever knows of no groups would give
    it. The difference has one over groups: paired by item where the same items test, as in folds;
    else of two parts that vary each for itself, where each holds two groups at least.

    Parameters
    ----------
    task, loose : ItemTask
        What it was judged on, and the same items without groups.
    row : Result
        The row.
    own, other : mapping of str to ndarray of shape (seeds, n)
        What it scores on either, by name.
    """
    score = SCORES[task.rank_by]
    if score.name not in own or score.name not in other:
        return row
    honest, free = own[score.name], other[score.name]
    told = table_of(loose, score, [free]).estimates()[0]
    if np.array_equal(task.asked.ids, loose.asked.ids):
        more = _paired(table_of(task, score, [free]), honest)
    else:
        more = _apart(task, loose, score, honest, free)
    return dataclasses.replace(row, without_groups=told, optimism=more)


def _paired(table: ScoreTable, honest: np.ndarray) -> Estimate:
    """Return the difference of two means over the same items, with an interval over their groups.

    That is Student's, by the differences of groups: nobody asks for a verdict here, for which it
    would take six groups that differ. Where none differs at all, no more is known than of verdicts.
    """
    surely = table.minus(honest)
    paired = dataclasses.replace(table, values=table.values - honest, bounded=False)
    told = paired.estimates()[0]
    return surely if told.low == told.high else told


def _apart(task: Any, loose: Any, score: Any, honest: np.ndarray, free: np.ndarray) -> Estimate:
    """Return the difference of two means over other items, with an interval over their groups."""
    of = dict(zip(np.asarray(task.dataset.ids).tolist(), task.dataset.groups, strict=True))
    groups = np.array([of[each] for each in np.asarray(loose.asked.ids).tolist()])
    tables = [table_of(task, score, [honest]), table_of(loose, score, [free])]
    tables[1] = dataclasses.replace(tables[1], groups=groups)
    means = [table.estimates()[0].value for table in tables]
    halves = []
    for table in tables:
        low, high = interval(table.values, table.groups, bounded=False, **table.units)
        halves.append(float(high[0] - low[0]) / 2)
    half = math.hypot(*halves)
    gap = means[1] - means[0]
    return Estimate(gap, gap - half, gap + half) if math.isfinite(half) else Estimate(gap)


def order_note(
    task: Any, loose: Any, rows: Sequence[Any], scores: Scores, free: Scores
) -> list[str]:
    """Return what a split without groups promises, and which verdicts it turns.

    Parameters
    ----------
    task, loose, free
        As of `with_optimism`; what rows score without groups by spec.
    rows : sequence of Result
        Ranked, with their `optimism`.
    scores : mapping of str to mapping of str to ndarray
        What they score by groups, by spec.
    """
    score = SCORES[task.rank_by]
    both = [row for row in rows if row.optimism is not None]
    if not both:
        return []
    label = score.label.replace("k-NN", f"{task.protocol.k}-NN")
    unit = f", {score.unit}" * bool(score.unit)
    named = [row for row in both if row.recommended or row.verdict == "best"] or both[:1]
    told = [
        f"{row.spec} {score.text(row.without_groups, interval=False)} instead of "
        f"{score.text(row.scores[score.name], interval=False)} "
        f"({' '.join(filter(None, score.parts(row.optimism, signed=True)))})"
        for row in named
    ]
    said = (
        "With items of a group on both sides, as in a split that knows of no groups "
        f"({label}{unit}): {'; '.join(told)}. That is for new items of the same groups, and no "
        "more; ranks, verdicts and what to use go by groups left out."
    )
    specs = [row.spec for row in both]
    tables = [
        table_of(of, score, [some[spec][score.name] for spec in specs]).verdicts()
        for of, some in ((task, scores), (loose, free))
    ]
    best = [specs[[verdict.word for verdict in table].index("best")] for table in tables]
    if best[0] != best[1]:
        at = specs.index(best[1])
        word = tables[0][at].word
        if word in TOP:
            said += f" Without groups {best[1]} has the highest score; by groups it is tied with "
        else:
            said += f" The order turns: without groups {best[1]} is the best, by groups worse than "
        said += f"{best[0]}."
    return [said]
