"""Exact search in memory at the speed of the matrix product, right to the last bit of float64."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError, did_you_mean
from nearspace.metrics.retrieval import METRICS
from nearspace.space.scores import GATHERED, as_scores, rescored, sparse_alike, sparse_squares

__all__ = ["Exact"]

Vectors: TypeAlias = "np.ndarray | sparse.csr_array"

ALONE = 4  # up to so many queries the product of matrix and vector is faster than that of matrices
BLOCK = 250  # queries whose scores are computed at once
CHUNK = 100_000  # vectors in one product: scores of BLOCK x CHUNK floats (100 MB) are held
GROUP = 20  # only the best of so many scores takes part in the first round of the selection
SPARE = 6  # candidates beside the k best, for those whose order float32 cannot tell
ROUNDING = 2.0**-24  # of one operation in float32
WIDE = (1e-18, 1e18)  # lengths between which squares neither overflow nor vanish in float32
VANISHING = 2.0**-126  # below it float32 loses digits


class Exact:
    """Vectors made ready for exact search; the vectors themselves are not copied.

    Products are computed in float32, with a bound of how far each may be off; all that may be
    among the ``k`` best are then compared in float64. Sparse vectors are computed in float64.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        What to search, float32.
    metric : {"cosine", "dot", "euclidean"}
        The similarity to or distance from a query. The cosine with a zero vector is 0.

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

    def __init__(self, vectors: Vectors, metric: str):
        if metric not in METRICS:
            raise NearspaceError(f"There is no metric '{metric}'. {did_you_mean(metric, METRICS)}")
        self.vectors, self.metric = vectors, metric
        if sparse.issparse(vectors):
            self.squares = sparse_squares(vectors)
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
        step = max(1, GATHERED // max(1, dim))
        for start in range(0, n, step):
            rows = vectors[start : start + step].astype(np.float64)
            squares[start : start + step] = np.einsum("ij,ij->i", rows, rows)
            if euclidean:
                rows -= self.centre
                half[start : start + step] = np.einsum("ij,ij->i", rows, rows) / 2
        lengths = np.sqrt(squares)
        there = lengths[lengths > 0]
        self.ordinary = bool((there > WIDE[0]).all() and (there < WIDE[1]).all())
        inverse = np.divide(1.0, lengths, out=np.zeros(n), where=lengths > 0)
        # In any order of summation, by the inequality of Cauchy and Schwarz.
        error = (dim + 32) * ROUNDING * (np.ones(n) if cosine else lengths)
        with np.errstate(over="ignore"):  # where it overflows, float32 is not used
            self.scale = inverse.astype(np.float32) if cosine else None
            self.bias = (-half).astype(np.float32)
            self.error = error.astype(np.float32)  # for a query of length 1
            self.fixed_error = (8 * ROUNDING * half + dim * VANISHING).astype(np.float32)

    def search(
        self,
        queries: Vectors,
        k: int,
        allowed: np.ndarray | None = None,
        own: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``k`` best of every query, the best first, equals in their order.

        Parameters
        ----------
        queries : ndarray or csr_array of shape (q, d)
            Finite vectors; sparse where what is searched is.
        k : int
            How many, at most as many as may be found.
        allowed : ndarray of bool of shape (n,), optional
            Which may be found.
        own : ndarray of int of shape (q,), optional
            For each query the position of one that may not be found.

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
        step = max(1, BLOCK * CHUNK // max(1, n)) if is_sparse else BLOCK
        for start in range(0, count if k else 0, step):
            part = slice(start, start + step)
            mine = None if own is None else own[part]
            positions[part], scores[part] = search(queries[part], k, allowed, mine)
        return positions, as_scores(scores, self.metric)

    def _sparse(
        self, queries: Any, k: int, allowed: np.ndarray | None, own: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = queries.astype(np.float64)
        alike = np.ascontiguousarray((self.vectors @ queries.T.tocsr()).toarray().T)  # (q, n)
        alike = sparse_alike(alike, self.squares, sparse_squares(queries)[:, None], self.metric)
        _hide(alike, allowed, own)
        found = [_best(row, k) for row in alike]
        return np.stack([best for best, _ in found]), np.stack([values for _, values in found])

    def _dense(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None, own: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        queries = queries.astype(np.float64)
        moved, lengths = self._moved(queries)
        if len(queries) > ALONE and self._fits(lengths.max()):
            positions, scores, sure = self._together(queries, moved, lengths.max(), k, allowed, own)
        else:
            positions = np.empty((len(queries), k), dtype=np.int64)
            scores, sure = np.empty((len(queries), k)), np.zeros(len(queries), dtype=bool)
        for row in np.flatnonzero(~sure):
            mine = None if own is None else own[row : row + 1]
            positions[row], scores[row] = self._alone(
                queries[row], moved[row], lengths[row], k, allowed, mine
            )
        return positions, scores

    def _moved(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return queries as they are multiplied, in float32, and their lengths."""
        moved = queries - self.centre
        lengths = np.linalg.norm(moved, axis=1)
        if self.metric != "euclidean":  # scaling a query does not change the order
            moved /= np.where(lengths > 0, lengths, 1.0)[:, None]
            lengths = np.ones(len(moved))
        with np.errstate(over="ignore"):
            return moved.astype(np.float32), lengths

    def _fits(self, length: float) -> bool:
        """Return whether the products with a query of a length are sound in float32."""
        return self.ordinary and length < WIDE[1]

    def _together(
        self,
        queries: np.ndarray,
        moved: np.ndarray,
        length: float,
        k: int,
        allowed: np.ndarray | None,
        own: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Search for several queries; also return for which the result is sure to be right."""
        error = self.error * np.float32(length) + self.fixed_error
        tops = []
        for first in range(0, len(error), CHUNK):
            part = slice(first, first + CHUNK)
            upper = moved @ self.vectors[part].T
            if self.scale is not None:
                upper *= self.scale[part]
            upper += self.bias[part] + error[part]
            mine = None if own is None else own - first
            _hide(upper, None if allowed is None else allowed[part], mine)
            columns = _top(upper, k + SPARE)
            tops.append((np.take_along_axis(upper, columns, 1), columns + first))
        upper, positions = (np.concatenate(parts, axis=1) for parts in zip(*tops, strict=True))
        best = np.argsort(-upper, axis=1)[:, : k + SPARE]
        upper, positions = (np.take_along_axis(x, best, 1) for x in (upper, positions))
        lower = (upper - 2 * error[positions])[:, :k].min(axis=1)
        sure = (upper[:, -1] < lower) | (positions.shape[1] == len(error))
        alike = rescored(queries, self.vectors, positions, self.metric)
        alike[np.isneginf(upper)] = -np.inf
        order = np.lexsort((positions, -alike))[:, :k]
        return np.take_along_axis(positions, order, 1), np.take_along_axis(alike, order, 1), sure

    def _alone(
        self,
        query: np.ndarray,
        moved: np.ndarray,
        length: float,
        k: int,
        allowed: np.ndarray | None,
        own: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search for one query: in float64 among all whose score in float32 may be enough."""
        upper = np.zeros(len(self.vectors), dtype=np.float32)
        fits = self._fits(length)
        if fits:
            error = self.error * np.float32(length) + self.fixed_error
            upper = self.vectors @ moved
            if self.scale is not None:
                upper *= self.scale
            upper += self.bias
            upper += error
        _hide(upper[None], allowed, own)
        least = upper.min(initial=0)
        if fits and k < len(upper):
            top = np.argpartition(upper, -k)[-k:]
            least = (upper[top] - 2 * error[top]).min()
        candidates = np.flatnonzero((upper >= least) & (upper > -np.inf))
        alike = rescored(query[None], self.vectors, candidates[None], self.metric)[0]
        best, values = _best(alike, k)
        return candidates[best], values


def _hide(scores: np.ndarray, allowed: np.ndarray | None, own: np.ndarray | None) -> None:
    """Set to minus infinity what may not be found: scores (q, n), allowed (n,), own (q,)."""
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    if own is not None:
        rows = np.flatnonzero((own >= 0) & (own < scores.shape[1]))
        scores[rows, own[rows]] = -np.inf


def _top(scores: np.ndarray, m: int) -> np.ndarray:
    """Return the columns of the ``m`` best of every row, in no order; all where there are fewer."""
    n = scores.shape[1]
    if n <= m:
        return np.broadcast_to(np.arange(n), scores.shape)
    stride = n // GROUP
    if stride < 2 * m:
        return np.argpartition(scores, -m, axis=1)[:, -m:]
    # The m best lie in the m groups with the best maxima. A group is every stride-th column, so
    # that its maximum is one of vectors, not inside one; what is left over is looked at anyway.
    maxima = scores[:, : GROUP * stride].reshape(-1, GROUP, stride).max(axis=1)
    groups = np.argpartition(maxima, -m, axis=1)[:, -m:]
    columns = (groups[:, :, None] + np.arange(GROUP) * stride).reshape(len(scores), -1)
    rest = np.arange(GROUP * stride, n)
    columns = np.hstack([columns, np.broadcast_to(rest, (len(scores), len(rest)))])
    chosen = np.argpartition(np.take_along_axis(scores, columns, 1), -m, axis=1)[:, -m:]
    return np.take_along_axis(columns, chosen, 1)


def _best(alike: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the ``k`` largest values stand, the largest first, equals in their order."""
    candidates = np.arange(len(alike))
    if k < len(alike):
        candidates = np.flatnonzero(alike >= np.partition(alike, -k)[-k])
    best = candidates[np.argsort(-alike[candidates], kind="stable")[:k]]
    return best, alike[best]
