"""Exact search in memory at the speed of the matrix product, right to the last bit of float64.

What users are answered with; `metrics.exact` says why `metrics.retrieval` searches too. This one
does without torch, which takes longer to import than a search.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from nearspace.metrics.exact import as_scores, cosines, pieces_of, rescored, row_products
from nearspace.metrics.retrieval import VectorArray, check_search
from nearspace.space.arrays import vector_checksums

__all__ = ["NOTHING", "SPARE", "WIDE", "Exact", "Hidden"]

Bound: TypeAlias = tuple[np.ndarray, np.ndarray]

ALONE = 4  # up to so many queries the product of matrix and vector is faster than that of matrices
BLOCK = 1000  # queries whose scores are computed at once
CHUNK = 1024  # vectors in one product: its BLOCK x CHUNK floats (4 MB) stay in the cache
MOST_HALVINGS = 4  # of a chunk, to maxima of groups of 16 vectors
WHOLE = 25_000_000  # scores that are held at once where all are needed (100 MB)
SPARE = 6  # candidates beside the k best, for those whose order float32 cannot tell
MANY = 50  # where one vector in so many is a candidate, equal ones are looked at once
ROUNDING = 2.0**-24  # of one operation in float32
FINE = 2.0**-53  # of one in float64
WIDE = (1e-18, 1e18)  # lengths between which squares neither overflow nor vanish in float32
VANISHING = 2.0**-126  # below it float32 loses digits


@dataclasses.dataclass(frozen=True, eq=False)
class Hidden:
    """What may not be found among ``n`` vectors by ``q`` queries.

    Attributes
    ----------
    allowed : ndarray of bool of shape (n,) or None
        Which vectors may be found; None where all may.
    own : ndarray of int of shape (q,) or None
        For each query the position of one that may not be; outside of [0, n) for none.
    """

    allowed: np.ndarray | None = None
    own: np.ndarray | None = None

    def of_queries(self, part: Any) -> Hidden:
        """Return the same for some of the queries."""
        return Hidden(self.allowed, None if self.own is None else self.own[part])

    def of_vectors(self, part: slice) -> Hidden:
        """Return the same for some of the vectors, with positions among them."""
        own = None if self.own is None else self.own - part.start
        return Hidden(None if self.allowed is None else self.allowed[part], own)

    def hide(self, scores: np.ndarray) -> None:
        """Set scores, shape (q, n), of what may not be found to minus infinity."""
        if self.allowed is not None:
            scores[:, ~self.allowed] = -np.inf
        if self.own is not None:
            rows = np.flatnonzero((self.own >= 0) & (self.own < scores.shape[1]))
            scores[rows, self.own[rows]] = -np.inf


NOTHING = Hidden()


class Exact:
    """Vectors made ready for exact search; the vectors themselves are not copied.

    Products are computed in float32, with a bound of how far each may be off, or in float64 where
    that leaves too many; all that may be among the ``k`` best are then compared in float64, by the
    differences themselves. Sparse vectors are computed in float64.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        What to search, float32.
    metric : {"cosine", "dot", "euclidean"}
        The similarity to or distance from a query. The cosine with a zero vector is 0.
    chunk : int, default=1024
        How many vectors are multiplied with all queries at once.

    Raises
    ------
    NearspaceError
        On another metric.

    Examples
    --------
    >>> positions, scores = Exact(np.eye(3, dtype=np.float32), "euclidean").search(np.eye(3)[:1], 2)
    >>> positions.tolist(), scores.round(3).tolist()
    ([[0, 1]], [[0.0, 1.414]])
    """

    def __init__(self, vectors: VectorArray, metric: str, chunk: int = CHUNK):
        check_search(metric)
        self.vectors, self.metric, self.chunk = vectors, metric, chunk
        if sparse.issparse(vectors):
            self.squares = _sparse_squares(vectors)
        else:
            self._prepare(vectors)

    def _prepare(self, vectors: np.ndarray) -> None:
        """Compute once what a score is scaled by, what is added to it, and how far it may be off.

        The score of vector v is ``scale * (v @ q) + bias``. For the Euclidean distance everything
        is seen from the centre c, where numbers are small: q stands for q - c, and the score is
        ``v @ q - |v - c|² / 2``, the same as ``-|v - q|² / 2`` but for what all v share.
        """
        n, dim = vectors.shape
        euclidean, cosine = self.metric == "euclidean", self.metric == "cosine"
        self.centre = vectors.mean(axis=0, dtype=np.float64) if n and euclidean else np.zeros(dim)
        squares, half = np.empty(n), np.zeros(n)
        for part in pieces_of(n, dim):
            rows = vectors[part].astype(np.float64)
            squares[part] = row_products(rows, rows)
            if euclidean:
                rows -= self.centre
                half[part] = row_products(rows, rows) / 2
        lengths = np.sqrt(squares)
        there = lengths[lengths > 0]
        self.ordinary = bool((there > WIDE[0]).all() and (there < WIDE[1]).all())
        self.half, self.inverse = half, None
        self.reach = np.sqrt(2 * half) if euclidean else np.ones(n) if cosine else lengths
        if cosine:
            self.inverse = np.divide(1.0, lengths, out=np.zeros(n), where=lengths > 0)
        # In any order of summation, by the inequality of Cauchy and Schwarz.
        error = (dim + 32) * ROUNDING * (np.ones(n) if cosine else lengths)
        with np.errstate(over="ignore"):  # where it overflows, float32 is not used
            self.scale = None if self.inverse is None else self.inverse.astype(np.float32)
            self.bias = (-half).astype(np.float32)
            self.error = error.astype(np.float32)  # for a query of length 1
            self.fixed_error = (8 * ROUNDING * half + dim * VANISHING).astype(np.float32)

    def search(
        self, queries: VectorArray, k: int, hidden: Hidden = NOTHING
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``k`` best of every query, the best first, equals in their order.

        Parameters
        ----------
        queries : ndarray or csr_array of shape (q, d)
            Finite vectors; sparse where what is searched is.
        k : int
            How many, at most as many as may be found.
        hidden : Hidden, optional
            What may not be found.

        Returns
        -------
        positions : ndarray of shape (q, k), int64
            Where the found stand.
        scores : ndarray of shape (q, k), float64
            Cosines, inner products, or Euclidean distances.
        """
        count, n = queries.shape[0], self.vectors.shape[0]
        positions, scores = np.empty((count, k), dtype=np.int64), np.empty((count, k))
        is_sparse = sparse.issparse(self.vectors)
        search = self._sparse if is_sparse else self._dense
        step = max(1, WHOLE // max(1, n)) if is_sparse else BLOCK
        for start in range(0, count if k else 0, step):
            part = slice(start, start + step)
            positions[part], scores[part] = search(queries[part], k, hidden.of_queries(part))
        return positions, as_scores(scores, self.metric)

    def _sparse(self, queries: Any, k: int, hidden: Hidden) -> tuple[np.ndarray, np.ndarray]:
        queries = queries.astype(np.float64)
        alike = np.ascontiguousarray((self.vectors @ queries.T.tocsr()).toarray().T)  # (q, n)
        alike = _sparse_alike(alike, self.squares, _sparse_squares(queries)[:, None], self.metric)
        hidden.hide(alike)
        positions, scores = zip(*(_best_of(row, k) for row in alike), strict=True)
        return np.stack(positions), np.stack(scores)

    def _dense(self, queries: np.ndarray, k: int, hidden: Hidden) -> tuple[np.ndarray, np.ndarray]:
        queries = queries.astype(np.float64)
        moved, lengths = self._moved(queries)
        fits = self.ordinary and lengths.max() < WIDE[1]  # products are sound in float32
        positions = np.empty((len(queries), k), dtype=np.int64)
        scores, sure = np.empty((len(queries), k)), np.zeros(len(queries), dtype=bool)
        if fits and len(queries) > ALONE:
            positions, scores, sure = self._together(queries, moved, lengths.max(), k, hidden)
        rest = np.flatnonzero(~sure)
        alone = fits and len(rest) <= ALONE
        step = 1 if alone else max(1, WHOLE // 2 // max(1, len(self.vectors)))
        for start in range(0, len(rest), step):
            rows = rest[start : start + step]
            uppers = (self._in_float32 if alone else self._in_float64)(moved[rows], lengths[rows])
            for row, (upper, error) in zip(rows, uppers, strict=True):
                hidden.of_queries([row]).hide(upper[None])
                positions[row], scores[row] = self._best(queries[row], upper, error, k)
        return positions, scores

    def _moved(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return queries as they are multiplied, and their lengths."""
        moved = queries - self.centre
        lengths = np.linalg.norm(moved, axis=1)
        if self.metric != "euclidean":  # scaling a query does not change the order
            moved /= np.where(lengths > 0, lengths, 1.0)[:, None]
            lengths = np.ones(len(moved))
        return moved, lengths

    def _together(
        self, queries: np.ndarray, moved: np.ndarray, length: float, k: int, hidden: Hidden
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Search for several queries; also return for which the result is sure to be right."""
        error = self.error * np.float32(length) + self.fixed_error
        upper, positions = self._top(moved.astype(np.float32), error, k + SPARE, hidden)
        lower = (upper - 2 * error[positions])[:, :k].min(axis=1)
        sure = (upper[:, -1] < lower) | (k + SPARE >= len(error))
        alike = rescored(queries, self.vectors, positions, self.metric)
        alike[np.isneginf(upper)] = -np.inf
        order = np.lexsort((positions, -alike))[:, :k]
        return np.take_along_axis(positions, order, 1), np.take_along_axis(alike, order, 1), sure

    def _top(
        self, moved: np.ndarray, error: np.ndarray, m: int, hidden: Hidden
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``m`` largest that the scores of every query can be, and where they stand.

        The product is made in pieces that the processor's cache holds, a row for each vector. Most
        of a piece is passed over by the maxima of groups of its rows, since only what is above the
        m-th best so far can still be among the best. Where there are fewer, minus infinity.
        """
        n, count = len(error), len(moved)
        chunk = min(max(self.chunk, 4 * m), n)
        halvings = min(MOST_HALVINGS, max(1, chunk // (2 * m)).bit_length() - 1)
        chunk = -(-chunk >> halvings) << halvings
        scores, vectors = np.empty((chunk, count), np.float32), self.vectors
        added = self.bias + error
        scaled = None if self.scale is None else np.empty((chunk, vectors.shape[1]), np.float32)
        top = _RunningBest(count, m)
        for first in range(0, n, chunk):
            part = slice(first, first + chunk)
            rows = vectors[part]
            if self.scale is not None and scaled is not None:
                rows = np.multiply(rows, self.scale[part, None], out=scaled[: len(rows)])
            np.matmul(rows, moved.T, out=scores[: len(rows)])
            scores[len(rows) :] = -np.inf
            if scaled is None:  # by the cosine all may be off by the same
                scores[: len(rows)] += added[part, None]
            hidden.of_vectors(part).hide(scores[: len(rows)].T)
            top.take(scores, first, halvings)
        upper, positions = top.sorted()
        return (upper if scaled is None else upper + added[positions]), positions

    def _in_float32(self, moved: np.ndarray, lengths: np.ndarray) -> Iterator[Bound]:
        """Yield for each query the most that every score can be, and how far it may be off."""
        for query, length in zip(moved.astype(np.float32), lengths, strict=True):
            error = self.error * np.float32(length) + self.fixed_error
            upper = self.vectors @ query
            if self.scale is not None:
                upper *= self.scale
            upper += self.bias
            upper += error
            yield upper, error

    def _in_float64(self, moved: np.ndarray, lengths: np.ndarray) -> Iterator[Bound]:
        """Yield the same, by one product of all queries."""
        n, dim = self.vectors.shape
        scores = np.empty((len(moved), n))
        for part in pieces_of(n, dim):
            scores[:, part] = moved @ (self.vectors[part] - self.centre).T
        if self.inverse is not None:
            scores *= self.inverse
        scores -= self.half
        for upper, length in zip(scores, lengths, strict=True):
            # Distances are off by their own size too, when they are computed from differences.
            size = (self.reach + length) ** 2 if self.metric == "euclidean" else self.reach
            error = (dim + 32) * FINE * size
            upper += error
            yield upper, error

    def _best(
        self, query: np.ndarray, upper: np.ndarray, error: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``k`` best for one query, compared with all that may be among them."""
        least = -np.inf
        if k < len(upper):
            first = np.argpartition(upper, -k)[-k:]
            least = (upper[first] - 2 * error[first]).min()
        candidates = np.flatnonzero((upper >= least) & (upper > -np.inf))
        places, values = _best_of(self._alike(query, candidates), k)
        return candidates[places], values

    def _alike(self, query: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Return how alike a query and some vectors are, in float64."""
        if len(candidates) * MANY < len(self.vectors):
            return rescored(query[None], self.vectors, candidates[None], self.metric)[0]
        firsts = self._firsts[candidates]
        alike = np.zeros(len(self.vectors))
        alike[firsts] = 1
        different = np.flatnonzero(alike)
        alike[different] = rescored(query[None], self.vectors, different[None], self.metric)[0]
        return alike[firsts]

    @functools.cached_property
    def _firsts(self) -> np.ndarray:
        return _first_equals(self.vectors)


def _best_of(alike: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the ``k`` largest values stand, the largest first, equals in their order."""
    candidates = np.arange(len(alike))
    if k < len(alike):
        candidates = np.flatnonzero(alike >= np.partition(alike, -k)[-k])
    best = candidates[np.argsort(-alike[candidates], kind="stable")[:k]]
    return best, alike[best]


class _RunningBest:
    """The ``m`` largest scores of each of ``count`` queries, as more and more of them are seen."""

    def __init__(self, count: int, m: int):
        self.m = m
        self.values = np.full((count, m), -np.inf, dtype=np.float32)
        self.positions = np.zeros((count, m), dtype=np.int64)
        self.least = np.full(count, -np.inf, dtype=np.float32)
        self.waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def take(self, scores: np.ndarray, first: int, halvings: int) -> None:
        """See more scores, (rows, count), of items that stand at `first` and after.

        Rows are compared in groups of ``2**halvings``, of which there are at least `m` or one row
        each. The rows of a group lie apart, so that its maximum is one of whole rows.
        """
        maxima = scores
        for _ in range(halvings):
            half = len(maxima) // 2
            out = maxima[:half] if maxima is not scores else None
            maxima = np.maximum(maxima[:half], maxima[half:], out=out)
        above = maxima > self.least
        if np.count_nonzero(above) > 2 * self.values.size and len(maxima) >= self.m:
            # So many groups hold one as large, and just below lest equals of the last are lost.
            fair = np.partition(maxima, -self.m, axis=0)[-self.m]
            self.least = np.maximum(self.least, np.nextafter(fair, np.float32(-np.inf)))
            above = maxima > self.least
        groups, queries = np.nonzero(above)
        members = scores.reshape(-1, len(maxima), scores.shape[1])[:, groups, queries]
        rows, at = np.nonzero(members > self.least[queries])
        places = first + rows * len(maxima) + groups[at]
        self.waiting.append((queries[at], members[rows, at], places))
        if sum(len(values) for _, values, _ in self.waiting) >= self.values.size:
            self._merge()

    def sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest scores and their positions, (count, m), the largest first."""
        self._merge()
        return self.values, self.positions

    def _merge(self) -> None:
        count = len(self.values)
        old = (np.repeat(np.arange(count), self.m), self.values.ravel(), self.positions.ravel())
        queries, values, positions = map(np.concatenate, zip(old, *self.waiting, strict=True))
        order = np.lexsort((-values, queries))
        starts = np.searchsorted(queries[order], np.arange(count))
        chosen = order[starts[:, None] + np.arange(self.m)]
        self.values, self.positions = values[chosen], positions[chosen]
        self.least, self.waiting = self.values[:, -1], []


def _first_equals(vectors: np.ndarray) -> np.ndarray:
    """Return for each vector where one stands that equals it, the same for all that do."""
    checksums = vector_checksums(vectors)
    _, first, of = np.unique(checksums, return_index=True, return_inverse=True)
    firsts = first[of]
    for part in pieces_of(*vectors.shape):
        others = part.start + np.flatnonzero((vectors[part] != vectors[firsts[part]]).any(axis=1))
        firsts[others] = others  # different vectors with one checksum
    return firsts


def _sparse_alike(
    products: np.ndarray, squares: np.ndarray, own_squares: np.ndarray, metric: str
) -> np.ndarray:
    """Return the same as `rescored` from inner products and squared lengths, all float64."""
    if metric == "dot":
        return products
    if metric == "cosine":
        return cosines(products, squares * own_squares)
    return -np.sqrt((squares - 2 * products + own_squares).clip(0))


def _sparse_squares(vectors: Any) -> np.ndarray:
    """Return squared lengths, summed in the order in which a product of sparse vectors is."""
    squares = vectors.astype(np.float64)
    squares.data **= 2
    return squares @ np.ones(vectors.shape[1])
