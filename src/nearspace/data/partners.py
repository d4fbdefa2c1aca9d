"""`partners`: which items of two datasets belong together, by their places or their names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.sources import left_out
from nearspace.errors import DataError

__all__ = ["partners"]

SHOWN = 5  # of what was left out, in a note


def partners(left: Dataset, right: Dataset) -> tuple[np.ndarray, list[str]]:
    """Return the positions of items that belong together, and what there is to say of others.

    Items that are files of their own go together by their names without endings, all others by
    their places, of which those that were left out, as blank lines are, keep theirs.

    Parameters
    ----------
    left, right : Dataset
        The items of either side.

    Returns
    -------
    rows : ndarray of shape (m, 2), int64
        Positions, left and right, in the order of the left.
    notes : list of str
        What was left out, as it has no partner.

    Raises
    ------
    DataError
        If the sides are of unequal length, a name stands twice, or no item has a partner.

    Examples
    --------
    >>> from nearspace import load
    >>> partners(load(["Hund", "Katze"]), load(["dog", "cat"]))[0].tolist()
    [[0, 0], [1, 1]]
    """
    by_name = left.files is not None and right.files is not None
    keys, notes = _names(left, right) if by_name else _places(left, right)
    at = {key: place for place, key in enumerate(keys[1])}
    rows = [(place, at[key]) for place, key in enumerate(keys[0]) if key in at]
    if not rows:
        first = f"; their names are such as '{keys[0][0]}' and '{keys[1][0]}'" if by_name else ""
        raise DataError(
            f"{left.name} and {right.name}: expected an item that has its partner on the other "
            f"side, got none{first}."
        )
    return np.array(rows), notes


def _names(left: Dataset, right: Dataset) -> tuple[list[list[Any]], list[str]]:
    """Return the names of files without their endings, and which stand on one side alone."""
    keys = []
    for side in (left, right):
        names = [os.path.splitext(str(each))[0] for each in np.asarray(side.ids)]
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise DataError(
                f"{side.name}: several files are called '{twice}' but for their endings, so that "
                "none says which belongs to the other side; leave all but one out."
            )
        keys.append(names)
    notes = []
    for side, names, others in zip((left, right), keys, keys[::-1], strict=True):
        if alone := sorted({*names} - {*others}):
            notes.append(left_out(len(alone), "file", f"of {side.name} alone", _some(alone)))
    return keys, notes


def _places(left: Dataset, right: Dataset) -> tuple[list[list[Any]], list[str]]:
    """Return the place of each item in its source, and which pairs have an empty side."""
    counts = [len(side) + len(side.left_out) for side in (left, right)]
    if counts[0] != counts[1]:
        raise DataError(
            f"{left.name} and {right.name}: item n of one belongs to item n of the other, but they "
            f"have {counts[0]:,} and {counts[1]:,}; give both one item, or line, a pair."
        )
    gone = []
    for side in (left, right):
        if not all(name.isdecimal() for name in side.left_out):
            raise DataError(
                f"{side.name}: items were left out that are named, not counted, so that no place "
                "tells what belongs together; give both sides without them."
            )
        gone.append({int(name) for name in side.left_out})
    keys = [np.setdiff1d(np.arange(counts[0]), [*rows]).tolist() for rows in gone]
    empty = sorted(gone[0] | gone[1])
    if not empty:
        return keys, []
    shown = _some([str(row + 1) for row in empty])
    return keys, [left_out(len(empty), "pair", "with an empty side", f"number {shown}")]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + ", …" * (len(names) > SHOWN)
