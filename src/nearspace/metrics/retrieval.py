"""Exact nearest neighbours, and how well they retrieve items of the same label.

The search by which spaces are measured, for neighbours by the thousand: `metrics.exact` says what
makes it right, and why `space.search.exact` is another one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nearspace.errors import NearspaceError, count_of
from nearspace.metrics.directions import has_direction, unit_factors
from nearspace.metrics.exact import in_range, pieces_of, rescored, row_products
from nearspace.recipe import check_metric

if TYPE_CHECKING:
    import scipy.sparse
    import torch

__all__ = [
    "Pieces",
    "VectorArray",
    "check_search",
    "nearest",
    "r_precision",
    "shared_share",
    "subsample",
]

VectorArray: TypeAlias = "np.ndarray | scipy.sparse.csr_array"

# Squared distance, as a share of the squared length, below which float32 misorders neighbours.
CLOSE = 1e-4
MIDDLE = 100  # vectors whose medians are the middle of all


@dataclasses.dataclass(frozen=True)
class Pieces:
    """How much of a search is worked on at once.

    Attributes
    ----------
    block, chunk : int
        Queries and vectors, whose scores (80 MB) are held: smaller ones are a little faster on an
        idle machine, and much slower on a busy one, where every parallel step waits for the last
        thread.
    group : int
        Only the best of so many scores takes part in the first round of the selection.
    """

    block: int = 1000
    chunk: int = 20_480
    group: int = 20


PIECES = Pieces()


def nearest(
    queries: VectorArray,
    gallery: VectorArray,
    k: int,
    metric: str = "euclidean",
    exclude_self: bool = False,
    pieces: Pieces = PIECES,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``k`` nearest gallery items of every query, nearest first, by exact search.

    An offset that all vectors share and their scale make no difference: 1e-40 or 1e37, and in
    float64 further still.

    Parameters
    ----------
    queries, gallery : ndarray or csr_array of shape (q, d) and (n, d)
        Vectors; sparse ones stay sparse, only blocks of scores are dense.
    k : int
        How many to find; all that can be found where the gallery has fewer.
    metric : {"euclidean", "cosine", "dot"}
        Cosine distance is one minus the cosine. A zero vector, which has no direction, is not
        found by it, and finds nothing. The distance of ``"dot"`` is the inner product with its
        sign turned.
    exclude_self : bool
        The queries are the gallery, and no item is a neighbour of itself.
    pieces : Pieces
        How much is worked on at a time.

    Returns
    -------
    indices : ndarray of shape (q, min(k, n)), int64
        Positions in the gallery. Items at the same distance stand in the order of the gallery. The
        row of a query without direction is -1, its distances NaN.
    distances : ndarray of shape (q, min(k, n)), float64
        Computed from the vectors of the found, so that equal vectors are exactly 0 apart.

    Raises
    ------
    NearspaceError
        On an unknown metric, a ``k`` below 1, or vectors that do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> indices, distances = nearest(np.array([[0.0, 0.9]]), np.eye(2), k=2)
    >>> indices.tolist(), distances.round(3).tolist()
    ([[1, 0]], [[0.1, 1.345]])
    """
    check_search(metric, k)
    if queries.shape[1] != gallery.shape[1]:
        raise NearspaceError(
            f"Queries and gallery must have vectors of one length; got {queries.shape[1]} and "
            f"{gallery.shape[1]}."
        )
    if exclude_self and queries.shape[0] != gallery.shape[0]:
        raise NearspaceError(
            f"exclude_self means that the queries are the gallery; got {queries.shape[0]} queries "
            f"and a gallery of {gallery.shape[0]}."
        )
    if metric == "cosine":
        asked, there = (np.flatnonzero(has_direction(x)) for x in (queries, gallery))
        if len(asked) < queries.shape[0] or len(there) < gallery.shape[0]:
            some, apart = nearest(queries[asked], gallery[there], k, metric, exclude_self, pieces)
            indices = np.full((queries.shape[0], some.shape[1]), -1, dtype=np.int64)
            distances = np.full(indices.shape, np.nan, dtype=apart.dtype)
            indices[asked], distances[asked] = there[some], apart
            return indices, distances
    queries, gallery, factor = _in_range(queries, gallery, metric)
    k = max(0, min(k, gallery.shape[0] - exclude_self))
    own = np.arange(queries.shape[0]) if exclude_self else None
    indices = _search(queries, gallery, k, metric, own, pieces)
    alike = rescored(queries, gallery, indices, metric)
    distances = 1 - alike if metric == "cosine" else -alike
    order = np.lexsort((indices, distances))
    distances = np.take_along_axis(distances, order, 1) / factor
    return np.take_along_axis(indices, order, 1), distances


