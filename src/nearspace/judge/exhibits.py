"""What a report shows of a space: a map, neighbours, accuracy by layer, decoded items."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.data import Dataset, take_items
from nearspace.encoders.base import Decodes, Encoder, Layers, Samples
from nearspace.judge.metrics import Score
from nearspace.judge.protocol import Task
from nearspace.judge.score import VectorArray
from nearspace.judge.statistics import bootstrap_means, interval
from nearspace.metrics.labels import knn_correct
from nearspace.metrics.retrieval import nearest
from nearspace.space.decode import interpolate

__all__ = [
    "decoded_strips",
    "draw",
    "layer_scores",
    "pick_queries",
    "shown_items",
    "space_neighbours",
]

SHOWN, QUERIES, NEIGHBOURS = 500, 6, 6
SAMPLES, WALK = 10, 9
LAYER_TRAIN, LAYER_TEST = 5000, 1000
LAYER_VALUES = 2**28  # a feature map of a large image times thousands would fill memory


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
    labels = np.asarray(task.test.labels)[order]
    first = np.sort(np.unique(labels, return_index=True)[1])
    rest = np.setdiff1d(np.arange(len(order)), first)
    return order[np.concatenate([first, rest])[:QUERIES]]


def space_neighbours(train: VectorArray, test: VectorArray, queries: np.ndarray) -> np.ndarray:
    """Return the positions of the training items nearest to each query, shape ``(q, r)``."""
    return nearest(test[queries], train, NEIGHBOURS)[0]


def layer_scores(task: Task, encoder: Encoder) -> list[tuple[str, int, Score]]:
    """Return name, dimension and k-NN accuracy of each layer of a network, on subsamples."""
    if not (isinstance(encoder, Layers) and task.labelled and isinstance(encoder, Encoder)):
        return []
    chosen, found = encoder.get_params()["layer"], []
    try:
        for name in encoder.layer_names():
            encoder.set_params(layer=name)
            dim = encoder.transform(take_items(task.test.items, np.array([0]))).shape[1]
            train = _some(task.train, min(LAYER_TRAIN, LAYER_VALUES // dim), task)
            test = _some(task.test, min(LAYER_TEST, LAYER_VALUES // dim), task)
            correct = knn_correct(
                encoder.transform(train.items), np.asarray(train.labels),
                encoder.transform(test.items), np.asarray(test.labels),
                k=min(task.protocol.k, len(train)),
            )  # fmt: skip
            scores = correct[None, None]
            low, high = interval(scores, bootstrap_means(scores, test.groups), test.groups)
            found.append((name, dim, Score(float(correct.mean()), low[0], high[0])))
    finally:
        encoder.set_params(layer=chosen)
    return found


def _some(side: Dataset, n: int, task: Task) -> Dataset:
    """Return at most ``n`` items of a side, the same at every call."""
    random = np.random.default_rng(task.protocol.random_state)
    return side.take(np.sort(random.choice(len(side), min(n, len(side)), replace=False)))


def decoded_strips(task: Task, encoder: Encoder, queries: np.ndarray) -> dict[str, tuple[str, ...]]:
    """Return drawings of decoded queries, of random draws, and of the way between two queries."""
    if not isinstance(encoder, Decodes):
        return {}
    vectors = encoder.transform(take_items(task.test.items, queries))
    strips = {
        "reconstructions": encoder.inverse_transform(vectors),
        "walk": encoder.inverse_transform(interpolate(vectors[0], vectors[-1], WALK)),
    }
    if isinstance(encoder, Samples):
        strips["samples"] = encoder.inverse_transform(
            encoder.sample(SAMPLES, random_state=task.protocol.random_state)
        )
    kind = task.dataset.kind
    return {name: tuple(kind.draw(item) for item in items) for name, items in strips.items()}


def draw(dataset: Dataset, positions: np.ndarray) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return drawings of items, and their labels (none where there are none)."""
    kind: Any = dataset.kind
    pictures = tuple(kind.draw(kind.item(dataset.items, int(position))) for position in positions)
    if dataset.labels is None:
        return pictures, ()
    return pictures, tuple(str(label) for label in dataset.labels[positions])
