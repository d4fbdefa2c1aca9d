"""Archives, .zip and .tar: their members are read as the files of a folder are, none is unpacked.

A name only becomes an id and a label: no file is ever written by it.
"""

from __future__ import annotations

import dataclasses
import itertools
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nearspace.data.kinds.kind import kind_of_file
from nearspace.data.kinds.text import Text
from nearspace.data.members import Member
from nearspace.data.memory import check_memory, free_memory
from nearspace.data.readers.arrays import MOST_INFLATED
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.files import ARCHIVES, TABLES, read_file, suffix_of
from nearspace.data.readers.folders import is_shown, source_of_files
from nearspace.data.readers.texts import PACKED
from nearspace.data.sources import Asked, Source, left_out, no_names
from nearspace.errors import DataError

__all__ = ["is_archive", "read_archive"]

BLOCK = 512  # bytes, in which a tar archive is written
LONGEST_HEADER = 2**20  # bytes of what a tar archive says of one member
SHARE = 2  # of the memory that is free the part that members may take that wait in it
NAMED = 5  # members, in a sentence
SMALL = 2**20  # bytes of a member, for which nobody asks how much memory is free
SHORT = {".tgz": ".gz", ".tbz2": ".bz2", ".txz": ".xz"}


@dataclasses.dataclass
class _Contents:
    """The files in an archive by the parts of their paths, and what else was in it."""

    files: dict[tuple[str, ...], Member] = dataclasses.field(default_factory=dict)
    again: int = 0
    links: int = 0
    outside: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)

    def place(self, name: str) -> tuple[str, ...] | None:
        """Return the parts of a path where it is one of the user's files; else None."""
        if "/" not in name:
            name = name.replace("\\", "/")
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or (parts and parts[0].endswith(":")):
            self.outside += 1
            return None
        return parts if parts and all(map(is_shown, parts)) else None

    def add(self, parts: tuple[str, ...], size: int, read: Any) -> None:
        """Add a file, in place of one of the same path."""
        self.again += parts in self.files
        self.files[parts] = Member(PurePosixPath(*parts), size, read)

    def said(self) -> list[str]:
        """Return what there is to say beside the files."""
        told = [
            left_out(count, "member", rest)
            for count, rest in (
                (self.links, "without own bytes, such as links,"),
                (self.outside, "with a path that leads out of the archive"),
                (self.again, "written once more later"),
            )
            if count
        ]
        return [*told, *self.notes]


def is_archive(name: str) -> bool:
    """Return whether a file is an archive by the ending of its name.

    Examples
    --------
    >>> is_archive("pictures.ZIP"), is_archive("pictures.tar.gz"), is_archive("a.csv.gz")
    (True, True, False)
    """
    return name.lower().endswith(ARCHIVES)


def read_archive(path: Path, asked: Asked) -> Source:
    """Return what an archive holds: files of an item each, as in a folder, idx files, or one table.

    Folders in which all of it lies are no part of the paths.

    Parameters
    ----------
    path : Path
        The archive.
    asked : Asked
        How a table in it is to be read.

    Raises
    ------
    DataError
        If it is encrypted, damaged or declares more than it can hold, or there is nothing in it
        that can be read.
    """
    with told_of_file(path.name):
        contents = _of_zip(path) if path.name.lower().endswith(".zip") else _of_tar(path)
    root, files = _without_root(contents.files)
    source = source_of_files(files, path.name, "an archive")
    if source is not None:
        no_names(f"The archive {path.name}", asked)
        if root:
            source.notes.append(f"All lie in {'/'.join(root)}/, which is no part of the ids.")
    else:
        source = read_file(_only_table(path, [*files.values()]), asked)
        source.notes.insert(0, f"It is {source.name} in the archive.")
        source.name = path.name
        source.notes += _beside_the_table([*files.values()])
    source.notes += contents.said()
    return source


def _without_root(
    files: Mapping[tuple[str, ...], Member],
) -> tuple[tuple[str, ...], dict[tuple[str, ...], Member]]:
    """Return the folder in which all items lie, and the files by their paths within it.

    It is that of the archive, as the folder itself is where one is given; what lies beside it,
    notes and lists, is no item.
    """
    items = [parts for parts in files if kind_of_file(parts[-1]) not in (None, Text)] or [*files]
    first, last = min(items, default=()), max(items, default=())  # all others lie between them
    pairs = zip(first[:-1], last[:-1], strict=False)
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
    root = tuple(part for part, _ in alike)
    places = {
        parts[len(root) :] if parts[: len(root)] == root else parts: file
        for parts, file in files.items()
    }
    return root, dict(sorted(places.items()))


def _only_table(path: Path, files: list[Member]) -> Member:
    """Return the table, or the file of texts, that is the only one in an archive."""
    readable = [file for file in files if suffix_of(file.name) in TABLES]
    readable = readable or [file for file in files if suffix_of(file.name)]
    if len(readable) == 1 and suffix_of(readable[0].name) not in (".npy", ".npz"):
        return readable[0]
    if readable:
        some = ", ".join(str(file.path) for file in readable[:NAMED])
        more = f" and {len(readable) - NAMED:,} more" if len(readable) > NAMED else ""
        raise DataError(
            f"{path.name} holds {some}{more}; unpack it, and give the file that is meant."
        )
    if not files:
        raise DataError(f"{path.name} is empty; expected images, sounds, texts or a table in it.")
    endings = sorted({file.suffix or file.name for file in files})
    nested = any(is_archive(file.name) for file in files)
    hint = "archives within it are not opened, unpack it" if nested else "give what is meant"
    raise DataError(
        f"{path.name} holds no images, sounds, texts or table among its {len(files):,} files "
        f"({', '.join(endings[:NAMED])}{', …' if len(endings) > NAMED else ''}); {hint}."
    )


