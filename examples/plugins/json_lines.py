"""A format of files: lines of JSON, first what made the vectors, then an item a line."""

import json

import pyarrow as pa

from nearspace.space.space import dense_vectors
from nearspace.space.vectors import space_of_columns


def read(file):
    """Return the space of a file of lines."""
    first, *lines = file.path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return space_of_columns(file, pa.Table.from_pylist(rows), json.loads(first))


def write(space, path):
    """Write what made the vectors, then a line an item."""
    columns = {"id": space.ids.tolist(), "vector": dense_vectors(space).tolist()}
    if space.labels is not None:
        columns["label"] = space.labels.tolist()
    rows = [space.recipe.to_json(), *pa.table(columns).to_pylist()]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
