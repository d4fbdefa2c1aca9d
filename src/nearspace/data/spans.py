"""Where the chunks of a long item begin and end, in words or in steps."""

from __future__ import annotations

import dataclasses
import re
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from nearspace.data.memory import check_memory
from nearspace.errors import DataError

__all__ = ["CHUNK", "Cut", "chunk_spans", "cut_steps", "step_spans", "whole_numbers"]

WORD = re.compile(r"\S+")
CHUNK = 200  # bytes that a chunk takes beside what it holds, about


@dataclasses.dataclass(frozen=True, eq=False)
class Cut:
    """Items in chunks.

    Attributes
    ----------
    items : sequence of length m
        The chunks, in the container of their kind.
    rows : ndarray of shape (m,), int64
        The position of the item that each is cut from.
    starts : ndarray of shape (m,)
        Where each begins in its item: a character, a second, a step.
    left : int
        How many items have an end, too short for a chunk, that is in none.
    """

    items: Any
    rows: np.ndarray
    starts: np.ndarray
    left: int = 0


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


def step_spans(count: int, size: int, overlap: int = 0) -> np.ndarray:
    """Return where the chunks of so many steps begin and end, shape ``(n, 2)``, int64.

    A rest at the end of at least half a chunk is a chunk too, a shorter one; one that is less is in
    none. What is shorter than a chunk is one.

    Examples
    --------
    >>> step_spans(10, 4, overlap=1).tolist(), step_spans(9, 4).tolist()
    ([[0, 4], [3, 7], [6, 10]], [[0, 4], [4, 8]])
    """
    first = np.arange(0, max(count - overlap, 1), size - overlap)
    last = np.minimum(first + size, count)
    long = 2 * (last - first) >= size
    long[0] = True
    return np.column_stack([first, last])[long]


def cut_steps(
    lengths: Sequence[int], size: int, overlap: int, who: str
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the rows and spans of the chunks of items of some lengths, and how many have a rest.

    Raises
    ------
    DataError
        If there are more chunks than memory has room for.

    Examples
    --------
    >>> rows, spans, left = cut_steps([9, 3], 4, 0, "data")
    >>> rows.tolist(), spans.tolist(), left
    ([0, 0, 1], [[0, 4], [4, 8], [0, 3]], 1)
    """
    most = sum(1 + length // (size - overlap) for length in lengths)
    check_memory(CHUNK * most, f"{who} in {most:,} chunks")
    spans = [step_spans(length, size, overlap) for length in lengths]
    rows = np.repeat(np.arange(len(lengths)), [len(each) for each in spans])
    left = sum(int(each[-1, 1] < length) for each, length in zip(spans, lengths, strict=True))
    return rows, np.concatenate(spans), left


def whole_numbers(size: float, overlap: float, unit: str) -> tuple[int, int]:
    """Return the size of chunks and their overlap as whole numbers of a unit.

    Raises
    ------
    DataError
        If they are none.

    Examples
    --------
    >>> whole_numbers(4.0, 1, "word")
    (4, 1)
    """
    for name, value, least in (("chunks", size, 1), ("overlap", overlap, 0)):
        if value != int(value) or value < least:
            raise DataError(
                f"load: {name}= is a number of {unit}s of at least {least}, got {value!r:.60}."
            )
    return int(size), int(overlap)
