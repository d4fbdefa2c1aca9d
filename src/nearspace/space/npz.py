"""Vectors in a NumPy file: an ``.npz`` archive, and reading an ``.npy`` array."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nearspace.data.readers.files import read_file
from nearspace.errors import DataError, NearspaceError
from nearspace.space.space import Space, dense_vectors
from nearspace.space.vectors import VectorFile, float32, space_of_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_npy", "read_npz", "write_npz"]

LARGEST_IDS = 2**31  # bytes


def read_npy(file: VectorFile) -> Space:
    """Return the space of an ``.npy`` array of shape (n, d), with row numbers as ids."""
    return space_of_columns(file, _table(file.path, file.vectors), None)


def read_npz(file: VectorFile) -> Space:
    """Return the space of an archive with an array of shape (n, d), and others of length n."""
    vectors = file.vectors
    if vectors is None and "vectors" in _names(file.path):
        vectors = "vectors"
    table = _table(file.path, vectors)
    with np.load(file.path, allow_pickle=False) as archive:
        for name in archive.files:
            if name not in table.column_names and archive[name].shape == (len(table),):
                table = table.append_column(name, [archive[name].tolist()])
        told = json.loads(str(archive["recipe"])) if "recipe" in archive.files else None
    return space_of_columns(file, table, told)


def write_npz(space: Space, path: Path) -> None:
    """Write the arrays ``vectors``, ``ids`` and ``labels``, and ``recipe`` as JSON."""
    arrays = {"vectors": dense_vectors(space), "ids": _fixed_width(space.ids)}
    if space.labels is not None:
        if space.labels.dtype == object and None in space.labels.tolist():
            raise NearspaceError(
                "Some items have no label, which an .npz cannot hold; write .parquet."
            )
        arrays["labels"] = _fixed_width(space.labels)
    recipe = np.array(json.dumps(space.recipe.to_json()))
    np.savez(path, recipe=recipe, **arrays)  # type: ignore[arg-type]


def _fixed_width(values: np.ndarray) -> np.ndarray:
    """Return text as fixed-width text, since a file of Python objects would need pickle."""
    if values.dtype != object:
        return values
    texts = [str(value) for value in values]
    longest = max(map(len, texts), default=0)
    if 4 * longest * len(texts) > LARGEST_IDS or any(text.endswith("\0") for text in texts):
        raise NearspaceError(
            f"Ids of up to {longest:,} characters do not fit an .npz, where each takes the room of "
            "the longest and ends in no zero; write .parquet."
        )
    return np.array(texts)


def _table(path: Path, vectors: str | None) -> pa.Table:
    """Return the array of vectors in a file as a table of one column."""
    import pyarrow as pa

    matrix = np.asarray(read_file(path, {"column": vectors} if vectors else {}).items)
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "fiu":
        raise DataError(
            f"{path.name}: expected an array of numbers of shape (n, d), got {matrix.dtype} of "
            f"shape {matrix.shape}."
        )
    flat = pa.array(np.ascontiguousarray(float32(matrix)).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])
    return pa.table({vectors or "vectors": column})


def _names(path: Path) -> list[str]:
    """Return the names of the arrays in an archive."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]
