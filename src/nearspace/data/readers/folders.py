"""Read a folder: files of an item each, whose subfolders are classes, or idx files as MNIST's."""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data.arrays import empty_array
from nearspace.data.kinds.kind import Kind, kind_of_file
from nearspace.data.kinds.text import Text
from nearspace.data.members import File, open_file, size_of
from nearspace.data.readers.arrays import MOST_INFLATED
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.files import TABLES, suffix_of, unread_sound
from nearspace.data.readers.ts import read_ts, ts_parts
from nearspace.data.sources import SPLITS, Source
from nearspace.errors import DataError

__all__ = ["is_shown", "read_folder", "read_idx", "source_of_files"]

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
NAME = re.compile(r"(?:(.+)-)?(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?")
SPLIT = {"train": "train", "t10k": "test", "test": "test"}
PIECE = 2**24  # bytes that are read at once
TEXTS_A_TABLE = 10  # at least, which are items, and not notes about the tables
MOST_SIDES = 8  # of a shape, in a sentence
SYSTEMS_OWN = {"__macosx", "thumbs.db", "desktop.ini"}  # what macOS and Windows leave in folders


def read_folder(folder: Path) -> Source:
    """Return the items of a folder: idx files read, files of an item each as paths to be read.

    Raises
    ------
    DataError
        If there is neither a file of an item nor an idx file in it.
    """
    name = folder.name or str(folder)
    files = {path.relative_to(folder).parts: path for path in _files(folder)}
    source = source_of_files(files, name, "a folder")
    if source is None:
        raise DataError(_no_items(folder, [*files.values()]))
    return source


def source_of_files(files: Mapping[tuple[str, ...], File], name: str, what: str) -> Source | None:
    """Return the items in files of an item each, or in idx files; None where there are none.

    Parameters
    ----------
    files : dict of tuple of str to Path or Member
        The files by the parts of their paths: the folders they lie in, and their names.
    name, what : str
        What to call the data, and what they lie in, as ``"a folder"``.
    """
    idx = idx_parts([file for parts, file in files.items() if len(parts) == 1])
    if idx:
        return read_idx_folder(idx, name, what)
    kind = _kind_of_all([file.name for file in files.values()])
    tops = {file.name: file for parts, file in files.items() if len(parts) == 1}
    if kind is None and (series := ts_parts([*tops])):
        return _of_ts({part: tops[file] for part, file in series.items()}, name, what)
    if kind is None:
        return None
    items = {parts: file for parts, file in files.items() if kind_of_file(file.name) is kind}
    source = Source([*items.values()], name, f"{what} of {len(items):,} {kind.name} files")
    others = [file for parts, file in files.items() if parts not in items]
    if others:
        endings = sorted({file.suffix or file.name for file in others})
        are, were = ("s that are", "were") if len(others) > 1 else (" that is", "was")
        source.notes.append(
            f"{len(others):,} file{are} no {kind.name} by name {were} ignored "
            f"({', '.join(endings[:5])}{', …' if len(endings) > 5 else ''})."
        )
        unread = next(filter(None, (unread_sound(file.name) for file in others)), None)
        source.notes += [] if unread is None else [unread.strip()]
    tables = [file.name for file in others if suffix_of(file.name) in TABLES and kind is not Text]
    if len(tables) == 1:
        source.notes.append(
            f"{tables[0]} beside them may say what they are: where a column names the files, give "
            "it as the data, with that column as column=."
        )
    return _with_folder_labels(source, kind.name, [*items])


def _of_ts(files: dict[str, File], name: str, what: str) -> Source:
    """Return the series of one .ts file, or of two that are the parts of a published split."""
    parts = []
    for file in files.values():
        with told_of_file(file.name):
            parts.append(read_ts(file))
    channels = {part.items[0].shape[0] for part in parts}
    if len(channels) > 1:
        raise DataError(f"{name}: its .ts files have {min(channels)} and {max(channels)} channels.")
    source = Source([item for part in parts for item in part.items], name, f"{what} of .ts files")
    source.kind = parts[0].kind
    source.notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    counts = [len(part) for part in parts]
    if all("labels" in part.roles for part in parts):
        source.roles["labels"] = np.concatenate([part.roles["labels"] for part in parts])
    if len(parts) == 1:
        source.roles["ids"] = parts[0].roles["ids"]
        return source
    source.roles["split"] = np.repeat([*files], counts)
    ids = [f"{part}/{at}" for part, n in zip(files, counts, strict=True) for at in range(n)]
    source.roles["ids"] = np.array(ids)
    return source


