"""Read one file: arrays, lines of text, tables and records, by the ending of its name."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.columns import frame_of_arrow
from nearspace.data.frames import frame_source
from nearspace.data.kinds.kind import is_frame, kind_of_file
from nearspace.data.kinds.text import Text
from nearspace.data.members import File
from nearspace.data.memory import release_arrow
from nearspace.data.readers.arrays import open_archive, read_array
from nearspace.data.readers.delimited import read_delimited
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.parquet import read_parquet
from nearspace.data.readers.records import read_records
from nearspace.data.readers.texts import PACKED, plain_name, read_lines
from nearspace.data.readers.ts import read_ts
from nearspace.data.sources import Asked, Source, is_split, no_names
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ARCHIVES", "TABLES", "read_file", "read_frame", "suffix_of", "unread_sound"]

DELIMITED = (".csv", ".tsv", ".data", ".dat")
RECORDS = (".jsonl", ".ndjson", ".json")
TABLES = (*DELIMITED, *RECORDS, ".parquet")  # files of columns with names
TEXTS = (".txt", ".ts", *DELIMITED, *RECORDS)  # which may be packed
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
UNREAD_SOUNDS = (".m4a", ".aac", ".wma", ".amr", ".mp4", ".webm", ".3gp", ".caf")
READERS = (".npy", ".npz", ".parquet", *TEXTS)
ITEM_NAMES = ("vectors", "items", "X", "x", "data", "embeddings", "images", "features")
ROLES = ("ids", "labels", "groups", "time", "split")
CODES = ("ids", "labels", "groups")  # names of things, not amounts
ROLE_NAMES = {"y": "labels"} | {role: role for role in ROLES}


def _is_unknown(path: File) -> bool:
    """Return whether no reader is for the ending of a file, as of ``corpus.de``."""
    suffix = suffix_of(path.name)
    ours = {*TABLES, ".npz", ".npy", ".ts", ".space"}
    return suffix not in ours and kind_of_file(path.name) is None


def read_file(path: File, asked: Asked) -> Source:
    """Return what one file holds.

    Parameters
    ----------
    path : Path or Member
        The file.
    asked : Asked
        Which columns or arrays hold the items and what else is known of them.

    Raises
    ------
    DataError
        If its ending is not known, or it is not what its ending says.
    """
    suffix = suffix_of(path.name)
    if suffix in TABLES:
        return _table(path, suffix, asked)
    if suffix == ".npz" and isinstance(path, Path):
        return _read_npz(path, asked)
    if suffix == ".npy" and isinstance(path, Path):
        no_names(path.name, asked)
        return Source(read_array(path), path.name, "an .npy file")
    if suffix == ".txt" or (asked.kind == "text" and _is_unknown(path)):
        no_names(path.name, asked)
        with told_of_file(path.name):
            return read_lines(path)
    if suffix == ".ts":
        no_names(path.name, asked)
        with told_of_file(path.name):
            return read_ts(path)
    single = kind_of_file(path.name)
    if single is not None and single.alone:
        no_names(path.name, asked)
        names = np.array([path.name])
        return Source([path], path.name, "one recording", {"ids": names}, names=names)
    if single is not None:
        lines = ", or a .txt of one a line" * (single is Text)
        raise DataError(
            f"{path.name} is one {single.name} file; expected the folder of all {single.plural}"
            f"{lines}."
        )
    if path.suffix == ".space":
        raise DataError(f"{path.name} is a space, not items: open it by open_space('{path.name}').")
    raise DataError(
        f"{path.name} ends in '{path.suffix}', expected a folder of images or sounds, or a file "
        f"that ends in {', '.join(READERS)}, {', '.join(ARCHIVES)}; those of text may be packed "
        f"({', '.join(PACKED)}).{unread_sound(path.name) or ''}"
    )


def unread_sound(name: str) -> str | None:
    """Return what to do with a file of sound of a format that is not read; None of all others.

    Examples
    --------
    >>> unread_sound("memo.m4a")
    ' Sounds in .m4a are read once they are in .wav or .flac: ffmpeg -i memo.m4a memo.wav.'
    """
    stem, ending = os.path.splitext(name)
    if ending.lower() not in UNREAD_SOUNDS:
        return None
    return (
        f" Sounds in {ending.lower()} are read once they are in .wav or .flac: ffmpeg -i "
        f"{shlex.quote(name)} {shlex.quote(f'{stem}.wav')}."
    )


def read_frame(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the table in a file, and what there is to say of it.

    The cells of delimited text are the text that stands there.

    Raises
    ------
    DataError
        If the file cannot be read, or holds no table.
    """
    suffix = suffix_of(path.name)
    if suffix not in TABLES:
        raise DataError(
            f"{path.name} ends in '{path.suffix}', expected a table that ends in "
            f"{', '.join(TABLES)}."
        )
    frame, notes, _ = _read(path, suffix)
    if not is_frame(frame):
        raise DataError(f"{path.name} holds a list of items, expected objects with named values.")
    return frame, notes


