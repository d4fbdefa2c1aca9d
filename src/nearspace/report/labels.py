"""Where names stand in a chart, so that none lies on another."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

__all__ = ["CHARACTER", "LINE", "Box", "overlap", "point_labels"]

Box = tuple[float, float, float, float]
PLACES: tuple[tuple[str, int, int], ...] = (("top right", 1, 1), ("top left", -1, 1))
PLACES += (("bottom right", 1, -1), ("bottom left", -1, -1), ("middle right", 1, 0))
PLACES += (("middle left", -1, 0), ("top center", 0, 1), ("bottom center", 0, -1))
CHARACTER, LINE, GAP = 7.2, 15.0, 8.0  # of a label in a chart, in pixels


def point_labels(
    across: np.ndarray, up: np.ndarray, names: Sequence[str], width: float
) -> dict[str, list[str]]:
    """Return texts and their places around points, first come first served, none on another.

    Points are given in pixels from the lower left corner of a chart that is ``width`` wide.
    A label that finds no room is left empty; its point still tells its name when pointed at.
    """
    taken = [(a - 6, b - 6, a + 6, b + 6) for a, b in zip(across, up, strict=True)]
    texts, places = [], []
    for name, a, b in zip(names, across, up, strict=True):
        place, box = _room(len(html.unescape(name)) * CHARACTER / 2, a, b, width, taken)
        if box is not None:
            taken.append(box)
        texts.append("" if box is None else name)
        places.append(place)
    return {"text": texts, "textposition": places}


def _room(
    half: float, a: float, b: float, width: float, taken: list[Box]
) -> tuple[str, Box | None]:
    """Return the first place around a point where a label of twice ``half`` overlaps nothing."""
    for place, right, up in PLACES:
        middle, level = a + right * (half + GAP), b + up * (LINE / 2 + GAP)
        box = (middle - half, level - LINE / 2, middle + half, level + LINE / 2)
        if box[0] > 0 and box[2] < width and not any(overlap(box, other) for other in taken):
            return place, box
    return PLACES[0][0], None


def overlap(a: Box, b: Box) -> bool:
    """Return whether two boxes of left, bottom, right and top share room."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
