"""What a report shows of a space: a map, neighbours, accuracy by layer, decoded items."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data import take_items
from nearspace.encoders.base import Encoder, Layers
from nearspace.encoders.exhibits import Samples, Strip
from nearspace.judge.evidence import reconstructs
from nearspace.judge.leaderboard import Exhibits
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import Table
from nearspace.judge.taps import own_pool, tap_sides
from nearspace.judge.task import Task
from nearspace.metrics.labels import knn_scores
from nearspace.metrics.retrieval import VectorArray, nearest
from nearspace.space.decode import interpolate, traverse

__all__ = [
    "layer_scores",
    "pick_queries",
    "shown_items",
    "space_neighbours",
    "strips",
    "with_gallery",
]

SHOWN, QUERIES, NEIGHBOURS = 500, 6, 6
WALK = 9
TRAVERSED = 5
TRAVERSAL = (
    "One dimension at a time",
    "From the mean of the test items, the dimensions that vary most, each alone and over the range "
    "that it has there.",
)
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
    if task.test.target is None:
        return order[:QUERIES]
    strata = task.test.target.strata[order]
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
    if not (isinstance(encoder, Layers) and task.test.target and isinstance(encoder, Encoder)):
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
        seed, bounded = task.protocol.random_state, task.tells[0].bounded
        estimate = Table(told[None, None], test.groups, seed, bounded).estimates()[0]
        found.append((name, vectors.shape[1], estimate))
    return found


def strips(
    task: Task, encoder: Encoder, queries: np.ndarray, vectors: VectorArray
) -> tuple[Strip, ...]:
    """Return what a fitted encoder makes of a few items, and what it has to show itself.

    Of one that decodes: the queries decoded, and the way between two of them; with a prior, also
    the dimensions that vary most in ``vectors``, each gone through alone, about the mean vector.
    """
    asked, seed = take_items(task.test.items, queries), task.protocol.random_state
    own = encoder.exhibits(asked, seed)
    if not reconstructs(encoder):
        return own
    kind, places = task.test.kind, encoder.transform(asked)
    walk = encoder.inverse_transform(interpolate(places[0], places[-1], WALK))
    decoded = Strip(
        kind, encoder.inverse_transform(places), "Items, and what is left of them",
        label=f"{places.shape[1]} numbers", of_queries=True, score="reconstruction",
    )  # fmt: skip
    found = (decoded, Strip(kind, walk, "A walk between two items"), *own)
    if not isinstance(encoder, Samples):
        return found
    most = np.argsort(-vectors.var(axis=0), kind="stable")[:TRAVERSED]
    ways = zip(most.tolist(), traverse(vectors, most, WALK), strict=True)
    return found + tuple(
        Strip(kind, encoder.inverse_transform(way), *TRAVERSAL, label=f"dimension {dimension}")
        for dimension, way in ways
    )


def with_gallery(judged: list[Exhibits], task: Task) -> tuple[list[Exhibits], dict[str, Any]]:
    """Return exhibits whose neighbours are positions in one gallery, and the items of them all."""
    none = np.empty(0, dtype=int)
    gallery = np.unique(np.concatenate([none, *(row.neighbours.ravel() for row in judged)]))
    train, test = task.train.take(gallery), task.test.take(pick_queries(task))
    shown = task.test.take(shown_items(task))
    items = {
        "shown": Strip(shown.kind, shown.items),
        "shown_target": shown.target,
        "queries": Strip(test.kind, test.items),
        "query_labels": () if test.target is None else test.target.texts,
        "gallery": Strip(train.kind, train.items),
        "gallery_labels": () if train.target is None else train.target.texts,
    }
    return [
        dataclasses.replace(row, neighbours=np.searchsorted(gallery, row.neighbours))
        for row in judged
    ], items
