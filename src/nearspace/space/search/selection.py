"""The best of many scores, at once or a part at a time."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

__all__ = ["Hidden", "RunningBest", "best"]


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


def best(alike: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the ``k`` largest values stand, the largest first, equals in their order."""
    candidates = np.arange(len(alike))
    if k < len(alike):
        candidates = np.flatnonzero(alike >= np.partition(alike, -k)[-k])
    best = candidates[np.argsort(-alike[candidates], kind="stable")[:k]]
    return best, alike[best]


class RunningBest:
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
