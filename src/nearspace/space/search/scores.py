"""How alike queries and vectors are, in float64: the scores that a search answers with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nearspace.metrics.retrieval import row_products
from nearspace.space.arrays import vector_checksums

__all__ = ["as_scores", "first_equals", "pieces", "rescored", "sparse_alike", "sparse_squares"]

GATHERED = 1 << 18  # numbers gathered at once: what is done with them stays in the cache


def rescored(
    queries: np.ndarray, vectors: np.ndarray, positions: np.ndarray, metric: str
) -> np.ndarray:
    """Return how alike queries and some vectors each are, computed in float64.

    Parameters
    ----------
    queries : ndarray of shape (q, d)
        The queries.
    vectors : ndarray of shape (n, d)
        The vectors.
    positions : ndarray of shape (q, m)
        Which of the vectors to compare each query with.
    metric : {"cosine", "dot", "euclidean"}
        Cosine, inner product, or the distance with its sign turned.

    Returns
    -------
    ndarray of shape (q, m), float64
        The larger the more alike. Equal vectors have exactly the same.
    """
    flat, alike = positions.ravel(), np.empty(positions.size)
    rows = np.arange(len(flat)) // max(1, positions.shape[1])
    for part in pieces(len(flat), queries.shape[1]):
        left = queries[rows[part]].astype(np.float64)
        right = vectors[flat[part]].astype(np.float64)
        if metric == "euclidean":
            right -= left
            alike[part] = -np.sqrt(row_products(right, right))
        elif metric == "dot":
            alike[part] = row_products(left, right)
        else:
            squares = row_products(left, left) * row_products(right, right)
            alike[part] = _cosines(row_products(left, right), squares)
    return alike.reshape(positions.shape)


def pieces(n: int, dim: int) -> Iterator[slice]:
    """Yield the parts of ``n`` vectors that are worked on one after the other."""
    step = max(1, GATHERED // max(1, dim))
    return (slice(start, start + step) for start in range(0, n, step))


def first_equals(vectors: np.ndarray) -> np.ndarray:
    """Return for each vector where one stands that equals it, the same for all that do."""
    checksums = vector_checksums(vectors)
    _, first, of = np.unique(checksums, return_index=True, return_inverse=True)
    firsts = first[of]
    for part in pieces(*vectors.shape):
        others = part.start + np.flatnonzero((vectors[part] != vectors[firsts[part]]).any(axis=1))
        firsts[others] = others  # different vectors with one checksum
    return firsts


def as_scores(alike: np.ndarray, metric: str) -> np.ndarray:
    """Return what a search answers with: distances as such, not with their sign turned."""
    return np.abs(alike) if metric == "euclidean" else alike


def _cosines(products: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return cosines, 0 for a zero vector, from inner products and products of squared lengths."""
    cosines = np.divide(products, np.sqrt(squares), out=np.zeros_like(products), where=squares > 0)
    return cosines.clip(-1.0, 1.0)


def sparse_alike(
    products: np.ndarray, squares: np.ndarray, own_squares: np.ndarray, metric: str
) -> np.ndarray:
    """Return the same as `rescored` from inner products and squared lengths, all float64."""
    if metric == "dot":
        return products
    if metric == "cosine":
        return _cosines(products, squares * own_squares)
    return -np.sqrt((squares - 2 * products + own_squares).clip(0))


def sparse_squares(vectors: Any) -> np.ndarray:
    """Return squared lengths, summed in the order in which a product of sparse vectors is."""
    squares = vectors.astype(np.float64)
    squares.data **= 2
    return squares @ np.ones(vectors.shape[1])
