"""`Member`: a file inside an archive, which is read as a file of its own is."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

__all__ = ["FILES", "File", "Member", "open_file", "size_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """A file inside an archive, with what readers ask of a `Path`.

    Attributes
    ----------
    path : PurePosixPath
        Where it lies in the archive.
    size : int
        How many bytes it has.
    read_bytes : callable
        Returns them; what is wrong with them it raises as `OSError`, `ValueError` and the like.

    Examples
    --------
    >>> member = Member(PurePosixPath("cats/1.png"), 3, lambda: b"abc")
    >>> member.name, member.suffix, open_file(member).read()
    ('1.png', '.png', b'abc')
    """

    path: PurePosixPath
    size: int
    read_bytes: Callable[[], bytes] = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.name

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return self.path.suffix


File: TypeAlias = Path | Member
FILES = (Path, Member)


def open_file(file: File) -> IO[bytes]:
    """Return a file opened for reading; one inside an archive is in memory then."""
    return io.BytesIO(file.read_bytes()) if isinstance(file, Member) else file.open("rb")


def size_of(file: File) -> int:
    """Return how many bytes a file has."""
    return file.size if isinstance(file, Member) else file.stat().st_size
