"""`Series`: several channels over time, each item of its own length."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.duplicates import near_rows
from nearspace.data.kinds.kind import (
    ItemsRead,
    Kind,
    Scaling,
    Wanted,
    array_words,
    content_hash,
    number_array,
)
from nearspace.data.kinds.series_shown import SeriesFrame, drawn_lines, frame_of, line_picture
from nearspace.data.spans import Cut, cut_steps, whole_numbers
from nearspace.data.traits import Trait
from nearspace.errors import DataError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from nearspace.data.padded import Padded

__all__ = ["Series", "outlines"]

STEPS = 128  # to which a channel is brought where all items need as many
NAMED = 3  # series, in a note
CONSTANT = 1e-6  # of its own size: a channel that deviates by less keeps its scale


@dataclasses.dataclass(frozen=True)
class Series(Kind):
    """Series of some channels: a list of float32 arrays ``(channels, time)``, of any lengths.

    Attributes
    ----------
    channels : int
        How many numbers there are at each step.
    rate : float or None
        Steps a second, where that is said.

    Examples
    --------
    >>> import numpy as np
    >>> Series.infer([np.arange(5.0), np.arange(3.0)])
    Series(channels=1)
    >>> Series.infer(np.full((10, 6, 100), -1.0))
    Series(channels=6)
    """

    name: ClassVar[str] = "series"
    plural: ClassVar[str] = "series"
    pictured: ClassVar[bool] = True
    unit: ClassVar[str] = "step"
    form: ClassVar[str] = (
        "series: a list of arrays of shape (channels, time) or (time,), of any lengths, or an "
        "array of shape (n, channels, time)"
    )
    channels: int
    rate: float | None = dataclasses.field(default=None, repr=False)

    def __str__(self) -> str:
        plural = "" if self.channels == 1 else "s"
        rate = "" if self.rate is None else f" at {self.rate:g} steps a second"
        return f"series of {self.channels} channel{plural}{rate}"

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like series.

        Arrays in a list are series where they have several lengths, and an array of three axes
        is one where its floats could be no pixels.
        """
        are_arrays = isinstance(items, list | tuple) and items and all(map(_is_array, items))
        if are_arrays and len({item.shape for item in items}) > 1:
            alike = len({item.ndim for item in items}) == 1
            return "list of arrays of several lengths" if alike else None
        array = number_array(items)
        if array is None or array.ndim != 3 or array.dtype.kind != "f" or not array.size:
            return None
        low, high = np.nanmin(array), np.nanmax(array)
        return array_words(array) if low < 0 or high > 255 else None

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of a list of arrays, or of an array."""
        first = _as_series(items, "Series")[0]
        return cls(first.shape[0])

    def check(self, items: Any, who: str = "Series") -> list[np.ndarray]:
        """Return the series as a list of float32 arrays ``(channels, time)``.

        Raises
        ------
        DataError
            On other numbers of channels, on a series without a step, and on NaN or infinity.
        """
        return self._checked(items, who, filled=[])

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return the series checked; where a value is missing, between those beside it in time.

        Where no channel has a value any more, a series ends.
        """
        if wanted.size is not None:
            raise DataError(f"{who}: size= is for images, and these items are series.")
        filled: list[tuple[int, int, bool]] = []
        kind = self if wanted.rate is None else dataclasses.replace(self, rate=wanted.rate)
        checked = self._checked(items, who, filled, fill=True)
        return ItemsRead(checked, kind, tuple(_on_filled(filled, checked)))

    def _checked(
        self, items: Any, who: str, filled: list[tuple[int, int, bool]], fill: bool = False
    ) -> list[np.ndarray]:
        checked, largest = [], np.finfo(np.float32).max
        for row, series in enumerate(_as_series(items, who)):
            if series.shape[0] != self.channels:
                raise DataError(
                    f"{who}: series {row} has {series.shape[0]} channels, expected "
                    f"{self.channels}, as the others have; leave it out, or give it as (channels, "
                    "time)."
                )
            if not series.shape[1]:
                raise DataError(f"{who}: series {row} has no step; leave it out.")
            if fill:
                series = _without_end(series)
            if fill and np.isnan(series).any():
                empty = np.isnan(series).all(axis=1)
                filled.append((row, int(np.isnan(series).sum()), bool(empty.any())))
                series = _without_gaps(series)
            wrong = np.argwhere(~(np.abs(series) <= largest))
            if len(wrong):
                channel, step = wrong[0]
                raise DataError(
                    f"{who}: series {row}, channel {channel}, step {step} is "
                    f"{series[channel, step]}, expected a finite number that float32 can hold; "
                    "load fills what is missing (NaN), else leave the series out."
                )
            checked.append(np.ascontiguousarray(series, dtype=np.float32))
        return checked

    def empty(self) -> list[np.ndarray]:
        """Return no series."""
        return []

    def blank(self) -> list[np.ndarray]:
        """Return one series of zeros."""
        return [np.zeros((self.channels, STEPS), np.float32)]

    def join(self, first: list[np.ndarray], second: list[np.ndarray]) -> list[np.ndarray]:
        """Return series followed by others."""
        return [*first, *second]

    def hashes(self, items: Any) -> np.ndarray:
        """Return the content hash of every series: of its numbers and their places."""
        rows = self.check(items) if len(items) else []
        # Adding zero turns -0.0 into 0.0.
        return content_hash([repr(row.shape).encode() + (row + 0.0).tobytes() for row in rows])

    def numbers(self, items: Any) -> int:
        """Return how many numbers items have in all."""
        return sum(item.size for item in items)

    def near(self, items: list[np.ndarray], asked: np.ndarray) -> np.ndarray:
        """Return pairs of series whose outlines are nearer than chance would put them."""
        rows = self.features(items)
        return near_rows(rows, asked)

    def features(self, items: list[np.ndarray]) -> np.ndarray:
        """Return each channel at 128 times from its first step to its last, one after the other.

        Between two steps lies their mean by distance. Shape ``(n, channels * 128)``.
        """
        return outlines(items, STEPS).reshape(len(items), -1)

    def to_sklearn(self, items: list[np.ndarray]) -> np.ndarray:
        """Return the series as a matrix, as `features` does."""
        return self.features(items)

    def traits(self, items: list[np.ndarray], rows: np.ndarray) -> list[Trait]:
        """Return how long series are."""
        lengths = [items[row].shape[1] for row in rows]
        return [Trait("the length of the series", np.array(lengths, dtype=np.float64))]

    def batches(self, items: list[np.ndarray], scaling: Scaling | None = None) -> Padded:
        """Return the series as they wait for a network, which sees every channel scaled."""
        import torch

        from nearspace.data.padded import Padded

        if not items:
            none = torch.zeros(0, dtype=torch.int64)
            return Padded(torch.zeros(0, self.channels), none, none)
        steps = np.concatenate([item.T for item in items])
        if scaling is not None:
            mean, scale = (part[:-1, 0] for part in scaling)
            steps = (steps - mean) / scale
        lengths = torch.tensor([item.shape[1] for item in items])
        flat = torch.from_numpy(np.ascontiguousarray(steps, dtype=np.float32))
        return Padded(flat, lengths.cumsum(0) - lengths, lengths)

    def scaling(self, items: list[np.ndarray]) -> Scaling:
        """Return mean and deviation of every channel, shape ``(channels + 1, 1)`` each.

        The last are 0 and 1, of the channel that says where a series ends.
        """
        steps = np.concatenate(items, axis=1)
        mean = steps.mean(axis=1, dtype=np.float64)
        scale = steps.std(axis=1, dtype=np.float64)
        scale[scale <= CONSTANT * np.abs(mean)] = 1.0
        ends = np.append(mean, 0.0), np.append(scale, 1.0)
        return tuple(end.astype(np.float32)[:, None] for end in ends)  # type: ignore[return-value]

    def values(self, raw: Tensor) -> Tensor:
        """Return the channels as they are, and of the last one how surely there is a step."""
        import torch

        return torch.cat([raw[:, :-1], raw[:, -1:].sigmoid()], dim=1)

    def restore(self, values: np.ndarray) -> list[np.ndarray]:
        """Return a batch ``(n, channels + 1, time)`` as series, each as long as it says."""
        return [item[:-1, :length] for item, length in zip(values, ends_of(values), strict=True)]

    def stored(self, decoded: Any) -> list[np.ndarray]:
        """Return decoded series as float32."""
        return [np.ascontiguousarray(item, dtype=np.float32) for item in decoded]

    def cut(self, items: list[np.ndarray], size: float, overlap: float, who: str) -> Cut:
        """Return series in chunks of so many steps, which share their memory."""
        size, overlap = whole_numbers(size, overlap, self.unit)
        rows, spans, left = cut_steps([item.shape[1] for item in items], size, overlap, who)
        chunks = [
            items[row][:, start:end] for row, (start, end) in zip(rows, spans.tolist(), strict=True)
        ]
        return Cut(chunks, rows, spans[:, 0], left)

    def views(self, batch: Tensor, generator: Generator, mirror: bool = False) -> Tensor:
        """Return one random variation of every series of a batch ``(b, channels + 1, time)``.

        A part of it at another pace, which also changes within; each channel larger or smaller,
        and moved; noise on each step; one stretch hidden. Half of the views run backwards where
        ``mirror`` says that they show the same then.
        """
        import torch

        from nearspace.data.padded import lengths_of, warped

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            size = (len(batch), *shape)
            drawn = torch.rand(size, generator=generator, device=batch.device, dtype=batch.dtype)
            return low + (high - low) * drawn

        view = warped(batch, generator, shortest=0.6, speed=0.2, bend=0.3)
        mask, values = view[:, -1:], view[:, :-1]
        length = mask.sum(dim=2, keepdim=True)
        at = torch.arange(view.shape[2], device=batch.device)
        if mirror:
            backwards = (lengths_of(view)[:, None, None] - 1 - at).clamp(min=0)
            turned = values.gather(2, backwards.expand_as(values))
            values = torch.where(uniform(0, 1, 1, 1) < 0.5, turned, values)
        shape = (values.shape[1], 1)
        values = values * uniform(0.75, 1.25, *shape) + uniform(-0.15, 0.15, *shape)
        noise = torch.randn(values.shape, generator=generator, device=batch.device)
        values = values + 0.1 * uniform(0, 1, 1, 1) * noise
        width = uniform(0, 0.25, 1, 1) * length
        first = uniform(0, 1, 1, 1) * (length - width)
        hidden = (at >= first) & (at < first + width)
        return torch.cat([values * mask * ~hidden, mask], dim=1)

    def draw(self, item: np.ndarray, usual: SeriesFrame | None = None) -> str:
        """Return the channels of the series as lines, beside others where it is told of them."""
        return drawn_lines(item, usual)

    def usual(self, items: list[np.ndarray]) -> SeriesFrame | None:
        """Return how long the longest is, and from where to where each channel is drawn."""
        return frame_of(items) if items else None

    def picture(self, item: np.ndarray, side: int = 64, usual: SeriesFrame | None = None) -> bytes:
        """Return the channels of the series as lines, ``side`` pixels wide and high."""
        return line_picture(item, side, usual)


