"""What shows a series: its channels as lines over time."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence

import numpy as np

from nearspace.notebook import COLOURS

__all__ = ["SeriesFrame", "drawn_lines", "frame_of", "line_picture"]

POINTS = 64  # of a line; of more steps the least and the largest of every few
MOST_LINES = 24  # channels that are drawn
WIDTH, HEIGHT = 128, 64
EDGE = 3  # pixels around the lines
FINER = 4  # times that a picture is drawn larger, and then made smaller

# How many steps the longest series has, and from where to where each channel is drawn.
SeriesFrame = tuple[int, np.ndarray, np.ndarray]


def frame_of(items: Sequence[np.ndarray]) -> SeriesFrame:
    """Return what series are drawn in, so that they can be held against each other.

    Few values lie far out, for which all others need not be drawn flat: what 98 % of the values of
    a channel lie between, and a quarter as much on both sides, is the frame.

    Examples
    --------
    >>> frame_of([np.array([[0.0, 4.0]]), np.array([[0.0, 4.0, 4.0]])])
    (3, array([-1.]), array([5.]))
    """
    low, high = np.quantile(np.concatenate(items, axis=1), [0.01, 0.99], axis=1)
    return max(item.shape[1] for item in items), low - (high - low) / 4, high + (high - low) / 4


def _lines(item: np.ndarray, frame: SeriesFrame, width: int, height: int) -> list[np.ndarray]:
    """Return the points of each channel in pixels, ``(points, 2)``."""
    longest, low, high = frame
    lines = []
    for channel, values in enumerate(item[:MOST_LINES].astype(np.float64)):
        at = np.arange(len(values), dtype=float)
        if len(values) > POINTS:
            edges = np.linspace(0, len(values), POINTS // 2 + 1).astype(int)
            ends = [
                (start + int(values[start:end].argmin()), start + int(values[start:end].argmax()))
                for start, end in itertools.pairwise(edges)
            ]
            at = np.unique(ends).astype(float)
            values = values[at.astype(int)]
        spread = float(high[channel]) - float(low[channel])
        share = (values - low[channel]) / spread if spread > 0 else np.full(len(values), 0.5)
        x = EDGE + at / max(1, longest - 1) * (width - 2 * EDGE)
        y = EDGE + (1 - np.clip(share, 0, 1)) * (height - 2 * EDGE)
        lines.append(np.column_stack([x, y]))
    return lines


def drawn_lines(item: np.ndarray, frame: SeriesFrame | None = None) -> str:
    """Return the lines of a series ``(channels, time)`` as an ``<svg>``, in a frame or its own."""
    lines = _lines(item, frame or frame_of([item]), WIDTH, HEIGHT)
    paths = "".join(
        f'<polyline vector-effect="non-scaling-stroke" stroke="{COLOURS[channel % len(COLOURS)]}" '
        f'points="{_points(line)}"/>'
        for channel, line in enumerate(lines)
    )
    channels, steps = item.shape
    told = f"{steps:,} step{'s' * (steps != 1)} of {channels:,} channel{'s' * (channels != 1)}"
    if channels > MOST_LINES:
        told += f", {MOST_LINES} of them drawn"
    return (
        f'<svg class="series" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" fill="none" stroke-width="1.4" stroke-linejoin="round" '
        f'stroke-linecap="round"><title>{told}</title>{paths}</svg>'
    )


def _points(line: np.ndarray) -> str:
    points = [*line, line[0]] if len(line) == 1 else line  # a single step is a dot
    return " ".join(f"{x:.0f},{y:.1f}".removesuffix(".0") for x, y in points)


def line_picture(item: np.ndarray, side: int, frame: SeriesFrame | None = None) -> bytes:
    """Return the lines of a series as WebP, ``side`` pixels wide and high."""
    from PIL import Image, ImageDraw

    large = side * FINER
    picture = Image.new("RGB", (large, large), "white")
    pen = ImageDraw.Draw(picture)
    for channel, line in enumerate(_lines(item, frame or frame_of([item]), large, large)):
        points = [(float(x), float(y)) for x, y in line]
        colour = COLOURS[channel % len(COLOURS)]
        if len(points) > 1:
            pen.line(points, fill=colour, width=FINER + 1, joint="curve")
        else:
            pen.circle(points[0], FINER, fill=colour)
    file = io.BytesIO()
    picture.resize((side, side), Image.Resampling.BOX).save(file, "WEBP", quality=80)
    return file.getvalue()
