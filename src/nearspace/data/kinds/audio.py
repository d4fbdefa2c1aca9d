"""`Audio`: sounds of one rate, each of its own length."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.duplicates import near_rows
from nearspace.data.kinds.audio_files import MOST_RATE, read_sounds
from nearspace.data.kinds.audio_shown import clip, player, spectrogram
from nearspace.data.kinds.kind import ItemsRead, Kind, Scaling, Wanted, content_hash
from nearspace.data.kinds.series import ends_of, outlines
from nearspace.data.members import File
from nearspace.data.sound import Sound, is_sound, resampled_sound, sound_of
from nearspace.data.spans import Cut, cut_steps
from nearspace.data.traits import Trait
from nearspace.errors import DataError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from nearspace.data.padded import Padded

__all__ = ["Audio"]

ENDINGS = ".wav .flac .ogg .oga .opus .mp3 .aiff .aif .au"
SAMPLES = 1024  # to which a sound is brought where all items need as many
FRAMES = 16  # to which a spectrogram is brought to be compared with others
HEARD = 6.0  # below its loudest place a spectrogram is noise, as a natural logarithm of power
ROOM = 2.5  # of the logarithm of power, about: its deviation, by which networks see it


@dataclasses.dataclass(frozen=True)
class Audio(Kind):
    """Sounds of one rate: a list of `Sound`.

    Networks see them as spectrograms: series of 40 bands of pitch.

    Attributes
    ----------
    rate : int
        Samples a second.

    Examples
    --------
    >>> Audio.infer([Sound(np.zeros(800, np.float32), 8000)])
    Audio(rate=8000)
    """

    name: ClassVar[str] = "audio"
    plural: ClassVar[str] = "sounds"
    pictured: ClassVar[bool] = True
    heard: ClassVar[bool] = True
    form: ClassVar[str] = "sounds (nearspace.Sound(samples, rate))"
    endings: ClassVar[tuple[str, ...]] = tuple(ENDINGS.split())
    alone: ClassVar[bool] = True
    unit: ClassVar[str] = "second"
    rate: int

    def __str__(self) -> str:
        return f"sounds of {self.rate:,} samples a second"

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like sounds: they are `Sound`."""
        are = isinstance(items, list | tuple) and items and all(map(_is_sound, items))
        return "list of sounds" if are else None

    @classmethod
    def coerce(cls, items: Any, rate: float | None = None) -> Any:
        """Return arrays of samples at a rate as sounds, of several channels their mean."""
        if cls.recognise(items) is not None or rate is None:
            return items
        if is_sound(items) or not isinstance(items, list | tuple | np.ndarray):
            raise DataError(
                f"expected a list of arrays of samples, got one {type(items).__name__}."
            )
        return [sound_of(item, rate) for item in items]

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of sounds: of the rate that most of them have."""
        if cls.recognise(items) is None:
            raise DataError(
                "expected sounds, as files or with their rate (load(arrays, kind='audio', "
                f"rate=16000)), got a {type(items).__name__}."
            )
        rates, counts = np.unique([sound.rate for sound in items], return_counts=True)
        return cls(int(rates[counts.argmax()]))

    def check(self, items: Any, who: str = "Sounds") -> list[Sound]:
        """Return the sounds at the rate of the kind.

        Raises
        ------
        DataError
            On what is no `Sound`, on one without a sample, and on NaN or infinity.
        """
        if not isinstance(items, list | tuple):
            raise DataError(f"{who}: expected a list of Sound, got a {type(items).__name__}.")
        checked = []
        for row, sound in enumerate(items):
            if not _is_sound(sound):
                raise DataError(
                    f"{who}: item {row} is of type {type(sound).__name__}, expected "
                    "Sound(samples, rate)."
                )
            samples = np.asarray(sound.samples)
            if samples.ndim != 1 or not len(samples) or samples.dtype.kind != "f":
                raise DataError(
                    f"{who}: sound {row} has samples of shape {samples.shape} and {samples.dtype}, "
                    "expected floats of shape (time,), one at least."
                )
            if not np.isfinite(samples).all():
                raise DataError(f"{who}: sound {row} holds NaN or infinity; leave it out.")
            plain = Sound(np.ascontiguousarray(samples, dtype=np.float32), sound.rate)
            checked.append(resampled_sound(plain, self.rate))
        return checked

    @classmethod
    def read(cls, paths: Sequence[File], wanted: Wanted) -> ItemsRead:
        """Return the sounds in files, at the rate wanted, or that of most of them."""
        _check_size(wanted, f"{len(paths):,} files")
        like = wanted.like if isinstance(wanted.like, cls) else None
        rate = _rate(wanted) if like is None else like.rate
        read = read_sounds(paths, rate, like is not None, wanted.progress)
        return ItemsRead(read.sounds, cls(read.rate), tuple(read.notes), read.failed)

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return sounds at the rate that is wanted, or that of most."""
        _check_size(wanted, who)
        rate = _rate(wanted)
        kind = self if rate is None else Audio(rate)
        return ItemsRead(kind.check(items, who), kind)

    def empty(self) -> list[Sound]:
        """Return no sounds."""
        return []

    def blank(self) -> list[Sound]:
        """Return a second of silence."""
        return [Sound(np.zeros(self.rate, np.float32), self.rate)]

    def join(self, first: list[Sound], second: list[Sound]) -> list[Sound]:
        """Return sounds followed by others."""
        return [*first, *second]

    def hashes(self, items: list[Sound]) -> np.ndarray:
        """Return the content hash of every sound: of its samples and its rate."""
        return content_hash([str(s.rate).encode() + (s.samples + 0.0).tobytes() for s in items])

    def numbers(self, items: Any) -> int:
        """Return how many numbers items have in all."""
        return sum(len(sound.samples) for sound in items)

    def near(self, items: list[Sound], asked: np.ndarray) -> np.ndarray:
        """Return pairs of sounds whose spectrograms are nearly the same, however loud each is."""
        from nearspace.data.spectrogram import log_mel

        flat, lengths = log_mel([sound.samples for sound in items], self.rate)
        rows = []
        for frames in np.split(flat.numpy(), lengths.cumsum()[:-1]):
            heard = np.maximum(frames, frames.max() - HEARD)
            ends = pairwise(np.linspace(0, len(heard), FRAMES + 1).astype(int))
            means = [heard[first : max(last, first + 1)].mean(axis=0) for first, last in ends]
            rows.append(np.concatenate(means) - np.mean(means))
        return near_rows(np.array(rows), asked)

    def features(self, items: list[Sound]) -> np.ndarray:
        """Return 1,024 samples from the first to the last, shape ``(n, 1024)``, float32."""
        return outlines([sound.samples[None] for sound in items], SAMPLES)[:, 0]

    def to_sklearn(self, items: list[Sound]) -> np.ndarray:
        """Return the sounds as a matrix, as `features` does."""
        return self.features(items)

    def traits(self, items: list[Sound], rows: np.ndarray) -> list[Trait]:
        """Return how long and how loud sounds are."""
        some = [items[row].samples for row in rows]
        loudness = [float(np.sqrt(np.mean(np.square(samples)))) for samples in some]
        return [
            Trait("the length of the sounds", np.array([len(samples) for samples in some], float)),
            Trait("the loudness of the sounds", np.array(loudness)),
        ]

    def batches(self, items: list[Sound], scaling: Scaling | None = None) -> Padded:
        """Return spectrograms as they wait for a network, which sees all bands scaled alike."""
        import torch

        from nearspace.data.padded import Padded
        from nearspace.data.spectrogram import log_mel

        flat, counts = log_mel([sound.samples for sound in items], self.rate)
        if scaling is not None:
            mean, scale = (float(part[0, 0]) for part in scaling)
            flat.sub_(mean).div_(scale)
        lengths = torch.from_numpy(counts)
        return Padded(flat, lengths.cumsum(0) - lengths, lengths)

    def scaling(self, items: list[Sound]) -> Scaling:
        """Return the mean and the deviation of all bands, shape ``(bands + 1, 1)`` each.

        The last are 0 and 1, of the channel that says where a sound ends.
        """
        from nearspace.data.spectrogram import BANDS, log_mel

        flat, _ = log_mel([sound.samples for sound in items], self.rate)
        mean = np.full((BANDS + 1, 1), float(flat.mean()), np.float32)
        scale = np.full((BANDS + 1, 1), float(flat.std()) or 1.0, np.float32)
        mean[-1], scale[-1] = 0, 1
        return mean, scale

    def values(self, raw: Tensor) -> Tensor:
        """Return the bands as they are, and of the last channel how surely there is a frame."""
        import torch

        return torch.cat([raw[:, :-1], raw[:, -1:].sigmoid()], dim=1)

    def restore(self, values: np.ndarray) -> list[Sound]:
        """Return spectrograms ``(n, bands + 1, frames)`` as sounds, each as long as it says."""
        from nearspace.data.spectrogram import griffin_lim

        return [
            Sound(griffin_lim(item[:-1, :length].T, self.rate), self.rate)
            for item, length in zip(values, ends_of(values), strict=True)
        ]

    def stored(self, decoded: Any) -> list[Sound]:
        """Return decoded sounds as they are."""
        return list(decoded)

    def views(self, batch: Tensor, generator: Generator, mirror: bool = False) -> Tensor:
        """Return one random variation of every spectrogram of a batch ``(b, bands + 1, frames)``.

        A part of it at another pace; pitch drawn out or pressed together, as another length of
        the vocal tract does (Jaitly & Hinton, 2013); louder or softer; noise under it; a stretch
        of frames and a run of bands hidden (SpecAugment, Park et al., 2019).
        """
        import torch

        from nearspace.data.padded import places_at, warped

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            size = (len(batch), *shape)
            drawn = torch.rand(size, generator=generator, device=batch.device, dtype=batch.dtype)
            return low + (high - low) * drawn

        view = warped(batch, generator, shortest=0.75, speed=0.2, bend=0.2)
        mask, values = view[:, -1:], view[:, :-1]
        bands = torch.arange(values.shape[1], device=batch.device)
        places = bands * uniform(0.88, 1.12, 1)
        values = places_at(values.transpose(1, 2), places).transpose(1, 2)
        values = values + uniform(-0.8, 0.8, 1, 1)
        level = uniform(-2.5, -0.5, 1, 1)  # of noise, in deviations below the mean
        noise = level + torch.randn(values.shape, generator=generator, device=batch.device) / ROOM
        values = torch.logaddexp(values * ROOM, noise * ROOM) / ROOM
        length = mask.sum(dim=2, keepdim=True)
        at = torch.arange(view.shape[2], device=batch.device)
        wide, high = uniform(0, 0.2, 1, 1) * length, uniform(0, 0.25, 1, 1) * len(bands)
        left, low = uniform(0, 1, 1, 1) * (length - wide), uniform(0, 1, 1, 1) * (len(bands) - high)
        hidden = (at >= left) & (at < left + wide)
        hidden = hidden | ((bands[:, None] >= low) & (bands[:, None] < low + high))
        return torch.cat([values.masked_fill(hidden, 0) * mask, mask], dim=1)

    def cut(self, items: list[Sound], size: float, overlap: float, who: str) -> Cut:
        """Return sounds in chunks of so many seconds, which share their memory."""
        steps = max(1, round(size * self.rate))
        shared = min(steps - 1, round(overlap * self.rate))
        rows, spans, left = cut_steps([len(sound) for sound in items], steps, shared, who)
        chunks = [
            Sound(items[row].samples[start:end], self.rate)
            for row, (start, end) in zip(rows, spans.tolist(), strict=True)
        ]
        return Cut(chunks, rows, spans[:, 0] / self.rate, left)

    def draw(self, item: Sound) -> str:
        """Return a picture of the sound, and what plays its first seconds."""
        return player(item)

    def picture(self, item: Sound, side: int = 64, usual: Any = None) -> bytes:
        """Return the spectrogram of its first seconds, ``side`` pixels wide and high."""
        return spectrogram(item, side, side)

    def thumbnail(self, item: Sound, usual: Any = None) -> bytes:
        """Return the first seconds of the sound as a small file, of which a picture can be made."""
        return clip(item)


def _check_size(wanted: Wanted, who: str) -> None:
    if wanted.size is not None:
        raise DataError(f"{who}: size= is for images, and these items are sounds.")


def _rate(wanted: Wanted) -> int | None:
    """Return the rate that is wanted, a whole number."""
    if wanted.rate is None:
        return None
    rate = int(wanted.rate)
    if rate != wanted.rate or rate > MOST_RATE:
        raise DataError(
            f"load: expected a rate of whole samples a second, up to {MOST_RATE:,}, got "
            f"{wanted.rate:,}; 16000 suits speech."
        )
    return rate


def _is_sound(item: Any) -> bool:
    return isinstance(item, Sound)
