"""The SQLite database behind a space: schema, transactions, header, parts, and what went wrong.

``docs/space_file.md`` describes the file for those who read it without nearspace.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nearspace.errors import DataError, NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.columns import META_TYPES
from nearspace.space.search.words import WORDS, check_fts5
from nearspace.writing import tell_written

__all__ = [
    "CLAIMS",
    "IDS",
    "INDEX",
    "SCHEMA",
    "WAIT",
    "WRAP",
    "Columns",
    "Header",
    "Tally",
    "creating",
    "damaged",
    "has_words",
    "put_part",
    "reading",
    "salvaging",
    "told",
    "words_checksum",
    "writing",
]

FORMAT = 2
APPLICATION = 0x6E656172
PAGE = 65536  # bytes; a vector of up to 16,000 numbers lies in one page
WAIT = 120.0  # seconds for others to finish writing
TURN = 200  # milliseconds of it in which Ctrl-C is not heard
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
IDS = ("text", "integer")
LABELS = (*IDS, "number", "boolean", None)
# Raised by whatever reads what a file claims of itself, which may be anything.
CLAIMS = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
# Raised by the driver of a broken file: SQLite's message may quote bytes of it that are no text.
BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
# What a repaired file can do without: it is made anew.
NOTHING: dict[str, Any] = {
    "token": "",
    "content": {"items": [0, 0], "thumbnails": [0, 0]},
    "parts": {},
}
WRAP = 2**63  # sums of checksums are kept below it, as SQLite's integers are
# Tables of the index of words, whose last columns are bytes.
SHADOWS = {"words_data": "id, block", "words_docsize": "id, sz", "words_idx": "segid, pgno, term"}
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
        f"{path} is damaged: {what}; use a copy of the file, make it again from the data, or keep "
        f"what is whole by nearspace verify {path} --repair -o mended.space."
    )


def _hopeless(path: str | Path, what: str) -> NearspaceError:
    """Return the error of a file that cannot be repaired."""
    return NearspaceError(
        f"{path} cannot be repaired: {what}, and nothing else says what its vectors are; use a "
        "copy of the file, or make it again from the data."
    )


@contextmanager
def told(path: str | Path) -> Iterator[None]:
    """Turn what SQLite raises into one sentence."""
    try:
        yield
    except (sqlite3.Error, *BROKEN) as error:
        check_fts5(error)
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
        raise damaged(path, f"{error!s:.200}") from error  # it may hold a text of the file


@contextmanager
def creating(path: Path, header: Header) -> Iterator[sqlite3.Connection]:
    """Open a new file to fill it, and write its header when it is full.

    Without a journal, since the file counts for nothing until it is renamed.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("BEGIN")
        for statement in SCHEMA.values():
            db.execute(statement)
        yield db
        header.words = _flushed_words(db)
        _write_header(db, header)
        db.execute("COMMIT")


@contextmanager
def reading(path: str | Path) -> Iterator[tuple[sqlite3.Connection, Header]]:
    """Open a space to read one state of it, whatever others write meanwhile."""
    with _connected(path) as db, _claims_told(path):
        db.execute("BEGIN")
        yield db, _read_header(db, path)


@contextmanager
def _claims_told(path: str | Path) -> Iterator[None]:
    """Tell of a file that claims what cannot be."""
    try:
        yield
    except NearspaceError:
        raise
    except CLAIMS as error:
        raise damaged(path, f"it holds what it cannot ({error})") from error


@contextmanager
def salvaging(path: str | Path) -> Iterator[tuple[sqlite3.Connection, Header, list[str]]]:
    """Open a damaged space to read one state of it, and say what of its header is lost.

    Raises
    ------
    NearspaceError
        If it cannot be told what made its vectors, or what its columns hold.
    """
    with _connected(path) as db, _claims_told(path):
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA writable_schema = ON")  # by which SQLite opens a file that was cut off
        db.execute("BEGIN")
        try:
            tables = dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
            if not tables.items() >= SCHEMA.items():
                _check_schema(db, path)
            values, wrong = _header_values(db)
        except BROKEN as error:
            # A text that is no UTF-8 has no name of SQLite's.
            if getattr(error, "sqlite_errorname", "SQLITE_CORRUPT").startswith("SQLITE_CORRUPT"):
                raise _hopeless(path, "its header cannot be read") from error
            raise
        header = _parsed(NOTHING | values)
        if header is None:
            said = (wrong[key] for key in ("recipe", "columns") if key in wrong)
            raise _hopeless(path, next(said, "its header is not that of a space"))
        yield db, header, [key for key in NOTHING if key not in values]


