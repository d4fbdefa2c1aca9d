"""A space as one durable file, saved, opened and added to; `database` has the schema."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.encoders.persist import dump_encoder
from nearspace.errors import DataError, NearspaceError
from nearspace.space import database
from nearspace.space.rows import (
    Columns,
    checksums,
    columns_of,
    encode_rows,
)
from nearspace.space.space import Space
from nearspace.space.stored import (
    ENCODER,
    WRAP,
    Parts,
    Pictures,
    encoder_reader,
    read_rows,
)
from nearspace.space.written import Tally, content_of, insert_rows, put_thumbnails

__all__ = ["Added", "add", "open_space", "remove", "save", "write_part"]

NAMED = 5  # damaged rows that an error names
COLUMNS = "id, label, meta, vector, checksum"
ROUNDING = 1e-5  # of a vector's length: the same item differs by less from batch to batch


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
        total = insert_rows(db, encode_rows(space, columns))
        pictures = Tally()
        if space.thumbnails is not None:
            rows = zip(itertools.count(1), space.ids.tolist(), space.thumbnails, strict=False)
            pictures = put_thumbnails(db, rows)
        database.write_header(
            db,
            recipe=space.recipe,
            columns=dataclasses.asdict(columns),
            content=content_of(Tally(len(space), total), pictures),
            parts=database.write_parts(db, parts, {}),
        )
        db.execute("COMMIT")
    finally:
        db.close()


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
        rows = read_rows(db, path, header)
    count, total = header["content"]["items"]
    if rows.damaged:
        named = ", ".join(map(str, rows.damaged[:NAMED]))
        more = f" and {len(rows.damaged) - NAMED} more" if len(rows.damaged) > NAMED else ""
        raise database.damaged(path, f"row {named}{more} does not match its checksum")
    if len(rows.rows) != count or rows.total % WRAP != total:
        raise database.damaged(path, f"expected {count} rows, and found others")
    if len(set(rows.ids.tolist())) != count:
        raise database.damaged(path, "an id stands twice")
    parts = Parts(path, header["parts"])
    recipe = header["recipe"]
    return Space(
        rows.vectors,
        rows.ids,
        rows.labels,
        recipe,
        encoder_reader(path, parts, recipe) if ENCODER[0] in parts else None,
        rows.meta,
        Pictures(path, rows) if header["content"]["thumbnails"][0] else None,
        parts,
    )


def add(path: str | Path, space: Space) -> Added:
    """Add items to the space in a file, in one transaction: all of them, or none.

    An item whose id is there takes the place of the old one; adding the same again changes
    nothing, nor does a vector that differs by less than 1e-5 of its length. Several processes may
    add at once; each waits for the others.

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
        db.execute(database.INDEX)
        items, pictures = (Tally(*header["content"][name]) for name in ("items", "thumbnails"))
        kept: list[tuple[int, int]] = []  # position and row of what was written
        counts = [0, 0, 0]
        (last,) = db.execute("SELECT coalesce(max(row), 0) FROM items").fetchone()
        for position, of in enumerate(zip(*encode_rows(space, columns), strict=True)):
            there = db.execute(f"SELECT row, {COLUMNS} FROM items WHERE id = ?", of[:1]).fetchone()
            row = last + 1 if there is None else there[0]
            (mark,) = checksums((row,), *((value,) for value in of))
            if there is not None and (there[-1] == mark or _is_same(there[1:-1], of)):
                counts[2] += 1
                continue
            if there is not None:
                items.add(there[-1], -1)
            last = max(last, row)
            items.add(mark)
            counts[there is not None] += 1
            db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", (row, *of, mark))
            kept.append((position, row))
        if space.thumbnails is not None:
            drawn = ((row, space.ids[at], space.thumbnails[at]) for at, row in kept)
            put_thumbnails(db, drawn, pictures)
        elif kept and pictures.count:
            put_thumbnails(db, ((row, space.ids[at], b"") for at, row in kept), pictures)
        if kept:
            content = content_of(items, pictures)
            database.write_header(db, columns=dataclasses.asdict(columns), content=content)
    return Added(*counts)


def _is_same(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """Return whether rows differ by no more than the rounding of a vector in another batch."""
    if tuple(old[:3]) != tuple(new[:3]) or len(old[3]) != memoryview(new[3]).nbytes:
        return False
    one, other = (np.frombuffer(vector, dtype="<f4") for vector in (old[3], new[3]))
    return bool(np.linalg.norm(one - other) <= ROUNDING * np.linalg.norm(one))


def remove(path: str | Path, ids: Iterable[Any]) -> None:
    """Remove items from the space in a file, in one transaction: all of them, or none.

    Parameters
    ----------
    path : str or Path
        The file.
    ids : iterable of str or int
        Which items.

    Raises
    ------
    NearspaceError
        If there is no item with one of the ids.
    """
    path = Path(path)
    with database.writing(path) as db:
        header = database.read_header(db, path)
        db.execute(database.INDEX)
        items, pictures = (Tally(*header["content"][name]) for name in ("items", "thumbnails"))
        for name in ids:
            found = db.execute("SELECT row, checksum FROM items WHERE id = ?", (name,)).fetchone()
            if found is None:
                raise NearspaceError(f"{path} has no item '{name}'; nothing was removed.")
            items.add(found[1], -1)
            put_thumbnails(db, [(found[0], name, b"")], pictures)
            db.execute("DELETE FROM items WHERE row = ?", found[:1])
        database.write_header(db, content=content_of(items, pictures))


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