def _beside_the_table(files: list[Member]) -> list[str]:
    """Say which arrays lie beside the one table of an archive, and are not read."""
    arrays = [str(file.path) for file in files if suffix_of(file.name) in (".npy", ".npz")]
    if not arrays:
        return []
    return [
        f"Beside the table arrays were ignored ({', '.join(arrays[:NAMED])}"
        f"{', …' * (len(arrays) > NAMED)}): unpack the archive to read them."
    ]


def _is_read(name: str) -> bool:
    """Return whether a file of a name may be read, which is all that needs to be kept of it."""
    return kind_of_file(name) is not None or bool(suffix_of(name)) or "-ubyte" in name


def _of_zip(path: Path) -> _Contents:
    """Return what is in a .zip archive, which stays open as long as one of its members is."""
    zipped, contents = zipfile.ZipFile(path), _Contents()
    for info in zipped.infolist():
        parts = None if info.filename.endswith("/") else contents.place(info.filename)
        if parts is None:
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            contents.links += 1
        elif info.flag_bits & 1:
            raise DataError(
                f"{path.name} is encrypted ({info.filename}); unpack it with its password, and "
                "give what was in it."
            )
        else:
            contents.add(parts, info.file_size, partial(_inflated, zipped, info))
    return contents


def _inflated(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member, as many as are declared, if so many can be in it."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{info.filename} is packed by a method that is not known here ({info.compress_type}); "
            "pack it anew, as is usual"
        )
    stored = info.compress_type == zipfile.ZIP_STORED
    if info.file_size > info.compress_size * (1 if stored else MOST_INFLATED):
        raise DataError(
            f"{info.filename} is said to take {info.file_size:,} bytes, and cannot be in the "
            f"{info.compress_size:,} that are there"
        )
    if info.file_size > SMALL:
        check_memory(info.file_size, info.filename)
    with told_of_file(info.filename), zipped.open(info) as file:
        data = file.read(info.file_size)
        if len(data) < info.file_size:
            raise EOFError("it ends before its time")
        file.read(1)  # the end, where the checksum is compared
    return data


class _Headers:
    """What `tarfile` reads of an archive: headers, of which none is long, one after the other."""

    def __init__(self, file: IO[bytes]):
        self.file = file

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise ValueError(f"a header of {size:,} bytes")
        return self.file.read(size)

    def seek(self, place: int) -> None:
        if place < self.file.tell() - BLOCK:
            raise ValueError("its members lie one over the other")
        self.file.seek(place)

    def tell(self) -> int:
        return self.file.tell()


def _of_tar(path: Path) -> _Contents:
    """Return what is in a .tar archive; of a packed one the members that are read are in memory."""
    contents, taken, free = _Contents(), 0, free_memory() // SHARE
    ending = path.suffix.lower()
    unpack = PACKED.get(SHORT.get(ending, ending))
    with (
        path.open("rb") as plain,
        unpack(plain) if unpack else nullcontext(plain) as file,
        tarfile.open(fileobj=_Headers(file), mode="r:") as tar,  # type: ignore[call-overload]
    ):
        for info in tar:
            tar.members = []  # which it would keep
            if info.size < 0:
                raise ValueError(f"a member of {info.size} bytes")
            parts = None if info.isdir() else contents.place(info.name)
            if parts is None:
                continue
            if not info.isreg() or info.issparse():
                contents.links += 1
                continue
            read = partial(_piece, path, info.offset_data, info.size)
            if unpack and _is_read(parts[-1]):
                taken += info.size
                if taken > free:
                    raise DataError(
                        f"{path.name} unpacks to more than {taken / 2**30:.1f} GiB, which takes "
                        "more memory than is free; unpack it, and give the folder."
                    )
                read = partial(bytes, _whole(file, info.offset_data, info.size))
            contents.add(parts, info.size, read)
        _check_end(file, tar.offset, contents)
    return contents


def _whole(file: IO[bytes], start: int, size: int) -> bytes:
    """Return so many bytes of an open file."""
    file.seek(start)
    pieces, left = [], size
    while left and (piece := file.read(min(left, 2**24))):
        pieces.append(piece)
        left -= len(piece)
    if left:
        raise EOFError("it ends before its time")
    return b"".join(pieces)


def _piece(path: Path, start: int, size: int) -> bytes:
    """Return so many bytes of a file."""
    with told_of_file(path.name), path.open("rb") as file:
        return _whole(file, start, size)


def _check_end(file: IO[bytes], place: int, contents: _Contents) -> None:
    """Raise where members follow that `tarfile` passes over, since the header of one is damaged."""
    file.seek(place)
    rest = file.read(BLOCK)
    if rest.strip(b"\0"):
        raise ValueError(f"what follows its first {len(contents.files):,} files is no header")
    if not rest:
        contents.notes.append("It ends without the mark of its end, and may have been cut off.")
    file.read(2**24)  # the end of what is packed, where the checksum is compared
