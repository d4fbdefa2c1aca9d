"""How items of a kind go into a network in an ONNX file, and become vectors of what comes out."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Audio, Image, Series, Vector
from nearspace.data.sound import Sound, resampled_sound
from nearspace.encoders.borrowed.graph import OnnxGraph, open_graph, sequence_axes
from nearspace.errors import DataError

if TYPE_CHECKING:
    from nearspace.encoders.borrowed.onnx import ONNX

__all__ = ["FEEDS", "Feed"]

OF_SOUNDS = ("front", "rate", "full_scale", "silence")
NAMED = 3  # items in a note
TRIED = (4000, 6000)  # steps of two items, by which it shows which axis is that of time


class Feed(ABC):
    """How items of a kind go into a network.

    Attributes
    ----------
    graph : OnnxGraph
        The network.
    """

    def __init__(self, encoder: ONNX):
        self.encoder = encoder
        self.graph: OnnxGraph = open_graph(encoder.path, encoder.output)
        self._check_asked()

    def _check_asked(self) -> None:
        """Raise an error if something is asked for that items of the kind do not have."""
        defaults = {name: each.default for name, each in self.encoder.parameters().items()}
        for name in (*OF_SOUNDS, "hop"):
            if getattr(self.encoder, name) != defaults[name]:
                which = "sounds and series" if name == "hop" else "sounds"
                raise DataError(
                    f"onnx: its parameter {name} is for {which}, got {self.encoder.kind_}; leave "
                    "it out."
                )

    @property
    def digests(self) -> list[str]:
        """Of the files."""
        return [self.graph.sha256]

    def parts(self, n: int) -> list[slice]:
        """Return the rows of items whose vectors are made at once."""
        size = self.encoder.batch_size
        return [slice(start, start + size) for start in range(0, n, size)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of it: nothing, as a rule."""
        return ()

    def notes_on(self, items: Any) -> tuple[str, ...]:
        """Return what there is to say of items before they are embedded."""
        return ()

    @abstractmethod
    def vectors(self, items: Any) -> np.ndarray:
        """Return the vectors of items, float32."""

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Return values less the mean and divided by the scale, of channels that come last."""
        channels = values.shape[-1]
        scales = {"mean": self.encoder.mean, "std": self.encoder.std}
        given = {name: np.atleast_1d(np.asarray(each, float)) for name, each in scales.items()}
        for name, each in given.items():
            if each.shape not in ((1,), (channels,)) or not np.isfinite(each).all():
                raise DataError(
                    f"onnx: {name} must be one number or {channels}, one for each channel, got "
                    f"{scales[name]}."
                )
        if not (given["std"] > 0).all():
            raise DataError(f"onnx: std must be above 0, got {self.encoder.std}.")
        return (values - given["mean"]) / given["std"]

    def places(self, output: np.ndarray) -> np.ndarray:
        """Return what is put out as ``(rows, places, d)``."""
        output = squeezed(output)
        if output.ndim <= 2:
            return output.reshape(len(output), 1, -1)
        if not self.is_last(output):
            output = np.moveaxis(output, 1, -1)
        return output.reshape(len(output), -1, output.shape[-1])

    def is_last(self, output: np.ndarray) -> bool:
        """Return whether channels are the last axis of what is put out, and not the second one."""
        return True

    def pooled(self, places: np.ndarray) -> np.ndarray:
        """Return the vector of one item of what is put out for it, ``(windows, places, d)``."""
        flat, pool = places.reshape(-1, places.shape[-1]), self.encoder.pool
        if pool == "cls":
            return places[:, 0].mean(axis=0)
        if pool == "flatten":
            if len(places) > 1:
                raise DataError(
                    "onnx: pool='flatten' is for items of one window, and there is one of "
                    f"{len(places)}; use pool='mean'."
                )
            return places.reshape(-1)
        parts = {"mean": flat.mean(axis=0), "max": flat.max(axis=0)}
        return np.concatenate([parts[name] for name in pool.split("+")])


class PictureFeed(Feed):
    """How images go into a network: with the channels where it has them."""

    def __init__(self, encoder: ONNX):
        super().__init__(encoder)
        dims, (height, width, channels) = self.graph.dims, encoder.kind_.shape_of_item
        self.last = len(dims) == 4 and dims[1] not in (1, 3) and dims[3] in (1, 3)
        self.channels = (dims[3 if self.last else 1] if len(dims) == 4 else None) or channels
        wanted = [height, width, self.channels]
        shape = wanted if self.last else [self.channels, height, width]
        if not self.graph.fits(shape) or (channels == 3 and self.channels == 1):
            sides = [dim for dim in dims[1:] if dim not in (None, 1, 3)]
            advice = f"; read them with size={sides[0]}" if len(set(sides)) == 1 else ""
            raise DataError(
                f"onnx: {self.graph.name} takes arrays of shape {self.graph.takes}, and these are "
                f"{encoder.kind_}{advice}."
            )

    def vectors(self, items: np.ndarray) -> np.ndarray:
        """Return the vectors of images."""
        if items.shape[3] < self.channels:
            items = np.repeat(items, self.channels, axis=3)
        whole = np.issubdtype(self.graph.dtype, np.integer)
        batch = self.scaled(items if whole else items / np.float32(255))
        batch = batch if self.last else np.moveaxis(batch, 3, 1)
        made = self.graph.run(batch, self.encoder.batch_size)
        return np.stack([self.pooled(each[None]) for each in self.places(made)])

    def is_last(self, output: np.ndarray) -> bool:
        """Return whether channels come last: in tokens they do, in maps where images have them."""
        return self.last or output.ndim == 3


class VectorFeed(Feed):
    """How vectors go into a network."""

    def vectors(self, items: np.ndarray) -> np.ndarray:
        """Return the vectors of vectors."""
        if not self.graph.fits(items.shape[1:]):
            raise DataError(
                f"onnx: {self.graph.name} takes arrays of shape {self.graph.takes}, and these are "
                f"vectors of {items.shape[1]} numbers."
            )
        made = self.graph.run(self.scaled(items), self.encoder.batch_size)
        return np.stack([self.pooled(each[None]) for each in self.places(made)])


class SeriesFeed(Feed):
    """How series go into a network: whole, or in windows as long as it takes."""

    def __init__(self, encoder: ONNX):
        super().__init__(encoder)
        self._set_width(self.encoder.kind_.channels)  # type: ignore[attr-defined]

    def _check_asked(self) -> None:
        defaults = {name: each.default for name, each in self.encoder.parameters().items()}
        for name in OF_SOUNDS:
            if getattr(self.encoder, name) != defaults[name]:
                raise DataError(
                    f"onnx: its parameter {name} is for sounds, got {self.encoder.kind_}; leave "
                    "it out."
                )

    def _set_width(self, width: int) -> None:
        """Note which axis of the input is time, and how long a window is."""
        self.time_axis, self.width_axis = sequence_axes(self.graph, width)
        self.window = self.graph.dims[self.time_axis]
        self.width, self.fewest = width, self.window or 1

    @functools.cached_property
    def last(self) -> bool:
        """Whether channels are the last axis of what is put out.

        They are not where another one grows with the item; where the file fixes how long that is,
        they are if they are the last one of the input.
        """
        if self.window is not None:
            return self.time_axis == 1
        windows = (np.zeros((1, n, self.width), np.float32) for n in TRIED)
        made = [squeezed(self.graph.run(self.arranged(each), 1)) for each in windows]
        return made[0].shape[-1] == made[1].shape[-1]

    def is_last(self, output: np.ndarray) -> bool:
        """Return whether channels come last."""
        return self.last

    @property
    def notes(self) -> tuple[str, ...]:
        """How what is put out is read where the file does not tell it."""
        if self.window is None:
            return ()
        window = np.zeros((1, self.window, self.width), np.float32)
        shape = squeezed(self.graph.run(self.arranged(window), 1)).shape[1:]
        if len(shape) < 2:
            return ()
        numbers = shape[-1 if self.last else 0]
        return (
            f"What {self.graph.name} puts out for a window, {shape}, is read as vectors of "
            f"{numbers} numbers, since its input has them {'last' if self.last else 'first'} too.",
        )

    def notes_on(self, items: list[Any]) -> tuple[str, ...]:
        """Return how many items are shorter than the network takes."""
        short = [row for row, item in enumerate(items) if self.steps_of(item) < self.fewest]
        if not short:
            return ()
        named = ", ".join(map(str, short[:NAMED])) + ", …" * (len(short) > NAMED)
        kind, is_short = self.encoder.kind_.plural, "is" if len(short) == 1 else "are"
        return (
            f"{len(short):,} of {len(items):,} {kind} {is_short} shorter than {self.graph.name} "
            f"takes (item {named}): each is filled up with zeros on both sides.",
        )

    def steps_of(self, item: Any) -> float:
        """Return how many steps an item has before it is filled up."""
        return item.shape[1]

    def parts(self, n: int) -> list[slice]:
        """Return the rows of items whose vectors are made at once: each by itself."""
        return [slice(row, row + 1) for row in range(n)]

    def frames(self, item: Any) -> np.ndarray:
        """Return what there is at each time of an item, ``(time, width)``."""
        return filled_up(item.T, self.fewest)

    def vectors(self, items: list[Any]) -> np.ndarray:
        """Return the vectors of series, or of sounds."""
        return np.stack([self._vector(item) for item in items])

    def _vector(self, item: Any) -> np.ndarray:
        frames = self.scaled(self.frames(item))
        length = self.window or len(frames)
        last = len(frames) - length
        starts = [*range(0, last, self.encoder.hop or length), last]
        windows = np.stack([frames[start : start + length] for start in starts])
        made = self.graph.run(self.arranged(windows), self.encoder.batch_size)
        return self.pooled(self.places(made))

    def arranged(self, windows: np.ndarray) -> np.ndarray:
        """Return windows ``(n, time, width)`` with their axes where the network has them."""
        return arranged(windows, self.graph, self.time_axis, self.width_axis)


class SoundFeed(SeriesFeed):
    """How sounds go into a network: their samples, or what its front makes of them."""

    def __init__(self, encoder: ONNX):
        self.front: OnnxGraph | None = None
        super(SeriesFeed, self).__init__(encoder)
        if encoder.rate is None:
            raise DataError(
                "onnx: expected how many samples a second the network takes of sounds, which its "
                "file does not say; write onnx(rate=16000), say, beside its path."
            )
        self.rate = int(encoder.rate)
        if encoder.front is None:
            self._set_width(1)
            return
        self.front = open_graph(encoder.front)
        self.front_axis, _ = sequence_axes(self.front, 1)
        self._look_at_front()

    def _check_asked(self) -> None:
        """Sounds have all that can be asked for."""

    @property
    def digests(self) -> list[str]:
        """Of the files."""
        front = [] if self.front is None else [self.front.sha256]
        return [self.graph.sha256, *front]

    def steps_of(self, item: Sound) -> float:
        """Return how many samples a sound has with the silence around it."""
        return (item.seconds + 2 * self.encoder.silence) * self.rate

    def _look_at_front(self) -> None:
        """Note along which axis the front has time, and how many samples make a window."""
        assert self.front is not None
        if self.front.dims[self.front_axis] is not None:
            raise DataError(
                f"onnx: the front {self.front.name} takes {self.front.dims[self.front_axis]} "
                "samples and no other number; expected one that takes sounds of any length."
            )
        lengths = (2 * self.rate, 3 * self.rate)
        shapes = [self._of_front(np.zeros(n, np.float32)).shape for n in lengths]
        grown = [axis for axis, (a, b) in enumerate(zip(*shapes, strict=True)) if a != b]
        if len(grown) != 1:
            raise DataError(
                f"onnx: the front {self.front.name} puts out the shapes {shapes[0]} and "
                f"{shapes[1]} for two and three seconds; expected one axis of time."
            )
        self.out_axis = grown[0]
        few, many = (shape[self.out_axis] for shape in shapes)
        self._set_width(int(np.prod(shapes[0])) // few)
        samples = self.rate / (many - few)  # a frame
        missing = few - (self.window or 1)
        self.fewest = max(1, int(np.ceil(lengths[0] - missing * samples)))

    def _of_front(self, samples: np.ndarray) -> np.ndarray:
        """Return what the front puts out for a sound."""
        assert self.front is not None
        batch = arranged(samples[None, :, None], self.front, self.front_axis, None)
        return self.front.run(batch, 1)[0]

    def frames(self, item: Sound) -> np.ndarray:
        """Return the samples of a sound, or the frames that the front makes of them."""
        samples = resampled_sound(item, self.rate).samples * np.float32(self.encoder.full_scale)
        samples = np.pad(samples, round(self.encoder.silence * self.rate))
        samples = filled_up(samples[:, None], self.fewest)
        if self.front is None:
            return samples
        made = np.moveaxis(self._of_front(samples[:, 0]), self.out_axis, 0)
        return made.reshape(len(made), -1)


FEEDS: dict[type, type[Feed]] = {
    Image: PictureFeed,
    Vector: VectorFeed,
    Series: SeriesFeed,
    Audio: SoundFeed,
}


def squeezed(output: np.ndarray) -> np.ndarray:
    """Return what is put out without its axes of length one, but for the first."""
    return output.reshape(len(output), *(side for side in output.shape[1:] if side > 1))


def filled_up(frames: np.ndarray, least: int) -> np.ndarray:
    """Return frames ``(time, width)``, of which there are so many at least, zeros on both sides.

    Examples
    --------
    >>> filled_up(np.ones((2, 1)), 5)[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0, 0.0]
    """
    missing = max(0, least - len(frames))
    return np.pad(frames, ((missing // 2, missing - missing // 2), (0, 0)))


def arranged(
    windows: np.ndarray, graph: OnnxGraph, time_axis: int, width_axis: int | None
) -> np.ndarray:
    """Return windows ``(n, time, width)`` with their axes where a network has them."""
    n, length, width = windows.shape
    shape = [1] * len(graph.dims)
    shape[0], shape[time_axis] = n, length
    if width_axis is not None:
        shape[width_axis] = width
        if width_axis < time_axis:
            windows = windows.transpose(0, 2, 1)
    return windows.reshape(shape)
