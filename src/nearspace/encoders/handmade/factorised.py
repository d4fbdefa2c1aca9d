"""`NetMF` and `ProNE`: vectors of the nodes of one graph, by factorising what walks meet."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import iv
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import randomized_svd

from nearspace.data.memory import check_memory
from nearspace.data.nodes import Edges, Nodes
from nearspace.encoders.base import Encoder, fewer
from nearspace.encoders.handmade.graphs import LINKED
from nearspace.errors import DataError
from nearspace.metrics.directions import unit_vectors

__all__ = ["NetMF", "OfOneGraph", "ProNE"]

MOST_DENSE = 20_000  # nodes, of which every pair has a number
ORDER, MU, THETA = 10, 0.2, 0.5  # of the filter of ProNE, as in the paper
POWER = 0.75  # of how often a node is met, by which negative samples are drawn


class OfOneGraph(Encoder):
    """An encoder whose vectors are of the nodes of the graph on which it was fitted.

    Attributes
    ----------
    vectors_ : ndarray of shape (N, d), float32
        A row for each node of the graph.
    digest_ : str
        What stands for its edges.
    names_ : list of str
        Its nodes.
    """

    kinds = LINKED
    learns = "items"
    metric = "cosine"
    zero_means = "no neighbour"
    min_items = 2
    vectors_: NDArray[np.float32]
    digest_: str
    names_: list[str]

    def _keep(self, items: Nodes, vectors: np.ndarray) -> None:
        """Note the vectors of all nodes, and of which graph they are."""
        self.vectors_ = np.ascontiguousarray(vectors, dtype=np.float32)
        self.width_ = self.vectors_.shape[1]
        self.digest_, self.names_ = items.edges.digest.hex(), items.names.tolist()

    def _transform(self, items: Nodes) -> np.ndarray:
        if items.edges.digest.hex() == self.digest_ and items.names.tolist() == self.names_:
            return self.vectors_[items.rows]
        new = items.names[~np.isin(items.names, self.names_)]
        what = "has other edges"
        if len(new):
            many = "s" * (len(new) > 1)
            what = f"has {len(new):,} node{many} more, as '{new[0]:.60}'"
        raise DataError(
            f"{self.spec} has vectors of the nodes of the graph that it was fitted on, and this "
            f"one {what}: fit it again, or choose one that makes vectors of any graph, as "
            "propagated, adjacency or sage does."
        )

    def check_whole(self) -> None:
        """Raise an error unless there is a vector for each node of the graph."""
        self._check_kind()
        if self.vectors_.shape != (len(self.names_), self.width_):
            raise ValueError(f"its vectors have shape {self.vectors_.shape}")
        if not np.isfinite(self.vectors_).all():
            raise ValueError("it has vectors that are not finite")


class NetMF(OfOneGraph):
    """What DeepWalk comes to, worked out: the factorised logarithm of how often walks meet [1]_.

    Every pair of nodes has a number, so that it is for graphs of up to 20,000 nodes; `prone` is for
    larger ones. What is said of nodes plays no part.

    Parameters
    ----------
    dim : int, default=128
        Length of the vectors, where there are as many nodes.
    window : int, default=10
        Steps of a walk within which two nodes meet.
    negatives : float, default=1.0
        Negative samples for each pair that meets.

    References
    ----------
    .. [1] J. Qiu et al., "Network embedding as matrix factorization: unifying DeepWalk, LINE, PTE,
       and node2vec", 2018.

    Examples
    --------
    >>> from nearspace import load_graph, make
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)])
    >>> vectors = make("netmf(dim=2)").fit_on(graph).transform(graph.items)
    >>> vectors.shape, bool(vectors[0] @ vectors[1] > 10 * abs(vectors[0] @ vectors[4]))
    ((6, 2), True)
    """

    effort = 5
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "negatives": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, dim: int = 128, window: int = 10, negatives: float = 1.0):
        self.dim = dim
        self.window = window
        self.negatives = negatives

    def _fit(self, items: Nodes, y: Any) -> None:
        edges = items.edges
        if edges.n > MOST_DENSE:
            raise DataError(
                f"{self.spec}: every pair of nodes has a number, and there are {edges.n:,} nodes, "
                f"more than {MOST_DENSE:,}; take prone, which is for large graphs."
            )
        check_memory(edges.n**2 * 12, "What the walks of netmf meet")
        degrees = np.maximum(edges.degrees.astype(np.float64), 1e-12)
        step = sparse.csr_array(edges.mean_of_neighbours, dtype=np.float32)
        met = np.zeros((edges.n, edges.n), dtype=np.float32)
        for _ in range(self.window):  # P + P² + …, of which every further term is a step on
            met[np.diag_indices(edges.n)] += 1
            met = step @ met
        met *= (edges.degrees.sum() / (self.window * self.negatives) / degrees).astype(np.float32)
        np.maximum(met, 1, out=met)
        np.log(met, out=met)
        self._keep(items, _halves(met, self.dim))

    @property
    def notes(self) -> tuple[str, ...]:
        """That it has fewer dimensions than asked for, where it has."""
        return fewer(self.width_, self.dim, "dimensions")


class ProNE(OfOneGraph):
    """NetMF's sparse kin for large graphs: factorised edges, smoothed over neighbourhoods [1]_.

    Time and memory grow with nodes and edges. What is said of nodes plays no part.

    Parameters
    ----------
    dim : int, default=128
        Length of the vectors, where there are as many nodes.

    References
    ----------
    .. [1] J. Zhang et al., "ProNE: fast and scalable network representation learning", 2019.

    Examples
    --------
    >>> from nearspace import load_graph, make
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)])
    >>> make("prone(dim=2)").fit_on(graph).transform(graph.items).shape
    (6, 2)
    """

    effort = 2
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, dim: int = 128):
        self.dim = dim

    def _fit(self, items: Nodes, y: Any) -> None:
        edges = items.edges
        step = edges.mean_of_neighbours
        often = np.asarray(step.sum(axis=0)).ravel().astype(np.float64) ** POWER
        often /= often.sum() or 1.0
        logs = step.copy()
        logs.data = np.log(logs.data) - np.log(often[logs.indices]).astype(np.float32)
        vectors = unit_vectors(_halves(logs, self.dim))
        self._keep(items, _halves(_smoothed(edges, vectors), self.dim))

    @property
    def notes(self) -> tuple[str, ...]:
        """That it has fewer dimensions than asked for, where it has."""
        return fewer(self.width_, self.dim, "dimensions")


def _halves(matrix: Any, dim: int) -> np.ndarray:
    """Return the left singular vectors of a matrix times the roots of its singular values."""
    if matrix.shape[1] <= dim and not sparse.issparse(matrix):  # tall: by the products of columns
        values, right = np.linalg.eigh((matrix.T @ matrix).astype(np.float64))
        size = np.sqrt(np.maximum(values, 1e-12))
        return np.ascontiguousarray((matrix @ (right / np.sqrt(size)).astype(np.float32))[:, ::-1])
    left, values, _ = randomized_svd(matrix, min(dim, matrix.shape[0]), random_state=0)
    return (left * np.sqrt(values)).astype(np.float32)


def _smoothed(edges: Edges, vectors: np.ndarray) -> np.ndarray:
    """Return vectors through a band-pass filter of the graph, by Chebyshev polynomials."""
    whole = edges.symmetric + sparse.eye_array(edges.n, dtype=np.float32, format="csr")
    mean = sparse.diags_array((1 / (edges.degrees + 1)).astype(np.float32)) @ whole
    laplacian = sparse.eye_array(edges.n, dtype=np.float32, format="csr") * (1 - MU) - mean
    laplacian = sparse.csr_array(laplacian, dtype=np.float32)
    before, now = vectors, laplacian @ vectors
    now = (laplacian @ now) * np.float32(0.5) - vectors
    total = np.float32(iv(0, THETA)) * before - np.float32(2 * iv(1, THETA)) * now
    for k in range(2, ORDER):
        after = laplacian @ now
        after = laplacian @ after
        after -= 2 * now
        after -= before
        total += np.float32((-1) ** k * 2 * iv(k, THETA)) * after
        before, now = now, after
    return whole @ (vectors - total)
