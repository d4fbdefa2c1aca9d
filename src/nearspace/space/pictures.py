"""Images as PNG files, named by ids that may be anything, or side by side in one picture."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Image
from nearspace.errors import DataError
from nearspace.writing import filling

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["file_names", "image_grid", "write_pngs"]

SHOWN = 64  # pixels that the longer side of an image is enlarged to, where it is shorter
LARGEST = 16_000  # pixels on a side of the picture
PAPER = 255
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
    kind, names = Image(images.shape[1:]), file_names(ids)
    with filling(folder) as beside:
        for image, name in zip(images, names, strict=True):
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kind.picture(image, max(kind.shape)))
    return [folder / name for name in names]


def image_grid(images: np.ndarray, columns: int | None = None) -> Picture:
    """Return images in rows, as they are or enlarged by a whole factor, with thin gaps.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 1 or 3)
        uint8, or float in [0, 1], which is clipped.
    columns : int, optional
        How many stand in a row; by default as many as make the picture about square.

    Returns
    -------
    PIL.Image.Image
        Grey or in colour, as the images are.

    Raises
    ------
    DataError
        If these are no images, or too many for one picture.

    Examples
    --------
    >>> image_grid(np.zeros((6, 8, 8, 1)), columns=3).size
    (200, 134)
    """
    from PIL import Image as Pillow

    images = np.asarray(images)
    if images.dtype.kind == "f":
        images = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    kind = Image.infer(images)
    images, (height, width, channels) = kind.check(images), kind.shape
    n = len(images)
    if columns is None:
        columns = math.ceil(math.sqrt(n * height / width))
    columns = max(1, min(columns, n))
    factor = max(1, SHOWN // max(height, width))
    gap = 2 if factor * max(height, width) >= 16 else 1
    # axes: row, y, column, x, channel; the gap lies below and to the right of every image
    shape = (-(-n // columns), height * factor + gap, columns, width * factor + gap, channels)
    size = shape[2] * shape[3] + gap, shape[0] * shape[1] + gap
    if max(size) > LARGEST:
        raise DataError(
            f"{n:,} images of {width} × {height} pixels make a picture of {size[0]:,} × "
            f"{size[1]:,}, more than {LARGEST:,}; take fewer, or write an array."
        )
    pixels: Any = np.full((shape[0] * columns, *shape[1:2], *shape[3:]), PAPER, dtype=np.uint8)
    enlarged = images.repeat(factor, axis=1).repeat(factor, axis=2)
    pixels[:n, : height * factor, : width * factor] = enlarged
    pixels = pixels.reshape(shape[0], columns, *pixels.shape[1:]).swapaxes(1, 2)
    pixels = pixels.reshape(size[1] - gap, size[0] - gap, channels)
    framed = np.pad(pixels, ((gap, 0), (gap, 0), (0, 0)), constant_values=PAPER)
    return Pillow.fromarray(framed[..., 0] if channels == 1 else framed)
