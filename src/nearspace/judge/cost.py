"""What an encoder costs: time to fit and to embed, and the memory of a vector."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import Dataset, take_items
from nearspace.encoders.base import Encoder
from nearspace.metrics.retrieval import VectorArray

__all__ = ["Cost", "measure_cost"]

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


def measure_cost(
    encoder: Encoder,
    test: Dataset,
    vectors: VectorArray,
    fit_seconds: float,
    transform_seconds: float,
) -> Cost:
    """Return what an encoder costs; the latency of one item is measured here."""
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
    n = vectors.shape[0]
    stored: Any = vectors
    if sparse.issparse(stored):
        size = (stored.data.nbytes + stored.indices.nbytes + stored.indptr.nbytes) / n
    else:
        size = stored.nbytes / n
    return Cost(fit_seconds, n / max(transform_seconds, 1e-9), float(np.median(times)), size)
