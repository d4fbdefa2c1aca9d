"""Whether near neighbours of one label share a value, such as a speaker, more than chance has it.

Where they do, what neighbours tell in a split at random may be who speaks rather than what is said.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nearspace.metrics.retrieval import VectorArray, nearest

__all__ = ["Sharing", "neighbours_within", "shared_by_neighbours"]

PERMUTATIONS = 199


@dataclasses.dataclass(frozen=True)
class Sharing:
    """How often near neighbours of one label share a value.

    Attributes
    ----------
    share : float
        Of neighbours, the mean over items.
    chance : float
        The same of other items of the label, drawn at random.
    p : float
        How often values that are dealt anew within each label are shared as much, see
        `shared_by_neighbours`.
    """

    share: float
    chance: float
    p: float

    @property
    def excess(self) -> float:
        """What neighbours share beyond chance, as a share of what chance lacks.

        Examples
        --------
        >>> round(Sharing(0.84, 0.2, 0.005).excess, 2)
        0.8
        """
        return (self.share - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0


def neighbours_within(vectors: VectorArray, strata: np.ndarray, k: int, metric: str) -> np.ndarray:
    """Return the nearest other items of the same label.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The items.
    strata : ndarray of int of shape (n,)
        Their labels.
    k : int
        How many neighbours.
    metric : {"cosine", "dot", "euclidean"}
        By which they are near.

    Returns
    -------
    ndarray of int of shape (n, k)
        Positions; -1 where a label has too few items, or an item no direction.

    Examples
    --------
    >>> neighbours_within(np.array([[0.0], [1.0], [1.2], [5.0]]), np.array([0, 0, 0, 1]), 1,
    ...                   "euclidean").tolist()
    [[1], [2], [1], [-1]]
    """
    near = np.full((len(strata), k), -1)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        if len(rows) < 2:
            continue
        some = vectors[rows]
        ranked = nearest(some, some, min(k + 1, len(rows)), metric)[0]
        for row, own in zip(rows.tolist(), ranked, strict=True):
            others = rows[own[own >= 0]]
            others = others[others != row][:k]
            near[row, : len(others)] = others
    return near


def shared_by_neighbours(
    near: np.ndarray, values: np.ndarray, strata: np.ndarray, random_state: int = 0
) -> Sharing:
    """Return how often neighbours share a value, and by how many values dealt anew that is reached.

    Items whose label has one value only have no part, as nothing can be shared by chance or not.

    Parameters
    ----------
    near : ndarray of int of shape (n, k)
        As of `neighbours_within`.
    values : ndarray of shape (n,)
        Of each item.
    strata : ndarray of int of shape (n,)
        Their labels, within which values are dealt anew.
    random_state : int
        Of the dealing.

    Examples
    --------
    >>> near = np.array([[1], [0], [3], [2]])
    >>> values, strata = np.array(["x", "x", "y", "y"]), np.zeros(4, int)
    >>> told = shared_by_neighbours(near, values, strata)
    >>> told.share, round(told.chance, 2)
    (1.0, 0.33)
    """
    codes = np.unique(values, return_inverse=True)[1]
    pairs = strata.astype(np.int64) * (codes.max() + 1) + codes
    sizes, of_label = np.bincount(pairs), np.bincount(strata)
    chance = (sizes[pairs] - 1) / np.maximum(of_label[strata] - 1, 1)
    counts = (near[:, 0] >= 0) & (sizes[pairs] < of_label[strata])
    if not counts.any():
        return Sharing(0.0, 0.0, 1.0)
    some, there = near[counts], near[counts] >= 0

    def share(own: np.ndarray) -> float:
        same = (own[some] == own[counts][:, None]) & there
        return float((same.sum(axis=1) / there.sum(axis=1)).mean())

    told, rng = share(codes), np.random.default_rng(random_state)
    order, reached = np.argsort(strata, kind="stable"), 1
    for _ in range(PERMUTATIONS):
        dealt = np.empty_like(codes)
        # Ordered by label and, within it, by chance.
        dealt[order] = codes[np.lexsort((rng.random(len(codes)), strata))]
        reached += share(dealt) >= told
    return Sharing(told, float(chance[counts].mean()), reached / (PERMUTATIONS + 1))
