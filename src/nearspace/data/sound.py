"""`Sound`: samples and how many of them are a second."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Sound", "resampled_sound"]


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
    if sound.rate == rate:
        return sound
    import math

    from scipy.signal import resample_poly

    common = math.gcd(sound.rate, rate)
    samples = resample_poly(sound.samples, rate // common, sound.rate // common)
    return Sound(np.ascontiguousarray(samples, dtype=np.float32), rate)
