"""Rows of a space's file: ids, labels and metadata as SQLite holds them, and checksums."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse
from xxhash import xxh3_64_intdigest as hash64

from nearspace.data.kinds.text import is_unicode
from nearspace.errors import DataError
from nearspace.space.arrays import check_finite, is_finite, plain_array, sparse_rows
from nearspace.space.columns import arrow_array, plain_cells, type_of
from nearspace.space.file.database import CLAIMS, IDS, Columns, Tally, damaged
from nearspace.space.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BATCH",
    "ITEM",
    "OF_ROW",
    "Row",
    "Rows",
    "Stored",
    "checksums",
    "encode_rows",
    "read_rows",
    "rows_of",
]

Row: TypeAlias = tuple[Any, Any, Any, Any]
Stored: TypeAlias = tuple[Any, Any, Any, Any, Any, Any]
ITEM = ("id", "label", "meta", "vector")
OF_ROW = ("row", *ITEM, "checksum")
LARGEST = 2**63
BATCH = 4096  # rows read at once
TYPES = {"U": "text", "i": "integer", "u": "integer", "f": "number", "b": "boolean"}
OF_PYTHON = {str: "text", int: "integer", float: "number", bool: "boolean"}


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """What the rows of a file hold.

    Attributes
    ----------
    rows, vectors, ids, labels, meta
        Of the rows that are whole: their numbers, and what they hold.
    tally : Tally
        Of all rows that match their checksums.
    damaged, lying : list of int
        The numbers of rows that do not match their checksums, and of those that do and hold what
        none can.
    doubles : list of tuple
        Ids that stand twice, each with the number of a row that is left out, and of the later one.
    ordered : bool
        Whether the rows stood in the file in their order.
    """

    rows: np.ndarray
    vectors: Any
    ids: np.ndarray
    labels: np.ndarray | None
    meta: pa.Table | None
    tally: Tally = dataclasses.field(default_factory=Tally)
    damaged: list[int] = dataclasses.field(default_factory=list)
    lying: list[int] = dataclasses.field(default_factory=list)
    doubles: list[tuple[Any, int, int]] = dataclasses.field(default_factory=list)
    ordered: bool = True

    def wrong(self, expected: Tally) -> list[str]:
        """Return all that is wrong with the rows of a file that tells of so many, in sentences."""
        told = [f"Row {row} of the items does not match its checksum." for row in self.damaged]
        told += [f"Row {row} of the items holds what none can." for row in self.lying]
        told += [
            f"The id '{name}' stands twice, in the rows {row} and {later} of the items."
            for name, row, later in self.doubles
        ]
        if not self.ordered:
            told.append("The rows of the items are out of order.")
        if self.tally.count + len(self.damaged) == expected.count and self.damaged:
            return told  # of which it is no news that they are missing
        return told + self.tally.wrong("items", expected)


def encode_rows(space: Space) -> tuple[Columns, list[list[Any]]]:
    """Return what the columns of a space hold; and ids, labels, metadata and vectors for SQLite.

    Raises
    ------
    DataError
        If ids are neither text nor whole numbers, or one stands twice; if labels, metadata or
        thumbnails are not one an item; if a vector is not finite in float32; if SQLite has no room
        for a number, or UTF-8 for a text.
    """
    n, dim = space.vectors.shape
    check_finite(space.vectors, space.ids, space.recipe.spec)
    for what in ("ids", "labels", "meta", "thumbnails"):
        values = getattr(space, what)
        if values is not None and (len(values) != n or getattr(values, "ndim", 1) != 1):
            got = getattr(values, "shape", len(values))
            raise DataError(f"A space needs {what}, one for each of {n} vectors; got {got}.")
    ids, of_ids = _encode_column(space.ids, "ids")
    if of_ids not in IDS or None in ids:
        raise DataError("A space needs ids that are all text or all whole numbers.")
    if len(set(ids)) != n:
        twice, times = collections.Counter(ids).most_common(1)[0]
        raise DataError(f"A space needs ids that differ; '{twice}' stands {times} times.")
    names = [] if space.meta is None else space.meta.column_names
    if len(set(names)) < len(names):
        raise DataError(f"A space needs columns of metadata with names that differ; got {names}.")
    labels, of_labels = [None] * n, None
    if space.labels is not None:
        labels, of_labels = _encode_column(space.labels, "labels")
    metas = [None] * n if space.meta is None else list(_as_json(space.meta))
    is_sparse = bool(sparse.issparse(space.vectors))
    if is_sparse:
        vectors = sparse.csr_array(space.vectors)
        if not vectors.has_canonical_format:
            vectors = vectors.copy()
            vectors.sum_duplicates()
        blobs = list(sparse_rows(vectors))
    else:
        blobs = list(np.ascontiguousarray(space.vectors, dtype="<f4"))
    types = {name: type_of(space.meta[name].type) for name in names}  # type: ignore[index]
    columns = Columns(dim, is_sparse, of_ids, of_labels, types)
    return columns, [ids, labels, metas, blobs]


def _encode_column(values: np.ndarray, what: str) -> tuple[list[Any], str | None]:
    """Return what an array holds, None for what is missing, and its type; None if all is."""
    kind = values.dtype.kind
    column = (values.astype(np.float64) if kind == "f" else values).tolist()
    if kind in "fO":
        column = [value.item() if isinstance(value, np.generic) else value for value in column]
        column = [None if value != value else value for value in column]  # NaN is not itself
    of: str | None = TYPES.get(kind, "")
    if kind == "O":
        types = {type(value) for value in column} - {type(None)}
        of = OF_PYTHON.get(types.pop(), "") if len(types) == 1 else "" if types else None
    if of == "":
        raise DataError(f"A space needs {what} of one type: text or numbers, got {values.dtype}.")
    there = [value for value in column if value is not None]
    if of == "integer" and any(not -LARGEST <= value < LARGEST for value in there):
        raise DataError("A space holds whole numbers of 64 bits; make larger ids text.")
    if of == "text":
        try:
            "".join(there).encode()
        except UnicodeEncodeError:
            broken = next(text for text in there if not is_unicode(text))
            raise DataError(
                f"A space holds text in UTF-8, which {broken!r} cannot be written in; rename it."
            ) from None
    if of == "boolean":
        column = [None if value is None else int(value) for value in column]
    return column, of


def _as_json(meta: pa.Table) -> Iterator[str | None]:
    """Return each row of a table as a JSON object, without what is missing in it."""
    names = meta.column_names
    encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
    for row in zip(*map(plain_cells, meta.columns), strict=True):
        cells = dict(zip(names, row, strict=True))
        if None in row:
            cells = {name: cell for name, cell in cells.items() if cell is not None}
        yield encode(cells) if cells else None


def checksums(rows: Iterable[int], ids: Any, labels: Any, metas: Any, vectors: Any) -> list[int]:
    """Return the checksum of each row: XXH3 of what it holds, 63 bits, as SQLite's integers."""
    return [
        (hash64(vector) ^ hash64(f"{row}\x1f{name}\x1f{label}\x1f{meta}".encode())) >> 1
        for row, name, label, meta, vector in zip(rows, ids, labels, metas, vectors, strict=True)
    ]


