"""The cache: fitted encoders, embeddings and scores on disk, found by what they were made from.

An entry is one file, with a checksum over all of it. Whatever is wrong with an entry, or with the
folder, costs the time to fit and judge again, and never changes what comes out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.judge.sources import digest_of, foreign_code, own_code
from nearspace.writing import clear_leftovers, replacing

__all__ = ["LARGEST_CACHE", "Cache", "CacheEntry", "content_key", "make_key"]

LARGEST_CACHE = 4 * 2**30  # bytes; what was used longest ago goes first
BEGINS = b"nearspace cache 1\n"
DIGEST = 32  # bytes of a checksum
PARTS = ("fits", "rows")
NAME = re.compile("[0-9a-f]{32}")  # whatever else lies in the folder is not ours

Arrays = dict[str, np.ndarray | sparse.csr_array]
Content = tuple[Arrays, dict[str, Any]]


def make_key(*parts: Any, by: Iterable[Any] = ()) -> str:
    """Return a name for what was made from ``parts`` by this very code and these libraries.

    ``by`` are the classes and functions that made it, which may stand outside nearspace.
    """
    return digest_of([*map(str, parts), own_code(), foreign_code(by)])


def content_key(items: Any) -> str:
    """Return a name for the content of vectors, dense or sparse."""
    digest = hashlib.blake2b(repr((items.shape, items.dtype)).encode(), digest_size=16)
    arrays = (items.data, items.indices, items.indptr) if sparse.issparse(items) else (items,)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class CacheEntry:
    """One entry of a cache.

    Attributes
    ----------
    path : Path
        The file.
    size : int
        Its bytes.
    used : float
        When it was written or read last, in seconds since 1970.
    """

    path: Path
    size: int
    used: float

    @property
    def part(self) -> str:
        """``"fits"`` or ``"rows"``."""
        return self.path.parent.name

    @property
    def whole(self) -> bool:
        """Whether it is as it was written."""
        try:
            _unpacked(_bytes_of(self.path), f"{self.part}/{self.path.name}")
        except Exception:  # whatever is wrong, it is not whole
            return False
        return True


class Cache:
    """Fitted encoders and judged rows in a folder.

    Nothing that is wrong with it is an error: what cannot be read is not there, and what cannot be
    written is not kept. `close` tells of it.

    Parameters
    ----------
    folder : str or Path, optional
        Where they are; without a folder nothing is kept, and nothing is there.

    Raises
    ------
    NearspaceError
        If that is no name of a folder.
    """

    def __init__(self, folder: str | Path | None = None):
        if folder is not None and not isinstance(folder, str | Path):
            raise NearspaceError(
                f"cache= takes a folder in which what is fitted and judged is kept; got {folder!r}."
            )
        self.folder = None if folder is None else Path(folder)
        self._bad: set[Path] = set()  # entries that are there and could not be read
        self._failure = ""  # why nothing can be written

    def store_fit(self, key: str, encoder: Encoder, seconds: float) -> None:
        """Keep a fitted encoder and how long fitting took; one that cannot be saved is left out."""
        with contextlib.suppress(NearspaceError):
            files = {name: np.frombuffer(data, np.uint8) for name, data in encoder.dump().items()}
            self._store("fits", key, dict(files), {"seconds": seconds})

    def has_fit(self, key: str) -> bool:
        """Return whether `store_fit` kept something under a key."""
        return self.folder is not None and os.path.isfile(self._path("fits", key))

    def load_fit(self, key: str) -> tuple[Encoder, float] | None:
        """Return a kept encoder and its fit seconds, or None."""
        content = self._load("fits", key)
        if content is None:
            return None
        files, facts = content
        path = self._path("fits", key)
        try:
            data = {name: array.tobytes() for name, array in files.items()}
            encoder = Encoder.parse(data, str(path))
            return encoder, float(facts["seconds"])
        except (NearspaceError, KeyError, TypeError, ValueError):
            self._bad.add(path)
            return None

    def store_row(self, key: str, arrays: Arrays, facts: dict[str, Any]) -> None:
        """Keep the embeddings and per-item scores of a row, and its plain facts."""
        self._store("rows", key, arrays, facts)

    def has_row(self, key: str) -> bool:
        """Return whether `store_row` kept something under a key."""
        return self.folder is not None and os.path.isfile(self._path("rows", key))

    def load_row(self, key: str) -> Content | None:
        """Return what `store_row` kept, or None."""
        return self._load("rows", key)

    def entries(self) -> list[CacheEntry]:
        """Return what is there, what was used last first."""
        there = [CacheEntry(path, *told) for path in self._paths() if (told := _size_and_use(path))]
        return sorted(there, key=lambda entry: entry.used, reverse=True)

    def clear(self, largest: int = 0) -> list[CacheEntry]:
        """Remove what was used longest ago until no more than so many bytes are left.

        What killed processes left half written goes too. Returns what was removed.
        """
        removed, total = [], 0
        for entry in self.entries():
            total += entry.size
            if total > largest and _remove(entry.path):
                removed.append(entry)
        if self.folder is not None:
            for part in PARTS:
                with contextlib.suppress(OSError, ValueError):
                    clear_leftovers(self.folder / part)
        return removed

    def close(self) -> tuple[str, ...]:
        """Bring it down to `LARGEST_CACHE`, and return what to tell of it: a note, or none."""
        self.clear(LARGEST_CACHE)
        if self._failure:
            return (
                f"The cache in {self.folder} was done without, and nothing more is kept in it: "
                f"{self._failure}.",
            )
        if not self._bad:
            return ()
        n = len(self._bad)
        which, were = ("An entry", "was") if n == 1 else (f"{n:,} entries", "were")
        return (
            f"{which} of the cache in {self.folder} {were} damaged or could not be read, and "
            f"{were} made again.",
        )

    def _path(self, part: str, key: str) -> Path:
        assert self.folder is not None
        return self.folder / part / key

    def _paths(self) -> Iterator[Path]:
        """Yield the paths of entries, and of nothing else that lies in the folder."""
        if self.folder is None:
            return
        for part in PARTS:
            with contextlib.suppress(OSError, ValueError):
                names = os.listdir(self.folder / part)
                yield from (self._path(part, name) for name in names if NAME.fullmatch(name))

    def _load(self, part: str, key: str) -> Content | None:
        """Return what is kept; None where nothing is, or it is not whole, or of another key."""
        if self.folder is None:
            return None
        path = self._path(part, key)
        try:
            content = _unpacked(_bytes_of(path), f"{part}/{key}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception:  # whatever is wrong with it, it is made again
            self._bad.add(path)
            return None
        with contextlib.suppress(OSError):  # another user's
            os.utime(path)
        return content

    def _store(self, part: str, key: str, arrays: Arrays, facts: dict[str, Any]) -> None:
        """Write an entry, unless one could not be written before."""
        if self.folder is None or self._failure:
            return
        path = self._path(part, key)
        try:
            pieces = _packed(arrays, facts, f"{part}/{key}")
        except (TypeError, ValueError):  # a plug-in's, of what no file can hold
            return
        if sum(map(len, pieces)) > LARGEST_CACHE:
            return
        try:
            if path in self._bad or path.is_symlink():
                _remove(path)
            with replacing(path) as beside, beside.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
        except (NearspaceError, OSError, ValueError) as error:
            reason = error.__cause__ if isinstance(error.__cause__, OSError) else error
            self._failure = str(getattr(reason, "strerror", None) or reason).rstrip(".")


def _packed(arrays: Arrays, facts: dict[str, Any], key: str) -> list[Any]:
    """Return the pieces of a file: a mark, a head in JSON with its length, arrays, a checksum."""
    flat: dict[str, np.ndarray] = {}
    array: Any
    for name, array in arrays.items():
        if sparse.issparse(array):
            parts = (array.data, array.indices, array.indptr, np.array(array.shape))
            flat |= {f"{name}.{i}": np.ascontiguousarray(part) for i, part in enumerate(parts)}
        else:
            flat[name] = np.ascontiguousarray(array)
    told = [(name, array.dtype.str, array.shape) for name, array in flat.items()]
    sparse_names = [name for name, array in arrays.items() if sparse.issparse(array)]
    head = json.dumps({"key": key, "facts": facts, "arrays": told, "sparse": sparse_names}).encode()
    pieces: list[Any] = [BEGINS, len(head).to_bytes(8, "little"), head]
    pieces += [array.reshape(-1).view(np.uint8) for array in flat.values()]
    digest = hashlib.blake2b(digest_size=DIGEST)
    for piece in pieces:
        digest.update(piece)
    return [*pieces, digest.digest()]


def _unpacked(data: bytes, key: str) -> Content:
    """Return what a file holds, or raise `ValueError` where it is not what was written for a key.

    Nothing in it is looked at before its checksum is.
    """
    body = memoryview(data)[:-DIGEST]
    if hashlib.blake2b(body, digest_size=DIGEST).digest() != data[-DIGEST:]:
        raise ValueError("the checksum is another")
    at = len(BEGINS) + 8
    if data[: len(BEGINS)] != BEGINS:
        raise ValueError("it is of another format")
    length = int.from_bytes(data[at - 8 : at], "little")
    head = json.loads(data[at : at + length])
    if head["key"] != key:
        raise ValueError("it is of another key")
    at += length
    flat = {}
    for name, dtype, shape in head["arrays"]:
        count = math.prod(shape)
        # A copy, since what lies in the middle of a file is not aligned, and may not be changed.
        flat[name] = np.frombuffer(body, dtype, count, at).reshape(shape).copy()
        at += flat[name].nbytes
    for name in head["sparse"]:
        values, indices, pointers, shape = (flat.pop(f"{name}.{i}") for i in range(4))
        flat[name] = sparse.csr_array((values, indices, pointers), shape=tuple(shape.tolist()))
    return flat, head["facts"]


def _bytes_of(path: Path) -> bytes:
    """Return the bytes of a file, or raise where it is none: what is no file may have no end."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_CACHE:
        raise ValueError("it is no file, or too large for one of the cache")
    return path.read_bytes()


def _size_and_use(path: Path) -> tuple[int, float] | None:
    """Return the bytes and the last use of an entry; None where another process removed it."""
    try:
        about = path.lstat()
    except OSError:
        return None
    return about.st_size, about.st_mtime


def _remove(path: Path) -> bool:
    """Remove whatever stands at the place of an entry; return whether it is gone by this."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True
