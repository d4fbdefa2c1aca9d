"""Which documents a query finds, in which order, and how good that order is.

Relevance is a sparse array of queries by documents that holds grades: above 0 where a document is
relevant, more where it is more so. A ranking is positions of documents, best first, and -1 where a
query finds no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse, stats

from nearspace.metrics.exact import row_products
from nearspace.metrics.retrieval import VectorArray, nearest

__all__ = [
    "CONSTANT",
    "expected",
    "found_by",
    "fused_ranks",
    "fused_scores",
    "ndcg",
    "ranks_in",
    "recall",
    "reciprocal_rank",
]

BLOCK = 500  # queries whose likeness to all documents is held at once
DIGITS = 12  # of how alike vectors are: what is behind them is rounding
CONSTANT = 60  # of reciprocal rank fusion, as its authors chose it


def found_by(
    queries: VectorArray,
    documents: VectorArray,
    depth: int,
    metric: str,
    own: np.ndarray | None = None,
) -> np.ndarray:
    """Return the documents that each query finds, best first.

    Documents that are equally near stand in their order. A sparse document that has nothing in
    common with a query is not found by it.

    Parameters
    ----------
    queries, documents : ndarray or csr_array of shape (q, d) and (n, d)
        Their vectors.
    depth : int
        How many to find at most.
    metric : {"cosine", "dot", "euclidean"}
        By what documents are near.
    own : ndarray of int of shape (q,), optional
        The document that is the query itself and is not to be found; -1 where none is.

    Returns
    -------
    ndarray of shape (q, depth), int32
        Positions of documents; -1 behind the last that is found.

    Examples
    --------
    >>> found_by(np.array([[0.0, 0.9]]), np.eye(2), 3, "euclidean").tolist()
    [[1, 0, -1]]
    """
    wanted = depth + (own is not None)
    positions, distances = nearest(queries, documents, wanted + 1, metric)
    nothing = {"cosine": 1.0, "dot": 0.0}.get(metric) if sparse.issparse(queries) else None
    if positions.shape[1] > wanted:
        last, beyond = distances[:, wanted - 1], distances[:, wanted]
        doubtful = np.flatnonzero((last == beyond) & (last != nothing))
        for start in range(0, len(doubtful), BLOCK):
            rows = doubtful[start : start + BLOCK]
            positions[rows, :wanted] = _in_order(queries[rows], documents, wanted, metric)
        positions, distances = positions[:, :wanted], distances[:, :wanted]
    gone = (positions < 0) | (distances == nothing)
    if own is not None:
        gone |= positions == own[:, None]
    order = np.argsort(gone, axis=1, kind="stable")
    there = np.take_along_axis(np.where(gone, -1, positions), order, axis=1)[:, :depth]
    ranking = np.full((len(there), depth), -1, dtype=np.int32)
    ranking[:, : there.shape[1]] = there
    return ranking


def _in_order(queries: VectorArray, documents: VectorArray, depth: int, metric: str) -> np.ndarray:
    """Return what `nearest` does where more are equally near than there is room for.

    Of these it takes any; here it is the first. Numbers that only rounding tells apart are equal.
    """
    queries, documents = (side.astype(np.float64) for side in (queries, documents))
    alike: Any = queries @ documents.T
    alike = alike.toarray() if sparse.issparse(alike) else alike
    squares = row_products(documents, documents)
    if metric == "cosine":
        none = np.full(alike.shape, -np.inf)  # which a document without direction is like
        alike = np.divide(alike, np.sqrt(squares), out=none, where=squares > 0)
    elif metric == "euclidean":
        alike = 2 * alike - squares
    scale = np.abs(np.where(np.isfinite(alike), alike, 0.0)).max(axis=1, keepdims=True)
    rounded = np.round(alike / np.where(scale > 0, scale, 1.0), DIGITS)
    return np.argsort(-rounded, axis=1, kind="stable")[:, :depth]


def fused_ranks(rankings: Sequence[np.ndarray], constant: int = CONSTANT) -> np.ndarray:
    """Return several rankings as one, by reciprocal rank fusion (Cormack et al., 2009).

    The score of a document is the sum of ``1 / (constant + rank)`` over the rankings that it is
    found in. Those of the same score stand in their order.

    Parameters
    ----------
    rankings : sequence of ndarray of shape (q, depth)
        As `found_by` returns them.
    constant : int, default=60
        The larger, the less the first ranks weigh.

    Examples
    --------
    >>> fused_ranks([np.array([[4, 7, -1]]), np.array([[7, 2, 4]])]).tolist()
    [[7, 4, 2]]
    """
    joined = np.hstack(list(rankings))
    depth = max(ranking.shape[1] for ranking in rankings)
    ranks = np.concatenate([np.arange(1, ranking.shape[1] + 1) for ranking in rankings])
    queries, places = np.nonzero(joined >= 0)
    n_documents = int(joined.max(initial=0)) + 1
    keys = queries * n_documents + joined[queries, places]
    different, of = np.unique(keys, return_inverse=True)
    scores = np.bincount(of, 1 / (constant + ranks[places]), len(different))
    query, document = np.divmod(different, n_documents)
    order = np.lexsort((document, -scores, query))
    query, document = query[order], document[order]
    rank = np.arange(len(query)) - np.searchsorted(query, query)
    fused = np.full((len(joined), depth), -1, dtype=np.int32)
    within = rank < depth
    fused[query[within], rank[within]] = document[within]
    return fused


def ranks_in(ranking: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """Return the ranks, from 1, that documents have in a ranking; 0 where it has not found them.

    Examples
    --------
    >>> ranks_in(np.array([[4, 7, -1]]), np.array([[7, 2, 4, -1]])).tolist()
    [[2, 0, 1, 0]]
    """
    is_it = (ranking[:, None, :] == documents[:, :, None]) & (documents >= 0)[:, :, None]
    return np.where(is_it.any(axis=2), is_it.argmax(axis=2) + 1, 0)


def fused_scores(ranks: Sequence[np.ndarray], constant: int = CONSTANT) -> np.ndarray:
    """Return the scores by which `fused_ranks` sorts, given the ranks in each ranking.

    Examples
    --------
    >>> fused_scores([np.array([2, 0]), np.array([1, 1])]).round(4).tolist()
    [0.0325, 0.0164]
    """
    return np.sum([np.where(each > 0, 1 / (constant + each), 0.0) for each in ranks], axis=0)


def ndcg(ranking: np.ndarray, relevance: sparse.csr_array, k: int) -> np.ndarray:
    """Return the discounted cumulative gain of the first k, over that of the best order.

    The gain is the grade, its discount ``log2(1 + rank)`` (Järvelin and Kekäläinen, 2002), as in
    trec_eval.

    Examples
    --------
    >>> relevance = sparse.csr_array([[0, 2, 1]])
    >>> ndcg(np.array([[1, 0, 2]]), relevance, 10).round(3)
    array([0.95])
    """
    discounts = 1 / np.log2(np.arange(k) + 2)
    gains = _grades(ranking[:, :k], relevance)
    best = _ideal(relevance, k) @ discounts
    return gains @ discounts[: gains.shape[1]] / best


def reciprocal_rank(ranking: np.ndarray, relevance: sparse.csr_array, k: int) -> np.ndarray:
    """Return 1 over the rank of the first relevant document; 0 where none is among the first k."""
    hits = _grades(ranking[:, :k], relevance) > 0
    return np.where(hits.any(axis=1), 1 / (1 + hits.argmax(axis=1)), 0.0)


def recall(ranking: np.ndarray, relevance: sparse.csr_array, k: int) -> np.ndarray:
    """Return the share of the relevant documents that are among the first k."""
    return (_grades(ranking[:, :k], relevance) > 0).sum(axis=1) / np.diff(relevance.indptr)


def expected(name: str, relevance: sparse.csr_array, k: int) -> np.ndarray:
    """Return what documents in any order get, on average, by the name of one of these scores."""
    n, relevant = relevance.shape[1], np.diff(relevance.indptr)
    if name == "recall":
        return np.full(len(relevant), min(k, n) / n)
    if name == "ndcg":
        discounts = 1 / np.log2(np.arange(k) + 2)
        mean = np.asarray(relevance.sum(axis=1)).ravel() / n
        return mean * discounts[: min(k, n)].sum() / (_ideal(relevance, k) @ discounts)
    ranks = np.arange(1, min(k, n) + 1)
    # No relevant one before rank i, and one at it.
    none = stats.hypergeom.sf(0, n, relevant[:, None], np.arange(len(ranks) + 1))
    return (np.diff(none, axis=1) / ranks).sum(axis=1)


def _grades(ranking: np.ndarray, relevance: sparse.csr_array) -> np.ndarray:
    """Return the grade of every document in a ranking; 0 where none is found."""
    relevance = relevance.sorted_indices()
    n = relevance.shape[1]
    of = np.repeat(np.arange(relevance.shape[0]), np.diff(relevance.indptr))
    keys = of * np.int64(n) + relevance.indices
    asked = np.arange(len(ranking))[:, None] * np.int64(n) + ranking
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where((keys[places] == asked) & (ranking >= 0), relevance.data[places], 0.0)


def _ideal(relevance: sparse.csr_array, k: int) -> np.ndarray:
    """Return the k highest grades of every query, shape ``(q, k)``."""
    ideal = np.zeros((relevance.shape[0], k))
    of = np.repeat(np.arange(relevance.shape[0]), np.diff(relevance.indptr))
    order = np.lexsort((-relevance.data, of))
    rank = np.arange(len(of)) - relevance.indptr[of]
    within = rank < k
    ideal[of[within], rank[within]] = relevance.data[order][within]
    return ideal
