"""The cache: fitted encoders, embeddings and scores on disk, found by what they were made from."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import nearspace
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import load_encoder
from nearspace.errors import NearspaceError
from nearspace.recipe import versions

__all__ = ["Cache", "content_key", "make_key"]

LARGEST = 4 * 2**30  # bytes; what was used longest ago goes first

Arrays = dict[str, np.ndarray | sparse.csr_array]


def make_key(*parts: Any) -> str:
    """Return a name for what was made from ``parts`` by this very code and these libraries."""
    return _digest([*map(str, parts), _code()])


def content_key(items: Any) -> str:
    """Return a name for the content of vectors, dense or sparse."""
    digest = hashlib.blake2b(repr((items.shape, items.dtype)).encode(), digest_size=16)
    arrays = (items.data, items.indices, items.indptr) if sparse.issparse(items) else (items,)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Cache:
    """Fitted encoders and judged rows in a folder.

    Parameters
    ----------
    folder : str or Path, optional
        Where they are; without a folder nothing is kept, and nothing is there.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = None if folder is None else Path(folder)

    def store_fit(self, key: str, encoder: Encoder, seconds: float) -> None:
        """Keep a fitted encoder and how long fitting took; one that cannot be saved is left out."""

        def write(path: Path) -> None:
            encoder.save(path)
            (path / "seconds.json").write_text(json.dumps(seconds))

        with contextlib.suppress(NearspaceError):
            self._store("fits", key, write)

    def load_fit(self, key: str) -> tuple[Encoder, float] | None:
        """Return a kept encoder and its fit seconds, or None."""

        def read(path: Path) -> tuple[Encoder, float]:
            return load_encoder(path), float(json.loads((path / "seconds.json").read_text()))

        return self._load("fits", key, read)

    def store_row(self, key: str, arrays: Arrays, facts: dict[str, Any]) -> None:
        """Keep the embeddings and per-item scores of a row, and its plain facts."""

        def write(path: Path) -> None:
            for name, array in arrays.items():
                if sparse.issparse(array):
                    sparse.save_npz(path / f"{name}.npz", array, compressed=False)
                else:
                    np.save(path / f"{name}.npy", array)
            (path / "facts.json").write_text(json.dumps(facts))

        self._store("rows", key, write)

    def has_row(self, key: str) -> bool:
        """Return whether `store_row` kept something under a key."""
        return self.folder is not None and (self.folder / "rows" / key).is_dir()

    def load_row(self, key: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Return what `store_row` kept, or None."""

        def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
            arrays: Arrays = {file.stem: np.load(file) for file in path.glob("*.npy")}
            for file in path.glob("*.npz"):
                arrays[file.stem] = sparse.csr_array(sparse.load_npz(file))
            return arrays, json.loads((path / "facts.json").read_text())

        return self._load("rows", key, read)

    def prune(self, largest: int = LARGEST) -> None:
        """Remove what was used longest ago until the cache is no larger than ``largest`` bytes."""
        if self.folder is None or not self.folder.is_dir():
            return
        entries = [entry for part in ("fits", "rows") for entry in (self.folder / part).glob("*")]
        entries.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
        total = 0
        for entry in entries:
            total += sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
            if total > largest:
                shutil.rmtree(entry, ignore_errors=True)

    def _load(self, part: str, key: str, read: Callable[[Path], Any]) -> Any:
        """Return what is kept, or None where nothing is or it is half written or damaged."""
        if self.folder is None or not (path := self.folder / part / key).is_dir():
            return None
        try:
            content = read(path)
        except (NearspaceError, OSError, ValueError, KeyError, EOFError):
            return None
        os.utime(path)
        return content

    def _store(self, part: str, key: str, write: Callable[[Path], None]) -> None:
        """Write a folder beside its place and move it there, so that no reader sees half of it."""
        if self.folder is None:
            return
        path = self.folder / part / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as beside:
            write(Path(beside))
            if path.exists():
                shutil.rmtree(path, ignore_errors=True)
            try:
                shutil.copytree(beside, f"{beside}-done")
                os.replace(f"{beside}-done", path)
            except OSError:
                shutil.rmtree(f"{beside}-done", ignore_errors=True)  # another process was first


@functools.cache  # reading the source again for every key would cost more than the key
def _code() -> str:
    """Return a digest of the source and the libraries that decide what comes out."""
    root = Path(nearspace.__file__).parent
    parts = ("data", "metrics", "nets", "learning", "encoders", "space", "judge")
    files = [file for part in parts for file in sorted((root / part).rglob("*.py"))]
    return _digest([json.dumps(versions()), *(file.read_text("utf-8") for file in files)])


def _digest(texts: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