def _kind_of_all(names: list[str]) -> type[Kind] | None:
    """Return the kind of which most files hold an item each.

    Texts may stand beside items and tables as captions, lists and notes: they are items where
    nothing else is, and tables are few.
    """
    kinds = Counter(kind for name in names if (kind := kind_of_file(name)))
    texts = kinds.pop(Text, 0)
    if kinds:
        return kinds.most_common(1)[0][0]
    tables = sum(suffix_of(name) in (*TABLES, ".ts") for name in names)
    return Text if texts > max(1, TEXTS_A_TABLE * tables) else None


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth in order, none that is hidden, and no folder twice."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(filter(is_shown, folders))
        yield from (Path(root, name) for name in sorted(filter(is_shown, names)))


def is_shown(name: str) -> bool:
    """Return whether a file or folder is one of the user's, and none that a system put there."""
    return not name.startswith(".") and name.lower() not in SYSTEMS_OWN


def _with_folder_labels(source: Source, noun: str, parts: list[tuple[str, ...]]) -> Source:
    """Return the source with ids, labels and published split as the folders tell them."""
    source.roles["ids"] = source.names = np.array(["/".join(names) for names in parts])
    tops = [SPLITS.get(names[0].lower(), "") if len(names) > 1 else "" for names in parts]
    is_split = "train" in tops and bool({"test", "validation"} & set(tops))
    if is_split:
        source.roles["split"] = np.array(tops)
        if outside := tops.count(""):
            source.notes.append(
                f"{outside:,} {noun}{'s' * (outside > 1)} outside the folders of the split belong "
                "to no part of it, and have no label."
            )
    if is_split or set(tops) in ({"train"}, {"test"}, {"validation"}):
        classes = [
            names[1] if top and len(names) > 2 else ""
            for names, top in zip(parts, tops, strict=True)
        ]
    else:
        classes = [names[0] if len(names) > 1 else "" for names in parts]
    if any(classes):
        source.roles["labels"] = np.array(classes)
        if len(set(classes)) == 1:
            source.notes.append(f"The only subfolder, '{classes[0]}', is the class of all.")
        source.notes += _flat_parts(tops, classes, parts)
    return source


def _flat_parts(tops: list[str], classes: list[str], parts: list[tuple[str, ...]]) -> list[str]:
    """Say which parts of a published split hold no subfolder of a class, unlike another part."""
    labelled = {top for top, of in zip(tops, classes, strict=True) if of}
    folders = {names[0]: top for names, top in zip(parts, tops, strict=True) if top}
    return [
        f"The files in {folder}/ lie in no subfolder of a class, unlike those of another part: "
        f"expected {folder}/<class>/; they have no label."
        for folder, top in folders.items()
        if top not in labelled
    ]


def _no_items(folder: Path, others: list[Path]) -> str:
    if not others:
        return f"The folder {folder} is empty; expected files of an item each, or idx files, in it."
    readable = [path for path in others if suffix_of(path.name)]
    packed = next(filter(None, (unread_sound(path.name) for path in others)), None)
    advice = f" Did you mean the file {readable[0]}?" if readable else packed or ""
    return (
        f"No items were found among the {len(others)} file{'s' * (len(others) > 1)} in {folder}; "
        "expected images (.png, .jpg), sounds (.wav, .flac, .mp3) or texts (.txt, .md), a file "
        f"each, or idx files.{advice}"
    )


def read_idx(path: File) -> np.ndarray:
    """Return the array in an idx file, gzipped or not.

    Raises
    ------
    DataError
        If the file is no idx file, or is longer or shorter than its header says.
    """
    nbytes = size_of(path)
    with told_of_file(path.name), open_file(path) as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        with gzip.open(plain) if zipped else plain as file:
            shape, dtype = _idx_header(file, path.name)
            declared = math.prod(shape) * dtype.itemsize
            most = MOST_INFLATED * nbytes if zipped else nbytes
            if declared > most:
                raise DataError(
                    f"{path.name}: its header says shape {_words(shape)}, more than can be in a "
                    f"file of {nbytes:,} bytes; fetch it again."
                )
            array = empty_array(shape, dtype)
            there = _filled(array, file)
            if there != declared or file.read(1):
                follow = f"{there:,}" if there < declared else "more"
                raise DataError(
                    f"{path.name}: its header says shape {_words(shape)}, {declared:,} bytes, but "
                    f"{follow} follow; fetch it again."
                )
    if dtype.isnative or dtype.itemsize == 1:
        return array.view(dtype.newbyteorder("="))
    return array.byteswap(inplace=True).view(dtype.newbyteorder("="))


