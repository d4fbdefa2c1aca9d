"""Read a folder: image files, whose subfolders are classes, or idx files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nearspace.data.files import IMAGE_NAME, suffix_of
from nearspace.data.idx import idx_parts, read_idx_folder
from nearspace.data.sources import SPLITS, Source, left_out
from nearspace.errors import DataError

__all__ = ["read_folder"]


def read_folder(folder: Path) -> Source:
    """Return the images of a folder: idx files read, image files as paths still to be decoded.

    Raises
    ------
    DataError
        If there is neither an image nor an idx file in it.
    """
    parts = idx_parts(path for path in folder.iterdir() if path.is_file())
    if parts:
        found = read_idx_folder(parts)
        roles = {"labels": found.labels, "split": found.split, "ids": found.ids}
        known = {role: values for role, values in roles.items() if values is not None}
        return Source(found.images, folder.name, "a folder of idx files", known)
    paths: list[Path] = []
    others: list[Path] = []
    for path in _files(folder):
        (paths if IMAGE_NAME.fullmatch(path.name) else others).append(path)
    if not paths:
        raise DataError(_no_images(folder, others))
    source = Source(paths, folder.name or str(folder), f"a folder of {len(paths):,} image files")
    if others:
        endings = sorted({path.suffix or path.name for path in others})
        source.notes.append(
            f"{len(others)} files that are no images by their name were ignored "
            f"({', '.join(endings[:5])}{', …' if len(endings) > 5 else ''})."
        )
    return _with_folder_labels(source, [path.relative_to(folder).parts for path in paths])


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


def _with_folder_labels(source: Source, parts: list[tuple[str, ...]]) -> Source:
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
                left_out(len(parts) - len(inside), "image", "outside the folders of the split")
                + "."
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


def _no_images(folder: Path, others: list[Path]) -> str:
    if not others:
        return f"The folder {folder} is empty; expected images or idx files in it."
    known = [path for path in others if suffix_of(path)]
    advice = f" Did you mean the file {known[0]}?" if known else ""
    return (
        f"No image was found among the {len(others)} files in {folder}; expected files such as "
        f".png or .jpg, or idx files.{advice}"
    )
