"""Taps of a judged encoder: what several layers make of the items of both sides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Dataset, take_items
from nearspace.errors import NearspaceError
from nearspace.judge.task import Task
from nearspace.metrics.retrieval import subsample

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MEMORY",
    "RAW",
    "Memory",
    "Tapped",
    "layer_batches",
    "layer_vectors",
    "own_pool",
    "tap_sides",
    "with_input",
]


@dataclasses.dataclass(frozen=True)
class Memory:
    """How much of what layers make stands in memory at once.

    Attributes
    ----------
    values : int
        Numbers in the vectors of all layers and items, half a gigabyte by default.
    batch_values : int
        Numbers that a batch makes in the layers that are tapped.
    batch_items : int
        Items of a batch.
    """

    values: int = 2**27
    batch_values: int = 2**25
    batch_items: int = 256


MEMORY = Memory()
RAW = "raw"  # the input, as a layer and as an encoder


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


def layer_batches(
    encoder: Any, items: Any, names: Sequence[str], memory: Memory = MEMORY
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield what layers make of a few items at a time, as many as there is memory for."""
    n, names = len(items), list(names)
    one = encoder.layer_outputs(take_items(items, np.arange(1)), names)
    values = sum(output.numel() for output in one.values())
    step = min(memory.batch_items, max(1, memory.batch_values // values))
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        some = take_items(items, np.arange(part.start, part.stop))
        yield part, encoder.layer_outputs(some, names)


def layer_vectors(
    encoder: Any, items: Any, names: Sequence[str], pool: str, memory: Memory = MEMORY
) -> Tapped:
    """Return the vectors of several layers from one run of the network over the items."""
    from nearspace.nets.layers import as_vectors

    n = len(items)
    vectors: dict[str, np.ndarray] = {}
    zeros: dict[str, np.ndarray] = {}
    ever_on: dict[str, Tensor] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for part, outputs in layer_batches(encoder, items, names, memory):
        for name, output in outputs.items():
            made = as_vectors(output, pool).float().cpu().numpy()
            on = output.reshape(len(output), -1) != 0
            if part.start == 0:
                vectors[name], zeros[name] = np.empty((n, made.shape[1]), made.dtype), np.empty(n)
                ever_on[name], shapes[name] = on[0], tuple(output.shape[1:])
            vectors[name][part] = made
            zeros[name][part] = 1 - on.float().mean(dim=1).cpu().numpy()
            ever_on[name] = ever_on[name] | on.any(dim=0)
    for name in names:
        if not np.isfinite(vectors[name]).all():
            raise NearspaceError(f"Some vectors of the layer '{name}' are not finite.")
    silent = {name: 1 - float(on.float().mean()) for name, on in ever_on.items()}
    return Tapped(vectors, zeros, silent, shapes)


def own_pool(encoder: Any) -> str:
    """Return what a fitted encoder makes of places and tokens when nobody says."""
    return getattr(encoder, "pool_", None) or encoder.get_params().get("pool", "flatten")


def tap_sides(
    task: Task, encoder: Any, names: list[str], pool: str, most: tuple[int, int], memory: Memory
) -> tuple[Tapped, Tapped] | None:
    """Return what layers make of both sides; of as many items as fit into memory, at random.

    ``most`` are taken of each side. None stands for layers so wide that too few items would fit
    for the task's neighbours.
    """
    one = layer_vectors(encoder, take_items(task.test.items, np.arange(1)), names, pool, memory)
    room = memory.values // sum(vectors.shape[1] for vectors in one.vectors.values())
    most_train, most_test = min(most[0], len(task.train)), min(most[1], len(task.test))
    n_test = min(most_test, max(room // 4, room - most_train))
    n_train = min(most_train, room - n_test)
    if n_train <= task.protocol.k or n_test < 2:
        return None

    def tapped(side: Dataset, n: int) -> Tapped:
        at = subsample(len(side), n, task.protocol.random_state)
        some = side.take(at)
        made = layer_vectors(encoder, some.items, names, pool, memory)
        return dataclasses.replace(made, at=at, target=some.target, groups=some.groups)

    return tapped(task.train, n_train), tapped(task.test, n_test)


def with_input(side: Dataset, tapped: Tapped, encoder: Any) -> Tapped:
    """Return what layers make of the items of a side, and the input as a layer before them.

    The encoder is that of the raw input, fitted on the training side.
    """
    raw = encoder.transform(take_items(side.items, tapped.at))
    off = raw == 0
    return dataclasses.replace(
        tapped,
        vectors={RAW: raw, **tapped.vectors},
        zeros={RAW: off.mean(axis=1), **tapped.zeros},
        silent={RAW: float(off.all(axis=0).mean()), **tapped.silent},
        shapes={RAW: side.kind.shape_of_item or raw.shape[1:], **tapped.shapes},
    )
