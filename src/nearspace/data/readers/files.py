"""Read one file: .npy, .npz, .txt, .csv, .tsv and .parquet."""

from __future__ import annotations

import gzip
import itertools
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.columns import frame_of_arrow
from nearspace.data.frames import frame_source
from nearspace.data.kinds.kind import kind_of_file
from nearspace.data.memory import free_memory
from nearspace.data.readers.arrays import open_archive, read_array
from nearspace.data.readers.delimited import read_delimited
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.parquet import read_parquet
from nearspace.data.sources import Source, check_names, is_split, no_names
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_file", "read_frame", "suffix_of"]

READERS = (".npy", ".npz", ".txt", ".txt.gz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
ITEM_NAMES = ("vectors", "items", "X", "x", "data", "embeddings", "images", "features")
ROLES = ("ids", "labels", "groups", "time", "split")
CODES = ("ids", "labels", "groups")  # names of things, not amounts
LONGEST_TEXT = 2**30  # characters of one text
TEXT_COPIES = 2  # of all texts that are in memory at once while they are read and checked
ROLE_NAMES = {"y": "labels"} | {role: role for role in ROLES}


def read_file(
    path: Path,
    names: dict[str, str],
    without: Collection[str] = (),
    like: Mapping[str, str] | None = None,
) -> Source:
    """Return what one file holds.

    Parameters
    ----------
    path : Path
        The file.
    names : dict of str to str
        The columns or arrays that hold the items (``"column"``), labels, groups, time, ids and
        split.
    without : collection of str
        Columns that are no features; arrays that are no role.
    like : dict of str to {"number", "category"}, optional
        What the columns of a table are to be.

    Raises
    ------
    DataError
        If its ending is not known, or it is not what its ending says.
    """
    suffix = suffix_of(path)
    if suffix.startswith((".csv", ".tsv", ".parquet")):
        return _table(path, names, without, like)
    if suffix == ".npz":
        return _read_npz(path, names, without)
    if suffix in (".npy", ".txt", ".txt.gz"):
        no_names(path.name, names, without)
        if suffix == ".npy":
            return Source(read_array(path), path.name, "an .npy file")
        with told_of_file(path.name):
            return _read_lines(path)
    single = kind_of_file(path.name)
    if single is not None:
        raise DataError(
            f"{path.name} is a single {single.name}; expected the folder of all {single.name}s."
        )
    raise DataError(
        f"{path.name} ends in '{path.suffix}', expected a folder of images, or a file that ends in "
        f"{', '.join(READERS)}."
    )


def read_frame(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the table in a .csv, .tsv or .parquet file, and what there is to say of it.

    The cells of a .csv and a .tsv file are the text that stands there.

    In the columns ``codes`` of a text file the cells stand as they are written.

    Raises
    ------
    DataError
        If the file cannot be read, or has another ending.
    """
    suffix = suffix_of(path)
    if not suffix.startswith((".csv", ".tsv", ".parquet")):
        raise DataError(
            f"{path.name} ends in '{path.suffix}', expected a table that ends in .csv, .tsv or "
            ".parquet."
        )
    with told_of_file(path.name):
        if suffix == ".parquet":
            return frame_of_arrow(read_parquet(path), path.name), []
        read = read_delimited(path)
        return read.frame, read.notes


def _table(
    path: Path, names: dict[str, str], without: Collection[str], like: Mapping[str, str] | None
) -> Source:
    """Return what a table in a file holds."""
    if path.suffix.lower() == ".parquet":
        frame, _ = read_frame(path)
        return frame_source(frame, names, path.name, without=without, like=like)
    with told_of_file(path.name):
        read = read_delimited(path)
    return frame_source(
        read.frame, names, path.name, without=without, like=like, written=True,
        decimal=read.decimal, notes=read.notes,
    )  # fmt: skip


def suffix_of(path: Path) -> str:
    """Return the ending of a file name if it is one that can be read, else nothing."""
    name = path.name.lower()
    return max((suffix for suffix in READERS if name.endswith(suffix)), key=len, default="")


def _read_lines(path: Path) -> Source:
    lines = [line.rstrip("\n") for line in _lines(path)]
    gaps = {row: "without a text" for row, line in enumerate(lines) if not line.strip()}
    if len(gaps) == len(lines):
        raise DataError(f"{path.name} is empty; expected a text in each line.")
    source = Source(lines, path.name, "a text file, an item a line")
    source.roles["ids"] = np.arange(len(lines))
    return source.without(gaps, "line", "without a text")


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, of which none is too long and all together fit into memory."""
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    taken, free = 0, free_memory()
    with opened(path, "rt", encoding="utf-8-sig") as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST_TEXT + 1)
            if not line:
                return
            if len(line) > LONGEST_TEXT and not line.endswith("\n"):
                raise DataError(
                    f"{path.name}: line {number} is longer than {LONGEST_TEXT:,} characters; "
                    "expected a text in each line."
                )
            taken += TEXT_COPIES * sys.getsizeof(line)
            if taken > free:
                raise DataError(
                    f"{path.name}: its first {number:,} lines take more memory than is free, "
                    f"{free / 2**30:.1f} GiB; give a part of it."
                )
            yield line


def _read_npz(path: Path, names: dict[str, str], without: Collection[str]) -> Source:
    with open_archive(path) as archive:
        check_names(path.name, "array", [*names.values(), *without], archive.names)
        used = {*names.values(), *without}
        chosen = names.get("column") or _items_name(path, archive.names, used)
        source = Source(archive.read(chosen), path.name, f"the array '{chosen}' of an .npz file")
        source.roles = {
            role: archive.read(name) for role, name in names.items() if role != "column"
        }
        for name, role in ROLE_NAMES.items():
            if name not in {*archive.names} - {chosen, *without} or role in source.roles:
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
