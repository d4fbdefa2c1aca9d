"""Standard output and error that may be closed, full, or read by nobody any more."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any

__all__ = ["Outlet", "flush", "open_what_is_closed", "outlet"]


class Outlet(io.RawIOBase):
    """What stands behind a stream: what cannot be written is dropped, and why is kept.

    So a command that has files to write goes on when nobody listens any more.

    Parameters
    ----------
    stream : text stream or None
        What it takes the place of; None where the file is closed.

    Attributes
    ----------
    error : OSError or None
        What the first write that failed said.
    """

    def __init__(self, stream: Any):
        buffer = getattr(stream, "buffer", None)
        self.stream = stream  # which closes the file once nobody has it
        self.raw: Any = getattr(buffer, "raw", buffer)  # there is no buffer under python -u
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Return that it takes bytes, always."""
        return True

    def isatty(self) -> bool:
        """Return whether it leads to a terminal."""
        return self.raw is not None and self.raw.isatty()

    def fileno(self) -> int:
        """Return the number of the file."""
        if self.raw is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.raw.fileno()

    def write(self, data: Any) -> int:
        """Write some of the bytes, or drop them all; return how many."""
        size = memoryview(data).nbytes
        if self.error is None:
            try:
                self.fileno()
                while (count := self.raw.write(data)) is None:  # others made it non-blocking
                    select.select([], [self.raw], [])
                return count
            except OSError as error:
                self.error = error
        return size


def open_what_is_closed() -> None:
    """Open the standard files that are closed, lest a file that is written later gets its number.

    What a library printed would then stand in it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def outlet(name: str) -> Outlet:
    """Put an `Outlet` behind ``sys.stdout`` or ``sys.stderr``, and return it."""
    stream = getattr(sys, name)
    made = Outlet(stream)
    if stream is None:
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(made), encoding="utf-8"))
    elif isinstance(made.raw, io.RawIOBase):  # else it is where a program that calls `main` looks
        text = io.TextIOWrapper(
            io.BufferedWriter(made), encoding=stream.encoding, errors=stream.errors,
            line_buffering=stream.line_buffering, write_through=stream.write_through,
        )  # fmt: skip
        setattr(sys, name, text)
    return made


def flush() -> None:
    """Write what waits to be written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
