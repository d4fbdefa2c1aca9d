"""Plain .wav files, of whole numbers of 16 bits, without a library that is asked for each."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["PlainWav", "read_wav"]

PCM, EXTENSIBLE = 1, 0xFFFE
# What stands for PCM behind the two bytes of the format in a header that is extensible.
AS_PCM = bytes.fromhex("000000001000800000aa00389b71")
BITS = 16


@dataclasses.dataclass(frozen=True, eq=False)
class PlainWav:
    """What a .wav file holds.

    Attributes
    ----------
    rate : int
        Samples a second.
    samples : ndarray of shape (time,) or (time, channels), int16
        Those that are there.
    declared : int
        How many bytes of samples the header says there are.
    nbytes : int
        How many there are.
    """

    rate: int
    samples: NDArray[np.int16]
    declared: int
    nbytes: int


def read_wav(data: bytes) -> PlainWav | None:
    """Return what a file of sound holds where it is a plain .wav file; None where it is another.

    Most data sets of sounds are thousands of small ones of that kind, for each of which opening
    them by a library would take longer than reading them.

    Parameters
    ----------
    data : bytes
        All of the file.

    Examples
    --------
    >>> form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    >>> head = b"RIFF" + bytes(4) + b"WAVEfmt " + form + b"data"
    >>> read_wav(head + struct.pack("<I2h", 4, 5, -5)).samples
    array([ 5, -5], dtype=int16)
    >>> read_wav(b"fLaC") is None
    True
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    place, form = 12, None
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        place += 8
        if name == b"data":
            return None if form is None else _samples(data, place, size, *form)
        if name == b"fmt ":
            form = _format(data[place : place + size])
            if form is None:
                return None
        place += size + size % 2
    return None


def _format(chunk: bytes) -> tuple[int, int] | None:
    """Return rate and channels; None of any format but whole numbers of 16 bits."""
    if len(chunk) < 16:
        return None
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunk)
    is_pcm = tag == PCM or (
        tag == EXTENSIBLE and chunk[26:40] == AS_PCM and chunk[24:26] == b"\1\0"
    )
    plain = is_pcm and bits == BITS and channels and rate and align == 2 * channels
    return (rate, channels) if plain else None


def _samples(data: bytes, place: int, size: int, rate: int, channels: int) -> PlainWav:
    there = min(size, len(data) - place)
    count = there // (2 * channels)
    samples = np.frombuffer(data, "<i2", count * channels, place)
    shaped = samples if channels == 1 else samples.reshape(count, channels)
    return PlainWav(rate, shaped, size, there)
