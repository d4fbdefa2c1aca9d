"""The shape of a cloud of vectors, without labels; NaN where a measure is not defined."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.metrics.directions import has_direction, unit_vectors
from nearspace.metrics.exact import in_range, row_products
from nearspace.metrics.retrieval import nearest, shared_share, subsample

if TYPE_CHECKING:
    from nearspace.metrics.retrieval import VectorArray

__all__ = [
    "effective_rank",
    "hubness",
    "intrinsic_dimension",
    "neighbour_ranks",
    "preservation",
    "trustworthiness",
]

# Share of the squared length of all vectors below which what they differ by is rounding.
ROUNDING = 1e-14
RANKED = 1 << 24  # distances that are held at a time


def effective_rank(vectors: VectorArray) -> float:
    """Return how many dimensions are in use (Roy & Vetterli 2007).

    It is the exponential of the entropy of the singular values of the centred vectors, as shares
    of their sum: 1 for a line, d for a ball in d dimensions, NaN for items that are all the same.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The items; the smaller of n and d sets the cost.

    Examples
    --------
    >>> import numpy as np
    >>> round(effective_rank(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])), 6)
    2.0
    """
    n, dim = vectors.shape
    if n < 2 or dim == 0:
        return float("nan")
    squares = np.linalg.eigvalsh(_scatter(vectors))
    values = vectors if isinstance(vectors, np.ndarray) else vectors.data
    largest = squares.max()
    if largest <= ROUNDING * np.square(values, dtype=np.float64).sum():
        return float("nan")
    # Rounding leaves small eigenvalues, not zeros, in the dimensions that are not used.
    singular = np.sqrt(squares[squares > largest * max(n, dim) * np.finfo(np.float64).eps])
    share = singular / singular.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def intrinsic_dimension(vectors: VectorArray, metric: str = "euclidean") -> float:
    """Return the dimension of the surface that the vectors lie on (TwoNN, Facco et al. 2017).

    The ratio of the distances to an item's second and first neighbour follows a Pareto law whose
    exponent is the dimension. Of equal items one is kept, and as in the paper the largest tenth of
    the ratios is left out of the fit.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The items.
    metric : {"euclidean", "cosine", "dot"}
        By the cosine it is that of the directions, without zero vectors.

    Returns
    -------
    float
        NaN with fewer than three different items, where all first and second neighbours are
        equally far, and by the inner product, which is no distance.
    """
    if metric == "dot":
        return float("nan")
    if metric == "cosine":
        vectors = unit_vectors(vectors[has_direction(vectors)])
    vectors = _distinct(vectors)
    if vectors.shape[0] < 3:
        return float("nan")
    _, distances = nearest(vectors, vectors, 2, exclude_self=True)
    first, second = distances.T
    # Different items can be so close that the square of their distance is 0.
    ratios = np.sort(np.log(second[first > 0] / first[first > 0]))
    fitted = int(0.9 * len(ratios))
    x, y = ratios[:fitted], -np.log1p(-np.arange(1, fitted + 1) / max(1, len(ratios)))
    steepness = x @ x
    return float(x @ y / steepness) if steepness > 0 else float("nan")


def hubness(vectors: VectorArray, k: int = 10, metric: str = "euclidean") -> float:
    """Return the skewness of how often items are neighbours of others (Radovanović et al. 2010).

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The items.
    k : int
        How many neighbours each item has.
    metric : {"euclidean", "cosine", "dot"}
        As of `nearest`; by the cosine, zero vectors have no part.

    Returns
    -------
    float
        About 0 without hubs; NaN where all items are neighbours equally often, or none has a
        neighbour that differs from it.
    """
    if metric == "cosine":
        vectors = vectors[has_direction(vectors)]
    n = vectors.shape[0]
    if n < 3:
        return float("nan")
    indices, distances = nearest(vectors, vectors, k, metric, exclude_self=True)
    deviation = np.bincount(indices.ravel(), minlength=n) - indices.shape[1]
    variance = np.mean(deviation**2)
    if variance == 0 or distances.max() == 0:
        return float("nan")
    return float(np.mean(deviation**3.0) / variance**1.5)


def preservation(
    reference: VectorArray,
    vectors: VectorArray,
    k: int = 10,
    metrics: tuple[str, str] = ("euclidean", "euclidean"),
) -> np.ndarray:
    """Return for each item which share of its ``k`` nearest neighbours it has in both spaces.

    Parameters
    ----------
    reference, vectors : ndarray or csr_array of shape (n, d) and (n, d')
        The same items in two spaces.
    k : int
        How many neighbours each item has.
    metrics : (str, str)
        By what neighbours are near in the one and in the other, as of `nearest`.

    Returns
    -------
    ndarray of shape (n,)
        NaN for an item that has no neighbours in the reference, as a zero vector has none by the
        cosine; throughout where there are not more than ``k`` others, as all are neighbours then.
    """
    there, here = (
        own_neighbours(x, k, metric)
        for x, metric in zip((reference, vectors), metrics, strict=True)
    )
    return preserved(there, here, k)


def own_neighbours(vectors: VectorArray, k: int, metric: str) -> np.ndarray:
    """Return the ``k`` nearest others of each item, ``(n, k)``; ``(n, 0)`` where all others are."""
    n = vectors.shape[0]
    if n - 1 <= k:
        return np.empty((n, 0), dtype=int)
    return nearest(vectors, vectors, k, metric, exclude_self=True)[0]


def preserved(reference: np.ndarray, nearby: np.ndarray, k: int) -> np.ndarray:
    """Return what `preservation` does, of neighbours as `own_neighbours` returns them."""
    if reference.shape[1] < k:
        return np.full(len(reference), np.nan)
    return np.where(reference[:, 0] >= 0, shared_share(nearby, reference), np.nan)


def neighbour_ranks(
    reference: VectorArray,
    vectors: np.ndarray,
    k: int = 10,
    max_queries: int = 2000,
    random_state: int = 0,
    batch: int | None = None,
) -> np.ndarray:
    """Return which neighbours the ``k`` nearest in one space are in another: 1 for the nearest.

    Parameters
    ----------
    reference : ndarray or csr_array of shape (n, d)
        The space in which neighbours are ranked.
    vectors : ndarray of shape (n, d')
        The space in which they are found: places on a map, say.
    k : int
        How many neighbours of each item.
    max_queries : int
        At most so many items are queries, drawn at random; each is held against all the others.
    random_state : int
        Seed of the draw.
    batch : int, optional
        How many queries are held against all others at a time; as many as memory is good for.

    Returns
    -------
    ndarray of shape (q, k), int64
        An item's rank is one more than the number of items that are nearer.
    """
    n = reference.shape[0]
    if n < 2:
        return np.zeros((n, 0), dtype=np.int64)
    queries = subsample(n, max_queries, random_state)
    # Distances on the map are of few numbers, and in a dense clump float32 loses them.
    sides = [_scaled(reference), _scaled(np.asarray(vectors, dtype=np.float64))]
    squares = [row_products(rows, rows) for rows in sides]
    ranks = np.empty((len(queries), min(k, n - 1)), dtype=np.int64)
    step = batch or max(1, RANKED // n)
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        true, far = (_from_others(*side, block) for side in zip(sides, squares, strict=True))
        nearest_there = np.argpartition(far, ranks.shape[1] - 1, axis=1)[:, : ranks.shape[1]]
        for column, of in enumerate(np.take_along_axis(true, nearest_there, 1).T):
            ranks[start : start + step, column] = 1 + (true < of[:, None]).sum(axis=1)
    return ranks


def trustworthiness(ranks: np.ndarray, n: int) -> float:
    """Return how far near items of a map can be trusted to be near (Venna & Kaski, 2001).

    Parameters
    ----------
    ranks : ndarray of shape (q, k)
        What `neighbour_ranks` returned: ranks in the original space of neighbours on the map.
    n : int
        How many items there are.

    Returns
    -------
    float
        1 where all neighbours on the map are among the ``k`` nearest; about 0.5 for places at
        random; NaN where ``k`` is not below ``n / 2``.

    Examples
    --------
    >>> line = np.arange(30.0)[:, None]
    >>> trustworthiness(neighbour_ranks(line, 2 * line, k=5), 30)
    1.0
    """
    k = ranks.shape[1]
    if not k or 2 * k >= n:
        return float("nan")
    strangers = np.maximum(ranks - k, 0).sum(axis=1).mean()
    return float(1 - 2 * strangers / (k * (2 * n - 3 * k - 1)))


def _scaled(rows: Any) -> Any:
    """Return rows whose squares are sound, dense ones centred too: small numbers cancel well."""
    if isinstance(rows, np.ndarray):
        rows = rows - rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
        rows /= np.abs(rows).max(initial=0) or 1
        return rows
    return in_range(rows)[0]


def _from_others(rows: Any, squares: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return squared distances less the length of the query; infinite from an item to itself."""
    products = rows[block] @ rows.T
    distances = products if isinstance(products, np.ndarray) else products.toarray()
    distances *= -2
    distances += squares
    distances[np.arange(len(block)), block] = np.inf
    return distances


def _scatter(vectors: VectorArray) -> np.ndarray:
    """Return the scatter matrix of the centred vectors, or their Gram matrix if it is smaller."""
    n, dim = vectors.shape
    if not isinstance(vectors, np.ndarray):
        if dim > n:
            vectors = vectors.astype(np.float64)
            gram = (vectors @ vectors.T).toarray()
            gram -= gram.mean(0)
            return gram - gram.mean(1, keepdims=True)
        vectors = vectors.toarray()
    centred = vectors - vectors.mean(0, dtype=np.float64)
    return centred.T @ centred if dim <= n else centred @ centred.T


def _distinct(vectors: VectorArray) -> VectorArray:
    """Return one of every set of equal rows."""
    if isinstance(vectors, np.ndarray):
        return np.unique(vectors, axis=0)
    rows = vectors.copy()
    rows.eliminate_zeros()
    rows.sum_duplicates()
    places = {
        (rows.indices[a:b].tobytes(), rows.data[a:b].tobytes()): row
        for row, (a, b) in enumerate(itertools.pairwise(rows.indptr))
    }
    return rows[sorted(places.values())]
