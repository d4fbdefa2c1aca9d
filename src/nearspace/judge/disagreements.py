"""`Disagreements`: the pairs of which one space says most otherwise than people do."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.stats import rankdata

from nearspace.data import Dataset
from nearspace.encoders.exhibits import Strip
from nearspace.notebook import shortened

__all__ = ["Disagreements", "disagreements_of"]

SHOWN = 8  # pairs, of either side at most


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Disagreements:
    """Pairs of items, those first whose rank by a space is furthest from their rank by people.

    Attributes
    ----------
    spec : str
        The row.
    left, right : Strip
        The two items of each pair.
    judged, alike : ndarray of shape (pairs,)
        How alike people and the space find them.
    ranks : ndarray of shape (pairs, 2)
        Which share of all pairs people, and the space, find less alike.
    """

    spec: str
    left: Strip
    right: Strip
    judged: np.ndarray
    alike: np.ndarray
    ranks: np.ndarray

    def __repr__(self) -> str:
        return f"Disagreements({shortened(self.spec, 30)}: {len(self.judged):,} pairs)"


def disagreements_of(
    spec: str, items: Dataset, links: np.ndarray, judged: np.ndarray, alike: np.ndarray
) -> Disagreements:
    """Return the pairs of which a row says most otherwise.

    Parameters
    ----------
    spec : str
        The row.
    items : Dataset
        The items of all pairs.
    links : ndarray of shape (pairs, 2)
        Their positions.
    judged, alike : ndarray of shape (pairs,)
        How alike people and the row find the two.

    Examples
    --------
    >>> from nearspace import load
    >>> links, judged, alike = np.array([[0, 1], [1, 2]]), np.array([5, 1]), np.array([0.1, 0.9])
    >>> told = disagreements_of("raw", load(["near", "far", "off"]), links, judged, alike)
    >>> told.left.items, told.ranks.tolist()
    (['near', 'far'], [[0.75, 0.25], [0.25, 0.75]])
    """
    ranks = np.stack([(rankdata(x) - 0.5) / len(x) for x in (judged, alike)], axis=1)
    apart = np.abs(ranks[:, 0] - ranks[:, 1])
    most = np.argsort(-apart, kind="stable")[:SHOWN]
    sides = (items.kind.take(items.items, side) for side in links[most].T)
    left, right = (Strip(items.kind, side) for side in sides)
    return Disagreements(spec, left, right, judged[most], alike[most], ranks[most])
