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
from nearspace.metrics.retrieval import subsample

__all__ = ["DTW", "nearest_warped"]

DTW = "1-NN by DTW"
BANDS = (0.1, 0.05, 0.2)  # shares of the longer series, of which one is chosen
FEWEST = 10  # training series, from which a choice says anything
CHOSEN_BY, CHOSEN_WORK = 300, 1e9  # training series at most, and cells of all their tables
MOST_WORK = 1e11  # cells of all tables, one a channel: minutes, were no pair left out


def _check_work(task: Task) -> None:
    """Raise unless the series and their steps are such as take minutes at most."""
    parts: list[Task] = [fold.task for fold in task.folds]
    pairs = sum(len(part.train) * len(part.test) for part in parts or [task])
    steps, channels = _size(_series(task.train.kind, task.train.items, None))
    check_amounts(
        pairs * _cells(steps, channels), MOST_WORK,
        f"{pairs:,} pairs of series", f"{steps:,.0f} steps", f"{channels} channels",
    )  # fmt: skip


def _size(series: list[np.ndarray]) -> tuple[float, int]:
    """Return how many steps series have on average, and how many channels."""
    return sum(each.shape[1] for each in series) / len(series), len(series[0])


def _cells(steps: float, channels: int) -> float:
    """Return about how many cells the tables of a pair have, one a channel."""
    return steps * (2 * max(BANDS) * steps + 1) * channels


def _series(kind: Kind, items: Any, scaling: Any) -> list[np.ndarray]:
    """Return items as arrays ``(channels, time)``, scaled as networks see them."""
    waiting = kind.batches(items, scaling)
    return [waiting[at : at + 1][0, :-1].numpy() for at in range(len(items))]


def _chosen(task: Task, scalings: tuple[Any, ...]) -> tuple[Any, float]:
    """Return the scaling and the band by which training series tell best of one another.

    Each of at most 300 is told by the nearest of the others; where that would take long, or there
    are hardly any, it is the first of each.
    """
    train = task.train
    cells = _cells(*_size(_series(train.kind, train.items, None)))
    most = int(np.sqrt(CHOSEN_WORK / cells / len(BANDS) / len(scalings)))
    rows = subsample(len(train), min(CHOSEN_BY, most), task.protocol.random_state)
    if len(rows) < FEWEST:
        return scalings[0], BANDS[0]
    items, values = train.take(rows).items, task.targets[0].values[rows]  # type: ignore[attr-defined]
    best, chosen = -np.inf, (scalings[0], BANDS[0])
    for scaling in scalings:
        series = _series(train.kind, items, scaling)
        for band in BANDS:
            nearest, _ = nearest_by_dtw(series, series, band, side_by_side, exclude_self=True)
            score = task.targets[0].score(values, values[nearest]).mean()  # type: ignore[attr-defined]
            if score > best:
                best, chosen = score, (scaling, band)
    return chosen


def _tell(
    task: Task, random_state: int, budget: Budget, share_done: Callable[[float], object]
) -> Telling:
    """Return what the nearest training series of each test series tells.

    The band, and whether every channel is brought to the mean and the deviation that it has among
    the training series, are chosen on these, see `_chosen`. Of two classes the margin is how much
    further away the nearest of the first is.

    Raises
    ------
    OutOfTime
        If there is no time for it.
    """
    if budget.left <= 0:
        raise OutOfTime(budget.expected)
    target, _ = task.targets  # type: ignore[attr-defined]  # of items with labels
    kind, start = task.train.kind, time.perf_counter()
    scaled = kind.scaling(task.train.items)
    scaling, band = _chosen(task, (scaled, None))
    fit_seconds = time.perf_counter() - start
    start = time.perf_counter()
    train, test = (_series(kind, side.items, scaling) for side in (task.train, task.test))
    two = isinstance(target, Classes) and target.width == 2
    groups = [np.arange(len(train))]
    if two:
        groups = [np.flatnonzero(target.strata == at) for at in (0, 1)]
    nearest, distances = [], []
    for at, group in enumerate(groups):

        def tell(done: int, queries: int, at: int = at) -> None:
            share = (at + done / queries) / len(groups)
            spent = time.perf_counter() - start
            if spent / share - spent > budget.left:
                raise OutOfTime(spent / share)
            share_done(share)

        own = [train[row] for row in group]
        positions, apart = nearest_by_dtw(test, own, band, side_by_side, tell)
        nearest.append(group[positions])
        distances.append(apart)
    rows, margin = nearest[0], None
    if two:
        margin = distances[0] - distances[1]
        second = (margin > 0) | ((margin == 0) & (nearest[1] < nearest[0]))
        rows = np.where(second, nearest[1], nearest[0])
    rate = len(test) / max(time.perf_counter() - start, 1e-9)
    how = "channels scaled" if scaling is scaled else "channels as they are"
    note = f"A band of {band:.0%}, {how}: by these training series tell best of one another."
    return Telling(target.values[rows], margin, fit_seconds, rate, (note,))


nearest_warped = Predictor(
    name=DTW,
    summary="the nearest training series by dynamic time warping, without a space",
    effort=200,
    draws=False,
    check_work=_check_work,
    tell=_tell,
)
