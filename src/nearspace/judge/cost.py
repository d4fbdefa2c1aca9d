"""What an encoder costs, in time and memory, and how long a comparison will take, from a pilot."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from nearspace.data import Dataset, take_items
from nearspace.encoders.base import Encoder
from nearspace.encoders.learned.learned import Learned
from nearspace.judge.evidence import Evidence
from nearspace.judge.task import Task
from nearspace.learning.train import default_epochs

__all__ = ["Cost", "estimate_seconds", "measure_cost"]

LATENCY_CALLS, LATENCY_SECONDS = 25, 1.5


@dataclasses.dataclass(frozen=True)
class Cost:
    """What an encoder costs.

    Attributes
    ----------
    fit_seconds : float
        Wall time of `fit`, when it was fitted.
    items_per_second : float
        Throughput of `transform` over the test items.
    latency_seconds : float
        Median wall time of `transform` on one item.
    bytes_per_vector : float
        Memory of one vector; of a sparse one, of its stored values and their indices.
    """

    fit_seconds: float
    items_per_second: float
    latency_seconds: float
    bytes_per_vector: float


def measure_cost(evidence: Evidence, fit_seconds: float) -> Cost:
    """Return what an encoder costs; the latency of one item is measured here."""
    encoder, test = evidence.encoder, evidence.task.test
    times: list[float] = []
    began = time.perf_counter()
    encoder.transform(take_items(test.items, np.array([0])))  # the first call warms up
    for index in range(min(LATENCY_CALLS, len(test))):
        item = take_items(test.items, np.array([index]))
        start = time.perf_counter()
        encoder.transform(item)
        times.append(time.perf_counter() - start)
        if time.perf_counter() - began > LATENCY_SECONDS:
            break
    stored: Any = evidence.test
    n = stored.shape[0]
    if sparse.issparse(stored):
        size = (stored.data.nbytes + stored.indices.nbytes + stored.indptr.nbytes) / n
    else:
        size = stored.nbytes / n
    return Cost(fit_seconds, n / max(evidence.seconds, 1e-9), float(np.median(times)), size)


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
        if isinstance(given, Learned):  # from one epoch on the pilot to all epochs on all items
            history, batch_size = part.history_, given.batch_size_for(n)
            epochs = given.epochs or default_epochs(
                n, batch_size, given.default_steps, history["flops_per_item"]
            )
            fitting += history["seconds"] / m * n * epochs
    width = vectors.shape[1] if isinstance(vectors, np.ndarray) else vectors.nnz / m
    outputs = 0 if pilot.target is None else pilot.target.width
    search = n * n_test * (2 * width * SECONDS_PER_FLOP + SECONDS_PER_DISTANCE)
    probe = 100 * 4 * n * width * outputs * SECONDS_PER_FLOP
    return task.protocol.seeds * (fitting + embedding + search + probe)
