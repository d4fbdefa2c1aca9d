"""A space as one durable file: `save`, `open_space`, `add`, `verify`; `database` has the schema."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nearspace.encoders.base import Encoder
from nearspace.encoders.persist import dump_encoder, fingerprint, parse_encoder
from nearspace.errors import DataError, NearspaceError
from nearspace.space import database
from nearspace.space.rows import (
    ITEM,
    Columns,
    Rows,
    checksums,
    columns_of,
    decode_rows,
    encode_rows,
)
from nearspace.space.space import Space

__all__ = ["Added", "add", "open_space", "save", "verify", "write_part"]

ENCODER = ("encoder.json", "weights.safetensors")
TOGETHER = 100  # rows in one statement, which saves a quarter of the time of one at a time
BATCH = 4096
WRAP = 2**63  # sums of checksums are kept below it, as SQLite's integers are
NAMED = 5  # damaged rows that an error names


@dataclasses.dataclass(frozen=True)
class Added:
    """How many items `add` found to be new, changed, and already there as they are."""

    new: int
    changed: int
    unchanged: int


def save(space: Space, path: str | Path) -> Path:
    """Write a space into one file, in place of what it held.

    The file is complete or not there: it is written beside and then renamed. Whoever has the old
    one open goes on reading that.

    Parameters
    ----------
    space : Space
        Vectors, and the encoder if there is one, which has to be of the catalogue.
    path : str or Path
        The file, usually ending in ``.space``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NearspaceError
        If a vector is not finite, an id stands twice, the encoder cannot be saved, or the disk is
        full; the old file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load, open_space
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(embed(load("wine"), "pca(dim=2)"), f"{folder}/wine.space")
    ...     again = open_space(path)
    >>> len(again), again.recipe["spec"]
    (178, 'pca(dim=2)')
    """
    path = Path(path)
    columns, parts = columns_of(space), dict(space.parts)
    if isinstance(space.made_by, Encoder):
        parts |= dump_encoder(space.made_by)
    if path.is_dir():
        raise NearspaceError(f"{path} is a folder; expected the name of a file to write.")
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with database.told(path):
            _write(beside, space, columns, parts)
        _roll_back(path)
        _sync(beside)
        os.replace(beside, path)
        _sync(path.parent)
    except OSError as error:
        raise NearspaceError(
            f"{path} cannot be written ({error}); what it held before is as it was."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return path


def _write(path: Path, space: Space, columns: Columns, parts: dict[str, bytes]) -> None:
    """Write a new file; without a journal, since it counts for nothing until it is renamed."""
    path.unlink(missing_ok=True)
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
        total = _insert(db, encode_rows(space, columns))
        pictures = _Tally()
        if space.thumbnails is not None:
            rows = zip(itertools.count(1), space.ids.tolist(), space.thumbnails, strict=False)
            pictures = _put_thumbnails(db, rows)
        database.write_header(
            db,
            recipe=space.recipe,
            columns=dataclasses.asdict(columns),
            content={
                "items": [len(space), total],
                "thumbnails": [pictures.count, pictures.total],
            },
            parts=database.write_parts(db, parts, {}),
        )
        db.execute("COMMIT")
    finally:
        db.close()


def _insert(db: sqlite3.Connection, columns: Sequence[Sequence[Any]]) -> int:
    """Insert the rows of a new file, given as columns; return the sum of their checksums.

    What it takes is a quarter for every value that is bound: columns of nulls are left out.
    """
    marks = checksums(range(1, len(columns[0]) + 1), *columns)
    known = [
        (name, values)
        for name, values in zip((*ITEM, "checksum"), (*columns, marks), strict=True)
        if any(value is not None for value in values)
    ]
    into = ", ".join(name for name, _ in known)
    one = f"({', '.join('?' * len(known))})"
    flat = itertools.chain.from_iterable(zip(*(values for _, values in known), strict=True))
    while values := list(itertools.islice(flat, TOGETHER * len(known))):
        places = ", ".join([one] * (len(values) // len(known)))
        db.execute(f"INSERT INTO items ({into}) VALUES {places}", values)
    return sum(marks) % WRAP


@dataclasses.dataclass
class _Tally:
    """How many there are, and the sum of their checksums."""

    count: int = 0
    total: int = 0

    def add(self, checksum: int, sign: int = 1) -> None:
        self.count += sign
        self.total = (self.total + sign * checksum) % WRAP


def _put_thumbnails(
    db: sqlite3.Connection, pictures: Iterable[tuple[int, Any, bytes]], tally: _Tally | None = None
) -> _Tally:
    """Write the thumbnails of rows, given with the item's id, in place of those there are."""
    tally = tally or _Tally()
    for row, name, data in pictures:
        for (old,) in db.execute("SELECT checksum FROM thumbnails WHERE row = ?", (row,)):
            tally.add(old, -1)
        if data:
            mark = _picture_checksum(row, name, data)
            db.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", (row, data, mark))
            tally.add(mark)
        else:
            db.execute("DELETE FROM thumbnails WHERE row = ?", (row,))
    return tally


