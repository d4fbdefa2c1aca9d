"""What rows score on the test items that have no copy, equal or near, among the training items."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.judge.scores import SCORES
from nearspace.judge.table import table_of

__all__ = ["copies_note", "with_copies_apart"]


def with_copies_apart(
    task: Any, rows: Sequence[Any], scores: Sequence[Mapping[str, np.ndarray]]
) -> list[Any]:
    """Return rows with their ranking score on the test items that have no copy, where some have.

    Parameters
    ----------
    task : Task
        What they were judged on.
    rows : sequence of Result
        The rows.
    scores : sequence of mapping of str to ndarray of shape (seeds, n)
        What they score, by name.
    """
    alone, score = task.copies == "none", SCORES[task.rank_by]
    if not np.isin(task.copies, ("equal", "near")).any() or not alone.any():
        return list(rows)
    left = np.where(alone, 1.0, np.nan)
    values = {at: own[score.name] * left for at, own in enumerate(scores) if score.name in own}
    values = {at: own for at, own in values.items() if not np.isnan(own).all()}
    if not values:
        return list(rows)
    told = dict(zip(values, table_of(task, score, list(values.values())).estimates(), strict=True))
    return [dataclasses.replace(row, without_copies=told.get(at)) for at, row in enumerate(rows)]


def copies_note(task: Any, rows: Sequence[Any]) -> list[str]:
    """Return what the best and the recommended row have on the test items without a copy.

    Parameters
    ----------
    task : Task
        What they were judged on.
    rows : sequence of Result
        With their scores `with_copies_apart`.
    """
    rows = [
        row
        for row in rows
        if row.without_copies is not None and (row.recommended or row.verdict == "best")
    ]
    if not rows:
        return []
    copies, score = task.copies, SCORES[task.rank_by]
    unit = f" {score.unit}" if score.unit else ""
    scored = ", ".join(
        f"{row.spec} has {score.text(row.without_copies, interval=False)}{unit} instead of "
        f"{score.text(row.scores[score.name], interval=False)}{unit}"
        for row in rows
    )
    label = score.label.replace("k-NN", f"{task.protocol.k}-NN")
    equal, near = (int((copies == how).sum()) for how in ("equal", "near"))
    return [
        f"{equal + near:,} of {len(copies):,} test items have a copy among the training items "
        f"({equal:,} equal, {near:,} nearly): on the {int((copies == 'none').sum()):,} that have "
        f"none, {scored} ({label})."
    ]
