"""A space as one durable file: written, added to, removed from; `database` has the schema."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data.numerals import LARGEST_EXACT
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.errors import DataError, NearspaceError
from nearspace.space.arrays import plain_array
from nearspace.space.columns import fitted_cells, fitted_table
from nearspace.space.file import database
from nearspace.space.file.checking import changing
from nearspace.space.file.database import Columns, Header
from nearspace.space.file.rows import ITEM, OF_ROW, Row, Stored, checksums, encode_rows
from nearspace.space.file.stored import picture_checksum
from nearspace.space.file.words import change_words, index_words
from nearspace.space.space import Space

__all__ = ["Added", "add", "remove", "write_part", "write_space"]

MAYBE = ("label", "meta")
NAMED = 5  # items that an error names
ROUNDING = 1e-5  # of a vector's length: the same item differs by less from batch to batch
TOGETHER = 100  # rows in one statement, which saves a quarter of the time of one at a time


@dataclasses.dataclass(frozen=True)
class Added:
    """What `add` did.

    Attributes
    ----------
    new, changed, unchanged : int
        How many items were new, took the place of others, and were there as they are.
    notes : tuple of str
        What to say of it: columns that are new or missing, cells that were kept missing.
    """

    new: int
    changed: int
    unchanged: int
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Given:
    """What is said of items that are added: whether labels, and which columns of metadata."""

    labels: bool
    columns: frozenset[str]


def write_space(space: Space, path: Path) -> None:
    """Write a space and its encoder into a new file; see `save`."""
    columns, values = encode_rows(space)
    header, parts = Header(uuid.uuid4().hex, space.recipe, columns), dict(space.parts)
    made_by = space.made_by
    # That of a space that was read from a file waits there, and is among the parts if all is.
    if callable(made_by):
        written = parts.keys() & {Encoder.files[0], Decoder.files[0]}
        made_by = None if written else space.encoder or space.decoder
    if made_by is not None:
        if isinstance(made_by, Encoder) and made_by.fingerprint != space.recipe.fingerprint:
            raise NearspaceError("A space is saved with the encoder that made it, got another one.")
        parts |= made_by.dump()
    with database.creating(path, header) as db:
        header.items.add(_insert_rows(db, values), len(space))
        index_words(db, columns)
        if space.thumbnails is not None:
            pictures = zip(space.ids.tolist(), space.thumbnails, strict=True)
            for row, (name, data) in enumerate(pictures, start=1):
                put_thumbnail(db, header, row, name, data)
        header.parts |= {name: database.put_part(db, name, data) for name, data in parts.items()}


def add(path: str | Path, space: Space, *, append: bool = False, replace: bool = False) -> Added:
    """Add items to the space in a file, in one transaction: all of them, or none.

    Adding the same items again changes nothing, nor does a vector that differs by less than 1e-5
    of its length. Several processes may add at once; each waits for the others.

    The types of labels and metadata are those of the file. What is added is brought to them: text
    that says a number, a date, or true or false, in whatever way is plain, words such as
    "unknown" and "-" as missing. Whole numbers become numbers where fractions are added.

    Parameters
    ----------
    path : str or Path
        The file.
    space : Space
        The items, embedded by the encoder of the file. Labels, columns of metadata and thumbnails
        that it does not have stay as they are in the file, but for the thumbnail of a changed
        vector.
    append : bool, default=False
        Whether to number the items on from the largest id in the file, where their ids are mere
        row numbers, 0 to ``n - 1``, as those of data without ids are.
    replace : bool, default=False
        Whether an item whose id is there, but which is another one or has another label or other
        metadata, takes its place; else that is an error.

    Returns
    -------
    Added
        How many were new, changed, and unchanged, and what to say of them.

    Raises
    ------
    NearspaceError
        If the vectors are of another encoder, even at the same dimension, or of texts that were
        cut otherwise; if ids are of another
        type, a label or a cell of metadata is not of its column's, items would be replaced, a
        vector is not finite, or the disk is full. The file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load, save
    >>> wine = load("wine")
    >>> space = embed(wine.take(range(100)), "pca(dim=2)")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(space, f"{folder}/wine.space")
    ...     add(path, embed(wine, space.encoder))
    Added(new=78, changed=0, unchanged=100, notes=())
    """
    path = Path(path)
    numbered = np.array_equal(space.ids, np.arange(len(space)))
    if append and not numbered:
        raise NearspaceError(
            f"{space.recipe.data} has ids, so that append= has nothing to do; leave it out."
        )
    # All that takes time comes before the transaction, for which others have to wait.
    with database.reading(path) as (_, before):
        ready = _ready(space, before, path)
    pictures = [None] * len(space) if space.thumbnails is None else list(space.thumbnails)
    with changing(path) as (db, header):
        if (header.columns, header.recipe) != (before.columns, before.recipe):
            # Others have added, or written it anew, meanwhile.
            ready = _ready(space, header, path)
        rows = ready.rows
        for name in ready.widened(header.columns):
            _check_exact(db, name, path)
        header.columns = ready.columns
        db.execute(database.INDEX)
        index_words(db, header.columns)  # where texts are new to the space
        if append:
            (last,) = db.execute("SELECT coalesce(max(id), -1) FROM items").fetchone()
            rows = [(number, *row[1:]) for number, row in enumerate(rows, last + 1)]
        given = Given(space.labels is not None, ready.names)
        done = [
            upsert(db, header, path, row, picture, given)
            for row, picture in zip(rows, pictures, strict=True)
        ]
        counts = collections.Counter(done)
        if counts["changed"] and not replace:
            changed = [row[0] for row, did in zip(rows, done, strict=True) if did == "changed"]
            raise _replacing(changed, len(space), numbered, space.recipe.data, path)
    return Added(counts["new"], counts["changed"], counts["unchanged"], tuple(ready.notes))


def _replacing(
    changed: list[Any], count: int, numbered: bool, data: str, path: Path
) -> NearspaceError:
    """Return the error of items that would take the places of others."""
    names = ", ".join(map(str, changed[:NAMED])) + (", …" if len(changed) > NAMED else "")
    how = "give items ids of their own (ids=; for files, a subfolder of their own)"
    if numbered:
        how = "its ids are row numbers: name the column of ids by ids=, number them on by append="
    return NearspaceError(
        f"{data}: {len(changed):,} of its {count:,} items would replace others that {path} has "
        f"under their ids ({names}), and nothing was added; {how}, or let them be replaced by "
        "replace=."
    )


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
    with changing(path) as (db, header):
        db.execute(database.INDEX)
        for name in (each.item() if isinstance(each, np.generic) else each for each in ids):
            there = _row_of(db, name, path)
            if there is None:
                raise NearspaceError(f"{path} has no item '{name}'; nothing was removed.")
            header.items.add(-there[-1], -1)
            change_words(db, there[0], there[3], None)
            put_thumbnail(db, header, there[0], name, b"")
            db.execute("DELETE FROM items WHERE row = ?", there[:1])


def _row_of(db: sqlite3.Connection, name: Any, path: Path) -> Stored | None:
    """Return the row of the item with an id, checked; None where there is none."""
    if type(name) not in (str, int):
        return None
    sql = f"SELECT {', '.join(OF_ROW)} FROM items WHERE id = ?"
    try:
        row = db.execute(sql, (name,)).fetchone()
    except (OverflowError, UnicodeEncodeError):  # no id that a file can hold
        return None
    if row is not None and checksums(*((value,) for value in row[:5])) != [row[5]]:
        raise database.damaged(
            path, f"row {row[0]} of the items does not match its checksum, and nothing was changed"
        )
    return row


@dataclasses.dataclass(frozen=True)
class Ready:
    """Items that wait to be written: ``columns`` are those of the file with them in it."""

    columns: Columns
    rows: list[Row]
    names: frozenset[str]
    notes: list[str]

    def widened(self, before: Columns) -> list[str]:
        """Return which columns of whole numbers become such of numbers."""
        after = self.columns.meta
        return [
            name for name, of in before.meta.items() if (of, after[name]) == ("integer", "number")
        ]


def _ready(space: Space, header: Header, path: Path) -> Ready:
    """Return the items of a space as the file with a header takes them, or raise."""
    _check_recipe(space, header, path)
    there, notes = header.columns, list[str]()
    types, names = there.meta, frozenset[str]()
    if space.meta is not None:
        meta, types, notes = fitted_table(space.meta, types, space.ids.tolist(), str(path))
        space, names = dataclasses.replace(space, meta=meta), frozenset(meta.column_names)
    elif types and len(space):
        notes = [f"What is added has none of the columns of the space: {', '.join(types)}."]
    if space.labels is not None and there.labels is not None:
        labels, told = fitted_cells(
            [None if each != each else each for each in space.labels.tolist()],
            there.labels,
            space.ids.tolist(),
            f"{path}: the column of labels",
        )
        space = dataclasses.replace(space, labels=plain_array(labels))
        notes += [f"Labels: {text}" for text in told]
    elif space.labels is not None and header.items.count:
        notes.append("The items that were in the space have no label.")
    columns, values = encode_rows(space)
    after = _fitting(columns, there, len(space), path)
    return Ready(
        dataclasses.replace(after, meta=types), list(zip(*values, strict=True)), names, notes
    )


def _check_recipe(space: Space, header: Header, path: Path) -> None:
    """Raise if the vectors are not of the encoder of a file, or not of such items."""
    recipe = header.recipe
    if recipe.fingerprint != space.recipe.fingerprint:
        one, other = (
            f"{each.maker} (fingerprint {each.fingerprint})" for each in (recipe, space.recipe)
        )
        raise NearspaceError(
            f"{path} holds vectors of {one}, got vectors of {other}; embed items with the encoder "
            "of the space, or say who made the vectors by the same name."
        )
    if recipe.metric != space.recipe.metric:
        raise NearspaceError(
            f"{path} is compared by {recipe.metric}, got vectors to be compared by "
            f"{space.recipe.metric}; say the same metric."
        )
    if recipe.chunks != space.recipe.chunks:
        given = zip(("chunks", "overlap"), recipe.cut or (), strict=False)
        cut = " and ".join(f"{option}={number}" for option, number in given if number)
        how = f"read the items by {cut}" if cut else "read the items without chunks="
        raise NearspaceError(
            f"{path} holds vectors of {recipe.unit}, got vectors of {space.recipe.unit}; {how}."
        )


def _fitting(columns: Columns, there: Columns, count: int, path: Path) -> Columns:
    """Return the columns of a file after items were added to it, or raise."""
    if (there.dim, there.sparse) != (columns.dim, columns.sparse):
        raise DataError(f"{path} holds vectors of {there.dim}, got vectors of {columns.dim}.")
    if there.ids != columns.ids and count:
        raise DataError(
            f"{path}: expected ids that are {there.ids}, got {columns.ids}; name the column of ids "
            "by ids=."
        )
    return dataclasses.replace(there, labels=there.labels or columns.labels)


def _check_exact(db: sqlite3.Connection, name: str, path: Path) -> None:
    """Raise if a column that is to hold fractions holds whole numbers that no float64 is."""
    for (meta,) in db.execute("SELECT meta FROM items WHERE meta IS NOT NULL"):
        if abs(json.loads(meta).get(name, 0)) > LARGEST_EXACT:
            raise DataError(
                f"{path}: the column '{name}' holds whole numbers of more than 15 digits, which "
                "would be rounded beside numbers that are not whole; nothing was added."
            )


def write_part(path: str | Path, name: str, data: bytes) -> None:
    """Keep what was computed from the vectors of a file with them, in place of what it was."""
    path = Path(path)
    with changing(path) as (db, header):
        header.parts[name] = database.put_part(db, name, data)


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
    db: sqlite3.Connection,
    header: Header,
    path: Path,
    new: Row,
    picture: bytes | None,
    given: Given,
) -> str:
    """Write a row, in place of that with the same id, and its thumbnail.

    Parameters
    ----------
    db, header, path
        The file, and what it says of itself; both are changed.
    new : tuple
        Id, label, metadata and vector.
    picture : bytes or None
        The thumbnail; None leaves that of the same vector.
    given : Given
        What is said of the item; all else stays as it is in the file.

    Returns
    -------
    str
        ``"new"``, ``"changed"`` or ``"unchanged"``.
    """
    there = _row_of(db, new[0], path)
    if there is None:
        (row,) = db.execute("SELECT coalesce(max(row), 0) + 1 FROM items").fetchone()
        _write(db, header, row, new)
        change_words(db, row, None, new[2])
        put_thumbnail(db, header, row, new[0], picture or b"")
        return "new"
    row, *old, mark = there
    merged = [
        new[0],
        new[1] if given.labels else old[1],
        _merged(old[2], new[2], given.columns),
        new[3],
    ]
    same_vector = is_same_vector(old[3], new[3], header.columns.sparse)
    if same_vector:
        merged[3] = old[3]
    changed = not same_vector or merged[1:3] != old[1:3]
    if changed:
        header.items.add(-mark, -1)
        _write(db, header, row, merged)
        change_words(db, row, old[2], merged[2])
    if picture is None and not same_vector:
        picture = b""  # that of the old vector
    if picture is not None:
        changed |= put_thumbnail(db, header, row, new[0], picture)
    return "changed" if changed else "unchanged"


def _merged(old: str | None, new: str | None, names: frozenset[str]) -> str | None:
    """Return the metadata of an item with other cells in some columns; as it was, if all agree."""
    before, told = (json.loads(text) if text else {} for text in (old, new))
    after = {name: cell for name, cell in before.items() if name not in names} | told
    if after == before:
        return old
    return json.dumps(after, ensure_ascii=False) if after else None


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
