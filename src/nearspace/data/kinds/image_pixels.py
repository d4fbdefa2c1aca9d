"""One picture, in a file or opened by Pillow, as grey values or colours of 8 bits."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nearspace.data.kinds.image_bounds import (
    ORIENTATION,
    SMALLER,
    Room,
    bytes_to_decode,
    open_picture,
    reduce,
)
from nearspace.data.members import FILES, File
from nearspace.errors import DataError

if TYPE_CHECKING:
    from PIL import Image as Pillow

__all__ = [
    "MASK",
    "Look",
    "Picture",
    "Scale",
    "first_look",
    "fit",
    "read_pixels",
    "scale_of",
    "scaled",
]

SIDEWAYS = (5, 6, 7, 8)
PHOTOMETRIC = 262  # 0: the least value is white
GDAL_NODATA = 42113
EXIF_KEYS = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
GREY_MODES = {"1", "L", "LA", "La", "I", "F"}
DEPTHS = (8, 10, 12, 14, 16)
SIXTEEN_BITS = 65535.0
PIXELS_AT_ONCE = 2**18

Picture: TypeAlias = "File | Pillow.Image"
Scale: TypeAlias = tuple[float, float]  # the value that is black, and the one that is white
MASK: Scale = (0.0, 1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What is to be seen of one picture.

    Attributes
    ----------
    size : (int, int)
        Its own height and width.
    grey : bool
        Whether it is grey.
    ends : (float, float) or None
        The least and the largest of its values, where they have more than 8 bits.
    whole : bool
        Whether these are whole numbers.
    outside : bool
        Whether some of them lay outside the scale of others and were cut.
    gaps : bool
        Whether some pixels are marked as missing.
    frames : bool
        Whether other frames follow the one that was read.
    """

    size: tuple[int, int]
    grey: bool
    ends: tuple[float, float] | None = None
    whole: bool = True
    outside: bool = False
    gaps: bool = False
    frames: bool = False


def scale_of(low: float, high: float, whole: bool) -> Scale | None:
    """Return what is black and what white among values from ``low`` to ``high``.

    It is the full range of 8, 10, 12, 14 or 16 bits where the values take half of it or more, and
    always that of 8 bits for whole numbers within it; ``(0, 1)`` for whole numbers that are 0 and
    1, a mask; None for others from 0 to 1, which is what floats mean beside bytes; else the values
    themselves.

    Examples
    --------
    >>> scale_of(3, 4090, True), scale_of(20_000, 20_660, True), scale_of(0.1, 0.9, False)
    ((0.0, 4095.0), (20000.0, 20660.0), None)
    """
    if low >= 0 and high <= 1:
        return MASK if whole else None
    for bits in DEPTHS:
        full = 2.0**bits - 1
        if low >= 0 and high <= full and (2 * (high - low) >= full or (whole and bits == 8)):
            return 0.0, full
    return (float(low), float(high)) if low < high else (min(low, 0.0), max(high, 0.0))


