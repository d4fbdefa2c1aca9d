"""`in_threads`: what is decoded by libraries that leave Python alone, several at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

__all__ = ["in_threads"]

CHUNK = 8  # values that a thread takes at once

T = TypeVar("T")
R = TypeVar("R")


def in_threads(function: Callable[[T], R], values: Sequence[T]) -> Iterator[R]:
    """Yield ``function`` of each value in order, from a pool that takes them in chunks.

    Examples
    --------
    >>> list(in_threads(str.upper, ["a", "b"]))
    ['A', 'B']
    """
    from concurrent.futures import ThreadPoolExecutor

    def chunk(start: int) -> list[R]:
        return [function(value) for value in values[start : start + CHUNK]]

    workers = min(32, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
    pool = ThreadPoolExecutor(workers)
    try:
        for results in pool.map(chunk, range(0, len(values), CHUNK)):
            yield from results
    finally:
        # Whoever stops listening early, Ctrl-C included, does not wait for the rest.
        pool.shutdown(cancel_futures=True)
