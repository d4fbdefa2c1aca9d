"""What the file of a space holds: rows, thumbnails, parts, encoder; each checked when read."""

from __future__ import annotations

import functools
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.errors import DataError, ReplacedError
from nearspace.recipe import Recipe
from nearspace.space.file.database import WRAP, Header, Tally, damaged, has_words, reading
from nearspace.space.file.rows import BATCH, Rows, read_rows
from nearspace.space.file.words import NOT_AS_WRITTEN, is_as_written
from nearspace.space.search.words import Match, match
from nearspace.space.space import Space
from nearspace.space.vectors import VectorFile

__all__ = ["Parts", "in_one", "picture_checksum", "read_part", "read_space", "reader_of"]


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
    if wrong := rows.wrong(header.items):
        raise damaged(path, in_one(wrong))
    parts = Parts(path, header)
    return Space(
        rows.vectors,
        rows.ids,
        rows.labels,
        header.recipe,
        reader_of(parts, header.recipe, path),
        rows.meta,
        Pictures(path, header, rows) if header.thumbnails.count else None,
        parts,
        StoredWords(path, header, rows.rows),
    )


def in_one(wrong: Sequence[str]) -> str:
    """Return all that is wrong as the beginning of one sentence: the first, and how many more."""
    first = wrong[0].removesuffix(".")
    more = f", and {len(wrong) - 1:,} more things are wrong" if len(wrong) > 1 else ""
    return first[0].lower() + first[1:] + more


def reader_of(
    parts: Mapping[str, bytes], recipe: Recipe, path: Path
) -> Callable[[], Encoder | Decoder] | None:
    """Return what reads the encoder in a file, or the decoder alone; None where there is none."""
    if Encoder.files[0] in parts:
        return functools.partial(_read_encoder, parts, recipe, path)
    if Decoder.files[0] in parts:
        return functools.partial(Decoder.parse, parts, str(path))
    return None


def _read_encoder(parts: Mapping[str, bytes], recipe: Recipe, path: Path) -> Encoder:
    """Return the encoder of a file, having checked that it made the vectors."""
    encoder = Encoder.parse(parts, str(path))
    if encoder.fingerprint != recipe.fingerprint:
        raise damaged(path, "its encoder is not the one that made its vectors")
    return encoder


def _holds_the_same(header: Header, opened: Header) -> bool:
    """Return whether a file holds the items that it held when it was opened, whoever wrote it."""
    one, other = ((each.recipe.fingerprint, each.columns, each.items) for each in (header, opened))
    return one == other


def read_part(db: sqlite3.Connection, name: str, expected: list[int]) -> bytes | None:
    """Return a part of a file, given its length and checksum; None if it does not match them."""
    pieces = db.execute("SELECT data FROM parts WHERE name = ? ORDER BY piece", (name,))
    data = b"".join(piece for (piece,) in pieces)
    return data if [len(data), zlib.crc32(data)] == expected else None


def picture_checksum(row: int, name: Any, data: bytes) -> int:
    """Return the checksum of one thumbnail."""
    return zlib.crc32(data, zlib.crc32(f"{row}\x1f{name}".encode()))


class Parts(Mapping[str, bytes]):
    """The parts of a file, read when they are asked for.

    A file that was written anew meanwhile is gone on with where its part is the same, or belongs to
    the same items.
    """

    def __init__(self, path: Path, header: Header):
        self.path, self.opened = path, header

    def __getitem__(self, name: str) -> bytes:
        expected = self.opened.parts[name]
        with reading(self.path) as (db, header):
            there = header.parts.get(name)
            if there != expected and not (there and _holds_the_same(header, self.opened)):
                what = "it" if header.token != self.opened.token else f"its part '{name}'"
                raise ReplacedError(
                    f"{self.path}: {what} was written anew since it was opened, for other items; "
                    "open it again."
                )
            data = read_part(db, name, there)
        if data is None:
            raise damaged(self.path, f"its part '{name}' does not match its checksum")
        return data

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened.parts)

    def __len__(self) -> int:
        return len(self.opened.parts)


class Pictures(Sequence[bytes]):
    """The thumbnails of a file, read when they are asked for; b"" where there is none."""

    def __init__(self, path: Path, header: Header, rows: Rows):
        self.path, self.opened, self.rows, self.ids = path, header, rows.rows, rows.ids
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
        with reading(self.path) as (db, header):
            if header.token != self.opened.token and not _holds_the_same(header, self.opened):
                raise ReplacedError(
                    f"{self.path} was written anew since it was opened, with other items; open it "
                    "again."
                )
            self._count(db, header.thumbnails)
            return [self._one(db, position) for position in positions]

    def _count(self, db: sqlite3.Connection, expected: Tally) -> None:
        """Check, once for each state of the file, that no thumbnail is lost or misplaced."""
        if self.counted != expected:
            in_place = db.execute("PRAGMA quick_check(thumbnails)").fetchall() == [("ok",)]
            sql = "SELECT count(*), coalesce(sum(checksum + row), 0) FROM thumbnails"
            count, total = db.execute(sql).fetchone()
            if not in_place or Tally(count, total % WRAP) != expected:
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
            raise ReplacedError(
                f"{self.path}: '{name}' was removed since it was opened; open it again."
            )
        if data is None:
            return b""
        if picture_checksum(row, name, data) != mark:
            raise damaged(self.path, f"the thumbnail of '{name}' is not what was written")
        return data


class StoredWords:
    """The index of words in a file, for items that were read from it."""

    def __init__(self, path: Path, header: Header, rows: np.ndarray):
        self.path, self.opened, self.rows = path, header, rows
        self.checked: int | None = None

    def match(self, queries: Sequence[str]) -> list[Match] | None:
        """Return what queries find, by positions; None where the file has no index of the items."""
        with reading(self.path) as (db, header):
            if not _holds_the_same(header, self.opened) or not has_words(db):
                return None
            if self.checked is None or self.checked != header.words:
                if not is_as_written(db, header):
                    raise damaged(self.path, in_one([NOT_AS_WRITTEN]))
                self.checked = header.words
            matches = [match(db, query) for query in queries]
        return [self._placed(rows, scores) for rows, scores in matches]

    def _placed(self, rows: np.ndarray, scores: np.ndarray) -> Match:
        """Return rows as positions among those that were read."""
        places = np.searchsorted(self.rows, rows)
        if not np.array_equal(self.rows[np.minimum(places, len(self.rows) - 1)], rows):
            raise damaged(self.path, "its index of words names rows that are not there")
        return places, scores
