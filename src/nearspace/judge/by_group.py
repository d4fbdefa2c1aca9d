"""What encoders score on each group, where every group was left out once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.judge.folding import BY_GROUP
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import ScoreTable

__all__ = ["GroupScores", "by_group", "range_note"]


@dataclasses.dataclass(frozen=True)
class GroupScores:
    """What encoders that were fitted on the other groups score on one.

    Attributes
    ----------
    group : str
        Its name.
    items : int
        How many items of it tested.
    scores : dict of str to Estimate
        The ranking score by spec, with an interval over the items of this group: it holds for
        further items of the same group, and not for other groups.

    Examples
    --------
    >>> GroupScores("theo", 500, {"raw": Estimate(0.541, 0.497, 0.584)}).scores["raw"]
    Estimate(0.541 [0.497, 0.584])
    """

    group: str
    items: int
    scores: dict[str, Estimate]


def by_group(task: Any, scores: Mapping[str, Mapping[str, np.ndarray]]) -> tuple[GroupScores, ...]:
    """Return the ranking score of rows on each group, where each was left out once; else nothing.

    Parameters
    ----------
    task : Task
        What the rows were judged on.
    scores : mapping of str to mapping of str to ndarray of shape (seeds, n)
        Of each row, by spec and name of the score.
    """
    score = SCORES[task.rank_by]
    if task.protocol.folds != BY_GROUP or not score.per_unit:
        return ()
    own = {spec: each[score.name] for spec, each in scores.items() if score.name in each}
    classes = task.classes if score.by_class else None
    rows = []
    for fold in task.folds:
        if fold.turn:
            continue
        values = np.stack([each[:, fold.at] for each in own.values()])
        of = None if classes is None else classes[fold.at]
        how = (task.protocol.random_state, score.bounded, score.sign)
        told = ScoreTable(values, None, *how, classes=of).estimates()
        name = str(task.dataset.groups[fold.at[0]])
        rows.append(GroupScores(name, len(fold.at), dict(zip(own, told, strict=True))))
    return tuple(rows)


def range_note(rows: Sequence[GroupScores], spec: str | None, score: Score) -> list[str]:
    """Return between which scores of its groups a row lies, where there are any.

    Examples
    --------
    >>> groups = [GroupScores(name, 9, {"raw": Estimate(x)}) for name, x in (("a", 0.5), ("b", 1))]
    >>> range_note(groups, "raw", SCORES["knn"])
    ["raw has from 50.0 % on the group 'a' to 100.0 % on 'b'."]
    """
    told = [row for row in rows if spec in row.scores]
    if spec is None or len(told) < 2:
        return []
    told.sort(key=lambda row: score.sign * row.scores[spec].value)
    unit = f" {score.unit}" * bool(score.unit)
    worst, best = (
        f"{score.text(row.scores[spec], interval=False)}{unit} on" for row in (told[0], told[-1])
    )
    return [f"{spec} has from {worst} the group '{told[0].group}' to {best} '{told[-1].group}'."]
