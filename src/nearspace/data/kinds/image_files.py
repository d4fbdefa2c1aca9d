"""Read image files in threads, and bring them to one size."""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nearspace.data.arrays import empty_array
from nearspace.data.kinds.kind import Progress
from nearspace.errors import DataError

if TYPE_CHECKING:
    from PIL import Image as Pillow

__all__ = ["read_images", "resize_images"]

OWN_SIZE_LIMIT = 96
DEFAULT_SIZE = 64
CHUNK = 8
ORIENTATION = 0x0112
EXIF_KEYS = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
GREY_MODES = {"1", "L", "LA", "La", "I", "F"}

Size = tuple[int, int]
T = TypeVar("T")
R = TypeVar("R")


@dataclasses.dataclass
class Seen:
    """The sizes of the images read so far, and whether all were grey."""

    sizes: set[tuple[int, int]]
    grey: bool

    def add(self, size: tuple[int, int], grey: bool) -> None:
        """Take one more image into account."""
        self.sizes.add(size)
        self.grey &= grey

    def target(self, size: Size | None, channels: int | None) -> tuple[int, int, int]:
        """Return the shape to which images have to be brought, if all are like those seen."""
        if size is not None:
            height, width = size
        elif self.agree():
            height, width = next(iter(self.sizes))
        else:
            height = width = DEFAULT_SIZE
        return height, width, channels or (1 if self.grey else 3)

    def agree(self) -> bool:
        """Return whether all images are of one size that is small enough to be kept."""
        return len(self.sizes) == 1 and max(max(self.sizes)) <= OWN_SIZE_LIMIT

    def why(self, size: Size | None) -> str:
        """Return in words what decided the size."""
        if size is not None:
            return "as asked"
        if self.agree():
            return "the own size of all files"
        files = "larger" if len(self.sizes) == 1 else f"of {len(self.sizes):,} sizes"
        return f"the default, as the files are {files}"


def read_images(
    paths: Sequence[Path],
    size: Size | None = None,
    channels: int | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, dict[int, str], str]:
    """Return the images in ``paths`` as one array, and the files that are no images.

    The shorter side is resized, the longer one cut around its centre. The orientation that a
    camera noted is applied, transparency lies on white, the first frame stands for an animation.

    Parameters
    ----------
    paths : sequence of Path
        The files.
    size : (int, int), optional
        Height and width. By default the files' own where all agree and neither is above 96
        pixels, else 64.
    channels : {1, 3}, optional
        Grey or RGB. By default grey if all files are.
    progress : callable, optional
        Called with the number of files decoded and the number of all.

    Returns
    -------
    images : ndarray of shape (m, H, W, C)
        The images in the order of the paths, uint8; above two GiB they lie in a temporary file that
        is mapped to memory.
    failed : dict of int to str
        The reason for each path, by its position, that could not be read.
    why : str
        Why the images have this size.

    Raises
    ------
    DataError
        If no file can be read, or if the disk has no room for the images.
    """
    with warnings.catch_warnings():
        # What Pillow warns about (large files, odd palettes) it decodes all the same.
        warnings.simplefilter("ignore")
        images, reasons, seen = _decode_all(paths, size, channels, progress)
    rows = np.setdiff1d(np.arange(len(paths)), list(reasons))
    return _close_gaps(images, rows), reasons, seen.why(size)


