"""Which encoding bytes of text are in, and the line that is in none: UTF-8, or marked UTF-16 or 32.

Nothing else is guessed: of a file in a code page of old any guess reads some letters as others.
"""

from __future__ import annotations

import codecs

__all__ = ["BEGINNING", "encoding_of", "utf8_of", "why_no_utf8"]

PIECE = 2**24  # bytes that are checked at once
BEGINNING = 1000  # bytes that show whether every other one is zero
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def encoding_of(data: bytes) -> str:
    """Return the encoding of which the first bytes of a text bear the mark; else UTF-8.

    Examples
    --------
    >>> encoding_of("né".encode("utf-16")), encoding_of(b"near")
    ('utf-16', 'utf-8')
    """
    for mark, name in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return name
    start = data[:BEGINNING]
    if 0.3 * len(start) < start.count(0) < 0.7 * len(start):  # every other byte of plain text
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    return "utf-8"


def utf8_of(data: bytes) -> bytes:
    r"""Return a text in UTF-8 without a mark.

    Raises
    ------
    ValueError
        If it is in no encoding that is known; which line is not, in words that follow ``is``.

    Examples
    --------
    >>> utf8_of("né".encode("utf-16")).decode()
    'né'
    >>> utf8_of(b"near\ncaf\xe9")
    Traceback (most recent call last):
    ValueError: not in UTF-8: line 2 holds the byte 0xe9 ('é' in Windows-1252)
    """
    encoding = encoding_of(data)
    if encoding == "utf-8-sig":
        data = data[len(codecs.BOM_UTF8) :]
    elif encoding != "utf-8":
        try:
            data = data.decode(encoding).encode()
        except UnicodeError:
            raise ValueError(f"not in {encoding[:6].upper()}, as its first bytes say") from None
    if b"\0" in data:
        raise ValueError(f"no text: line {_line(data, data.index(0))} holds a zero byte")
    if not data.isascii() and (reason := why_no_utf8(data)):
        raise ValueError(reason)
    return data


def why_no_utf8(data: bytes, first: int = 1) -> str:
    """Return which line of a text is not in UTF-8, and by which byte; empty where all are.

    The first line has the number ``first``. The whole is never in memory once more as text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), PIECE):
        waiting = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + PIECE], final=start + PIECE >= len(data))
        except UnicodeDecodeError as error:
            at = start - waiting + error.start
            return f"not in UTF-8: line {first - 1 + _line(data, at)} holds {_byte(data[at])}"
    return ""


def _line(data: bytes, at: int) -> int:
    return 1 + (data.count(b"\n", 0, at) or data.count(b"\r", 0, at))


def _byte(value: int) -> str:
    """Return what to call a byte, with the letter that it most often is."""
    letter = bytes([value]).decode("cp1252", errors="ignore")
    told = f" ('{letter}' in Windows-1252)" if letter.isalpha() else ""
    return f"the byte {value:#04x}{told}"
