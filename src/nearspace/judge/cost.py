"""What an encoder costs, in time and memory, and how long a comparison will take, from a pilot."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from nearspace.data import Dataset, take_items
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import Piped
from nearspace.encoders.learned.learned import Learned
from nearspace.errors import NearspaceError
from nearspace.judge.evidence import Evidence
from nearspace.judge.task import Task
from nearspace.learning.train import default_epochs

__all__ = ["Cost", "choose_by_cost", "estimate_seconds", "measure_cost", "with_latencies"]

WARM_UPS, ROUNDS, LATENCY_SECONDS = 2, 25, 1.5
# What no user feels: a millisecond an item; less than twice as long is no reason to choose either.
FELT_SECONDS, FELT_FACTOR = 1e-3, 2


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
        Median wall time of `transform` on one item; NaN where it was not measured.
    bytes_per_vector : float
        Memory of one vector; of a sparse one, of its stored values and their indices.
    latency_low, latency_high : float
        The quartiles of that time.
    """

    fit_seconds: float
    items_per_second: float
    latency_seconds: float
    bytes_per_vector: float
    latency_low: float = math.nan
    latency_high: float = math.nan


def measure_cost(evidence: Evidence, fit_seconds: float) -> Cost:
    """Return what an encoder costs but for its latency, for which see `with_latencies`."""
    # Whoever cannot encode an item alone is told before its latency is asked for.
    evidence.encoder.transform(take_items(evidence.task.test.items, np.array([0])))
    stored: Any = evidence.test
    n = stored.shape[0]
    if sparse.issparse(stored):
        size = (stored.data.nbytes + stored.indices.nbytes + stored.indptr.nbytes) / n
    else:
        size = stored.nbytes / n
    return Cost(fit_seconds, n / max(evidence.seconds, 1e-9), math.nan, size)


def with_latencies(
    costs: Mapping[str, Cost], fitted: Callable[[str], Encoder], test: Dataset
) -> dict[str, Cost]:
    """Return costs with the latency of one item, of all encoders in turn and in many rounds.

    What else the machine does then falls on all alike. A pipe takes at least as long as the first
    of its parts that are among the encoders. Ctrl-C ends it early.

    Parameters
    ----------
    costs : mapping of str to Cost
        By spec.
    fitted : callable
        Returns of a spec the fitted encoder.
    test : Dataset
        Whose items are encoded.
    """
    times: dict[str, list[float]] = {spec: [] for spec in costs}
    firsts: dict[str, list[str]] = {spec: [] for spec in costs}
    with contextlib.suppress(KeyboardInterrupt):
        encoders = {}
        for spec in costs:
            # A row of the cache keeps its scores though what it was fitted with may be gone.
            with contextlib.suppress(NearspaceError, OSError, ValueError):
                encoders[spec] = fitted(spec)
        for spec, encoder in encoders.items():
            parts = encoder.encoders if isinstance(encoder, Piped) else ()
            names = accumulate((part.spec for part in parts), "{} | {}".format)
            firsts[spec] = [name for name in names if name in costs]
        for turn in range(WARM_UPS + ROUNDS):
            item = take_items(test.items, np.array([turn % len(test)]))
            for spec, encoder in encoders.items():
                if sum(times[spec]) < LATENCY_SECONDS:
                    start = time.perf_counter()
                    encoder.transform(item)
                    times[spec].append(time.perf_counter() - start)
    quartiles = {
        spec: np.quantile(some[WARM_UPS:] or some[-1:] or [math.nan], [0.25, 0.5, 0.75])
        for spec, some in times.items()
    }
    whole = {
        spec: np.max([quartiles[name] for name in (spec, *firsts[spec])], axis=0) for spec in costs
    }
    return {
        spec: dataclasses.replace(
            cost, latency_low=float(low), latency_seconds=float(middle), latency_high=float(high)
        )
        for (spec, cost), (low, middle, high) in zip(costs.items(), whole.values(), strict=True)
    }


def choose_by_cost(costs: Sequence[Cost], scores: Sequence[float]) -> int:
    """Return which encoder to use of some that are equally good.

    It is the one with the smallest vectors among those that are as quick as the quickest, of
    equally small ones that with the highest score, then the first. Latencies are held against each
    other by their lower quartiles, which a busy machine raises least; they count as equal within a
    millisecond, within a factor of two, and where one is not measured.

    Examples
    --------
    >>> quick, small = Cost(1, 1, 3e-5, 256, 3e-5, 4e-5), Cost(1, 1, 6e-4, 64, 6e-4, 9e-4)
    >>> slow = Cost(1, 1, 8e-3, 32, 8e-3, 9e-3)
    >>> choose_by_cost([quick, small, slow], [0.9, 0.8, 0.95])
    1
    """
    lows = [cost.latency_low for cost in costs]
    least = min((low for low in lows if not math.isnan(low)), default=math.inf)
    most = max(FELT_FACTOR * least, least + FELT_SECONDS)
    quick = [at for at, low in enumerate(lows) if not low > most]
    return min(quick, key=lambda at: (costs[at].bytes_per_vector, -scores[at]))


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
    return (len(task.folds) or task.protocol.seeds) * (fitting + embedding + search + probe)
