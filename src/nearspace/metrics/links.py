"""How well the likeness of two nodes tells whether there is an edge between them."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from nearspace.metrics.exact import rescored
from nearspace.metrics.matching import Ranks, alike_to_all, comparable
from nearspace.metrics.retrieval import VectorArray, check_search

__all__ = ["Linked", "auc_parts", "link_likeness", "link_ranks", "precision_parts"]

BLOCK = 512  # nodes whose likeness to all others is held at once
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
    check_search(metric)
    everyone = comparable(vectors, metric)
    asks, wanted = np.concatenate([pairs, pairs[:, ::-1]]).T
    before, equal = np.empty(len(asks)), np.empty(len(asks))
    order = np.argsort(asks, kind="stable")
    nodes, starts = np.unique(asks[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    for start in range(0, len(nodes), BLOCK):
        some = nodes[start : start + BLOCK]
        alike = np.round(alike_to_all(everyone[some], everyone, metric), DIGITS)
        for row, node in enumerate(some):
            own = order[starts[start + row] : ends[start + row]]
            likeness = alike[row, wanted[own]]
            out = linked.indices[linked.indptr[node] : linked.indptr[node + 1]]
            alike[row, out], alike[row, node] = np.nan, np.nan  # which nothing is compared with
            candidates = np.sort(alike[row])  # NaN last
            candidates = candidates[: np.searchsorted(candidates, np.nan)]
            low, high = (np.searchsorted(candidates, likeness, side) for side in ("left", "right"))
            before[own], equal[own] = len(candidates) - high, high - low + 1
    return Ranks(before, equal, np.ones(len(asks)))
