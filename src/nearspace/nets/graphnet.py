"""Layers that look at the neighbours of nodes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nearspace.data.coupled import Bag
from nearspace.data.neighbourhoods import Hop, Subgraph

__all__ = ["Convolution", "GraphNet", "Sage"]


class Map(nn.Module):
    """Vectors times a matrix; sparse ones as sums of its rows."""

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(d_in, d_out)))

    def forward(self, vectors: Tensor | Bag) -> Tensor:
        """Return the products, shape ``(n, d_out)``."""
        if isinstance(vectors, Bag):
            return F.embedding_bag(
                vectors.columns, self.weight, vectors.starts, mode="sum",
                per_sample_weights=vectors.values,
            )  # fmt: skip
        return vectors @ self.weight


class Convolution(nn.Module):
    """A graph convolution: vectors times a matrix, then their sums over neighbours [1]_.

    References
    ----------
    .. [1] T. Kipf, M. Welling, "Semi-supervised classification with graph convolutional networks",
       2017.
    """

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.map, self.bias = Map(d_in, d_out), nn.Parameter(torch.zeros(d_out))

    def forward(self, vectors: Tensor | Bag, step: Hop) -> Tensor:
        """Return the vectors of the nodes to which the step leads."""
        return step(self.map(vectors)) + self.bias


class Sage(nn.Module):
    """A layer of GraphSAGE: the vector of a node and the mean of its neighbours', each mapped [1]_.

    References
    ----------
    .. [1] W. Hamilton, R. Ying, J. Leskovec, "Inductive representation learning on large graphs",
       2017.
    """

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.own, self.others = Map(d_in, d_out), Map(d_in, d_out)
        self.bias = nn.Parameter(torch.zeros(d_out))

    def forward(self, vectors: Tensor | Bag, step: Hop) -> Tensor:
        """Return the vectors of the nodes to which the step leads."""
        return self.own(vectors)[step.selves] + step(self.others(vectors)) + self.bias


class GraphNet(nn.Module):
    """Layers, one a step, with ReLU between them and dropout before each.

    Parameters
    ----------
    layer : type
        `Convolution` or `Sage`.
    widths : sequence of int
        Of the input, and of what each layer puts out.
    dropout : float
        Share of numbers that is left out in training.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from nearspace.data.neighbourhoods import Neighbourhoods
    >>> whole = sparse.csr_array(np.ones((3, 3)))
    >>> waiting = Neighbourhoods(lambda nodes: torch.eye(3)[nodes], whole, 2, np.arange(3))
    >>> GraphNet(Sage, [3, 8, 2], 0.5)(waiting[:2]).shape
    torch.Size([2, 2])
    """

    def __init__(self, layer: type[Convolution | Sage], widths: Sequence[int], dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(layer(*pair) for pair in itertools.pairwise(widths))
        self.dropout = dropout

    def forward(self, batch: Subgraph) -> Tensor:
        """Return what the last layer puts out for the nodes of a batch, before any ReLU."""
        first, *others = self.layers
        vectors = first(self._dropped(batch.inputs), batch.steps[0])
        for layer, step in zip(others, batch.steps[1:], strict=False):
            vectors = layer(self._dropped(F.relu(vectors)), step)
        return vectors

    def _dropped(self, vectors: Tensor | Bag) -> Tensor | Bag:
        if isinstance(vectors, Bag):
            return vectors._replace(values=F.dropout(vectors.values, self.dropout, self.training))
        return F.dropout(vectors, self.dropout, self.training)
