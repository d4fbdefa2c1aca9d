"""The nearest series by dynamic time warping: what tells labels of series and makes no space."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.data import Classes, Kind
from nearspace.judge.budget import Budget, OutOfTime
from nearspace.judge.predictor import Predictor, Telling, check_amounts
from nearspace.judge.task import Task
from nearspace.learning.threads import side_by_side
from nearspace.metrics.dtw import nearest_by_dtw

__all__ = ["DTW", "nearest_warped"]

DTW = "1-NN by DTW"
BAND = 0.1  # of the longer series: more than that hardly ever tells more (Ratanamahatana, 2004)
MOST_WORK = 3e11  # cells of all tables, one a channel: minutes, were no pair left out


def _check_work(task: Task) -> None:
    """Raise unless the series and their steps are such as take minutes at most."""
    parts: list[Task] = [fold.task for fold in task.folds]
    pairs = sum(len(part.train) * len(part.test) for part in parts or [task])
    series = _series(task.train.kind, task.train.items, None)
    steps = sum(each.shape[1] for each in series) / len(series)
    channels = len(series[0])
    check_amounts(
        pairs * steps * (2 * BAND * steps + 1) * channels, MOST_WORK,
        f"{pairs:,} pairs of series", f"{steps:,.0f} steps", f"{channels} channels",
    )  # fmt: skip


def _series(kind: Kind, items: Any, scaling: Any) -> list[np.ndarray]:
    """Return items as arrays ``(channels, time)``, scaled as networks see them."""
    waiting = kind.batches(items, scaling)
    return [waiting[at : at + 1][0, :-1].numpy() for at in range(len(items))]


def _tell(
    task: Task, random_state: int, budget: Budget, share_done: Callable[[float], object]
) -> Telling:
    """Return what the nearest training series of each test series tells.

    Every channel is brought to the mean and the deviation that it has among the training series.
    Of two classes the margin is how much further away the nearest of the first is.

    Raises
    ------
    OutOfTime
        If there is no time for it.
    """
    target, _ = task.targets  # type: ignore[attr-defined]  # of items with labels
    kind, start = task.train.kind, time.perf_counter()
    scaling = kind.scaling(task.train.items)
    train, test = (_series(kind, side.items, scaling) for side in (task.train, task.test))
    two = isinstance(target, Classes) and target.width == 2
    parts = (
        [np.flatnonzero(target.strata == at) for at in (0, 1)] if two else [np.arange(len(train))]
    )
    nearest, distances = [], []
    for at, part in enumerate(parts):

        def tell(done: int, queries: int, at: int = at) -> None:
            share = (at + done / queries) / len(parts)
            spent = time.perf_counter() - start
            if spent / share - spent > budget.left:
                raise OutOfTime(spent / share)
            share_done(share)

        some = [train[row] for row in part]
        positions, apart = nearest_by_dtw(test, some, BAND, side_by_side, tell)
        nearest.append(part[positions])
        distances.append(apart)
    rows, margin = nearest[0], None
    if two:
        margin = distances[0] - distances[1]
        second = (margin > 0) | ((margin == 0) & (nearest[1] < nearest[0]))
        rows = np.where(second, nearest[1], nearest[0])
    rate = len(test) / max(time.perf_counter() - start, 1e-9)
    return Telling(target.values[rows], margin, 0.0, rate)


nearest_warped = Predictor(
    name=DTW,
    summary="the nearest training series by dynamic time warping (band of 10 %), without a space",
    effort=200,
    draws=False,
    check_work=_check_work,
    tell=_tell,
)
