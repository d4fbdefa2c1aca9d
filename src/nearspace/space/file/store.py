"""A space as one durable file: opened, added to, removed from; `database` has the schema."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.errors import DataError, NearspaceError
from nearspace.space.file import database
from nearspace.space.file.header import Columns, Header, read_header, write_header
from nearspace.space.file.rows import columns_of, encode_rows
from nearspace.space.file.stored import Parts, Pictures, read_rows, reader_of
from nearspace.space.file.written import put_thumbnail, upsert
from nearspace.space.space import Space

__all__ = ["Added", "add", "read_space", "remove", "write_part"]


NAMED = 5  # damaged rows that an error names


@dataclasses.dataclass(frozen=True)
class Added:
    """How many items `add` found to be new, changed, and already there as they are."""

    new: int
    changed: int
    unchanged: int


def read_space(path: str | Path) -> Space:
    """Return the space that a ``.space`` file holds; see `open_space`.

    Every row is checked; the encoder, thumbnails and parts are read, and checked, when they are
    first asked for. Ids are text or int64, vectors float32.
    """
    path = Path(path).absolute()
    with database.reading(path) as db:
        header = read_header(db, path)
        rows = read_rows(db, path, header.columns)
    if rows.damaged:
        named = ", ".join(map(str, rows.damaged[:NAMED]))
        more = f" and {len(rows.damaged) - NAMED} more" if len(rows.damaged) > NAMED else ""
        raise database.damaged(path, f"row {named}{more} does not match its checksum")
    if rows.tally != header.items:
        raise database.damaged(path, f"expected {header.items.count} rows, and found others")
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


def add(path: str | Path, space: Space, append: bool | None = None) -> Added:
    """Add items to the space in a file, in one transaction: all of them, or none.

    An item whose id is there takes the place of the old one; adding the same again changes
    nothing, nor does a vector that differs by less than 1e-5 of its length. Several processes may
    add at once; each waits for the others.

    Parameters
    ----------
    path : str or Path
        The file.
    space : Space
        The items, embedded by the encoder of the file. Labels, metadata and thumbnails that it
        does not have stay as they are in the file, but for the thumbnail of a changed vector.
    append : bool, optional
        What to do where ids are mere row numbers, 0 to ``n - 1``, as those of data without ids
        are: True numbers the items on from the largest id in the file, False takes the numbers
        for the ids that they look like. By default that is an error where one of them would
        replace an item by another.

    Returns
    -------
    Added
        How many were new, changed, and unchanged.

    Raises
    ------
    NearspaceError
        If the vectors are of another encoder, even at the same dimension; if ids or labels are of
        another type, row numbers would replace other items, a vector is not finite, or the disk is
        full. The file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load, save
    >>> wine = load("wine")
    >>> space = embed(wine.take(range(100)), "pca(dim=2)")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(space, f"{folder}/wine.space")
    ...     add(path, embed(wine, space.encoder))
    Added(new=78, changed=0, unchanged=100)
    """
    path = Path(path)
    numbered = np.array_equal(space.ids, np.arange(len(space)))
    if append and not numbered:
        raise NearspaceError(
            f"{space.recipe.data} has ids, so that append= has nothing to do; leave it out."
        )
    # All that takes time comes before the transaction, for which others have to wait.
    columns = columns_of(space)
    rows = list(zip(*encode_rows(space, columns), strict=True))
    pictures = [None] * len(space) if space.thumbnails is None else list(space.thumbnails)
    with database.writing(path) as db:
        header = read_header(db, path)
        header.columns = _fitting(columns, header, space, path)
        db.execute(database.INDEX)
        if append:
            (last,) = db.execute("SELECT coalesce(max(id), -1) FROM items").fetchone()
            rows = [(number, *row[1:]) for number, row in enumerate(rows, last + 1)]
        lacking = {"label": space.labels is None, "meta": space.meta is None}
        keep = [name for name, lacks in lacking.items() if lacks]
        counts = collections.Counter(
            upsert(db, header, row, picture, keep)
            for row, picture in zip(rows, pictures, strict=True)
        )
        if counts["changed"] and numbered and append is None:
            raise NearspaceError(
                f"{space.recipe.data} has no ids but row numbers, which would replace "
                f"{counts['changed']:,} other items of {path}: name the column of ids by ids=, or "
                "number them on by append=."
            )
        if counts["new"] or counts["changed"]:
            write_header(db, header)
    return Added(counts["new"], counts["changed"], counts["unchanged"])


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
    if isinstance(ids, str):
        raise DataError(f"remove: expected several ids, got the text '{ids}'; give a list.")
    path = Path(path)
    with database.writing(path) as db:
        header = read_header(db, path)
        db.execute(database.INDEX)
        for name in (each.item() if isinstance(each, np.generic) else each for each in ids):
            there = db.execute("SELECT row, checksum FROM items WHERE id = ?", (name,)).fetchone()
            if there is None:
                raise NearspaceError(f"{path} has no item '{name}'; nothing was removed.")
            header.items.add(-there[1], -1)
            put_thumbnail(db, header, there[0], name, b"")
            db.execute("DELETE FROM items WHERE row = ?", there[:1])
        write_header(db, header)


def _fitting(columns: Columns, header: Header, space: Space, path: Path) -> Columns:
    """Return the columns of a file after items were added to it, or raise."""
    recipe, there = header.recipe, header.columns
    if recipe.fingerprint != space.recipe.fingerprint:
        one, other = (
            f"{each.maker} (fingerprint {each.fingerprint})" for each in (recipe, space.recipe)
        )
        raise NearspaceError(
            f"{path} holds vectors of {one}, got vectors of {other}; embed items with the encoder "
            "of the space, or say who made the vectors by the same name."
        )
    if (there.dim, there.sparse) != (columns.dim, columns.sparse):
        raise DataError(f"{path} holds vectors of {there.dim}, got vectors of {columns.dim}.")
    if there.ids != columns.ids and len(space):
        raise DataError(
            f"{path}: expected ids that are {there.ids}, got {columns.ids}; name the column of ids "
            "by ids=."
        )
    if None not in (there.labels, columns.labels) and there.labels != columns.labels:
        raise DataError(f"{path}: expected labels that are {there.labels}, got {columns.labels}.")
    dates = sorted({*there.dates, *columns.dates})
    return dataclasses.replace(there, labels=there.labels or columns.labels, dates=dates)


def write_part(path: str | Path, name: str, data: bytes) -> None:
    """Keep what was computed from the vectors of a file with them, in place of what it was."""
    with database.writing(path) as db:
        header = read_header(db, path)
        header.parts[name] = database.write_part(db, name, data)
        write_header(db, header)
