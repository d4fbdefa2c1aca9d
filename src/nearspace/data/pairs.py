"""`Pairs`: items that belong together two by two, and two datasets whose items do."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.duplicates import components
from nearspace.data.kinds.sides import Sides
from nearspace.data.roles import is_missing
from nearspace.data.sided import SIDES, Sided
from nearspace.data.sources import left_out
from nearspace.errors import DataError
from nearspace.notebook import shortened

__all__ = ["Pairs", "groups_of_items", "paired", "settled"]

NAMED = 3  # of items that belong to none, in a sentence
MANY = 100  # items to which one belongs, which is told


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Pairs:
    """Items of two sides, and which of them belong together.

    Parameters
    ----------
    left, right : Dataset
        The items of either side, each once; the same dataset where both sides are one set.
    links : array of int of shape (m, 2)
        For each pair the positions of its items, left and right. An item may be in several pairs.
    scores : array of shape (m,), optional
        How alike the two items of each pair are.
    grades : array of shape (m,), optional
        How relevant the item on the right is to the one on the left, above 0: of queries and
        documents, where not all that are relevant are so alike.
    split : array of shape (m,), optional
        Of each pair whether it is to learn from, ``"train"``, or to be judged on, ``"test"``.
    name : str
        What to call the data in a report.
    notes : tuple of str
        What reading the data brought up.
    searched : bool
        Whether the items on the left are queries that search all on the right, of which no more is
        relevant than is judged so; else two items of a pair belong to each other.
    made_by : str
        What the items on the left were made of, where nobody wrote them as queries.

    Raises
    ------
    DataError
        If a link leads to no item, a pair stands twice, scores or grades are not one finite number
        a pair, or a grade is not above 0.

    Examples
    --------
    >>> from nearspace import load
    >>> pairs = Pairs(load(["cat", "dog"]), load(["Hund", "Katze"]), [[0, 1], [1, 0]])
    >>> len(pairs), pairs.take([1]).right.items
    (2, ['Hund'])
    """

    left: Dataset
    right: Dataset
    links: np.ndarray
    scores: np.ndarray | None = None
    grades: np.ndarray | None = None
    split: np.ndarray | None = None
    name: str = "pairs"
    notes: tuple[str, ...] = ()
    searched: bool = False
    made_by: str = ""

    def __post_init__(self) -> None:
        links = np.asarray(self.links)
        if links.ndim != 2 or links.shape[1] != 2 or links.dtype.kind not in "iu":
            raise DataError(
                f"{self.name}: expected links as positions of shape (m, 2), got {links.dtype} of "
                f"shape {links.shape}."
            )
        outside = np.argwhere((links < 0) | (links >= [len(self.left), len(self.right)]))
        if len(outside):
            row, side = outside[0]
            raise DataError(
                f"{self.name}: pair {row} leads to item {links[row, side]} of "
                f"{len((self.left, self.right)[side])} on the {('left', 'right')[side]}."
            )
        different, first = np.unique(links, axis=0, return_index=True)
        if len(different) < len(links):
            row = np.setdiff1d(np.arange(len(links)), first)[0]
            raise DataError(f"{self.name}: pair {row} stands there before; leave it out.")
        object.__setattr__(self, "links", links.astype(np.int64))
        for name in ("scores", "grades"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, self._checked(getattr(self, name), name))
        if self.grades is not None and (low := np.flatnonzero(self.grades <= 0)).size:
            raise DataError(
                f"{self.name}: the grade of pair {low[0]} is {self.grades[low[0]]:g}; expected "
                "numbers above 0, and no pair where an item is not relevant."
            )
        if self.split is not None:
            split = np.asarray(self.split)
            if split.shape != (len(self.links),) or not np.isin(split, ("train", "test")).all():
                raise DataError(
                    f"{self.name}: expected 'train' or 'test' of each of {len(self.links)} pairs "
                    f"as split, got {split.dtype} of shape {split.shape}."
                )
            object.__setattr__(self, "split", split)

    def _checked(self, numbers: Any, what: str) -> np.ndarray:
        values = np.asarray(numbers)
        if values.shape != (len(self.links),) or values.dtype.kind not in "fiub":
            raise DataError(
                f"{self.name}: expected {len(self.links)} {what}, a number a pair, got "
                f"{values.dtype} of shape {values.shape}."
            )
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise DataError(
                f"{self.name}: the {what[:-1]} of pair {wrong[0]} is {values[wrong[0]]}."
            )
        return values.astype(np.float64)

    def __repr__(self) -> str:
        """Return how many pairs of what, on one line."""
        sides = " and ".join(dict.fromkeys(f"{side.kind}" for side in (self.left, self.right)))
        return f"Pairs({shortened(self.name, 24)}: {len(self):,} pairs of {shortened(sides, 60)})"

    def __len__(self) -> int:
        return len(self.links)

    def take(self, rows: Any) -> Pairs:
        """Return some of the pairs (positions, or a mask of bool), and the items in them alone."""
        links = self.links[np.asarray(rows)]
        if self.left is self.right:
            used, places = np.unique(links, return_inverse=True)
            left = right = self.left.take(used)
            links = places.reshape(links.shape)
        else:
            sides = [np.unique(side, return_inverse=True) for side in links.T]
            left, right = self.left.take(sides[0][0]), self.right.take(sides[1][0])
            links = np.stack([places for _, places in sides], axis=1)
        some = {
            name: values[np.asarray(rows)]
            for name in ("scores", "grades", "split")
            if (values := getattr(self, name)) is not None
        }
        return dataclasses.replace(self, left=left, right=right, links=links, **some)

    def together(self) -> Dataset:
        """Return the items of both sides as one dataset, those of the left side first.

        Its kind is `Sides`, and its items know which of them belong together. The id of an item is
        its own behind the name of its side. Where pairs have a published split, an item of any pair
        to learn from is to learn from.

        Examples
        --------
        >>> from nearspace import load
        >>> pairs = Pairs(load(["cat", "dog"]), load(["Hund", "Katze"]), [[0, 1], [1, 0]])
        >>> both = pairs.together()
        >>> both.ids.tolist(), str(both.kind), len(both.items.links)
        (['left-0', 'left-1', 'right-0', 'right-1'], 'texts and texts', 2)
        """
        sides = (self.left, self.right)
        ids = [
            f"{side}-{name}"
            for side, own in zip(SIDES, sides, strict=True)
            for name in np.asarray(own.ids).tolist()
        ]
        split = None
        if self.split is not None:
            trains = self.split == "train"
            whole = [np.full(len(own), "test", dtype="U5") for own in sides]
            for own, at in zip(whole, self.links[trains].T, strict=True):
                own[at] = "train"
            split = np.concatenate(whole)
        metas = [own.meta for own in sides if own.meta is not None]
        return Dataset(
            Sided.of(self.left.items, self.right.items, self.links),
            Sides(self.left.kind, self.right.kind),
            np.array(ids),
            split=split,
            meta=self._meta() if metas else None,
            name=self.name,
            notes=self.notes,
        )

    def _meta(self) -> Any:
        """Return what is said of the items of both sides beside them, one below the other."""
        import pyarrow as pa

        tables = [
            pa.table({"": pa.nulls(len(own))}) if own.meta is None else own.meta
            for own in (self.left, self.right)
        ]
        for name in {*tables[0].column_names} & {*tables[1].column_names}:
            if tables[0][name].type != tables[1][name].type:  # what is a number on one side alone
                tables = [
                    table.set_column(
                        table.column_names.index(name), name, table[name].cast(pa.string())
                    )
                    for table in tables
                ]
        both = pa.concat_tables(tables, promote_options="default")
        return both.drop_columns([name for name in both.column_names if not name])


def paired(left: Dataset, right: Dataset) -> Pairs:
    """Return two datasets as pairs: the items of one name, else those of one place.

    Items that were files go by their names without what stands behind the last point, and others by
    their ids where both have the same ones. What has no partner is left out, which a note says.

    Parameters
    ----------
    left, right : Dataset
        The two sides.

    Raises
    ------
    DataError
        If they are not equally many, or names have nothing in common.

    Examples
    --------
    >>> from nearspace import load
    >>> pairs = paired(load(["Hund", "Katze"]), load(["dog", "cat"]))
    >>> pairs.links.tolist()
    [[0, 0], [1, 1]]
    """
    sides, names = (left, right), [_names(left), _names(right)]
    of_files = all(side.files is not None for side in sides)
    if not of_files:
        # Lines without a text were left out, and keep their place.
        totals = [len(side) + len(side.left_out) for side in sides]
        if totals[0] != totals[1]:
            raise DataError(
                f"{left.name} has {totals[0]:,} items and {right.name} {totals[1]:,}: expected as "
                "many of one as of the other, as item n of one belongs to item n of the other."
            )
    for side, own in zip(sides, names, strict=True):
        if of_files and len({*own}) < len(own):
            name = next(name for name in own if own.count(name) > 1)
            raise DataError(
                f"{side.name} has {own.count(name)} files '{name}' that differ in their ending "
                "alone, so that it is not told which of them has its partner on the other side."
            )
    places = {name: place for place, name in enumerate(names[1])}
    links = [(at, places[name]) for at, name in enumerate(names[0]) if name in places]
    if not links:
        raise DataError(
            f"{left.name} and {right.name} have no item of one name: expected pairs as "
            f"'{names[0][0]}' on either side, got '{names[1][0]}' on the right."
        )
    notes = [*(f"Left: {note}" for note in left.notes), *(f"Right: {n}" for n in right.notes)]
    for side, own, used in zip(sides, names, np.array(links).T, strict=True):
        lost = np.setdiff1d(np.arange(len(own)), used)
        if len(lost):
            some = ", ".join(own[at] for at in lost[:NAMED].tolist())
            some += f" and {len(lost) - NAMED:,} more" * (len(lost) > NAMED)
            notes.append(left_out(len(lost), "item", f"of {side.name} without a partner", some))
    pairs = Pairs(left, right, np.array(links), name=f"{left.name} and {right.name}")
    pairs = dataclasses.replace(pairs.take(np.arange(len(links))), notes=tuple(notes))
    return settled(pairs)


def settled(pairs: Pairs) -> Pairs:
    """Return pairs in which copies of an item are one, with notes on what is likely a mistake.

    Raises
    ------
    DataError
        If all pairs are the same one.

    Examples
    --------
    >>> from nearspace import load
    >>> pairs = Pairs(load(["a", "b", "a"]), load(["x", "y", "z"]), [[0, 0], [1, 1], [2, 2]])
    >>> settled(pairs).links.tolist()
    [[0, 0], [0, 2], [1, 1]]
    """
    return _told(_once(pairs))


def groups_of_items(place: np.ndarray, groups: Any, n: int, name: str) -> np.ndarray:
    """Return for each of ``n`` items a number, the same for those of one group.

    Groups that have an item in common are one, since both would have to stay on its side.

    Parameters
    ----------
    place : ndarray of shape (m,), int
        The item of each row.
    groups : Series of m values
        The group of each row.
    n : int
        How many items there are.
    name : str
        Of the table, in errors.

    Raises
    ------
    DataError
        If a row has no group: nothing tells what it would have to stay together with.

    Examples
    --------
    >>> import pandas as pd
    >>> groups_of_items(np.array([0, 1, 1, 2]), pd.Series(["a", "a", "b", "c"]), 3, "t").tolist()
    [0, 0, 1]
    """
    bare = np.flatnonzero(is_missing(groups.to_numpy(dtype=object)))
    if len(bare):
        raise DataError(
            f"{name}: row {groups.index[bare[0]]} and {len(bare) - 1:,} others have no group in "
            f"'{groups.name}'; write one, or leave the rows out."
        )
    number = np.unique(groups.to_numpy(dtype=str), return_inverse=True)[1]
    edges = np.stack([place, n + number], axis=1)
    return components(n + int(number.max()) + 1, edges)[:n]


def _names(side: Dataset) -> list[str]:
    """Return by what the items of a side are told apart, as text."""
    ids = [str(name) for name in np.asarray(side.ids).tolist()]
    return ids if side.files is None else [os.path.splitext(name)[0] for name in ids]


def _once(pairs: Pairs) -> Pairs:
    """Return pairs whose copies on a side are one item, in several pairs, and no pair twice."""
    sides, links = [], pairs.links.copy()
    for which, side in enumerate((pairs.left, pairs.right)):
        _, first, of = np.unique(side.hashes, return_index=True, return_inverse=True)
        order = np.sort(first)
        place = np.searchsorted(order, first)
        sides.append(side if len(order) == len(side) else side.take(order))
        links[:, which] = place[of[links[:, which]]]
    links = np.unique(links, axis=0)
    notes = list(pairs.notes)
    if len(links) < len(pairs):
        twice = len(pairs) - len(links)
        notes.append(left_out(twice, "pair", "that stood there before"))
    if len(links) < 2:
        raise DataError(f"{pairs.name}: expected pairs that differ, got one, {len(pairs):,} times.")
    return dataclasses.replace(
        pairs, left=sides[0], right=sides[1], links=links, notes=tuple(notes)
    )


def _told(pairs: Pairs) -> Pairs:
    """Return pairs with notes on what flatters or is likely a mistake."""
    notes = list(pairs.notes)
    for which, (side, what) in enumerate(zip((pairs.left, pairs.right), SIDES, strict=True)):
        counts = np.bincount(pairs.links[:, which], minlength=len(side))
        if counts.max() >= MANY:
            name = np.asarray(side.ids)[counts.argmax()]
            notes.append(
                f"The item '{name}' on the {what} belongs to {counts.max():,} on the other side: "
                "all of them are kept on one side of a split."
            )
    return dataclasses.replace(pairs, notes=tuple(notes))
