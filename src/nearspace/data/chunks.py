"""Long texts in chunks: an item each, which knows its document, its number and where it begins."""

from __future__ import annotations

import re
from array import array
from itertools import chain
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.text import Text
from nearspace.data.memory import check_memory
from nearspace.errors import DataError

__all__ = ["check_chunks", "chunk_spans", "chunked"]

WORD = re.compile(r"\S+")
CHUNK = 200  # bytes that a chunk takes beside its characters, about
WIDEST = 4  # bytes of a character


def check_chunks(size: Any, overlap: Any) -> None:
    """Raise unless texts can be cut into chunks of ``size`` words that share ``overlap``."""
    if size is None:
        if overlap:
            raise DataError("load: overlap= is of chunks; say by chunks= how many words one has.")
        return
    for name, value, least in (("chunks", size, 1), ("overlap", overlap, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise DataError(
                f"load: {name}= is a number of words of at least {least}, got {value!r:.60}."
            )
    if overlap >= size:
        raise DataError(
            f"load: chunks of {size} words cannot share {overlap} with the one before; expected an "
            f"overlap of at most {size - 1}."
        )


def chunk_spans(text: str, size: int, overlap: int = 0) -> np.ndarray:
    """Return where the chunks of a text begin and end, shape ``(n, 2)``, in characters.

    A word is what stands between blanks. The last chunk ends the text, and holds a word that no
    other has; a text without a word is one chunk.

    Examples
    --------
    >>> text = "near means alike, far means other"
    >>> [text[start:end] for start, end in chunk_spans(text, 3, overlap=1)]
    ['near means alike,', 'alike, far means', 'means other']
    """
    flat = array("q", chain.from_iterable(word.span() for word in WORD.finditer(text)))
    words = np.frombuffer(flat, dtype=np.int64).reshape(-1, 2)
    if not len(words):
        return np.array([[0, len(text)]])
    first = np.arange(0, max(len(words) - overlap, 1), size - overlap)
    last = np.minimum(first + size, len(words)) - 1
    return np.column_stack([words[first, 0], words[last, 1]])


def chunked(dataset: Dataset, size: int, overlap: int = 0) -> Dataset:
    """Return the texts of a dataset in chunks, each an item with what is known of its text.

    The id of a chunk is that of its text and a number from 1, ``name#3``; metadata tell both, as
    ``document`` and ``chunk``, and as ``start`` the character at which it begins. The chunks of a
    text are a group; where there are groups, those of their text.

    Parameters
    ----------
    dataset : Dataset
        Of texts.
    size : int
        How many words a chunk has.
    overlap : int, default=0
        How many of them are the last ones of the chunk before.

    Raises
    ------
    DataError
        If they are no texts, or the chunks take more memory than is free.

    Examples
    --------
    >>> from nearspace import load
    >>> chunks = load(["near means alike", "far"], labels=["a", "b"], chunks=2)
    >>> chunks.items, chunks.ids.tolist(), chunks.target.values.tolist()
    (['near means', 'alike', 'far'], ['0#1', '0#2', '1#1'], ['a', 'a', 'b'])
    >>> chunks.groups.tolist(), chunks.meta["start"].to_pylist()
    ([0, 0, 1], [0, 11, 0])
    """
    if not isinstance(dataset.kind, Text):
        raise DataError(
            f"{dataset.name}: chunks= cuts texts, and it was read as {dataset.kind.plural}; leave "
            "it out."
        )
    spans = [chunk_spans(text, size, overlap) for text in dataset.items]
    counts = np.array([len(each) for each in spans])
    where = np.concatenate(spans)
    nbytes = WIDEST * int((where[:, 1] - where[:, 0]).sum()) + CHUNK * len(where)
    check_memory(nbytes, f"{dataset.name} in {len(where):,} chunks")
    rows = np.repeat(np.arange(len(dataset)), counts)
    numbers = np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts) + 1
    documents = _names(np.asarray(dataset.ids))[rows]
    texts = [
        dataset.items[row][start:end]
        for row, (start, end) in zip(rows, where.tolist(), strict=True)
    ]
    ids = [f"{name}#{number}" for name, number in zip(documents, numbers, strict=True)]
    columns = {"document": documents, "chunk": numbers, "start": where[:, 0]}
    return dataset.spread(
        rows,
        items=texts,
        ids=np.array(ids),
        groups=documents if dataset.groups is None else dataset.groups[rows],
        meta=_with_columns(dataset.meta, rows, columns),
        notes=(*dataset.notes, _told(dataset, len(rows), size, overlap)),
        chunks={"words": int(size), "overlap": int(overlap)},
    )


def _with_columns(meta: Any, rows: np.ndarray, columns: dict[str, np.ndarray]) -> Any:
    """Return what is known of the texts, and of the chunks; ours give way to names there are."""
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


def _told(dataset: Dataset, count: int, size: int, overlap: int) -> str:
    """Return what was cut into what."""
    shared = f", of which the first {overlap:,} end the one before" if overlap else ""
    within = "whole in their groups" if dataset.groups is not None else "together in a split"
    return (
        f"The texts, {len(dataset):,}, were cut into {count:,} chunks of {size:,} words{shared}; "
        f"those of a text stay {within}."
    )
