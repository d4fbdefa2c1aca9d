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
from nearspace.errors import DataError, NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.file.database import WRAP, Header, Tally, damaged, reading
from nearspace.space.file.rows import BATCH, Rows, read_rows
from nearspace.space.space import Space
from nearspace.space.vectors import VectorFile

__all__ = ["Parts", "picture_checksum", "read_space", "verify"]

NAMED = 5  # damaged rows that an error names


def read_space(file: VectorFile) -> Space:
    """Return the space that a ``.space`` file holds; see `open_space`.

    Every row is checked; the encoder, thumbnails and parts are read, and checked, when they are
    first asked for. Ids are text or int64, vectors float32.
    """
    if file != VectorFile(file.path):
        raise DataError(
            f"{file.path} says itself which are its vectors, ids and labels, what made them and by "
            "what metric they are compared; open it without these names."
        )
    path = file.path.absolute()
    with reading(path) as (db, header):
        rows = read_rows(db, path, header.columns)
    if rows.damaged:
        named = ", ".join(map(str, rows.damaged[:NAMED]))
        more = f" and {len(rows.damaged) - NAMED} more" if len(rows.damaged) > NAMED else ""
        raise damaged(path, f"row {named}{more} does not match its checksum")
    if rows.tally != header.items:
        raise damaged(path, f"expected {header.items.count} rows, and found others")
    parts = Parts(path, header)
    return Space(
        rows.vectors,
        rows.ids,
        rows.labels,
        header.recipe,
        reader_of(parts, header.recipe),
        rows.meta,
        Pictures(path, header, rows) if header.thumbnails.count else None,
        parts,
    )


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
        raise damaged(parts.path, "its encoder is not the one that made its vectors")
    return encoder


def picture_checksum(row: int, name: Any, data: bytes) -> int:
    """Return the checksum of one thumbnail."""
    return zlib.crc32(data, zlib.crc32(f"{row}\x1f{name}".encode()))


class Parts(Mapping[str, bytes]):
    """The parts of a file, read when they are asked for."""

    def __init__(self, path: Path, header: Header):
        self.path, self.token, self.sums = path, header.token, header.parts

    def __getitem__(self, name: str) -> bytes:
        expected = self.sums[name]
        with reading(self.path, self.token) as (db, header):
            if header.parts.get(name) != expected:
                raise NearspaceError(
                    f"{self.path}: its part '{name}' was written anew since it was opened; open it "
                    "again."
                )
            pieces = db.execute("SELECT data FROM parts WHERE name = ? ORDER BY piece", (name,))
            data = b"".join(piece for (piece,) in pieces)
        if [len(data), zlib.crc32(data)] != expected:
            raise damaged(self.path, f"its part '{name}' does not match its checksum")
        return data

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
        with reading(self.path, self.token) as (db, header):
            self._count(db, header.thumbnails)
            return [self._one(db, position) for position in positions]

    def _count(self, db: sqlite3.Connection, expected: Tally) -> None:
        """Check, once for each state of the file, that no thumbnail is lost."""
        if self.counted != expected:
            sql = "SELECT count(*), coalesce(sum(checksum + row), 0) FROM thumbnails"
            count, total = db.execute(sql).fetchone()
            if Tally(count, total % WRAP) != expected:
                raise damaged(self.path, f"expected {expected.count} thumbnails")
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
            raise damaged(self.path, f"the thumbnail of '{name}' is not what was written")
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
    with reading(path) as (db, header):
        checked = [text for (text,) in db.execute("PRAGMA integrity_check")]
        if checked != ["ok"]:
            wrong += [f"SQLite: {text}" for text in checked]
        rows = read_rows(db, path, header.columns)
        wrong += [f"Row {row} of the items does not match its checksum." for row in rows.damaged]
        if rows.tally != header.items:
            wrong.append(f"Expected {header.items.count} items, and found others.")
        names = dict(zip(rows.rows.tolist(), rows.ids.tolist(), strict=True))
        tally = Tally()
        for row, data, mark in db.execute("SELECT * FROM thumbnails ORDER BY row"):
            tally.add(mark + row)
            if row not in names or picture_checksum(row, names[row], data) != mark:
                wrong.append(f"The thumbnail of row {row} does not match its checksum.")
        if tally != header.thumbnails:
            wrong.append(f"Expected {header.thumbnails.count} thumbnails, and found others.")
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
