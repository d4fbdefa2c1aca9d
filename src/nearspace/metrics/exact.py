"""What makes an exact search right, whatever the numbers: brought into range, compared in float64.

Two searches rest on it. `metrics.retrieval` finds neighbours by the thousand for measures;
`space.search.exact` answers users, and bounds the error of every product. Neither can stand for the
other: the second takes up to seven times as long for a hundred neighbours and more, and the first
promises no more than float32 can tell of vectors that are not close.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

__all__ = [
    "as_scores",
    "cosines",
    "in_range",
    "pieces_of",
    "rescored",
    "row_products",
    "rows_in_range",
]

GATHERED = 1 << 18  # numbers gathered at once: what is done with them stays in the cache
ORDINARY = (2.0**-20, 2.0**40)  # largest numbers whose squares neither overflow nor vanish


def in_range(*arrays: Any) -> tuple[Any, ...]:
    """Return arrays, dense or sparse, in a range where squares are sound in float32.

    Parameters
    ----------
    *arrays : ndarray or csr_array
        Finite numbers.

    Returns
    -------
    tuple
        The arrays as they came where the largest number of all is an ordinary one, else as float64
        times a power of two, by which no digit changes; and that power.

    Examples
    --------
    >>> in_range(np.array([[1.5]]))
    (array([[1.5]]), 1.0)
    >>> scaled, factor = in_range(np.float32([[1e30, -2e30]]))
    >>> float(np.abs(scaled).max()) < 2, scaled.dtype.name, bool((scaled / factor == 2e30).any())
    (True, 'float64', False)
    """
    largest = max(
        max(float(values.max(initial=0)), -float(values.min(initial=0)))
        for values in (array.data if sparse.issparse(array) else array for array in arrays)
    )
    if not largest or ORDINARY[0] <= largest <= ORDINARY[1]:
        return *arrays, 1.0
    factor = math.ldexp(1.0, min(1 - math.frexp(largest)[1], 1000))
    return *(array.astype(np.float64) * factor for array in arrays), factor


def rows_in_range(rows: Any) -> Any:
    """Return each row, dense or sparse, times a power of two: its largest number is then about 1.

    Examples
    --------
    >>> rows_in_range(np.float32([[1e-45, 0], [0, 0], [3e38, -3e38]]))[:2].tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    if sparse.issparse(rows):
        exponents = np.frexp(abs(rows).max(axis=1).toarray().ravel())[1]
        data = np.ldexp(rows.data, -np.repeat(exponents, np.diff(rows.indptr)))
        return sparse.csr_array((data, rows.indices, rows.indptr), shape=rows.shape)
    return np.ldexp(rows, -np.frexp(np.abs(rows).max(axis=1, keepdims=True, initial=0))[1])


def row_products(left: Any, right: Any, dtype: type | None = None) -> np.ndarray:
    """Return the inner product of each row on the left, dense or sparse, and the row beside it."""
    if isinstance(left, np.ndarray):
        return np.einsum("ij,ij->i", left, right, dtype=dtype)
    return np.asarray(left.multiply(right).sum(axis=1, dtype=dtype)).ravel()


def rescored(queries: Any, vectors: Any, positions: np.ndarray, metric: str) -> np.ndarray:
    """Return how alike queries and some vectors each are, computed in float64.

    Parameters
    ----------
    queries : ndarray or csr_array of shape (q, d)
        The queries.
    vectors : ndarray or csr_array of shape (n, d)
        The vectors; sparse where the queries are.
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
    for part in pieces_of(len(flat), 64 if sparse.issparse(vectors) else queries.shape[1]):
        left = queries[rows[part]].astype(np.float64)
        right = vectors[flat[part]].astype(np.float64)
        if metric == "euclidean":
            right -= left
            alike[part] = -np.sqrt(row_products(right, right))
        elif metric == "dot":
            alike[part] = row_products(left, right)
        else:
            squares = row_products(left, left) * row_products(right, right)
            alike[part] = cosines(row_products(left, right), squares)
    return alike.reshape(positions.shape)


def as_scores(alike: np.ndarray, metric: str) -> np.ndarray:
    """Return what a search answers with: distances as such, not with their sign turned."""
    return np.abs(alike) if metric == "euclidean" else alike


def cosines(products: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return cosines, 0 for a zero vector, from inner products and products of squared lengths."""
    alike = np.divide(products, np.sqrt(squares), out=np.zeros_like(products), where=squares > 0)
    return alike.clip(-1.0, 1.0)


def pieces_of(n: int, dim: int) -> Iterator[slice]:
    """Yield the parts of ``n`` vectors that are worked on one after the other."""
    step = max(1, GATHERED // max(1, dim))
    return (slice(start, start + step) for start in range(0, n, step))
