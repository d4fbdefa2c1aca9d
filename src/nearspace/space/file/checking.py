"""Whether a file is as it was written: all of it, by `verify`, or before it is first changed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nearspace.errors import NearspaceError
from nearspace.space.file.database import (
    BROKEN,
    CLAIMS,
    WRAP,
    Header,
    Tally,
    damaged,
    reading,
    writing,
)
from nearspace.space.file.rows import Rows, read_rows
from nearspace.space.file.stored import in_one, picture_checksum, read_part, reader_of
from nearspace.space.file.words import NOT_AS_WRITTEN, is_as_written, wrong_words

__all__ = ["changing", "verify"]

# Files that this process has checked and changed, each as it stood then: so that what is added one
# by one is not paid for with a check of the whole file each time.
_CHECKED: dict[Path, tuple[int, ...]] = {}


@contextlib.contextmanager
def changing(path: Path) -> Iterator[tuple[sqlite3.Connection, Header]]:
    """Open a space for one transaction, as `writing` does, having checked that it is sound.

    What a damaged index says of ids would be doubled by an `add`, and what a damaged list of free
    pages says is free would be overwritten. So that before a process first changes a file, and
    whenever others have, SQLite compares index and rows and walks every page, and the checksums of
    the rows are added up. Vectors are not read: whoever changes a row checks it.

    Raises
    ------
    NearspaceError
        If the file is damaged; it is then as it was.
    """
    place = path.resolve()
    with writing(path) as (db, header):
        wrong = []
        if _CHECKED.get(place) != _state(place):
            wrong = [*_structure(db), *_tallies(db, header)]
        if wrong:
            raise damaged(path, f"{in_one(wrong)}, and nothing was changed")
        yield db, header
    _CHECKED[place] = _state(place)


def _state(path: Path) -> tuple[int, ...]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _structure(db: sqlite3.Connection) -> list[str]:
    """Return what SQLite finds wrong: pages, the order of rows, the index against the rows."""
    lines = "\n".join(text for (text,) in db.execute("PRAGMA integrity_check")).splitlines()
    return [f"SQLite: {line}." for line in lines if line != "ok" and not line.startswith("***")]


def _tallies(db: sqlite3.Connection, header: Header) -> list[str]:
    """Return what is wrong with how many items and thumbnails there are, and their checksums."""
    # In two halves, whose sums SQLite's integers hold; and by the rows, whatever is in the index.
    halves = "coalesce(sum(checksum >> 32), 0), coalesce(sum(checksum & 0xffffffff), 0)"
    sql = f"SELECT count(*), {halves} FROM items NOT INDEXED"
    count, high, low = db.execute(sql).fetchone()
    wrong = Tally(count, ((high << 32) + low) % WRAP).wrong("items", header.items)
    sql = "SELECT count(*), coalesce(sum(checksum + row), 0) FROM thumbnails"
    count, total = db.execute(sql).fetchone()
    wrong += Tally(count, total % WRAP).wrong("thumbnails", header.thumbnails)
    return wrong if is_as_written(db, header) else [*wrong, NOT_AS_WRITTEN]


def verify(path: str | Path) -> list[str]:
    """Return all that is wrong with a file, one sentence each; nothing if it is as it was written.

    SQLite's own check of the whole file, every row, thumbnail and part against its checksum, how
    many there are, and whether the encoder is the one that made the vectors. All of it is read in
    one state of the file, whatever others write meanwhile.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    NearspaceError
        If the file is no space at all, or does not say what its vectors are.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     verify(save(embed(load("wine"), "pca(dim=2)"), f"{folder}/wine.space"))
    []
    """
    path = Path(path)
    wrong: list[str] = []
    parts: dict[str, bytes] = {}
    with reading(path) as (db, header):
        with _noting(wrong):
            wrong += _structure(db)
        with _noting(wrong):
            rows = read_rows(db, path, header.columns)
            wrong += rows.wrong(header.items)
            wrong += _wrong_thumbnails(db, header, rows)
            wrong += wrong_words(db, header, rows)
        for name, expected in header.parts.items():
            with _noting(wrong):
                data = read_part(db, name, expected)
                if data is None:
                    wrong.append(f"The part '{name}' does not match its checksum.")
                else:
                    parts[name] = data
    read = None if wrong else reader_of(parts, header.recipe, path)
    if read is not None:
        with _noting(wrong):
            read()
    return list(dict.fromkeys(wrong))


def _wrong_thumbnails(db: sqlite3.Connection, header: Header, rows: Rows) -> list[str]:
    names = dict(zip(rows.rows.tolist(), rows.ids.tolist(), strict=True))
    names |= {row: name for name, row, _ in rows.doubles}
    unknown, tally, wrong = {*rows.damaged, *rows.lying}, Tally(), list[str]()
    for row, data, mark in db.execute("SELECT * FROM thumbnails ORDER BY row"):
        tally.add(mark + row)
        if row in names and picture_checksum(row, names[row], data) != mark:
            wrong.append(f"The thumbnail of row {row} does not match its checksum.")
        elif row not in names and row not in unknown:
            wrong.append(f"The thumbnail of row {row} is of no item.")
    return wrong + tally.wrong("thumbnails", header.thumbnails)


@contextlib.contextmanager
def _noting(wrong: list[str]) -> Iterator[None]:
    """Add what is raised to what is wrong."""
    try:
        yield
    except NearspaceError as error:
        wrong.append(str(error))
    except BROKEN as error:
        wrong.append(f"SQLite: {error!s:.200}.")
    except CLAIMS as error:
        wrong.append(f"It holds what it cannot ({error}).")
