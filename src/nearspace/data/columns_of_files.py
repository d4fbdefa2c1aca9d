"""Columns whose cells are items of their own, as pictures, or the names of their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.kinds.kind import is_picture, kind_of_file
from nearspace.data.kinds.text import Text
from nearspace.data.paths import folder_of, paths_of, spread_below
from nearspace.data.sound import Sound
from nearspace.data.sources import Source
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["are_items", "folder_of_column", "holds_items", "spread_column", "with_files"]


def holds_items(column: pd.Series, table: Path | None) -> bool:
    """Return whether all cells of a column are items, as pictures are, or name files of such.

    Examples
    --------
    >>> import pandas as pd
    >>> holds_items(pd.Series(["near", "far"]), None)
    False
    """
    there = column.notna().to_numpy()
    if column.dtype.kind != "O" or not there.any():
        return False
    first = column.iloc[int(there.argmax())]
    if not (is_picture(first) or isinstance(first, Sound) or _is_name(first)):
        return False  # as most columns, before all of their cells are made objects
    return are_items(column.dropna()) or folder_of_column(column, table) is not None


def are_items(cells: pd.Series) -> bool:
    """Return whether there are cells, and all of them are items on their own."""
    sounds = (isinstance(cell, Sound) for cell in cells)
    return len(cells) > 0 and (all(map(is_picture, cells)) or all(sounds))


def folder_of_column(column: pd.Series, table: Path | None, far: bool = False) -> Path | None:
    """Return the folder in which files lie whose names a column holds; None where it holds none.

    Names of files that lie elsewhere are names, and no more.
    """
    cells = column.dropna().tolist()
    return folder_of(cells, table, far) if cells and all(map(_is_name, cells)) else None


def spread_column(
    column: pd.Series, table: Path | None, name: str
) -> tuple[pd.Series, Path | None]:
    """Return a column that was asked for with files of several folders named in full, and theirs.

    Raises
    ------
    DataError
        If it names files that are not there.
    """
    cells = column.dropna().tolist()
    if not cells or not all(_is_name(cell) and kind_of_file(cell) is not Text for cell in cells):
        return column, None
    places = spread_below(cells, table)
    if places is None or table is None:
        raise DataError(
            f"{name}: the column '{column.name}' names files of which none is there, such as "
            f"'{cells[0]}': give their paths from the folder of the table, or say kind='text' "
            "where these are texts."
        )
    return column.map(places, na_action="ignore"), table.parent / ".."


def _is_name(cell: Any) -> bool:
    return isinstance(cell, str) and kind_of_file(cell) is not None


def with_files(source: Source, folder: Path, has_ids: bool) -> Source:
    """Return the source of the files in a folder whose names a column holds.

    They are the ids, if none are named and no name stands twice.
    """
    source.names = names = np.array(source.items)
    source.items = paths_of(source.items, source.name, folder)
    if not has_ids and len({*names.tolist()}) == len(names):
        source.roles["ids"] = names
    if folder != Path():
        source.notes.append(f"Files are read from {os.path.normpath(folder)}.")
    return source
