"""The cache: fitted encoders, embeddings and scores on disk, found by what they were made from."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import nearspace
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import load_encoder
from nearspace.errors import NearspaceError
from nearspace.recipe import versions

__all__ = [
    "content_key",
    "has_row",
    "load_fit",
    "load_row",
    "make_key",
    "prune",
    "store_fit",
    "store_row",
]

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


def store_fit(folder: Path | None, key: str, encoder: Encoder, seconds: float) -> None:
    """Keep a fitted encoder and how long fitting took; one that cannot be saved is left out."""
    if folder is None:
        return

    def write(path: Path) -> None:
        encoder.save(path)
        (path / "seconds.json").write_text(json.dumps(seconds))

    try:
        _store(folder / "fits" / key, write)
    except NearspaceError:
        return


def load_fit(folder: Path | None, key: str) -> tuple[Encoder, float] | None:
    """Return a kept encoder and its fit seconds, or None."""
    if folder is None or not (folder / "fits" / key).is_dir():
        return None
    path = folder / "fits" / key
    try:
        found = load_encoder(path), float(json.loads((path / "seconds.json").read_text()))
    except (NearspaceError, OSError, ValueError):
        return None  # half written or damaged: fitted again
    os.utime(path)
    return found


def store_row(folder: Path | None, key: str, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Keep the embeddings and per-item scores of a row, and its plain facts."""
    if folder is None:
        return

    def write(path: Path) -> None:
        for name, array in arrays.items():
            if sparse.issparse(array):
                sparse.save_npz(path / f"{name}.npz", array, compressed=False)
            else:
                np.save(path / f"{name}.npy", array)
        (path / "facts.json").write_text(json.dumps(facts))

    _store(folder / "rows" / key, write)


def has_row(folder: Path | None, key: str) -> bool:
    """Return whether `store_row` kept something under a key."""
    return folder is not None and (folder / "rows" / key).is_dir()


def load_row(folder: Path | None, key: str) -> tuple[Arrays, dict[str, Any]] | None:
    """Return what `store_row` kept, or None."""
    if folder is None or not has_row(folder, key):
        return None
    path = folder / "rows" / key
    try:
        facts = json.loads((path / "facts.json").read_text())
        arrays: Arrays = {file.stem: np.load(file) for file in path.glob("*.npy")}
        for file in path.glob("*.npz"):
            arrays[file.stem] = sparse.csr_array(sparse.load_npz(file))
    except (OSError, ValueError, KeyError, EOFError):
        return None
    os.utime(path)
    return arrays, facts


def prune(folder: Path | None, largest: int = LARGEST) -> None:
    """Remove the entries used longest ago until the cache is no larger than ``largest`` bytes."""
    if folder is None or not folder.is_dir():
        return
    entries = [entry for part in ("fits", "rows") for entry in (folder / part).glob("*")]
    entries.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    total = 0
    for entry in entries:
        total += sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
        if total > largest:
            shutil.rmtree(entry, ignore_errors=True)


def _store(path: Path, write: Any) -> None:
    """Write a folder beside its place and move it there, so that no reader sees half of it."""
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
