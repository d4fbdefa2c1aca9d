"""At which rank items of one side find what belongs to them on the other."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from nearspace.metrics.retrieval import VectorArray, check_search

__all__ = ["Comparable", "Matched", "Ranks", "alike_to_all", "comparable", "match_ranks", "rounded"]

BLOCK = 512  # items whose likeness to all of the other side is held at once
NEAREST = 10  # neighbours by whose likeness CSLS corrects
DIGITS = 9  # of how alike two vectors are: what is behind them is rounding


@dataclasses.dataclass(frozen=True, eq=False)
class Ranks:
    """Where the first right answer of each query stands, of which some are equally near.

    Attributes
    ----------
    before : ndarray of shape (n,), float64
        How many stand before it; NaN where nothing belongs to the query.
    equal : ndarray of shape (n,), float64
        How many are as near as it, itself among them.
    right : ndarray of shape (n,), float64
        How many of these belong to the query.

    Examples
    --------
    >>> ranks = Ranks(np.array([0.0, 0.0]), np.array([1.0, 4.0]), np.array([1.0, 1.0]))
    >>> ranks.means.tolist(), ranks.within(1).tolist()
    ([1.0, 2.5], [1.0, 0.25])
    """

    before: np.ndarray
    equal: np.ndarray
    right: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """The ranks, 1 for the best: of those that are equally near the mean over all orders."""
        return self.before + (self.equal + 1) / (self.right + 1)

    def within(self, k: int) -> np.ndarray:
        """Return how likely each is among the first k, where those equally near stand anyhow."""
        missed = np.where(np.isnan(self.before), np.nan, 1.0)
        for drawn in range(k):
            draws = (self.before + drawn < k) & (self.equal > drawn)
            wrong = np.maximum(self.equal - self.right - drawn, 0)
            left = np.maximum(self.equal - drawn, 1)
            missed = np.where(draws, missed * wrong / left, missed)
        return 1 - missed


@dataclasses.dataclass(frozen=True, eq=False)
class Matched:
    """The ranks at which items find their counterparts.

    Attributes
    ----------
    left, right : Ranks
        Of the items of a side, among all items of the other side.
    nearest : (ndarray, ndarray) of int
        For each item of a side which of the other is nearest, the first of several.
    largest_hub : float
        The largest share of the items on the left of which one item on the right is the nearest.
    """

    left: Ranks
    right: Ranks
    nearest: tuple[np.ndarray, np.ndarray]
    largest_hub: float


def match_ranks(
    left: VectorArray,
    right: VectorArray,
    links: np.ndarray,
    metric: str = "cosine",
    csls: bool = False,
) -> Matched:
    """Return at which rank items of either side find what belongs to them.

    Every item of the other side is a candidate, and no more than a block of likenesses is held.

    Parameters
    ----------
    left, right : ndarray or csr_array of shape (n, d) and (m, d)
        The vectors of both sides.
    links : ndarray of shape (l, 2)
        Which items belong together. Of several that do, the first that is found counts.
    metric : {"cosine", "dot", "euclidean"}, default="cosine"
        By which they are near. By the cosine, a vector that is zero is the last to be found.
    csls : bool, default=False
        Whether the likeness of two items is corrected by how alike either is to its ten nearest of
        the other side, so that hubs, which are near to many, count less [1]_.

    References
    ----------
    .. [1] A. Conneau et al., "Word translation without parallel data", 2018.

    Examples
    --------
    >>> left, right = np.eye(3), np.eye(3)[[1, 0, 2]]
    >>> match_ranks(left, right, np.array([[0, 1], [1, 0], [2, 0]])).left.means.tolist()
    [1.0, 1.0, 2.5]
    """
    check_search(metric)
    one, other = comparable(left, metric), comparable(right, metric)
    corrections: tuple[Any, Any] = (None, None)
    if csls:
        corrections = _nearest_mean(one, other, metric), _nearest_mean(other, one, metric)
    to_right, nearest_right, hub = _ranks(one, other, links, metric, corrections)
    to_left, nearest_left, _ = _ranks(other, one, links[:, ::-1], metric, corrections[::-1])
    return Matched(to_right, to_left, (nearest_right, nearest_left), hub)


def _ranks(
    queries: Comparable,
    pool: Comparable,
    links: np.ndarray,
    metric: str,
    corrections: tuple[np.ndarray | None, np.ndarray | None],
) -> tuple[Ranks, np.ndarray, float]:
    """Return where each query's first right answer stands, its nearest, and the largest hub."""
    n, m = len(queries), len(pool)
    ranks, answered = np.full((3, n), np.nan), np.zeros(m)
    nearest = np.empty(n, dtype=int)
    links = links[np.argsort(links[:, 0], kind="stable")]
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        alike = alike_to_all(queries[start:stop], pool, metric)
        if corrections[0] is not None and corrections[1] is not None:
            alike = 2 * alike - corrections[0][start:stop, None] - corrections[1]
        alike = rounded(alike)
        nearest[start:stop] = alike.argmax(axis=1)
        best = alike.max(axis=1)
        rows, firsts = np.nonzero(alike == best[:, None])
        sizes = np.bincount(rows, minlength=stop - start)
        np.add.at(answered, firsts, 1 / sizes[rows])  # of equal ones each answers a share
        own = links[slice(*np.searchsorted(links[:, 0], (start, stop)))] - [start, 0]
        likeness = alike[own[:, 0], own[:, 1]]
        first = np.full(stop - start, -np.inf)
        np.maximum.at(first, own[:, 0], likeness)
        right = own[likeness == first[own[:, 0]], 0]
        there = np.flatnonzero(first > -np.inf)
        best_own = first[there, None]
        ranks[:, start + there] = (
            (alike[there] > best_own).sum(axis=1),
            (alike[there] == best_own).sum(axis=1),
            np.bincount(right, minlength=stop - start)[there],
        )
    return Ranks(*ranks), nearest, float(answered.max(initial=0.0) / max(n, 1))


