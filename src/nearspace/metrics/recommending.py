"""At which rank users find the items that they have later, and which items they find first."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from nearspace.metrics.matching import Ranks, alike_to_all, comparable, rounded
from nearspace.metrics.retrieval import VectorArray, check_search

__all__ = ["Recommended", "hits_within", "ndcg_within", "ranks_and_first"]

BLOCK = 512  # queries whose likeness to the whole pool is held at once


@dataclasses.dataclass(frozen=True, eq=False)
class Recommended:
    """What vectors recommend to users, and where the items stand that these have later.

    Attributes
    ----------
    ranks : Ranks
        Of the item of each held-out interaction, among all that the user had not, shape ``(m,)``.
    new_ranks : Ranks
        Of those whose item nobody had before, in their order, among such items alone.
    first : ndarray of shape (users, k)
        The items that each user finds first, -1 where there are no more.
    """

    ranks: Ranks
    new_ranks: Ranks
    first: np.ndarray


def ranks_and_first(
    asking: VectorArray,
    pool: VectorArray,
    links: np.ndarray,
    hidden: sparse.csr_array,
    metric: str,
    k: int = 0,
) -> tuple[Ranks, np.ndarray]:
    """Return where what belongs to those who ask stands in a pool, and what each finds first.

    Parameters
    ----------
    asking : ndarray or csr_array of shape (q, d)
        The vectors of those who ask.
    pool : ndarray or csr_array of shape (n, d)
        The vectors of what is found.
    links : ndarray of shape (m, 2)
        What belongs to whom: a position among those who ask, and one in the pool.
    hidden : csr_array of shape (q, n)
        What is no candidate for whom, unless it is what belongs to them.
    metric : {"cosine", "dot", "euclidean"}
        By which they are near. By the cosine, a vector that is zero is the last to be found.
    k : int, default=0
        How many each finds; of those that are equally near, which stand first in the pool.

    Returns
    -------
    Ranks
        One for each link, of those equally near as many as there are.
    ndarray of shape (q, k), int64
        Positions in the pool, -1 where there are no more.

    Examples
    --------
    >>> users, items = np.array([[1.0, 0.0]]), np.array([[3.0, 0], [2, 0], [1, 0], [1, 0]])
    >>> had = sparse.csr_array(np.array([[1, 0, 0, 0]]))
    >>> ranks, first = ranks_and_first(users, items, np.array([[0, 2]]), had, "dot", 2)
    >>> ranks.means.tolist(), first.tolist()
    ([2.5], [[1, 2]])
    """
    check_search(metric)
    queries, candidates = comparable(asking, metric), comparable(pool, metric)
    before, equal = np.empty(len(links)), np.empty(len(links))
    order = np.argsort(links[:, 0], kind="stable")
    starts = np.searchsorted(links[order, 0], np.arange(len(queries) + 1))
    first = np.full((len(queries) if k else 0, k), -1)
    asks = np.arange(len(queries)) if k else np.unique(links[:, 0])
    for start in range(0, len(asks), BLOCK):
        some = asks[start : start + BLOCK]
        alike = rounded(alike_to_all(queries[some], candidates, metric))
        for row, query in enumerate(some):
            own = order[starts[query] : starts[query + 1]]
            likeness = alike[row, links[own, 1]]
            out = hidden.indices[hidden.indptr[query] : hidden.indptr[query + 1]]
            alike[row, out] = np.nan  # which nothing is compared with
            ordered = np.sort(alike[row])  # NaN last
            ordered = ordered[: np.searchsorted(ordered, np.nan)]
            low, high = (np.searchsorted(ordered, likeness, side) for side in ("left", "right"))
            before[own] = len(ordered) - high
            equal[own] = high - low + np.isin(links[own, 1], out)
        if k:
            first[some] = _first(alike, k)
    return Ranks(before, equal, np.ones(len(links))), first


def hits_within(ranks: Ranks, users: np.ndarray, n: int, k: int) -> np.ndarray:
    """Return for each user which share of what belongs to them is among the first k.

    Parameters
    ----------
    ranks : Ranks
        Of each item, shape ``(m,)``.
    users : ndarray of shape (m,), int
        To whom it belongs.
    n : int
        How many users there are.

    Returns
    -------
    ndarray of shape (n,)
        NaN for those to whom nothing belongs.

    Examples
    --------
    >>> ranks = Ranks(np.array([0.0, 4.0]), np.ones(2), np.ones(2))
    >>> hits_within(ranks, np.array([0, 0]), 2, 3).tolist()
    [0.5, nan]
    """
    counts = np.bincount(users, minlength=n).astype(float)
    sums = np.bincount(users, ranks.within(k), minlength=n)
    return np.divide(sums, counts, out=np.full(n, np.nan), where=counts > 0)


def ndcg_within(ranks: Ranks, users: np.ndarray, n: int, k: int) -> np.ndarray:
    """Return for each user the nDCG of the first k, of items that count alike; see `hits_within`.

    Examples
    --------
    >>> ranks = Ranks(np.array([1.0]), np.ones(1), np.ones(1))
    >>> ndcg_within(ranks, np.array([0]), 1, 3).round(3).tolist()
    [0.631]
    """
    gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(k) + 2))])
    ends = np.minimum([ranks.before, ranks.before + ranks.equal], k).astype(int)
    own = (gains[ends[1]] - gains[ends[0]]) / ranks.equal  # over all orders of those equally near
    counts = np.bincount(users, minlength=n)
    best = gains[np.minimum(counts, k)]
    sums = np.bincount(users, own, minlength=n)
    return np.divide(sums, best, out=np.full(n, np.nan), where=counts > 0)


def _first(alike: np.ndarray, k: int) -> np.ndarray:
    """Return the k best of each row, best first, without those that are NaN."""
    found = np.full((len(alike), k), -1)
    width = min(k, alike.shape[1])
    scores = np.where(np.isnan(alike), -np.inf, alike)
    # Of those as near as the last that is found, the first in the pool; argpartition takes any.
    edge = -np.partition(-scores, width - 1, axis=1)[:, width - 1 : width]
    sure = scores > edge
    level = (scores == edge) & (scores > -np.inf)
    spare = width - sure.sum(axis=1, keepdims=True)
    chosen = sure | (level & (level.cumsum(axis=1) <= spare))
    rows, columns = np.nonzero(chosen)
    order = np.lexsort([columns, -scores[rows, columns], rows])
    rows, columns = rows[order], columns[order]
    starts = np.searchsorted(rows, np.arange(len(alike)))
    found[rows, np.arange(len(rows)) - starts[rows]] = columns
    return found