def _picture_checksum(row: int, name: Any, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(f"{row}\x1f{name}".encode()))


def _roll_back(path: Path) -> None:
    """Roll back what a crash left half done: its journal would spoil the file that comes now."""
    journal = path.with_name(path.name + "-journal")
    if not journal.exists():
        return
    try:
        with database.writing(path):
            pass
    except NearspaceError:  # not a space, so that the journal is worth nothing either
        journal.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows keeps names by itself
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def open_space(path: str | Path) -> Space:
    """Return the space that a file holds.

    Every row is checked; the encoder, thumbnails and parts are read, and checked, when they are
    first asked for.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Space
        Its ids are text or int64, its vectors float32.

    Raises
    ------
    NearspaceError
        If the file is no space, is damaged, or was written in a newer format.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = open_space(embed(wine, "pca(dim=2)").save(f"{folder}/wine.space"))
    ...     space.encoder.transform(wine.items[:1]).shape
    (1, 2)
    """
    path = Path(path)
    with database.reading(path) as db:
        header = database.read_header(db, path)
        rows = _read_rows(db, path, header)
    count, total = header["content"]["items"]
    if rows.damaged:
        named = ", ".join(map(str, rows.damaged[:NAMED]))
        more = f" and {len(rows.damaged) - NAMED} more" if len(rows.damaged) > NAMED else ""
        raise database.damaged(path, f"row {named}{more} does not match its checksum")
    if len(rows.rows) != count or rows.total % WRAP != total:
        raise database.damaged(path, f"expected {count} rows, and found others")
    if len(set(rows.ids.tolist())) != count:
        raise database.damaged(path, "an id stands twice")
    parts = _Parts(path, header["parts"])
    recipe = header["recipe"]
    return Space(
        rows.vectors,
        rows.ids,
        rows.labels,
        recipe,
        _reader(path, parts, recipe) if ENCODER[0] in parts else None,
        rows.meta,
        _Pictures(path, rows) if header["content"]["thumbnails"][0] else None,
        parts,
    )


def _read_rows(db: sqlite3.Connection, path: Path, header: dict[str, Any]) -> Rows:
    columns = Columns(**header["columns"])
    there = db.execute("SELECT count(*) FROM items").fetchone()[0]
    size = 1 if columns.sparse else 4 * columns.dim
    if not 0 <= there * size <= path.stat().st_size:  # before memory is set aside for them
        raise database.damaged(path, f"it is too small for {there} vectors of {columns.dim}")
    found = db.execute("SELECT row, id, label, meta, vector, checksum FROM items ORDER BY row")
    return decode_rows(iter(lambda: found.fetchmany(BATCH), []), columns, there)


def _reader(path: Path, parts: Mapping[str, bytes], recipe: dict[str, Any]) -> Callable[[], Any]:
    def read() -> Encoder:
        encoder = parse_encoder({name: parts[name] for name in ENCODER}, str(path))
        if fingerprint(encoder) != recipe["fingerprint"]:
            raise database.damaged(path, "its encoder is not the one that made its vectors")
        return encoder

    return read


