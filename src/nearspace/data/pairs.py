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
from nearspace.data.kinds.sides import Sides
from nearspace.data.load import load
from nearspace.data.numerals import Numerals, parse_numbers
from nearspace.data.readers.files import read_frame
from nearspace.data.sided import SIDES, Sided
from nearspace.data.sources import check_names, left_out
from nearspace.errors import DataError
from nearspace.notebook import shortened

__all__ = ["Pairs", "load_pairs"]

LIKE_OTHERS = 5  # different scores, of which one can be told to be unlike the others
MOST_UNLIKE = 0.2  # of the scores: more are no mistake


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
        its own behind the name of its side.

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
        metas = [own.meta for own in sides if own.meta is not None]
        return Dataset(
            Sided.of(self.left.items, self.right.items, self.links),
            Sides(self.left.kind, self.right.kind),
            np.array(ids),
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


def load_pairs(
    source: Any,
    left: str,
    right: str,
    *,
    scores: str | None = None,
    scale: tuple[float, float] | None = None,
    same: bool = False,
    test: Any = None,
) -> Pairs:
    """Read pairs of texts from two columns of a table, a pair a row.

    A text that stands in several rows is one item in several pairs. Rows without one of the two
    texts or without a score, and those whose pair stood there before, are left out, which a note
    says.

    Parameters
    ----------
    source : str, path or DataFrame
        A file that holds a table, see `load`, or a frame.
    left, right : str
        The columns with the texts.
    scores : str, optional
        The column that says how alike the two are.
    scale : (float, float), optional
        The least and the largest score that there can be; by default any number is one.
    same : bool, default=False
        Whether both columns are of one set, such as sentences of one language: then a text is one
        item, on whichever side it stands.
    test : str, path or DataFrame, optional
        More of such pairs, by which encoders are judged; those of `source` are then to learn from.

    Returns
    -------
    Pairs
        The ids of items are the rows in which they first stand, their positions with ``same``.

    Raises
    ------
    DataError
        If the file cannot be read, a column does not exist, of which the nearest is named, or a
        score is no number, or none of the scale.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"de": ["Hund", "Katze"], "en": ["dog", "cat"], "sure": [1.0, 0.9]})
    >>> pairs = load_pairs(table, "de", "en", scores="sure")
    >>> pairs.left.items, pairs.right.items, pairs.scores.tolist()
    (['Hund', 'Katze'], ['dog', 'cat'], [1.0, 0.9])
    """
    import pandas as pd

    frame, name, notes = _frame(source)
    asked = {"left": left, "right": right} | ({} if scores is None else {"scores": scores})
    for option, column in asked.items():
        if not isinstance(column, str) or not column:
            raise DataError(
                f"load_pairs: expected {option}= as the name of a column, got {column!r:.40}."
            )
    check_names(name, "column", (left, right, scores), frame.columns)
    columns = [left, right] if scores is None else [left, right, scores]
    table, split = frame[columns].reset_index(drop=True), None
    if test is not None:
        more, test_name, test_notes = _frame(test)
        check_names(test_name, "column", columns, more.columns)
        split = np.repeat(["train", "test"], [len(table), len(more)])
        table = pd.concat([table, more[columns]], ignore_index=True)
        notes += [f"Test pairs come from {test_name}.", *(f"Test: {note}" for note in test_notes)]
    both = table[[left, right]]
    there = both.notna().all(axis=1)
    judged = there if scores is None else there & table[scores].notna()
    first = judged & ~both.where(judged).duplicated()
    for count, why in (
        ((~there).sum(), "without one of its texts"),
        ((there & ~judged).sum(), "without a score"),
        ((judged & ~first).sum(), "whose pair stood there before"),
    ):
        if count:
            notes.append(left_out(int(count), "row", why))
    rows = np.flatnonzero(first)
    if not len(rows):
        raise DataError(f"{name}: expected a row with a text in '{left}' and in '{right}'.")
    told = None if scores is None else _scores(table, scores, rows, scale, name)
    if told is not None and scale is None:
        notes += _unlike_others(told, rows)
    texts = [both[column].to_numpy()[rows].tolist() for column in (left, right)]
    if same:
        dataset, places = _side(texts[0] + texts[1], None, name)
        sides, links = (dataset, dataset), places.reshape(2, -1).T
    else:
        (one, here), (other, at) = (_side(side, rows, name) for side in texts)
        sides, links = (one, other), np.stack([here, at], axis=1)
    parts = None if split is None else split[rows]
    return Pairs(*sides, links, told, split=parts, name=name, notes=tuple(notes))


def _frame(source: Any) -> tuple[Any, str, list[str]]:
    source = as_frame(source)
    if is_frame(source):
        return source, "data", []
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"load_pairs: expected a file or a DataFrame, got {type(source).__name__}.")
    path = Path(source).expanduser()
    frame, notes = read_frame(path)
    return frame, path.name, notes


