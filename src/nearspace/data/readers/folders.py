"""Read a folder: files of an item each, whose subfolders are classes, or idx files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nearspace.data.kinds.kind import kind_of_file
from nearspace.data.readers.files import suffix_of
from nearspace.data.readers.idx import idx_parts, read_idx_folder
from nearspace.data.sources import SPLITS, Source, left_out
from nearspace.errors import DataError

__all__ = ["read_folder"]


def read_folder(folder: Path) -> Source:
    """Return the items of a folder: idx files read, files of an item each as paths to be read.

    Raises
    ------
    DataError
        If there is neither a file of an item nor an idx file in it.
    """
    parts = idx_parts(path for path in folder.iterdir() if path.is_file())
    if parts:
        return read_idx_folder(parts)
    files = list(_files(folder))
    kinds = Counter(kind for path in files if (kind := kind_of_file(path.name)))
    if not kinds:
        raise DataError(_no_items(folder, files))
    kind = kinds.most_common(1)[0][0]
    paths = [path for path in files if kind_of_file(path.name) is kind]
    what = f"a folder of {len(paths):,} {kind.name} files"
    source = Source(paths, folder.name or str(folder), what)
    others = [path for path in files if kind_of_file(path.name) is not kind]
    if others:
        endings = sorted({path.suffix or path.name for path in others})
        source.notes.append(
            f"{len(others)} files that are no {kind.name}s by their name were ignored "
            f"({', '.join(endings[:5])}{', …' if len(endings) > 5 else ''})."
        )
    return _with_folder_labels(
        source, kind.name, [path.relative_to(folder).parts for path in paths]
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth in order, none that is hidden, and no folder twice."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _with_folder_labels(source: Source, noun: str, parts: list[tuple[str, ...]]) -> Source:
    """Return the source with ids, labels and published split as the folders tell them."""
    source.roles["ids"] = np.array(["/".join(names) for names in parts])
    tops = [SPLITS.get(names[0].lower(), "") if len(names) > 1 else "" for names in parts]
    level = 0
    if "train" in tops and {"test", "validation"} & set(tops):
        level = 1
        source.roles["split"] = np.array(tops)
        inside = np.flatnonzero(source.roles["split"] != "")
        if len(inside) < len(parts):
            source.notes.append(
                left_out(len(parts) - len(inside), noun, "outside the folders of the split") + "."
            )
            source = source.take(inside)
            parts = [parts[index] for index in inside]
    elif set(tops) in ({"train"}, {"test"}, {"validation"}):
        level = 1
    classes = [names[level] if len(names) > level + 1 else "" for names in parts]
    if len(set(classes)) > 1:
        source.roles["labels"] = np.array(classes)
    elif classes[0]:
        source.notes.append(f"The only subfolder, '{classes[0]}', was taken for no class.")
    return source


def _no_items(folder: Path, others: list[Path]) -> str:
    if not others:
        return f"The folder {folder} is empty; expected images or idx files in it."
    readable = [path for path in others if suffix_of(path)]
    advice = f" Did you mean the file {readable[0]}?" if readable else ""
    return (
        f"No image was found among the {len(others)} files in {folder}; expected files such as "
        f".png or .jpg, or idx files.{advice}"
    )
