"""Directions, which are all that the cosine looks at, and vectors that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.metrics.exact import row_products, rows_in_range

if TYPE_CHECKING:
    from nearspace.metrics.retrieval import VectorArray

__all__ = ["euclidean_form", "has_direction", "unit_factors", "unit_vectors", "zeros_told"]


def has_direction(vectors: VectorArray) -> np.ndarray:
    """Return which vectors are not zero, shape ``(n,)``: the others are nobody's neighbour.

    Examples
    --------
    >>> has_direction(np.array([[0.0, 2.0], [0.0, 0.0]])).tolist()
    [True, False]
    """
    if sparse.issparse(vectors):
        stored: Any = vectors
        return np.asarray(abs(stored).max(axis=1).toarray()).ravel() > 0
    return np.any(vectors, axis=1)


def unit_vectors(vectors: VectorArray) -> Any:
    """Return vectors at length 1, as float32, whatever their lengths; a zero vector stays zero.

    Their Euclidean neighbours are those by the cosine.

    Examples
    --------
    >>> unit_vectors(np.array([[3e-30, 4e-30], [0.0, 0.0]])).round(3).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    vectors = rows_in_range(vectors)
    unit: Any = vectors.multiply(unit_factors(vectors)) if sparse.issparse(vectors) else None
    if unit is not None:
        return sparse.csr_array(unit, dtype=np.float32)
    return (vectors * unit_factors(vectors)).astype(np.float32)


def unit_factors(vectors: Any) -> np.ndarray:
    """Return by what each vector, in range, has to be multiplied to have length 1, ``(n, 1)``.

    A zero vector stays zero.
    """
    lengths = np.sqrt(row_products(vectors, vectors, dtype=np.float64))[:, None]
    return 1 / np.where(lengths > 0, lengths, 1.0)


def euclidean_form(vectors: VectorArray, metric: str) -> Any:
    """Return vectors whose Euclidean neighbours are those by a metric: for the cosine of length 1.

    Raises
    ------
    NearspaceError
        For the inner product, which is no distance.
    """
    if metric == "dot":
        raise NearspaceError(
            "A map is laid out by distances, and the inner product is none; ask for the metric "
            "cosine or euclidean."
        )
    return unit_vectors(vectors) if metric == "cosine" else vectors


def zeros_told(zeros: int, n: int, items: str, blank: str = "nothing to compare") -> str:
    """Return that some of ``n`` items have vectors without direction, as a sentence.

    Examples
    --------
    >>> zeros_told(4, 5574, "texts", "no known word")
    "4 of 5,574 texts have no known word: their vectors are zero, and nobody's neighbour."
    """
    have, their = ("has", "its vector is") if zeros == 1 else ("have", "their vectors are")
    return f"{zeros:,} of {n:,} {items} {have} {blank}: {their} zero, and nobody's neighbour."
