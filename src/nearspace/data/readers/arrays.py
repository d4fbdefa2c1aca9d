"""Arrays of NumPy in .npy files and .npz archives: what they declare is checked before it is read.

Nothing is ever unpickled.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nearspace.data.arrays import ON_DISK_BYTES
from nearspace.data.memory import check_memory, free_memory
from nearspace.data.readers.failures import told_of_file
from nearspace.data.sources import check_names
from nearspace.errors import DataError

__all__ = ["MOST_INFLATED", "Archive", "open_archive", "read_array"]

MAGIC = b"\x93NUMPY"
# DEFLATE makes at most so many bytes of one; whatever declares more is no honest file.
MOST_INFLATED = 1032
PIECE = 2**24  # bytes that are unpacked at once


def read_array(path: Path) -> np.ndarray:
    """Return the array in an ``.npy`` file; a large one stays on disk, and is not changed.

    Raises
    ------
    DataError
        If the file holds no array, one of Python objects, or more or less than its header says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/a.npy", np.eye(2))
    ...     read_array(Path(folder) / "a.npy").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    nbytes = path.stat().st_size
    with told_of_file(path.name), path.open("rb") as file:
        shape, order, dtype = _header(file, nbytes, path.name)
        if nbytes > ON_DISK_BYTES:
            # Of what may be written, and is a copy then, no more is given out than memory holds.
            mode: Literal["c", "r"] = "c" if nbytes < free_memory() else "r"
            return np.memmap(path, dtype, mode, file.tell(), shape, order)
        return np.fromfile(file, dtype).reshape(shape, order=order)


def _header(
    file: Any, nbytes: int, who: str
) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype]:
    """Return shape, order and dtype of an array in an open file of so many bytes.

    Raises
    ------
    DataError
        If it is none that can be read, or takes another number of bytes than there are.
    """
    magic = file.read(len(MAGIC) + 2)
    if magic[: len(MAGIC)] != MAGIC:
        raise DataError(f"{who} is no .npy file: its first bytes are {magic[: len(MAGIC)]!r}.")
    # Version 3 differs from 2 by names of fields that Latin-1 has no letters for.
    read = np.lib.format.read_array_header_1_0
    read = read if magic[-2] == 1 else np.lib.format.read_array_header_2_0
    wrong = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that Python 2 has written it
            shape, fortran, dtype = read(file)
    # It is cut, parsed and evaluated as Python, and each of these has errors of its own.
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}".split("\n")[0][:100].rstrip(".: ")
    if wrong:
        raise DataError(
            f"{who} has a header that is none of an .npy file ({wrong}); save the array again."
        )
    if dtype.hasobject:
        raise DataError(
            f"{who} holds pickled Python objects, which are never loaded; save it as an array of "
            "numbers or of fixed-width text."
        )
    declared, there = math.prod(shape) * dtype.itemsize, nbytes - file.tell()
    if min(shape, default=0) < 0 or declared != there or not dtype.itemsize:
        raise DataError(
            f"{who} is truncated or damaged: its header says {dtype} of shape {_words(shape)}, "
            f"{_words(declared)} bytes, but {there} follow; save the array again, alone in a file."
        )
    return shape, "F" if fortran else "C", dtype


def _words(value: object) -> str:
    """Return a shape or a size as text, that of a hostile header shortened."""
    text = str(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


class Archive:
    """An open ``.npz`` archive, of which arrays are read by name; see `open_archive`.

    Parameters
    ----------
    path : Path
        The file.
    members : dict of str to ZipInfo
        What is in it, by the name of the array.
    zipped : ZipFile
        The file, open.
    """

    def __init__(self, path: Path, members: dict[str, zipfile.ZipInfo], zipped: zipfile.ZipFile):
        self.path = path
        self.members = members
        self.zipped = zipped

    @property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return [*self.members]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array, of which no more than the header is read."""
        with self._opened(name) as (_, header):
            return header[0]

    def read(self, name: str) -> np.ndarray:
        """Return an array.

        Raises
        ------
        DataError
            If there is none of that name, it is none that can be read, or it is too large.
        """
        with self._opened(name) as (file, (shape, order, dtype)):
            check_memory(math.prod(shape) * dtype.itemsize, self._who(name))
            array = np.empty(math.prod(shape), dtype)
            room = array.view(np.uint8).data
            for start in range(0, len(room), PIECE):
                piece = room[start : start + PIECE]
                if file.readinto(piece) != len(piece):
                    raise EOFError("it ends before its time")
            file.read(1)  # the end, where the checksum is compared
        return array.reshape(shape, order=order)

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        """Open an array, read its header, and say what goes wrong with it."""
        check_names(self.path.name, "array", [name], self.names)
        who, member = self._who(name), self.members[name]
        stored = member.compress_type == zipfile.ZIP_STORED
        most = member.compress_size * (1 if stored else MOST_INFLATED)
        if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and (
            member.file_size > most
        ):
            raise DataError(
                f"{who} is said to take {member.file_size:,} bytes, and cannot be in the "
                f"{member.compress_size:,} that are there; save the archive again."
            )
        with told_of_file(who), self.zipped.open(member) as file:
            yield file, _header(file, member.file_size, who)

    def _who(self, name: str) -> str:
        return f"{self.path.name}: the array '{name}'"


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an ``.npz`` archive for the ``with`` block.

    Raises
    ------
    DataError
        If the file is no such archive.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.npz"
    ...     np.savez_compressed(path, x=np.eye(2), y=[1, 2])
    ...     with open_archive(path) as archive:
    ...         archive.names, archive.shape("x"), archive.read("y").tolist()
    (['x', 'y'], (2, 2), [1, 2])
    """
    with told_of_file(path.name):
        if not zipfile.is_zipfile(path):
            raise DataError(f"{path.name} is no .npz archive, or a truncated one.")
        with zipfile.ZipFile(path) as zipped:
            members = {each.filename.removesuffix(".npy"): each for each in zipped.infolist()}
            yield Archive(path, members, zipped)
