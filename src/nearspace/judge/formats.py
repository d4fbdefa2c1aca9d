"""What JPEG, WebP and PNG make of images: bits an image, and how near they stay."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable

import numpy as np

from nearspace.judge.curves import Curve, psnr

__all__ = ["format_curves", "mosaic"]

QUALITIES = (0, 1, 2, 5, 10, 20, 35, 50, 70, 90)
BY_THEMSELVES = 300  # images that are written each into a file of its own
LONGEST_SIDE = 16_383  # of a WebP
FORMATS = {"JPEG": QUALITIES, "WebP": QUALITIES, "PNG": (None,)}


def format_curves(images: np.ndarray) -> list[Curve]:
    """Return the curves of the three formats, images each by itself and all as one mosaic.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        The images; three hundred of them, evenly spaced, are written each by itself.

    Returns
    -------
    list of Curve
        Bits an image against PSNR; that of PNG, which loses nothing, is infinite.
    """
    some = images[np.linspace(0, len(images) - 1, min(BY_THEMSELVES, len(images))).astype(int)]
    whole, shown = mosaic(images)
    curves = []
    for name, qualities in FORMATS.items():
        alone = [_measure(some, list(some), name, quality) for quality in qualities]
        together = [_measure(shown, [whole], name, quality) for quality in qualities]
        labels = ["" if quality is None else f"quality {quality}" for quality in qualities]
        for how, points in (("each by itself", alone), ("one mosaic", together)):
            bits, found = zip(*points, strict=True)
            curves.append(Curve(f"{name}, {how}", how, bits, found, labels))
    return curves


def mosaic(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images side by side in about a square, and those that found room in it.

    Examples
    --------
    >>> whole, shown = mosaic(np.ones((5, 2, 4, 1), dtype=np.uint8))
    >>> whole.shape, len(shown), int(whole.sum() - shown.sum())
    ((6, 8, 1), 5, 0)
    """
    height, width, channels = images.shape[1:]
    most = (LONGEST_SIDE // height, LONGEST_SIDE // width)
    images = images[: most[0] * most[1]]
    across = min(most[1], max(1, round(math.sqrt(len(images) * height / width))))
    down = -(-len(images) // across)
    whole = np.zeros((down * across, height, width, channels), dtype=np.uint8)
    whole[: len(images)] = images
    rows = whole.reshape(down, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(down * height, across * width, channels), images


def _measure(
    images: np.ndarray, files: Iterable[np.ndarray], name: str, quality: int | None
) -> tuple[float, float]:
    """Return bits an image and PSNR of images that stand in some files."""
    size, decoded = 0, []
    for file in files:
        data = _written(file, name, quality)
        size += len(data)
        decoded.append(_read(data, file.shape))
    if len(decoded) == 1 and len(images) != 1:
        decoded = list(_cut(decoded[0], images))
    return 8 * size / len(images), psnr(images, np.stack(decoded)[: len(images)])


def _cut(whole: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return the images of a mosaic, those that fill its end included."""
    height, width, channels = images.shape[1:]
    down, across = whole.shape[0] // height, whole.shape[1] // width
    rows = whole.reshape(down, height, across, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, height, width, channels)


def _written(image: np.ndarray, name: str, quality: int | None) -> bytes:
    from PIL import Image as Pillow

    file = io.BytesIO()
    picture = Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    if quality is None:
        picture.save(file, name, optimize=True)
    else:
        picture.save(file, name, quality=quality)
    return file.getvalue()


def _read(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("L" if shape[2] == 1 else "RGB")).reshape(shape)
