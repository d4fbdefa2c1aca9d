"""`Coupled`: pairs as they wait for the networks of two sides; and `Bags`, rows mostly of zeros."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from nearspace.data.batches import Batches, Positions, Stacked

__all__ = ["Bag", "Bags", "Couple", "Coupled", "rows_waiting"]


class Bag(NamedTuple):
    """Sparse rows: the columns that are not zero, where each row begins, and what stands there."""

    columns: Tensor
    starts: Tensor
    values: Tensor

    def to(self, device: Any) -> Bag:
        """Return the rows on a device."""
        return Bag(*(part.to(device) for part in self))


class Bags(Batches):
    """Sparse rows as they wait for the sum of the vectors of their columns.

    Parameters
    ----------
    rows : csr_array of shape (n, columns)
    device : torch.device or str, default="cpu"
        Where batches are brought to.

    Examples
    --------
    >>> bags = Bags(sparse.csr_array([[0.0, 2.0], [1.0, 3.0]]))
    >>> [part.tolist() for part in bags[1:]]
    [[0, 1], [0], [1.0, 3.0]]
    """

    def __init__(self, rows: sparse.csr_array, device: Any = "cpu"):
        self.rows, self.device = rows, device

    def __len__(self) -> int:
        return self.rows.shape[0]

    def __getitem__(self, rows: Positions) -> Bag:
        some = self.rows[rows if isinstance(rows, slice) else rows.cpu().numpy()]
        parts = some.indices, some.indptr[:-1], some.data
        types = np.int64, np.int64, np.float32
        bag = Bag(*(torch.from_numpy(p.astype(t)) for p, t in zip(parts, types, strict=True)))
        return bag.to(self.device)

    def take(self, rows: Positions) -> Bags:
        """Return the rows at ``rows``."""
        return Bags(self.rows[rows if isinstance(rows, slice) else rows.numpy()], self.device)

    def to(self, device: Any) -> Bags:
        """Return the rows, of which batches will be on a device."""
        return Bags(self.rows, device)

    def blank(self, n: int) -> Bag:
        """Return rows of zeros."""
        return Bag(torch.zeros(0).long(), torch.zeros(n).long(), torch.zeros(0)).to(self.device)


def rows_waiting(vectors: Any) -> Batches:
    """Return vectors, dense or sparse, as they wait for a network.

    Examples
    --------
    >>> rows_waiting(np.eye(2))[:1].tolist(), len(rows_waiting(sparse.csr_array(np.eye(2))))
    ([[1.0, 0.0]], 2)
    """
    if sparse.issparse(vectors):
        return Bags(sparse.csr_array(vectors))
    return Stacked(torch.from_numpy(np.asarray(vectors, dtype=np.float32)))


class Couple(NamedTuple):
    """The items of some pairs, each once.

    Attributes
    ----------
    left, right : list of batch
        The items of either side, few at once.
    linked : Tensor of shape (n, m), bool
        Which of the n on the left belong to which of the m on the right.
    """

    left: list[Any]
    right: list[Any]
    linked: Tensor


class Coupled(Batches):
    """Pairs as they wait for the networks of two sides.

    Parameters
    ----------
    sides : tuple of Batches
        The items of either side.
    links : Tensor of shape (m, 2), int64
        For each pair the positions of its items.
    at_once : int
        How many items of a side are put into one batch.
    hard : tuple of Tensor, optional
        For each item of the left side positions of right ones that do not belong to it though they
        are like it, and for each of the right side left ones: they come with it.

    Examples
    --------
    >>> from nearspace.data.batches import Stacked
    >>> links = torch.tensor([[0, 1], [0, 0], [2, 1]])
    >>> sides = Stacked(torch.eye(3)), Stacked(torch.eye(2))
    >>> couple = Coupled(sides, links, 8)[:2]
    >>> couple.left[0].tolist(), couple.linked.tolist()
    ([[1.0, 0.0, 0.0]], [[True, True]])
    """

    def __init__(
        self,
        sides: tuple[Batches, Batches],
        links: Tensor,
        at_once: int,
        hard: tuple[Tensor, Tensor] | None = None,
    ):
        self.sides, self.links, self.at_once, self.hard = sides, links, at_once, hard
        self.codes = links[:, 0] * len(sides[1]) + links[:, 1]

    def __len__(self) -> int:
        return len(self.links)

    def __getitem__(self, rows: Positions) -> Couple:
        left, right = (side.unique() for side in self.links[rows].T)
        if self.hard is not None:
            to_right, to_left = self.hard[0][left].ravel(), self.hard[1][right].ravel()
            left, right = torch.cat([left, to_left]).unique(), torch.cat([right, to_right]).unique()
        linked = torch.isin(left[:, None] * len(self.sides[1]) + right, self.codes)
        batches = [
            [side[at] for at in positions.split(self.at_once)]
            for side, positions in zip(self.sides, (left, right), strict=True)
        ]
        return Couple(batches[0], batches[1], linked)

    def take(self, rows: Positions) -> Coupled:
        """Return the pairs at ``rows``, with all items."""
        return Coupled(self.sides, self.links[rows], self.at_once, self.hard)

    def blank(self, n: int) -> Couple:
        """Return pairs of items that show nothing."""
        left, right = ([side.blank(n)] for side in self.sides)
        return Couple(left, right, torch.eye(n, device=self.links.device).bool())

    def to(self, device: Any) -> Coupled:
        """Return the pairs waiting on a device."""
        left, right = (side.to(device) for side in self.sides)
        hard = None if self.hard is None else (self.hard[0].to(device), self.hard[1].to(device))
        return Coupled((left, right), self.links.to(device), self.at_once, hard)
