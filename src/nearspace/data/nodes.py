"""`Edges` and `Nodes`: a graph, and some of its nodes as items that bring it along."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.kinds.kind import take_items

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["Edges", "Nodes"]


@dataclasses.dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a graph: each pair of nodes stands once, and none leads to where it starts.

    Parameters
    ----------
    n : int
        How many nodes there are.
    ends : ndarray of shape (m, 2), int
        The positions of the nodes at both ends; where edges lead one way, from the first.
    weights : ndarray of shape (m,), float32, optional
        How much each edge weighs, above 0; 1 when absent.
    time : ndarray of shape (m,), optional
        When each edge came about.
    directed : bool, default=False
        Whether edges lead one way.

    Examples
    --------
    >>> edges = Edges(3, np.array([[0, 1], [1, 2]]))
    >>> edges.adjacency.toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    >>> edges.degrees.tolist()
    [1.0, 2.0, 1.0]
    """

    n: int
    ends: np.ndarray
    weights: np.ndarray | None = None
    time: np.ndarray | None = None
    directed: bool = False

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, rows: np.ndarray) -> Edges:
        """Return some of the edges between the same nodes."""
        weights, time = (
            None if values is None else values[rows] for values in (self.weights, self.time)
        )
        return Edges(self.n, self.ends[rows], weights, time, self.directed)

    @functools.cached_property
    def adjacency(self) -> sparse.csr_array:
        """What leads from each node to each, shape ``(n, n)``, float32; both ways where none is."""
        from scipy import sparse

        first, second = self.ends.T
        weights = np.ones(len(self), np.float32) if self.weights is None else self.weights
        if not self.directed:
            first, second = np.concatenate([first, second]), np.concatenate([second, first])
            weights = np.concatenate([weights, weights])
        matrix = sparse.coo_array((weights, (first, second)), shape=(self.n, self.n))
        return sparse.csr_array(matrix, dtype=np.float32)

    @functools.cached_property
    def symmetric(self) -> sparse.csr_array:
        """What lies between each two nodes, whichever way it leads: the larger of both weights."""
        from scipy import sparse

        if not self.directed:
            return self.adjacency
        return sparse.csr_array(self.adjacency.maximum(self.adjacency.T))

    @functools.cached_property
    def degrees(self) -> np.ndarray:
        """The sum of the weights at each node, whichever way edges lead, shape ``(n,)``."""
        return np.asarray(self.symmetric.sum(axis=1)).ravel()

    @functools.cached_property
    def propagator(self) -> sparse.csr_array:
        """The symmetrically normalised adjacency, each node beside its neighbours [1]_.

        It is ``D^-1/2 (A + I) D^-1/2`` with the degrees of what is in the brackets.

        References
        ----------
        .. [1] T. Kipf, M. Welling, "Semi-supervised classification with graph convolutional
           networks", 2017.
        """
        from scipy import sparse

        whole = self.symmetric + sparse.eye_array(self.n, dtype=np.float32, format="csr")
        root = sparse.diags_array((1 / np.sqrt(self.degrees + 1)).astype(np.float32))
        return sparse.csr_array(root @ whole @ root, dtype=np.float32)

    @functools.cached_property
    def mean_of_neighbours(self) -> sparse.csr_array:
        """What takes the mean over the neighbours of each node, weighted; 0 where it has none."""
        from scipy import sparse

        scale = np.divide(1, self.degrees, out=np.zeros(self.n, np.float32), where=self.degrees > 0)
        return sparse.csr_array(sparse.diags_array(scale) @ self.symmetric, dtype=np.float32)

    @functools.cached_property
    def digest(self) -> bytes:
        """Sixteen bytes that change with any edge, its weight or its direction, not their order."""
        matrix = self.adjacency.sorted_indices()
        digest = hashlib.blake2b(repr((self.n, self.directed)).encode(), digest_size=16)
        for part in (matrix.indptr, matrix.indices):
            digest.update(part.astype(np.int64).tobytes())
        digest.update(matrix.data.tobytes())
        return digest.digest()


@dataclasses.dataclass(frozen=True, eq=False)
class Nodes:
    """Some nodes of a graph, in an order, with all of the graph.

    Parameters
    ----------
    edges : Edges
        All that there are.
    names : ndarray of shape (N,), str
        By which each of all nodes is told from the others.
    attributes : sequence or None
        What is said of each of all nodes, but of users, in the container of its kind; None where
        nothing is.
    rows : ndarray of shape (n,), int64
        The positions of the nodes that are the items.
    users : int, default=0
        How many nodes are users, which come first: the others are what they interact with.

    Examples
    --------
    >>> edges = Edges(3, np.array([[0, 1], [1, 2]]))
    >>> nodes = Nodes(edges, np.array(["a", "b", "c"]), ["red", "green", "blue"], np.arange(3))
    >>> some = nodes[np.array([2, 0])]
    >>> len(some), some.names[some.rows].tolist(), some.own
    (2, ['c', 'a'], ['blue', 'red'])
    """

    edges: Edges
    names: np.ndarray
    attributes: Any
    rows: np.ndarray
    users: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> Nodes:
        """Return the nodes at positions, or the one at one of them, in the same graph."""
        return dataclasses.replace(self, rows=np.atleast_1d(self.rows[rows]))

    @property
    def own(self) -> Any:
        """What is said of the nodes that are the items, without users."""
        if self.attributes is None:
            return None
        return take_items(self.attributes, self.rows[self.rows >= self.users] - self.users)

    @functools.cached_property
    def interactions(self) -> sparse.csr_array:
        """What each user has, shape ``(users, N - users)``, float32: weights, or 1."""
        return self.edges.adjacency[: self.users, self.users :]

    @property
    def everyone(self) -> Nodes:
        """All nodes of the graph, in their order."""
        return dataclasses.replace(self, rows=np.arange(self.edges.n))

    def with_edges(self, edges: Edges) -> Nodes:
        """Return the same nodes between which there are other edges."""
        return dataclasses.replace(self, edges=edges)

    def neighbours(self, index: int) -> np.ndarray:
        """Return the positions, in the graph, of the neighbours of the node at a position."""
        matrix, row = self.edges.symmetric, int(self.rows[index])
        return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