@dataclasses.dataclass(frozen=True, eq=False)
class Comparable:
    """The vectors of a side in float64, of length 1 for the cosine, and their squared lengths."""

    vectors: Any
    squares: np.ndarray

    def __len__(self) -> int:
        return len(self.squares)

    def __getitem__(self, rows: Any) -> Comparable:
        return Comparable(self.vectors[rows], self.squares[rows])


def comparable(vectors: VectorArray, metric: str) -> Comparable:
    """Return vectors as they are compared, made so once and not for every block."""
    exact: Any = vectors.astype(np.float64)
    if metric == "cosine":
        exact = normalize(exact)
        exact = sparse.csr_array(exact) if sparse.issparse(exact) else exact
    return Comparable(exact, np.asarray((exact * exact).sum(axis=1)).ravel())


def alike_to_all(queries: Comparable, pool: Comparable, metric: str) -> np.ndarray:
    """Return how alike each query is to each item, shape (q, m), float64."""
    products = queries.vectors @ pool.vectors.T
    alike = products.toarray() if sparse.issparse(products) else np.asarray(products)
    if metric == "dot":
        return alike
    if metric == "euclidean":
        squares = queries.squares[:, None] + pool.squares
        return -np.sqrt(np.maximum(squares - 2 * alike, 0.0))
    # What has no direction is like nothing, and less so than what points the other way.
    return np.where((queries.squares[:, None] > 0) & (pool.squares > 0), alike, -1.0)


def rounded(alike: np.ndarray) -> np.ndarray:
    """Return how alike things are without what is rounding, beside the largest of each row.

    Examples
    --------
    >>> rounded(np.array([[1e-12, 1e-12 * (1 + 1e-15), 2e-12], [0.0, 0.0, 0.0]])).round(2).tolist()
    [[0.5, 0.5, 1.0], [0.0, 0.0, 0.0]]
    """
    largest = np.abs(alike).max(axis=1, keepdims=True, initial=0.0)
    return np.round(alike / np.where(largest > 0, largest, 1.0), DIGITS)


def _nearest_mean(queries: Comparable, pool: Comparable, metric: str) -> np.ndarray:
    """Return how alike each query is to the ten nearest of the pool, on average."""
    n, k = len(queries), min(NEAREST, len(pool))
    means = np.empty(n)
    for start in range(0, n, BLOCK):
        alike = alike_to_all(queries[start : start + BLOCK], pool, metric)
        means[start : start + BLOCK] = np.partition(alike, -k, axis=1)[:, -k:].mean(axis=1)
    return means
