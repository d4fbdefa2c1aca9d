"""Read sounds in files: mixed to one channel, brought to one rate, long ones block by block."""

from __future__ import annotations

import dataclasses
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearspace.data.in_threads import in_threads
from nearspace.data.kinds.kind import Progress
from nearspace.data.members import File, Member, size_of
from nearspace.data.memory import check_memory
from nearspace.data.resampling import Resampler, resampled
from nearspace.data.sound import Sound
from nearspace.data.wav import PlainWav, read_wav
from nearspace.errors import DataError, need

__all__ = ["MOST_RATE", "SoundsRead", "read_sounds"]

SHORT = 2**21  # samples of all channels that are read at once
BLOCK = 2**18  # frames of a longer sound that are
LARGE = 2**18  # bytes of a file whose decoding is worth a thread
MOST_CHANNELS = 1024
MOST_RATE = 1_000_000  # samples a second of a file
NAMED = 3  # files, in a note
EACH = 256  # files after which is estimated what all of them take
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, ArithmeticError)

LOUDEST = 1e9  # times full scale, beyond which samples are none
FULL, ROW = 0.99, 4  # of full scale, and samples in a row at one value there, where it is clipped
SILENT = 1e-3  # of full scale, within which all samples of a silent sound lie
OFFSET = 0.05  # of full scale, beyond which the mean of all samples lies
OPPOSITE = 0.1  # of the power of several channels that their mean has, where they cancel out

# What libsndfile says of a header that declares more than there is.
DECLARED = re.compile(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)")
NO_END = 0x7FF00000  # bytes or frames, which recorders declare before they know how many come


@dataclasses.dataclass(frozen=True, eq=False)
class SoundsRead:
    """What was made of files of sounds.

    Attributes
    ----------
    sounds : list of Sound
        Those that could be read, in their order.
    rate : int
        Samples a second of all of them.
    failed : dict of int to str
        The reason for each file, by its position, that could not be read.
    notes : list of str
        Why they have this rate, and what else there is to say.
    """

    sounds: list[Sound]
    rate: int
    failed: dict[int, str]
    notes: list[str]


