"""How well the likeness of two nodes tells whether there is an edge between them."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from nearspace.metrics.exact import rescored
from nearspace.metrics.matching import Ranks
from nearspace.metrics.recommending import ranks_and_first
from nearspace.metrics.retrieval import VectorArray, check_search

__all__ = ["Linked", "auc_parts", "link_likeness", "link_ranks", "precision_parts"]

DIGITS = 9  # of how alike two nodes are: what is behind them is rounding


@dataclasses.dataclass(frozen=True, eq=False)
class Linked:
    """What vectors say of edges that are there, and of pairs without one.

    Attributes
    ----------
    positives : ndarray of shape (m,)
        How alike the two ends of each edge are.
    negatives : ndarray of shape (q,)
        How alike the two nodes of each pair are that has no edge.
    ranks : Ranks
        Where the other end stands among all candidates, from the first ends of all edges and then
        from the second ones, shape ``(2 m,)``.
    """

    positives: np.ndarray
    negatives: np.ndarray
    ranks: Ranks

    def by_edge(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of both ends, of values by ends, shape ``(m,)``."""
        return values.reshape(2, -1).mean(axis=0)


def link_likeness(vectors: VectorArray, pairs: np.ndarray, metric: str) -> np.ndarray:
    """Return how alike the two nodes of each pair are, up to rounding.

    Examples
    --------
    >>> link_likeness(np.eye(2), np.array([[0, 0], [0, 1]]), "cosine").tolist()
    [1.0, 0.0]
    """
    check_search(metric)
    first, second = pairs.T
    alike = rescored(vectors[first], vectors, second[:, None], metric)[:, 0]
    largest = np.abs(alike).max(initial=0.0) or 1.0
    return np.round(alike / largest, DIGITS) * largest


def auc_parts(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Return for each edge the share of pairs without one that are less alike.

    Half of those count that are as alike. The mean is the area under the ROC curve.

    Examples
    --------
    >>> auc_parts(np.array([0.9, 0.5]), np.array([0.1, 0.5])).tolist()
    [1.0, 0.75]
    """
    ordered = np.sort(negatives)
    below, up_to = (np.searchsorted(ordered, positives, side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(negatives))


def precision_parts(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """Return for each edge which share is edges, of all pairs that are at least as alike.

    The mean is the average precision.

    Examples
    --------
    >>> precision_parts(np.array([0.9, 0.5]), np.array([0.6, 0.1])).round(2).tolist()
    [1.0, 0.67]
    """
    edges = len(positives) - np.searchsorted(np.sort(positives), positives, "left")
    others = len(negatives) - np.searchsorted(np.sort(negatives), positives, "left")
    return edges / (edges + others)


def link_ranks(
    vectors: VectorArray, pairs: np.ndarray, linked: sparse.csr_array, metric: str
) -> Ranks:
    """Return where the other end of each edge stands, looked for from either end.

    All nodes are candidates but the one that looks, and those to which it has another edge.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        Of all nodes.
    pairs : ndarray of shape (m, 2)
        The edges that are looked for.
    linked : csr_array of shape (n, n)
        Between which nodes there is an edge of any kind, those looked for among them.
    metric : {"cosine", "dot", "euclidean"}
        By which nodes are near.

    Returns
    -------
    Ranks
        Of shape ``(2 m,)``: from all first ends, then from all second ones.

    Examples
    --------
    >>> linked = sparse.csr_array(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.01]])
    >>> link_ranks(vectors, np.array([[0, 1]]), linked, "cosine").means.tolist()
    [2.0, 2.0]
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    selves = sparse.eye_array(linked.shape[0], dtype=linked.dtype, format="csr")
    hidden = sparse.csr_array(linked + selves)
    return ranks_and_first(vectors, vectors, both, hidden, metric)[0]