def r_precision(
    vectors: VectorArray,
    labels: np.ndarray,
    max_queries: int = 2000,
    random_state: int = 0,
    metric: str = "euclidean",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the R-precision of every query: each item is a query against all the others.

    R is how many other items have the query's label; the score is the share of that label among
    the R nearest. Items whose label no other item has are not queries.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The items.
    labels : ndarray of shape (n,)
        Their labels.
    max_queries : int
        At most so many items are queries, drawn at random.
    random_state : int
        Seed of the draw.
    metric : {"euclidean", "cosine", "dot"}
        As of `nearest`: by the cosine, a query that is a zero vector finds none of its label.

    Returns
    -------
    values, positions : ndarray of shape (n_queries,)
        The scores, and the positions of the queries in ascending order.
    """
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    others = counts[codes] - 1
    positions = np.flatnonzero(others)
    positions = positions[subsample(len(positions), max_queries, random_state)]
    values = np.zeros(len(positions))
    there = np.arange(len(codes))
    if metric == "cosine":
        there = np.flatnonzero(has_direction(vectors))
        vectors = vectors[there]
    vectors, _, _ = _in_range(vectors, vectors, metric)
    asked = np.flatnonzero(np.isin(positions, there))
    for start in range(0, len(asked), PIECES.block):
        part = asked[start : start + PIECES.block]
        own, relevant = np.searchsorted(there, positions[part]), others[positions[part]]
        most = min(int(relevant.max()), len(there) - 1)
        nearby = _search(vectors[own], vectors, most, metric, own)
        hits = codes[there[nearby]] == codes[positions[part], None]
        hits &= np.arange(most) < relevant[:, None]
        values[part] = hits.sum(1) / relevant
    return values, positions


def subsample(n: int, most: int, random_state: int | np.random.Generator) -> np.ndarray:
    """Return the positions of at most so many of ``n`` items, drawn at random, in their order.

    Examples
    --------
    >>> subsample(3, 5, random_state=0), len(subsample(5, 3, random_state=0))
    (array([0, 1, 2]), 3)
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(random_state).choice(n, most, replace=False))


