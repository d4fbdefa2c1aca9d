"""A space written for other tools: Parquet that embedding-atlas opens, and npz."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.space.arrays import free_name
from nearspace.space.space import Space, dense_vectors

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OURS", "RECIPE", "write_vectors"]

RECIPE = b"nearspace.recipe"
OURS = ("id", "label", "vector", "x", "y", "image")
ROWS = 4096  # written at a time, with their images
LARGEST_IDS = 2**31  # bytes


def write_vectors(space: Space, path: str | Path) -> Path:
    """Write a space for other tools; see `Space.export`."""
    path = Path(path)
    if path.suffix not in (".npz", ".parquet"):
        raise NearspaceError(
            f"Cannot write vectors to '{path}': the ending must be .npz or .parquet."
        )
    vectors = dense_vectors(space)
    write = _write_parquet if path.suffix == ".parquet" else _write_npz
    beside = path.with_name(f".{os.getpid()}.{path.name}")  # lest an interruption spoils the old
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(space, vectors, beside)
        os.replace(beside, path)
    except OSError as error:
        raise NearspaceError(f"{path} cannot be written ({error}).") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return path


def _write_npz(space: Space, vectors: np.ndarray, path: Path) -> None:
    arrays = {"vectors": vectors, "ids": _fixed_width(space.ids)}
    if space.labels is not None:
        if space.labels.dtype == object and None in space.labels.tolist():
            raise NearspaceError(
                "Some items have no label, which an .npz cannot hold; write .parquet."
            )
        arrays["labels"] = _fixed_width(space.labels)
    np.savez(path, recipe=np.array(json.dumps(space.recipe.to_json())), **arrays)  # type: ignore[arg-type]


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


def _write_parquet(space: Space, vectors: np.ndarray, path: Path) -> None:
    """Write the columns a few thousand rows at a time, so that images never fill memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = _columns(space)
    fields = list(table.schema)
    pictures = iter(space.thumbnails if space.thumbnails is not None else ())
    if space.thumbnails is not None:
        fields.append(pa.field("image", pa.binary()))
    fields.append(pa.field("vector", pa.list_(pa.float32(), vectors.shape[1])))
    schema = pa.schema(fields, metadata={RECIPE: json.dumps(space.recipe.to_json()).encode()})
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(vectors), ROWS):
            columns = table[start : start + ROWS].columns
            rows = vectors[start : start + ROWS]
            if space.thumbnails is not None:
                some = [data or None for data in itertools.islice(pictures, len(rows))]
                columns.append(pa.array(some, pa.binary()))
            flat = pa.array(np.asarray(rows, dtype=np.float32).ravel())
            columns.append(pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
            writer.write_table(pa.table(columns, schema=schema))


def _columns(space: Space) -> pa.Table:
    """Return what is known of each item but its image and vector; names of ours come first."""
    import pyarrow as pa

    columns = {"id": pa.array(space.ids.tolist())}
    if space.labels is not None:
        columns["label"] = pa.array(space.labels.tolist())
    if space.meta is not None:
        for name in space.meta.column_names:
            columns[free_name(name, {*OURS, *columns})] = space.meta[name]
    if "map" in space.parts:
        from nearspace.space.maps import layout

        columns |= dict(zip("xy", map(pa.array, layout(space).places.T), strict=True))
    return pa.table(columns)
