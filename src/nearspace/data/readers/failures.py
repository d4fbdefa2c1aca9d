"""What libraries raise of a file that is damaged, or made to harm, as one sentence about it."""

from __future__ import annotations

import contextlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from nearspace.data.memory import told_of_memory
from nearspace.errors import DataError, NearspaceError

__all__ = ["told_of_file"]

# Errors of pandas, pyarrow and json are ValueErrors. A zip that is encrypted is a RuntimeError, as
# are a method that is not known and nesting that is too deep; a number too large for C is an
# ArithmeticError.
UNREADABLE = (
    OSError, EOFError, ValueError, RuntimeError, ArithmeticError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip
SHOWN = 200  # characters of what a library says


@contextlib.contextmanager
def told_of_file(who: str) -> Iterator[None]:
    """Say what goes wrong with a file inside the ``with`` block in a sentence about it.

    Parameters
    ----------
    who : str
        The file, with which the sentence begins.

    Examples
    --------
    >>> with told_of_file("a.npz"):  # doctest: +ELLIPSIS
    ...     raise RuntimeError("File 'x.npy' is encrypted")
    Traceback (most recent call last):
        ...
    nearspace.errors.DataError: a.npz is damaged, ... what its name says: File 'x.npy' is encrypted.
    """
    try:
        with told_of_memory(who):
            yield
    except NearspaceError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(
            f"{who} is not in UTF-8: byte {error.start} is {error.object[error.start]:#04x}; "
            "save it as UTF-8."
        ) from None
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{who} cannot be read: {error.strerror}.") from None
        reason = str(error).strip().split("\n")[0][:SHOWN].rstrip(".") or type(error).__name__
        raise DataError(
            f"{who} is damaged, truncated or not what its name says: {reason}."
        ) from None