def _table(path: File, suffix: str, asked: Asked) -> Source:
    """Return what a table, or a list in JSON, holds."""
    items, notes, decimal = _read(path, suffix)
    if not is_frame(items):
        no_names(path.name, asked)
        return Source(items, path.name, "a list in JSON", notes=notes)
    written = decimal is not None
    table = path if isinstance(path, Path) else None
    source = frame_source(
        items, asked, path.name, notes=notes, written=written, decimal=decimal or ".", table=table
    )
    del items  # and with it the text of all cells
    release_arrow()
    return source


def _read(path: File, suffix: str) -> tuple[Any, list[str], str | None]:
    """Return what a table holds, what is to be said, and the decimal mark if its cells are text."""
    with told_of_file(path.name):
        if suffix == ".parquet":
            return frame_of_arrow(read_parquet(path), path.name), [], None
        if suffix in DELIMITED:
            read = read_delimited(path)
            return read.frame, read.notes, read.decimal
        return *read_records(path), None


def suffix_of(name: str) -> str:
    """Return the ending of a file's name, unpacked, if it is one that can be read; else nothing.

    Examples
    --------
    >>> suffix_of("a.CSV.gz"), suffix_of("a.npy"), suffix_of("a.npy.gz"), suffix_of("a.doc")
    ('.csv', '.npy', '', '')
    """
    ending = Path(plain_name(name)).suffix
    readable = TEXTS if plain_name(name) != name.lower() else READERS
    return ending if ending in readable else ""


def _read_npz(path: Path, asked: Asked) -> Source:
    if len(asked.columns) > 1:
        raise DataError(
            f"{path.name}: expected one array that holds the items, got {len(asked.columns)} names "
            "by column=; only texts are joined."
        )
    with open_archive(path) as archive:
        asked.check_names(path.name, "array", archive.names)
        used = {name for _, name in asked.names}
        chosen = asked.columns[0] if asked.columns else _items_name(path, archive.names, used)
        source = Source(archive.read(chosen), path.name, f"the array '{chosen}' of an .npz file")
        source.roles = {role: archive.read(name) for role, name in asked.roles.items()}
        for name, role in ROLE_NAMES.items():
            if name not in {*archive.names} - {chosen, *asked.without} or role in source.roles:
                continue
            if archive.shape(name)[:1] != source.items.shape[:1]:
                continue
            values = archive.read(name)
            if role == "split" and not is_split(values):
                continue
            source.roles[role] = values
            source.notes.append(f"The array '{name}' was taken for the {role} of the items.")
        return source


def _items_name(path: Path, names: list[str], taken: set[str]) -> str:
    """Return the name of the array that holds the items."""
    free = [name for name in names if name not in taken]
    for candidates in (
        [name for name in free if name in ITEM_NAMES],
        [name for name in free if name not in ROLE_NAMES],
    ):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise DataError(
                f"{path.name} holds several arrays, {', '.join(candidates)}: say by column= which "
                "holds the items."
            )
    raise DataError(f"{path.name} holds no array of items, only {', '.join(names) or 'nothing'}.")
