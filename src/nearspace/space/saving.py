"""`save`: a space into a file of its own, or in place of what a file held."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.space import database
from nearspace.space.rows import Columns, columns_of, encode_rows
from nearspace.space.space import Space
from nearspace.space.written import Tally, content_of, insert_rows, put_thumbnails

__all__ = ["save"]

SQLITE = b"SQLite format 3\0"


def save(space: Space, path: str | Path) -> Path:
    """Write a space into one file, in place of what it held.

    The file is complete or not there. What was there is replaced in one transaction, for which
    those who add to it, or read it, are waited for.

    Parameters
    ----------
    space : Space
        Vectors, and the encoder if there is one, which has to be of the catalogue.
    path : str or Path
        The file, usually ending in ``.space``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NearspaceError
        If a vector is not finite, an id stands twice, the encoder cannot be saved, or the disk is
        full; the old file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load, open_space
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(embed(load("wine"), "pca(dim=2)"), f"{folder}/wine.space")
    ...     again = open_space(path)
    >>> len(again), again.recipe.spec
    (178, 'pca(dim=2)')
    """
    columns, parts = columns_of(space), dict(space.parts)
    if isinstance(space.made_by, Encoder):
        if space.made_by.fingerprint != space.recipe.fingerprint:
            raise NearspaceError("A space is saved with the encoder that made it, got another one.")
        parts |= space.made_by.dump()
    if Path(path).is_dir():
        raise NearspaceError(f"{path} is a folder; expected the name of a file to write.")
    place = Path(path).resolve()
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with database.told(path):
            with _flushed(beside):
                _write(beside, space, columns, parts)
            _put_in_place(beside, place)
        _sync(place.parent)
    except OSError as error:
        raise NearspaceError(
            f"{path} cannot be written ({error}); what it held before is as it was."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return Path(path)


def _write(path: Path, space: Space, columns: Columns, parts: dict[str, bytes]) -> None:
    """Write a new file; without a journal, since it counts for nothing until it is renamed."""
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute(f"PRAGMA page_size = {database.PAGE}")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA application_id = {database.APPLICATION}")
        db.execute(f"PRAGMA user_version = {database.FORMAT}")
        db.execute("BEGIN")
        for statement in database.SCHEMA.values():
            db.execute(statement)
        total = insert_rows(db, encode_rows(space, columns))
        pictures = Tally()
        if space.thumbnails is not None:
            rows = zip(range(1, len(space) + 1), space.ids.tolist(), space.thumbnails, strict=True)
            pictures = put_thumbnails(db, rows)
        database.write_header(
            db,
            token=uuid.uuid4().hex,
            recipe=space.recipe.to_json(),
            columns=dataclasses.asdict(columns),
            content=content_of(Tally(len(space), total), pictures),
            parts=database.write_parts(db, parts, {}),
        )
        db.execute("COMMIT")
    finally:
        db.close()


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

    source = sqlite3.connect(beside)
    target = sqlite3.connect(path, isolation_level=None)
    try:
        target.execute("PRAGMA synchronous = FULL")
        target.execute("PRAGMA fullfsync = ON")
        source.backup(target, progress=give_up)
    finally:
        target.close()
        source.close()


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows keeps names by itself
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