def scaled(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Return values as grey values, those beyond the scale cut."""
    black, white = scale
    return np.rint(np.clip((values - black) * (255 / (white - black)), 0, 255)).astype(np.uint8)


def read_pixels(
    place: tuple[int, Picture],
    images: np.ndarray,
    scale: Scale | None,
    given: bool,
    room: Room,
) -> Look | str:
    """Decode a picture into a row; return what is to be seen of it, or why it failed.

    One of more than 8 bits is not written while its scale is not known. One in a file waits until
    there is room for it.
    """
    index, source = place
    height, width, channels = images.shape[1:]
    mode, in_file = "L" if channels == 1 else "RGB", isinstance(source, FILES)
    try:
        with _opened(source) as opened, contextlib.ExitStack() as memory:
            image: Pillow.Image = opened
            if image.format == "TIFF":
                if in_file:
                    memory.enter_context(room.taken(bytes_to_decode(image)))
                image.load()  # which turns it, as it is the only format to do
            turned, look = _header(image, in_file)
            if in_file and image.format != "TIFF":
                reduce(image, max(height, width), mode)
                memory.enter_context(room.taken(bytes_to_decode(image, turned != 1)))
                image.load()  # which says what size it has been reduced to
            if turned != 1:
                from PIL import ImageOps

                image = ImageOps.exif_transpose(image)
            if image.mode == "F" or image.mode.startswith("I"):
                image, look = _grey_levels(image, look, scale, given)
                if scale is None and not given:
                    return dataclasses.replace(look, frames=_has_frames(opened))
            else:
                image = _opaque(image)
                if given and scale == MASK and np.max(image.getextrema()) == 1:
                    image = image.point(lambda value: 255 * value)
            pixels = fit(image, height, width, mode)
            images[index] = pixels.reshape(height, width, channels)
            return dataclasses.replace(look, frames=_has_frames(opened))
    except Exception as error:  # Pillow's many parsers raise nearly everything on a broken file.
        return _reason(error)


def first_look(pictures: Sequence[Picture]) -> Look | None:
    """Return what the header says of the first picture that has one; None where none has."""
    for source in pictures:
        with contextlib.suppress(Exception), _opened(source) as image:
            return _header(image, isinstance(source, FILES))[1]
    return None


def _header(image: Pillow.Image, in_file: bool) -> tuple[int, Look]:
    """Return how a picture is to be turned, and what is to be seen of it."""
    # Without a block that may hold it, asking a PNG for it would decode the file.
    asks = not in_file or EXIF_KEYS & image.info.keys()
    turned = image.getexif().get(ORIENTATION, 1) if asks else 1
    own = image.size if turned in SIDEWAYS else image.size[::-1]
    return turned, Look(own, image.mode in GREY_MODES or image.mode.startswith("I;"))


@contextlib.contextmanager
def _opened(source: Picture) -> Iterator[Pillow.Image]:
    """Yield a picture, and a TIFF that lies on its side from its file; see `open_picture`."""
    if not isinstance(source, FILES) and source.format == "TIFF" and source.tell() == 0:
        on_its_side = source.getexif().get(ORIENTATION) in SIDEWAYS  # no longer once it is loaded
        source = Path(source.filename) if on_its_side and source.filename else source  # type: ignore[attr-defined]
    if isinstance(source, FILES):
        with open_picture(source) as image:
            yield image
    else:
        yield source


def _has_frames(image: Pillow.Image) -> bool:
    """Return whether other frames follow, beside the previews that a camera puts behind."""
    if image.format == "MPO":
        return False
    with contextlib.suppress(Exception):  # broken later frames are no matter of the first
        return bool(getattr(image, "is_animated", False))
    return False


def _grey_levels(
    image: Pillow.Image, look: Look, scale: Scale | None, given: bool
) -> tuple[Pillow.Image, Look]:
    """Return a picture of more than 8 bits as one of 8, and what is to be seen of its values."""
    from PIL import Image as Pillow

    low, high, whole, has_gaps = math.inf, -math.inf, True, False
    for _, band in _bands(image):
        values = np.asarray(band).astype(np.float64)
        gaps = _gaps(image, values)
        present = values[~gaps]
        if not np.isfinite(present).all():
            raise DataError("its pixels hold NaN or infinity")
        low = min(low, float(present.min(initial=math.inf)))
        high = max(high, float(present.max(initial=-math.inf)))
        whole = whole and (image.mode != "F" or bool((present % 1 == 0).all()))
        has_gaps = has_gaps or bool(gaps.any())
    if low > high:
        raise DataError("all of its pixels are marked as missing")
    if scale is None and given and image.mode.startswith("I;"):
        scale = (0.0, SIXTEEN_BITS)
    elif scale is None and given:
        scale = (0.0, 1.0 if image.mode == "F" else 255.0)
        if low < 0 or high > scale[1]:
            raise DataError(
                f"32-bit values from {low:.10g} to {high:.10g}, where the others have 8 bits and "
                f"32 bits would be read from 0 to {scale[1]:g}"
            )
    look = dataclasses.replace(look, ends=(low, high), whole=whole, gaps=has_gaps)
    if scale is None:
        return image, look
    # Pillow turns those of 8 bits only.
    negative = getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0
    grey = Pillow.new("L", image.size)
    for top, band in _bands(image):
        values = np.asarray(band).astype(np.float64)
        levels = scaled(values, scale)
        levels = 255 - levels if negative else levels
        levels[_gaps(image, values)] = 255
        grey.paste(Pillow.fromarray(levels), (0, top))
    outside = low < scale[0] or high > scale[1]
    return grey, dataclasses.replace(look, outside=outside)


def _bands(image: Pillow.Image) -> Iterator[tuple[int, Pillow.Image]]:
    """Yield a picture from top to bottom, so that what is made of it is not as large as it is."""
    width, height = image.size
    rows = max(1, PIXELS_AT_ONCE // width)
    if rows >= height:
        yield 0, image
        return
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _gaps(image: Pillow.Image, values: np.ndarray) -> np.ndarray:
    """Return which pixels are marked as missing: transparent in a PNG, by GDAL's tag in a TIFF."""
    mark = image.info.get("transparency", getattr(image, "tag_v2", {}).get(GDAL_NODATA))
    try:
        gap = float(str(mark).strip("\0 "))
    except ValueError:
        return np.zeros(values.shape, bool)
    # A float file rounds the mark as it rounds its pixels.
    return np.isnan(values) if math.isnan(gap) else np.isin(values, [gap, float(np.float32(gap))])


def _opaque(image: Pillow.Image) -> Pillow.Image:
    """Return an image of at most 8 bits as grey or RGB, what is transparent laid on white."""
    if image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image
    from PIL import Image as Pillow

    plain = "L" if image.mode in GREY_MODES else "RGB"
    if not image.has_transparency_data:
        return image.convert(plain)
    opaque = Pillow.new(plain, image.size)
    for top, band in _bands(image):
        layer = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
        white = Pillow.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        opaque.paste(white.convert(plain), (0, top))
    return opaque


def fit(image: Pillow.Image, height: int, width: int, mode: str = "") -> np.ndarray:
    """Return the pixels of an image, shorter side resized and the longer cut about its centre."""
    if image.size != (width, height):
        from PIL import Image as Pillow
        from PIL import ImageOps

        image = ImageOps.fit(image, (width, height), Pillow.Resampling.BICUBIC)
    return np.asarray(image if mode in ("", image.mode) else image.convert(mode))


def _reason(error: Exception) -> str:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Pillow.DecompressionBombError):
        return f"too many pixels, a decompression bomb; {SMALLER}"
    if isinstance(error, MemoryError):
        return f"the memory is not enough to decode it; {SMALLER}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
