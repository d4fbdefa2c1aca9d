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
from nearspace.encoders.trained import Trained
from nearspace.errors import NearspaceError
from nearspace.judge.amounts import bytes_text, count_text, seconds_text
from nearspace.judge.evidence import Evidence
from nearspace.judge.task import Task
from nearspace.learning.train import default_epochs

__all__ = [
    "Cost",
    "Expected",
    "as_quick",
    "as_quick_to_fit",
    "choose_by_cost",
    "effort_of",
    "epochs_of",
    "expect",
    "is_small",
    "measure_cost",
    "with_latencies",
]

WARM_UPS, ROUNDS, LATENCY_SECONDS = 2, 25, 1.5
# What no user feels: a millisecond an item, a second of fitting, and less than twice as long.
FELT_SECONDS, FELT_FIT_SECONDS, FELT_FACTOR = 1e-3, 1.0, 2


@dataclasses.dataclass(frozen=True, repr=False)
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

    Examples
    --------
    >>> Cost(0.0134, 6564.3, 0.00104, 52.0)
    Cost(13 ms to fit, 1 ms an item, 6,600 items a second, 52 B a vector)
    """

    fit_seconds: float
    items_per_second: float
    latency_seconds: float
    bytes_per_vector: float
    latency_low: float = math.nan
    latency_high: float = math.nan

    def __repr__(self) -> str:
        """Return what was measured, on one line."""
        amounts = (
            (seconds_text(self.fit_seconds), "to fit"),
            (seconds_text(self.latency_seconds), "an item"),
            (count_text(self.items_per_second), "items a second"),
            (bytes_text(self.bytes_per_vector), "a vector"),
        )
        return f"Cost({', '.join(f'{text} {what}' for text, what in amounts if text)})"


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


def as_quick(cost: Cost, other: Cost) -> bool:
    """Return whether an item takes no longer than with another encoder, as far as one feels.

    Latencies are held against each other by their lower quartiles, which a busy machine raises
    least; they count as equal within a millisecond, within a factor of two, and where one is not
    measured.
    """
    least = other.latency_low
    return not cost.latency_low > max(FELT_FACTOR * least, least + FELT_SECONDS)


def as_quick_to_fit(cost: Cost, other: Cost) -> bool:
    """Return whether fitting takes no longer; within a second, or a factor of two, it does not."""
    least = other.fit_seconds
    return not cost.fit_seconds > max(FELT_FACTOR * least, least + FELT_FIT_SECONDS)


def choose_by_cost(costs: Sequence[Cost], scores: Sequence[float]) -> int:
    """Return which encoder to use of some that are equally good.

    Of those that are `as_quick` as the quickest it is the one with the smallest vectors; of equally
    small ones one that is `as_quick_to_fit` as the quickest of them, and of these the one with the
    highest score, then the first.

    Examples
    --------
    >>> quick, small = Cost(1, 1, 3e-5, 256, 3e-5, 4e-5), Cost(1, 1, 6e-4, 64, 6e-4, 9e-4)
    >>> slow = Cost(1, 1, 8e-3, 32, 8e-3, 9e-3)
    >>> choose_by_cost([quick, small, slow], [0.9, 0.8, 0.95])
    1
    """
    quickest = min(costs, key=lambda cost: _or_infinite(cost.latency_low))
    quick = [at for at, cost in enumerate(costs) if as_quick(cost, quickest)]
    least = min(costs[at].bytes_per_vector for at in quick)
    small = [at for at in quick if costs[at].bytes_per_vector == least]
    soonest = min((costs[at] for at in small), key=lambda cost: _or_infinite(cost.fit_seconds))
    soon = [at for at in small if as_quick_to_fit(costs[at], soonest)]
    return max(soon, key=lambda at: scores[at])


def _or_infinite(seconds: float) -> float:
    """Return a time by which to look for the least: what was not measured is none."""
    return math.inf if math.isnan(seconds) else seconds


# Items on which a pilot trains: enough for some steps of the usual batches, which tell the time of
# all. Others are only run over a few, and over fewer where each item is much work.
PILOT_TRAINS, PILOT_RUNS, PILOT_WORKS, MUCH_EFFORT = 1280, 128, 16, 100
# Below this many small items a comparison is done within a minute, and is not piloted.
SMALL_ITEMS, SMALL_VALUES = 4000, 2_000_000
# Seconds a multiply-add of search and probe, and a distance looked through, on two cores.
SECONDS_PER_FLOP, SECONDS_PER_DISTANCE = 1e-11, 3e-10
PASSES = 3  # forward, and twice as much backward


@dataclasses.dataclass(frozen=True)
class Expected:
    """About how long it takes to fit and judge an encoder.

    Attributes
    ----------
    training : float
        Seconds of training networks, which fewer epochs make fewer.
    rest : float
        Seconds of all else.
    epochs : tuple of int
        Of each network that trains.
    """

    training: float
    rest: float
    epochs: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """Of all."""
        return self.training + self.rest


def effort_of(encoder: Encoder, n: int) -> float:
    """Return how much work an item is of n that an encoder is fitted on, as encoders declare it.

    Examples
    --------
    >>> from nearspace import make
    >>> effort_of(make("pca"), 1000) < effort_of(make("mlp"), 1000) < effort_of(make("cnn"), 1000)
    True
    """
    return sum(
        part.effort
        * (PASSES * epochs_of(part, n, part.batch_size_for(n)) if isinstance(part, Trained) else 1)
        for part in encoder.parts
    )


def is_small(task: Task) -> bool:
    """Return whether a comparison is done so soon that nobody asks how long it takes."""
    n = len(task.train)
    return n < SMALL_ITEMS and n * task.train.kind.size < SMALL_VALUES


def expect(encoder: Encoder, task: Task) -> Expected:
    """Return about how long it takes to fit and judge an encoder, from a pilot of seconds.

    What trains is trained for one epoch on some of the items, and the time of training, embedding
    and judging is scaled to all.

    What cannot be fitted on so few raises what it raises.
    """
    n, n_test = len(task.train), len(task.test)
    trains = any(isinstance(part, Trained) for part in encoder.parts)
    # Some nodes bring their whole graph along: to fit on them takes as long as on all.
    if encoder.needs_all_items or (task.train.kind.transductive and not trains):
        return Expected(0.0, 0.0)
    works = sum(part.effort for part in encoder.parts) >= MUCH_EFFORT
    m = min(PILOT_TRAINS if trains else PILOT_WORKS if works else PILOT_RUNS, n)
    pilot = task.train.take(np.linspace(0, n - 1, m).astype(int))
    short: Encoder = clone(encoder)
    for part in short.parts:
        if isinstance(part, Trained):
            part.set_params(epochs=1)
    # The first time libraries are imported, which is no part of what grows with the items.
    short.fit_on(pilot).transform(take_items(pilot.items, np.array([0])))
    start = time.perf_counter()
    if not trains:
        short.fit_on(pilot)
    fitted = time.perf_counter()
    vectors = short.transform(pilot.items)
    rest = (time.perf_counter() - fitted) * (n + n_test) / m
    training, epochs = 0.0, []
    for given, part in zip(encoder.parts, short.parts, strict=True):
        if isinstance(given, Trained):  # from one epoch on the pilot to all epochs on all items
            history, batch_size = part.history_, given.batch_size_for(n)
            epochs.append(epochs_of(given, n, batch_size, history["flops_per_item"]))
            training += history["seconds"] / m * n * epochs[-1]
    rest += (fitted - start) * (n / m if encoder.learns != "nothing" else 1)
    width = vectors.shape[1] if isinstance(vectors, np.ndarray) else vectors.nnz / m
    outputs = 0 if pilot.target is None else pilot.target.width
    rest += n * n_test * (2 * width * SECONDS_PER_FLOP + SECONDS_PER_DISTANCE)
    rest += 100 * 4 * n * width * outputs * SECONDS_PER_FLOP
    fits = len(task.folds) or task.protocol.seeds
    return Expected(fits * training, fits * rest, tuple(epochs))


def epochs_of(encoder: Trained, n: int, batch_size: int, flops_per_item: float = 0.0) -> int:
    """Return how many epochs an encoder trains on n items at most."""
    return encoder.epochs or default_epochs(n, batch_size, encoder.default_steps, flops_per_item)
