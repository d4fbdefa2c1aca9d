"""Items some rows at a time, so that what is made of them on the way takes little memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["row_blocks", "stacked", "text_blocks"]

NUMBERS_AT_ONCE = 2**21  # of items, from which vectors are made that need no others
MOST_TEXTS, MOST_CHARACTERS = 8192, 2**24  # that are read at once


def row_blocks(items: Any) -> Iterator[slice]:
    """Yield the rows of items, as many at a time as have a few million numbers together.

    Sparse vectors, and what has no rows of numbers, come all at once.

    Examples
    --------
    >>> import numpy as np
    >>> list(row_blocks(np.zeros((5000, 1000))))
    [slice(0, 2097, None), slice(2097, 4194, None), slice(4194, 5000, None)]
    """
    n, *sides = items.shape if hasattr(items, "shape") else (len(items),)
    step = max(1, n)
    if sides and not hasattr(items, "tocsr"):
        step = max(1, NUMBERS_AT_ONCE // max(1, math.prod(sides)))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def stacked(blocks: Iterator[Any], width: int) -> sparse.csr_array:
    """Return sparse rows under one another, in half the memory that `scipy.sparse.vstack` takes.

    Examples
    --------
    >>> rows = sparse.csr_array(np.float32([[0, 1], [2, 0]]))
    >>> stacked(iter([rows, rows[1:]]), 2).toarray().tolist()
    [[0.0, 1.0], [2.0, 0.0], [2.0, 0.0]]
    """
    lengths, indices = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    data = [np.empty(0, np.float32)]
    for block in blocks:
        lengths.append(np.diff(block.indptr))
        indices.append(block.indices)
        data.append(block.data)
    ends = np.append(0, np.cumsum(np.concatenate(lengths), dtype=np.int64))
    if ends[-1] < 2**31:  # or scipy would make the columns int64 too
        ends = ends.astype(np.int32)
    # One after the other, and the parts of each let go before the next.
    together = np.concatenate(data)
    data.clear()
    columns = np.concatenate(indices)
    indices.clear()
    return sparse.csr_array((together, columns, ends), shape=(len(ends) - 1, width))


def text_blocks(texts: list[str]) -> Iterator[tuple[slice, list[str]]]:
    """Yield as many texts at a time as are read at once, behind the rows in which they stand.

    Examples
    --------
    >>> [(rows, len(some)) for rows, some in text_blocks(["near"] * 10_000)]
    [(slice(0, 8192, None), 8192), (slice(8192, 10000, None), 1808)]
    """
    start = 0
    while start < len(texts):
        stop, n_characters = start, 0
        while stop < min(len(texts), start + MOST_TEXTS) and n_characters < MOST_CHARACTERS:
            n_characters += len(texts[stop])
            stop += 1
        yield slice(start, stop), texts[start:stop]
        start = stop
