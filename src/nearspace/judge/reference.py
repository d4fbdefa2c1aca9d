"""`Reference`: a model that makes no space, and how far the best linear probe is from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.judge.cost import Cost
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import table_of

__all__ = ["Gap", "Reference", "gap_to_reference"]

LEVEL = 0.95


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """What was measured of a model that tells labels and makes no space.

    Attributes
    ----------
    spec : str
        What it is called.
    learns : str
        What it learns from.
    scores : dict of str to ndarray of shape (seeds, n)
        Those of what a model tells, by test item.
    cost : Cost
        What it costs; it has no vectors.
    summary : str
        What it is, in a few words.
    notes : tuple of str
        What there is to say of it.
    """

    spec: str
    learns: str
    scores: dict[str, np.ndarray]
    cost: Cost
    summary: str = ""
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Gap:
    """How far the best linear probe is from a reference: what it costs, or brings, to have a space.

    Attributes
    ----------
    reference : str
        What the reference is called.
    row : str
        The encoder on whose vectors the linear model tells most.
    score : str
        By which score.
    difference : Estimate
        That of the linear model minus that of the reference, paired by test unit. The interval
        allows for the row having been picked among all.
    told : str
        All that in a sentence.
    """

    reference: str
    row: str
    score: str
    difference: Estimate
    told: str


def gap_to_reference(
    task: Any,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    references: Sequence[Reference],
    own: Sequence[Mapping[str, np.ndarray]],
) -> Gap | None:
    """Return how far the best linear probe is from a reference; None where there is none.

    Parameters
    ----------
    task : Task
        What all were judged on.
    scores : mapping of str to mapping of str to ndarray of shape (seeds, n)
        Of each encoder, by its spec and their names.
    references : sequence of Reference
        Of which the first is looked at.
    own : sequence of mapping of str to ndarray of shape (seeds, n)
        Their scores.
    """
    if not references:
        return None
    score = task.vote_and_line[1]
    base = own[0].get(score.name)
    rows = {
        spec: table_of(task, score, [values[score.name]])
        for spec, values in scores.items()
        if score.name in values
    }
    if not rows or base is None or np.isnan(base).all():
        return None
    estimates = {name: row.estimates()[0] for name, row in rows.items()}
    best = max(estimates, key=lambda name: score.sign * estimates[name].value)
    # Whichever of the rows was picked, its interval holds where all of them do (Bonferroni).
    difference = rows[best].minus(base, level=1 - (1 - LEVEL) / len(rows))
    (of_reference,) = table_of(task, score, [base]).estimates()
    label = score.label if "probe" in score.label else f"{score.label} of vectors"
    unit, reference = f" {score.unit}" if score.unit else "", references[0].spec
    one, other = (score.text(each, interval=False) for each in (estimates[best], of_reference))
    number, interval = score.parts(difference, signed=True)
    told = (
        f"Best {label}: {best}, {one}{unit}, against {reference} with {other}{unit}: {number}"
        f"{' points' * score.bounded} {interval}"
    )
    return Gap(reference, best, score.name, difference, f"{told.rstrip()}.")
