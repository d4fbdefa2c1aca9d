"""What a report shows of a space: a map, neighbours, accuracy by layer, decoded items."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.data import Dataset, take_items
from nearspace.encoders.base import Encoder, Layers, Restores, Samples
from nearspace.judge.evidence import reconstructs
from nearspace.judge.protocol import Task
from nearspace.judge.statistics import Estimate, bootstrap_means, interval
from nearspace.judge.taps import own_pool, tap_sides
from nearspace.metrics.labels import knn_scores
from nearspace.metrics.retrieval import Vectors as VectorArray
from nearspace.metrics.retrieval import nearest
from nearspace.space.decode import interpolate, traverse

__all__ = [
    "decoded_strips",
    "draw",
    "layer_scores",
    "pick_queries",
    "shown_items",
    "space_neighbours",
    "traversals",
]

SHOWN, QUERIES, NEIGHBOURS = 500, 6, 6
SAMPLES, WALK = 10, 9
TRAVERSED = 5
LAYER_TRAIN, LAYER_TEST = 5000, 1000


def shown_items(task: Task) -> np.ndarray:
    """Return the positions of the test items on the maps, at most 500."""
    return task.sample[
        np.linspace(0, len(task.sample) - 1, min(SHOWN, len(task.sample))).astype(int)
    ]


def pick_queries(task: Task) -> np.ndarray:
    """Return positions of a few test items, of different labels where there are any."""
    random = np.random.default_rng(task.protocol.random_state)
    order = random.permutation(len(task.test))
    if not task.labelled:
        return order[:QUERIES]
    strata = task.targets[1].strata[order]
    first = np.sort(np.unique(strata, return_index=True)[1])
    rest = np.setdiff1d(np.arange(len(order)), first)
    return order[np.concatenate([first, rest])[:QUERIES]]


def space_neighbours(train: VectorArray, test: VectorArray, queries: np.ndarray) -> np.ndarray:
    """Return the positions of the training items nearest to each query, shape ``(q, r)``."""
    return nearest(test[queries], train, NEIGHBOURS)[0]


def layer_scores(task: Task, encoder: Encoder) -> list[tuple[str, int, Estimate]]:
    """Return name, dimension and k-NN score of each layer of a network, on subsamples.

    There are none where no layer can be tapped, or where they are too wide to hold the neighbours.
    """
    if not (isinstance(encoder, Layers) and task.labelled and isinstance(encoder, Encoder)):
        return []
    names, pool, found = encoder.layer_names(), own_pool(encoder), []
    sides = tap_sides(task, encoder, names, pool, LAYER_TRAIN, LAYER_TEST) if names else None
    if sides is None:
        return []
    train, test = sides
    for name in names:
        vectors = test.vectors[name]
        told = knn_scores(
            train.vectors[name], train.target, vectors, test.target.values, k=task.protocol.k
        )
        scores = told[None, None]
        drawn = bootstrap_means(scores, test.groups, random_state=task.protocol.random_state)
        low, high = interval(scores, drawn, test.groups, bounded=task.tells[0].bounded)
        found.append((name, vectors.shape[1], Estimate(float(told.mean()), low[0], high[0])))
    return found


def decoded_strips(task: Task, encoder: Encoder, queries: np.ndarray) -> dict[str, tuple[str, ...]]:
    """Return drawings of decoded queries, of random draws, and of the way between two queries.

    Where the encoder takes corrupted items, so are the queries: as it was given them, and restored.
    """
    if not reconstructs(encoder):
        return {}
    asked = take_items(task.test.items, queries)
    vectors = encoder.transform(asked)
    strips = {
        "reconstructions": encoder.inverse_transform(vectors),
        "walk": encoder.inverse_transform(interpolate(vectors[0], vectors[-1], WALK)),
    }
    if isinstance(encoder, Samples):
        strips["samples"] = encoder.inverse_transform(
            encoder.sample(SAMPLES, random_state=task.protocol.random_state)
        )
    if isinstance(encoder, Restores):
        seed = task.protocol.random_state
        strips["given"], strips["restored"] = encoder.restore(asked, random_state=seed)
    kind = task.dataset.kind
    return {name: tuple(kind.draw(item) for item in items) for name, items in strips.items()}


def traversals(
    task: Task, encoder: Encoder, vectors: VectorArray
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return number and drawings of the dimensions that vary most, of a space with a prior.

    Each is gone through alone, about the mean vector, over the range that ``vectors`` have there.
    """
    if not (isinstance(encoder, Samples) and reconstructs(encoder)):
        return ()
    most = np.argsort(-vectors.var(axis=0), kind="stable")[:TRAVERSED]
    kind: Any = task.dataset.kind
    return tuple(
        (int(dimension), tuple(kind.draw(item) for item in encoder.inverse_transform(way)))
        for dimension, way in zip(most, traverse(vectors, most, WALK), strict=True)
    )


def draw(dataset: Dataset, positions: np.ndarray) -> tuple[str, ...]:
    """Return drawings of items."""
    kind: Any = dataset.kind
    return tuple(kind.draw(kind.item(dataset.items, int(position))) for position in positions)
