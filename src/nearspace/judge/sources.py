"""What code made a result: the source and the libraries that figures depend on."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import re
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nearspace
from nearspace.recipe import versions

__all__ = ["digest_of", "foreign_code", "own_code"]

LAYERS = ("data", "metrics", "nets", "learning", "encoders", "space", "judge")
# Packages whose version is in the digest of nearspace's own code, or comes with Python's.
COVERED = {"nearspace", "sklearn", *sys.stdlib_module_names}


def digest_of(texts: Iterable[str]) -> str:
    """Return 32 hexadecimal digits that change with any of some texts, or their order."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()


@functools.cache  # reading the source again for every key would cost more than the key
def own_code() -> str:
    """Return a digest of nearspace's source, and of the versions of what it depends on."""
    root = Path(nearspace.__file__).parent
    files = [file for layer in LAYERS for file in sorted((root / layer).rglob("*.py"))]
    told = sorted({**_dependencies(), **versions()}.items())
    return digest_of([repr(told), *(file.read_text("utf-8") for file in files)])


def foreign_code(made: Iterable[Any]) -> str:
    """Return a digest of the packages outside nearspace that classes and functions come from.

    What is added to nearspace, such as an encoder of one's own, changes without its name. Code that
    stands in no file, as in a notebook, is like none of an earlier run.

    Examples
    --------
    >>> from nearspace.encoders.linear import PCA
    >>> foreign_code([PCA, len]) == foreign_code([])
    True
    """
    classes = [c for each in made for c in (each.__mro__ if isinstance(each, type) else (each,))]
    packages = {str(getattr(each, "__module__", "")).partition(".")[0] for each in classes}
    return digest_of(_source(package) for package in sorted(packages - COVERED))


@functools.cache
def _source(package: str) -> str:
    """Return a digest of all source of a package, or of the one file that it is."""
    module = sys.modules.get(package)
    roots = getattr(module, "__path__", ())
    files = sorted(file for root in roots for file in Path(root).rglob("*.py"))
    files = files or [Path(path) for path in [getattr(module, "__file__", None)] if path]
    texts = []
    with contextlib.suppress(OSError):
        texts = [file.read_text("utf-8", "replace") for file in files]
    return digest_of([package, *(texts or [secrets.token_hex()])])


def _dependencies() -> dict[str, str]:
    """Return the versions of what nearspace says that it needs, or can use; "" of what is not."""
    try:
        lines = importlib.metadata.requires("nearspace") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    names = {name.group() for line in lines if (name := re.match(r"[\w.-]+", line))}
    return {name: _version(name) for name in sorted(names)}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
