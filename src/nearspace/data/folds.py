"""Deal items into folds, of which each is the test side once: as many as asked, or by group."""

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
from nearspace.data.target import Classes
from nearspace.errors import DataError

__all__ = ["MOST_LEFT_OUT", "Folds", "folds_of", "groups_left_out"]

MOST_LEFT_OUT = 100  # groups, each of which takes a fit of every encoder
TOGETHER = "near_duplicates='together' keeps such in one fold."
NAMED = 3  # of groups and classes that a note tells of


@dataclasses.dataclass(frozen=True, eq=False)
class Folds:
    """Which items test together, in each of several rounds.

    Attributes
    ----------
    fold : ndarray of int of shape (rounds, n)
        The fold of an item, which does not train where that fold tests; -1 for an item that always
        trains, as no other has its label.
    tests : ndarray of bool of shape (n,)
        Whether an item tests with its fold.
    copies : ndarray of str of shape (n,)
        ``"near"`` for an item that is nearly the same as one of another fold of the first round,
        else ``"none"``; ``"unknown"`` where there were too many to compare.
    content : ndarray of int
        A number for each item, the same where encoders see the same.
    notes : tuple of str
        What there is to say.
    """

    fold: np.ndarray
    tests: np.ndarray
    copies: np.ndarray
    content: np.ndarray
    notes: tuple[str, ...]

    def sides(self, turn: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of what trains, and of what tests, for one fold of a round."""
        of = self.fold[turn] == number
        return np.flatnonzero(~of), np.flatnonzero(of & self.tests)


def folds_of(
    dataset: Dataset,
    folds: int,
    rounds: int = 1,
    random_state: int = 0,
    near_duplicates: str = "tell",
    compare: bool = True,
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
    compare : bool
        Whether items are compared to tell copies in other folds.

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
    copies = np.full(len(dataset), "none" if compare else "unknown", dtype="U7")
    if together is content and compare:
        copies = _copies(dataset, content, fold[0], random_state, notes, TOGETHER)
    return Folds(fold, ~lone, copies, content, tuple(notes))


def groups_left_out(dataset: Dataset, rounds: int = 1, random_state: int = 0) -> Folds:
    """Return every group as a fold of its own, in the order of the groups' names.

    A class that stands in one group only cannot be told when that group is left out: its items
    train for the other groups, and do not test. A group of no other items always trains.

    Parameters
    ----------
    dataset : Dataset
        The data, with groups, without a published split or a time.
    rounds : int
        How often the groups are left out, each time for fits of their own.
    random_state : int
        Which items are compared, where there are too many to tell all copies.

    Raises
    ------
    DataError
        If there are no groups, more than 100, or fewer than two that can be told from others.

    Examples
    --------
    >>> from nearspace import load
    >>> data = load(["v", "w", "x", "y", "z"], labels=["a", "b", "a", "b", "c"],
    ...             groups=["x", "x", "y", "y", "y"])
    >>> dealt = groups_left_out(data)
    >>> [[side.tolist() for side in dealt.sides(0, fold)] for fold in (0, 1)]
    [[[2, 3, 4], [0, 1]], [[0, 1], [2, 3]]]
    >>> dealt.notes[0][:74]
    "'c' stands in the group 'y' only, and cannot be told when that is left out"
    """
    if dataset.groups is None:
        raise DataError(
            f"{dataset.name} has no groups that could be left out one by one: name the column that "
            "holds them (groups=), or ask for a number of folds (folds=5)."
        )
    names, code = np.unique(dataset.groups, return_inverse=True)
    if len(names) > MOST_LEFT_OUT:
        raise DataError(
            f"{dataset.name}: leaving out each of {len(names):,} groups would take as many fits of "
            f"every encoder, of at most {MOST_LEFT_OUT}; ask for folds of whole groups (folds=10)."
        )
    content = dataset.kind.same(dataset.items)
    notes, tests = duplicates_told(content), np.ones(len(dataset), dtype=bool)
    if isinstance(dataset.target, Classes) and dataset.target.varies:
        tests = ~_alone(dataset.target, names, code, notes)
    able = np.unique(code[tests])
    if len(able) < 2:
        raise DataError(
            f"{dataset.name}: of its {len(names)} groups {len(able)} can be told from the others, "
            "of two at least: bring more groups, or judge without them."
        )
    fold = np.full(len(names), -1)
    fold[able] = np.arange(len(able))
    of = np.broadcast_to(fold[code], (rounds, len(code)))
    copies = _copies(dataset, content, of[0], random_state, notes, "such stay in their groups.")
    return Folds(of, tests, copies, content, tuple(notes))


def _alone(target: Classes, names: np.ndarray, code: np.ndarray, notes: list[str]) -> np.ndarray:
    """Return which items are of a class that one group has; tell of these, and of the reverse."""
    table = np.zeros((len(names), target.width), dtype=int)
    np.add.at(table, (code, target.strata), 1)
    lone = (table > 0).sum(axis=0) == 1
    for one in np.flatnonzero(lone)[:NAMED]:
        where, n = names[table[:, one].argmax()], int(table[:, one].sum())
        which = "1 item of it trains" if n == 1 else f"{n:,} items of it train"
        notes.append(
            f"'{target.classes[one]}' stands in the group '{where}' only, and cannot be told when "
            f"that is left out: {which} for the other groups, and {'do' if n > 1 else 'does'} not "
            "test."
        )
    if (more := int(lone.sum()) - NAMED) > 0:
        notes.append(f"So it is with {more:,} more class{'es' * (more > 1)} of one group each.")
    single = np.flatnonzero((table > 0).sum(axis=1) == 1)
    if len(single):
        shown = ", ".join(f"'{names[at]}'" for at in single[:NAMED])
        others = f" and {len(single) - NAMED:,} more" * (len(single) > NAMED)
        notes.append(
            f"{len(single):,} of {len(names):,} groups hold one class alone ({shown}{others}): "
            "their scores say whether that class is told, and not whether classes are told apart."
        )
    return lone[target.strata]


def _copies(
    dataset: Dataset,
    content: np.ndarray,
    fold: np.ndarray,
    random_state: int,
    notes: list[str],
    how: str,
) -> np.ndarray:
    """Return which items have a copy in another fold, equal or near; tell of the near ones."""
    copies = np.full(len(dataset), "unknown", dtype="U7")
    some = compared(dataset, np.arange(len(dataset)), random_state)
    copies[some] = "none"
    near = dataset.kind.near(dataset.items, some)
    near = near[(fold[near[:, 0]] >= 0) & (fold[near[:, 0]] != fold[near[:, 1]])]
    copies[np.unique(near[:, 0])] = "near"
    parts = np.unique(np.stack([content, fold])[:, fold >= 0], axis=1)[0]
    copies[(fold >= 0) & (np.bincount(parts, minlength=content.max() + 1)[content] > 1)] = "equal"
    if len(near):
        notes.append(
            f"Near-duplicates: {int((copies == 'near').sum()):,} of {len(some):,} items are nearly "
            f"the same as one of another fold, such as {named_pairs(dataset, near)}; {how}"
        )
    return copies


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
