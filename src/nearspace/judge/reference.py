"""`Reference`: a model that makes no space, and how far the best linear probe is from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from nearspace.judge.cost import Cost
from nearspace.judge.score import Score
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import ScoreTable

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
    score: Score,
    label: str,
    probes: Mapping[str, np.ndarray],
    reference: str,
    base: np.ndarray,
    table: ScoreTable,
) -> Gap:
    """Return how far the best of some rows is from a reference.

    Parameters
    ----------
    score : Score
        What a model tells.
    label : str
        What it is called.
    probes : mapping of str to ndarray of shape (seeds, n)
        That score of each row.
    reference : str
        What the reference is called.
    base : ndarray of shape (seeds, n)
        The score of the reference.
    table : ScoreTable
        Any of the same units: how they are resampled.

    Examples
    --------
    >>> from nearspace.judge.scores import SCORES
    >>> probe, trees = np.zeros((1, 200)), np.zeros((1, 200))
    >>> probe[:, :120], trees[:, :140] = 1, 1
    >>> how = ScoreTable(probe[None], None, 0)
    >>> print(gap_to_reference(SCORES["probe"], "probe", {"pca": probe}, "trees", trees, how).told)
    Best probe: pca, 60.0 %, against trees with 70.0 %: −10.0 points [−14.2, −5.8].
    """
    rows = {name: dataclasses.replace(table, values=own[None]) for name, own in probes.items()}
    values = {name: row.estimates()[0].value for name, row in rows.items()}
    best = max(values, key=lambda name: score.sign * values[name])
    # Whichever of the rows was picked, its interval holds where all of them do (Bonferroni).
    gap = rows[best].minus(base, level=1 - (1 - LEVEL) / len(rows))
    (of_reference,) = dataclasses.replace(table, values=base[None]).estimates()
    unit = f" {score.unit}" if score.unit else ""
    number, interval = score.parts(gap, signed=True)
    told = (
        f"Best {label}: {best}, {score.text(Estimate(values[best]))}{unit}, against {reference} "
        f"with {score.text(of_reference, interval=False)}{unit}: {number}"
        f"{' points' * score.bounded} {interval}"
    )
    return Gap(reference, best, score.name, gap, f"{told.rstrip()}.")
