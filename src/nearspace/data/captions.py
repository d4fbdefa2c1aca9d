"""`captioned`: files of a folder and what a table says of each as pairs."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.load import load
from nearspace.data.pairs import NAMED, Pairs, groups_of_items, settled
from nearspace.data.sources import check_names, left_out
from nearspace.errors import DataError

__all__ = ["captioned"]

CAPTIONS = ("caption", "captions", "text", "sentence", "description", "title", "comment", "prompt")


def captioned(
    items: Dataset,
    frame: Any,
    name: str,
    columns: tuple[str | None, str | None] = (None, None),
    groups: str | None = None,
) -> Pairs:
    """Return items that were files, and the texts in rows of a table that name them, as pairs.

    A file may have several texts, a row each. Rows without a text, rows of files that are not
    there, and files of which no row tells are left out, which notes say.

    Parameters
    ----------
    items : Dataset
        Of files, such as the pictures of a folder: the left side.
    frame : DataFrame
        The table.
    name : str
        Of the table, in errors.
    columns : (str or None, str or None)
        Those with the names of files and with the texts. By default the names stand where most
        cells are names of files, and the texts in the one other column, or in one that is called
        so, as ``caption`` is.
    groups : str, optional
        A column: files of one group are kept on one side of a split.

    Raises
    ------
    DataError
        If a column is not there or not told, or no row names a file that is there.

    Examples
    --------
    >>> import pandas as pd
    >>> items = dataclasses.replace(load(["x", "y"]), files=np.array(["a.md", "b.md"]))
    >>> items = dataclasses.replace(items, ids=items.files)
    >>> table = pd.DataFrame({"file": ["a.md", "a.md", "b.md"], "caption": ["an a", "A", "a b"]})
    >>> captioned(items, table, "table").links.tolist()
    [[0, 0], [0, 1], [1, 2]]
    """
    ids = np.asarray(items.ids)
    if items.files is None:
        raise DataError(f"{items.name}: expected a folder of files, whose names stand in {name}.")
    check_names(name, "column", (*columns, groups), frame.columns)
    places = _places(items)
    of_files = columns[0] or _column_of_files(frame, places, items, name)
    of_texts = columns[1] or _column_of_texts(frame, of_files, groups, name)
    files = [str(cell).strip() for cell in frame[of_files]]
    rows = frame[of_texts]
    there = (rows.notna() & (rows.astype(str).str.strip() != "")).to_numpy()
    place = np.array([_place(file, places) for file in files])
    notes = [*items.notes]
    if lost := list(dict.fromkeys(file for file, at in zip(files, place, strict=True) if at < 0)):
        if (place < 0).all():
            raise DataError(
                f"{name}: none of the {len(lost):,} files named in '{of_files}' is in "
                f"{items.name}, as '{lost[0]:.60}'; correct the names, or say by left= and right= "
                "in which columns names and texts stand."
            )
        count = int((place < 0).sum())
        notes.append(left_out(count, "row", "of a file that is not there", _some(lost)))
    if count := int((~there & (place >= 0)).sum()):
        notes.append(left_out(count, "row", f"without a text in '{of_texts}'"))
    used = np.flatnonzero(there & (place >= 0))
    if not len(used):
        raise DataError(f"{name}: expected a row with a text in '{of_texts}'.")
    bare = np.setdiff1d(np.arange(len(items)), place[used])
    if len(bare):
        some = _some([str(ids[at]) for at in bare[: NAMED + 1]], len(bare))
        notes.append(left_out(len(bare), "item", f"of {items.name} without a row in {name}", some))
    if groups is not None:
        own = groups_of_items(place[used], frame[groups].iloc[used], len(items), name)
        items = dataclasses.replace(items, groups=own)
    texts = load([str(rows.iloc[at]) for at in used], kind="text", ids=used)
    texts = dataclasses.replace(texts, name=name)
    links = np.stack([place[used], np.arange(len(used))], axis=1)
    pairs = Pairs(items, texts, links, name=f"{items.name} and {name}", notes=tuple(notes))
    return settled(pairs.take(np.arange(len(links))))


def _places(items: Dataset) -> dict[str, int]:
    """Return the positions of items by what their files may be called, where it tells them apart.

    Those are their paths below the folder, their names, and these without an ending.
    """
    paths = [str(each).replace(os.sep, "/") for each in np.asarray(items.ids)]
    names = [path.rpartition("/")[2] for path in paths]
    places: dict[str, int] = {}
    for called in (paths, names, [os.path.splitext(each)[0] for each in names]):
        counts = Counter(called)
        for at, each in enumerate(called):
            if counts[each] == 1:
                places.setdefault(each, at)
    return places


def _place(file: str, places: dict[str, int]) -> int:
    """Return the position of the file of a name, or of the end of a path; -1 for none."""
    parts = file.replace("\\", "/").split("/")
    ends = ("/".join(parts[at:]) for at in range(len(parts)))
    return next((places[end] for end in ends if end in places), -1)


def _column_of_files(frame: Any, places: dict[str, int], items: Dataset, name: str) -> str:
    """Return the column in which most cells are names of files that are there."""
    counts = {
        column: sum(_place(str(cell).strip(), places) >= 0 for cell in frame[column])
        for column in frame.columns
    }
    best = max(counts, key=lambda column: counts[column])
    if not counts[best]:
        raise DataError(
            f"{name}: expected a column with names of files of {items.name}, as "
            f"'{next(iter(places)):.60}', and there is none among {_some([*counts])}."
        )
    return best


def _column_of_texts(frame: Any, of_files: str, groups: str | None, name: str) -> str:
    """Return the one other column, or one that is called as captions are."""
    others = [column for column in frame.columns if column not in (of_files, groups)]
    called = [column for column in others if str(column).lower() in CAPTIONS]
    if len(called) == 1 or len(others) == 1:
        return (called or others)[0]
    raise DataError(
        f"{name}: expected one column with texts beside '{of_files}', got "
        f"{_some([str(each) for each in others], len(others))}; say by "
        "left= and right= in which columns names and texts stand."
    )


def _some(names: list[str], count: int | None = None) -> str:
    """Return the first of names, and how many more there are."""
    more = (len(names) if count is None else count) - NAMED
    shown = ", ".join(f"'{each:.60}'" for each in names[:NAMED])
    return shown + f" and {more:,} more" * (more > 0)
