"""How long a comparison will take, from a pilot on a few items."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.base import clone

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import Composite
from nearspace.encoders.elsewhere import Vectors
from nearspace.encoders.learned import Learned
from nearspace.judge.protocol import Task
from nearspace.learning.train import default_epochs

__all__ = ["estimate_seconds"]

PILOT_ITEMS = 768
# Below this many items a comparison of small items is done within a minute.
SMALL = 4000
# Seconds a multiply-add of search and probe, and a distance looked through, on two cores.
SECONDS_PER_FLOP, SECONDS_PER_DISTANCE = 5e-11, 4e-9


def estimate_seconds(encoders: list[Encoder], task: Task) -> float:
    """Return about how many seconds fitting and judging the encoders takes; 0 for small data.

    Each encoder is fitted for one epoch on a few hundred items, and the time is scaled to all.
    """
    if len(task.train) < SMALL and _values(task.train) < 2_000_000:
        return 0.0
    pilot = task.train.take(np.arange(min(PILOT_ITEMS, len(task.train))))
    if task.labelled and len(np.unique(np.asarray(pilot.labels))) < 2:
        spread = np.linspace(0, len(task.train) - 1, len(pilot)).astype(int)
        pilot = task.train.take(spread)
    total = 0.0
    for encoder in encoders:
        try:
            total += _seconds(encoder, pilot, task)
        except ValueError:
            continue  # the comparison itself will say what is wrong with this one
    return total


def _seconds(encoder: Encoder, pilot: Dataset, task: Task) -> float:
    if isinstance(encoder, Vectors):
        return 0.0
    n, n_test, m = len(task.train), len(task.test), len(pilot)
    short, repeats = _one_epoch(encoder, n, m)
    start = time.perf_counter()
    short.fit(pilot.items, pilot.labels)
    fitted = time.perf_counter()
    vectors = short.transform(pilot.items)
    done = time.perf_counter()
    embedding = (done - fitted) * (n + n_test) / m
    width = vectors.shape[1] if isinstance(vectors, np.ndarray) else vectors.nnz / m
    classes = len(np.unique(np.asarray(task.train.labels))) if task.labelled else 0
    search = n * n_test * (2 * width * SECONDS_PER_FLOP + SECONDS_PER_DISTANCE)
    probe = 100 * 4 * n * width * classes * SECONDS_PER_FLOP
    return task.protocol.seeds * ((fitted - start) * repeats * n / m + embedding + search + probe)


def _one_epoch(encoder: Encoder, n: int, m: int) -> tuple[Encoder, float]:
    """Return a clone that learns for one epoch, and how many it would learn for on all items."""
    short, repeats = clone(encoder), 1.0
    parts: Any = short.encoders if isinstance(short, Composite) else [short]
    for part in parts:
        if isinstance(part, Learned):
            whole = part.epochs or default_epochs(n, part.batch_size, part.default_steps)
            repeats = max(repeats, float(whole))
            part.set_params(epochs=1)
    return short, repeats


def _values(dataset: Dataset) -> int:
    return int(np.prod(getattr(dataset.kind, "shape", (getattr(dataset.kind, "dim", 1),)))) * len(
        dataset
    )