def _scores(
    table: Any, column: str, rows: np.ndarray, scale: tuple[float, float] | None, name: str
) -> np.ndarray:
    """Return the scores in some rows as numbers, where text says some; all of them of the scale."""
    values = table[column].iloc[rows]
    numbers = values.to_numpy()
    if values.dtype.kind not in "fiub":
        read = parse_numbers(values)
        if not isinstance(read, Numerals):
            odd = next((cell for cell in numbers if not _is_number(cell)), numbers[0])
            raise DataError(
                f"{name}: expected a number in each row of '{column}', which says how alike the "
                f"two texts are; got '{odd!s:.40}'."
            )
        wrong = np.flatnonzero(~np.isfinite(read.values))
        if len(wrong):
            raise DataError(
                f"{name}: the score in row {rows[wrong[0]]} is '{numbers[wrong[0]]!s:.40}'; "
                "expected a number, or nothing where there is none."
            )
        numbers = read.values
    low, high = (-np.inf, np.inf) if scale is None else scale
    beyond = np.flatnonzero((numbers < low) | (numbers > high) | ~np.isfinite(numbers))
    if len(beyond):
        within = "a finite number" if scale is None else f"scores from {low:g} to {high:g}"
        raise DataError(
            f"{name}: the score in row {rows[beyond[0]]} is {numbers[beyond[0]]:g}, expected "
            f"{within}{f'; so it is in {len(beyond):,} rows' * (len(beyond) > 1)}."
        )
    return numbers.astype(np.float64)


def _unlike_others(numbers: np.ndarray, rows: np.ndarray) -> list[str]:
    """Return which scores are likely none, where nobody said of which scale they are.

    Those are farther from all others than these are from each other, as 55 is among 0 to 5, or the
    same number below 0 where all others are not, as -1 is.
    """
    ordered = np.unique(numbers)
    if len(ordered) < LIKE_OTHERS:
        return []
    low, second = ordered[:2]
    below, high = ordered[-2:]
    for odd, is_odd, others in (
        (high, high - below > below - low, (low, below)),
        (low, second - low > high - second or low < 0 <= second, (second, high)),
    ):
        at = np.flatnonzero(numbers == odd)
        if is_odd and len(at) <= MOST_UNLIKE * len(numbers):
            more = f" and in {len(at) - 1:,} more" if len(at) > 1 else ""
            return [
                f"The score in row {rows[at[0]]}{more} is {odd:g}, all others are from "
                f"{others[0]:g} to {others[1]:g}: if it is a mistake, correct it, and say by "
                "scale= which scores there can be."
            ]
    return []


def _is_number(cell: Any) -> bool:
    try:
        return np.isfinite(float(cell))
    except ValueError:
        return False


def _side(texts: list[str], rows: np.ndarray | None, name: str) -> tuple[Dataset, np.ndarray]:
    """Return the different texts of a side, in the order in which they come, and each one's place.

    The id of an item is the row in which it stands first, where rows are given.
    """
    import pandas as pd

    places, different = pd.factorize(np.array(texts, dtype=object))
    first = np.unique(places, return_index=True)[1]
    dataset = load(list(different), kind="text", ids=None if rows is None else rows[first])
    return dataclasses.replace(dataset, name=name), places
