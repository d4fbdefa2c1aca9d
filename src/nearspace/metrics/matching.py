"""Which of the other side each item answers with, and where its right answers stand among all.

Both sides are vectors in one space. What is right is a sparse array of queries by candidates that
holds something wherever the two belong together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse, special

from nearspace.metrics.directions import has_direction, unit_factors
from nearspace.metrics.exact import rows_in_range
from nearspace.metrics.retrieval import VectorArray

__all__ = ["NEIGHBOURS", "Standing", "hub_share", "mean_likeness", "standing_of"]

NEIGHBOURS = 10  # that tell how crowded a place is, as the authors of CSLS chose it
MOST_HELD = 1 << 22  # cosines that are held at once
EQUAL = 1e-10  # by which cosines that are the same may differ


@dataclasses.dataclass(frozen=True, eq=False)
class Standing:
    """Where the first right answer of each query stands among all candidates.

    Candidates that are equally near stand in any order, so that what is told of a rank is the mean
    over all of them: vectors that are all the same get what drawing gets.

    Attributes
    ----------
    better : ndarray of int of shape (q,)
        How many wrong candidates are nearer than the nearest right one; all candidates for a query
        that finds nothing.
    tied : ndarray of int of shape (q,)
        How many wrong ones are as near.
    right : ndarray of int of shape (q,)
        How many right ones are as near, itself among them.
    first : ndarray of int of shape (q,)
        The candidate that is nearest, the first of several; -1 for a query that finds nothing.
    """

    better: np.ndarray
    tied: np.ndarray
    right: np.ndarray
    first: np.ndarray

    def within(self, k: int) -> np.ndarray:
        """Return how likely a right answer is among the first k, shape ``(q,)``, in [0, 1].

        Examples
        --------
        >>> Standing(*np.array([[0, 2], [1, 0], [1, 1], [4, 7]])).within(1).tolist()
        [0.5, 0.0]
        """
        room = np.maximum(k - self.better, 0)
        return _drawn(self.tied, self.right, room)

    @property
    def rank(self) -> np.ndarray:
        """The rank of the first right answer, from 1, shape ``(q,)``."""
        return self.better + 1 + self.tied / (self.right + 1)


def _drawn(wrong: np.ndarray, right: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return how likely one of the right is among the first of all in any order."""
    all_wrong = wrong >= room
    # The wrong ones fill the room in C(wrong, room) of C(wrong + right, room) ways.
    logs = (
        special.gammaln(np.where(all_wrong, wrong, 0) + 1.0)
        - special.gammaln(np.where(all_wrong, wrong - room, 0) + 1.0)
        - special.gammaln(wrong + right + 1.0)
        + special.gammaln(np.maximum(wrong + right - room, 0) + 1.0)
    )
    return np.where(room == 0, 0.0, np.where(all_wrong, -np.expm1(logs), 1.0))


def mean_likeness(vectors: VectorArray, others: VectorArray, k: int = NEIGHBOURS) -> np.ndarray:
    """Return the mean cosine of each vector and the ``k`` of the other side that are nearest to it.

    Vectors without direction are nobody's neighbour; one that has no neighbour gets 0.

    Parameters
    ----------
    vectors, others : ndarray or csr_array of shape (n, d) and (m, d)
        The vectors of two sides.
    k : int, default=10
        How many neighbours, or all where there are fewer.

    Returns
    -------
    ndarray of shape (n,), float64

    Examples
    --------
    >>> mean_likeness(np.array([[2.0, 0.0]]), np.eye(2), 2).tolist()
    [0.5]
    """
    there = has_direction(others)
    k = min(k, int(there.sum()))
    means = np.zeros(vectors.shape[0])
    if not k:
        return means
    for rows, alike in _cosines(vectors, others[there]):
        nearest = np.partition(alike, alike.shape[1] - k, axis=1)[:, -k:]
        means[rows] = nearest.mean(axis=1)
    return means


def standing_of(
    queries: VectorArray,
    candidates: VectorArray,
    right: sparse.csr_array,
    crowded: np.ndarray | None = None,
) -> Standing:
    """Return where the first right answer of each query stands, by cosine or by CSLS.

    A query without direction finds nothing, and a candidate without one is not found.

    Parameters
    ----------
    queries, candidates : ndarray or csr_array of shape (q, d) and (n, d)
        The vectors of two sides.
    right : csr_array of shape (q, n)
        Which candidates are right answers: at least one of each query.
    crowded : ndarray of shape (n,), optional
        How near each candidate is to the queries that are nearest to it, as `mean_likeness` of the
        candidates returns it. Then the likeness is CSLS, twice the cosine less this (Conneau et
        al., 2018), by which what is near to everything is near to nothing. What CSLS takes off for
        the query is the same of all its candidates, and changes no order.

    Returns
    -------
    Standing

    Examples
    --------
    >>> near = np.array([[1.0, 0.0], [0.8, 0.6]])
    >>> standing_of(near, np.eye(2), sparse.csr_array(np.eye(2))).rank.tolist()
    [1.0, 2.0]
    """
    asking, there = has_direction(queries), has_direction(candidates)
    n = candidates.shape[0]
    better = np.full(queries.shape[0], n)
    first = np.full(queries.shape[0], -1)
    tied, equal = np.zeros_like(better), np.ones_like(better)
    for rows, alike in _cosines(queries, candidates):
        if crowded is not None:
            alike = 2 * alike - crowded
        alike[:, ~there] = -np.inf
        is_right = right[rows].toarray() > 0
        best = np.where(is_right, alike, -np.inf).max(axis=1)
        finds = asking[rows] & np.isfinite(best)
        gaps = alike[finds] - best[finds, None]
        wrong, near = ~is_right[finds], np.abs(gaps) <= EQUAL
        at = np.arange(rows.start, rows.stop)[finds]
        better[at] = (wrong & (gaps > EQUAL)).sum(axis=1)
        tied[at] = (wrong & near).sum(axis=1)
        equal[at] = (~wrong & near).sum(axis=1)
        answering = asking[rows] & there.any()
        first[rows.start : rows.stop][answering] = alike[answering].argmax(axis=1)
    return Standing(better, tied, equal, first)


def hub_share(standing: Standing) -> tuple[float, int]:
    """Return the largest share of the queries that one candidate is the first answer of, and which.

    Examples
    --------
    >>> hub_share(Standing(*np.array([[0, 0, 1], [0, 0, 0], [1, 1, 1], [4, 7, 7]])))
    (0.6666666666666666, 7)
    """
    answers = standing.first[standing.first >= 0]
    if not len(answers):
        return 0.0, -1
    counts = np.bincount(answers)
    most = int(counts.argmax())
    return float(counts[most] / len(standing.first)), most


def _cosines(queries: VectorArray, candidates: VectorArray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some queries after others, and their cosines with all candidates, in float64."""
    asked, answers = _unit(queries), _unit(candidates)
    step = max(1, MOST_HELD // max(1, answers.shape[0]))
    for start in range(0, asked.shape[0], step):
        rows = slice(start, min(start + step, asked.shape[0]))
        alike: Any = asked[rows] @ answers.T
        yield rows, alike.toarray() if sparse.issparse(alike) else alike


def _unit(vectors: VectorArray) -> Any:
    """Return vectors at length 1, as float64; a zero vector stays zero."""
    wide: Any = rows_in_range(vectors.astype(np.float64))
    if sparse.issparse(wide):
        return sparse.csr_array(wide.multiply(unit_factors(wide)))
    return wide * unit_factors(wide)
