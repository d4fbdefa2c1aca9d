"""Writing into the file of a space: rows, thumbnails, and the tallies that find lost ones out."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.errors import NearspaceError
from nearspace.space.file import database
from nearspace.space.file.header import Header, write_header
from nearspace.space.file.rows import ITEM, Row, checksums, columns_of, encode_rows
from nearspace.space.file.stored import picture_checksum
from nearspace.space.space import Space

__all__ = ["is_same_vector", "put_thumbnail", "upsert", "write_space"]

MAYBE = ("label", "meta")
ROUNDING = 1e-5  # of a vector's length: the same item differs by less from batch to batch
TOGETHER = 100  # rows in one statement, which saves a quarter of the time of one at a time


def write_space(space: Space, path: Path) -> None:
    """Write a space and its encoder into a new file; see `save`.

    Without a journal, since the file counts for nothing until it is renamed.
    """
    header, parts = Header(uuid.uuid4().hex, space.recipe, columns_of(space)), dict(space.parts)
    made_by = space.made_by
    if isinstance(made_by, Encoder | Decoder):
        if isinstance(made_by, Encoder) and made_by.fingerprint != space.recipe.fingerprint:
            raise NearspaceError("A space is saved with the encoder that made it, got another one.")
        parts |= made_by.dump()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {database.PAGE}")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA application_id = {database.APPLICATION}")
        db.execute(f"PRAGMA user_version = {database.FORMAT}")
        db.execute("BEGIN")
        for statement in database.SCHEMA.values():
            db.execute(statement)
        header.items.add(_insert_rows(db, encode_rows(space, header.columns)), len(space))
        if space.thumbnails is not None:
            pictures = zip(space.ids.tolist(), space.thumbnails, strict=True)
            for row, (name, data) in enumerate(pictures, start=1):
                put_thumbnail(db, header, row, name, data)
        header.parts |= {name: database.write_part(db, name, data) for name, data in parts.items()}
        write_header(db, header)
        db.execute("COMMIT")


def _insert_rows(db: sqlite3.Connection, columns: Sequence[Sequence[Any]]) -> int:
    """Insert the rows of a new file, given as columns; return the sum of their checksums.

    What it takes is a quarter for every value that is bound: columns of nulls are left out.
    """
    marks = checksums(range(1, len(columns[0]) + 1), *columns)
    written = {
        name: values
        for name, values in zip((*ITEM, "checksum"), (*columns, marks), strict=True)
        if name not in MAYBE or values.count(None) < len(values)
    }
    insert = f"INSERT INTO items ({', '.join(written)}) VALUES "
    one = f"({', '.join('?' * len(written))})"
    many = insert + ", ".join([one] * TOGETHER)
    flat = itertools.chain.from_iterable(zip(*written.values(), strict=True))
    while values := list(itertools.islice(flat, TOGETHER * len(written))):
        count = len(values) // len(written)
        db.execute(many if count == TOGETHER else insert + ", ".join([one] * count), values)
    return sum(marks)


def put_thumbnail(db: sqlite3.Connection, header: Header, row: int, name: Any, data: bytes) -> bool:
    """Write the thumbnail of a row, whose item has a name; return whether there was another.

    What there was is removed where `data` is empty.
    """
    old = db.execute("SELECT checksum FROM thumbnails WHERE row = ?", (row,)).fetchone()
    new = (picture_checksum(row, name, data),) if data else None
    if old == new:
        return False
    if old is not None:
        header.thumbnails.add(-old[0] - row, -1)
        db.execute("DELETE FROM thumbnails WHERE row = ?", (row,))
    if new is not None:
        header.thumbnails.add(new[0] + row)
        db.execute("INSERT INTO thumbnails VALUES (?, ?, ?)", (row, data, *new))
    return True


def upsert(
    db: sqlite3.Connection, header: Header, new: Row, picture: bytes | None, keep: Sequence[str]
) -> str:
    """Write a row, in place of that with the same id, and its thumbnail.

    Parameters
    ----------
    db, header
        The file, and what it says of itself; both are changed.
    new : tuple
        Id, label, metadata and vector.
    picture : bytes or None
        The thumbnail; None leaves that of the same vector.
    keep : sequence of str
        Which of ``"label"`` and ``"meta"`` stay as they are in the file.

    Returns
    -------
    str
        ``"new"``, ``"changed"`` or ``"unchanged"``.
    """
    sql = f"SELECT row, {', '.join(ITEM)}, checksum FROM items WHERE id = ?"
    there = db.execute(sql, new[:1]).fetchone()
    if there is None:
        (row,) = db.execute("SELECT coalesce(max(row), 0) + 1 FROM items").fetchone()
        _write(db, header, row, new)
        put_thumbnail(db, header, row, new[0], picture or b"")
        return "new"
    row, *old, mark = there
    merged = [was if name in keep else now for name, was, now in zip(ITEM, old, new, strict=True)]
    same_vector = is_same_vector(old[3], new[3], header.columns.sparse)
    if same_vector:
        merged[3] = old[3]
    changed = not same_vector or merged[1:3] != old[1:3]
    if changed:
        header.items.add(-mark, -1)
        _write(db, header, row, merged)
    if picture is None and not same_vector:
        picture = b""  # that of the old vector
    if picture is not None:
        changed |= put_thumbnail(db, header, row, new[0], picture)
    return "changed" if changed else "unchanged"


def _write(db: sqlite3.Connection, header: Header, row: int, of: Sequence[Any]) -> None:
    (mark,) = checksums((row,), *((value,) for value in of))
    db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (row, *of, mark))
    header.items.add(mark)


def is_same_vector(old: Any, new: Any, is_sparse: bool) -> bool:
    """Return whether vectors differ by no more than the rounding of another batch."""
    old, new = memoryview(old).cast("B"), memoryview(new).cast("B")
    if old == new:
        return True
    if len(old) != len(new) or (is_sparse and old[: len(old) // 2] != new[: len(new) // 2]):
        return False
    start = len(old) // 2 if is_sparse else 0
    one, other = (np.frombuffer(vector[start:], dtype="<f4") for vector in (old, new))
    return bool(np.linalg.norm(one - other) <= ROUNDING * np.linalg.norm(one))
