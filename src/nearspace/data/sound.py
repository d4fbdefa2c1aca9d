"""`Sound`: samples and how many of them are a second."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from nearspace.data.resampling import resampled
from nearspace.data.tensors import array_of_tensor, is_tensor
from nearspace.errors import DataError

__all__ = ["Sound", "as_sound", "is_sound", "resampled_sound", "sound_of"]

# Full scale of whole numbers, and what of them is silence.
SCALES = {"int8": (2.0**7, 0), "uint8": (2.0**7, 128), "int16": (2.0**15, 0), "int32": (2.0**31, 0)}
DECODED = {"array", "sampling_rate"}  # what data sets of Hugging Face say of a sound


@dataclasses.dataclass(frozen=True, eq=False, repr=False, slots=True)
class Sound:
    """One sound of one channel.

    Attributes
    ----------
    samples : ndarray of shape (time,), float32
        The amplitudes, in [-1, 1] where nothing is clipped.
    rate : int
        Samples a second.

    Examples
    --------
    >>> Sound(np.zeros(4000, np.float32), 8000)
    Sound(0.50 s at 8000 Hz)
    """

    samples: np.ndarray
    rate: int

    def __repr__(self) -> str:
        return f"Sound({self.seconds:.2f} s at {self.rate} Hz)"

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


def resampled_sound(sound: Sound, rate: int) -> Sound:
    """Return a sound at another rate, without what that cannot hold.

    Parameters
    ----------
    sound : Sound
        At any rate.
    rate : int
        Samples a second that are wanted.

    Examples
    --------
    >>> resampled_sound(Sound(np.ones(800, np.float32), 8000), 16000)
    Sound(0.10 s at 16000 Hz)
    """
    return Sound(resampled(sound.samples, sound.rate, rate), rate)


def sound_of(samples: Any, rate: float) -> Sound:
    """Return samples as a sound of one channel, which is the mean of several.

    Parameters
    ----------
    samples : array-like of shape (time,), (channels, time) or (time, channels)
        Floats, of which 1 is full scale, or whole numbers of 8, 16 or 32 bits. Of two axes the
        shorter one is that of the channels.
    rate : float
        Samples a second, a whole number.

    Raises
    ------
    DataError
        If they have another shape or type.

    Examples
    --------
    >>> sound_of(np.array([[0, 16384], [0, 0]], np.int16), 8000).samples
    array([0.  , 0.25], dtype=float32)
    """
    array = np.asarray(array_of_tensor(samples) if is_tensor(samples) else samples)
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu":
        raise DataError(
            f"expected the samples of a sound as numbers of shape (time,) or (channels, time), got "
            f"{array.dtype} of shape {array.shape}."
        )
    if array.dtype.kind in "iu":
        if array.dtype.name not in SCALES:
            raise DataError(
                f"samples of {array.dtype} have no full scale; give floats from -1 to 1, or int16."
            )
        scale, silence = SCALES[array.dtype.name]
        array = (array.astype(np.float64) - silence) / scale
    if array.ndim == 2:
        array = array.mean(axis=int(array.shape[0] > array.shape[1]))
    return Sound(np.ascontiguousarray(array, dtype=np.float32), int(rate))


def is_sound(item: Any) -> bool:
    """Return whether an item is a sound, or one that a data set has decoded.

    Examples
    --------
    >>> is_sound({"array": [0.0, 0.5], "sampling_rate": 8000}), is_sound([0.0, 0.5])
    (True, False)
    """
    if isinstance(item, Mapping):
        return set(item) >= DECODED
    return isinstance(item, Sound) or hasattr(item, "get_all_samples")


def as_sound(item: Any) -> Sound:
    """Return what `is_sound` as a `Sound`: decoded, with its rate, or still to be decoded.

    Examples
    --------
    >>> as_sound({"array": [0.0, 0.5], "sampling_rate": 8000, "path": "a.wav"})
    Sound(0.00 s at 8000 Hz)
    """
    if isinstance(item, Sound):
        return item
    if isinstance(item, Mapping):
        return sound_of(item["array"], item["sampling_rate"])
    decoded = item.get_all_samples()  # as a decoder of torchcodec
    return sound_of(decoded.data, decoded.sample_rate)
