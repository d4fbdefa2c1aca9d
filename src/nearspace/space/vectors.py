"""The vectors of any other tool, read from Parquet, npz or npy as a space."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import kind_from_json
from nearspace.data.files import read_file
from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.recipe import Recipe
from nearspace.space.arrays import check_finite, plain_array
from nearspace.space.export import OURS, RECIPE
from nearspace.space.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_vectors"]

USUAL = {
    "vectors": ("vector", "vectors", "embedding", "embeddings"),
    "ids": ("id", "ids"),
    "labels": ("label", "labels"),
}
UNREADABLE = (
    OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_vectors(
    path: str | Path,
    *,
    vectors: str | None = None,
    ids: str | None = None,
    labels: str | None = None,
    made_by: str | None = None,
) -> Space:
    """Return a space of vectors that another tool made, or that `Space.export` wrote.

    Such a space can be searched, mapped, judged and compared; it has no encoder, so that it embeds
    no new items.

    Parameters
    ----------
    path : str or Path
        A ``.parquet`` file with a column of lists of numbers, an ``.npz`` archive, an ``.npy``
        array.
    vectors, ids, labels : str, optional
        The columns or arrays; by default those with the usual names, ``vector``, ``embedding``,
        ``id``, ``label``, or the only one that can hold vectors. Ids are row numbers where there
        are none. All other columns of a Parquet file but vectors and bytes become metadata.
    made_by : str, optional
        What made the vectors, such as the name of a model; by default the name of the file.
        Vectors of one name can be added to each other.

    Returns
    -------
    Space
        Its fingerprint is that of ``made_by``; a file that `Space.export` wrote keeps its own.

    Raises
    ------
    NearspaceError
        If the file cannot be read, vectors differ in length or are not finite, or an id is missing
        or stands twice; the id is named.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = read_vectors(embed(load("wine"), "pca(dim=4)").export(f"{folder}/wine.npz"))
    >>> again.vectors.shape, again.recipe.spec
    ((178, 4), 'pca(dim=4)')
    """
    path = Path(path)
    asked = {"vectors": vectors, "ids": ids, "labels": labels}
    if path.suffix not in (".parquet", ".npz", ".npy"):
        raise DataError(f"{path.name}: expected vectors in a .parquet, .npz or .npy file.")
    try:
        table, told = _read_parquet(path) if path.suffix == ".parquet" else _arrays(path, vectors)
    except NearspaceError:
        raise
    except UNREADABLE as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(f"{path.name} cannot be read, or is damaged: {reason}.") from None
    names = {role: _named(table, role, name, path.name) for role, name in asked.items()}
    recipe = _recipe(told) if made_by is None else None
    known = _ids(table, names["ids"], path.name)
    matrix = _matrix(table[names["vectors"]], known, path.name)
    check_finite(matrix, known, path.name)
    held = [*names.values(), *(OURS if recipe else ())]
    others = [field.name for field in table.schema if field.name not in held]
    meta = [name for name in others if not _is_large(table.schema.field(name).type)]
    pictures = "image" in table.column_names and str(table["image"].type) == "binary"
    return Space(
        matrix,
        known,
        None if names["labels"] is None else _labels(table[names["labels"]], path.name),
        recipe or _elsewhere(made_by or path.name, path, sorted(set(others) - set(meta))),
        meta=table.select(meta) if meta else None,
        thumbnails=[data or b"" for data in table["image"].to_pylist()]
        if recipe and pictures
        else None,
    )


def _elsewhere(made_by: str, path: Path, left_out: list[str]) -> Recipe:
    """Return the recipe of vectors that another tool made."""
    name = json.dumps(["elsewhere", made_by]).encode()
    mark = hashlib.blake2b(name, digest_size=8).hexdigest()
    return Recipe("vectors", mark, path.name, made_by=made_by, left_out=tuple(left_out))


def _read_parquet(path: Path) -> tuple[pa.Table, Any]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    given = (table.schema.metadata or {}).get(RECIPE)
    return table, None if given is None else json.loads(given)


def _arrays(path: Path, vectors: str | None) -> tuple[pa.Table, Any]:
    """Return the arrays of a file that have a row an item, as a table, and the recipe in it."""
    import pyarrow as pa

    if vectors is None and path.suffix == ".npz" and "vectors" in _names(path):
        vectors = "vectors"
    matrix = np.asarray(read_file(path, vectors, {}).items)
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "fiu":
        raise DataError(
            f"{path.name}: expected an array of numbers of shape (n, d), got {matrix.dtype} of "
            f"shape {matrix.shape}."
        )
    flat = pa.array(np.ascontiguousarray(_float32(matrix)).ravel())
    columns = {vectors or "vectors": pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])}
    if path.suffix == ".npy":
        return pa.table(columns), None
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            if name not in columns and archive[name].shape == (len(matrix),):
                columns[name] = pa.array(archive[name].tolist())
        recipe = json.loads(str(archive["recipe"])) if "recipe" in archive.files else None
    return pa.table(columns), recipe


def _names(path: Path) -> list[str]:
    """Return the names of the arrays in an archive."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def _recipe(value: Any) -> Recipe | None:
    """Return the recipe that a file tells of its vectors; None if it is none, or of no kind."""
    try:
        recipe = Recipe.from_json(value)
        if recipe.kind is not None:
            kind_from_json(recipe.kind)
    except (AttributeError, DataError, KeyError, TypeError):
        return None
    return recipe


