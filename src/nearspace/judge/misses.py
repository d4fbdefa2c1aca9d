"""`Misses`: items that do not find what belongs to them, and what one space takes for it."""

from __future__ import annotations

import dataclasses

import numpy as np

from nearspace.data import Dataset
from nearspace.encoders.exhibits import Strip
from nearspace.notebook import shortened

__all__ = ["Misses", "misses_of"]

SHOWN = 12  # items at most


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Misses:
    """Items of two sides to which something else is nearest than what belongs to them.

    Attributes
    ----------
    spec : str
        The row.
    asked, taken, wanted : Strip
        Some of the items, what is nearest to each, and what belongs to it; those first of which
        that has the largest rank.
    ranks : ndarray of shape (shown,)
        The rank of what belongs to each.
    n_missed, n_items : int
        How many items miss what belongs to them, and how many were asked in all.
    """

    spec: str
    asked: Strip
    taken: Strip
    wanted: Strip
    ranks: np.ndarray
    n_missed: int
    n_items: int

    def __repr__(self) -> str:
        counts = f"{self.n_missed:,} of {self.n_items:,} items"
        return f"Misses({shortened(self.spec, 30)}: {counts})"


def misses_of(spec: str, test: Dataset, ranks: np.ndarray, answers: np.ndarray) -> Misses:
    """Return the items that miss what belongs to them.

    Parameters
    ----------
    spec : str
        The row.
    test : Dataset
        The items of both sides, of kind `Sides`.
    ranks : ndarray of shape (n,)
        For each item the rank of what belongs to it; NaN where nothing does.
    answers : ndarray of int of shape (n,)
        For each item which of all is nearest to it on the other side.

    Examples
    --------
    >>> from nearspace import load
    >>> from nearspace.data.pairs import Pairs
    >>> pairs = Pairs(load(["cat", "dog"]), load(["Katze", "Hund"]), [[0, 0], [1, 1]])
    >>> answers = np.array([2, 2, 0, 1])
    >>> told = misses_of("raw", pairs.together(), np.array([1.0, 2.0, 1.0, 1.0]), answers)
    >>> told, told.taken.kind.draw(told.taken.kind.item(told.taken.items, 0))
    (Misses(raw: 1 of 4 items), '<q>Katze</q>')
    """
    items, kind = test.items, test.kind
    missed = np.flatnonzero(ranks > 1)
    most = missed[np.argsort(-ranks[missed], kind="stable")][:SHOWN]
    belongs = np.empty(len(test), dtype=int)
    one, other = (items.rows(which)[items.links[:, which]] for which in (0, 1))
    belongs[one], belongs[other] = other, one
    asked, taken, wanted = (
        Strip(kind, kind.take(items, rows)) for rows in (most, answers[most], belongs[most])
    )
    asked_of = int(np.isfinite(ranks).sum())
    return Misses(spec, asked, taken, wanted, ranks[most], len(missed), asked_of)
