"""The nearest item of each value of a column, such as the nearest chunk of each document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from nearspace.errors import DataError

__all__ = ["codes_of", "count_codes", "nearest_of_each"]

TIMES = 4  # as many items are searched for as values are wanted, and so many times more after that

Answer: TypeAlias = tuple[np.ndarray, np.ndarray, float, tuple[str, ...]]


def codes_of(values: np.ndarray, name: str) -> np.ndarray:
    """Return one number for equal values of a column; each that is missing has its own.

    Examples
    --------
    >>> codes_of(np.array(["a", None, "a", None], dtype=object), "document").tolist()
    [0, 1, 0, 2]
    """
    import pandas as pd

    try:
        codes = pd.factorize(values)[0]
    except TypeError:
        raise DataError(
            f"The column '{name}' holds lists or records, and the nearest is found per={name!r} of "
            "plain values alone."
        ) from None
    missing = codes < 0
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(missing.sum())
    return codes


def count_codes(codes: np.ndarray, findable: np.ndarray | None, own: np.ndarray | None) -> int:
    """Return how many values every query may find, less its own where that is left out."""
    there = np.unique(codes if findable is None else codes[findable])
    if own is None:
        return len(there)
    return len(there) - bool(np.isin(codes[own[own >= 0]], there).any())


def nearest_of_each(
    search: Callable[[int], Answer], most: int, k: int, codes: np.ndarray, own: np.ndarray | None
) -> Answer:
    """Return the nearest item of each value for every query, the ``k`` best of them.

    Parameters
    ----------
    search : callable
        Returns what so many nearest items are, as `Searcher.search` does.
    most : int
        How many items it may be asked for.
    k : int
        How many values, at most `count_codes`.
    codes : ndarray of shape (n,)
        The value of each item, as a number.
    own : ndarray of shape (q,) or None
        Where the query itself stands, whose value is left out; -1 for nowhere.
    """
    left_out: Any = None if own is None else np.where(own < 0, -1, codes[own])
    asked = min(most, TIMES * k)
    while True:
        positions, scores, recall, notes = search(asked)
        firsts = [_firsts(row, -1 if own is None else left_out[at])
                  for at, row in enumerate(codes[positions])]  # fmt: skip
        if asked == most or min(map(len, firsts), default=k) >= k:
            break
        asked = min(most, TIMES * asked)
    best = np.array([first[:k] for first in firsts], dtype=np.int64).reshape(len(positions), k)
    positions, scores = (np.take_along_axis(each, best, 1) for each in (positions, scores))
    return positions, scores, recall, notes


def _firsts(codes: np.ndarray, left_out: int) -> np.ndarray:
    """Return where each code but one stands first, in order."""
    _, first = np.unique(codes, return_index=True)
    return np.sort(first[codes[first] != left_out])
