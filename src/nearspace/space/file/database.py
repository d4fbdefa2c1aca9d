"""The SQLite database behind a space: its schema, transactions, parts, and what went wrong.

``docs/space_file.md`` describes the file for those who read it without nearspace.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

from nearspace.errors import NearspaceError

__all__ = [
    "APPLICATION",
    "FORMAT",
    "INDEX",
    "PAGE",
    "SCHEMA",
    "damaged",
    "read_part",
    "reading",
    "told",
    "write_part",
    "writing",
]

FORMAT = 1
APPLICATION = 0x6E656172
PAGE = 65536  # bytes; a vector of up to 16,000 numbers lies in one page
WAIT = 120.0  # seconds for others to finish writing
PIECE = 1 << 26
SCHEMA = {
    "header": "CREATE TABLE header (key TEXT PRIMARY KEY, value TEXT NOT NULL, "
    "checksum INTEGER NOT NULL)",
    "items": "CREATE TABLE items (row INTEGER PRIMARY KEY, id NOT NULL, label, meta TEXT, "
    "vector BLOB NOT NULL, checksum INTEGER NOT NULL)",
    "thumbnails": "CREATE TABLE thumbnails (row INTEGER PRIMARY KEY, data BLOB NOT NULL, "
    "checksum INTEGER NOT NULL)",
    "parts": "CREATE TABLE parts (name TEXT NOT NULL, piece INTEGER NOT NULL, "
    "data BLOB NOT NULL, PRIMARY KEY (name, piece))",
}
# Made by the first `add`: a new file is written a tenth faster without, and nobody searches it yet.
INDEX = "CREATE UNIQUE INDEX IF NOT EXISTS items_id ON items (id)"
CAUSES = {
    "SQLITE_FULL": "the disk is full; what it held before is as it was",
    "SQLITE_BUSY": f"another process has been writing to it for {WAIT:.0f} seconds; try again",
    "SQLITE_READONLY": "it may only be read",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_TOOBIG": "a text or picture of more than a gigabyte does not fit a row",
}


def damaged(path: str | Path, what: str) -> NearspaceError:
    """Return the error of a file whose content is not what was written."""
    return NearspaceError(
        f"{path} is damaged: {what}; use a copy of the file, or make it again from the data."
    )


@contextmanager
def told(path: str | Path) -> Iterator[None]:
    """Turn what SQLite raises into one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_NOTADB":
            raise NearspaceError(
                f"{path} is not a space: expected a SQLite database, as nearspace embed writes "
                "with -o photos.space, got another kind of file."
            ) from error
        for code, cause in CAUSES.items():
            if name.startswith(code):
                raise NearspaceError(f"{path}: {cause} ({error}).") from error
        if name.startswith("SQLITE_IOERR"):
            raise NearspaceError(
                f"{path}: the disk does not read or write ({error}, {name}); what the file held "
                "before is as it was."
            ) from error
        raise damaged(path, str(error)) from error


@contextmanager
def reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open a space to read one state of it, whatever others write meanwhile."""
    with _connected(path) as db:
        db.execute("BEGIN")
        _check_schema(db, path)
        try:
            yield db
        except NearspaceError:
            raise
        # What a file claims of itself may be anything, whatever its checksums.
        except (AttributeError, LookupError, OverflowError, RecursionError, TypeError) as error:
            raise damaged(path, f"it holds what it cannot ({error})") from error
        except ValueError as error:
            raise damaged(path, str(error)) from error


@contextmanager
def writing(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open a space for one transaction: all that is done in it is kept, or nothing."""
    with _connected(path) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA fullfsync = ON")  # on macOS fsync alone does not reach the disk
        db.execute("BEGIN IMMEDIATE")
        _check_schema(db, path)
        yield db
        db.execute("COMMIT")


@contextmanager
def _connected(path: str | Path) -> Iterator[sqlite3.Connection]:
    place = Path(path)
    try:
        what = "" if place.is_file() else "is a folder" if place.is_dir() else "does not exist"
    except OSError as error:
        raise NearspaceError(f"{path} cannot be opened ({error}).") from error
    if what:
        raise NearspaceError(f"{path} {what}; expected a .space file, as nearspace embed writes.")
    with told(path):
        # Read-write even to read: the rest of a transaction that a crash ended must be rolled back.
        uri = place.resolve().as_uri() + "?mode=rw"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT)
        with closing(db):  # which rolls back what was not committed
            db.execute("PRAGMA trusted_schema = OFF")
            yield db


def _check_schema(db: sqlite3.Connection, path: str | Path) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    tables = dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    indexed = tables.pop("items_id", None) in (None, INDEX.replace("IF NOT EXISTS ", ""))
    wrote = db.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        if tables == SCHEMA:
            raise damaged(path, "it is not marked as a space")
        raise NearspaceError(
            f"{path} is not a space but another SQLite database, with the tables "
            f"{', '.join(sorted(tables)[:5]) or '(none)'}."
        )
    if wrote > FORMAT:
        raise NearspaceError(
            f"{path} is written in space format {wrote}; nearspace {version('nearspace')} reads "
            f"formats up to {FORMAT}, so update nearspace."
        )
    if tables != SCHEMA or not indexed or wrote != FORMAT:
        raise damaged(path, "its tables are not those of a space")


def read_part(db: sqlite3.Connection, path: str | Path, name: str, expected: list[int]) -> bytes:
    """Return a part of the space; its length and checksum are expected."""
    pieces = db.execute("SELECT data FROM parts WHERE name = ? ORDER BY piece", (name,))
    data = b"".join(piece for (piece,) in pieces)
    if [len(data), zlib.crc32(data)] != expected:
        raise damaged(path, f"its part '{name}' does not match its checksum")
    return data


def write_part(db: sqlite3.Connection, name: str, data: bytes) -> list[int]:
    """Write a part, in place of that of the same name; return its length and checksum."""
    db.execute("DELETE FROM parts WHERE name = ?", (name,))
    view = memoryview(data)
    starts = enumerate(range(0, len(view), PIECE))
    pieces = ((name, number, view[start : start + PIECE]) for number, start in starts)
    db.executemany("INSERT INTO parts VALUES (?, ?, ?)", pieces)
    return [len(view), zlib.crc32(view)]
