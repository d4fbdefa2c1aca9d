"""Long items in chunks: an item each, which knows its document, its number and where it begins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.kind import Kind
from nearspace.errors import DataError

__all__ = ["check_chunks", "chunked"]


def check_chunks(size: Any, overlap: Any) -> None:
    """Raise unless items can be cut into chunks of ``size`` that share ``overlap``."""
    if size is None:
        if overlap:
            raise DataError("load: overlap= is of chunks; say by chunks= how long one is.")
        return
    for name, value in (("chunks", size), ("overlap", overlap)):
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not 0 <= value < math.inf or (name == "chunks" and not value):
            units = ", ".join(f"{kind.unit}s of {kind.plural}" for kind in _cut_kinds())
            least = "above 0" if name == "chunks" else "of at least 0"
            raise DataError(f"load: {name}= is a number {least}, of {units}, got {value!r:.60}.")
    if overlap >= size:
        raise DataError(
            f"load: chunks of {size:g} cannot share {overlap:g} with the one before; expected a "
            "smaller overlap."
        )


def _cut_kinds() -> list[type[Kind]]:
    return [kind for kind in Kind.registry.values() if kind.unit]


def chunked(dataset: Dataset, size: float, overlap: float = 0) -> Dataset:
    """Return the items of a dataset in chunks, each an item with what is known of the whole one.

    The id of a chunk is that of its item and a number from 1, ``name#3``; metadata tell both, as
    ``document`` and ``chunk``, and as ``start`` where it begins: at a character of a text, a second
    of a sound, a step of a series. The chunks of an item are a group; where there are groups, those
    of their item. Chunks of sounds and series are views of their memory.

    Parameters
    ----------
    dataset : Dataset
        Of texts, sounds or series.
    size : float
        How long a chunk is: so many words of a text, seconds of a sound, steps of a series.
    overlap : float, default=0
        How much of it ends the chunk before.

    Raises
    ------
    DataError
        If they are of another kind, or the chunks take more memory than is free.

    Examples
    --------
    >>> from nearspace import load
    >>> chunks = load(["near means alike", "far"], labels=["a", "b"], chunks=2)
    >>> chunks.items, chunks.ids.tolist(), chunks.target.values.tolist()
    (['near means', 'alike', 'far'], ['0#1', '0#2', '1#1'], ['a', 'a', 'b'])
    >>> chunks.groups.tolist(), chunks.meta["start"].to_pylist()
    ([0, 0, 1], [0, 11, 0])
    >>> from nearspace.data.sound import Sound
    >>> sound = Sound(np.zeros(20_000, np.float32), 8000)
    >>> load([sound], chunks=1.0, overlap=0.5).meta["start"].to_pylist()
    [0.0, 0.5, 1.0, 1.5]
    """
    check_chunks(size, overlap)
    kind = dataset.kind
    if not kind.unit:
        *some, last = sorted(each.plural for each in _cut_kinds())
        raise DataError(
            f"{dataset.name}: chunks= cuts {', '.join(some)} and {last}, and it was read as "
            f"{kind.plural}; leave it out."
        )
    cut = kind.cut(dataset.items, size, overlap, dataset.name)
    counts = np.bincount(cut.rows, minlength=len(dataset))
    numbers = np.arange(len(cut.rows)) - np.repeat(counts.cumsum() - counts, counts) + 1
    documents = _names(np.asarray(dataset.ids))[cut.rows]
    ids = [f"{name}#{number}" for name, number in zip(documents, numbers, strict=True)]
    columns = {"document": documents, "chunk": numbers, "start": cut.starts}
    size, overlap = (int(each) if each == int(each) else float(each) for each in (size, overlap))
    left = [] if not cut.left else [_told_left(cut.left, kind)]
    return dataset.spread(
        cut.rows,
        items=cut.items,
        ids=np.array(ids),
        groups=documents if dataset.groups is None else dataset.groups[cut.rows],
        meta=_with_columns(dataset.meta, cut.rows, columns),
        notes=(*dataset.notes, _told(dataset, len(ids), size, overlap), *left),
        chunks={f"{kind.unit}s": size, "overlap": overlap},
    )


def _with_columns(meta: Any, rows: np.ndarray, columns: dict[str, np.ndarray]) -> Any:
    """Return what is known of the items, and of the chunks; ours give way to names there are."""
    import pyarrow as pa

    table = {} if meta is None else dict(zip(meta.column_names, meta.take(rows), strict=True))
    for name, values in columns.items():
        while name in table:
            name += "_"
        table[name] = pa.array(values)
    return pa.table(table)


def _names(ids: np.ndarray) -> np.ndarray:
    """Return ids as every column of metadata takes them: names of files may be no Unicode."""
    if ids.dtype.kind not in "OU":
        return ids
    return np.array([str(name).encode(errors="backslashreplace").decode() for name in ids.tolist()])


def _told(dataset: Dataset, count: int, size: float, overlap: float) -> str:
    """Return what was cut into what."""
    kind = dataset.kind
    shared = f", of which the first {overlap:,} end the one before" if overlap else ""
    within = "whole in their groups" if dataset.groups is not None else "together in a split"
    return (
        f"The {kind.plural}, {len(dataset):,}, were cut into {count:,} chunks of {size:,} "
        f"{kind.unit}{'s' * (size != 1)}{shared}; those of one stay {within}."
    )


def _told_left(count: int, kind: Kind) -> str:
    """Return how many items have an end that is in no chunk."""
    are = "1 has" if count == 1 else f"{count:,} have"
    return f"Of the {kind.plural} {are} an end of less than half a chunk, which is in none."
