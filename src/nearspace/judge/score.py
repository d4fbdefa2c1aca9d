"""Scoring one space: every metric that its data and encoder allow, and what it costs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import Dataset, Image, take_items
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.judge.leaderboard import Cost
from nearspace.judge.protocol import Task
from nearspace.metrics.geometry import effective_rank, hubness, intrinsic_dimension, preservation
from nearspace.metrics.labels import cluster_ami, knn_scores, probe_scores
from nearspace.metrics.retrieval import Vectors as VectorArray
from nearspace.metrics.retrieval import r_precision

__all__ = ["chance_scores", "measure_cost", "reconstructs", "score_space"]

LATENCY_CALLS, LATENCY_SECONDS = 25, 1.5


def score_space(
    task: Task,
    encoder: Encoder,
    train: VectorArray,
    test: VectorArray,
    reference: VectorArray | None,
) -> dict[str, np.ndarray | float]:
    """Return all scores of a space, by name in `METRICS`.

    Parameters
    ----------
    task : Task
        The data and the settings.
    encoder : Encoder
        The fitted encoder; asked to decode, where it can.
    train, test : ndarray or csr_array
        VectorArray of the two sides.
    reference : ndarray or csr_array
        Vectors of ``task.sample`` whose neighbourhoods should be kept; None for the reference
        itself, and where it failed.

    Returns
    -------
    dict
        An array with one number a test item (NaN where it has none) for scores that are means
        over items, a number for the others.
    """
    for side, vectors in (("training", train), ("test", test)):
        values = vectors.data if sparse.issparse(vectors) else vectors
        if not np.isfinite(values).all():
            raise NearspaceError(f"Some {side} vectors are not finite.")
    sample = test[task.sample]
    seed = task.protocol.random_state
    scores: dict[str, np.ndarray | float] = {}
    if task.labelled:
        y_train, y_test = (target.values for target in task.targets)
        scores["knn"] = knn_scores(train, y_train, test, y_test, k=task.protocol.k)
        scores["probe"] = probe_scores(train, y_train, test, y_test)
        values, queries = r_precision(test, y_test, random_state=seed)
        scores["r_precision"] = _spread(values, queries, len(task.test))
        scores["ami"] = cluster_ami(test, y_test, random_state=seed)
    if reconstructs(encoder) and not sparse.issparse(test):
        scores["reconstruction"] = reconstruction_errors(task, encoder, test)
    if reference is not None:
        kept = preservation(reference, sample)
        scores["preservation"] = _spread(kept, task.sample, len(task.test))
    scores["effective_rank"] = effective_rank(sample)
    scores["intrinsic_dimension"] = intrinsic_dimension(sample)
    scores["hubness"] = hubness(sample)
    return scores


def reconstructs(encoder: Encoder) -> bool:
    """Return whether an encoder decodes what it learned to; raw input is only given its shape."""
    return encoder.decodes and encoder.learns != "nothing" and encoder.decoder is not None


def reconstruction_errors(task: Task, encoder: Encoder, test: np.ndarray) -> np.ndarray:
    """Return the mean squared error of each decoded test item, shape ``(n,)``.

    Pixels are in [0, 1]; the columns of vectors are divided by their training deviation.
    """
    kind = task.dataset.kind
    errors = np.empty(len(test), dtype=np.float64)
    scale: Any = 1.0
    if not isinstance(kind, Image):
        scale = kind.features(task.train.items).std(axis=0)
        scale[scale == 0] = 1.0
    for start in range(0, len(test), 2048):  # decoded images of a large set would fill memory
        part = slice(start, start + 2048)
        decoded = encoder.inverse_transform(test[part])
        given = kind.features(take_items(task.test.items, np.arange(len(test))[part]))
        residual = (decoded.reshape(given.shape) - given) / scale
        errors[part] = np.square(residual).mean(axis=1)
    return errors


def chance_scores(task: Task) -> dict[str, np.ndarray | float]:
    """Return the scores of always guessing the commonest training label."""
    train, test = task.targets
    y_test = test.values
    hit = (y_test == train.guess()).astype(np.float64)
    _, positions, sizes = np.unique(y_test, return_inverse=True, return_counts=True)
    others = sizes[positions] - 1
    expected = np.where(others > 0, others / max(1, len(y_test) - 1), np.nan)
    return {"knn": hit, "probe": hit, "r_precision": expected, "ami": 0.0}


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


def _spread(values: np.ndarray, positions: np.ndarray, n: int) -> np.ndarray:
    """Return values at their positions among ``n`` test items, NaN elsewhere."""
    spread = np.full(n, np.nan)
    spread[positions] = values
    return spread
