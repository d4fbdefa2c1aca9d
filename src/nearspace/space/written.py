"""Writing into the file of a space: rows, thumbnails, and the tallies that find lost ones out."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from nearspace.space.rows import ITEM, checksums
from nearspace.space.stored import WRAP, picture_checksum

__all__ = ["Tally", "content_of", "insert_rows", "put_thumbnails"]

MAYBE = ("label", "meta")
TOGETHER = 100  # rows in one statement, which saves a quarter of the time of one at a time


def insert_rows(db: sqlite3.Connection, columns: Sequence[Sequence[Any]]) -> int:
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
    one = f"({', '.join('?' * len(known))})"
    flat = itertools.chain.from_iterable(zip(*(values for _, values in known), strict=True))
    while values := list(itertools.islice(flat, TOGETHER * len(known))):
        places = ", ".join([one] * (len(values) // len(known)))
        db.execute(f"INSERT INTO items ({into}) VALUES {places}", values)
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
            tally.add(old, -1)
        if data:
            mark = picture_checksum(row, name, data)
            db.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", (row, data, mark))
            tally.add(mark)
        else:
            db.execute("DELETE FROM thumbnails WHERE row = ?", (row,))
    return tally