@contextmanager
def writing(path: str | Path) -> Iterator[tuple[sqlite3.Connection, Header]]:
    """Open a space for one transaction: all that is done in it is kept, or nothing.

    Its header is written at the end, if it has changed.
    """
    with _connected(path) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA fullfsync = ON")  # on macOS fsync alone does not reach the disk
        _begin(db)
        header = _read_header(db, path)
        before = copy.deepcopy(header)
        yield db, header
        header.words = _flushed_words(db)
        if header != before:
            _write_header(db, header)
        try:
            db.execute("COMMIT")
        finally:  # Ctrl-C may come when it is done already
            if db.total_changes and not db.in_transaction:
                tell_written(path)


def _flushed_words(db: sqlite3.Connection) -> int | None:
    """Return the checksum of the index of words with all that was put into it."""
    if has_words(db):
        db.execute("SAVEPOINT flushed")  # for which FTS5 writes what it holds in memory
        db.execute("RELEASE flushed")
    return words_checksum(db)


def _begin(db: sqlite3.Connection) -> None:
    """Begin to write once nobody else does; SQLite's own way to wait is deaf to Ctrl-C."""
    deadline = time.monotonic() + WAIT
    db.execute(f"PRAGMA busy_timeout = {TURN}")
    while not db.in_transaction:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > deadline:
                raise
    db.execute(f"PRAGMA busy_timeout = {1000 * WAIT:.0f}")


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
    if tables.items() >= WORDS.items():
        tables = {name: sql for name, sql in tables.items() if name not in WORDS}
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
    if 0 < wrote < FORMAT:
        raise NearspaceError(
            f"{path} is written in the older space format {wrote}, which nearspace "
            f"{version('nearspace')} does not read; embed its items again."
        )
    if tables != SCHEMA or not indexed or wrote != FORMAT:
        raise damaged(path, "its tables are not those of a space")


def has_words(db: sqlite3.Connection) -> bool:
    """Return whether a file has an index of words."""
    sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'words'"
    return bool(db.execute(sql).fetchone()[0])


def words_checksum(db: sqlite3.Connection) -> int | None:
    """Return the checksum of the index of words, in which SQLite has none; None without one."""
    if not has_words(db):
        return None
    checksum = 0
    for name, columns in SHADOWS.items():
        for *numbers, data in db.execute(f"SELECT {columns} FROM {name} ORDER BY 1, 2"):
            checksum = zlib.crc32(data, zlib.crc32(repr(numbers).encode(), checksum))
    return checksum


def put_part(db: sqlite3.Connection, name: str, data: bytes) -> list[int]:
    """Write a part, in place of that of the same name; return its length and checksum."""
    db.execute("DELETE FROM parts WHERE name = ?", (name,))
    view = memoryview(data)
    starts = enumerate(range(0, len(view), PIECE))
    pieces = ((name, number, view[start : start + PIECE]) for number, start in starts)
    db.executemany("INSERT INTO parts VALUES (?, ?, ?)", pieces)
    return [len(view), zlib.crc32(view)]


@dataclasses.dataclass(frozen=True)
class Columns:
    """What the columns of a space hold.

    Attributes
    ----------
    dim : int
        Length of the vectors.
    sparse : bool
        Whether only what is not zero is kept of them.
    ids : str
        ``"text"`` or ``"integer"``.
    labels : str or None
        ``"text"``, ``"integer"``, ``"number"`` or ``"boolean"``; None where there are none.
    meta : dict of str to str
        The type of each column of metadata, as `META_TYPES` names them; None of one that holds
        nothing yet. They are fixed when the space is made.
    """

    dim: int
    sparse: bool
    ids: str
    labels: str | None
    meta: dict[str, str | None]


