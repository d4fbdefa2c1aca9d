"""Read one file: .npy, .npz, .txt, .csv, .tsv and .parquet."""

from __future__ import annotations

import contextlib
import gzip
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.arrays import ON_DISK_BYTES
from nearspace.data.kinds.kind import kind_of_file
from nearspace.data.roles import written
from nearspace.data.sources import Source, check_names, frame_source, is_split, no_names
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_file", "read_frame", "suffix_of"]

READERS = (".npy", ".npz", ".txt", ".txt.gz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
ITEM_NAMES = ("vectors", "items", "X", "x", "data", "embeddings", "images", "features")
ROLES = ("ids", "labels", "groups", "time", "split")
CODES = ("ids", "labels", "groups")  # names of things, not amounts
ROLE_NAMES = {"y": "labels"} | {role: role for role in ROLES}


def read_file(path: Path, names: dict[str, str]) -> Source:
    """Return what one file holds.

    Parameters
    ----------
    path : Path
        The file.
    names : dict of str to str
        The columns or arrays that hold the items (``"column"``), labels, groups, time and ids.

    Raises
    ------
    DataError
        If its ending is not known, or it is not what its ending says.
    """
    suffix = suffix_of(path)
    if suffix.startswith((".csv", ".tsv", ".parquet")):
        codes = {role: names[role] for role in CODES if role in names}
        frame = read_frame(path, texts="column" in names, codes=tuple(codes.values()))
        source = frame_source(frame, names, path.name)
        for role in codes if not suffix.startswith(".parquet") else ():
            source.roles[role], notes = written(source.roles[role], role)
            source.notes += notes
        return source
    if suffix == ".npz":
        with _told(path.name):
            return _read_npz(path, names)
    if suffix in (".npy", ".txt", ".txt.gz"):
        no_names(path.name, names)
        with _told(path.name):
            return _read_npy(path) if suffix == ".npy" else _read_lines(path)
    single = kind_of_file(path.name)
    if single is not None:
        raise DataError(
            f"{path.name} is a single {single.name}; expected the folder of all {single.name}s."
        )
    raise DataError(
        f"{path.name} ends in '{path.suffix}', expected a folder of images, or a file that ends in "
        f"{', '.join(READERS)}."
    )


def read_frame(path: Path, texts: bool, codes: Collection[str] = ()) -> pd.DataFrame:
    """Return the table in a .csv, .tsv or .parquet file; among ``texts`` "NA" is a word.

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
    with _told(path.name):
        return _read_frame(path, suffix, texts, codes)


def suffix_of(path: Path) -> str:
    """Return the ending of a file name if it is one that can be read, else nothing."""
    name = path.name.lower()
    return max((suffix for suffix in READERS if name.endswith(suffix)), key=len, default="")


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what goes wrong inside the ``with`` block in a sentence about the file."""
    try:
        yield
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(
            f"{what} is not in UTF-8: byte {error.start} is {error.object[error.start]:#04x}; "
            "save it as UTF-8."
        ) from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{what} cannot be read: {error.strerror}.") from None
        if "allow_pickle" in str(error):
            raise DataError(
                f"{what} holds pickled Python objects, which are never loaded; save it as an array "
                "of numbers or of fixed-width text."
            ) from None
        # What pandas and pyarrow raise for a broken file are ValueErrors.
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(
            f"{what} is damaged, truncated or not what its name says: {reason}."
        ) from None


def _read_frame(path: Path, suffix: str, texts: bool, codes: Collection[str]) -> pd.DataFrame:
    import pandas as pd

    if suffix == ".parquet":
        return pd.read_parquet(path)
    # Among texts, "None" and "NA" are words; in a table they stand for a missing cell.
    options: dict[str, Any] = {"keep_default_na": False, "na_values": [""]} if texts else {}
    separator = "\t" if suffix.startswith(".tsv") else ","
    try:
        frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", **options)
    except pd.errors.EmptyDataError:
        raise DataError(
            f"{path.name} is empty; expected a line of column names and rows."
        ) from None
    if len(frame.columns) == 1 and ";" in str(frame.columns[0]):
        separator = ";"
        frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", **options)
    codes = [name for name in codes if name in frame.columns]
    if codes:
        as_written: dict[str, Any] = {"usecols": codes, "dtype": str, "keep_default_na": False}
        frame[codes] = pd.read_csv(path, sep=separator, encoding="utf-8-sig", **as_written)[codes]
    first = str(frame.columns[0])
    if first.startswith("Unnamed") and frame[frame.columns[0]].tolist() == list(range(len(frame))):
        # The index that pandas wrote along: no property of the rows.
        frame = frame.drop(columns=frame.columns[0])
    return frame


def _read_lines(path: Path) -> Source:
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        lines = [line.rstrip("\n") for line in file]
    gaps = {row: "without a text" for row, line in enumerate(lines) if not line.strip()}
    if len(gaps) == len(lines):
        raise DataError(f"{path.name} is empty; expected a text in each line.")
    source = Source(lines, path.name, "a text file, an item a line")
    source.roles["ids"] = np.arange(len(lines))
    return source.without(gaps, "line", "without a text")


def _read_npy(path: Path) -> Source:
    with path.open("rb") as file:
        magic = file.read(6)
    if magic != b"\x93NUMPY":
        raise DataError(f"{path.name} is no .npy file: its first bytes are {magic!r}.")
    # Copy on write: a large file stays on disk, and is not changed.
    large = path.stat().st_size > ON_DISK_BYTES
    array = np.load(path, mmap_mode="c" if large else None, allow_pickle=False)
    return Source(array, path.name, "an .npy file")


def _read_npz(path: Path, names: dict[str, str]) -> Source:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path.name} is no .npz archive, or a truncated one.")
    with np.load(path, allow_pickle=False) as archive:

        def read(name: str) -> np.ndarray:
            with _told(f"{path.name}: the array '{name}'"):
                return archive[name]

        check_names(path.name, "array", names.values(), archive.files)
        chosen = names.get("column") or _items_name(path, archive.files, set(names.values()))
        source = Source(read(chosen), path.name, f"the array '{chosen}' of an .npz file")
        source.roles = {role: read(name) for role, name in names.items() if role != "column"}
        for name, role in ROLE_NAMES.items():
            if name not in archive.files or name == chosen or role in source.roles:
                continue
            values = read(name)
            if values.shape[:1] != (len(source),) or (role == "split" and not is_split(values)):
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