def shared_share(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return which share of each row of ``truth`` the same row of ``found`` has."""
    base = max(found.max(initial=0), truth.max(initial=0)) + 2
    offset = np.arange(len(truth))[:, None] * base + 1
    return np.isin(truth + offset, found + offset).mean(1)


def check_search(metric: str, k: int = 1) -> None:
    """Raise `NearspaceError` if there is no such metric, or no neighbour is asked for."""
    check_metric(metric)
    count_of(k, "neighbours", "k")


def _in_range(
    queries: VectorArray, gallery: VectorArray, metric: str
) -> tuple[VectorArray, VectorArray, float]:
    """Return vectors as floats with sound squares, and by what their distances were multiplied."""
    # Whole numbers of 32 bits and more need float64.
    queries, gallery = (
        x.astype(np.result_type(x.dtype, np.float32), copy=False) for x in (queries, gallery)
    )
    if metric == "euclidean":
        return in_range(queries, gallery)
    (queries, left), (gallery, right) = in_range(queries), in_range(gallery)
    return queries, gallery, left * right if metric == "dot" else 1.0


def _search(
    queries: VectorArray,
    gallery: VectorArray,
    k: int,
    metric: str,
    own: np.ndarray | None = None,
    pieces: Pieces = PIECES,
    dtype: type = np.float32,
) -> np.ndarray:
    """Return the ``k`` best of the gallery for each query; ``own``, one for each, are left out.

    Queries whose neighbours are so close that float32 would misorder them are done in float64.
    """
    import torch

    best = np.empty((queries.shape[0], k), dtype=np.int64)
    if best.size == 0:
        return best
    unsure = np.zeros(len(best), dtype=bool)
    rows, chunks, group = _prepare(queries, gallery, k, metric, pieces, dtype)
    block = pieces.block
    buffer = torch.empty(min(block, len(best)), len(chunks[0][1]), dtype=chunks[0][1].dtype)
    for start in range(0, len(best), block):
        part = rows[start : start + block]
        values, indices = [], []
        for first, bias, matrix in chunks:
            if isinstance(part, torch.Tensor):
                scores = torch.addmm(bias, part, matrix, out=buffer[: len(part)])
            else:
                scores = torch.from_numpy((part @ matrix).toarray()).add_(bias)
            if own is not None:
                columns = torch.from_numpy(own[start : start + block]) - first
                inside = ((columns >= 0) & (columns < scores.shape[1])).nonzero()[:, 0]
                scores[inside, columns[inside]] = -torch.inf
            value, index = _top(scores, k, group)
            values.append(value)
            indices.append(index + first)
        top = torch.cat(values, 1).topk(k)
        best[start : start + block] = torch.cat(indices, 1).gather(1, top.indices).numpy()
        if isinstance(part, torch.Tensor) and dtype is np.float32:
            unsure[start : start + block] = _close(part, chunks, top.values, metric).numpy()
    if unsure.any():
        own = None if own is None else own[unsure]
        best[unsure] = _search(queries[unsure], gallery, k, metric, own, pieces, np.float64)
    return best


def _close(rows: torch.Tensor, chunks: list[Any], best: torch.Tensor, metric: str) -> torch.Tensor:
    """Return which queries have neighbours that float32 may have misordered, by their scores."""
    if metric == "euclidean":
        length = _squares(rows)
        return length - 2 * best[:, -1] <= CLOSE * length
    # What the scores of all items differ by, against what those of the best differ by.
    reach = _squares(chunks[0][2].T).mean().sqrt() * _squares(rows).sqrt()
    return best[:, 0] - best[:, -1] <= CLOSE * reach


def _prepare(
    queries: VectorArray, gallery: VectorArray, k: int, metric: str, pieces: Pieces, dtype: type
) -> tuple[Any, list[tuple[int, torch.Tensor, Any]], int]:
    """Return the queries, the gallery as chunks (first item, bias, matrix), the size of a group.

    The score of item b for query a is ab + bias, with bias = -|b|²/2 for Euclidean distance. All
    chunks have one width, a multiple of the group; what is added has a bias of minus infinity.
    """
    import torch

    n = gallery.shape[0]
    width = -(-n // -(-n // pieces.chunk))
    # The k best lie in the k groups with the best maxima; that saves work while groups are many.
    group = pieces.group if 2 * pieces.group * k <= width else 1
    width = -(-width // group) * group
    if isinstance(gallery, np.ndarray):
        queries, gallery = _centred(queries, gallery, metric, dtype)
    else:  # centring would fill them, and the cost of float64 is small beside that of the indices
        queries, gallery = queries.astype(np.float64), gallery.astype(np.float64)
        if metric == "cosine":
            sides: Any = (queries, gallery)
            queries, gallery = (x.multiply(unit_factors(x)).tocsr() for x in sides)
    chunks = []
    for first in range(0, n, width):
        part = gallery[first : first + width]
        squares = _squares(part)
        bias = torch.full((width,), -torch.inf, dtype=squares.dtype)
        bias[: len(squares)] = -0.5 * squares if metric == "euclidean" else 0.0
        if isinstance(part, torch.Tensor):
            matrix = torch.nn.functional.pad(part, (0, 0, 0, width - len(part))).T
        else:
            part.resize(width, part.shape[1])
            matrix = part.T.tocsr()
        chunks.append((first, bias, matrix))
    return queries, chunks, group


def _centred(
    queries: np.ndarray, gallery: np.ndarray, metric: str, dtype: type
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return vectors less the middle of the gallery, taken off before they are rounded.

    Where a query is moved along, no distance changes. Otherwise all its inner products change by
    the same, and the order does not.
    """
    import torch

    # Of few rows: it need not be exact. A mean would be where one far item takes it.
    some = gallery[:: 1 + len(gallery) // MIDDLE]
    if metric == "cosine":
        some = some * unit_factors(some)
    centre = np.median(some.astype(np.float64), axis=0)
    if metric == "euclidean":
        moved = [_rounded(x, None, centre, dtype) for x in (queries, gallery)]
    else:  # the length of a query changes no order
        factors = unit_factors(gallery) if metric == "cosine" else None
        moved = [
            _rounded(queries, unit_factors(queries), np.zeros(1), dtype),
            _rounded(gallery, factors, centre, dtype),
        ]
    left, right = map(torch.from_numpy, moved)
    return left, right


def _rounded(
    rows: np.ndarray, factors: np.ndarray | None, centre: np.ndarray, dtype: type
) -> np.ndarray:
    """Return rows times their factors less a centre, computed in float64 where that is needed."""
    if factors is None and rows.dtype == dtype:
        return rows - centre.astype(dtype)  # all are moved by the same, whatever its last digit
    rounded: np.ndarray = np.empty(rows.shape, dtype)
    for part in pieces_of(*rows.shape):
        rounded[part] = rows[part] * (1.0 if factors is None else factors[part]) - centre
    return rounded


def _squares(matrix: Any) -> torch.Tensor:
    import torch

    if isinstance(matrix, torch.Tensor):
        return matrix.square().sum(1)
    return torch.from_numpy(row_products(matrix, matrix))


def _top(scores: torch.Tensor, k: int, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    if group == 1:
        return scores.topk(min(k, scores.shape[1]))
    # A group is every stride-th column, so that its maximum is one of vectors, not inside one.
    stride = scores.shape[1] // group
    groups = scores.view(-1, group, stride).amax(1).topk(k, sorted=False).indices
    columns = (groups[:, :, None] + torch.arange(group) * stride).flatten(1)
    values, chosen = scores.gather(1, columns).topk(k)
    return values, columns.gather(1, chosen)
