"""Series as lines: beside each other they have one scale of time and of values."""

import io
import re

import numpy as np
from PIL import Image

from nearspace.data import SAMPLES
from nearspace.data.kinds.series_shown import drawn_lines, frame_of, line_picture


def lines(svg):
    """Return the points of each line of an SVG, ``(points, 2)``."""
    return [
        np.array([point.split(",") for point in points.split()], float)
        for points in re.findall(r'points="([^"]+)"', svg)
    ]


def test_a_series_of_half_the_length_takes_half_the_width():
    long, short = np.linspace(0, 1, 41)[None], np.linspace(0, 1, 21)[None]
    frame = frame_of([long, short])
    (of_long,), (of_short,) = (lines(drawn_lines(item, frame)) for item in (long, short))
    assert of_long[-1, 0] - of_long[0, 0] == 2 * (of_short[-1, 0] - of_short[0, 0])
    assert of_long[-1, 1] == of_short[-1, 1] < of_long[0, 1]  # larger is higher
    (alone,) = lines(drawn_lines(short))
    assert alone[-1, 0] == of_long[-1, 0]


def test_of_many_steps_the_peaks_are_kept():
    values = np.zeros((1, 5000))
    values[0, [1234, 4321]] = [1.0, -1.0]
    frame = (5000, np.array([-1.0]), np.array([1.0]))
    (line,) = lines(drawn_lines(values, frame))
    assert len(line) <= 64
    assert line[:, 1].min() == 3
    assert line[:, 1].max() == 61


def test_every_series_is_drawn():
    for item in (
        np.zeros((1, 1)),
        np.full((2, 5), 7.0),
        np.random.default_rng(0).normal(size=(60, 9)),
        *SAMPLES["gestures"]().items[:3],
    ):
        item = item.astype(np.float32)
        svg = drawn_lines(item)
        assert svg.startswith("<svg")
        assert len(lines(svg)) == min(24, len(item))
        assert f"{item.shape[0]} channel" in svg
        picture = Image.open(io.BytesIO(line_picture(item, 32)))
        assert picture.size == (32, 32)
        assert np.asarray(picture.convert("L")).min() < 250