def read_rows(db: sqlite3.Connection, path: Path, columns: Columns) -> Rows:
    """Return what the rows of a file hold; see `rows_of`."""
    # Counted by the rows: of an index that may be damaged nobody knows.
    (count,) = db.execute("SELECT count(*) FROM items NOT INDEXED").fetchone()
    size = 1 if columns.sparse else 4 * columns.dim
    if not 0 <= count * size <= path.stat().st_size:  # before memory is set aside for them
        raise damaged(path, f"it is too small for {count} vectors of {columns.dim}")
    cursor = db.execute(f"SELECT {', '.join(OF_ROW)} FROM items ORDER BY row")
    return rows_of(iter(lambda: cursor.fetchmany(BATCH), []), count, columns)


def rows_of(batches: Iterable[Sequence[Stored]], count: int, columns: Columns) -> Rows:
    """Return what rows hold that are read in batches, of which there are ``count`` in all.

    Of rows with one id the last is taken.
    """
    dense = np.empty((0 if columns.sparse else count, columns.dim), dtype=np.float32)
    sound: list[tuple] = []
    blobs: list[bytes] = []
    broken, lying, tally, last, ordered = list[int](), list[int](), Tally(), 0, True
    for batch in batches:
        numbers = [last, *(row[0] for row in batch)]
        ordered &= all(one < other for one, other in itertools.pairwise(numbers))
        last = numbers[-1]
        fitting = [row for row in batch if _fits(row[4], columns)]
        marks = checksums(*zip(*(row[:5] for row in fitting), strict=True)) if fitting else []
        good = [row for row, mark in zip(fitting, marks, strict=True) if row[5] == mark]
        if len(good) < len(batch):
            whole = {row[0] for row in good}
            broken += [row[0] for row in batch if row[0] not in whole]
        some, start = [row[4] for row in good], len(sound)
        if columns.sparse:
            blobs += some
        else:
            flat = np.frombuffer(b"".join(some), dtype="<f4")
            dense[start : start + len(good)] = flat.reshape(len(good), columns.dim)
        sound += [row[:4] for row in good]
        tally.add(sum(row[5] for row in good), len(good))
    vectors: Any = blobs if columns.sparse else dense[: len(sound)]
    try:
        values = _values(sound, vectors, columns)
    except CLAIMS:
        places = _lying(sound, vectors, columns)
        if not places:  # but together they hold what a space cannot
            raise
        lying = [sound[at][0] for at in places]
        sound, vectors = _without(places, sound, vectors)
        values = _values(sound, vectors, columns)
    doubles = []
    if len(set(names := values.ids.tolist())) < len(names):
        latest = {name: at for at, name in enumerate(names)}
        older = [at for at, name in enumerate(names) if latest[name] != at]
        doubles = [(names[at], sound[at][0], sound[latest[names[at]]][0]) for at in older]
        values = _values(*_without(older, sound, vectors), columns)
    return dataclasses.replace(
        values, tally=tally, damaged=broken, lying=lying, doubles=doubles, ordered=ordered
    )


