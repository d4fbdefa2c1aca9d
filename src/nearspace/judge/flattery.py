"""By how much rows that an encoder has learnt the labels of tell more than others would."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.judge.scores import SCORES
from nearspace.judge.table import TOP, table_of

__all__ = ["flattery_note", "with_flattery"]


def with_flattery(task: Any, row: Any, halves: np.ndarray | None) -> Any:
    """Return a row with its ranking score by rows that were learnt from, and by others.

    Parameters
    ----------
    task : Task
        What it was judged on.
    row : Result
        The row.
    halves : ndarray of shape (2, n) or None
        What each half of the training rows tells of the test items; the one learnt from first.
    """
    if halves is None:
        return row
    score, (learnt, unlearnt) = SCORES[task.rank_by], halves[:, None]
    by_learnt, by_unlearnt = table_of(task, score, [learnt, unlearnt]).estimates()
    more = table_of(task, score, [learnt]).minus(unlearnt)
    return dataclasses.replace(
        row, among_learnt=by_learnt, among_unlearnt=by_unlearnt, flattery=more
    )


def flattery_note(
    task: Any,
    rows: Sequence[Any],
    halves: Mapping[str, np.ndarray],
    scores: Mapping[str, Mapping[str, np.ndarray]],
) -> list[str]:
    """Return what encoders have by rows they have not learnt from, and which verdicts that turns.

    A verdict turns where a row is held against the others by its score less what it gains, item by
    item, where that is more than chance.

    Parameters
    ----------
    task : Task
        What the rows were judged on.
    rows : sequence of Result
        Ranked, with their `flattery`.
    halves : mapping of str to ndarray of shape (2, n)
        As of `with_flattery`, by spec.
    scores : mapping of str to mapping of str to ndarray of shape (seeds, n)
        Of each row, by spec and name.
    """
    score, told = SCORES[task.rank_by], []
    for row in rows:
        if row.flattery is None:
            continue
        ends = (row.among_unlearnt, row.among_learnt)
        one, other = (score.text(each, interval=False) for each in ends)
        change = " ".join(filter(None, score.parts(-row.flattery, signed=True)))
        told.append(f"{row.spec} {one} instead of {other} ({change})")
    if not told:
        return []
    label = score.label.replace("k-NN", f"{task.protocol.k}-NN")
    fits = sum(not fold.turn for fold in task.folds) or 1
    fit = f"{fits} fits" if fits > 1 else "a fit"
    note = (
        "The labels of the rows that vote were learnt, so that they may tell more than new rows. "
        f"With {fit} more, on half of them, by the half not learnt from instead of the other "
        f"({label}{', ' * bool(score.unit)}{score.unit}): {'; '.join(told)}."
    )
    gains = [row.spec for row in rows if row.flattery and score.sign * _surely(row.flattery) > 0]
    specs = [row.spec for row in rows if score.name in scores.get(row.spec, {})]
    own = [scores[spec][score.name] for spec in specs]
    less = [
        values - (halves[spec][0] - halves[spec][1]) if spec in gains else values
        for spec, values in zip(specs, own, strict=True)
    ]
    tables = (table_of(task, score, values).verdicts() for values in (own, less))
    turned = [
        f"{spec} would be {after.word}, and not {before.word}"
        for spec, before, after in zip(specs, *tables, strict=True)
        if (before.word in TOP) != (after.word in TOP)
    ]
    return [note + f" Less so much, {'; '.join(turned)}." * bool(turned)]


def _surely(gain: Any) -> float:
    """Return the end of an interval that is next to nothing, 0 where nothing is in it."""
    low, high = (gain.value if end is None else end for end in (gain.low, gain.high))
    return float(low if low > 0 else min(high, 0.0))
