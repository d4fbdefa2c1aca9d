"""How fine vectors are rounded and how often each code comes, which both sides share; the loss."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nearspace.data import take_items
from nearspace.errors import MissingExtra, NearspaceError
from nearspace.space.arrays import read_arrays

__all__ = ["Codec", "Level", "coders", "distortions", "fit_codec", "loss_text", "usual_level"]

MEASURED = 1000  # items, to tell what codes lose
SHARE = 0.1  # of the decoder's own squared error, which rounding may add
TOTAL = 1 << 16  # what the frequencies of each table add up to
MOST_SYMBOLS = 4096  # codes in a table
LARGEST = 1 << 24  # code
LARGEST_STEP = 1e38
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
        steps, lows, bits = zip(*((of.steps, of.lows, of.bits) for of in levels), strict=True)
        values = (np.stack(steps), np.stack(lows), np.array(sizes), np.array(bits), tables)
        arrays = zip(ARRAYS.items(), values, strict=True)
        return save({name: array.astype(dtype) for (name, dtype), array in arrays})

    @classmethod
    def from_bytes(cls, data: bytes, dim: int) -> Codec:
        """Return the codec that `to_bytes` wrote for vectors of ``dim`` numbers.

        Raises
        ------
        NearspaceError
            If it did not.
        """
        try:
            steps, lows, sizes, bits, tables = read_arrays(data, ARRAYS)
        except ValueError as error:
            raise NearspaceError(f"The space's codec cannot be read ({error}).") from error
        sound = (
            bits.ndim == 1
            and steps.shape == lows.shape == sizes.shape == (len(bits), dim)
            and 1 <= len(bits) <= 256
            and np.isfinite(bits).all()
            and ((steps > 0) & (steps < LARGEST_STEP)).all()
            and (np.abs(lows.astype(np.int64)) <= LARGEST).all()
            and ((sizes >= 2) & (sizes <= MOST_SYMBOLS)).all()
            and tables.shape == (sizes.sum(dtype=np.int64),)
            and (tables > 0).all()
        )
        ends = np.cumsum(sizes, dtype=np.int64)[:-1]
        parts = np.split(tables.astype(np.int64), ends) if sound else []
        if not sound or any(part.sum() != TOTAL for part in parts):
            raise NearspaceError(
                f"The space's codec does not fit vectors of {dim} numbers, or is damaged."
            )
        starts = enumerate(lows.astype(np.int64))
        return cls(
            [Level(steps[at], low, parts[at * dim :][:dim], float(bits[at])) for at, low in starts]
        )


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
    felt, variance = _sensitivities(probed, decode)
    dim = vectors.shape[1]
    return Codec([_level(vectors, np.sqrt(12 * s * variance / dim) / felt) for s in shares])


def _sensitivities(
    vectors: np.ndarray, decode: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, float]:
    """Return how far decoded items move a unit of each dimension, and their total variance."""
    decoded = np.asarray(decode(vectors), dtype=np.float64).reshape(len(vectors), -1)
    spread = vectors.std(axis=0, dtype=np.float64)
    shifts = SHIFT * np.where(spread > 0, spread, 1.0)
    felt = np.empty(vectors.shape[1])
    for at, shift in enumerate(shifts):
        moved = vectors.astype(np.float64)
        moved[:, at] += shift
        change = np.asarray(decode(moved)).reshape(len(vectors), -1) - decoded
        felt[at] = np.sqrt((change**2).sum(axis=1).mean()) / shift
    # A dimension that the decoder does not look at is rounded to nothing.
    felt = np.maximum(felt, 1e-6 * (felt.max() or 1.0))
    # Of items that are all the same nothing can be lost.
    return felt, float(decoded.var(axis=0).sum()) or 1e-12


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


@dataclasses.dataclass(frozen=True)
class Distortion:
    """Mean squared errors of one number of an item, over at most a thousand items.

    Attributes
    ----------
    coded : float
        Of items decoded from their codes: pixels from 0 to 255, vectors in their own units.
    alone : float
        Of items decoded from their vectors as they are: what the decoder loses by itself.
    variance : float
        Of the items: the error of giving the mean item for each.
    """

    coded: float
    alone: float
    variance: float


def distortions(encoder: Any, levels: Iterable[Level], items: Any) -> Iterator[Distortion]:
    """Return what items lose at levels of a codec, one after the other.

    Parameters
    ----------
    encoder : Encoder
        Fitted, one that decodes.
    levels : iterable of Level
        Of the codec of its space.
    items : sequence of n items
        Images or vectors; a thousand of them, evenly spaced, are measured.

    Yields
    ------
    Distortion
        One a level.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> from nearspace.space.codec.codec import codec_of
    >>> wine = load("wine")
    >>> space = embed(wine, "pca(dim=4)")
    >>> coarse, *_, fine = distortions(space.encoder, codec_of(space).levels, wine.items)
    >>> coarse.alone == fine.alone <= fine.coded < coarse.coded <= coarse.variance
    True
    """
    n = len(items)
    some = take_items(items, np.linspace(0, n - 1, min(n, MEASURED)).astype(int))
    vectors, decoder = np.asarray(encoder.transform(some)), encoder.decoder
    given = np.asarray(encoder.kind_.check(some), dtype=np.float64)

    def error(vectors: np.ndarray) -> float:
        return float(np.mean((decoder.decode_stored(vectors) - given) ** 2))

    alone, variance = error(vectors.astype(np.float64)), float(given.var(axis=0).mean())
    for level in levels:
        yield Distortion(error(level.restore(level.quantise(vectors)[0])), alone, variance)


def loss_text(encoder: Any, level: Level, items: Any) -> str:
    """Return what items lose at a level, beside what the decoder loses by itself, as a sentence.

    Of images it is the PSNR, of other items the root of the squared error, as a share of how far
    they spread.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> from nearspace.space.codec.codec import codec_of
    >>> wine = load("wine")
    >>> space = embed(wine, "pca(dim=4)")
    >>> loss_text(space.encoder, codec_of(space).levels[0], wine.items)
    'Error 54 % of the spread; without rounding 0.53 % of the spread.'
    """
    (loss,) = distortions(encoder, [level], items)
    if loss.coded == 0:
        return "Nothing is lost."
    pictured = encoder.kind_.pixels
    unit = 255**2 if pictured else loss.variance or 1.0

    def text(error: float) -> str:
        if pictured:
            return f"{-10 * math.log10(error / unit):.2f} dB" if error else "infinite"
        return f"{100 * math.sqrt(error / unit):.2g} % of the spread"

    where = f", over {MEASURED:,} of them" if len(items) > MEASURED else ""
    name = "PSNR" if pictured else "Error"
    return f"{name} {text(loss.coded)}; without rounding {text(loss.alone)}{where}."


def usual_level(encoder: Any, codec: Codec, items: Any) -> int:
    """Return the coarsest level whose rounding adds at most a tenth to the decoder's own error.

    Where none is fine enough, the finest.
    """
    for at, loss in enumerate(distortions(encoder, codec.levels, items)):
        if loss.coded <= (1 + SHARE) * loss.alone:
            return at
    return len(codec.levels) - 1