def outlines(items: list[np.ndarray], steps: int) -> np.ndarray:
    """Return series at so many times from the first step to the last, ``(n, channels, steps)``.

    Examples
    --------
    >>> outlines([np.array([[0.0, 2.0]])], 3).tolist()
    [[[0.0, 1.0, 2.0]]]
    """
    rows = []
    for item in items:
        places = np.linspace(0, item.shape[1] - 1, steps)
        left = places.astype(np.int64)
        share = places - left
        right = np.minimum(left + 1, item.shape[1] - 1)
        rows.append(item[:, left] * (1 - share) + item[:, right] * share)
    return np.array(rows, dtype=np.float32)


def ends_of(values: np.ndarray) -> list[int]:
    """Return how many steps items of a decoded batch have, by its last channel; one at least."""
    return np.maximum(1, (values[:, -1] >= 0.5).sum(axis=1)).tolist()


def _is_array(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.ndim in (1, 2) and item.dtype.kind in "fiu"


def _as_series(items: Any, who: str) -> list[np.ndarray]:
    """Return items as arrays of two axes, channels and time."""
    whole = items if isinstance(items, list | tuple) else number_array(items)
    if whole is None or not len(whole):
        raise DataError(
            f"{who}: expected a list of arrays of shape (channels, time) or (time,), got "
            f"{'none' if whole is not None else type(items).__name__}."
        )
    series = []
    for row, item in enumerate(whole):
        try:
            array = np.asarray(item)
        except ValueError:
            array = np.empty((0, 0, 0))
        if array.ndim == 1:
            array = array[None]
        if array.ndim != 2 or not array.shape[0] or array.dtype.kind not in "fiub":
            raise DataError(
                f"{who}: series {row} is {_described(item)}, expected an array of numbers of "
                "shape (channels, time) or (time,)."
            )
        series.append(array)
    return series


def _described(item: Any) -> str:
    shape = getattr(item, "shape", None)
    return f"an array of shape {shape}" if shape is not None else f"of type {type(item).__name__}"


def _without_end(series: np.ndarray) -> np.ndarray:
    """Return a series without the steps at its end in which no channel has a value."""
    there = ~np.isnan(series).all(axis=0)
    return series[:, : int(np.flatnonzero(there)[-1]) + 1] if there.any() else series


def _without_gaps(series: np.ndarray) -> np.ndarray:
    """Return a series whose missing values lie on the line between those beside them in time."""
    whole = np.array(series, dtype=np.float64)
    at = np.arange(whole.shape[1])
    for channel in whole:
        there = ~np.isnan(channel)
        channel[~there] = np.interp(at[~there], at[there], channel[there]) if there.any() else 0.0
    return whole


def _on_filled(filled: list[tuple[int, int, bool]], items: list[np.ndarray]) -> list[str]:
    """Return what there is to say of values that were missing."""
    if not filled:
        return []
    rows = ", ".join(str(row) for row, *_ in filled[:NAMED]) + ", …" * (len(filled) > NAMED)
    share = sum(count for _, count, _ in filled) / sum(item.size for item in items)
    notes = [
        f"Values are missing in {len(filled):,} of {len(items):,} series ({rows}), {share:.2%} of "
        "all: they were filled by the line between their neighbours in time, at the ends by the "
        "nearest value."
    ]
    if empty := [row for row, _, whole in filled if whole]:
        named = ", ".join(map(str, empty[:NAMED])) + ", …" * (len(empty) > NAMED)
        notes.append(
            f"A channel without any value was filled with 0 in {len(empty):,} series ({named})."
        )
    return notes