@dataclasses.dataclass
class Tally:
    """How many there are, and the sum of their checksums."""

    count: int = 0
    total: int = 0

    def add(self, checksum: int, count: int = 1) -> None:
        """Count some more, given with the sum of their checksums; both are negative for less."""
        self.count += count
        self.total = (self.total + checksum) % WRAP

    def wrong(self, what: str, expected: Tally) -> list[str]:
        """Return in what a tally differs from the expected one, if it does, as a sentence."""
        if self == expected:
            return []
        got = "others" if self.count == expected.count else f"{self.count:,}"
        return [f"Expected {expected.count:,} {what}, and found {got}."]


@dataclasses.dataclass
class Header:
    """What stands in the header of a file; it changes with what is written into the file.

    Attributes
    ----------
    token : str
        Another one for every file that is written anew.
    recipe : Recipe
        What made the vectors.
    columns : Columns
        What the columns hold.
    items, thumbnails : Tally
        How many there are, by which a lost one is found out.
    parts : dict of str to list of int
        Length and CRC-32 of each part.
    words : int or None
        CRC-32 of the index of words; None where there is none.
    """

    token: str
    recipe: Recipe
    columns: Columns
    items: Tally = dataclasses.field(default_factory=Tally)
    thumbnails: Tally = dataclasses.field(default_factory=Tally)
    parts: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    words: int | None = None


def _read_header(db: sqlite3.Connection, path: str | Path) -> Header:
    """Return the header of a file, all of it checked."""
    _check_schema(db, path)
    values, wrong = _header_values(db)
    for what in wrong.values():
        raise damaged(path, what)
    header = _parsed(values)
    if header is None:
        raise damaged(path, "its header is not that of a space")
    return header


def _header_values(db: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what stands in the header under each key, and what is wrong with the others."""
    values, wrong = {}, {}
    for key, value, checksum in db.execute("SELECT key, value, checksum FROM header"):
        try:
            if _checksum(key, value) == checksum:
                values[key] = json.loads(value)
            else:
                wrong[key] = f"the '{key}' of its header does not match its checksum"
        except (RecursionError, ValueError):
            wrong[key] = f"the '{key}' of its header is no JSON"
    return values, wrong


def _parsed(values: dict[str, Any]) -> Header | None:
    """Return the header with some values; None if they are not those of a space."""
    try:
        items, thumbnails = (values["content"][name] for name in ("items", "thumbnails"))
        columns, parts = Columns(**values["columns"]), values["parts"]
        fits = isinstance(values["token"], str) and type(columns.dim) is int
        fits &= columns.ids in IDS and columns.labels in LABELS
        fits &= isinstance(values.get("words"), int | None)
        fits &= META_TYPES.keys() >= set(columns.meta.values())
        pairs = [items, thumbnails, *parts.values()]
        fits &= all(len(pair) == 2 and {type(each) for each in pair} == {int} for pair in pairs)
        recipe, tallies = Recipe.from_json(values["recipe"]), (Tally(*items), Tally(*thumbnails))
    except (AttributeError, DataError, KeyError, TypeError):
        return None
    if not fits:
        return None
    return Header(values["token"], recipe, columns, *tallies, parts, values.get("words"))


def _write_header(db: sqlite3.Connection, header: Header) -> None:
    """Write the header of a file, in place of what it was."""
    values = {
        "token": header.token,
        "recipe": header.recipe.to_json(),
        "columns": dataclasses.asdict(header.columns),
        "content": {
            name: dataclasses.astuple(getattr(header, name)) for name in ("items", "thumbnails")
        },
        "parts": header.parts,
        "words": header.words,
    }
    for key, value in values.items():
        text = json.dumps(value, ensure_ascii=True)
        row = (key, text, _checksum(key, text))
        db.execute("INSERT OR REPLACE INTO header VALUES (?, ?, ?)", row)


def _checksum(key: str, value: str) -> int:
    return zlib.crc32(f"{key}\x1f{value}".encode())