def _idx_header(file: Any, who: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and the dtype of an idx file, which has been opened."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not magic[3]:
        raise DataError(f"{who} is no idx file: its first bytes are {magic!r}.")
    rank = magic[3]
    sides = file.read(4 * rank)
    if len(sides) < 4 * rank:
        raise DataError(f"{who} ends within its header; fetch it again.")
    return struct.unpack(f">{rank}I", sides), np.dtype(DTYPES[magic[2]])


def _filled(array: np.ndarray, file: Any) -> int:
    """Fill an array from an open file in pieces; return how many bytes there were."""
    room, there = array.reshape(-1).view(np.uint8).data, 0
    while there < len(room):
        count = file.readinto(room[there : there + PIECE])
        if not count:
            break
        there += count
    return there


def _words(shape: tuple[int, ...]) -> str:
    """Return a shape as text, that of a hostile header shortened."""
    return str(shape) if len(shape) <= MOST_SIDES else f"of {len(shape)} sides"


def idx_parts(paths: Sequence[File]) -> dict[tuple[str, str], File]:
    """Return the idx files by part: ``("train", "images")`` or ``("test", "labels")``.

    Raises
    ------
    DataError
        If two data sets lie in one folder.
    """
    parts: dict[tuple[str, str], File] = {}
    for path in sorted(paths, key=lambda path: path.name):
        match = NAME.fullmatch(path.name)
        if match is None:
            continue
        part = (SPLIT[match[2]], match[3])
        # The file and the same file gzipped: the first in order, which is not, is read.
        if part in parts and path.name.removesuffix(".gz") != parts[part].name:
            raise DataError(
                f"{parts[part].name} and {path.name} lie in one folder: put each data set into a "
                "folder of its own."
            )
        parts.setdefault(part, path)
    return {part: path for part, path in parts.items() if (part[0], "images") in parts}


def read_idx_folder(parts: dict[tuple[str, str], File], name: str, what: str) -> Source:
    """Return the parts that `idx_parts` found, training items first."""
    splits = [split for split in ("train", "test") if (split, "images") in parts]
    images = [read_idx(parts[split, "images"]) for split in splits]
    labels = [read_idx(parts[split, "labels"]) for split in splits if (split, "labels") in parts]
    if labels and len(labels) < len(images):
        missing = next(split for split in splits if (split, "labels") not in parts)
        raise DataError(
            f"{parts[missing, 'images'].name} has no file of labels beside it, unlike the other "
            "part; add it, or remove the other's."
        )
    for half, part, names in zip(splits, images, labels, strict=False):
        if len(part) != len(names):
            raise DataError(
                f"{parts[half, 'labels'].name} holds {len(names)} labels, but "
                f"{parts[half, 'images'].name} {len(part)} images."
            )
    if len({part.shape[1:] for part in images}) > 1:
        raise DataError(f"{parts['test', 'images'].name}: its images differ in size from training.")
    counts = [len(part) for part in images]
    ids = [f"{half}/{row}" for half, n in zip(splits, counts, strict=True) for row in range(n)]
    source = Source(_one_array(images), name, f"{what} of idx files", {"ids": np.array(ids)})
    if labels:
        whole = all(each.dtype.kind in "iu" for each in labels)
        source.roles["labels"] = np.concatenate(labels).astype(np.int64 if whole else np.float64)
    if len(splits) > 1:
        source.roles["split"] = np.repeat(splits, counts)
    return source


def _one_array(parts: list[np.ndarray]) -> np.ndarray:
    """Return arrays of items as one."""
    if len(parts) == 1:
        return parts[0]
    shape = (sum(map(len, parts)), *parts[0].shape[1:])
    return np.concatenate(parts, out=empty_array(shape, np.result_type(*parts)))
