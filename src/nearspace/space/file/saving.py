"""A file written beside its place, brought to the disk, and then put in place of what was there."""

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

__all__ = ["replacing"]

SQLITE = b"SQLite format 3\0"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield where to write a file that then takes the place of another.

    The file is complete or not there. A database that was there is replaced in one transaction, for
    which those who add to it, or read it, are waited for.

    Raises
    ------
    NearspaceError
        If the disk is full, or the place cannot be written to; the old file is then as it was.
    """
    if path.is_dir():
        raise NearspaceError(f"{path} is a folder; expected the name of a file to write.")
    place = path.resolve()
    beside = place.with_name(f".{os.getpid()}.{place.name}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with database.told(path):
            with _flushed(beside):
                yield beside
            _put_in_place(beside, place)
        _sync(place.parent)
    except OSError as error:
        raise NearspaceError(
            f"{path} cannot be written ({error}); what it held before is as it was."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _flushed(path: Path) -> Iterator[None]:
    """Bring a file to the disk while it grows, lest all of it waits for the end."""
    ended = threading.Event()

    def flush() -> None:
        while not ended.wait(0.05):
            if path.exists():
                _sync(path)

    with ThreadPoolExecutor(1) as pool:
        flushing = pool.submit(flush)
        try:
            yield
        finally:
            ended.set()
        flushing.result()  # an error is told once, to whoever asked first
        _sync(path)


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
    with path.open("rb") as file:
        is_database = file.read(len(SQLITE)) == SQLITE
    if is_database:
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


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows keeps names by itself
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
