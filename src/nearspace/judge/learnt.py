"""What training rows are worth as neighbours that an encoder has learnt the labels of.

Their vectors show what it was told of them, those of new rows only what it makes of them. So each
encoder that learns from labels is fitted once more, on one half of the training rows, and the test
rows are told by that half and by the other, in the same space.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.data import Dataset
from nearspace.data.split import split_of
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.judge.budget import OutOfTime
from nearspace.judge.cache import make_key
from nearspace.judge.cost import effort_of
from nearspace.judge.evidence import Evidence
from nearspace.judge.fits import Fits
from nearspace.judge.folding import joined
from nearspace.judge.leaderboard import Judged
from nearspace.judge.scores import SCORES
from nearspace.judge.task import Task
from nearspace.metrics.retrieval import subsample

__all__ = ["MOST_LEARNT", "MOST_WORK", "halves_of", "with_halves"]

MOST_LEARNT = 5000  # rows of each half
# Rows times the effort that encoders declare: as much as a perceptron is for 7,000 rows.
MOST_WORK = 2_000_000
FEWEST = 200  # rows of a half, below which it is left out rather than drawn
AMONG_TEST = "r_precision"  # the one score of labels for which no training row is looked at


def with_halves(
    task: Task,
    judged: Sequence[Judged],
    given: Mapping[str, Encoder],
    fits: Fits,
    left: Callable[[], float],
) -> tuple[list[Judged], list[str]]:
    """Return rows, those that learn from labels with what each half of the training rows tells.

    Parameters
    ----------
    task : Task
        What they were judged on.
    judged : sequence of Judged
        The rows.
    given : mapping of str to Encoder
        The encoder of each, by its spec.
    fits : Fits
        Where encoders are fitted, and found again.
    left : callable
        Returns the seconds that there are.

    Returns
    -------
    list of Judged
        The rows in their order.
    list of str
        Which could not be looked at, and why.
    """
    score = SCORES[task.rank_by]
    looks = task.name in score.needs and score.per_unit and score.name != AMONG_TEST
    looks &= task.of_items and task.labelled
    rows, notes = [], []
    for row in judged:
        encoder = given.get(row.spec)
        if not looks or encoder is None or encoder.learns != "labels" or encoder.needs_all_items:
            rows.append(row)
            continue
        try:
            if left() < row.cost.fit_seconds:
                raise OutOfTime(row.cost.fit_seconds)
            rows.append(dataclasses.replace(row, halves=_measured(task, encoder, fits)))
        except OutOfTime:
            rows.append(row)
            notes.append(_not_looked_at(row.spec, "there was no time for it"))
        except Exception as error:  # what is judged is not lost for what is looked at beside it
            rows.append(row)
            notes.append(_not_looked_at(row.spec, str(error)))
    return rows, notes


def _not_looked_at(spec: str, why: str) -> str:
    return (
        f"{spec} has learnt from the labels of the rows by which it is judged here; by how much "
        f"they tell more than others would is not known: {' '.join(why.split()).rstrip('.')}."
    )


def _measured(task: Task, encoder: Encoder, fits: Fits) -> np.ndarray:
    """Return what each half tells of the test items, shape ``(2, n)``: the one learnt from first.

    Where they test in folds, it is that of the first round.
    """
    folds = [fold for fold in task.folds if not fold.turn]
    if not folds:
        return np.stack(_told(task, encoder, fits))
    told = [_told(fold.task, encoder, fits) for fold in folds]
    both = []
    for half in range(2):
        parts = [{task.rank_by: values[half]} for values in told]
        both.append(joined(folds, parts, SCORES, len(task.dataset))[task.rank_by][0])
    return np.stack(both)


def _told(task: Any, encoder: Encoder, fits: Fits) -> tuple[np.ndarray, np.ndarray]:
    """Return the score of each test item by either half, from the cache if it is there."""
    rank_by, protocol = task.rank_by, task.protocol
    learnt, unlearnt = halves_of(task.train, encoder, protocol.random_state, protocol.k)
    sides = (learnt.fingerprint, unlearnt.fingerprint, task.test.fingerprint)
    key = make_key(
        "halves", encoder.spec, *sides, rank_by, protocol.k, protocol.metric,
        by=map(type, [*encoder.parts, task.train.kind]),
    )  # fmt: skip
    row = fits.cache.load_row(key) if encoder.is_reproducible else None
    if row is not None:
        return row[0]["learnt"], row[0]["unlearnt"]
    fitted, _ = fits.get(encoder, learnt)
    test = task.asked_of(fitted)
    values = []
    for half in (learnt, unlearnt):
        part = dataclasses.replace(task, train=half)
        evidence = Evidence(part, fitted, fitted.transform(half.items), test)
        values.append(np.asarray(SCORES[rank_by].measure(evidence)))
    if encoder.is_reproducible:
        fits.cache.store_row(key, {"learnt": values[0], "unlearnt": values[1]}, {})
    return values[0], values[1]


def halves_of(
    train: Dataset, encoder: Encoder, random_state: int, k: int
) -> tuple[Dataset, Dataset]:
    """Return two halves of training rows, of many a part of them, each with its share of labels.

    Copies and groups stay in one half. How many rows there are follows from what the encoder
    declares to be its work, and from no clock.

    Raises
    ------
    NearspaceError
        If it is too much work for a half that tells anything, or rows cannot be parted.

    Examples
    --------
    >>> from nearspace import load, make
    >>> learnt, unlearnt = halves_of(load("wine"), make("mlp"), random_state=0, k=5)
    >>> len(learnt), len(unlearnt)
    (89, 89)
    """
    half = len(train) // 2
    most = min(half, MOST_LEARNT)
    while most > FEWEST and most * effort_of(encoder, most) > MOST_WORK:
        most = int(0.9 * most)
    if most < min(FEWEST, half) or most * effort_of(encoder, most) > MOST_WORK:
        raise NearspaceError(
            f"a fit on even {FEWEST} more rows is more work than is done for this, as what it "
            "starts from is large"
        )
    drawn = train.take(subsample(len(train), 2 * most, random_state))
    drawn = dataclasses.replace(drawn, split=None, time=None)
    sides = split_of(drawn, 0.5, random_state)
    learnt, unlearnt = drawn.take(sides.train), drawn.take(sides.test)
    if min(len(learnt), len(unlearnt)) <= k:
        raise NearspaceError(f"its training rows cannot be parted into halves of more than {k}")
    return learnt, unlearnt