@dataclasses.dataclass
class _Look:
    """What was seen of the sound in a file, and its samples as far as they were read."""

    rate: int
    channels: int
    declared: int  # frames, one sample of each channel
    sound: Sound | None = None
    frames: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    clipped: bool = False
    power: float = 0.0  # of several channels, and of their mean
    mixed_power: float = 0.0

    def mixed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a block ``(time,)`` or ``(time, channels)`` as one channel, and look at it.

        Raises
        ------
        DataError
            If its samples are none that a sound has.
        """
        if not block.size:
            return block.reshape(-1)
        self.frames += len(block)
        low, high = float(block.min()), float(block.max())
        if not -LOUDEST <= low <= high <= LOUDEST:
            finite = np.isfinite(low) and np.isfinite(high)
            what = f"samples of {max(-low, high):.3g}" if finite else "NaN or infinity"
            raise DataError(f"it holds {what}")
        self.low, self.high = min(self.low, low), max(self.high, high)
        if high >= FULL or low <= -FULL:
            self.clipped = self.clipped or _is_clipped(block)
        mixed = block if block.ndim == 1 else block.mean(axis=1)
        self.total += float(mixed.sum())
        if block.ndim > 1:
            self.power += float(np.vdot(block, block)) / self.channels
            self.mixed_power += float(np.vdot(mixed, mixed))
        return mixed

    def check(self) -> None:
        """Raise unless there are samples, as many as were declared, at a rate that sounds have."""
        if not 1 <= self.rate <= MOST_RATE or self.channels > MOST_CHANNELS:
            raise DataError(
                f"its header says {self.channels:,} channels of {self.rate:,} samples a second"
            )
        if not self.frames:
            raise DataError("without a sample")
        if self.frames < self.declared < NO_END:
            raise DataError(
                f"it ends after {self.frames / self.rate:.2f} of the "
                f"{self.declared / self.rate:.2f} s that its header says"
            )

    def notes(self) -> Iterator[str]:
        """Yield what is odd about it."""
        if self.clipped:
            yield CLIPPED
        if self.high - self.low < 2 * SILENT:
            yield QUIET
        if abs(self.total) > OFFSET * self.frames:
            yield MOVED
        if self.mixed_power < OPPOSITE * self.power:
            yield CANCELLED


CLIPPED = f"clipped, with {ROW} or more samples in a row at one value at full scale"
QUIET = "silent: no sample differs from another by more than 0.002 of full scale"
MOVED = f"off the middle: the mean is more than {OFFSET} of full scale"
CANCELLED = "nearly lost in the mean of channels, which are opposite; give one channel"


def read_sounds(
    files: Sequence[File],
    rate: int | None = None,
    given: bool = False,
    progress: Progress | None = None,
) -> SoundsRead:
    """Return the sounds in files, at one rate, and which files cannot be read.

    Several channels are mixed by their mean. Sounds keep their lengths. A long one is mixed and
    resampled block by block, so that no more of it is in memory than what comes out.

    Parameters
    ----------
    files : sequence of Path or Member
        Of any format that libsndfile reads.
    rate : int, optional
        Samples a second; by default those of most files, of two that are as many the higher.
    given : bool, default=False
        Whether the rate is that of other sounds, as a note then says.
    progress : callable, optional
        Called with the number of files read and the number of all.

    Raises
    ------
    DataError
        If no file can be read, or all do not fit into memory.
    MissingExtra
        If soundfile is not installed.
    """
    need("audio", "Reading files of sound")
    results = dict(enumerate(_each(files, [rate] * len(files), progress)))
    rates = Counter(look.rate for look in results.values() if isinstance(look, _Look))
    most = rate or max(rates, key=lambda each: (rates[each], each), default=0)
    # What was too long to be read before the rate was told, and what has another one.
    again = [
        index
        for index, look in results.items()
        if isinstance(look, _Look) and (look.sound is None or look.sound.rate != most)
    ]
    of_these = _each([files[index] for index in again], [most] * len(again))
    results |= dict(zip(again, of_these, strict=True))
    failed = {index: look for index, look in results.items() if isinstance(look, str)}
    looks = {index: look for index, look in results.items() if isinstance(look, _Look)}
    if not looks:
        raise DataError(
            f"None of the {len(files):,} sounds can be read; the first is {files[0].name}: "
            f"{failed[0]}."
        )
    sounds = [look.sound for look in looks.values() if look.sound is not None]
    why = "as the others" if given else "as asked" if rate else ""
    notes = [_on_rate(sounds, rates, most, why), *_on_channels([*looks.values()])]
    odd: dict[str, list[str]] = {}
    for index, look in looks.items():
        for note in look.notes():
            odd.setdefault(note, []).append(files[index].name)
    notes += [_on_odd(note, names) for note, names in odd.items()]
    return SoundsRead(sounds, most, failed, notes)


def _each(
    files: Sequence[File], rates: Sequence[int | None], progress: Progress | None = None
) -> Iterator[_Look | str]:
    """Yield each file read, at a rate if given, or the reason why it cannot be."""

    def read(at: int) -> _Look | str:
        try:
            return _read(files[at], rates[at])
        except UNREADABLE as error:
            return _reason(error)

    some = files[:: -(-len(files) // 64)] if files else []
    large = sum(map(_size, some)) > LARGE * len(some)
    places, nbytes = range(len(files)), 0
    for done, look in enumerate(in_threads(read, places) if large else map(read, places), start=1):
        yield look
        nbytes += look.sound.samples.nbytes if isinstance(look, _Look) and look.sound else 0
        if done % EACH == 0:
            check_memory(nbytes * (len(files) - done) // done, f"The sound of {len(files):,} files")
        if progress is not None and (done % 64 == 0 or done == len(files)):
            progress(done, len(files))


def _size(file: File) -> int:
    try:
        return size_of(file)
    except OSError:
        return 0


def _reason(error: Exception) -> str:
    """Return why a file cannot be read, in a few words."""
    said = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
    reason = " ".join(str(said).split()).removeprefix("Error : ").rstrip(".")
    return reason[:1].lower() + reason[1:] or type(error).__name__


def _read(file: File, rate: int | None) -> _Look:
    """Return the sound in a file, at a rate if given; of a long one else what its header says.

    Raises
    ------
    Exception
        One of `UNREADABLE`.
    """
    if file.suffix.lower() == ".wav" and size_of(file) <= 2 * SHORT:
        plain = read_wav(file.read_bytes())
        if plain is not None:
            return _of_wav(plain, rate)
    import soundfile

    if isinstance(file, Member):
        opened: Any = io.BytesIO(file.read_bytes())
    else:  # names in odd bytes are no text that the library would take
        opened = str(file) if os.name == "nt" else os.fsencode(file)
    with soundfile.SoundFile(opened) as source:
        own, channels, frames = source.samplerate, source.channels, source.frames
        look = _Look(own, channels, _declared(source, frames))
        if frames * channels <= SHORT:
            look.sound = _whole(look, source.read(dtype="float32"), rate)
        elif rate is not None:
            look.sound = Sound(_streamed(source, look, rate), rate)
            look.check()
    return look


def _of_wav(plain: PlainWav, rate: int | None) -> _Look:
    """Return the sound of a plain file, at a rate if given."""
    channels = 1 if plain.samples.ndim == 1 else plain.samples.shape[1]
    declared = min(plain.declared, NO_END) // (2 * channels)
    look = _Look(plain.rate, channels, NO_END if plain.declared >= NO_END else declared)
    block = plain.samples.astype(np.float32)
    block *= np.float32(2.0**-15)
    look.sound = _whole(look, block, rate)
    return look


def _whole(look: _Look, block: NDArray[np.float32], rate: int | None) -> Sound:
    """Return a sound that was read at once, at a rate if given."""
    samples = look.mixed(block)
    look.check()
    return Sound(resampled(samples, look.rate, rate or look.rate), rate or look.rate)


def _declared(source: Any, frames: int) -> int:
    """Return how many frames the header of a file declares, which may be more than there are."""
    log = source.extra_info
    said = DECLARED.search(log) if "(should be" in log else None
    if said is None or int(said[1]) >= NO_END or not int(said[2]):
        return frames
    return frames * int(said[1]) // int(said[2])


def _streamed(source: Any, look: _Look, rate: int) -> NDArray[np.float32]:
    """Return a long sound at a rate, of which no more than a block is in memory as it came."""
    resampler = Resampler(look.rate, rate)
    out, count = np.empty(0, np.float32), 0

    def put(samples: NDArray[np.float32]) -> None:
        nonlocal count
        if count + len(samples) > len(out):  # no sooner than what is declared has come
            room = max(count + len(samples), len(out) * 5 // 4)
            check_memory(4 * (room - len(out)), "the sound")
            out.resize(room, refcheck=False)
        out[count : count + len(samples)] = samples
        count += len(samples)

    while len(block := source.read(BLOCK, dtype="float32")):
        put(resampler.push(look.mixed(block)))
    put(resampler.end())
    out.resize(count, refcheck=False)
    return out


def _is_clipped(block: NDArray[np.float32]) -> bool:
    """Return whether so many samples of a channel in a row have one value at full scale."""
    at_top = (np.abs(block[:-1]) >= FULL) & (block[:-1] == block[1:])
    return len(block) >= ROW and bool((at_top[:-2] & at_top[1:-1] & at_top[2:]).any())


def _on_rate(sounds: list[Sound], rates: Counter[int], most: int, why: str) -> str:
    """Return how long the sounds are, and why they have their rate."""
    seconds = [sound.seconds for sound in sounds]
    others = {rate: count for rate, count in rates.most_common() if rate != most}
    whose = why or ("the rate of all" if not others else "the rate of most")
    ends = [f"{end:,.2f}" for end in (min(seconds), max(seconds))]
    note = f"Sounds last {' to '.join(dict.fromkeys(ends))} s"
    note += f", with {most:,} samples a second: {whose}"
    if not others:
        return f"{note}."
    some = ", ".join(f"{count:,} of {rate:,}" for rate, count in [*others.items()][:NAMED])
    more = f" and {len(others) - NAMED} other rates" if len(others) > NAMED else ""
    lower = min(others)
    note += f"; resampled were {some}{more}"
    if lower < most:
        note += f", and nothing above {lower // 2:,} Hz is in those of {lower:,}"
    return f"{note}."


def _on_channels(looks: list[_Look]) -> Iterator[str]:
    """Yield how sounds of several channels were mixed."""
    counts = Counter(look.channels for look in looks)
    if len(counts) == 1 and 1 not in counts:
        yield f"Sounds have {looks[0].channels} channels, and are read as their mean."
    elif len(counts) > 1:
        some = ", ".join(f"{count:,} of {channels}" for channels, count in sorted(counts.items()))
        yield f"Sounds differ in channels ({some}): those of several are read as their mean."


def _on_odd(note: str, names: list[str]) -> str:
    """Return what is odd about some sounds, the first of which are named."""
    some = ", ".join(names[:NAMED])
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    are = "sound is" if len(names) == 1 else "sounds are"
    return f"{len(names):,} {are} {note} ({some}{more})."
