"""`Batches`: items as they wait in memory for a network, and how some of them become its input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from torch import Tensor

__all__ = ["Batches", "Positions", "Stacked"]

Positions: TypeAlias = "Tensor | slice"


class Batches(ABC):
    """Items as they wait in memory, and how some of them become the input of a network.

    What waits may be an array of one shape (`Stacked`), tokens of several lengths, pictures that a
    processor still has to prepare: training, embedding and taps into layers ask for no more than
    this. A batch, the input of a network for several items, has a length and can be brought to a
    device by ``to``; a tensor is one.

    Attributes
    ----------
    most_at_once : int
        How many may go through a network together where nothing is trained.
    """

    most_at_once: ClassVar[int] = 1024

    @abstractmethod
    def __len__(self) -> int:
        """Return how many items there are."""

    @abstractmethod
    def __getitem__(self, rows: Positions) -> Any:
        """Return the batch of the items at ``rows``, on the device on which they wait."""

    @abstractmethod
    def take(self, rows: Positions) -> Batches:
        """Return the items at ``rows``, one of them perhaps several times, still waiting."""

    @abstractmethod
    def blank(self, n: int) -> Any:
        """Return a batch of ``n`` items that show nothing; it needs no item to be there."""

    def to(self, device: Any) -> Batches:
        """Return the items waiting on a device."""
        return self

    def order(self, rows: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
        """Return the rows of each step of an epoch: shuffled, ``size`` a step, the rest left out.

        Items of several lengths may have another order, in which alike ones share a step.
        """
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        steps = max(1, len(rows) // size)
        return [shuffled[step * size : (step + 1) * size] for step in range(steps)]

    def parts(self, size: int, device: Any = "cpu") -> Iterator[Any]:
        """Yield the batches of all items in their order, at most ``size`` each, on a device."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size)).to(device)[:].to(device)

    def map(self, function: Callable[[Any], Tensor], size: int, device: Any = "cpu") -> Tensor:
        """Return what a function makes of the items, batch by batch on a device, on the CPU."""
        with torch.no_grad():
            return torch.cat([function(batch).cpu() for batch in self.parts(size, device)])


class Stacked(Batches):
    """Items of one shape, as one tensor.

    Parameters
    ----------
    waiting : Tensor of shape (n, ...)
        The items in the form that takes the least memory, such as uint8.
    to_float : callable
        Makes rows of it the float input of networks.

    Examples
    --------
    >>> batches = Stacked(torch.tensor([[0, 255], [51, 0]], dtype=torch.uint8), lambda x: x / 255)
    >>> batches[1:], batches.blank(1).shape
    (tensor([[0.2000, 0.0000]]), torch.Size([1, 2]))
    """

    def __init__(self, waiting: Tensor, to_float: Callable[[Tensor], Tensor] = Tensor.float):
        self.waiting, self.to_float = waiting, to_float

    def __len__(self) -> int:
        return len(self.waiting)

    def __getitem__(self, rows: Positions) -> Tensor:
        return self.to_float(self.waiting[rows])

    def take(self, rows: Positions) -> Stacked:
        """Return the items at ``rows``."""
        return Stacked(self.waiting[rows], self.to_float)

    def to(self, device: Any) -> Stacked:
        """Return the items on a device."""
        return Stacked(self.waiting.to(device), self.to_float)

    def blank(self, n: int) -> Tensor:
        """Return zeros of the shape of items, as networks see them."""
        return torch.zeros(n, *self.waiting.shape[1:], device=self.waiting.device)

    def scaled(self, scaling: tuple[np.ndarray, np.ndarray] | None) -> Stacked:
        """Return the items less a mean and divided by a scale, where there are such."""
        if scaling is None:
            return self
        centre, spread = (torch.from_numpy(part).float() for part in scaling)

        def to_float(rows: Tensor) -> Tensor:
            batch = self.to_float(rows)
            return (batch - centre.to(batch.device)) / spread.to(batch.device)

        return Stacked(self.waiting, to_float)
