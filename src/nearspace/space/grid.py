"""Images side by side in one picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Image
from nearspace.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["image_grid"]

SHOWN = 64  # pixels that the longer side of an image is enlarged to, where it is shorter
LARGEST = 16_000  # pixels on a side of the picture
PAPER = 255


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
