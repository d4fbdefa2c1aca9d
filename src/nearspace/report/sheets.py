"""Small pictures of many items on a few large ones, which a page can hold and a browser decode."""

from __future__ import annotations

import base64
import dataclasses
import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["LARGEST", "Sheets", "sheets"]

LARGEST = 40_000_000  # bytes of all sheets; as text in a page they take a third more
EACH = 2500  # bytes that a picture is worth where there are few
EDGE = 1024  # pixels of a sheet's side: one is decoded as a whole, when first a part is shown
SIDE = 64
# Side of a picture and quality, best first; 100 is without loss.
CHOICES = ((SIDE, 100), (SIDE, 80), (48, 75), (32, 70), (24, 60), (16, 50))
FORMATS = ("PNG", "WEBP")
MOST = 2048  # pixels of a thumbnail's side
PROBED = 3  # sheets on which a choice is tried


@dataclasses.dataclass(frozen=True)
class Sheets:
    """Pictures side by side: item ``i`` is the ``i % each``-th on the ``i // each``-th sheet.

    Attributes
    ----------
    side : int
        Of a picture's square, in pixels.
    columns : int
        Pictures in a row of a sheet, which has as many rows.
    codes : list of str
        The sheets, as WebP in base64.
    unread : int
        How many pictures could not be read, whose squares are empty.
    """

    side: int
    columns: int
    codes: list[str]
    unread: int = 0


def sheets(thumbnails: Sequence[bytes], largest: int = LARGEST) -> Sheets:
    """Return pictures on sheets that take at most ``largest`` bytes, as good as they can then be.

    Parameters
    ----------
    thumbnails : sequence of bytes
        PNG or WebP files; what is none, b"" included, leaves its square empty.
    largest : int
        What all sheets together may take. Past about half a million pictures even the smallest
        may take more.

    Returns
    -------
    Sheets
        In the order of the pictures.
    """
    natural = _natural_side(thumbnails)
    tried = [(side, quality) for side, quality in CHOICES if side == SIDE or side < natural]
    for side, quality in tried:
        edge = min(side, natural)
        columns = max(1, EDGE // edge)
        count = -(-len(thumbnails) // columns**2)
        probed = np.unique(np.linspace(0, count - 1, PROBED).astype(int)).tolist()
        made = {at: _sheet(thumbnails, at, edge, columns, quality) for at in probed}
        size = sum(len(sheet) for sheet, _ in made.values()) / len(made) * count
        if size <= min(largest, EACH * len(thumbnails)):
            break
    for at in range(count):
        if at not in made:
            made[at] = _sheet(thumbnails, at, edge, columns, quality)
    codes = [base64.b64encode(made[at][0]).decode() for at in range(count)]
    return Sheets(edge, columns, codes, sum(unread for _, unread in made.values()))


def _natural_side(thumbnails: Sequence[bytes]) -> int:
    """Return the longest side of the pictures, judged by some of them."""
    some = np.unique(np.linspace(0, len(thumbnails) - 1, 16).astype(int)).tolist()
    sizes = [max(read.size) for at in some if (read := _read(thumbnails[at])) is not None]
    return min(SIDE, max(sizes, default=SIDE))


def _sheet(
    thumbnails: Sequence[bytes], at: int, side: int, columns: int, quality: int
) -> tuple[bytes, int]:
    """Return a sheet as WebP, and how many of its pictures could not be read."""
    from PIL import Image

    part = thumbnails[at * columns**2 : (at + 1) * columns**2]
    sheet = Image.new("RGB", (columns * side, -(-len(part) // columns) * side), "white")
    unread = 0
    for slot, data in enumerate(part):
        picture = _read(data)
        if picture is None:
            unread += bool(data)
            continue
        picture.thumbnail((side, side))
        row, column = divmod(slot, columns)
        left = column * side + (side - picture.width) // 2
        sheet.paste(picture, (left, row * side + (side - picture.height) // 2))
    file = io.BytesIO()
    if quality == 100:
        sheet.save(file, "WEBP", lossless=True, quality=20, method=1)
    else:
        sheet.save(file, "WEBP", quality=quality, method=2)
    return file.getvalue(), unread


def _read(data: bytes) -> Image | None:
    """Return a picture; None where there is none, or far more of it than a thumbnail has."""
    from PIL import Image

    if not data:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is looked at
        try:
            picture: Any = Image.open(io.BytesIO(data), formats=FORMATS)
            return picture.convert("RGB") if max(picture.size) <= MOST else None
        except Exception:  # whatever Pillow raises at a damaged file
            return None
