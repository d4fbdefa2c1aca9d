"""`Searcher`: vectors made ready for search, exact or by an index, for as long as it lives."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.metrics.directions import has_direction
from nearspace.metrics.retrieval import VectorArray
from nearspace.recipe import METRICS
from nearspace.space.search.exact import NOTHING, Exact, Hidden
from nearspace.space.search.index import LARGEST_K, RECALL, Index, Opened, part_name

__all__ = ["Searcher"]

T = TypeVar("T")


class Searcher:
    """The vectors of a space made ready for search; any number of threads may search at once.

    What a metric needs is made ready when it is first searched by, and serves all later searches.
    `Space.searcher` keeps one as long as the space.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        What to search, float32.
    parts : mapping of str to bytes
        In which the indexes are; see `Space.parts`.

    Examples
    --------
    >>> searcher = Searcher(np.eye(3, dtype=np.float32), {})
    >>> positions, scores, recall, notes = searcher.search(np.eye(3)[:1], 2, "euclidean")
    >>> positions.tolist(), scores.round(3).tolist(), recall
    ([[0, 1]], [[0.0, 1.414]], 1.0)
    """

    def __init__(self, vectors: VectorArray, parts: Mapping[str, bytes]):
        self.vectors, self.parts = vectors, parts
        self._lock = threading.Lock()
        self._exact: dict[str, Exact] = {}
        self._opened: dict[str, Opened | str] = {}  # or why it cannot be used

    def search(
        self,
        queries: VectorArray,
        k: int,
        metric: str,
        hidden: Hidden = NOTHING,
        exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, float, tuple[str, ...]]:
        """Return the nearest of every query, as `Exact.search` does, by the index if there is one.

        Parameters
        ----------
        queries : ndarray or csr_array of shape (q, d)
            Finite vectors; sparse where what is searched is.
        k : int
            How many, at most as many as may be found: by the cosine, none that is zero may.
        metric : {"cosine", "dot", "euclidean"}
            What to search by.
        hidden : Hidden, optional
            What may not be found; where not all vectors are allowed, the search is exact.
        exact : bool, default=False
            Search all vectors, even where there is an index.

        Returns
        -------
        positions, scores : ndarray of shape (q, k)
            Where the nearest stand, and their cosines, inner products or distances, float64.
        recall : float
            1 where the search was exact, else that of the index.
        notes : tuple of str
            What there is to say of the index.
        """
        opened, notes = None, tuple[str, ...]()
        if 1 <= k <= LARGEST_K and hidden.allowed is None and not exact:
            opened, notes = self._index(metric)
        if metric == "cosine" and self.directed is not None:
            allowed = self.directed if hidden.allowed is None else hidden.allowed & self.directed
            hidden = Hidden(allowed, hidden.own)
        if opened is None:
            return *self.exact(metric).search(queries, k, hidden), 1.0, notes
        positions, scores, short = opened.search(queries, k, hidden.own, opened.index.probes)
        if short.any():
            of_all = self.exact(metric).search(queries[short], k, hidden.of_queries(short))
            positions[short], scores[short] = of_all
        return positions, scores, opened.index.recall, notes

    @functools.cached_property
    def directed(self) -> np.ndarray | None:
        """Which vectors are not zero, shape ``(n,)``; None where none is: the usual case."""
        there = has_direction(self.vectors)
        return None if there.all() else there

    def exact(self, metric: str) -> Exact:
        """Return the exact search by a metric."""
        return self._once(self._exact, metric, lambda: Exact(self.vectors, metric))

    def _once(self, made: dict[str, T], metric: str, make: Callable[[], T]) -> T:
        """Return what was made for a metric, or make it, whichever thread comes first."""
        if metric not in made:
            with self._lock:
                if metric not in made:
                    made[metric] = make()
        return made[metric]

    def _index(self, metric: str) -> tuple[Opened | None, tuple[str, ...]]:
        """Return the index for a metric and what there is to say of it.

        None where there is none, or where it cannot be used: that is no reason not to search.
        """
        if part_name(metric) not in self.parts:
            others = [other for other in METRICS if part_name(other) in self.parts]
            told = f"Every vector was searched: the index is by {', '.join(others)}."
            return None, (told,) * bool(others)
        opened = self._once(self._opened, metric, lambda: self._open(metric))
        if isinstance(opened, str):
            return None, (f"Every vector was searched. {opened}",)
        notes = []
        if opened.index.recall < RECALL:
            notes.append(
                f"The index finds {opened.index.recall:.0%} of the ten nearest, less than "
                f"{RECALL:.0%}; an exact search finds all."
            )
        count = self.vectors.shape[0]
        if opened.changed > count // 10:
            notes.append(
                f"{opened.changed:,} of {count:,} vectors are new or changed since the recall of "
                "the index was measured; build it anew."
            )
        return opened, tuple(notes)

    def _open(self, metric: str) -> Opened | str:
        try:
            index = Index.from_bytes(self.parts[part_name(metric)], metric)
            return Opened(index, self.vectors)
        except NearspaceError as error:
            return str(error)
