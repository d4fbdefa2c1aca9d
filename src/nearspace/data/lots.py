"""Random numbers that depend on a thing's own name and the seed, and on no other thing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["keys_of", "lots", "mixed_bits"]


def mixed_bits(values: np.ndarray) -> np.ndarray:
    """Return 64-bit numbers of which each bit depends on all bits of the one given (SplitMix64)."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def keys_of(names: Sequence[bytes] | np.ndarray) -> np.ndarray:
    """Return a 64-bit number for every name, of 16 bytes each, such as `content_hash` returns."""
    halves = np.frombuffer(np.asarray(names, dtype="S16").tobytes(), dtype=np.uint64).reshape(-1, 2)
    return mixed_bits(halves[:, 0] ^ mixed_bits(halves[:, 1]))


def lots(keys: np.ndarray, random_state: int) -> np.ndarray:
    """Return the lot that each key draws, uniform in [0, 1).

    Examples
    --------
    >>> keys = np.arange(1000, dtype=np.uint64)
    >>> bool((lots(keys[:10], 0) == lots(keys, 0)[:10]).all()), lots(keys, 0).mean().round(1)
    (True, np.float64(0.5))
    """
    seed = mixed_bits(np.array([random_state % 2**64], dtype=np.uint64) + np.uint64(1))
    return (mixed_bits(keys ^ seed) >> np.uint64(11)) / 2.0**53
