"""Which lists are of files: paths that exist, as text or as `Path`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nearspace.data.kinds.kind import kind_of_file
from nearspace.errors import DataError

__all__ = ["folder_of", "names_below", "paths_of", "spread_below"]

NAMED = 3  # of the files that are not there, in an error
LOOKED_FOR = 16  # names in each folder that they may be in
FOLDERS = 200  # beside a table and its folder, in which files are looked for
MOST_FILES = 2**20  # in and beside the folder of a table, among which names are looked for


def paths_of(
    items: Sequence[Any], who: str = "data", folder: Path | None = None
) -> list[Path] | None:
    """Return the files that a list names, each of which holds an item; None where it names none.

    Texts name files where all end like such files, as ``.png``, or all exist.

    Parameters
    ----------
    items : sequence
        Of anything.
    who : str, default="data"
        What to call it in an error.
    folder : Path, optional
        What they lie in, by default the current folder.

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
    if folder is not None:
        names = [os.path.join(folder, name) for name in names]
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


def folder_of(names: Sequence[str], table: Path | None, far: bool = False) -> Path | None:
    """Return the folder that files named in a table lie in; None where none of them is anywhere.

    They are looked for in the folder of the table, in the current folder, and in folders beside the
    table, as ``clips/``: in the one of these that has most of them.

    Parameters
    ----------
    names : sequence of str
        Of the files, as the table has them.
    table : Path, optional
        The file of the table, where it is one.
    far : bool, default=False
        Whether they may be in a folder beside that of the table too, as ``../audio/``: files of the
        same names may lie there by chance.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for place in ("meta/list.csv", "audio/1.wav"):
    ...         Path(root, place).parent.mkdir()
    ...         Path(root, place).touch()
    ...     folder_of(["1.wav"], Path(root, "meta/list.csv"), far=True).parts[-2:]
    ('..', 'audio')
    """
    some = names[:: -(-len(names) // LOOKED_FOR)]
    best, most = None, 0
    for folder in _folders(table, far):
        there = sum(os.path.exists(os.path.join(folder, name)) for name in some)
        if there > most:
            best, most = folder, there
        if most == len(some):
            break
    return best


def spread_below(names: Sequence[str], table: Path | None) -> dict[str, str] | None:
    """Return where files lie that a table names alone, by name: below the folder above its own.

    None where one of them is not there, or stands there twice.

    Parameters
    ----------
    names : sequence of str
        Of the files, as the table has them.
    table : Path, optional
        The file of the table, where it is one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for place in ("meta/list.csv", "audio/fold1/1.wav", "audio/fold2/2.wav"):
    ...         Path(root, place).parent.mkdir(parents=True)
    ...         Path(root, place).touch()
    ...     spread_below(["1.wav", "2.wav"], Path(root, "meta/list.csv"))
    {'1.wav': 'audio/fold1/1.wav', '2.wav': 'audio/fold2/2.wav'}
    """
    if table is None:
        return None
    wanted, places, seen = {*names}, dict[str, str](), 0
    above = table.parent / ".."
    for root, folders, files in os.walk(above):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        seen += len(files)
        for name in wanted.intersection(files):
            if name in places:
                return None
            places[name] = Path(root, name).relative_to(above).as_posix()
        if seen > MOST_FILES:
            return None
    return {name: places[name] for name in names} if len(places) == len(wanted) else None


def _folders(table: Path | None, far: bool) -> Iterator[Path]:
    """Yield the folders that files named in a table may lie in, the likeliest first."""
    if table is None:
        yield Path()
        return
    yield from (table.parent, Path())
    for folder in (table.parent, table.parent / "..")[: 1 + far]:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            beside = [entry.name for entry in entries if entry.is_dir()]
            yield from (folder / name for name in sorted(beside)[:FOLDERS])


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
