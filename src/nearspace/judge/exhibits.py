"""What a report shows of a space: a map, neighbours, accuracy by layer, decoded items."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data import take_items
from nearspace.encoders.base import Encoder
from nearspace.encoders.bounds import Elbo
from nearspace.encoders.exhibits import Samples, Strip
from nearspace.encoders.layers import Layers
from nearspace.judge.board import HIDDEN
from nearspace.judge.evidence import reconstructs
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import ScoreTable
from nearspace.judge.taps import MEMORY, Memory, own_pool, tap_sides
from nearspace.judge.task import Task
from nearspace.metrics.labels import knn_scores
from nearspace.metrics.retrieval import VectorArray
from nearspace.space.decode import interpolate, traverse

__all__ = [
    "NEIGHBOURS",
    "Exhibits",
    "layer_scores",
    "pick_queries",
    "shown_items",
    "strips",
    "with_gallery",
]

SHOWN, QUERIES, NEIGHBOURS = 500, 6, 6
WALK, TRAVERSED = 9, 5
TRAVERSAL = (
    "One dimension at a time",
    "From the mean of the test items, the dimensions that vary most, each alone and over the range "
    "that it has there.",
)
LAYER_ITEMS = 5000, 1000  # of training, of test


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Exhibits:
    """What a report shows of one space.

    Attributes
    ----------
    layout : ndarray of shape (m, 2)
        Places of the shown test items on a 2-D map.
    neighbours : ndarray of shape (q, r)
        For each query its nearest training items, as positions in `Leaderboard.gallery`; -1 for a
        query that has none.
    layers : tuple of (str, int, Estimate)
        Name, dimension and k-NN score of each layer of a network.
    strips : tuple of Strip
        What the encoder makes of items: queries decoded, the way between two of them, samples.
    elbo : Elbo or None
        How well a model that bounds the likelihood explains the test items.
    """

    layout: np.ndarray
    neighbours: np.ndarray = dataclasses.field(metadata=HIDDEN)
    layers: tuple[tuple[str, int, Estimate], ...] = ()
    strips: tuple[Strip, ...] = dataclasses.field(default=(), metadata=HIDDEN)
    elbo: Elbo | None = None

    def __repr__(self) -> str:
        """Return how much there is to show, on one line."""
        shown, queries = len(self.layout), len(self.neighbours)
        counts = f"{len(self.layers):,} layers, {len(self.strips):,} strips"
        return f"Exhibits({shown:,} items on a map, neighbours of {queries:,}, {counts})"


def shown_items(task: Task) -> np.ndarray:
    """Return the positions of the test items on the maps, at most 500."""
    n = len(task.sample)
    return task.sample[np.linspace(0, n - 1, min(SHOWN, n)).astype(int)]


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


def layer_scores(
    task: Task, encoder: Encoder, memory: Memory = MEMORY
) -> list[tuple[str, int, Estimate]]:
    """Return name, dimension and k-NN score of each layer of a network, on subsamples.

    There are none where no layer can be tapped, or where they are too wide to hold the neighbours.
    """
    names = encoder.layer_names() if isinstance(encoder, Layers) and task.test.target else []
    pool = own_pool(encoder)
    sides = tap_sides(task, encoder, names, pool, LAYER_ITEMS, memory) if names else None
    if sides is None:
        return []
    train, test = sides
    protocol, bounded, truth = task.protocol, task.tells[0].bounded, test.target.values
    metric = protocol.metric or encoder.metric
    layers = []
    for name, vectors in test.vectors.items():
        told = knn_scores(train.vectors[name], train.target, vectors, truth, protocol.k, metric)
        table = ScoreTable(told[None, None], test.groups, protocol.random_state, bounded)
        layers.append((name, vectors.shape[1], table.estimates()[0]))
    return layers


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
    decode: Any = encoder.decoder.decode  # type: ignore[union-attr]  # in [0, 1], as strips are
    walk = decode(interpolate(places[0], places[-1], WALK))
    decoded = Strip(
        kind, decode(places), "Items, and what is left of them",
        label=f"{places.shape[1]} numbers", of_queries=True, score="reconstruction",
    )  # fmt: skip
    shows = (decoded, Strip(kind, walk, "A walk between two items"), *own)
    if not isinstance(encoder, Samples):
        return shows
    most = np.argsort(-vectors.var(axis=0), kind="stable")[:TRAVERSED]
    ways = zip(most.tolist(), traverse(vectors, most, WALK), strict=True)
    return shows + tuple(
        Strip(kind, decode(way), *TRAVERSAL, label=f"dimension {dimension}")
        for dimension, way in ways
    )


def with_gallery(judged: list[Exhibits], task: Task) -> tuple[list[Exhibits], dict[str, Any]]:
    """Return exhibits whose neighbours are positions in one gallery, and the items of them all."""
    none, queries = np.empty(0, dtype=int), pick_queries(task)
    gallery = np.unique(np.concatenate([none, *(row.neighbours.ravel() for row in judged)]))
    gallery = gallery[gallery >= 0]
    train, test = task.train.take(gallery), task.test.take(queries)
    shown = task.test.take(shown_items(task))
    placed = [
        dataclasses.replace(row, neighbours=np.where(row.neighbours < 0, -1, places))
        for row in judged
        for places in [np.searchsorted(gallery, row.neighbours)]
    ]
    usual = task.train.kind.usual(task.train.items)
    return placed, {
        "shown": Strip(shown.kind, shown.items, usual=usual),
        "shown_target": shown.target,
        "queries": Strip(test.kind, test.items, usual=usual),
        "query_labels": () if test.target is None else test.target.texts,
        "gallery": Strip(train.kind, train.items, usual=usual),
        "gallery_labels": () if train.target is None else train.target.texts,
        "right": _right(task, queries, gallery),
    }


def _right(task: Task, queries: np.ndarray, gallery: np.ndarray) -> tuple[frozenset[int], ...]:
    """Return which items of the gallery each query is to find; none where nobody knows."""
    wanted = task.right(queries)
    if wanted is None:
        return ()
    return tuple(frozenset(np.flatnonzero(np.isin(gallery, some)).tolist()) for some in wanted)
