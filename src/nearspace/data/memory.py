"""How much memory there is, asked before it is taken."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from nearspace.errors import DataError

__all__ = ["check_memory", "free_memory", "release_arrow", "told_of_memory"]

GIB = 2**30  # bytes
NO_BOUND = 2**62  # bytes, where the system tells nothing
CGROUP = Path("/sys/fs/cgroup/memory.max")


def free_memory() -> int:
    """Return how many bytes this process may still take, as far as the system tells.

    It is what the machine has free, or can free at once, and no more than the container and the
    limits of the process (``ulimit -v``) allow.

    Examples
    --------
    >>> free_memory() > 0
    True
    """
    return max(0, min(_free_of_machine(), _free_of_container(), _free_of_process()))


def _free_of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return NO_BOUND


def _free_of_container() -> int:
    try:
        return int(CGROUP.read_text()) - _taken(1)
    except (OSError, ValueError):  # no container, or "max"
        return NO_BOUND


def _free_of_process() -> int:
    try:
        import resource
    except ImportError:
        return NO_BOUND
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return NO_BOUND if limit == resource.RLIM_INFINITY else limit - _taken(0)


def _taken(field: int) -> int:
    """Return how many bytes this process has of its address space (0), or in memory (1)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[field])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0


def check_memory(nbytes: int, who: str) -> None:
    """Raise where something would take more memory than there is.

    Parameters
    ----------
    nbytes : int
        How many bytes it takes.
    who : str
        What takes them, for the error.

    Raises
    ------
    DataError
        If fewer are free.

    Examples
    --------
    >>> check_memory(10**18, "big.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    nearspace.errors.DataError: big.csv takes about 931,322,574.6 GiB of memory, and ...
    """
    free = free_memory()
    if nbytes > free:
        raise DataError(
            f"{who} takes about {nbytes / GIB:,.1f} GiB of memory, and {free / GIB:,.1f} GiB are "
            "free: give a part of it, or take a machine with more memory."
        )


def release_arrow() -> None:
    """Give back the memory that Arrow, where it is in use, holds on to for what may come.

    After a table of text has been read that is as much as the table itself.
    """
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()


@contextlib.contextmanager
def told_of_memory(who: str) -> Iterator[None]:
    """Say in a sentence that memory did not suffice for what the ``with`` block does.

    Examples
    --------
    >>> with told_of_memory("big.npy"):  # doctest: +ELLIPSIS
    ...     raise MemoryError("Unable to allocate 10.9 TiB")
    Traceback (most recent call last):
        ...
    nearspace.errors.DataError: big.npy takes more memory than is free (Unable to allocate 10.9 ...
    """
    try:
        yield
    except MemoryError as error:
        reason = str(error).split("\n")[0].rstrip(".")[:200]
        raise DataError(
            f"{who} takes more memory than is free{f' ({reason})' if reason else ''}: give a part "
            "of it, or take a machine with more memory."
        ) from error
