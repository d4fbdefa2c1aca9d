"""How long a comparison will take, from a pilot on a few items."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.base import clone

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.encoders.learned.learned import Learned
from nearspace.judge.task import Task
from nearspace.learning.train import default_epochs

__all__ = ["estimate_seconds"]

PILOT_ITEMS = 768
# Below this many items a comparison of small items is done within a minute.
SMALL = 4000
# Seconds a multiply-add of search and probe, and a distance looked through, on two cores.
SECONDS_PER_FLOP, SECONDS_PER_DISTANCE = 1e-11, 3e-10


def estimate_seconds(encoders: list[Encoder], task: Task) -> float:
    """Return about how many seconds fitting and judging the encoders takes; 0 for small data.

    Each encoder is fitted for one epoch on a few hundred items, and the time of training,
    embedding and judging is scaled to all; the fits of encoders that do not train are left out.
    """
    if len(task.train) < SMALL and len(task.train) * task.train.kind.size < 2_000_000:
        return 0.0
    pilot = task.train.take(np.arange(min(PILOT_ITEMS, len(task.train))))
    if pilot.target is not None and not pilot.target.varies:
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
    if encoder.needs_all_items:
        return 0.0
    n, n_test, m = len(task.train), len(task.test), len(pilot)
    short, fitting = clone(encoder), 0.0
    for part in short.parts:
        if isinstance(part, Learned):
            part.set_params(epochs=1)
    short.fit_on(pilot)
    start = time.perf_counter()
    vectors = short.transform(pilot.items)
    embedding = (time.perf_counter() - start) * (n + n_test) / m
    for given, part in zip(encoder.parts, short.parts, strict=True):
        if isinstance(given, Learned):
            fitting += _training_seconds(given, part.history_, n, m)
    width = vectors.shape[1] if isinstance(vectors, np.ndarray) else vectors.nnz / m
    outputs = 0 if pilot.target is None else pilot.target.width
    search = n * n_test * (2 * width * SECONDS_PER_FLOP + SECONDS_PER_DISTANCE)
    probe = 100 * 4 * n * width * outputs * SECONDS_PER_FLOP
    return task.protocol.seeds * (fitting + embedding + search + probe)


def _training_seconds(given: Learned, history: dict[str, Any], n: int, m: int) -> float:
    """Return the seconds of all epochs on ``n`` items, from one epoch on ``m``."""
    batch_size = given.batch_size_for(n)
    epochs = given.epochs or default_epochs(
        n, batch_size, given.default_steps, history["flops_per_item"]
    )
    return history["seconds"] / m * n * epochs