class _Parts(Mapping[str, bytes]):
    """The parts of a file, read when they are asked for."""

    def __init__(self, path: Path, known: dict[str, Any]):
        self.path, self.known = path, known

    def __getitem__(self, name: str) -> bytes:
        with database.reading(self.path) as db:
            return database.read_part(db, self.path, name, self.known[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


class _Pictures(Sequence[bytes]):
    """The thumbnails of a file, read when they are asked for; b"" where there is none."""

    def __init__(self, path: Path, rows: Rows):
        self.path, self.rows, self.ids = path, rows.rows, rows.ids

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
            return [self._one(db, position) for position in positions]

    def _one(self, db: sqlite3.Connection, position: int) -> bytes:
        row, name = int(self.rows[position]), self.ids[position]
        found = db.execute("SELECT data, checksum FROM thumbnails WHERE row = ?", (row,)).fetchone()
        if found is None:
            return b""
        if _picture_checksum(row, name, found[0]) != found[1]:
            raise database.damaged(self.path, f"the thumbnail of '{name}' is not what was written")
        return found[0]


def add(path: str | Path, space: Space) -> Added:
    """Add items to the space in a file, in one transaction: all of them, or none.

    An item whose id is there takes the place of the old one; adding the same again changes
    nothing. Several processes may add at once; each waits for the others.

    Parameters
    ----------
    path : str or Path
        The file.
    space : Space
        The items, embedded by the encoder of the file.

    Returns
    -------
    Added
        How many were new, changed, and unchanged.

    Raises
    ------
    NearspaceError
        If the vectors are of another encoder, even at the same dimension; if ids or labels are of
        another type, a vector is not finite, or the disk is full. The file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> space = embed(wine.take(range(100)), "pca(dim=2)")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = space.save(f"{folder}/wine.space")
    ...     add(path, embed(wine, space.encoder))
    Added(new=78, changed=0, unchanged=100)
    """
    path = Path(path)
    columns = columns_of(space)
    with database.writing(path) as db:
        header = database.read_header(db, path)
        columns = _fitting(columns, header, space, path)
        content = header["content"]
        db.execute(database.INDEX)
        items, pictures = _Tally(*content["items"]), _Tally(*content["thumbnails"])
        kept: list[tuple[int, int]] = []  # position and row of what was written
        counts = [0, 0, 0]
        (last,) = db.execute("SELECT coalesce(max(row), 0) FROM items").fetchone()
        for position, of in enumerate(zip(*encode_rows(space, columns), strict=True)):
            there = db.execute("SELECT row, checksum FROM items WHERE id = ?", of[:1]).fetchone()
            row, old = there or (last + 1, None)
            (mark,) = checksums((row,), *((value,) for value in of))
            if mark == old:
                counts[2] += 1
                continue
            if old is not None:
                items.add(old, -1)
            last = max(last, row)
            items.add(mark)
            counts[old is not None] += 1
            db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (row, *of, mark))
            kept.append((position, row))
        if space.thumbnails is not None:
            drawn = ((row, space.ids[at], space.thumbnails[at]) for at, row in kept)
            _put_thumbnails(db, drawn, pictures)
        elif kept and pictures.count:
            _put_thumbnails(db, ((row, space.ids[at], b"") for at, row in kept), pictures)
        if kept:
            content = {"items": [items.count, items.total]}
            content["thumbnails"] = [pictures.count, pictures.total]
            database.write_header(db, columns=dataclasses.asdict(columns), content=content)
    return Added(*counts)


def _fitting(columns: Columns, header: dict[str, Any], space: Space, path: Path) -> Columns:
    """Return the columns of a file after items were added to it, or raise."""
    recipe, there = header["recipe"], Columns(**header["columns"])
    if recipe["fingerprint"] != space.recipe["fingerprint"]:
        raise NearspaceError(
            f"{path} holds vectors of {recipe['spec']} with the fingerprint "
            f"{recipe['fingerprint']}, got vectors of {space.recipe['spec']} with "
            f"{space.recipe['fingerprint']}; embed items with the encoder of the space."
        )
    if (there.dim, there.sparse) != (columns.dim, columns.sparse):
        raise DataError(f"{path} holds vectors of {there.dim}, got vectors of {columns.dim}.")
    if there.ids != columns.ids:
        raise DataError(f"{path}: expected ids that are {there.ids}, got {columns.ids}.")
    if None not in (there.labels, columns.labels) and there.labels != columns.labels:
        raise DataError(f"{path}: expected labels that are {there.labels}, got {columns.labels}.")
    return dataclasses.replace(there, labels=there.labels or columns.labels)


def write_part(path: str | Path, name: str, data: bytes) -> None:
    """Keep what was computed from the vectors of a file with them, in place of what it was."""
    with database.writing(path) as db:
        known = database.read_header(db, path)["parts"]
        database.write_header(db, parts=database.write_parts(db, {name: data}, known))


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
    path, found = Path(path), []
    with database.reading(path) as db:
        checked = [text for (text,) in db.execute("PRAGMA integrity_check")]
        if checked != ["ok"]:
            found += [f"SQLite: {text}" for text in checked]
        header = database.read_header(db, path)
        rows = _read_rows(db, path, header)
        found += [f"Row {row} of the items does not match its checksum." for row in rows.damaged]
        content = header["content"]
        if [len(rows.rows), rows.total % WRAP] != content["items"]:
            found.append(f"Expected {content['items'][0]} items, and found others.")
        found += _verify_pictures(db, rows, content["thumbnails"])
    parts = _Parts(path, header["parts"])
    for name in parts:
        try:
            parts[name]
        except NearspaceError as error:
            found.append(str(error))
    if not found and ENCODER[0] in parts:
        try:
            _reader(path, parts, header["recipe"])()
        except NearspaceError as error:
            found.append(str(error))
    return found


def _verify_pictures(db: sqlite3.Connection, rows: Rows, expected: list[int]) -> list[str]:
    names = dict(zip(rows.rows.tolist(), rows.ids.tolist(), strict=True))
    tally, found = _Tally(), []
    for row, data, mark in db.execute("SELECT row, data, checksum FROM thumbnails ORDER BY row"):
        tally.add(mark)
        if row not in names or _picture_checksum(row, names[row], data) != mark:
            found.append(f"The thumbnail of row {row} does not match its checksum.")
    if [tally.count, tally.total] != expected:
        found.append(f"Expected {expected[0]} thumbnails, and found others.")
    return found
