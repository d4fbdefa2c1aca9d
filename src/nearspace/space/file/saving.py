"""A space written beside its place, and then put in place of the one that was there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nearspace.errors import NearspaceError
from nearspace.space.file import database
from nearspace.writing import check_place, replacing, sync

__all__ = ["check_replaceable", "replacing_space"]

SQLITE = b"SQLite format 3\0"
HEAD = 72  # bytes of a database, the last four of which say whose it is


@contextlib.contextmanager
def replacing_space(path: Path) -> Iterator[Path]:
    """Yield where to write a space that then takes the place of another.

    The file is complete or not there. A space that was there is replaced in one transaction, for
    which those who add to it, or read it, are waited for.

    Raises
    ------
    NearspaceError
        If what stands there is not a space, the disk is full, or the place cannot be written to;
        the old file is then as it was.
    """
    check_replaceable(path)
    with database.told(path), replacing(path, _put_in_place) as beside, _flushed(beside):
        yield beside


def check_replaceable(path: Path) -> None:
    """Raise `NearspaceError` unless there is nothing at a path, an empty file, or a space."""
    place = check_place(path)
    if not place.exists() or _is_space(place):
        return
    raise NearspaceError(
        f"{path} is there already and is not a space; only a space is replaced by another: remove "
        "the file first, or give another name."
    )


def _is_space(path: Path) -> bool:
    """Return whether a file is a space, whole or damaged, or empty."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return not head or (head.startswith(SQLITE) and head[-4:] == database.APPLICATION.to_bytes(4))


@contextlib.contextmanager
def _flushed(path: Path) -> Iterator[None]:
    """Bring a file to the disk while it grows, lest all of it waits for the end."""
    ended = threading.Event()

    def flush() -> None:
        while not ended.wait(0.05):
            if path.exists():
                sync(path)

    with ThreadPoolExecutor(1) as pool:
        flushing = pool.submit(flush)
        try:
            yield
        finally:
            ended.set()
        flushing.result()  # an error is told once, to whoever asked first
        sync(path)


def _put_in_place(beside: Path, path: Path) -> None:
    """Give a new file its name, or copy it over the database that has it.

    A database is never replaced by renaming: whoever was about to write to the old one would write
    its journal beside the new one, and spoil it.
    """
    try:
        os.link(beside, path)
        return
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            os.replace(beside, path)
            return
    if path.stat().st_size:
        check_replaceable(path)  # another process may have written it meanwhile
        _copy_over(beside, path)
    else:
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        os.replace(beside, path)


def _copy_over(beside: Path, path: Path) -> None:
    """Copy one database over another, as one transaction of the other."""
    deadline = time.monotonic() + database.WAIT

    def give_up(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise NearspaceError(f"{path}: others have been using it all the time; try again.")

    source, target = sqlite3.connect(beside), sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(source), contextlib.closing(target):
        target.execute("PRAGMA synchronous = FULL")
        target.execute("PRAGMA fullfsync = ON")
        source.backup(target, progress=give_up)
