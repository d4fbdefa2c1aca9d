"""`Mistakes`: which classes one space takes for which others, and the items it does so with."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data import Classes, Dataset
from nearspace.encoders.exhibits import NO_ITEMS, Strip
from nearspace.notebook import shortened

__all__ = ["Mistakes", "mistakes_of"]

MOST_CLASSES = 12  # rows of the table: the classes with the most mistakes
MOST_ITEMS, FEWEST_ALIKE = 24, 4  # items shown, and so many at least of each mistake


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Mistakes:
    """What the nearest training items told of the test items, class by class.

    Attributes
    ----------
    spec : str
        The row.
    classes : tuple of str
        The classes that are shown; all, or those with the most mistakes.
    counts : ndarray of shape (c, c + 1)
        How many test items of a class were told as each class; as any other in the last column.
    n_classes : int
        How many classes there are.
    n_wrong, n_items : int
        How many test items were told wrong, of how many.
    pairs : tuple of (str, str, int)
        True class, class told, and how many items: the commonest mistakes.
    items : Strip
        Some items that were told wrong, those of the commonest mistakes first.
    ids, truth, told : tuple of str
        Of these items.
    """

    spec: str
    classes: tuple[str, ...] = ()
    counts: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 1), dtype=int))
    n_classes: int = 0
    n_wrong: int = 0
    n_items: int = 0
    pairs: tuple[tuple[str, str, int], ...] = ()
    items: Strip = NO_ITEMS
    ids: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return how many items were told wrong, and the commonest mistake, on one line."""
        words = f"{self.n_wrong:,} of {self.n_items:,} items told wrong"
        if self.pairs:
            true, said, many = self.pairs[0]
            words += f", {shortened(true, 12)} as {shortened(said, 12)} most often ({many:,})"
        return f"Mistakes({shortened(self.spec, 30)}: {words})"


def mistakes_of(spec: str, test: Dataset, told: np.ndarray, usual: Any = None) -> Mistakes:
    """Return the mistakes of one row.

    Parameters
    ----------
    spec : str
        The row.
    test : Dataset
        The test items, with classes.
    told : ndarray of shape (n,)
        The class told of each.
    usual : object, optional
        What is usual among the training items, see `Kind.usual`.

    Examples
    --------
    >>> from nearspace import load
    >>> texts = load(["near", "far", "off"], labels=["a", "b", "b"])
    >>> mistakes = mistakes_of("raw", texts, np.array(["a", "a", "b"]))
    >>> mistakes
    Mistakes(raw: 1 of 3 items told wrong, b as a most often (1))
    >>> mistakes.counts.tolist(), mistakes.pairs, mistakes.truth
    ([[1, 0, 0], [1, 1, 0]], (('b', 'a', 1),), ('b',))
    """
    assert test.target is not None
    both = Classes(np.concatenate([test.target.values, told]))
    codes, names = both.colours
    true, said = codes[: len(told)], codes[len(told) :]
    n = len(names)
    wrong = np.flatnonzero(true != said)
    pair, at, many = np.unique(
        true[wrong] * n + said[wrong], return_inverse=True, return_counts=True
    )
    order = np.argsort(-many, kind="stable")
    # The commonest mistakes first, a few items of each.
    place = np.argsort(np.argsort(-many, kind="stable"))[at]
    by_pair = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[by_pair], prepend=-1))
    nth = np.arange(len(wrong)) - np.repeat(starts, np.diff(np.append(starts, len(wrong))))
    alike = max(FEWEST_ALIKE, MOST_ITEMS // max(1, len(pair)))
    chosen = wrong[by_pair[nth < alike]][:MOST_ITEMS]
    missed = np.bincount(true[wrong], minlength=n) + np.bincount(said[wrong], minlength=n)
    rows = np.sort(np.argsort(-missed, kind="stable")[:MOST_CLASSES])
    column = np.full(n, len(rows))
    column[rows] = np.arange(len(rows))
    counts = np.zeros((len(rows) + 1, len(rows) + 1), dtype=int)
    np.add.at(counts, (column[true], column[said]), 1)
    shown = test.take(chosen)
    return Mistakes(
        spec,
        tuple(names[row] for row in rows),
        counts[:-1],
        n,
        len(wrong),
        len(told),
        tuple(
            (names[pair[a] // n], names[pair[a] % n], int(many[a])) for a in order[:MOST_CLASSES]
        ),
        Strip(shown.kind, shown.items, usual=usual),
        tuple(map(str, chosen if shown.ids is None else shown.ids)),
        tuple(names[code] for code in true[chosen]),
        tuple(names[code] for code in said[chosen]),
    )
