"""Read pictures, in files or opened by Pillow, in threads, and bring them to one size and scale."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from nearspace.data.arrays import empty_array
from nearspace.data.in_threads import in_threads
from nearspace.data.kinds.image_bounds import Room
from nearspace.data.kinds.image_pixels import (
    MASK,
    Look,
    Picture,
    Scale,
    first_look,
    fit,
    read_pixels,
    scale_of,
)
from nearspace.data.kinds.kind import Progress
from nearspace.data.members import FILES
from nearspace.errors import DataError

__all__ = ["ImagesRead", "brightest", "darkness", "read_images", "resize_images"]

OWN_SIZE_LIMIT = 96
DEFAULT_SIZE = 64
DARK = 32  # grey values of 256

Size = tuple[int, int]


@dataclasses.dataclass
class Seen:
    """What was seen of the pictures read so far, by their positions; their sizes; if all grey."""

    looks: dict[int, Look] = dataclasses.field(default_factory=dict)
    sizes: set[Size] = dataclasses.field(default_factory=set)
    grey: bool = True

    def add(self, index: int, look: Look) -> None:
        """Take one more picture into account."""
        self.sizes.add(look.size)
        self.grey &= look.grey
        self.looks[index] = look

    def target(self, size: Size | None, channels: int | None) -> tuple[int, int, int]:
        """Return the shape to which pictures have to be brought, if all are like those seen."""
        if size is not None:
            height, width = size
        elif self.agree():
            height, width = next(iter(self.sizes))
        else:
            height = width = DEFAULT_SIZE
        return height, width, channels or (1 if self.grey else 3)

    def agree(self) -> bool:
        """Return whether all pictures are of one size that is small enough to be kept."""
        return len(self.sizes) == 1 and max(max(self.sizes)) <= OWN_SIZE_LIMIT

    def why(self, size: Size | None, given: bool) -> str:
        """Return in words what decided the size."""
        if size is not None:
            return "as the others" if given else "as asked"
        if self.agree():
            return "the own size of all"
        are = "larger" if len(self.sizes) == 1 else f"of {len(self.sizes):,} sizes"
        return f"the default, as they are {are}"

    @property
    def deep(self) -> list[int]:
        """Positions of the pictures of more than 8 bits."""
        return [index for index, look in self.looks.items() if look.ends is not None]

    def ends(self) -> tuple[float, float]:
        """Return the least and the largest value of those pictures."""
        both = [ends for look in self.looks.values() if (ends := look.ends) is not None]
        return min(low for low, _ in both), max(high for _, high in both)

    def scale(self) -> Scale | None:
        """Return the one scale of those pictures; None for that of floats beside bytes."""
        return scale_of(*self.ends(), all(self.looks[index].whole for index in self.deep))

    def notes(self, scale: Scale | None, given: bool) -> Iterator[str]:
        """Yield what there is to say of values, gaps and frames."""
        looks = [self.looks[index] for index in self.deep]
        if looks:
            low, high = self.ends()
            note = f"{_pictures(len(looks))} more than 8 bits, with values from {low:.10g} to "
            if scale is None:
                note += f"{high:.10g}: they are read by the full range of their type, in 256 steps"
            else:
                by = "the scale of the others" if given else "one scale for all"
                note += (
                    f"{high:.10g}: by {by} {scale[0]:.10g} is black and {scale[1]:.10g} white, "
                    "in 256 steps"
                )
            outside = sum(look.outside for look in looks)
            note += f"; {_pictures(outside)} values beyond, which were cut" if outside else ""
            rest = len(self.looks) - len(looks)
            yield f"{note}{f'; the other {rest:,} are of 8 bits' if rest else ''}."
        elif scale == MASK:
            yield "The pictures are masks of 0 and 1: 0 is black and 1 white."
        gaps = sum(look.gaps for look in looks)
        if gaps:
            yield f"{_pictures(gaps)} pixels marked as missing, which are white."
        frames = sum(look.frames for look in self.looks.values())
        if frames:
            yield f"{_pictures(frames)} several frames or pages, of which one is read, the first."


@dataclasses.dataclass(frozen=True, eq=False)
class ImagesRead:
    """What was made of pictures.

    Attributes
    ----------
    images : ndarray of shape (m, H, W, C)
        Those that could be read, in their order, uint8; above two GiB they lie in a temporary file
        that is mapped to memory.
    failed : dict of int to str
        The reason for each picture, by its position, that could not be read.
    scale : (float, float) or None
        What is black and what is white in pictures of more than 8 bits, and in masks.
    notes : list of str
        Why the images have this size, and what else there is to say.
    """

    images: np.ndarray
    failed: dict[int, str]
    scale: Scale | None
    notes: list[str]


def read_images(
    pictures: Sequence[Picture],
    size: Size | None = None,
    channels: int | None = None,
    scale: Scale | None = None,
    given: bool = False,
    progress: Progress | None = None,
) -> ImagesRead:
    """Return pictures as one array, and which of them cannot be read.

    The shorter side is resized, the longer one cut around its centre. The orientation that a
    camera noted is applied, transparency lies on white, the first frame stands for an animation.

    Parameters
    ----------
    pictures : sequence of Path or Image
        Files, or pictures that Pillow opened or made.
    size : (int, int), optional
        Height and width. By default their own where all agree and neither is above 96 pixels,
        else 64.
    channels : {1, 3}, optional
        Grey or RGB. By default grey if all are.
    scale : (float, float), optional
        That of others, see `given`.
    given : bool, default=False
        Whether pictures of more than 8 bits are read by `scale`, or where it is None as others of
        8 bits are. By default one scale is made for all, see `scale_of`.
    progress : callable, optional
        Called with the number of pictures decoded and the number of all.

    Raises
    ------
    DataError
        If no picture can be read, or if the disk has no room for the images.
    """
    with warnings.catch_warnings():
        # What Pillow warns about (large files, odd palettes) it decodes all the same.
        warnings.simplefilter("ignore")
        images, failed, seen = _decode_all(pictures, size, channels, scale, given, progress)
        if not given:
            scale = _rescale(images, pictures, seen, failed)
    height, width, depth = images.shape[1:]
    colour = "grey" if depth == 1 else "RGB"
    notes = [f"Images are {width} × {height} pixels, {colour}: {seen.why(size, given)}."]
    notes += seen.notes(scale, given)
    images = _close_gaps(images, np.setdiff1d(np.arange(len(pictures)), list(failed)))
    return ImagesRead(images, failed, scale, notes + darkness(images))


def darkness(images: np.ndarray) -> list[str]:
    """Return a note where no image has a grey value that is not nearly black."""
    most = brightest(images, DARK)
    if most >= DARK or not len(images):
        return []
    if not most:
        return ["All images are black."]
    return [
        f"All images are nearly black: no grey value is above {most} of 255; if {most} is to be "
        "white, divide by it and give floats from 0 to 1."
    ]


def brightest(images: Iterable[np.ndarray], enough: int) -> int:
    """Return the largest byte of images, or one of at least ``enough`` where there is any."""
    most = 0
    for image in images:
        most = max(most, int(image.max(initial=0)))
        if most >= enough:
            break
    return most


def _pictures(count: int) -> str:
    return "1 picture has" if count == 1 else f"{count:,} pictures have"


def resize_images(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return an array of images ``(n, H, W, C)`` at another size, in the way of `read_images`."""
    from PIL import Image as Pillow

    out = empty_array((len(images), height, width, images.shape[3]), np.dtype(np.uint8))

    def resize(index: int) -> None:
        image = images[index]
        picture = Pillow.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        out[index] = fit(picture, height, width).reshape(out.shape[1:])

    for _ in in_threads(resize, range(len(images))):
        pass
    return out


