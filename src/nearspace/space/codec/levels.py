"""How fine vectors are rounded, and how often each code comes: what sender and receiver share."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nearspace.errors import MissingExtra, NearspaceError

__all__ = ["Codec", "Level", "coders", "fit_codec", "sensitivities"]

TOTAL = 1 << 16  # what the frequencies of each table add up to
MOST_SYMBOLS = 4096  # codes in a table
LARGEST = 1 << 24  # code
LARGEST_STEP = 1e30
ARRAYS = {"steps": "<f8", "lows": "<i4", "sizes": "<i4", "bits": "<f8", "tables": "<u2"}
PROBED = 512  # vectors
SHIFT = 0.3  # of a dimension, in its standard deviations
# What rounding costs, as shares of the variance of decoded items: from coarse to fine.
# The finest are for items of columns in units of their own, the smallest of which must not drown.
SHARES = tuple(2.0**-k for k in (*range(13), 14, 16, 18, 20))
USUAL = 9  # the level that costs a 512th


@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """One fineness of rounding.

    Attributes
    ----------
    steps : ndarray of shape (d,), float64
        A vector is rounded to whole multiples of these: its codes.
    lows : ndarray of shape (d,), int64
        The lowest code of each dimension's table; codes beyond a table's ends are clipped.
    tables : sequence of d ndarray, int64
        How often each code of a dimension comes, out of 65,536.
    bits : float
        What a vector takes on average, over those the tables were made of.
    """

    steps: np.ndarray
    lows: np.ndarray
    tables: Sequence[np.ndarray]
    bits: float

    def quantise(self, vectors: np.ndarray) -> tuple[np.ndarray, int]:
        """Return codes, shape ``(n, d)``, int32, and how many of them had to be clipped."""
        exact = np.rint(vectors.astype(np.float64) / self.steps)
        highs = self.lows + [len(table) - 1 for table in self.tables]
        codes = np.clip(exact, self.lows, highs)
        return codes.astype(np.int32), int((codes != exact).sum())

    def restore(self, codes: np.ndarray) -> np.ndarray:
        """Return the vectors of codes, shape ``(n, d)``, float64."""
        return codes * self.steps

    def encode(self, codes: np.ndarray) -> bytes:
        """Return codes as a range coder writes them, dimension by dimension."""
        coder = coders().queue.RangeEncoder()
        for at, model in enumerate(self._models):
            coder.encode(np.ascontiguousarray(codes[:, at] - self.lows[at], dtype=np.int32), model)
        return coder.get_compressed().astype("<u4").tobytes()

    def decode(self, data: bytes, n: int) -> np.ndarray:
        """Return the ``n`` codes that `encode` wrote, shape ``(n, d)``, int32.

        Raises
        ------
        NearspaceError
            If these bytes cannot be such codes.
        """
        if len(data) % 4:
            raise NearspaceError("Its codes are damaged: they are cut off within a word.")
        coder = coders().queue.RangeDecoder(np.frombuffer(data, dtype="<u4").astype(np.uint32))
        codes = np.empty((n, len(self.tables)), dtype=np.int32)
        try:
            for at, model in enumerate(self._models):
                codes[:, at] = coder.decode(model, n)
        except AssertionError as error:
            raise NearspaceError("Its codes are damaged: no encoder wrote them.") from error
        return codes + self.lows.astype(np.int32)

    @functools.cached_property
    def _models(self) -> list[Any]:
        # Whole numbers that add up to a power of two: all that the library does with these floats
        # is exact, so that every machine has the same model.
        categorical = coders().model.Categorical
        return [categorical(table.astype(np.float64), perfect=False) for table in self.tables]


@dataclasses.dataclass(frozen=True, eq=False)
class Codec:
    """Levels from coarse to fine, for the vectors of one encoder.

    Attributes
    ----------
    levels : sequence of Level
        The finenesses to choose from.
    """

    levels: Sequence[Level]

    def choose(self, bits: float | None = None) -> int:
        """Return the position of the level that comes nearest to so many bits a vector.

        When absent, of the one whose rounding costs a 512th of the variance of decoded items.
        """
        if bits is None:
            return min(USUAL, len(self.levels) - 1)
        return int(np.argmin([abs(level.bits - bits) for level in self.levels]))

    @functools.cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all steps and tables."""
        return hashlib.blake2b(self.to_bytes(), digest_size=8).hexdigest()

    def to_bytes(self) -> bytes:
        """Return the codec as the part of a space that `from_bytes` reads."""
        from safetensors.numpy import save

        levels = self.levels
        sizes = [[len(table) for table in level.tables] for level in levels]
        tables = np.concatenate([table for level in levels for table in level.tables])
        arrays = {
            "steps": np.stack([level.steps for level in levels]),
            "lows": np.stack([level.lows for level in levels]).astype(np.int32),
            "sizes": np.array(sizes, dtype=np.int32),
            "bits": np.array([level.bits for level in levels]),
            "tables": tables.astype(np.uint16),
        }
        return save(arrays)

    @classmethod
    def from_bytes(cls, data: bytes, dim: int) -> Codec:
        """Return the codec that `to_bytes` wrote for vectors of ``dim`` numbers.

        Raises
        ------
        NearspaceError
            If it did not.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            read = load(data)
            arrays = [read[name] for name in ARRAYS]
        except (KeyError, ValueError, SafetensorError) as error:
            raise NearspaceError(f"The space's codec cannot be read ({error}).") from error
        parts, (steps, lows, _, bits, _) = _tables(arrays, dim), arrays
        if parts is None:
            raise NearspaceError(
                f"The space's codec does not fit vectors of {dim} numbers, or is damaged."
            )
        return cls(
            [
                Level(steps[at], lows[at].astype(np.int64), parts[at * dim :][:dim], float(mean))
                for at, mean in enumerate(bits)
            ]
        )


def _tables(arrays: Sequence[np.ndarray], dim: int) -> list[np.ndarray] | None:
    """Return the tables of all levels one after the other; None where anything is not as it is."""
    steps, lows, sizes, bits, tables = arrays
    sound = (
        [array.dtype.str for array in arrays] == list(ARRAYS.values())
        and bits.ndim == 1
        and steps.shape == lows.shape == sizes.shape == (len(bits), dim)
        and 1 <= len(bits) <= 256
        and np.isfinite(bits).all()
        and ((steps > 0) & (steps < LARGEST_STEP)).all()
        and (np.abs(lows.astype(np.int64)) <= LARGEST).all()
        and ((sizes >= 2) & (sizes <= MOST_SYMBOLS)).all()
        and tables.shape == (sizes.sum(dtype=np.int64),)
        and (tables > 0).all()
    )
    if not sound:
        return None
    parts = np.split(tables.astype(np.int64), np.cumsum(sizes, dtype=np.int64)[:-1])
    return parts if all(part.sum() == TOTAL for part in parts) else None


def fit_codec(
    vectors: np.ndarray,
    decode: Callable[[np.ndarray], np.ndarray],
    shares: Sequence[float] = SHARES,
) -> Codec:
    """Return levels for vectors like these.

    Every dimension is rounded in steps that change decoded items by equally much: at small steps
    the best there is for dimensions coded one by one. Tables count the codes of the vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
        Vectors of training items.
    decode : callable
        Returns the items at vectors ``(n, d)``.
    shares : sequence of float
        What rounding costs at each level, as shares of the variance of decoded items.

    Returns
    -------
    Codec
        A level for each share.

    Examples
    --------
    >>> vectors = np.random.default_rng(0).normal(size=(1000, 2)) * [1.0, 0.1]
    >>> level = fit_codec(vectors, lambda z: z, [0.01]).levels[0]
    >>> codes, clipped = level.quantise(vectors)
    >>> bool((level.decode(level.encode(codes), 1000) == codes).all())
    True
    """
    probed = vectors[np.linspace(0, len(vectors) - 1, min(PROBED, len(vectors))).astype(int)]
    felt, variance = sensitivities(probed, decode)
    dim = vectors.shape[1]
    return Codec([_level(vectors, np.sqrt(12 * s * variance / dim) / felt) for s in shares])


def sensitivities(
    vectors: np.ndarray, decode: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, float]:
    """Return how far decoded items move a unit of each dimension, and their total variance."""
    decoded = np.asarray(decode(vectors), dtype=np.float64).reshape(len(vectors), -1)
    spread = vectors.std(axis=0)
    shifts = SHIFT * np.where(spread > 0, spread, 1.0)
    felt = np.empty(vectors.shape[1])
    for at, shift in enumerate(shifts):
        moved = vectors.astype(np.float64)
        moved[:, at] += shift
        change = np.asarray(decode(moved)).reshape(len(vectors), -1) - decoded
        felt[at] = np.sqrt((change**2).sum(axis=1).mean()) / shift
    # A dimension that the decoder does not look at is rounded to nothing.
    felt = np.maximum(felt, 1e-6 * max(felt.max(), 1e-12))
    return felt, max(float(decoded.var(axis=0).sum()), 1e-12)


def _level(vectors: np.ndarray, steps: np.ndarray) -> Level:
    # A table has at most 4,096 codes: what would need more is rounded less finely.
    reach = np.abs(vectors).max(axis=0).astype(np.float64)
    steps = np.maximum(steps, 2 * reach / (MOST_SYMBOLS - 8))
    codes = np.rint(vectors.astype(np.float64) / steps).astype(np.int64)
    lows = codes.min(axis=0) - 1
    highs = codes.max(axis=0) + 1
    tables, bits = [], 0.0
    for at in range(vectors.shape[1]):
        counts = np.bincount(codes[:, at] - lows[at], minlength=highs[at] - lows[at] + 1)
        tables.append(_frequencies(counts))
        bits -= float((counts * np.log2(tables[-1] / TOTAL)).sum()) / len(vectors)
    return Level(steps, lows, tables, bits)


def _frequencies(counts: np.ndarray) -> np.ndarray:
    """Return whole numbers of at least 1 that add up to 65,536, about as the counts do."""
    weights = 2 * counts + 1  # half a count more for each: Krichevsky & Trofimov, 1981
    shared = TOTAL - len(weights)
    frequencies = 1 + weights * shared // weights.sum()
    frequencies[np.argmax(weights)] += TOTAL - frequencies.sum()
    return frequencies


def coders() -> Any:
    """Return the library of range coders, or raise `MissingExtra`."""
    if importlib.util.find_spec("constriction") is None:
        raise MissingExtra("Packing into codes", "codec")
    import constriction

    return constriction.stream
