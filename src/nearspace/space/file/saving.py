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


def check_replaceable(path: Path) -> Path:
    """Return where a space is to stand, as `check_place` does.

    Raises
    ------
    NearspaceError
        If what stands there is neither a space nor an empty file, or as by `check_place`.
    """
    place = check_place(path)
    if not place.exists() or _is_space(place):
        return place
    raise NearspaceError(
        f"{path} is there already and is not a space; only a space is replaced by another: remove "
        "the file first, or give another name."
    )


def _is_space(path: Path) -> bool:
    """Return whether a file is a space, whole or damaged, or empty.

    SQLite is asked. Whoever opens and closes the file itself lets go of the locks that other
    threads of this process hold on it, and two would write at once.
    """
    if not path.stat().st_size:
        return True
    db = sqlite3.connect(path, timeout=database.WAIT)
    with database.told(path), contextlib.closing(db):
        try:
            return db.execute("PRAGMA application_id").fetchone() == (database.APPLICATION,)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
                return False
            raise


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
    if not path.exists():
        _clear_beside(path)
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
        _clear_beside(path)
        os.replace(beside, path)


def _clear_beside(path: Path) -> None:
    """Remove what a database of this name, which is gone, left: SQLite would roll it into this."""
    for ending in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _copy_over(beside: Path, path: Path) -> None:
    """Move one database over another, as one transaction of the other."""
    deadline = time.monotonic() + database.WAIT

    def give_up(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise NearspaceError(f"{path}: others have been using it all the time; try again.")

    source, target = sqlite3.connect(beside), sqlite3.connect(path, isolation_level=None)
    try:
        with contextlib.closing(source), contextlib.closing(target):
            target.execute("PRAGMA synchronous = FULL")
            target.execute("PRAGMA fullfsync = ON")
            source.backup(target, progress=give_up)
    finally:  # Ctrl-C may come when it is copied already
        with contextlib.suppress(NearspaceError):
            with database.reading(beside) as (_, new), database.reading(path) as (_, there):
                same = new.token == there.token
            if same:
                beside.unlink()
