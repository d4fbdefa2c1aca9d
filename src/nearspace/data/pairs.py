"""`Pairs`: items that belong together two by two, and reading them from two columns of a table."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.frames import as_frame
from nearspace.data.kinds.kind import is_frame
from nearspace.data.load import load
from nearspace.data.numerals import Numerals, parse_numbers
from nearspace.data.readers.files import read_frame
from nearspace.data.sources import check_names, left_out
from nearspace.errors import DataError
from nearspace.notebook import shortened

__all__ = ["Pairs", "load_pairs"]


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
    name : str
        What to call the data in a report.
    notes : tuple of str
        What reading the data brought up.

    Raises
    ------
    DataError
        If a link leads to no item, a pair stands twice, or scores are not one finite number a pair.

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
    name: str = "pairs"
    notes: tuple[str, ...] = ()

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
        if self.scores is not None:
            object.__setattr__(self, "scores", self._checked(self.scores))

    def _checked(self, scores: Any) -> np.ndarray:
        values = np.asarray(scores)
        if values.shape != (len(self.links),) or values.dtype.kind not in "fiub":
            raise DataError(
                f"{self.name}: expected {len(self.links)} scores, a number a pair, got "
                f"{values.dtype} of shape {values.shape}."
            )
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise DataError(f"{self.name}: the score of pair {wrong[0]} is {values[wrong[0]]}.")
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
        scores = None if self.scores is None else self.scores[np.asarray(rows)]
        return dataclasses.replace(self, left=left, right=right, links=links, scores=scores)


def load_pairs(
    source: Any, left: str, right: str, *, scores: str | None = None, same: bool = False
) -> Pairs:
    """Read pairs of texts from two columns of a table, a pair a row.

    A text that stands in several rows is one item in several pairs. Rows without one of the two
    texts, and those whose pair stood there before, are left out, which a note says.

    Parameters
    ----------
    source : str, path or DataFrame
        A file that holds a table, see `load`, or a frame.
    left, right : str
        The columns with the texts.
    scores : str, optional
        The column that says how alike the two are.
    same : bool, default=False
        Whether both columns are of one set, such as sentences of one language: then a text is one
        item, on whichever side it stands.

    Returns
    -------
    Pairs
        The ids of items are the rows in which they first stand, their positions with ``same``.

    Raises
    ------
    DataError
        If the file cannot be read, or a column does not exist; the nearest is named.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"de": ["Hund", "Katze"], "en": ["dog", "cat"], "sure": [1.0, 0.9]})
    >>> pairs = load_pairs(table, "de", "en", scores="sure")
    >>> pairs.left.items, pairs.right.items, pairs.scores.tolist()
    (['Hund', 'Katze'], ['dog', 'cat'], [1.0, 0.9])
    """
    frame, name, notes = _frame(source)
    check_names(name, "column", (left, right, scores), frame.columns)
    both = frame[[left, right]].reset_index(drop=True)
    there = both[both.notna().all(axis=1)]
    rows = there[~there.duplicated()].index.to_numpy()
    for count, why in (
        (len(both) - len(there), "without one of its texts"),
        (len(there) - len(rows), "whose pair stood there before"),
    ):
        if count:
            notes.append(left_out(count, "row", why))
    if not len(rows):
        raise DataError(f"{name}: expected a row with a text in '{left}' and in '{right}'.")
    texts = [both[column].to_numpy()[rows].tolist() for column in (left, right)]
    if same:
        dataset, places = _side(texts[0] + texts[1], None, name)
        sides, links = (dataset, dataset), places.reshape(2, -1).T
    else:
        (one, here), (other, at) = (_side(side, rows, name) for side in texts)
        sides, links = (one, other), np.stack([here, at], axis=1)
    told = None if scores is None else _scores(frame[scores])[rows]
    return Pairs(*sides, links, told, name, tuple(notes))


def _frame(source: Any) -> tuple[Any, str, list[str]]:
    source = as_frame(source)
    if is_frame(source):
        return source, "data", []
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"load_pairs: expected a file or a DataFrame, got {type(source).__name__}.")
    path = Path(source).expanduser()
    frame, notes = read_frame(path)
    return frame, path.name, notes


def _scores(column: Any) -> np.ndarray:
    """Return a column as numbers, where text says some."""
    read = parse_numbers(column) if column.dtype.kind not in "fiub" else None
    return read.values if isinstance(read, Numerals) else column.to_numpy()


def _side(texts: list[str], rows: np.ndarray | None, name: str) -> tuple[Dataset, np.ndarray]:
    """Return the different texts of a side, in the order in which they come, and each one's place.

    The id of an item is the row in which it stands first, where rows are given.
    """
    import pandas as pd

    places, different = pd.factorize(np.array(texts, dtype=object))
    first = np.unique(places, return_index=True)[1]
    dataset = load(list(different), kind="text", ids=None if rows is None else rows[first])
    return dataclasses.replace(dataset, name=name), places
