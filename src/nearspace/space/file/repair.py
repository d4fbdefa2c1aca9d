"""What is whole of a damaged file, copied into another."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.errors import NearspaceError
from nearspace.space.file.database import BROKEN, CLAIMS, Header, salvaging
from nearspace.space.file.rows import BATCH, OF_ROW, Rows, rows_of
from nearspace.space.file.saving import replacing_space
from nearspace.space.file.store import write_space
from nearspace.space.file.stored import picture_checksum, read_part, reader_of
from nearspace.space.space import Space

__all__ = ["Repaired", "repair"]

NAMED = 10  # items that are lost, or stood twice, of which a sentence names some
ENCODERS = (Encoder.files, Decoder.files)


@dataclasses.dataclass(frozen=True)
class Repaired:
    """What `repair` did.

    Attributes
    ----------
    items, thumbnails, parts : int
        How many were whole, and are in the new file.
    lost : tuple of str
        What is not, one sentence each; of items that stood twice, which was kept.
    """

    items: int
    thumbnails: int
    parts: int
    lost: tuple[str, ...] = ()


def repair(path: str | Path, to: str | Path) -> Repaired:
    """Copy what is whole of a damaged ``.space`` file into a new one; the old stays as it is.

    Whole is what matches its checksum: rows, thumbnails, and parts such as the encoder and the map.
    Of two items with one id that which was written later is kept.

    Parameters
    ----------
    path : str or Path
        The file.
    to : str or Path
        The new one, which must not be there.

    Returns
    -------
    Repaired
        How much is whole, and what is lost.

    Raises
    ------
    NearspaceError
        If nothing of the file is whole, or it cannot be told what its vectors are.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(embed(load("wine"), "pca(dim=2)"), f"{folder}/wine.space")
    ...     repair(path, f"{folder}/mended.space")
    Repaired(items=178, thumbnails=0, parts=2, lost=())
    """
    path, to = Path(path), Path(to)
    if to.suffix != ".space":
        raise NearspaceError(f"{to}: expected the name of a new file ending .space.")
    if to.exists() or to.is_symlink():
        raise NearspaceError(f"{to} is there already; give a new name for what is whole of {path}.")
    with salvaging(path) as (db, header, unknown):
        rows = _whole_rows(db, header)
        lost = [f"Its header has lost what it said of its {key}." for key in unknown]
        lost += _lost_items(db, rows, header)
        thumbnails = _whole_thumbnails(db, rows)
        if (gone := header.thumbnails.count - len(thumbnails)) > 0:
            lost.append(f"{gone:,} of {header.thumbnails.count:,} thumbnails are lost.")
        parts = _whole_parts(db, header)
    parts = _with_its_encoder(parts, header, path)
    lost += [f"The part '{name}' is lost." for name in header.parts if name not in parts]
    if header.items.count and not len(rows.ids):
        raise NearspaceError(
            f"{path} cannot be repaired: not one of its {header.items.count:,} items is whole; use "
            "a copy of the file, or make it again from the data."
        )
    pictures = [thumbnails.get(row, b"") for row in rows.rows.tolist()] if thumbnails else None
    space = Space(
        rows.vectors, rows.ids, rows.labels, header.recipe, None, rows.meta, pictures, parts
    )
    with replacing_space(to) as beside:
        write_space(space, beside)
    return Repaired(len(space), len(thumbnails), len(parts), tuple(lost))


def _salvage(
    db: sqlite3.Connection, table: str, columns: str, numbers: Iterable[int]
) -> dict[int, Any]:
    """Return the rows of a table that can be read, by their numbers.

    Where a page is broken, those on other pages are looked up one by one.
    """
    read: dict[int, Any] = {}
    try:
        for row in db.execute(f"SELECT {columns} FROM {table} NOT INDEXED"):
            read.setdefault(row[0], row)
    except BROKEN:
        sql = f"SELECT {columns} FROM {table} WHERE row = ?"
        for number in numbers:
            if number not in read and (row := _first(db, sql, (number,))) is not None:
                read[number] = row
    return read


def _first(db: sqlite3.Connection, sql: str, values: Sequence[Any] = ()) -> Any:
    """Return the first row of an answer; None where there is none, or a page is broken."""
    try:
        return db.execute(sql, values).fetchone()
    except BROKEN:
        return None


def _whole_rows(db: sqlite3.Connection, header: Header) -> Rows:
    """Return the rows of a damaged file that are whole."""
    numbers = range(1, _last_row(db, header) + 1)
    read = _salvage(db, "items", ", ".join(OF_ROW), numbers)
    stored = [read[number] for number in sorted(read)]
    batches = (stored[start : start + BATCH] for start in range(0, len(stored), BATCH))
    return rows_of(batches, len(stored), header.columns)


def _last_row(db: sqlite3.Connection, header: Header) -> int:
    """Return the number of the last row, by whatever of the file can still be read."""
    last = header.items.count
    for table in ("items NOT INDEXED", "items INDEXED BY items_id", "thumbnails"):
        answer = _first(db, f"SELECT max(row) FROM {table}")
        last = max(last, answer[0] or 0) if answer else last
    return last


def _lost_items(db: sqlite3.Connection, rows: Rows, header: Header) -> list[str]:
    """Return which items are lost, and which stood twice, in sentences."""
    names = set(rows.ids.tolist())
    told = [
        f"The id '{name}' stood twice; of the two items the later one, in row {later}, was kept."
        for name, _, later in rows.doubles[:NAMED]
    ]
    if len(rows.doubles) > NAMED:
        told.append(f"{len(rows.doubles) - NAMED:,} more ids stood twice; the later was kept.")
    missing = header.items.count - len(names) - len(rows.doubles)
    if missing <= 0:
        return told
    try:
        indexed = [name for (name,) in db.execute("SELECT id FROM items INDEXED BY items_id")]
    except BROKEN:  # no index, or a broken one
        indexed = []
    gone = [str(name) for name in indexed if name not in names]
    broken = [str(row) for row in (*rows.damaged, *rows.lying) if row > 0]
    named = ""
    if gone:
        named = f": {_some(gone)}"
    elif broken:
        rows_are = "that in row" if len(broken) == 1 else "in the rows"
        named = f", {rows_are} {_some(broken)}"
        named += " among them" if missing > len(broken) else ""
    are = "item is" if missing == 1 else "items are"
    return [*told, f"{missing:,} {are} lost{named}."]


def _some(names: Sequence[str]) -> str:
    """Return some of many names, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _whole_thumbnails(db: sqlite3.Connection, rows: Rows) -> dict[int, bytes]:
    """Return the thumbnails that are whole, by the rows of their items."""
    names = dict(zip(rows.rows.tolist(), rows.ids.tolist(), strict=True))
    read = _salvage(db, "thumbnails", "row, data, checksum", names)
    return {
        row: data
        for row, data, mark in read.values()
        if row in names
        and isinstance(data, bytes)
        and picture_checksum(row, names[row], data) == mark
    }


def _whole_parts(db: sqlite3.Connection, header: Header) -> dict[str, bytes]:
    """Return the parts that are whole."""
    parts = {}
    for name, expected in header.parts.items():
        try:
            data = read_part(db, name, expected)
        except (TypeError, *BROKEN):
            continue
        if data is not None:
            parts[name] = data
    return parts


def _with_its_encoder(parts: dict[str, bytes], header: Header, path: Path) -> dict[str, bytes]:
    """Return parts without those of an encoder of which half is lost, or that is another one."""
    for files in ENCODERS:
        there = [name for name in files if name in parts]
        whole = len(there) == len(files)
        if whole:
            try:
                reader = reader_of({name: parts[name] for name in files}, header.recipe, path)
                if reader is not None:
                    reader()
            except (NearspaceError, *CLAIMS):
                whole = False
        if not whole:
            parts = {name: data for name, data in parts.items() if name not in there}
    return parts
