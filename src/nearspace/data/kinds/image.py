"""`Image`: pictures of one size, as uint8 in memory and as float on the way into a batch."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.duplicates import near_rows
from nearspace.data.kinds.image_files import brightest, darkness, read_images, resize_images
from nearspace.data.kinds.image_pixels import MASK, Scale, scale_of, scaled
from nearspace.data.kinds.kind import (
    ItemsRead,
    Kind,
    Scaling,
    Wanted,
    are_pictures,
    array_words,
    number_array,
)
from nearspace.data.members import File
from nearspace.errors import DataError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from nearspace.data.batches import Stacked

__all__ = ["Image"]

ENDINGS = ".png .apng .jpe .jpg .jpeg .jfif .gif .bmp .dib"
ENDINGS += " .webp .tif .tiff .pbm .pgm .ppm .pnm .tga .avif .jp2"
THUMBNAIL = 16  # pixels along a side, by which images are compared with each other
BLANK = 2.0  # grey values that the pixels of a blank image deviate from their mean
FAINTER = 1.5  # times the contrast that an image may have of what is the same
SHAPES = "(n, height, width) or (n, height, width, 1 or 3)"


@dataclasses.dataclass(frozen=True, repr=False)
class Image(Kind):
    """Images of one shape ``(height, width, channels)``: a uint8 array ``(n, H, W, C)``.

    Whatever else comes is brought to bytes by one scale, found once from all images there are and
    kept, so that an image alone is read as it is among others.

    Attributes
    ----------
    shape : (int, int, int)
        Height, width and channels.
    scale : (float, float) or None
        The value that is black and the one that is white, in arrays other than bytes and in
        pictures of more than 8 bits. None where whole numbers are grey values from 0 to 255, and
        floats lie in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> Image.infer(np.zeros((10, 28, 28), dtype=np.uint8))
    Image(shape=(28, 28, 1))
    >>> Image.infer(np.full((10, 28, 28), 4000, dtype=np.uint16))
    Image(shape=(28, 28, 1), scale=(0.0, 4000.0))
    """

    name: ClassVar[str] = "image"
    plural: ClassVar[str] = "images"
    form: ClassVar[str] = (
        "images of shape (n, height, width) or (n, height, width, channels) with values in [0, 1] "
        "or whole numbers from 0 to 255, pictures opened by Pillow"
    )
    endings: ClassVar[tuple[str, ...]] = tuple(ENDINGS.split())
    pictured: ClassVar[bool] = True
    pixels: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    shape: tuple[int, int, int]
    scale: Scale | None = None

    def __repr__(self) -> str:
        """Return the kind as it is made, without a scale where that is the usual one."""
        scale = "" if self.scale is None else f", scale={self.scale}"
        return f"Image(shape={self.shape}{scale})"

    def __str__(self) -> str:
        height, width, channels = self.shape
        told = f"{'grey' if channels == 1 else 'colour'} images of {height} × {width} pixels"
        if self.scale is None:
            return told
        return f"{told}, values from {self.scale[0]:.10g} to {self.scale[1]:.10g}"

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like images.

        Three axes may be those of many things: floats that could be no pixels are none.
        """
        if are_pictures(items):
            return "pictures opened by Pillow"
        array = number_array(items)
        if array is None or array.ndim not in (3, 4):
            return None
        if array.ndim == 3 and array.dtype.kind == "f" and array.size:
            low, high = array.min(), array.max()
            if low < 0 or high > 255:  # NaN is neither: its row is named later
                return None
        return array_words(array)

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of an array of images, or of pictures opened by Pillow."""
        if are_pictures(items):
            read = read_images(items)
            return cls(read.images.shape[1:], read.scale)
        array = _with_channels(_as_array(items, "Images"), "Images")
        height, width, channels = array.shape[1:]
        return cls((height, width, channels), _scale(array))

    def check(self, items: Any, who: str = "Images") -> np.ndarray:
        """Return the images as a uint8 array of shape ``(n, H, W, C)``.

        Raises
        ------
        DataError
            On another shape, on values beyond the scale, and on NaN, whose row is named.
        """
        if are_pictures(items):
            read = read_images(items, self.shape[:2], self.shape[2], self.scale, given=True)
            for row, reason in read.failed.items():
                raise DataError(f"{who}: picture {row} cannot be read, {reason}; leave it out.")
            return read.images
        array = _as_array(items, who)
        if array.ndim == 3 and self.shape[2] == 1:
            array = array[..., None]
        if array.ndim != 4 or array.shape[1:] != self.shape:
            raise DataError(
                f"{who}: expected images of shape (n, {', '.join(map(str, self.shape))}), got "
                f"{array.shape} of {array.dtype}.{_channels_hint(array.shape, self.shape[2])}"
            )
        return _as_bytes(array, self.scale, who)

    @classmethod
    def read(cls, paths: Sequence[File], wanted: Wanted) -> ItemsRead:
        """Return the images in files, at one size and scale, those of ``wanted.like`` if given."""
        like, size = wanted.like, _size(wanted)
        if isinstance(like, cls):
            read = read_images(paths, size, like.shape[2], like.scale, True, wanted.progress)
        else:
            read = read_images(paths, size, progress=wanted.progress)
        kind = cls(read.images.shape[1:], read.scale)
        return ItemsRead(read.images, kind, tuple(read.notes), read.failed)

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return images as uint8, brought to a size and scale or to those of others."""
        if are_pictures(items):
            return self.read(items, wanted)
        scale = wanted.like.scale if isinstance(wanted.like, Image) else self.scale
        kind = dataclasses.replace(self, scale=scale)
        images, size, notes = kind.check(items, who), _size(wanted), _told(np.asarray(items), scale)
        if size is not None and size != self.shape[:2]:
            images, kind = resize_images(images, *size), Image((*size, self.shape[2]), scale)
            notes.append(f"Images were brought to {size[1]} × {size[0]} pixels.")
        return ItemsRead(images, kind, (*notes, *darkness(images)))

    def as_given(self, decoded: np.ndarray) -> np.ndarray:
        """Return decoded images, which lie in [0, 1], in the values that the array fitted had."""
        if self.scale is None:
            return decoded
        black, white = self.scale
        return decoded * np.float32(white - black) + np.float32(black)

    def features(self, items: np.ndarray) -> np.ndarray:
        """Return the pixels in [0, 1], shape ``(n, H * W * C)``, float32."""
        return np.divide(items.reshape(len(items), -1), 255, dtype=np.float32)

    def near(self, items: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return pairs of images that show the same: re-encoded, brighter, retouched, shifted."""
        pairs = []
        for images in (items, _centred(items)):
            rows, contrast = _thumbnails(images)
            # What has no contrast to speak of shows nothing by which to compare it.
            shown = contrast > BLANK
            place = np.cumsum(shown) - 1
            told = near_rows(rows[shown], place[asked[shown[asked]]])
            ratio = contrast[shown][told]
            told = told[ratio.max(axis=1) <= FAINTER * ratio.min(axis=1)]
            pairs.append(np.flatnonzero(shown)[told])
        return np.unique(np.concatenate(pairs), axis=0)

    @property
    def shape_of_item(self) -> tuple[int, ...]:
        """Height, width and channels."""
        return self.shape

    def seen(self, items: np.ndarray, side: int) -> np.ndarray:
        """Return images no side of which has more than so many pixels."""
        longer = max(self.shape[:2])
        if longer <= side:
            return items
        height, width = (max(1, round(pixels * side / longer)) for pixels in self.shape[:2])
        return resize_images(items, height, width)

    def values(self, raw: Tensor) -> Tensor:
        """Return the pixels whose logits a decoder puts out."""
        return raw.sigmoid()

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Return a batch ``(n, C, H, W)`` with its channels last, at the size of the images."""
        if values.shape[2:] != self.shape[:2]:
            import torch
            from torch.nn import functional

            smaller = torch.from_numpy(values)
            values = functional.interpolate(smaller, self.shape[:2], mode="bilinear").numpy()
        return np.ascontiguousarray(values.transpose(0, 2, 3, 1))

    def stored(self, decoded: np.ndarray) -> np.ndarray:
        """Return decoded pixels as uint8."""
        return np.rint(np.clip(np.nan_to_num(decoded), 0, 1) * 255).astype(np.uint8)

    def batches(self, items: np.ndarray, scaling: Scaling | None = None) -> Stacked:
        """Return all images as one uint8 tensor ``(n, C, H, W)``, batches as float32 in [0, 1]."""
        import torch

        from nearspace.data.batches import Stacked

        # They share their memory with the array; PyTorch wants that memory writable.
        pixels = torch.from_numpy(np.require(items, np.uint8, ["W"])).permute(0, 3, 1, 2)
        stacked = Stacked(pixels, lambda rows: rows.contiguous().float().div_(255))
        return stacked.scaled(scaling)

    def views(self, batch: Tensor, generator: Generator, mirror: bool = False) -> Tensor:
        """Return one random variation of every image of a float batch ``(b, C, H, W)``.

        A random crop of random aspect, shifted and slightly turned, in one resampling; contrast
        and brightness; saturation and the gain of each channel where there is colour; a little
        noise. Half of the views are mirrored, left to right, where ``mirror`` says that a mirrored
        image shows the same: a photograph does, a digit or letter does not.
        """
        import torch
        from torch.nn import functional

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            size = (len(batch), *shape)
            random = torch.rand(size, generator=generator, device=batch.device, dtype=batch.dtype)
            return random.mul_(high - low).add_(low)

        theta = _random_affine(uniform, batch.shape[2] / batch.shape[3])
        if mirror:
            theta[:, :, 0] *= torch.where(uniform(0, 1, 1) < 0.5, -1, 1)
        grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
        out = functional.grid_sample(batch, grid, padding_mode="border", align_corners=False)
        if batch.shape[1] == 3:
            grey = out.mean(dim=1, keepdim=True)
            out = torch.lerp(grey, out, uniform(0.5, 1.25, 1, 1, 1))
            out.mul_(uniform(0.9, 1.1, 3, 1, 1))
        mean = out.mean(dim=(1, 2, 3), keepdim=True)
        shift = mean + uniform(-0.15, 0.15, 1, 1, 1)
        out.sub_(mean).mul_(uniform(0.6, 1.4, 1, 1, 1)).add_(shift)
        noise = torch.randn(out.shape, generator=generator, device=batch.device, dtype=batch.dtype)
        return out.addcmul_(noise, uniform(0.0, 0.05, 1, 1, 1)).clamp_(0, 1)

    def picture(self, item: np.ndarray, side: int = 64, usual: Any = None) -> bytes:
        """Return one image, no larger than ``side``, as the bytes of a PNG, or WebP if it shrank.

        Parameters
        ----------
        item : ndarray of shape (H, W, C)
            uint8, or float in [0, 1], which is clipped.
        side : int, default=64
            The longest side in pixels.
        """
        from PIL import Image as Pillow

        pixels = np.asarray(item)
        pixels = (pixels if pixels.dtype == np.uint8 else self.stored(pixels)).reshape(self.shape)
        picture = Pillow.fromarray(pixels[..., 0] if self.shape[2] == 1 else pixels)
        file = io.BytesIO()
        if max(picture.size) <= side:
            picture.save(file, "PNG")
        else:
            picture.thumbnail((side, side))
            picture.save(file, "WEBP", quality=80)
        return file.getvalue()

    def draw(self, item: np.ndarray) -> str:
        """Return one image (uint8, or float in [0, 1], which is clipped) as an ``<img>``."""
        height, width, _ = self.shape
        style = ' class="pixelated"' if max(height, width) < 32 else ""
        png = base64.b64encode(self.picture(item, max(height, width))).decode()
        return (
            f'<img{style} width="{width}" height="{height}" alt="image of {width} × {height} '
            f'pixels" src="data:image/png;base64,{png}">'
        )


def _size(wanted: Wanted) -> tuple[int, int] | None:
    """Return the height and width that somebody wants images to have."""
    if isinstance(wanted.like, Image):
        return wanted.like.shape[:2]
    return None if wanted.size is None else (wanted.size, wanted.size)


def _thumbnails(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return small images, flat, of mean 0 and deviation 1, and what the deviation was."""
    small, summed = images, 1
    for axis in (1, 2):
        side = small.shape[axis]
        step = -(-side // THUMBNAIL)
        starts = [np.arange(at, side // step * step, step) for at in range(step)]
        parts = [small.take(at, axis).astype(np.uint32) for at in starts]
        small, summed = sum(parts[1:], parts[0]), summed * step
    rows = small.reshape(len(small), -1) / np.float32(summed)
    rows -= rows.mean(axis=1, keepdims=True)
    deviation = rows.std(axis=1)
    return rows / np.maximum(deviation, 1e-6)[:, None], deviation


def _centred(images: np.ndarray) -> np.ndarray:
    """Return images moved so that what differs from their border lies in the middle."""
    centred = np.empty_like(images)
    grey = images.mean(axis=3, dtype=np.float32)
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    ink = np.abs(grey - np.median(border, axis=1)[:, None, None])
    moves = []
    for axis in (2, 1):
        along = ink.sum(axis=axis)
        middle = (along @ np.arange(along.shape[1])) / np.maximum(along.sum(axis=1), 1e-9)
        moves.append(np.rint((along.shape[1] - 1) / 2 - middle).astype(int))
    for move in np.unique(moves, axis=1).T:
        rows = np.flatnonzero((np.stack(moves, axis=1) == move).all(axis=1))
        centred[rows] = np.roll(images[rows], move, axis=(1, 2))
    return centred


def _random_affine(uniform: Any, aspect: float) -> Tensor:
    """Return the maps ``(b, 2, 3)`` from the places of a view to those of its image."""
    import torch

    side = uniform(0.3, 1.1).sqrt()
    stretch = uniform(-math.log(1.5), math.log(1.5)).mul(0.5).exp()
    angle = uniform(-math.pi / 12, math.pi / 12)
    cos, sin = angle.cos(), angle.sin()
    # A crop may lie anywhere inside the image, and stick out of it by a little.
    reach = (1 - side).clamp(min=0) + 0.1
    # Places run from -1 to 1 along both sides: a turn has to undo the aspect of the image.
    across = [side * stretch * cos, -side * stretch * sin * aspect, reach * uniform(-1, 1)]
    down = [side / stretch * sin / aspect, side / stretch * cos, reach * uniform(-1, 1)]
    return torch.stack([torch.stack(across, dim=1), torch.stack(down, dim=1)], dim=1)


def _as_array(items: Any, who: str) -> np.ndarray:
    try:
        array = np.asarray(items)
    except ValueError:
        raise DataError(f"{who}: expected images of one size, got several sizes.") from None
    if array.dtype.kind not in "fiub":
        what = "texts" if array.dtype.kind in "UST" else f"an array of {array.dtype}"
        raise DataError(f"{who}: expected images, as an array of numbers; got {what}.")
    return array


def _with_channels(array: np.ndarray, who: str) -> np.ndarray:
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape[1:]:
        hint = ""
        if array.ndim == 4 and array.shape[1] in (1, 3):
            hint = " Channels come last: use array.transpose(0, 2, 3, 1)."
        elif array.ndim == 4 and array.shape[3] in (2, 4):
            hint = " The last channel is transparency: leave it out with array[..., :-1]."
        raise DataError(f"{who}: expected an array of shape {SHAPES}, got {array.shape}.{hint}")
    return array


def _channels_hint(shape: tuple[int, ...], wanted: int) -> str:
    """Return what to do where grey images came in place of coloured ones, or the reverse."""
    channels = 1 if len(shape) == 3 else shape[-1]
    if wanted == 3 and channels == 1:
        return " Make three channels of the grey one: np.stack([array.squeeze()] * 3, axis=-1)."
    if wanted == 1 and channels == 3:
        return " Make them grey: array.mean(axis=3).round().astype(np.uint8)."
    return ""


def _scale(array: np.ndarray) -> Scale | None:
    """Return the scale of an array of images; what has none `_as_bytes` refuses.

    Only floats of the two usual ranges have one: others are too often no pixels.
    """
    if array.dtype == bool or not array.size:
        return None
    if array.dtype == np.uint8:
        return MASK if brightest(array, 2) == 1 else None
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f":
        is_bytes = low >= 0 and 1 < high <= 255 and np.array_equal(array, np.trunc(array))
        return (0.0, 255.0) if is_bytes else None
    if low < 0 or 1 < high <= 255 or high == 0:
        return None
    return scale_of(low, high, True)


def _told(array: np.ndarray, scale: Scale | None) -> list[str]:
    """Return what there is to say of how an array of images became bytes."""
    if scale == MASK or array.dtype == bool:
        return ["The images are masks of 0 and 1: 0 is black and 1 white."]
    if array.dtype.kind == "f":
        ends = "1" if scale is None else f"{scale[1]:.10g}"
        return [f"Float images are kept as uint8, in 256 grey values: 0 is black and {ends} white."]
    if scale is not None and array.dtype != np.uint8:
        black, white = scale
        return [
            f"Values from {array.min()} to {array.max()} are kept as uint8, in 256 grey values: "
            f"{black:.10g} is black and {white:.10g} white."
        ]
    return []


def _as_bytes(array: np.ndarray, scale: Scale | None, who: str) -> np.ndarray:
    """Return the values of images as bytes by a scale, or raise where they lie beyond it."""
    if array.dtype == np.uint8:
        return _white_masks(array) if scale == MASK else array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if not array.size:
        return array.astype(np.uint8)
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        row = np.argwhere(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0, 0]
        raise DataError(f"{who}: row {row} holds NaN or infinity; remove the row or fill it.")
    black, white = scale or (0.0, 1.0 if array.dtype.kind == "f" else 255.0)
    if low < black or high > white:
        wanted = f"values from {black:.10g} to {white:.10g}, as fitted"
        if scale is None:
            wanted = "floats in [0, 1], or bytes: whole numbers from 0 to 255"
        raise DataError(
            f"{who}: expected {wanted}, got {array.dtype} from {low:g} to {high:g}; scale them, "
            "give bytes (array.astype(np.uint8)), or read them as another kind."
        )
    if array.dtype.kind != "f" and (black, white) == (0, 255):
        return array.astype(np.uint8)
    return scaled(array, (black, white))


def _white_masks(array: np.ndarray) -> np.ndarray:
    """Return bytes in which masks of 0 and 1 are 0 and 255; those that are already stay.

    Each image is looked at by itself, so that it comes out alone as among others.
    """
    raw = array.reshape(len(array), -1).max(axis=1, initial=0) == 1
    return np.where(raw[:, None, None, None], array * np.uint8(255), array) if raw.any() else array
