"""What items lose in a file of codes: to the decoder itself, and to rounding on top of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from nearspace.data import take_items
from nearspace.space.codec.levels import Codec, Level

__all__ = ["Distortion", "distortions", "loss_text", "usual_level"]

MEASURED = 1000  # items
SHARE = 0.1  # of the decoder's own squared error, which rounding may add


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
    given = np.asarray(encoder._check(some, reset=False), dtype=np.float64)

    def error(vectors: np.ndarray) -> float:
        return float(np.mean((decoder.kind.stored(decoder.decode_double(vectors)) - given) ** 2))

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
    pictured = encoder.kind_.pictured
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
