"""Taps of a judged encoder: what several layers make of the items of both sides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nearspace.data import take_items
from nearspace.errors import NearspaceError
from nearspace.judge.task import Task

__all__ = ["Tapped", "items_a_batch", "layer_vectors", "own_pool", "tap_sides"]

# All layers of all items stand in memory at once: half a gigabyte of numbers.
MOST_VALUES = 2**27
# A batch may make so many numbers in the layers that are tapped.
BATCH_ITEMS, BATCH_VALUES = 256, 2**25


@dataclasses.dataclass(frozen=True, eq=False)
class Tapped:
    """What the layers make of the items of one side.

    Attributes
    ----------
    vectors : dict of str to ndarray of shape (n, d)
        By layer.
    zeros : dict of str to ndarray of shape (n,)
        Which share of the layer's numbers is exactly zero, before places are pooled.
    silent : dict of str to float
        Which share of the layer's numbers is zero for every item.
    shapes : dict of str to tuple of int
        Shape of the layer's output for one item.
    at, groups : ndarray of shape (n,) or None
        Position of each item on its side, and its group.
    target : Target or None
        What is to be told of the items.
    """

    vectors: dict[str, np.ndarray]
    zeros: dict[str, np.ndarray]
    silent: dict[str, float]
    shapes: dict[str, tuple[int, ...]]
    at: Any = None
    target: Any = None
    groups: Any = None

    @property
    def n(self) -> int:
        """How many items there are."""
        return len(next(iter(self.zeros.values())))


def items_a_batch(outputs: Mapping[str, Any]) -> int:
    """Return how many items a network may run on at once, by what layers make of one item."""
    values = sum(output.numel() for output in outputs.values())
    return min(BATCH_ITEMS, max(1, BATCH_VALUES // values))


def layer_vectors(encoder: Any, items: Any, names: Sequence[str], pool: str) -> Tapped:
    """Return the vectors of several layers from one run of the network over the items."""
    from nearspace.nets.layers import as_vectors

    n = items.shape[0]
    names = list(names)
    first = encoder.layer_outputs(take_items(items, np.arange(1)), names)
    shapes = {name: tuple(output.shape[1:]) for name, output in first.items()}
    vectors = {
        name: np.empty((n, as_vectors(output, pool).shape[1]), dtype=np.float32)
        for name, output in first.items()
    }
    zeros = {name: np.empty(n) for name in names}
    ever_on = {name: output[0].flatten() != 0 for name, output in first.items()}
    step = items_a_batch(first)
    for start in range(0, n, step):
        part = np.arange(start, min(start + step, n))
        for name, output in encoder.layer_outputs(take_items(items, part), names).items():
            vectors[name][part] = as_vectors(output, pool).float().cpu().numpy()
            on = output.reshape(len(part), -1) != 0
            zeros[name][part] = 1 - on.float().mean(dim=1).cpu().numpy()
            ever_on[name] |= on.any(dim=0)
    for name in names:
        if not np.isfinite(vectors[name]).all():
            raise NearspaceError(f"Some vectors of the layer '{name}' are not finite.")
    silent = {name: 1 - float(on.float().mean()) for name, on in ever_on.items()}
    return Tapped(vectors, zeros, silent, shapes)


def own_pool(encoder: Any) -> str:
    """Return what a fitted encoder makes of places and tokens when nobody says."""
    return getattr(encoder, "pool_", None) or encoder.get_params().get("pool", "flatten")


def tap_sides(
    task: Task, encoder: Any, names: list[str], pool: str, most_train: int, most_test: int
) -> tuple[Tapped, Tapped] | None:
    """Return what layers make of both sides; of as many items as fit into memory, at random.

    None stands for layers so wide that too few items would fit for the task's neighbours.
    """
    one = layer_vectors(encoder, take_items(task.test.items, np.arange(1)), names, pool)
    most = MOST_VALUES // sum(vectors.shape[1] for vectors in one.vectors.values())
    most_train, most_test = min(most_train, len(task.train)), min(most_test, len(task.test))
    n_test = min(most_test, max(most // 4, most - most_train))
    n_train = min(most_train, most - n_test)
    if n_train <= task.protocol.k or n_test < 2:
        return None
    found = []
    for side, n in ((task.train, n_train), (task.test, n_test)):
        random = np.random.default_rng(task.protocol.random_state)
        at = np.sort(random.choice(len(side), n, replace=False))
        some = side.take(at)
        tapped = layer_vectors(encoder, some.items, names, pool)
        found.append(dataclasses.replace(tapped, at=at, target=some.target, groups=some.groups))
    return found[0], found[1]
