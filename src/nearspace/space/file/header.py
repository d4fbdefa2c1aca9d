"""What the file of a space says of itself: its recipe, its columns, and how much it holds."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import zlib
from pathlib import Path

from nearspace.errors import DataError
from nearspace.recipe import Recipe
from nearspace.space.file.database import damaged

__all__ = ["Columns", "Header", "Tally", "read_header", "write_header"]

IDS = ("text", "integer")
LABELS = (*IDS, "number", "boolean", None)
WRAP = 2**63  # sums of checksums are kept below it, as SQLite's integers are


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
    dates : list of str
        The columns of metadata that are dates, which JSON has no type for.
    """

    dim: int
    sparse: bool
    ids: str
    labels: str | None
    dates: list[str]


@dataclasses.dataclass
class Tally:
    """How many there are, and the sum of their checksums."""

    count: int = 0
    total: int = 0

    def add(self, checksum: int, count: int = 1) -> None:
        """Count some more, given with the sum of their checksums; both are negative for less."""
        self.count += count
        self.total = (self.total + checksum) % WRAP


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
    """

    token: str
    recipe: Recipe
    columns: Columns
    items: Tally = dataclasses.field(default_factory=Tally)
    thumbnails: Tally = dataclasses.field(default_factory=Tally)
    parts: dict[str, list[int]] = dataclasses.field(default_factory=dict)


def read_header(db: sqlite3.Connection, path: str | Path) -> Header:
    """Return the header of a file, all of it checked."""
    values = {}
    for key, value, checksum in db.execute("SELECT key, value, checksum FROM header"):
        if _checksum(key, value) != checksum:
            raise damaged(path, f"the '{key}' of its header does not match its checksum")
        try:
            values[key] = json.loads(value)
        except (RecursionError, ValueError) as error:
            raise damaged(path, f"the '{key}' of its header is no JSON") from error
    try:
        items, thumbnails = (values["content"][name] for name in ("items", "thumbnails"))
        columns, parts = Columns(**values["columns"]), values["parts"]
        fits = isinstance(values["token"], str) and type(columns.dim) is int
        fits &= columns.ids in IDS and columns.labels in LABELS
        pairs = [items, thumbnails, *parts.values()]
        fits &= all(len(pair) == 2 and {type(each) for each in pair} == {int} for pair in pairs)
        recipe, tallies = Recipe.from_json(values["recipe"]), (Tally(*items), Tally(*thumbnails))
    except (AttributeError, DataError, KeyError, TypeError):
        fits = False
    if not fits:
        raise damaged(path, "its header is not that of a space")
    return Header(values["token"], recipe, columns, *tallies, parts)


def write_header(db: sqlite3.Connection, header: Header) -> None:
    """Write the header of a file, in place of what it was."""
    values = {
        "token": header.token,
        "recipe": header.recipe.to_json(),
        "columns": dataclasses.asdict(header.columns),
        "content": {
            name: dataclasses.astuple(getattr(header, name)) for name in ("items", "thumbnails")
        },
        "parts": header.parts,
    }
    for key, value in values.items():
        text = json.dumps(value, ensure_ascii=True)
        row = (key, text, _checksum(key, text))
        db.execute("INSERT OR REPLACE INTO header VALUES (?, ?, ?)", row)


def _checksum(key: str, value: str) -> int:
    return zlib.crc32(f"{key}\x1f{value}".encode())
