"""Images as PNG files, named by ids that may be anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from nearspace.data import Image
from nearspace.errors import NearspaceError

__all__ = ["file_names", "write_pngs"]

LONGEST = 50  # letters of one part of a name, each of which may take four bytes
DEEPEST = 8  # folders
PICTURES = re.compile(r"\.(png|jpe?g|webp|gif|bmp|tiff?)$", re.IGNORECASE)
# What a name cannot hold on some system or other: Windows has the longest list.
FORBIDDEN = re.compile(r'[<>:"\\|?*]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def file_names(ids: Iterable[object]) -> list[PurePosixPath]:
    """Return a relative path for each id: none leads out of its folder, and no two are alike.

    Slashes make folders; whatever else a file's name cannot hold becomes ``_``. A number is added
    to what would be the same as another, on systems too that do not tell large letters from small.

    Examples
    --------
    >>> [str(name) for name in file_names(["cat/1.jpg", "cat/1.png", "../../etc/passwd", 7])]
    ['cat/1.png', 'cat/1-2.png', '_/_/etc/passwd.png', '7.png']
    """
    files: set[str] = set()
    folders: set[str] = set()
    counts: dict[str, int] = {}
    names = []
    for name in ids:
        parts = PICTURES.sub("", str(name)).split("/")
        *above, last = (_part(part) for part in parts[-DEEPEST - 1 :])
        above = [f"{part}_" if _key(part).endswith(".png") else part for part in above]
        plain = "/".join([*above, last])
        file = f"{plain}.png"
        while _key(file) in files or _key(file) in folders:
            counts[_key(plain)] = counts.get(_key(plain), 1) + 1
            file = f"{plain}-{counts[_key(plain)]}.png"
        path = PurePosixPath(file)
        files.add(_key(file))
        folders.update(_key(str(parent)) for parent in path.parents)
        names.append(path)
    return names


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _part(text: str) -> str:
    """Return one part of a path, of which no system makes anything but a name."""
    text = unicodedata.normalize("NFC", text)
    name = "".join("_" if unicodedata.category(letter)[0] in "CZ" and letter != " " else letter
                   for letter in text)  # fmt: skip
    name = FORBIDDEN.sub("_", name)[:LONGEST].strip(" ")
    if not name.strip("."):
        return "_"
    if RESERVED.match(name):
        return f"_{name}"
    return name.rstrip(". ")


def write_pngs(images: np.ndarray, ids: Iterable[object], folder: Path) -> list[Path]:
    """Write images as PNG files named by their ids into a new or an empty folder.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        The images.
    ids : iterable of n
        Their ids, which may be anything: see `file_names`.
    folder : Path
        Where to; made where it is missing.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    NearspaceError
        If the folder holds anything, or cannot be written to.
    """
    paths = []
    kind = Image(images.shape[1:])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):  # nothing is overwritten, and no link is followed
            raise NearspaceError(f"{folder} is not empty; give a new folder for the images.")
        for image, name in zip(images, file_names(ids), strict=True):
            path = folder.joinpath(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kind.picture(image, max(kind.shape)))
            paths.append(path)
    except OSError as error:
        raise NearspaceError(
            f"{folder}: written were {len(paths)} of {len(images)} images ({error})."
        ) from error
    return paths
