"""Vectors in a Parquet file."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nearspace.space.arrays import free_name
from nearspace.space.space import Space, dense_vectors
from nearspace.space.vectors import OURS, VectorFile, space_of_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_parquet", "write_parquet"]

RECIPE = b"nearspace.recipe"
ROWS = 4096  # written at a time, with their images


def read_parquet(file: VectorFile) -> Space:
    """Return the space of a file with a column of lists of numbers."""
    import pyarrow.parquet as pq

    table = pq.read_table(file.path)
    told = (table.schema.metadata or {}).get(RECIPE)
    return space_of_columns(file, table, None if told is None else json.loads(told))


def write_parquet(space: Space, path: Path) -> None:
    """Write a Parquet file, which Apple's embedding-atlas opens as it is.

    Columns ``id``, ``label``, those of `Space.meta`, ``x`` and ``y`` where there is a map,
    ``image`` (the bytes of the thumbnail), and ``vector``; the recipe in the file's metadata. It is
    written a few thousand rows at a time, so that images never fill memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors, table = dense_vectors(space), _columns(space)
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
        from nearspace.space.map.maps import layout

        columns |= dict(zip("xy", map(pa.array, layout(space).places.T), strict=True))
    return pa.table(columns)
