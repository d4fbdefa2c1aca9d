"""What text files hold: unpacked where they are packed, in UTF-8, and no more than memory holds."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import io
import itertools
import lzma
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

from nearspace.data.encodings import encoding_of, utf8_of, why_no_utf8
from nearspace.data.members import File, open_file, size_of
from nearspace.data.memory import check_memory, free_memory
from nearspace.data.sources import Source
from nearspace.errors import DataError

__all__ = [
    "PACKED",
    "LineBlock",
    "line_blocks",
    "opened",
    "plain_name",
    "read_lines",
    "read_text",
]

PACKED: dict[str, Callable[[Any], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
PIECE = 2**24  # bytes that are unpacked at once
HEAD = 1000  # bytes that show in which encoding the others are
LONGEST_TEXT = 2**30  # characters of one text
TEXT_COPIES = 2  # of all texts that are in memory at once while they are read and checked


def plain_name(name: str) -> str:
    """Return the name of a file in small letters, without the ending of what it is packed by.

    Examples
    --------
    >>> plain_name("Iris.CSV.gz"), plain_name("a.gz.csv")
    ('iris.csv', 'a.gz.csv')
    """
    name = name.lower()
    packed = next((ending for ending in PACKED if name.endswith(ending)), "")
    return name.removesuffix(packed)


@contextlib.contextmanager
def opened(file: File) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked, for the ``with`` block."""
    with open_file(file) as plain:
        unpack = PACKED.get(file.suffix.lower())
        if unpack is None:
            yield plain
        else:
            with unpack(plain) as unpacked:
                yield unpacked


def read_text(file: File, copies: int) -> tuple[bytes, list[str]]:
    """Return the text of a file in UTF-8, and what there is to say of its encoding.

    Parameters
    ----------
    file : Path or Member
        The file, in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.
    copies : int
        How many times the text is in memory at once when it is read, so that more is refused.

    Raises
    ------
    DataError
        If it is no text, in which line, or takes more memory than is free.
    """
    data = _unpacked(file, copies)
    notes = _on_encoding(encoding_of(data))
    try:  # Arrow checks the rows that fit, and of others it prints that they are no text.
        return utf8_of(data), notes
    except ValueError as error:
        raise _no_text(file, str(error)) from None


def _on_encoding(encoding: str) -> list[str]:
    return [] if encoding.startswith("utf-8") else [f"In {encoding[:6].upper()}."]


def _no_text(file: File, reason: str) -> DataError:
    return DataError(f"{file.name} is {reason}; save it as UTF-8.")


def _unpacked(file: File, copies: int) -> bytes:
    """Return the bytes of a file, unpacked, if memory holds what is in them."""
    if file.suffix.lower() not in PACKED:
        check_memory(copies * size_of(file), file.name)
        return file.read_bytes()
    pieces, taken, free = [], 0, free_memory()
    with opened(file) as unpacked:
        while piece := unpacked.read(PIECE):
            pieces.append(piece)
            taken += len(piece)
            if copies * taken > free:
                raise DataError(
                    f"{file.name} unpacks to more than {taken / 2**30:.1f} GiB, which takes more "
                    f"memory than is free, {free / 2**30:.1f} GiB; give a part of it."
                )
    return b"".join(pieces)


def read_lines(file: File) -> Source:
    """Return the lines of a text file, each of which is an item.

    Raises
    ------
    DataError
        If none holds a text, one is too long or in no encoding that is known, or all together take
        more memory than is free.
    """
    with opened(file) as unpacked:
        encoding = encoding_of(unpacked.read(HEAD))
    lines = [line.rstrip("\n") for line in _lines(file, encoding)]
    zero = next((row for row, line in enumerate(lines) if "\0" in line), None)
    if zero is not None:
        raise _no_text(file, f"no text: line {zero + 1} holds a zero byte")
    gaps = {row: "without a text" for row, line in enumerate(lines) if not line.strip()}
    if len(gaps) == len(lines):
        raise DataError(f"{file.name} is empty; expected a text in each line.")
    source = Source(lines, file.name, "a text file, an item a line", notes=_on_encoding(encoding))
    source.roles["ids"] = np.arange(len(lines))
    return source.without(gaps, "line", "without a text")


def _lines(file: File, encoding: str) -> Iterator[str]:
    """Yield the lines of a file, of which none is too long and all together fit into memory."""
    taken, free = 0, free_memory()
    with opened(file) as unpacked, io.TextIOWrapper(unpacked, encoding) as text:
        for number in itertools.count(1):
            try:
                line = text.readline(LONGEST_TEXT + 1)
            except UnicodeError:
                raise _no_text(file, _undecoded(file, encoding)) from None
            if not line:
                return
            if len(line) > LONGEST_TEXT and not line.endswith("\n"):
                raise DataError(
                    f"{file.name}: line {number} is longer than {LONGEST_TEXT:,} characters; "
                    "expected a text in each line."
                )
            taken += TEXT_COPIES * sys.getsizeof(line)
            if taken > free:
                raise DataError(
                    f"{file.name}: its first {number:,} lines take more memory than is free, "
                    f"{free / 2**30:.1f} GiB; give a part of it."
                )
            yield line


def _undecoded(file: File, encoding: str) -> str:
    """Return which line of a file is not in its encoding, in words that follow ``is``."""
    if not encoding.startswith("utf-8"):
        return f"not in {encoding[:6].upper()}, as its first bytes say"
    with opened(file) as unpacked:
        for number, line in enumerate(unpacked, start=1):
            if reason := why_no_utf8(line, number):
                return reason
    return "not in UTF-8"


@dataclasses.dataclass(frozen=True)
class LineBlock:
    """Some lines of a text file.

    Attributes
    ----------
    lines : list of str
        Without their ends.
    first, last : int
        The number of the first, from 0, and of the one that comes after them.
    read : int
        How many bytes of the file were read.
    """

    lines: list[str]
    first: int
    last: int
    read: int


def line_blocks(file: File, first: int, wanted: Callable[[], int]) -> Iterator[LineBlock]:
    """Yield the lines of a text file from one on, as many at a time as are wanted by then.

    Raises
    ------
    DataError
        If a line is too long, or not in UTF-8; it is named.
    """
    with opened(file) as unpacked:
        read = sum(len(unpacked.readline(LONGEST_TEXT + 1)) for _ in range(first))
        number = first
        while True:
            lines: list[str] = []
            characters = 0
            while len(lines) < wanted() and characters < PIECE:
                data = unpacked.readline(LONGEST_TEXT + 1)
                if not data:
                    break
                lines.append(_decoded(data, file, number + len(lines)))
                read += len(data)
                characters += len(data)
            if not lines:
                return
            number += len(lines)
            yield LineBlock(lines, number - len(lines), number, read)


def _decoded(data: bytes, file: File, number: int) -> str:
    """Return a line as text."""
    if len(data) > LONGEST_TEXT and not data.endswith(b"\n"):
        raise DataError(
            f"{file.name}: line {number + 1} is longer than {LONGEST_TEXT:,} bytes; expected a "
            "text in each line."
        )
    try:
        return data.decode("utf-8-sig" if number == 0 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        reason = why_no_utf8(data, number + 1) or f"not in UTF-8 ({error.reason})"
        raise _no_text(file, reason) from None