def _decode_all(
    pictures: Sequence[Picture],
    size: Size | None,
    channels: int | None,
    scale: Scale | None,
    given: bool,
    progress: Progress | None,
) -> tuple[np.ndarray, dict[int, str], Seen]:
    """Return the images, the reason for each that could not be read, and what was seen.

    The shape depends on all pictures, yet a pass over headers alone would take a third of the time
    that small files need. So all are supposed to be like the first; at the first that is not, the
    shape is known better, and decoding begins anew, at most three times.
    """
    seen, first = Seen(), first_look(pictures)
    like_first = Seen() if first is None else Seen({}, {first.size}, first.grey)
    shape = like_first.target(size, channels)
    while True:
        images = empty_array((len(pictures), *shape), np.dtype(np.uint8))
        into = functools.partial(read_pixels, images=images, scale=scale, given=given, room=Room())
        reasons: dict[int, str] = {}
        for index, result in enumerate(_decoded(into, list(enumerate(pictures)))):
            if isinstance(result, str):
                reasons[index] = result
            else:
                seen.add(index, result)
                if seen.target(size, channels) != shape:
                    shape = seen.target(size, channels)
                    break
            if progress is not None and ((index + 1) % 64 == 0 or index + 1 == len(pictures)):
                progress(index + 1, len(pictures))
        else:
            if not seen.looks:
                first_file = pictures[0].name if isinstance(pictures[0], FILES) else "number 0"
                raise DataError(
                    f"None of the {len(pictures)} pictures can be read; the first is {first_file}: "
                    f"{reasons[0]}."
                )
            return images, reasons, seen


def _decoded(
    into: Callable[[tuple[int, Picture]], Look | str], places: Sequence[tuple[int, Picture]]
) -> Iterator[Look | str]:
    """Yield what is to be seen of pictures that are decoded; files in threads.

    One picture may stand in a list several times, and cannot be loaded by two threads at once.
    """
    if all(isinstance(picture, FILES) for _, picture in places):
        return in_threads(into, places)
    return map(into, places)


def _rescale(
    images: np.ndarray, pictures: Sequence[Picture], seen: Seen, failed: dict[int, str]
) -> Scale | None:
    """Decode pictures of more than 8 bits, or masks if all are, by one scale, and return it.

    Only when all have been seen is that scale known.
    """
    again = seen.deep
    scale = seen.scale() if again else None
    if not again and brightest((images[index] for index in seen.looks), 2) == 1:
        scale, again = MASK, list(seen.looks)
    into = functools.partial(read_pixels, images=images, scale=scale, given=True, room=Room())
    places = [(index, pictures[index]) for index in again]
    for index, result in zip(again, _decoded(into, places), strict=True):
        if isinstance(result, str):  # a file may be gone since
            failed[index] = result
    return scale


def _close_gaps(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return some rows, moved to the front in place: the array may be larger than memory."""
    if len(rows) < len(images):
        for start in range(0, len(rows), 1024):
            some = rows[start : start + 1024]
            images[start : start + len(some)] = images[some]
    return images[: len(rows)]
