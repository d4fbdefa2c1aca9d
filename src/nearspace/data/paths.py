"""Which lists are of files: paths that exist, as text or as `Path`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nearspace.data.kinds.kind import kind_of_file
from nearspace.errors import DataError

__all__ = ["names_below", "paths_of"]

NAMED = 3  # of the files that are not there, in an error


def paths_of(items: Sequence[Any], who: str = "data") -> list[Path] | None:
    """Return the files that a list names, each of which holds an item; None where it names none.

    Texts name files where all end like such files, as ``.png``, or all exist.

    Parameters
    ----------
    items : sequence
        Of anything.
    who : str, default="data"
        What to call it in an error.

    Raises
    ------
    DataError
        If some of the files are not there, or they hold no item each.

    Examples
    --------
    >>> paths_of(["near", "alike"])
    >>> paths_of(["near.png", "nowhere.png"])
    Traceback (most recent call last):
        ...
    nearspace.errors.DataError: data: none of the 2 files is there, such as 'near.png': give ...
    """
    are_paths = bool(items) and all(isinstance(item, os.PathLike) for item in items)
    if not are_paths and not (items and all(isinstance(item, str) for item in items)):
        return None
    names = [os.path.expanduser(os.fspath(item)) for item in items]
    of_items = all(map(kind_of_file, names))
    # Of a million texts no more than a few are looked for on the disk.
    if not (are_paths or of_items or any(map(os.path.exists, (names[0], names[-1])))):
        return None
    missing = [name for name in names if not os.path.exists(name)]
    # A word among texts may be the name of a file that lies here.
    if not (are_paths or of_items) and 2 * len(missing) >= len(names):
        return None
    if missing:
        shown = ", ".join(f"'{name}'" for name in missing[:NAMED])
        if len(missing) == len(names):
            raise DataError(
                f"{who}: none of the {len(names):,} files is there, such as '{missing[0]}': give "
                f"whole paths (the current folder is {os.getcwd()}), or say kind='text' where "
                "these are texts."
            )
        raise DataError(
            f"{who}: {len(missing):,} of the {len(names):,} files {_are(len(missing))} not there: "
            f"{shown}{', …' * (len(missing) > NAMED)}; correct or leave out those paths."
        )
    folder = next(filter(os.path.isdir, names), None)
    if folder is not None:
        raise DataError(
            f"{who}: '{folder}' is a folder, in a list of files: load a folder by itself, its "
            "subfolders are the labels."
        )
    odd = next((name for name in names if kind_of_file(name) is None), None)
    if odd is not None:
        raise DataError(
            f"{who}: '{os.path.basename(odd)}' is no file of one item, such as a picture: load a "
            "table or an archive by itself, and give the texts in files as a list of str "
            "([Path(name).read_text() for name in names])."
        )
    kinds = {kind_of_file(name) for name in names}
    if len(kinds) > 1:
        raise DataError(f"{who}: files of several kinds; give those of one kind.")
    return [*map(Path, names)]


def names_below(paths: Sequence[Path]) -> list[str]:
    """Return the names of files below the folder that all of them are in.

    Examples
    --------
    >>> names_below([Path("photos/a/1.png"), Path("photos/b/1.png")])
    ['a/1.png', 'b/1.png']
    """
    whole = [path.absolute() for path in paths]
    folder = os.path.commonpath([path.parent for path in whole])
    return [path.relative_to(folder).as_posix() for path in whole]


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
