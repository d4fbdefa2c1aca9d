"""`Predictor`: what tells labels and makes no space, and how it is measured beside the encoders."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.judge.budget import Budget
from nearspace.judge.cache import Cache, make_key
from nearspace.judge.cost import Cost
from nearspace.judge.evidence import Modelled
from nearspace.judge.reference import Reference
from nearspace.judge.task import Task

__all__ = ["Predictor", "Telling", "check_amounts", "measured"]


@dataclasses.dataclass(frozen=True, eq=False)
class Telling:
    """What a model told of the test items of a task.

    Attributes
    ----------
    told : ndarray of shape (n,)
        The class or the number of each.
    margin : ndarray of shape (n,) or None
        Of two classes, how far it is on the side of the second; None otherwise.
    fit_seconds, items_per_second : float
        How long fitting took, and how fast items were told then.
    notes : tuple of str
        What there is to say of it.
    """

    told: np.ndarray
    margin: np.ndarray | None
    fit_seconds: float
    items_per_second: float
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model that tells labels and makes no space: a reference, never what is best.

    Attributes
    ----------
    name : str
        What it is called.
    summary : str
        What it is, in a few words.
    effort : float
        How much work an item is, beside those that encoders declare.
    draws : bool
        Whether it depends on a random state, so that it is fitted once for each seed.
    check_work : callable
        Takes a task, and raises where it is more work than a reference is worth.
    tell : callable
        Returns the `Telling` of a task, by a random state, within a budget; it calls a function
        with the share that is done, now and then.
    """

    name: str
    summary: str
    effort: float
    draws: bool
    check_work: Callable[[Task], None]
    tell: Callable[[Task, int, Budget, Callable[[float], object]], Telling]


def measured(
    predictor: Predictor,
    task: Task,
    cache: Cache,
    budget: Budget,
    share_done: Callable[[float], object] = lambda share: None,
) -> Reference:
    """Return how well a model tells what there is to tell, fitted like every encoder.

    It is fitted on the training side, of every fold, and once for each seed where it draws.

    Parameters
    ----------
    predictor : Predictor
        What tells.
    task : Task
        Of items with labels.
    cache : Cache
        Where scores are kept and found again.
    budget : Budget
        Whose time it has.
    share_done : callable
        Called with the share that is done, now and then.

    Raises
    ------
    OutOfTime
        If there is no time for it.
    NearspaceError
        If it is more work than a reference is worth, or there is nothing to tell from.
    """
    predictor.check_work(task)
    turns = range(task.protocol.seeds if predictor.draws else 1)
    parts: list[tuple[int, Task]] = [(fold.turn, fold.task) for fold in task.folds]
    parts = parts or [(turn, task) for turn in turns]
    rows = []
    for at, (turn, part) in enumerate(parts):
        random_state = part.protocol.random_state + turn * predictor.draws

        def partly(share: float, at: int = at) -> None:
            share_done((at + share) / len(parts))

        rows.append(_row(predictor, part, random_state, cache, budget, partly))
    if task.folds:
        each = iter(rows)
        scores = task.joined(lambda part: next(each)[0])
    else:
        scores = {name: np.stack([own[name] for own, _ in rows]) for name in rows[0][0]}
    facts = rows[0][1]
    cost = Cost(facts["fit_seconds"], facts["items_per_second"], math.nan, math.nan)
    return Reference(
        predictor.name, "labels", scores, cost, predictor.summary, tuple(facts["notes"])
    )


def _row(
    predictor: Predictor,
    task: Task,
    random_state: int,
    cache: Cache,
    budget: Budget,
    share_done: Callable[[float], object],
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the scores of one fit, and what it cost, from the cache if they are there."""
    scores = [score for score in task.scores if score.of_model]
    names = [score.name for score in scores]
    kind = str(task.train.kind.to_json())
    key = make_key(predictor.name, *task.fingerprints, kind, random_state, names)
    row = cache.load_row(key)
    if row is None:
        target, _ = task.targets  # type: ignore[attr-defined]  # of items with labels
        if target.varies:
            told = predictor.tell(task, random_state, budget, share_done)
        else:
            told = Telling(np.full(len(task.test), target.guess()), None, 0.0, math.inf)
        evidence = Modelled(task, (told.told, told.margin))
        facts = {
            "fit_seconds": told.fit_seconds, "items_per_second": told.items_per_second,
            "notes": list(told.notes),
        }  # fmt: skip
        row = {score.name: np.asarray(score.measure(evidence)) for score in scores}, facts
        cache.store_row(key, *row)
    own: Any = row[0]
    return own, row[1]


def check_amounts(work: float, most: float, *amounts: str) -> None:
    """Raise unless a work is such as a reference is worth; ``amounts`` say what makes it large."""
    if work <= most:
        return
    told = ", ".join(filter(None, amounts))
    raise NearspaceError(f"Left out, as it is more work than is done for a reference: {told}.")
