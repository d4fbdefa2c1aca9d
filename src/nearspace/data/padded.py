"""`Padded`: items of many lengths as they wait for a network, and a batch that says where they end.

A batch is a tensor ``(items, channels + 1, time)``: its last channel is 1 where an item has a step
and 0 behind its end, where the other channels are 0 as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nearspace.data.batches import Batches, Positions
from nearspace.data.tokens import bucketed, token_batches

__all__ = ["Padded", "lengths_of", "places_at", "warped"]

STEPS_AN_ITEM = 128  # of a batch where nothing is trained, for each item


class Padded(Batches):
    """Items of several channels, each of its own length.

    Parameters
    ----------
    flat : Tensor of shape (steps, channels), float32
        The steps of all items, one item after the other.
    starts, lengths : Tensor of shape (n,), int64
        Where each item begins, and how many steps it has.
    longest : int, optional
        How many steps a blank item has; by default as many as the longest.

    Examples
    --------
    >>> waiting = Padded.of([torch.tensor([[5.0], [6.0]]), torch.tensor([[7.0]])])
    >>> waiting[:].tolist()
    [[[5.0, 6.0], [1.0, 1.0]], [[7.0, 0.0], [1.0, 0.0]]]
    >>> waiting.blank(1).tolist()
    [[[0.0, 0.0], [1.0, 1.0]]]
    """

    most_at_once = 128

    def __init__(self, flat: Tensor, starts: Tensor, lengths: Tensor, longest: int | None = None):
        self.flat, self.starts, self.lengths = flat, starts, lengths
        self.longest = int(lengths.max()) if longest is None and len(lengths) else longest or 1

    @classmethod
    def of(cls, items: Sequence[Tensor]) -> Padded:
        """Return items, each ``(time, channels)``, as they wait."""
        lengths = torch.tensor([len(item) for item in items])
        return cls(torch.cat(list(items)), lengths.cumsum(0) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Positions) -> Tensor:
        starts, lengths = self.starts[rows], self.lengths[rows]
        longest = int(lengths.max()) if len(lengths) else 1
        at = torch.arange(longest, device=self.flat.device)
        inside = at < lengths[:, None]
        steps = self.flat[(starts[:, None] + at).where(inside, 0)]
        steps = torch.cat([steps * inside[..., None], inside[..., None].float()], dim=2)
        return steps.transpose(1, 2).contiguous()

    def take(self, rows: Positions) -> Padded:
        """Return the items at ``rows``, which share the memory of the others."""
        return Padded(self.flat, self.starts[rows], self.lengths[rows], self.longest)

    def to(self, device: Any) -> Padded:
        """Return the items on a device."""
        flat, starts, lengths = (part.to(device) for part in (self.flat, self.starts, self.lengths))
        return Padded(flat, starts, lengths, self.longest)

    def blank(self, n: int) -> Tensor:
        """Return items as long as the longest in which all is zero."""
        blank = torch.zeros(n, self.flat.shape[1] + 1, self.longest, device=self.flat.device)
        blank[:, -1] = 1
        return blank

    def order(self, rows: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
        """Return the rows of each step: shuffled, then sorted by length some batches at a time."""
        return bucketed(rows, self.lengths.cpu(), size, generator)

    def map(self, function: Callable[[Any], Tensor], size: int, device: Any = "cpu") -> Tensor:
        """Return what a function makes of the items, those of nearly equal lengths together."""
        if not len(self):
            return super().map(function, size, device)
        batches = token_batches(self.lengths.cpu().numpy(), STEPS_AN_ITEM * size)
        with torch.no_grad():
            parts = [
                function(self[torch.from_numpy(rows).to(self.flat.device)].to(device)).cpu()
                for rows in batches
            ]
        order = torch.from_numpy(np.concatenate(batches))
        return torch.cat(parts)[order.argsort()]

    def parts(self, size: int, device: Any = "cpu") -> Any:
        """Yield the batches of all items in their order; without an item, one of none."""
        if not len(self):
            yield self.blank(0).to(device)
        yield from super().parts(size, device)


def lengths_of(batch: Tensor) -> Tensor:
    """Return how many steps each item of a batch has, shape ``(b,)``.

    Examples
    --------
    >>> lengths_of(Padded.of([torch.ones(2, 1), torch.ones(1, 1)])[:]).tolist()
    [2, 1]
    """
    return batch[:, -1].sum(dim=1).long()


def places_at(values: Tensor, places: Tensor) -> Tensor:
    """Return what stands at fractional places along the last axis, between two by their mean.

    Parameters
    ----------
    values : Tensor of shape (b, channels, time)
    places : Tensor of shape (b, places)
        From 0 to ``time - 1``; beyond these what stands at the ends.

    Examples
    --------
    >>> places_at(torch.tensor([[[0.0, 10.0, 30.0]]]), torch.tensor([[0.5, 2.0]])).tolist()
    [[[5.0, 30.0]]]
    """
    places = places.clamp(0, values.shape[2] - 1)
    left = places.long()
    right = (left + 1).clamp(max=values.shape[2] - 1)
    share = (places - left)[:, None]
    shape = (-1, values.shape[1], -1)
    before = values.gather(2, left[:, None].expand(shape))
    after = values.gather(2, right[:, None].expand(shape))
    return torch.lerp(before, after, share)


def warped(
    batch: Tensor, generator: torch.Generator, shortest: float, speed: float, bend: float
) -> Tensor:
    """Return of every item of a batch a part, drawn out or pressed together in time.

    Parameters
    ----------
    batch : Tensor of shape (b, channels + 1, time)
        Items; what is returned has the same shape.
    generator : Generator
        Where the random numbers come from, on the device of the batch.
    shortest : float
        The smallest share of its steps that is left of an item.
    speed : float
        By how much of itself time may run faster or slower in the whole part.
    bend : float
        By how much more within it.

    Examples
    --------
    >>> batch = Padded.of([torch.arange(100.0)[:, None]])[:]
    >>> part = warped(batch, torch.Generator().manual_seed(0), 0.5, 0.0, 0.0)
    >>> steps = part[0, 0, : lengths_of(part)[0]]
    >>> 50 <= len(steps) <= 100, torch.allclose(steps.diff(), torch.ones(len(steps) - 1))
    (True, True)
    """
    b, _, time = batch.shape

    def uniform(low: float, high: float) -> Tensor:
        drawn = torch.rand(b, 1, generator=generator, device=batch.device, dtype=batch.dtype)
        return low + (high - low) * drawn

    whole = batch[:, -1].sum(dim=1, keepdim=True)
    part = (whole * uniform(shortest, 1)).round().clamp(min=1)
    first = uniform(0, 1) * (whole - part)
    pace = 1 + uniform(-speed, speed)
    length = (part / pace).round().clamp(min=1).minimum(whole.new_tensor(float(time)))
    share = torch.arange(time, device=batch.device) / length  # of the view that has passed
    # A sine that is zero at both ends bends time within the part.
    share = share + uniform(-bend, bend) / torch.pi * torch.sin(torch.pi * share)
    steps = (part - 1).clamp(min=0) * share * length / (length - 1).clamp(min=1)
    values = places_at(batch[:, :-1], first + steps.minimum((part - 1).clamp(min=0)))
    inside = torch.arange(time, device=batch.device) < length
    return torch.cat([values * inside[:, None], inside[:, None].to(batch.dtype)], dim=1)
