"""Deal the items of a small dataset into folds, of which each is the test side once."""

from __future__ import annotations

import dataclasses

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.split import (
    compared,
    duplicates_told,
    lots_of,
    named_pairs,
    units_of,
    with_near,
)
from nearspace.errors import DataError

__all__ = ["Folds", "folds_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Folds:
    """Which items test together, in each of several rounds.

    Attributes
    ----------
    fold : ndarray of int of shape (rounds, n)
        The fold in which an item tests, while those of the other folds train; -1 for an item that
        always trains, as no other has its label.
    copies : ndarray of str of shape (n,)
        ``"near"`` for an item that is nearly the same as one of another fold of the first round,
        else ``"none"``; ``"unknown"`` where there were too many to compare.
    content : ndarray of int
        A number for each item, the same where encoders see the same.
    notes : tuple of str
        What there is to say.
    """

    fold: np.ndarray
    copies: np.ndarray
    content: np.ndarray
    notes: tuple[str, ...]


def folds_of(
    dataset: Dataset,
    folds: int,
    rounds: int = 1,
    random_state: int = 0,
    near_duplicates: str = "tell",
) -> Folds:
    """Return the items dealt into folds of which each has its share of every label.

    Copies of an item, and the items of a group, are always of one fold. What an item draws depends
    on its name and the seed, as in `train_test_split`.

    Parameters
    ----------
    dataset : Dataset
        The data, without a published split or a time.
    folds : int
        How many, at least two.
    rounds : int
        How often the items are dealt anew.
    random_state : int
        The seed of the first round.
    near_duplicates : {"tell", "together"}
        Whether items that are nearly the same are counted, or kept in one fold as well.

    Raises
    ------
    DataError
        If there are fewer items that can be parted than folds.

    Examples
    --------
    >>> from nearspace import load
    >>> wine = load("wine")
    >>> dealt = folds_of(wine, 5)
    >>> np.bincount(dealt.fold[0]).tolist()
    [36, 36, 36, 35, 35]
    >>> [np.bincount(wine.target.strata[dealt.fold[0] == fold]).tolist() for fold in (0, 4)]
    [[12, 14, 10], [11, 15, 9]]
    """
    content = dataset.kind.same(dataset.items)
    notes = duplicates_told(content)
    together = content
    if near_duplicates == "together":
        together = with_near(dataset, content, notes)
    # What is asked to be together is, even where hardly anything can then be parted.
    units = units_of(dataset, together, notes if together is content else None)
    classes = np.zeros(len(dataset), dtype=np.int64)
    if dataset.target is not None:
        classes = dataset.target.strata
    # Of a label that one unit has nothing is left to learn from when that unit tests.
    pairs = np.unique(np.stack([classes, units]), axis=1)
    lone = np.isin(units, pairs[1][np.bincount(pairs[0])[pairs[0]] == 1])
    if dataset.target is None or len(np.unique(classes)) == 1:
        lone = np.zeros(len(dataset), dtype=bool)
    able = len(np.unique(units[~lone]))
    if able < folds:
        raise DataError(
            f"{dataset.name}: {folds} folds cannot be made of {able} items that can be parted, as "
            "items that are equal or of one group stay together: ask for fewer folds, or for one "
            "held-out part (folds=1)."
        )
    if lone.any():
        n = int(lone.sum())
        which = "One item always trains" if n == 1 else f"{n:,} items always train"
        notes.append(f"{which}: no item that could be of another fold has the same label.")
    fold = np.stack(
        [
            _dealt(units, classes, lone, lots_of(dataset, units, random_state + turn), folds)
            for turn in range(rounds)
        ]
    )
    copies = np.full(len(dataset), "none", dtype="U7")
    if together is content:
        some = compared(dataset, np.arange(len(dataset)), random_state)
        copies[:] = "unknown"
        copies[some] = "none"
        near = dataset.kind.near(dataset.items, some)
        near = near[(fold[0][near[:, 0]] >= 0) & (fold[0][near[:, 0]] != fold[0][near[:, 1]])]
        copies[np.unique(near[:, 0])] = "near"
        parts = np.unique(np.stack([content, fold[0]])[:, fold[0] >= 0], axis=1)[0]
        copies[(fold[0] >= 0) & (np.bincount(parts, minlength=content.max() + 1)[content] > 1)] = (
            "equal"
        )
        if len(near):
            notes.append(
                f"Near-duplicates: {int((copies == 'near').sum()):,} of {len(some):,} items are "
                f"nearly the same as one of another fold, such as {named_pairs(dataset, near)}; "
                "near_duplicates='together' keeps such in one fold."
            )
    return Folds(fold, copies, content, tuple(notes))


def _dealt(
    units: np.ndarray, classes: np.ndarray, lone: np.ndarray, lot: np.ndarray, folds: int
) -> np.ndarray:
    """Return the fold of each item: units go, large ones first, where their classes lack most."""
    shares = np.bincount(classes) / folds
    counts, fold = np.zeros((folds, len(shares))), np.full(len(units), -1)
    items = np.argsort(units, kind="stable")
    sizes = np.bincount(units)
    ends = np.cumsum(sizes)
    largest = classes[items[ends - sizes]]  # of one item, its class: they are dealt class by class
    for unit in np.lexsort((lot, largest, -sizes)):
        members = items[ends[unit] - sizes[unit] : ends[unit]]
        if lone[members[0]]:
            continue
        added = np.bincount(classes[members], minlength=len(shares))
        # How much farther from its shares a fold comes; of equal ones, that with the fewest items.
        change = ((added * (2 * counts + added)) / np.maximum(shares, 1e-9)).sum(axis=1)
        best = np.lexsort((counts.sum(axis=1), np.round(change, 9)))[0]
        counts[best] += added
        fold[members] = best
    return fold
