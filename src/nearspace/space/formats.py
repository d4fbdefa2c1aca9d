"""`save` and `open_space`: a space in a file of any format; `FORMATS` is all there are."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nearspace.data.numerals import LARGEST_EXACT
from nearspace.data.readers.arrays import open_archive
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.files import read_file
from nearspace.data.readers.parquet import read_parquet
from nearspace.data.sources import Asked
from nearspace.errors import DataError, NearspaceError, called_as, path_of
from nearspace.recipe import check_metric
from nearspace.space.arrays import check_rounding, float32, free_name
from nearspace.space.file.saving import replacing_space
from nearspace.space.file.store import write_space
from nearspace.space.file.stored import read_space
from nearspace.space.space import Space, as_space, dense_vectors
from nearspace.space.vectors import OURS, VectorFile, space_of_columns
from nearspace.writing import replacing

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "Format", "open_space", "save", "written_endings"]

LARGEST_IDS = 2**31  # bytes
RECIPE = b"nearspace.recipe"  # in the metadata of a Parquet file
ROWS = 4096  # written at a time, with their images


@dataclasses.dataclass(frozen=True)
class Format:
    """How a space is read from a file, and written into a new one.

    Attributes
    ----------
    read : callable
        From a `VectorFile` to a `Space`. What the libraries raise becomes one sentence.
    write : callable or None
        Takes a `Space` and the path of the new file, which `save` puts in place.
    """

    read: Callable[[VectorFile], Space]
    write: Callable[[Space, Path], None] | None = None


@called_as("save(space, 'photos.space')")
def save(space: Space, path: str | Path) -> Path:
    """Write a space into one file, in place of what it held.

    The file is complete or not there, and has the rights of the one that it replaces. A ``.space``
    that was there is replaced in one transaction, for which those who add to it, or read it, are
    waited for; a file of that name which is no space stays. A link is followed.

    Parameters
    ----------
    space : Space, or vectors that `load` reads
        Vectors, and the encoder if there is one, which has to be of the catalogue.
    path : str or Path
        ``.space``: all of it, the encoder too, so that it embeds new items and can be added to.
        For other tools ``.parquet``, which Apple's embedding-atlas opens as it is, with all that is
        known of each item, its thumbnail and its place on the map; or ``.npz``: vectors, ids and
        labels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NearspaceError
        If the ending is another, a vector is not finite, an id stands twice, the encoder cannot be
        saved, sparse vectors are too wide to be written in full, the disk is full, or what stands
        at the path is not to be replaced; the old file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(embed(load("wine"), "pca(dim=2)"), f"{folder}/wine.space")
    ...     again = open_space(path)
    >>> len(again), again.recipe.spec
    (178, 'pca(dim=2)')
    """
    path = path_of(path, "save")
    write = FORMATS[path.suffix].write if path.suffix in FORMATS else None
    if write is None:
        raise _unknown(path, written_endings())
    space = as_space(space, "save")
    within = replacing_space if path.suffix == ".space" else replacing
    with within(path) as beside:
        write(space, beside)
    return path


def open_space(
    path: str | Path,
    *,
    vectors: str | None = None,
    ids: str | None = None,
    labels: str | None = None,
    made_by: str | None = None,
    metric: str | None = None,
) -> Space:
    """Return the space that a file holds: one that `save` wrote, or vectors of another tool.

    Of a ``.space`` file every row is checked; its encoder, thumbnails and parts are read, and
    checked, when they are first asked for. What other files hold can be searched, mapped, judged
    and compared, but has no encoder, so that it embeds no new items.

    Parameters
    ----------
    path : str or Path
        A ``.space`` file, a ``.parquet`` file with a column of lists of numbers, an ``.npz``
        archive, an ``.npy`` array.
    vectors, ids, labels : str, optional
        The columns or arrays of another tool; by default those with the usual names, ``vector``,
        ``embedding``, ``id``, ``label``, or the only one that can hold vectors. Ids are row numbers
        where there are none. All other columns of a Parquet file but vectors and bytes become
        metadata.
    made_by : str, optional
        What made the vectors of another tool, such as the name of a model; by default the name of
        the file. Vectors of one name can be added to each other.
    metric : {"cosine", "dot", "euclidean"}, optional
        By what vectors of another tool are to be compared; by default what the file says, or else
        the cosine.

    Returns
    -------
    Space
        Its ids are text or int64, its vectors float32. Its fingerprint is that of the encoder, or
        of ``made_by``.

    Raises
    ------
    NearspaceError
        If the file cannot be read, is damaged, or was written in a newer format; if vectors differ
        in length or are not finite, or an id is missing or stands twice: the id is named.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = open_space(save(embed(wine, "pca(dim=2)"), f"{folder}/wine.space"))
    ...     space.encoder.transform(wine.items[:1]).shape
    (1, 2)
    """
    if metric is not None:
        check_metric(metric)
    file = VectorFile(path_of(path, "open_space"), vectors, ids, labels, made_by, metric)
    if file.path.suffix not in FORMATS:
        raise _unknown(file.path, [*FORMATS])
    with told_of_file(file.path.name):
        return FORMATS[file.path.suffix].read(file)


def written_endings() -> list[str]:
    """Return the endings of the files that `save` writes."""
    return [ending for ending, form in FORMATS.items() if form.write is not None]


def _unknown(path: Path, endings: list[str]) -> DataError:
    return DataError(
        f"{path}: expected a file of vectors that ends in {', '.join(endings)}; got "
        f"'{path.suffix or path.name}'."
    )


def _read_npy(file: VectorFile) -> Space:
    """Return the space of an ``.npy`` array of shape (n, d), with row numbers as ids."""
    return space_of_columns(file, _table(file.path, file.vectors), None)


def _read_npz(file: VectorFile) -> Space:
    """Return the space of an archive with an array of shape (n, d), and others of length n."""
    with open_archive(file.path) as archive:
        vectors = file.vectors or ("vectors" if "vectors" in archive.names else None)
        table = _table(file.path, vectors)
        for name in archive.names:
            if name not in table.column_names and archive.shape(name) == (len(table),):
                table = table.append_column(name, [archive.read(name).tolist()])
        told = json.loads(str(archive.read("recipe"))) if "recipe" in archive.names else None
    return space_of_columns(file, table, told)


def _write_npz(space: Space, path: Path) -> None:
    """Write the arrays ``vectors``, ``ids`` and ``labels``, and ``recipe`` as JSON."""
    arrays = {"vectors": dense_vectors(space), "ids": _fixed_width(space.ids)}
    if space.labels is not None:
        arrays["labels"] = _fixed_width(_without_none(space.labels))
    recipe = np.array(json.dumps(space.recipe.to_json()))
    np.savez(path, recipe=recipe, **arrays)  # type: ignore[arg-type]


def _without_none(labels: np.ndarray) -> np.ndarray:
    """Return labels with an empty text, or NaN, in place of None: what `load` takes for none."""
    values = labels.tolist()
    if None not in values:
        return labels
    there = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and abs(value) <= LARGEST_EXACT for value in there):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.array(["" if value is None else str(value) for value in values], dtype=object)


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

    matrix = np.asarray(read_file(path, Asked((vectors,) if vectors else ())).items)
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "fiu":
        raise DataError(
            f"{path.name}: expected an array of numbers of shape (n, d), got {matrix.dtype} of "
            f"shape {matrix.shape}."
        )
    check_rounding(matrix, path.name)
    flat = pa.array(np.ascontiguousarray(float32(matrix)).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])
    return pa.table({vectors or "vectors": column})


def _read_parquet(file: VectorFile) -> Space:
    """Return the space of a file with a column of lists of numbers."""
    table = read_parquet(file.path)
    told = (table.schema.metadata or {}).get(RECIPE)
    return space_of_columns(file, table, None if told is None else json.loads(told))


def _write_parquet(space: Space, path: Path) -> None:
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

    try:
        columns = {"id": pa.array(space.ids.tolist())}
        if space.labels is not None:
            columns["label"] = pa.array(space.labels.tolist())
    except UnicodeEncodeError as error:  # a lone surrogate, of a file name that is no text
        raise DataError(
            f"A Parquet file holds text in UTF-8, which {error.object!r} cannot be written in; "
            "rename it."
        ) from None
    if space.meta is not None:
        for name in space.meta.column_names:
            columns[free_name(name, {*OURS, *columns})] = space.meta[name]
    if "map" in space.parts:
        from nearspace.space.map.maps import layout

        columns |= dict(zip("xy", map(pa.array, layout(space).places.T), strict=True))
    return pa.table(columns)


FORMATS = {
    ".space": Format(read_space, write_space),
    ".parquet": Format(_read_parquet, _write_parquet),
    ".npz": Format(_read_npz, _write_npz),
    ".npy": Format(_read_npy),
}