def _named(table: pa.Table, role: str, asked: str | None, who: str) -> str | None:
    """Return the name of the column that has a role; None where no column has."""
    if asked is not None:
        if asked not in table.column_names:
            raise DataError(
                f"{who}: there is no column '{asked}'. {did_you_mean(asked, table.column_names)}"
            )
        return asked
    for name in USUAL[role]:
        if name in table.column_names:
            return name
    if role != "vectors":
        return None
    found = [field.name for field in table.schema if _is_vector(field.type)]
    if len(found) != 1:
        several = f"several columns of vectors, {', '.join(found)}" if found else "no column"
        raise DataError(
            f"{who}: expected a column of lists of numbers, got {several}; say by --vectors which "
            "holds the vectors."
        )
    return found[0]


def _is_vector(of: Any) -> bool:
    from pyarrow import types

    lists = types.is_list(of) or types.is_large_list(of) or types.is_fixed_size_list(of)
    return lists and (types.is_floating(of.value_type) or types.is_integer(of.value_type))


def _is_large(of: Any) -> bool:
    """Return whether a column holds vectors or bytes, which are no metadata."""
    return _is_vector(of) or "binary" in str(of)


def _ids(table: pa.Table, name: str | None, who: str) -> np.ndarray:
    if name is None:
        return np.arange(table.num_rows)
    values = table[name].to_pylist()
    empty = [row for row, value in enumerate(values) if value is None or value != value]
    if empty:
        raise DataError(f"{who}: row {empty[0]} has no id in '{name}'; give every row its own.")
    whole = all(type(value) is int for value in values)
    texts = values if whole else [str(value) for value in values]
    twice, times = Counter(texts).most_common(1)[0] if texts else (None, 1)
    if times > 1:
        raise DataError(
            f"{who}: the id '{twice}' stands {times} times in '{name}'; every row needs its own."
        )
    return plain_array(texts)


def _labels(column: Any, who: str) -> np.ndarray | None:
    """Return classes as whole numbers or text, None where one is missing."""
    values = [None if value != value else value for value in column.to_pylist()]
    if all(value is None for value in values):
        return None
    numbers = [value for value in values if isinstance(value, float)]
    if any(not value.is_integer() for value in numbers):
        raise DataError(f"{who}: the labels are continuous numbers, expected classes.")
    if numbers:
        values = [None if value is None else int(value) for value in values]
    if not all(value is None or isinstance(value, str | int) for value in values):
        values = [None if value is None else str(value) for value in values]
    return plain_array(values)


def _matrix(column: Any, ids: np.ndarray, who: str) -> np.ndarray:
    """Return a column of lists as a matrix, filled a chunk at a time."""
    import pyarrow.compute as pc

    if not _is_vector(column.type):
        raise DataError(f"{who}: expected lists of numbers as vectors, got {column.type}.")
    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy()
    dim = lengths[0] if len(lengths) else 0
    odd = np.flatnonzero(lengths != dim) if dim > 0 else np.arange(len(lengths))
    if len(odd) or not dim:
        of = f"the item '{ids[odd[0]]}'" if len(odd) else "no item"
        got = "none" if not len(odd) or lengths[odd[0]] < 1 else f"one of {lengths[odd[0]]}"
        raise DataError(f"{who}: expected a vector of {max(dim, 1)} numbers for {of}, got {got}.")
    matrix = np.empty((len(lengths), dim), dtype=np.float32)
    start = 0
    for chunk in column.chunks:
        values = chunk.flatten().to_numpy(zero_copy_only=False)
        matrix[start : start + len(chunk)] = _float32(values).reshape(-1, dim)
        start += len(chunk)
    return matrix


def _float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told of
        return values.astype(np.float32, copy=False)
