"""Words and vectors together: what either finds, in one order by reciprocal rank fusion."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nearspace.errors import DataError, NearspaceError
from nearspace.metrics.ranking import fused_ranks, fused_scores, ranks_in
from nearspace.space.columns import type_of
from nearspace.space.search.exact import Hidden
from nearspace.space.search.words import TEXT, Words
from nearspace.space.space import Space

__all__ = ["DEPTH", "Fused", "find", "has_texts", "texts_asked"]

DEPTH = 100  # items that words and vectors find each, before they are one order; so do judges
TIMES = 4  # as many, where these are of too few values of a column


@dataclasses.dataclass(frozen=True, eq=False)
class Fused:
    """What words found, or words and vectors; of ``q`` queries, ``k`` at most.

    Attributes
    ----------
    positions : ndarray of shape (q, k), int64
        The best first; -1 behind the last.
    scores : ndarray of shape (q, k), float64
        Their BM25, or the sums of ``1 / (60 + rank)``; NaN behind the last.
    ranks : dict of str to ndarray of shape (q, k)
        The ranks by ``"words"`` and by ``"vectors"``, where both searched; 0 where one has not
        found it.
    wordless : ndarray of shape (q,), bool
        Queries that no text has a word of.
    """

    positions: np.ndarray
    scores: np.ndarray
    ranks: dict[str, np.ndarray]
    wordless: np.ndarray


def has_texts(space: Space) -> bool:
    """Return whether a space has texts whose words can be searched."""
    if space.meta is None or TEXT not in space.meta.column_names:
        return False
    return type_of(space.meta[TEXT].type) == "text"


def texts_asked(space: Space, words: Any) -> list[str]:
    """Return the texts by whose words to search a space, or say why that cannot be done."""
    texts = [words] if isinstance(words, str) else words
    if not isinstance(texts, Sequence | np.ndarray) or not all(isinstance(t, str) for t in texts):
        got = type(words).__name__
        raise DataError(f"neighbours: expected a text in words=, or a list of them, got {got}.")
    if not has_texts(space):
        raise NearspaceError(
            f"Words are searched in the column '{TEXT}' of a space, which this one of "
            f"{space.kind or 'a kind that is not known'} does not have: search by vectors alone."
        )
    return [str(text) for text in texts]


def find(
    words: Words,
    texts: Sequence[str],
    nearest: Callable[[int], np.ndarray] | None,
    k: int,
    hidden: Hidden,
    codes: np.ndarray | None = None,
) -> Fused:
    """Return what texts find by their words, together with what vectors find.

    Parameters
    ----------
    words : Words
        What to search.
    texts : sequence of q str
        What to search for.
    nearest : callable or None
        Returns the positions of so many nearest vectors, at most, of each query; -1 behind the
        last. None to search by words alone.
    k : int
        How many to find.
    hidden : Hidden
        What may not be found.
    codes : ndarray of shape (n,), optional
        The value of each item in a column, of which only the best item is found.
    """
    n, depth = len(words.texts), max(DEPTH, k)
    while True:
        by_words, scores = words.search(texts, depth, hidden)
        ranking, ranks = by_words, {}
        if nearest is not None:
            by_vectors = nearest(depth)
            ranking = fused_ranks([by_words, by_vectors]).astype(np.int64)
            ranks = {
                "words": ranks_in(by_words, ranking),
                "vectors": ranks_in(by_vectors, ranking),
            }
            scores = np.where(ranking >= 0, fused_scores([*ranks.values()]), np.nan)
        places = _places(ranking, codes, hidden.own)
        if codes is None or depth >= n or min(map(len, places), default=k) >= k:
            break
        depth = min(n, TIMES * depth)
    wide = min(k, max(map(len, places), default=0))
    chosen = np.full((len(ranking), wide), -1)
    for query, of in enumerate(places):
        chosen[query, : len(of[:wide])] = of[:wide]
    gone, at = chosen < 0, np.maximum(chosen, 0)

    def taken(values: np.ndarray, nothing: float) -> np.ndarray:
        if not wide:
            return values[:, :0]
        return np.where(gone, nothing, np.take_along_axis(values, at, axis=1))

    return Fused(
        taken(ranking, -1),
        taken(scores, np.nan),
        {name: taken(each, 0) for name, each in ranks.items()},
        np.asarray((by_words < 0).all(axis=1)),
    )


def _places(
    ranking: np.ndarray, codes: np.ndarray | None, own: np.ndarray | None
) -> list[np.ndarray]:
    """Return which places of each ranking hold what is found: of items of one value the first."""
    places = []
    for query, row in enumerate(ranking):
        there = np.flatnonzero(row >= 0)
        if codes is not None:
            values, first = np.unique(codes[row[there]], return_index=True)
            if own is not None and own[query] >= 0:
                first = first[values != codes[own[query]]]
            there = np.sort(first)
        places.append(there)
    return places