def _without(places: Iterable[int], sound: list[tuple], vectors: Any) -> tuple[list[tuple], Any]:
    """Return rows and their vectors without those at some places."""
    out = set(places)
    kept = [at for at in range(len(sound)) if at not in out]
    some = [vectors[at] for at in kept] if isinstance(vectors, list) else vectors[kept]
    return [sound[at] for at in kept], some


def _lying(sound: list[tuple], vectors: Any, columns: Columns, start: int = 0) -> list[int]:
    """Return the places of rows whose checksums are right, and which hold what none can."""
    try:
        _values(sound, vectors, columns)
        return []
    except CLAIMS:
        if len(sound) == 1:
            return [start]
    half = len(sound) // 2
    return [
        *_lying(sound[:half], vectors[:half], columns, start),
        *_lying(sound[half:], vectors[half:], columns, start + half),
    ]


def _values(sound: list[tuple], vectors: Any, columns: Columns) -> Rows:
    """Return rows as arrays; raise one of `CLAIMS` where one holds what none can."""
    rows, ids, labels, metas = zip(*sound, strict=True) if sound else ((), (), (), ())
    if columns.labels is None and any(label is not None for label in labels):
        raise ValueError("it has labels that its header knows nothing of")
    if None in ids:
        raise ValueError("an id is missing")
    matrix = _csr(vectors, columns.dim) if columns.sparse else vectors
    if not is_finite(matrix):
        raise ValueError("a vector is not finite")
    return Rows(
        rows=np.array(rows, dtype=np.int64),
        vectors=matrix,
        ids=_array(ids, columns.ids),
        labels=None if columns.labels is None else _array(labels, columns.labels),
        meta=_table(metas, columns.meta),
    )


def _fits(vector: Any, columns: Columns) -> bool:
    """Return whether what stands in the place of a vector can be one."""
    if not isinstance(vector, bytes):
        return False
    return len(vector) % 8 == 0 if columns.sparse else len(vector) == 4 * columns.dim


def _csr(blobs: list[bytes], dim: int) -> sparse.csr_array:
    starts = np.cumsum([0, *(len(blob) // 8 for blob in blobs)])
    places = np.frombuffer(b"".join(blob[: len(blob) // 2] for blob in blobs), dtype="<i4")
    values = np.frombuffer(b"".join(blob[len(blob) // 2 :] for blob in blobs), dtype="<f4")
    ascending = np.diff(places.astype(np.int64)) > 0
    ascending[starts[1:-1][(starts[1:-1] > 0) & (starts[1:-1] < len(places))] - 1] = True
    if not ascending.all() or (places.size and not 0 <= places.min() <= places.max() < dim):
        raise ValueError("a sparse vector has columns that do not exist, or are out of order")
    arrays = (values.astype(np.float32), places.astype(np.int32), starts)
    return sparse.csr_array(arrays, shape=(len(blobs), dim))


def _array(values: Sequence[Any], of: str) -> np.ndarray:
    expected = {name: of_python for of_python, name in OF_PYTHON.items()}[of]
    if of == "boolean":
        values = [None if value is None else bool(value) for value in values]
    if not all(type(value) is expected for value in values if value is not None):
        raise ValueError(f"not all of its ids or labels are of the type {of}")
    return plain_array(values) if values else np.empty(0, expected)


def _table(metas: Sequence[str | None], types: dict[str, str | None]) -> pa.Table | None:
    """Return rows of JSON as a table, each column in its type; None where there is no column."""
    rows = [json.loads(meta) if meta else {} for meta in metas]
    if any(row.keys() - types.keys() for row in rows):
        raise ValueError("it has metadata that its header knows nothing of")
    if not types:
        return None
    import pyarrow as pa

    return pa.table(
        {name: arrow_array([row.get(name) for row in rows], of) for name, of in types.items()}
    )
