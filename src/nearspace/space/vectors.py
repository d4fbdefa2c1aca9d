"""Columns of any tool as a space: which of them are the vectors, ids and labels."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import kind_from_json
from nearspace.errors import DataError, did_you_mean
from nearspace.recipe import Recipe
from nearspace.space.arrays import check_finite, check_rounding, float32, plain_array
from nearspace.space.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OURS", "VectorFile", "space_of_columns"]

OURS = ("id", "label", "vector", "x", "y", "image")  # the columns that `save` makes
USUAL = {
    "vectors": ("vector", "vectors", "embedding", "embeddings"),
    "ids": ("id", "ids"),
    "labels": ("label", "labels"),
}


@dataclasses.dataclass(frozen=True)
class VectorFile:
    """A file of vectors and what is said of it; see `open_space`.

    Attributes
    ----------
    path : Path
        The file.
    vectors, ids, labels : str or None
        Its columns or arrays, where they are to be others than those of the usual names.
    made_by : str or None
        What made the vectors, whatever the file says.
    metric : str or None
        By what they are to be compared, whatever the file says.
    """

    path: Path
    vectors: str | None = None
    ids: str | None = None
    labels: str | None = None
    made_by: str | None = None
    metric: str | None = None


def space_of_columns(file: VectorFile, table: pa.Table, told: Any) -> Space:
    """Return the space of a table with a row an item.

    Parameters
    ----------
    file : VectorFile
        Where the table was read, and which of its columns are what.
    table : pyarrow.Table
        One column of lists of numbers; all others but vectors and bytes become metadata.
    told : object
        What the file tells as the recipe of its vectors, as JSON; it is checked.

    Raises
    ------
    NearspaceError
        If vectors differ in length or are not finite, or an id is missing or stands twice; the id
        is named.
    """
    who = file.path.name
    names = {role: _named(table, role, getattr(file, role), who) for role in USUAL}
    recipe = _recipe(told) if file.made_by is None else None
    if recipe is not None and file.metric is not None:
        recipe = dataclasses.replace(recipe, metric=file.metric)
    ids = _ids(table, names["ids"], who)
    matrix = _matrix(table[names["vectors"]], ids, who)
    check_finite(matrix, ids, who)
    held = [*names.values(), *(OURS if recipe else ())]
    others = [name for name in table.column_names if name not in held]
    types = {name: table.schema.field(name).type for name in others}
    large = [name for name, of in types.items() if _is_vector(of) or "binary" in str(of)]
    meta = [name for name in others if name not in large]
    pictures = "image" in table.column_names and str(table["image"].type) == "binary"
    return Space(
        matrix,
        ids,
        None if names["labels"] is None else _labels(table[names["labels"]], who),
        recipe or _elsewhere(file, sorted(large)),
        meta=table.select(meta) if meta else None,
        thumbnails=[data or b"" for data in table["image"].to_pylist()]
        if recipe and pictures
        else None,
    )


def _elsewhere(file: VectorFile, left_out: list[str]) -> Recipe:
    """Return the recipe of vectors that another tool made, meant for the cosine as most are."""
    who = file.path.name
    made_by, metric = file.made_by or who, file.metric or "cosine"
    name = json.dumps(["elsewhere", made_by]).encode()
    mark = hashlib.blake2b(name, digest_size=8).hexdigest()
    return Recipe("vectors", mark, who, metric, made_by=made_by, left_out=tuple(left_out))


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
    usual = next((name for name in USUAL[role] if name in table.column_names), None)
    if usual is not None or role != "vectors":
        return usual
    columns = [field.name for field in table.schema if _is_vector(field.type)]
    if len(columns) != 1:
        several = f"several columns of vectors, {', '.join(columns)}" if columns else "no column"
        raise DataError(
            f"{who}: expected a column of lists of numbers, got {several}; say by --vectors which "
            "holds the vectors."
        )
    return columns[0]


def _is_vector(of: Any) -> bool:
    from pyarrow import types

    lists = types.is_list(of) or types.is_large_list(of) or types.is_fixed_size_list(of)
    return lists and (types.is_floating(of.value_type) or types.is_integer(of.value_type))


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
    """Return numbers, or classes as whole numbers or text; None for one that is missing."""
    values = [None if value != value or value == "" else value for value in column.to_pylist()]
    if all(value is None for value in values):
        return None
    numbers = [value for value in values if isinstance(value, float)]
    if numbers and len(numbers) < sum(value is not None for value in values):
        values = [None if value is None else str(value) for value in values]
    elif numbers and all(value.is_integer() for value in numbers):
        values = [None if value is None else int(value) for value in values]
    if not all(value is None or isinstance(value, str | int | float) for value in values):
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
        values = chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, dim)
        check_rounding(values, who)
        matrix[start : start + len(chunk)] = float32(values)
        start += len(chunk)
    return matrix
