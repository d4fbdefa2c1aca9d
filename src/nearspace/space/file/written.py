"""Writing into the file of a space: rows, thumbnails, and the tallies that find lost ones out."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.errors import NearspaceError
from nearspace.space.file import database
from nearspace.space.file.rows import ITEM, Columns, Row, checksums, columns_of, encode_rows
from nearspace.space.file.stored import WRAP, picture_checksum
from nearspace.space.space import Space

__all__ = [
    "Tally",
    "Upsert",
    "content_of",
    "is_same_vector",
    "put_thumbnails",
    "write_space",
]

MAYBE = ("label", "meta")
ROUNDING = 1e-5  # of a vector's length: the same item differs by less from batch to batch
TOGETHER = 100  # rows in one statement, which saves a quarter of the time of one at a time


def write_space(space: Space, path: Path) -> None:
    """Write a space and its encoder into a new file; see `save`.

    Without a journal, since the file counts for nothing until it is renamed.
    """
    columns, parts = columns_of(space), dict(space.parts)
    made_by = space.made_by
    if isinstance(made_by, Encoder | Decoder):
        if isinstance(made_by, Encoder) and made_by.fingerprint != space.recipe.fingerprint:
            raise NearspaceError("A space is saved with the encoder that made it, got another one.")
        parts |= made_by.dump()
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute(f"PRAGMA page_size = {database.PAGE}")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA application_id = {database.APPLICATION}")
        db.execute(f"PRAGMA user_version = {database.FORMAT}")
        db.execute("BEGIN")
        for statement in database.SCHEMA.values():
            db.execute(statement)
        total = _insert_rows(db, encode_rows(space, columns))
        pictures = Tally()
        if space.thumbnails is not None:
            rows = zip(range(1, len(space) + 1), space.ids.tolist(), space.thumbnails, strict=True)
            pictures = put_thumbnails(db, rows)
        database.write_header(
            db,
            token=uuid.uuid4().hex,
            recipe=space.recipe.to_json(),
            columns=dataclasses.asdict(columns),
            content=content_of(Tally(len(space), total), pictures),
            parts=database.write_parts(db, parts, {}),
        )
        db.execute("COMMIT")
    finally:
        db.close()


def _insert_rows(db: sqlite3.Connection, columns: Sequence[Sequence[Any]]) -> int:
    """Insert the rows of a new file, given as columns; return the sum of their checksums.

    What it takes is a quarter for every value that is bound: columns of nulls are left out.
    """
    marks = checksums(range(1, len(columns[0]) + 1), *columns)
    known = [
        (name, values)
        for name, values in zip((*ITEM, "checksum"), (*columns, marks), strict=True)
        if name not in MAYBE or values.count(None) < len(values)
    ]
    into = ", ".join(name for name, _ in known)
    insert = f"INSERT INTO items ({into}) VALUES "
    one = f"({', '.join('?' * len(known))})"
    many = insert + ", ".join([one] * TOGETHER)
    flat = itertools.chain.from_iterable(zip(*(values for _, values in known), strict=True))
    while values := list(itertools.islice(flat, TOGETHER * len(known))):
        count = len(values) // len(known)
        db.execute(many if count == TOGETHER else insert + ", ".join([one] * count), values)
    return sum(marks) % WRAP


@dataclasses.dataclass
class Tally:
    """How many there are, and the sum of their checksums."""

    count: int = 0
    total: int = 0

    def add(self, checksum: int, sign: int = 1) -> None:
        """Count one more, or with the sign -1 one less."""
        self.count += sign
        self.total = (self.total + sign * checksum) % WRAP


def content_of(items: Tally, pictures: Tally) -> dict[str, list[int]]:
    """Return what the header says of the items and thumbnails."""
    return {"items": [items.count, items.total], "thumbnails": [pictures.count, pictures.total]}


def put_thumbnails(
    db: sqlite3.Connection, pictures: Iterable[tuple[int, Any, bytes]], tally: Tally | None = None
) -> Tally:
    """Write the thumbnails of rows, given with the item's id, in place of those there are."""
    tally = tally or Tally()
    for row, name, data in pictures:
        for (old,) in db.execute("SELECT checksum FROM thumbnails WHERE row = ?", (row,)):
            tally.add(old + row, -1)
        if data:
            mark = picture_checksum(row, name, data)
            db.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", (row, data, mark))
            tally.add(mark + row)
        else:
            db.execute("DELETE FROM thumbnails WHERE row = ?", (row,))
    return tally


class Upsert:
    """Puts rows into a file in place of those with the same id, and keeps the tallies."""

    def __init__(self, db: sqlite3.Connection, content: dict[str, Any], columns: Columns):
        self.db, self.sparse = db, columns.sparse
        self.items, self.pictures = Tally(*content["items"]), Tally(*content["thumbnails"])
        (self.last,) = db.execute("SELECT coalesce(max(row), 0) FROM items").fetchone()

    def put(self, new: Row, picture: bytes | None, keep_label: bool, keep_meta: bool) -> str:
        """Write a row and its thumbnail; return whether it is new, changed or unchanged."""
        sql = f"SELECT row, {', '.join(ITEM)}, checksum FROM items WHERE id = ?"
        found = self.db.execute(sql, new[:1]).fetchone()
        if found is None:
            self.last += 1
            self._write(self.last, new)
            if picture:
                put_thumbnails(self.db, [(self.last, new[0], picture)], self.pictures)
            return "new"
        row, *old, old_mark = found
        label, meta = (old[1] if keep_label else new[1]), (old[2] if keep_meta else new[2])
        same_vector = is_same_vector(old[3], new[3], self.sparse)
        changed = not same_vector or (label, meta) != (old[1], old[2])
        if changed:
            self.items.add(old_mark, -1)
            self._write(row, (new[0], label, meta, old[3] if same_vector else new[3]))
        if picture is None and not same_vector:
            picture = b""  # that of the old vector
        if picture is not None:
            changed |= self._put_picture(row, new[0], picture)
        return "changed" if changed else "unchanged"

    def _write(self, row: int, of: Row) -> None:
        (mark,) = checksums((row,), *((value,) for value in of))
        self.db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (row, *of, mark))
        self.items.add(mark)

    def _put_picture(self, row: int, name: Any, picture: bytes) -> bool:
        """Write a thumbnail if it is another one than is there; return whether it was."""
        sql = "SELECT checksum FROM thumbnails WHERE row = ?"
        old = self.db.execute(sql, (row,)).fetchone()
        if old == ((picture_checksum(row, name, picture),) if picture else None):
            return False
        put_thumbnails(self.db, [(row, name, picture)], self.pictures)
        return True


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