def resize_images(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return an array of images ``(n, H, W, C)`` at another size, in the way of `read_images`."""
    from PIL import Image as Pillow

    out = empty_array((len(images), height, width, images.shape[3]), np.dtype(np.uint8))

    def resize(index: int) -> None:
        image = images[index]
        picture = Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        out[index] = _fit(picture, height, width).reshape(out.shape[1:])

    for _ in _in_threads(resize, range(len(images))):
        pass
    return out


def _in_threads(function: Callable[[T], R], values: Sequence[T]) -> Iterator[R]:
    """Yield ``function`` of each value in order, from a pool that takes them in chunks."""
    from concurrent.futures import ThreadPoolExecutor

    def chunk(start: int) -> list[R]:
        return [function(value) for value in values[start : start + CHUNK]]

    workers = min(32, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)
    pool = ThreadPoolExecutor(workers)
    try:
        for results in pool.map(chunk, range(0, len(values), CHUNK)):
            yield from results
    finally:
        # Whoever stops listening early, Ctrl-C included, does not wait for the rest.
        pool.shutdown(cancel_futures=True)


def _decode_all(
    paths: Sequence[Path], size: Size | None, channels: int | None, progress: Progress | None
) -> tuple[np.ndarray, dict[int, str], Seen]:
    """Return the images, the reason for each that could not be read, and what was seen.

    The shape depends on all files, yet a pass over headers alone would take a third of the time
    that small files need. So all are supposed to be like the first; at the first that is not, the
    shape is known better, and decoding begins anew, at most twice.
    """
    seen = _first_image(paths)
    while True:
        shape = seen.target(size, channels)
        images = empty_array((len(paths), *shape), np.dtype(np.uint8))
        into = functools.partial(_decode, images=images)
        reasons: dict[int, str] = {}
        for index, result in enumerate(_in_threads(into, list(enumerate(paths)))):
            if isinstance(result, str):
                reasons[index] = result
            else:
                seen.add(*result)
                if seen.target(size, channels) != shape:
                    break
            if progress is not None and ((index + 1) % 64 == 0 or index + 1 == len(paths)):
                progress(index + 1, len(paths))
        else:
            return images, reasons, seen


def _first_image(paths: Sequence[Path]) -> Seen:
    """Return what is to be seen of the first file that is an image."""
    scratch = np.empty((1, 1, 1, 1), np.uint8)
    reason = ""
    for path in paths:
        result = _decode((0, path), scratch)
        if not isinstance(result, str):
            return Seen({result[0]}, result[1])
        reason = reason or result
    raise DataError(
        f"None of the {len(paths)} image files can be read; the first is {paths[0].name}: {reason}."
    )


def _decode(place: tuple[int, Path], images: np.ndarray) -> tuple[tuple[int, int], bool] | str:
    """Decode a file into a row; return its own size and whether it is grey, or why it failed."""
    from PIL import Image as Pillow

    index, path = place
    height, width, channels = images.shape[1:]
    try:
        with Pillow.open(path) as image:
            # Without a block that may hold it, asking a PNG for it would decode the file.
            turned = image.getexif().get(ORIENTATION, 1) if EXIF_KEYS & image.info.keys() else 1
            own = image.size if turned >= 5 else image.size[::-1]
            grey = image.mode in GREY_MODES or image.mode.startswith("I;")
            # JPEG can be decoded at a half, a quarter or an eighth of its size, much faster.
            longer = max(height, width)
            image.draft("L" if channels == 1 else "RGB", (longer, longer))
            picture: Pillow.Image = image
            if turned != 1:
                from PIL import ImageOps

                picture = ImageOps.exif_transpose(image)
            pixels = _fit(_opaque(picture), height, width, "L" if channels == 1 else "RGB")
            images[index] = pixels.reshape(height, width, channels)
            return own, grey
    except Exception as error:  # Pillow's many parsers raise nearly everything on a broken file.
        return _reason(error)


def _opaque(image: Pillow.Image) -> Pillow.Image:
    """Return an image as 8-bit grey or RGB, what is transparent laid on white."""
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    from PIL import Image as Pillow

    if image.mode == "F":
        raise DataError("pixels of 32-bit float have no known range")
    if image.mode.startswith("I"):
        values = np.clip(np.asarray(image, dtype=np.float32), 0, 65535)
        return Pillow.fromarray(np.rint(values / 257).astype(np.uint8))
    plain = "L" if image.mode in GREY_MODES else "RGB"
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Pillow.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        return white.convert(plain)
    return image.convert(plain)


def _fit(image: Pillow.Image, height: int, width: int, mode: str = "") -> np.ndarray:
    """Return the pixels of an image, shorter side resized and the longer cut about its centre."""
    if image.size != (width, height):
        from PIL import Image as Pillow
        from PIL import ImageOps

        image = ImageOps.fit(image, (width, height), Pillow.Resampling.BICUBIC)
    return np.asarray(image if mode in ("", image.mode) else image.convert(mode))


def _close_gaps(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return some rows, moved to the front in place: the array may be larger than memory."""
    if len(rows) < len(images):
        for start in range(0, len(rows), 1024):
            some = rows[start : start + 1024]
            images[start : start + len(some)] = images[some]
    return images[: len(rows)]


def _reason(error: Exception) -> str:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Pillow.DecompressionBombError):
        return "too many pixels, a decompression bomb"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
