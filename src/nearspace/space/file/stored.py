"""What the file of a space holds: rows, thumbnails, parts, encoder; each checked when read."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.errors import NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.file import database
from nearspace.space.file.header import WRAP, Columns, Header, Tally, read_header
from nearspace.space.file.rows import Rows, decode_rows

__all__ = ["Parts", "Pictures", "picture_checksum", "read_rows", "reader_of", "verify"]

BATCH = 4096


def read_rows(db: sqlite3.Connection, path: Path, columns: Columns) -> Rows:
    """Return the rows of a file, and which of them are damaged."""
    there = db.execute("SELECT count(*) FROM items").fetchone()[0]
    size = 1 if columns.sparse else 4 * columns.dim
    if not 0 <= there * size <= path.stat().st_size:  # before memory is set aside for them
        raise database.damaged(path, f"it is too small for {there} vectors of {columns.dim}")
    rows = db.execute("SELECT row, id, label, meta, vector, checksum FROM items ORDER BY row")
    return decode_rows(iter(lambda: rows.fetchmany(BATCH), []), columns, there)


def reader_of(parts: Parts, recipe: Recipe) -> Callable[[], Encoder | Decoder] | None:
    """Return what reads the encoder in a file, or the decoder alone; None where there is none."""
    if Encoder.files[0] in parts:
        return functools.partial(_read_encoder, parts, recipe)
    if Decoder.files[0] in parts:
        return functools.partial(Decoder.parse, parts, str(parts.path))
    return None


def _read_encoder(parts: Parts, recipe: Recipe) -> Encoder:
    """Return the encoder of a file, having checked that it made the vectors."""
    encoder = Encoder.parse(parts, str(parts.path))
    if encoder.fingerprint != recipe.fingerprint:
        raise database.damaged(parts.path, "its encoder is not the one that made its vectors")
    return encoder


def picture_checksum(row: int, name: Any, data: bytes) -> int:
    """Return the checksum of one thumbnail."""
    return zlib.crc32(data, zlib.crc32(f"{row}\x1f{name}".encode()))


def _unchanged(db: sqlite3.Connection, path: Path, token: str) -> Header:
    """Return the header of a file that was opened before, or raise if it is another by now."""
    header = read_header(db, path)
    if header.token != token:
        raise NearspaceError(f"{path} was replaced since it was opened; open it again.")
    return header


class Parts(Mapping[str, bytes]):
    """The parts of a file, read when they are asked for."""

    def __init__(self, path: Path, header: Header):
        self.path, self.token, self.sums = path, header.token, header.parts

    def __getitem__(self, name: str) -> bytes:
        expected = self.sums[name]
        with database.reading(self.path) as db:
            if _unchanged(db, self.path, self.token).parts.get(name) != expected:
                raise NearspaceError(
                    f"{self.path}: its part '{name}' was written anew since it was opened; open it "
                    "again."
                )
            return database.read_part(db, self.path, name, expected)

    def __iter__(self) -> Iterator[str]:
        return iter(self.sums)

    def __len__(self) -> int:
        return len(self.sums)


class Pictures(Sequence[bytes]):
    """The thumbnails of a file, read when they are asked for; b"" where there is none."""

    def __init__(self, path: Path, header: Header, rows: Rows):
        self.path, self.token, self.rows, self.ids = path, header.token, rows.rows, rows.ids
        self.counted: Tally | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: Any) -> Any:
        chosen = range(len(self))[position]
        if isinstance(chosen, int):
            return self.read([chosen])[0]
        return self.read(chosen)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self), BATCH):
            yield from self.read(range(start, min(start + BATCH, len(self))))

    def read(self, positions: Iterable[int]) -> list[bytes]:
        """Return the thumbnails of items at some positions."""
        with database.reading(self.path) as db:
            self._count(db, _unchanged(db, self.path, self.token).thumbnails)
            return [self._one(db, position) for position in positions]

    def _count(self, db: sqlite3.Connection, expected: Tally) -> None:
        """Check, once for each state of the file, that no thumbnail is lost."""
        if self.counted != expected:
            sql = "SELECT count(*), coalesce(sum(checksum + row), 0) FROM thumbnails"
            count, total = db.execute(sql).fetchone()
            if Tally(count, total % WRAP) != expected:
                raise database.damaged(self.path, f"expected {expected.count} thumbnails")
            self.counted = expected

    def _one(self, db: sqlite3.Connection, position: int) -> bytes:
        row, name = int(self.rows[position]), self.ids[position]
        sql = (
            "SELECT items.id, data, thumbnails.checksum FROM items LEFT JOIN thumbnails "
            "ON thumbnails.row = items.row WHERE items.row = ?"
        )
        there, data, mark = db.execute(sql, (row,)).fetchone() or (None, None, None)
        if there != name:
            raise NearspaceError(
                f"{self.path}: '{name}' was removed since it was opened; open it again."
            )
        if data is None:
            return b""
        if picture_checksum(row, name, data) != mark:
            raise database.damaged(self.path, f"the thumbnail of '{name}' is not what was written")
        return data


def verify(path: str | Path) -> list[str]:
    """Return all that is wrong with a file, one sentence each; nothing if it is as it was written.

    SQLite's own check of the whole file, every row, thumbnail and part against its checksum, how
    many there are, and whether the encoder is the one that made the vectors.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    NearspaceError
        If the file is no space at all.
    """
    path, wrong = Path(path), []
    with database.reading(path) as db:
        checked = [text for (text,) in db.execute("PRAGMA integrity_check")]
        if checked != ["ok"]:
            wrong += [f"SQLite: {text}" for text in checked]
        header = read_header(db, path)
        rows = read_rows(db, path, header.columns)
        wrong += [f"Row {row} of the items does not match its checksum." for row in rows.damaged]
        if rows.tally != header.items:
            wrong.append(f"Expected {header.items.count} items, and found others.")
        wrong += _verify_pictures(db, rows, header.thumbnails)
    parts = Parts(path, header)
    for name in parts:
        with _noting(wrong):
            parts[name]
    read = None if wrong else reader_of(parts, header.recipe)
    if read is not None:
        with _noting(wrong):
            read()
    return wrong


@contextlib.contextmanager
def _noting(wrong: list[str]) -> Iterator[None]:
    """Add what is raised to what is wrong."""
    try:
        yield
    except NearspaceError as error:
        wrong.append(str(error))


def _verify_pictures(db: sqlite3.Connection, rows: Rows, expected: Tally) -> list[str]:
    names = dict(zip(rows.rows.tolist(), rows.ids.tolist(), strict=True))
    tally, wrong = Tally(), []
    for row, data, mark in db.execute("SELECT row, data, checksum FROM thumbnails ORDER BY row"):
        tally.add(mark + row)
        if row not in names or picture_checksum(row, names[row], data) != mark:
            wrong.append(f"The thumbnail of row {row} does not match its checksum.")
    if tally != expected:
        wrong.append(f"Expected {expected.count} thumbnails, and found others.")
    return wrong
