"""What text files hold: unpacked where they are packed, in UTF-8, and no more than memory holds."""

from __future__ import annotations

import bz2
import codecs
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
LONGEST_TEXT = 2**30  # characters of one text
TEXT_COPIES = 2  # of all texts that are in memory at once while they are read and checked
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


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
        If it is no text, or takes more memory than is free.
    """
    data = _unpacked(file, copies)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "")
    if not encoding and data[:1000].count(0) > 0.3 * len(data[:1000]):
        # Every other byte of plain text is zero.
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if encoding:
        data = data.decode(encoding).encode()
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataError(
            f"{file.name} is no text: line {line} holds a zero byte; write the file again."
        )
    # Arrow checks the rows that fit, and of others it prints that they are no text.
    if not data.isascii():
        _check_utf8(data, file)
    notes = [] if encoding in ("", "utf-8-sig") else [f"In {encoding[:6].upper()}."]
    return data, notes


def _check_utf8(data: bytes, file: File) -> None:
    """Raise if a byte is none of UTF-8; the whole is never in memory as text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), PIECE):
        waiting = len(decoder.getstate()[0])
        piece = data[start : start + PIECE]
        try:
            decoder.decode(piece, final=start + PIECE >= len(data))
        except UnicodeDecodeError as error:
            at = start - waiting + error.start
            raise DataError(
                f"{file.name} is not in UTF-8: byte {at} is {data[at]:#04x}; save it as UTF-8."
            ) from None


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
        If none holds a text, one is too long, or all together take more memory than is free.
    """
    lines = [line.rstrip("\n") for line in _lines(file)]
    gaps = {row: "without a text" for row, line in enumerate(lines) if not line.strip()}
    if len(gaps) == len(lines):
        raise DataError(f"{file.name} is empty; expected a text in each line.")
    source = Source(lines, file.name, "a text file, an item a line")
    source.roles["ids"] = np.arange(len(lines))
    return source.without(gaps, "line", "without a text")


def _lines(file: File) -> Iterator[str]:
    """Yield the lines of a file, of which none is too long and all together fit into memory."""
    taken, free = 0, free_memory()
    with opened(file) as unpacked, io.TextIOWrapper(unpacked, encoding="utf-8-sig") as text:
        for number in itertools.count(1):
            line = text.readline(LONGEST_TEXT + 1)
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
        raise DataError(
            f"{file.name}: line {number + 1} is not in UTF-8: byte {error.start} of it is "
            f"{data[error.start]:#04x}; save the file as UTF-8."
        ) from None
