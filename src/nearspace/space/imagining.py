"""`imagine`: items that sentences may mean, drawn and decoded, and the nearest that there is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from nearspace.errors import NearspaceError
from nearspace.space.decode import is_half
from nearspace.space.pictures import LARGEST
from nearspace.space.search.neighbours import neighbours
from nearspace.space.sides import across, is_sided
from nearspace.space.space import Space, check_space

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFont import FreeTypeFont

__all__ = ["Imagined", "imagine", "strip", "unwritten"]

SIDE = 96  # pixels to which images are enlarged, by whole numbers
GAP, MARGIN = 6, 24  # pixels between images, and before the real one
WORDS = 200  # pixels of a line of text
SIZE, LINE = 13, 17  # pixels of letters, and of a line
LINES = 5  # of a sentence


@dataclasses.dataclass(frozen=True, eq=False)
class Imagined:
    """What sentences may mean.

    Attributes
    ----------
    items : list of m, each n items
        What was drawn for each sentence, decoded: images ``(n, height, width, channels)`` in
        [0, 1].
    vectors : ndarray of shape (m, n, dim), float32
        What was decoded.
    nearest : ndarray of shape (m,), int64
        Positions of the items of the left side that search finds by each sentence.
    scores : ndarray of shape (m,), float64
        How near these are to the sentence, as `neighbours` tells it.
    """

    items: list[Any]
    vectors: np.ndarray
    nearest: np.ndarray
    scores: np.ndarray


def imagine(
    space: Space,
    X: Sequence[Any],
    n: int = 4,
    temperature: float = 0.5,
    random_state: int | np.random.RandomState | None = None,
) -> Imagined:
    """Draw items that sentences may mean, and decode them.

    Parameters
    ----------
    space : Space
        Of pairs, made by the encoder `imagine(left, right)` whose left side decodes, such as
        pictures by ``vae``.
    X : sequence of m items
        As they stand on the right side, such as sentences.
    n : int, default=4
        How many to draw for each.
    temperature : float, default=0.5
        By what the noise is multiplied from which they are drawn: the lower, the likelier and the
        more alike they are; at 1 they are as different as the items are. Of emoji at 0.5 more are
        of the right group than at 1, and than what regression alone tells.
    random_state : int, RandomState instance or None, default=None
        Of the draws.

    Returns
    -------
    Imagined
        The items, their vectors, and the real item that is nearest to each sentence.

    Raises
    ------
    NearspaceError
        If the space is of another encoder, or its left side does not decode.

    Examples
    --------
    >>> from nearspace import Pairs, embed, load
    >>> digits = load("digits").take(np.arange(200))
    >>> names = load(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    >>> pairs = Pairs(digits, names, np.stack([np.arange(200), digits.labels.astype(int)], axis=1))
    >>> space = embed(pairs, "imagine(pca(dim=8), right=tfidf(analyzer='char') | svd(dim=5), steps=50)")
    >>> imagine(space, ["three"], n=2, random_state=0).items[0].shape
    (2, 8, 8, 1)
    """  # noqa: E501
    check_space(space, "imagine")
    encoder: Any = space.encoder
    if encoder is None and is_sided(space):
        raise NearspaceError("imagine: the space is without its encoder; use the whole space.")
    if not is_sided(space) or not getattr(encoder, "draws", False):
        raise NearspaceError(
            f"imagine: expected a space of pairs that the encoder imagine made, got one of "
            f"'{space.recipe.spec}'; make one by nearspace pair pictures/ captions/ --with imagine."
        )
    decoder = encoder.side("left").decoder
    if decoder is None and is_half(encoder.side("left")):
        raise NearspaceError(
            "imagine: the encoder of the space is without its decoder; use the whole space."
        )
    if decoder is None:
        raise NearspaceError(
            f"imagine: '{encoder.side('left').spec}' does not decode what stands on the left; take "
            "one that does, as imagine(vae(dim=32))."
        )
    if not isinstance(n, int | np.integer) or n < 1:
        raise NearspaceError(f"imagine: expected n of at least 1, a whole number, got {n!r}.")
    left = across(space, "left")
    near = neighbours(left, encoder.side("right").transform(X), k=1)
    vectors = encoder.draw(X, n, check_random_state(random_state), temperature)
    nearest = [space.position(left.ids[place]) for place in near.positions[:, 0]]
    return Imagined(
        [decoder.decode(drawn) for drawn in vectors],
        vectors,
        np.array(nearest),
        near.scores[:, 0],
    )


def strip(space: Space, X: Sequence[str], imagined: Imagined) -> Picture:
    """Return a picture with a row for each sentence: it, what was drawn, and the nearest real one.

    Parameters
    ----------
    space : Space
        In which was looked.
    X : sequence of m str
        The sentences.
    imagined : Imagined
        What `imagine` made of them, images.

    Raises
    ------
    NearspaceError
        If that is too large for one picture.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    font: Any = ImageFont.load_default(size=SIZE)
    images = [[_enlarged(image) for image in drawn] for drawn in imagined.items]
    width, height = images[0][0].size
    n = len(images[0])
    row = max(height, LINES * LINE) + LINE + GAP
    across_all = 2 * GAP + WORDS + n * (width + GAP) + MARGIN + max(width, WORDS)
    if max(across_all, row * len(X)) > LARGEST:
        raise NearspaceError(
            f"strip: {len(X):,} sentences and {n:,} pictures each, of {width} × {height} pixels, "
            f"make a strip of more than {LARGEST:,} pixels; draw fewer."
        )
    paper = Pillow.new("RGB", (across_all, LINE + GAP + row * len(X)), "white")
    pen = ImageDraw.Draw(paper)
    real_at = GAP + WORDS + n * (width + GAP) + MARGIN
    pen.text((GAP + WORDS, GAP // 2), "drawn", fill="dimgray", font=font)
    pen.text((real_at, GAP // 2), "nearest real one", fill="dimgray", font=font)
    for at, (text, drawn, place) in enumerate(zip(X, images, imagined.nearest, strict=True)):
        y = LINE + GAP + at * row
        for number, line in enumerate(_lines(" ".join(text.split()), font, WORDS - GAP)):
            pen.text((GAP, y + number * LINE), line, fill="black", font=font)
        for number, image in enumerate(drawn):
            paper.paste(image, (GAP + WORDS + number * (width + GAP), y))
        between = real_at - MARGIN // 2
        pen.line((between, y, between, y + height), fill="gray")
        if space.thumbnails is not None and (png := space.thumbnails[int(place)]):
            real = Pillow.open(BytesIO(png)).convert("RGB")
            paper.paste(real.resize((width, height), Pillow.Resampling.BICUBIC), (real_at, y))
        else:
            pen.text((real_at, y), "(no picture in the space)", fill="dimgray", font=font)
        name = _lines(str(space.ids[place]), font, WORDS)[0]
        pen.text((real_at, y + height), name, fill="dimgray", font=font)
    return paper


def unwritten(text: str) -> str:
    """Return the letters of a text that the font of a strip has no shape for."""
    from PIL import ImageFont

    font: Any = ImageFont.load_default(size=SIZE)
    blank = bytes(font.getmask("\uffff"))
    return "".join(dict.fromkeys(c for c in text if bytes(font.getmask(c)) == blank))


def _enlarged(image: np.ndarray) -> Picture:
    """Return an image in [0, 1], enlarged by a whole number."""
    from PIL import Image as Pillow

    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    times = max(1, math.ceil(SIDE / max(pixels.shape[:2]) - 0.5))
    pixels = pixels.repeat(times, axis=0).repeat(times, axis=1)
    return Pillow.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")


def _lines(text: str, font: FreeTypeFont, width: int) -> list[str]:
    """Return a text in lines of a width in pixels, the last of which may end in an ellipsis."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    lines = [line for line in lines if line] or [""]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"{lines[LINES - 1]} …"]
    for at, line in enumerate(lines):
        while font.getlength(line) > width:
            line = f"{line.removesuffix('…')[:-1]}…"
        lines[at] = line
    return lines
