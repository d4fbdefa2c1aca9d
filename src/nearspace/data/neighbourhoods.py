"""`Neighbourhoods`: nodes as they wait for a network that looks at what is around each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from nearspace.data.batches import Batches, Positions
from nearspace.data.coupled import Bag

__all__ = ["EdgeBatch", "EdgesWaiting", "Hop", "Neighbourhoods", "Subgraph"]


class Hop(NamedTuple):
    """What leads from the vectors of some nodes to sums over the neighbours of others.

    Attributes
    ----------
    sources, targets : Tensor of shape (e,), int64
        From which of the one to which of the others.
    weights : Tensor of shape (e,)
        How much each counts.
    selves : Tensor of shape (n,), int64
        Where each of the others stands itself among the one.
    """

    sources: Tensor
    targets: Tensor
    weights: Tensor
    selves: Tensor

    def __call__(self, vectors: Tensor) -> Tensor:
        """Return the weighted sums of vectors, shape ``(n, d)``."""
        sums = vectors.new_zeros(len(self.selves), vectors.shape[1])
        return sums.index_add(0, self.targets, vectors[self.sources] * self.weights[:, None])

    def to(self, device: Any) -> Hop:
        """Return the step on a device."""
        return Hop(*(part.to(device) for part in self))


class Subgraph(NamedTuple):
    """Some nodes with all that a network of so many steps sees of their graph.

    Attributes
    ----------
    inputs : Tensor or Bag
        What is said of the nodes that are farthest, and of all that are nearer.
    steps : list of Hop
        From these to the nodes themselves.
    """

    inputs: Tensor | Bag
    steps: list[Hop]

    def to(self, device: Any) -> Subgraph:
        """Return the nodes on a device."""
        return Subgraph(self.inputs.to(device), [step.to(device) for step in self.steps])


class Neighbourhoods(Batches):
    """Nodes as they wait, each with the whole of its neighbourhood: none is left out by chance.

    Parameters
    ----------
    inputs : callable
        Returns the input of the network for nodes at positions in the graph.
    operator : csr_array of shape (N, N)
        How much of each node goes to each node at a step.
    hops : int
        How many steps there are.
    rows : ndarray of int
        The nodes that wait.
    device : torch.device or str, default="cpu"
        Where batches are brought to.

    Examples
    --------
    >>> chain = sparse.csr_array(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]))
    >>> waiting = Neighbourhoods(lambda nodes: torch.eye(3)[nodes], chain, 1, np.arange(3))
    >>> batch = waiting[:1]
    >>> batch.inputs.tolist(), batch.steps[0](batch.inputs).tolist()
    ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[1.0, 1.0, 0.0]])
    """

    def __init__(
        self,
        inputs: Callable[[np.ndarray], Any],
        operator: sparse.csr_array,
        hops: int,
        rows: np.ndarray,
        device: Any = "cpu",
    ):
        self.inputs, self.operator, self.hops = inputs, operator, hops
        self.rows, self.device = rows, device

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Positions) -> Subgraph:
        return self.around(self.rows[rows if isinstance(rows, slice) else rows.cpu().numpy()])

    def around(self, nodes: np.ndarray) -> Subgraph:
        """Return nodes at positions in the graph with their neighbourhoods."""
        steps = []
        for _ in range(self.hops):
            block = self.operator[nodes]
            near = np.union1d(block.indices, nodes)
            targets = np.repeat(np.arange(len(nodes)), np.diff(block.indptr))
            places, selves = (np.searchsorted(near, some) for some in (block.indices, nodes))
            parts = places, targets, block.data.astype(np.float32), selves
            steps.append(Hop(*map(torch.from_numpy, parts)))
            nodes = near
        return Subgraph(self.inputs(nodes), steps[::-1]).to(self.device)

    def take(self, rows: Positions) -> Neighbourhoods:
        """Return some of the nodes, in the same graph."""
        chosen = self.rows[rows if isinstance(rows, slice) else rows.cpu().numpy()]
        return Neighbourhoods(self.inputs, self.operator, self.hops, chosen, self.device)

    def to(self, device: Any) -> Neighbourhoods:
        """Return the nodes, of which batches will be on a device."""
        return Neighbourhoods(self.inputs, self.operator, self.hops, self.rows, device)

    def blank(self, n: int) -> Any:
        """Raise `NotImplementedError`: a node of which nothing is known has no neighbourhood."""
        raise NotImplementedError


class EdgeBatch(NamedTuple):
    """Nodes with their neighbourhoods, and between which of them there is an edge.

    Attributes
    ----------
    nodes : Subgraph
        The ends of the edges, each once.
    pairs : Tensor of shape (m, 2), int64
        Positions among these.
    """

    nodes: Subgraph
    pairs: Tensor


class EdgesWaiting(Batches):
    """The edges of a graph as they wait, with the neighbourhoods of their ends.

    Parameters
    ----------
    nodes : Neighbourhoods
        Of the same graph.
    ends : ndarray of shape (m, 2)
        Positions of nodes.
    """

    def __init__(self, nodes: Neighbourhoods, ends: np.ndarray):
        self.nodes, self.ends = nodes, ends

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, rows: Positions) -> EdgeBatch:
        pairs = self.ends[rows if isinstance(rows, slice) else rows.cpu().numpy()]
        chosen, places = np.unique(pairs, return_inverse=True)
        at = torch.from_numpy(places.reshape(pairs.shape)).to(self.nodes.device)
        return EdgeBatch(self.nodes.around(chosen), at)

    def take(self, rows: Positions) -> EdgesWaiting:
        """Return some of the edges."""
        return EdgesWaiting(
            self.nodes, self.ends[rows if isinstance(rows, slice) else rows.cpu().numpy()]
        )

    def to(self, device: Any) -> EdgesWaiting:
        """Return the edges, of which batches will be on a device."""
        return EdgesWaiting(self.nodes.to(device), self.ends)

    def blank(self, n: int) -> Any:
        """Raise `NotImplementedError`: an edge has two ends that are there."""
        raise NotImplementedError
