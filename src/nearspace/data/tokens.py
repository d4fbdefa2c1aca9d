"""Tokens of texts as they wait in memory for a network: text by text, or as one stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nearspace.data.batches import Batches, Positions

__all__ = ["Bucketed", "Ragged", "Windows", "bucketed", "token_batches"]

PADDING = 0  # the number of no token
WASTED = 64  # tokens of padding in a batch cost no more than a batch of their own
TOKENS_AN_ITEM = 32  # of a batch, for each item: more leave the caches of a core
BUCKET = 32  # batches whose texts are sorted by their lengths together


class Ragged(Batches):
    """Texts as numbers of tokens, each of its own length.

    A batch is filled up behind the end of its shorter texts, with the number 0.

    Parameters
    ----------
    flat : Tensor of shape (tokens,), int32
        The numbers of all texts, one after the other.
    starts, lengths : Tensor of shape (n,), int64
        Where each text begins, and how many tokens it has: one at least.
    blank_token : int
        The one token of a text that says nothing.

    Examples
    --------
    >>> texts = Ragged(torch.tensor([7, 8, 9]), torch.tensor([0, 2]), torch.tensor([2, 1]), 5)
    >>> texts[:].tolist(), texts.blank(1).tolist()
    ([[7, 8], [9, 0]], [[5]])
    """

    most_at_once = 128

    def __init__(self, flat: Tensor, starts: Tensor, lengths: Tensor, blank_token: int):
        self.flat, self.starts, self.lengths = flat, starts, lengths
        self.blank_token = blank_token

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Positions) -> Tensor:
        starts, lengths = self.starts[rows], self.lengths[rows]
        longest = int(lengths.max()) if len(lengths) else 1
        at = torch.arange(longest, device=self.flat.device)
        inside = at < lengths[:, None]
        places = (starts[:, None] + at).where(inside, 0)
        return self.flat[places].long().where(inside, PADDING)

    def _like(self, flat: Tensor, starts: Tensor, lengths: Tensor) -> Ragged:
        return type(self)(flat, starts, lengths, self.blank_token)

    def take(self, rows: Positions) -> Ragged:
        """Return the texts at ``rows``, which share the memory of the others."""
        return self._like(self.flat, self.starts[rows], self.lengths[rows])

    def to(self, device: Any) -> Ragged:
        """Return the texts on a device."""
        return self._like(*(part.to(device) for part in (self.flat, self.starts, self.lengths)))

    def blank(self, n: int) -> Tensor:
        """Return texts that say nothing."""
        return torch.full((n, 1), self.blank_token, device=self.flat.device)

    def map(self, function: Callable[[Any], Tensor], size: int, device: Any = "cpu") -> Tensor:
        """Return what a function makes of the texts, those of nearly equal lengths together."""
        if not len(self):
            return super().map(function, size, device)
        batches = token_batches(self.lengths.numpy(), TOKENS_AN_ITEM * size)
        with torch.no_grad():
            parts = [
                function(self.take(torch.from_numpy(rows)).to(device)[:]).cpu() for rows in batches
            ]
        order = torch.from_numpy(np.concatenate(batches))
        return torch.cat(parts)[order.argsort()]

    def parts(self, size: int, device: Any = "cpu") -> Any:
        """Yield the batches of all texts in their order; without a text, one of none."""
        if not len(self):
            yield self.blank(0).to(device)
        yield from super().parts(size, device)


class Bucketed(Ragged):
    """Texts as `Ragged` holds them, of which those of alike lengths share a step of training."""

    def order(self, rows: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
        """Return the rows of each step: shuffled, then sorted by length some batches at a time."""
        return bucketed(rows, self.lengths.cpu(), size, generator)


class Windows(Batches):
    """One stream of tokens, cut into windows, each of which tells its next tokens.

    A batch has one token more than the context: all but the last are read, all but the first are
    to be told. The last window is filled up with the number 0.

    Parameters
    ----------
    stream : Tensor of shape (tokens,), int32
        The stream, of two tokens at least.
    context : int
        How many tokens of a window are read.

    Examples
    --------
    >>> windows = Windows(torch.tensor([5, 6, 7, 8]), 2)
    >>> windows[:].tolist()
    [[5, 6, 7], [7, 8, 0]]
    """

    most_at_once = 32

    def __init__(self, stream: Tensor, context: int, starts: Tensor | None = None):
        self.stream, self.context = stream, context
        self.starts = torch.arange(0, len(stream) - 1, context) if starts is None else starts

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Positions) -> Tensor:
        at = self.starts[rows][:, None] + torch.arange(self.context + 1, device=self.stream.device)
        inside = at < len(self.stream)
        return self.stream[at.where(inside, 0)].long().where(inside, PADDING)

    def take(self, rows: Positions) -> Windows:
        """Return the windows at ``rows``."""
        return Windows(self.stream, self.context, self.starts[rows])

    def to(self, device: Any) -> Windows:
        """Return the windows on a device."""
        return Windows(self.stream.to(device), self.context, self.starts.to(device))

    def blank(self, n: int) -> Tensor:
        """Return windows without a token."""
        return torch.full((n, self.context + 1), PADDING, device=self.stream.device)


def bucketed(rows: Tensor, lengths: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
    """Return the rows of each step of an epoch, so that those of a step have alike lengths.

    They are shuffled, and then sorted by length some batches at a time; the steps are shuffled too.

    Parameters
    ----------
    rows : Tensor of shape (n,)
        The positions of items.
    lengths : Tensor
        Of all items, on the CPU.
    size : int
        How many a step has; the rest is left out.
    generator : Generator
        Where the random numbers come from.

    Examples
    --------
    >>> lengths = torch.tensor([5, 9, 5, 9])
    >>> steps = bucketed(torch.arange(4), lengths, 2, torch.Generator().manual_seed(0))
    >>> sorted(lengths[step].tolist() for step in steps)
    [[5, 5], [9, 9]]
    """
    shuffled = rows[torch.randperm(len(rows), generator=generator)]
    steps = max(1, len(rows) // size)
    parts: list[Tensor] = []
    for some in shuffled[: steps * size].split(BUCKET * size):
        parts += some[lengths[some].argsort(stable=True)].split(size)
    return [parts[at] for at in torch.randperm(len(parts), generator=generator).tolist()]


def token_batches(lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Return which texts go through a model together: those of nearly equal lengths.

    Parameters
    ----------
    lengths : ndarray of shape (n,)
        How many tokens each has.
    budget : int
        How many a batch has at most, unless one text has more.

    Returns
    -------
    list of ndarray
        Positions, the longest texts first. Short ones are filled up to the longest of their batch,
        so that a batch ends where filling up would cost more than another one.

    Examples
    --------
    >>> [rows.tolist() for rows in token_batches(np.array([3, 90, 4, 400, 3]), 1000)]
    [[3], [1], [2, 0, 4]]
    """
    batches: list[list[int]] = []
    longest = wasted = 0
    for row in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[row])
        wasted += longest - length
        if not batches or wasted > WASTED or (len(batches[-1]) + 1) * longest > budget:
            batches.append([])
            longest, wasted = length, 0
        batches[-1].append(row)
    return [np.array(rows) for rows in batches]
