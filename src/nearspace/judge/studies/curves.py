"""Rate and distortion: curves of bits against PSNR, and what they say of each other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.encoders.exhibits import Strip
from nearspace.judge.board import HIDDEN, json_text
from nearspace.notebook import card, curves_drawn, shortened, table

__all__ = ["Curve", "Equal", "Rates", "Sent", "bits_at", "front", "psnr", "psnr_at"]

Points = list[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Curve:
    """One way to write images down, at several settings.

    Attributes
    ----------
    name : str
        The spec of an encoder, or the name of a format.
    how : str
        ``"latents"``, ``"PCA codes"``, ``"each by itself"`` or ``"one mosaic"``.
    bits : sequence of float
        Bits an image.
    psnr : sequence of float
        Of the test images: of their mean squared error, in decibels; infinite where nothing is
        lost.
    settings : sequence of str
        What was set at each point.
    decoder_bytes : int or None
        What the receiver needs beforehand; None for formats that everybody can read.
    """

    name: str
    how: str
    bits: Sequence[float]
    psnr: Sequence[float]
    settings: Sequence[str]
    decoder_bytes: int | None = None

    @property
    def points(self) -> Points:
        """The points as pairs of bits and PSNR."""
        return list(zip(self.bits, self.psnr, strict=True))

    @property
    def front(self) -> Points:
        """The points that no other one beats, see `front`."""
        return front(self.points)


@dataclasses.dataclass(frozen=True)
class Equal:
    """What the ways cost at the quality that latents have at one rate.

    Attributes
    ----------
    bits, psnr : float
        Of the latents.
    encoder : str
        The encoder that is best at this rate.
    pca_psnr : float or None
        Of PCA codes at the same bits.
    pca_bits : float or None
        Of PCA codes at the same PSNR; None where they do not reach it.
    formats : dict of str to tuple of (float, bool)
        Bits of each format at the same PSNR; True where it has nothing as bad, and these are of
        its lowest quality.
    decoder_bytes : int
        Of the encoder's decoder.
    images : float or None
        From how many images on bits and decoder together are fewer bytes than any format's, and
        than those of PCA codes with their axes; None where they never are.
    """

    bits: float
    psnr: float
    encoder: str
    pca_psnr: float | None
    pca_bits: float | None
    formats: dict[str, tuple[float, bool]]
    decoder_bytes: int
    images: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Sent:
    """Images beside what they decode to.

    Attributes
    ----------
    title : str
        Which images.
    encoder : str
        Through which codes they went.
    bits, psnr : float
        Bits an image, and the quality.
    given, decoded : Strip
        The images before and after.
    """

    title: str
    encoder: str
    bits: float
    psnr: float
    given: Strip = dataclasses.field(metadata=HIDDEN)
    decoded: Strip = dataclasses.field(metadata=HIDDEN)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Rates:
    """What was found of rate and distortion.

    Attributes
    ----------
    curves : tuple of Curve
        Latents, one curve an encoder; PCA codes, the best over dimensions and steps; formats.
    equals : tuple of Equal
        At several rates.
    rows : tuple of Sent
        Test images, and images of another domain.
    protocol : dict
        What the figures depend on.
    notes : tuple of str
        What the reader should know.
    """

    curves: tuple[Curve, ...]
    equals: tuple[Equal, ...]
    rows: tuple[Sent, ...]
    protocol: dict[str, Any]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return what was found on one line."""
        name = shortened(self.protocol.get("name", "images"), 24)
        told = f"{len(self.curves)} curves of bits against PSNR"
        if self.equals:
            best = self.equals[-1]
            told += f", {shortened(best.encoder, 24)} {best.psnr:.1f} dB at {best.bits:.0f} bits"
        return f"Rates({name}: {told})"

    def _repr_html_(self) -> str:
        heads = ("bits an image", "best encoder", "dB", "PCA codes, dB", "cheapest format, bits")
        rows = [
            [
                f"{equal.bits:.0f}",
                equal.encoder,
                f"{equal.psnr:.1f}",
                "–" if equal.pca_psnr is None else f"{equal.pca_psnr:.1f}",
                min((round(bits) for bits, _ in equal.formats.values()), default="–"),
            ]
            for equal in self.equals
        ]
        fronts = {curve.name: curve.front for curve in self.curves}
        told = self.protocol
        facts = [
            str(told.get("kind", "")),
            *(f"{told[key]:,} {key}" for key in ("training images", "test images") if key in told),
        ]
        body = [table(heads, rows, words=(1,)), curves_drawn(fronts, "bits an image", "dB")]
        return card("Rates", told.get("name", "Rates"), facts, body, self.notes)

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all figures as JSON text, without pictures; write it where asked."""
        return json_text(self, path)


def psnr(images: np.ndarray, decoded: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of uint8 images, of their common mean squared error.

    Examples
    --------
    >>> black = np.zeros((2, 4, 4, 1), dtype=np.uint8)
    >>> psnr(black, black + 255), psnr(black, black)
    (0.0, inf)
    """
    error = np.mean((images.astype(np.float32) - decoded.astype(np.float32)) ** 2, dtype=np.float64)
    return math.inf if error == 0 else float(10 * np.log10(255**2 / error))


def front(points: Iterable[tuple[float, float]]) -> Points:
    """Return the points that no other one beats, by rising bits.

    Examples
    --------
    >>> front([(8.0, 14.0), (4.0, 12.0), (9.0, 13.0)])
    [(4.0, 12.0), (8.0, 14.0)]
    """
    best: Points = []
    for bits, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or quality > best[-1][1]:
            best.append((bits, quality))
    return best


def psnr_at(points: Points, bits: float) -> float | None:
    """Return the PSNR of a front at so many bits, linear between its points; None beyond them."""
    if not points or not points[0][0] <= bits <= points[-1][0]:
        return None
    return float(np.interp(bits, [b for b, _ in points], [q for _, q in points]))


def bits_at(points: Points, quality: float) -> tuple[float, bool] | None:
    """Return the bits a front takes for a PSNR; its fewest, and True, where it has none as low."""
    if not points or quality > points[-1][1]:
        return None
    if quality < points[0][1]:
        return points[0][0], True
    finite = [point for point in points if math.isfinite(point[1])]
    if not finite or quality > finite[-1][1]:
        return points[-1][0], False
    return float(np.interp(quality, [q for _, q in finite], [b for b, _ in finite])), False
