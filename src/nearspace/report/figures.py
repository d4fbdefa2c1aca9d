"""The charts of a report, as Plotly figures; the page's style sheet gives text and lines colour."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.judge.amounts import seconds_text
from nearspace.judge.choice import frontier
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.notebook import COLOURS, SCALE

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "bare_figure",
    "cost_figure",
    "ends",
    "in_a_square",
    "least_width",
    "log_ticks",
    "map_figure",
    "marks",
    "point_labels",
    "short",
    "similarity_figure",
    "whiskers",
]

Box = tuple[float, float, float, float]
PLACES: tuple[tuple[str, int, int], ...] = (("top right", 1, 1), ("top left", -1, 1))
PLACES += (("bottom right", 1, -1), ("bottom left", -1, -1), ("middle right", 1, 0))
PLACES += (("middle left", -1, 0), ("top center", 0, 1), ("bottom center", 0, -1))
CHARACTER, LINE, GAP = 7.2, 15.0, 8.0  # of a label in a chart, in pixels


def point_labels(
    across: np.ndarray,
    up: np.ndarray,
    names: Sequence[str],
    width: float,
    lines: Sequence[Box] = (),
) -> dict[str, list[str]]:
    """Return texts and their places around points, first come first served, none on another.

    Points are given in pixels from the lower left corner of a chart that is ``width`` wide, and so
    are the lines in it, over which a text stands only where it has no other room.
    A label that finds no room is left empty; its point still tells its name when pointed at.
    """
    taken = [(a - 6, b - 6, a + 6, b + 6) for a, b in zip(across, up, strict=True)]
    texts, places = [], []
    for name, a, b in zip(names, across, up, strict=True):
        half = len(html.unescape(name)) * CHARACTER / 2
        place, box = _room(half, a, b, width, [*taken, *lines])
        if box is None:
            place, box = _room(half, a, b, width, taken)
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


# Past the ten colours the shape of the mark changes too.
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
GLYPHS = dict(zip(SYMBOLS, "●◆■▲✚✖★⬟", strict=True))
GREY = "#8a8f98"
VERDICT_COLOURS = {"best": "#0f8f7f", "tied with best": "#5fb8ab", "worse": "#b98a4b"}
VERDICT_COLOURS |= dict.fromkeys(("reference", "floor", ""), GREY)
HEAT = ((0.0, "#26374d"), (0.5, "#3d8b8b"), (1.0, "#f4ebcb"))
NAMED_CLASSES = 12
MAP_UNIT = 4.4  # units of a map to a pixel, where maps are narrowest beside a phone's
BOLD = 1.12  # how much wider bold letters are
CELL = 38  # of a heat map, in pixels


def marks(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the colour and the shape by which each class is known on every map."""
    ten, eight = len(COLOURS), len(SYMBOLS)
    return [(COLOURS[i % ten], SYMBOLS[i // ten % eight]) for i in range(len(names))]


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Return between which numbers colours differ: the few that lie far out have the same."""
    low, high = np.quantile(values, [0.02, 0.98])
    return float(low), float(high)


def map_figure(layout: np.ndarray, codes: Sequence[float], names: Sequence[str]) -> go.Figure:
    """Return a map of items coloured by class, or on a scale where numbers have no names.

    Its coordinates are whole numbers in [0, 1000].
    """
    import plotly.graph_objects as go

    places = in_a_square(layout, 1000)
    shapes = [marks(names)[int(code)][1] for code in codes] if names else []
    colours: dict[str, Any] = {"color": COLOURS[0]}
    if names:
        last = len(COLOURS) - 1
        colours = {"color": [int(code) % len(COLOURS) for code in codes], "cmin": 0, "cmax": last}
        colours["colorscale"] = [[i / last, name] for i, name in enumerate(COLOURS)]
    elif len(codes):
        low, high = ends(codes)
        colours = {"color": list(codes), "cmin": low, "cmax": high}
        colours["colorscale"] = [list(step) for step in SCALE]
    points = go.Scatter(
        x=places[:, 0].tolist(),
        y=places[:, 1].tolist(),
        mode="markers",
        hoverinfo="none",
        marker={
            **colours,
            "symbol": shapes if len(set(shapes)) > 1 else SYMBOLS[0],
            "size": 6 if len(places) > 150 else 8,
            "opacity": 0.85,
            "line": {"width": 0},
        },
    )
    bare = {"visible": False, "range": [-40, 1040], "fixedrange": True}
    # Together: Plotly checks all that there are once more with each that is added.
    several = 1 < len(names) <= NAMED_CLASSES
    annotations = [
        {"x": x, "y": y, "text": name, "showarrow": False}
        for name, x, y in (_class_names(places, np.asarray(codes), names) if several else ())
    ]
    margin = {"l": 0, "r": 0, "t": 0, "b": 0}
    return bare_figure([points], xaxis=bare, yaxis=bare, margin=margin, annotations=annotations)


def _class_names(
    places: np.ndarray, codes: np.ndarray, names: Sequence[str]
) -> list[tuple[str, float, float]]:
    """Return the names of classes at their middles, large classes first, none on another."""
    named: list[tuple[str, float, float]] = []
    taken: list[Box] = []
    for code in np.argsort(-np.bincount(codes, minlength=len(names)), kind="stable"):
        name = short(names[code], 12)
        half = len(html.unescape(name)) * BOLD * CHARACTER / 2 * MAP_UNIT
        x, y = np.median(places[codes == code], axis=0)
        x = float(np.clip(x, half - 40, 1040 - half))  # not cut off at the edge
        box = (x - half, y - LINE / 2 * MAP_UNIT, x + half, y + LINE / 2 * MAP_UNIT)
        if not any(overlap(box, other) for other in taken):
            taken.append(box)
            named.append((name, x, float(y)))
    return named


def in_a_square(layout: np.ndarray, side: int) -> np.ndarray:
    """Return places moved into [0, side] with their shape kept, in whole numbers."""
    if not len(layout):
        return np.zeros((0, 2), dtype=int)
    places = np.asarray(layout, dtype=float)
    low, high = places.min(axis=0), places.max(axis=0)
    extent = (high - low).max() or 1.0
    return np.rint(((places - (low + high) / 2) / extent + 0.5) * side).astype(int)


def cost_figure(board: Leaderboard) -> go.Figure | None:
    """Return quality against the latency of one item; None where fewer than two rows have both."""
    metric = board.rank_by
    rows = [row for row in board.results if row.cost and metric in row.scores]
    rows = [row for row in rows if row.cost and row.cost.latency_seconds > 0]  # NaN is not
    if metric is None or len(rows) < 2:
        return None
    scale = SCORES[metric].scale
    x = np.array([row.cost.latency_seconds for row in rows if row.cost])
    y = np.array([row.scores[metric].value for row in rows]) * scale
    figure = bare_figure([_frontier(rows, metric), _points(rows, metric, x, y)])
    ticks = log_ticks(x)
    figure.update_xaxes(
        type="log",
        title="latency of one item",
        range=[math.log10(x.min()) - 0.25, math.log10(x.max()) + 0.25],
        tickvals=ticks,
        ticktext=[seconds_text(tick) for tick in ticks],
    )
    title = board.label(metric) + (", %" if scale == 100 else "")
    bars = whiskers([row.scores[metric] for row in rows], scale)
    low, high = np.min(y - bars["arrayminus"]), np.max(y + bars["array"])
    margin = 0.06 * (high - low) or 1.0
    low, high = float(low - margin), float(high + margin)
    figure.update_yaxes(title=title, range=[low, high])
    # The same points leave room for other labels on a phone: the page picks by its width.
    names = [short(row.spec, 30) for row in rows]
    across = (np.log10(x / x.min()) + 0.25) / (np.ptp(np.log10(x)) + 0.5)
    up = (y - low) / (high - low)
    sizes = (("wide", 820, 350), ("narrow", 290, 350))
    bottom, top = (
        (y - bars["arrayminus"] - low) / (high - low),
        (y + bars["array"] - low) / (high - low),
    )
    labels = {}
    for size, width, height in sizes:
        places = zip(across * width, bottom * height, top * height, strict=True)
        lines = [(a - 2, under, a + 2, over) for a, under, over in places]
        labels[size] = point_labels(across * width, up * height, names, width, lines)
    figure.layout.meta = {"labels": labels}
    return figure


def _points(rows: list[Result], metric: str, x: np.ndarray, y: np.ndarray) -> go.Scatter:
    import plotly.graph_objects as go

    scale = SCORES[metric].scale
    return go.Scatter(
        x=x.tolist(),
        y=y.tolist(),
        mode="markers+text",
        marker={
            "color": [_colour(row) for row in rows],
            "symbol": ["star" if row.recommended else "circle" for row in rows],
            "size": [17 if row.recommended else 11 for row in rows],
            "opacity": 1,
        },
        error_y=whiskers([row.scores[metric] for row in rows], scale),
        hovertext=[
            f"{html.escape(row.spec, quote=False)}<br>{value:.3g}, "
            f"{seconds_text(row.cost.latency_seconds) if row.cost else ''}"
            for row, value in zip(rows, y, strict=True)
        ],
        hoverinfo="text",
    )


def _colour(row: Result) -> str:
    return VERDICT_COLOURS["best" if row.recommended else row.verdict or ""]


def whiskers(scores: Sequence[Estimate], scale: float) -> dict[str, Any]:
    """Return the intervals of the scores as Plotly's error bars."""
    ends = [
        (score.value, score.value)
        if score.low is None or score.high is None
        else (score.low, score.high)
        for score in scores
    ]
    return {
        "type": "data",
        "symmetric": False,
        "array": [scale * (high - s.value) for (_, high), s in zip(ends, scores, strict=True)],
        "arrayminus": [scale * (s.value - low) for (low, _), s in zip(ends, scores, strict=True)],
        "color": GREY,
        "thickness": 1.2,
        "width": 3,
    }


def _frontier(rows: list[Result], metric: str) -> go.Scatter:
    """Return the line through the encoders to use, whatever score one asks for."""
    import plotly.graph_objects as go

    line = [(row, row.cost) for row in frontier(rows, SCORES[metric]) if row.cost]
    return go.Scatter(
        x=[cost.latency_seconds for _, cost in line],
        y=[SCORES[metric].scale * row.scores[metric].value for row, _ in line],
        mode="lines",
        line={"dash": "dot", "width": 1.2, "color": GREY},
        hoverinfo="skip",
    )


def log_ticks(values: np.ndarray) -> list[float]:
    """Return round numbers around the values, the fewer a power of ten the wider they range."""
    low, high = math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()))
    steps = {1: (1, 2, 5), 2: (1, 3), 3: (1, 3)}.get(high - low, (1,))
    return [step * 10.0**power for power in range(low, high + 1) for step in steps]


def similarity_figure(matrix: np.ndarray, spaces: Sequence[str]) -> go.Figure:
    """Return how alike spaces are, two by two, as a heat map with the values written in it."""
    import plotly.graph_objects as go

    places = list(range(len(spaces)))
    heat = go.Heatmap(
        x=places,
        y=places,
        z=np.round(matrix, 2).tolist(),
        zmin=0,
        zmax=1,
        colorscale=[list(step) for step in HEAT],
        showscale=False,
        texttemplate="%{z:.2f}",
        hoverinfo="skip",
        xgap=2,
        ygap=2,
    )
    texts = [short(spec, 20) for spec in spaces]
    names = {"tickvals": places, "ticktext": texts}
    # Names over the columns rise by 40 degrees, so that they end above and right of their cells.
    widths = [CHARACTER * len(html.unescape(name)) for name in texts]
    right = max(0.77 * width - CELL * at for at, width in enumerate(reversed(widths)))
    margin = {"l": 8, "b": 8, "r": max(8.0, right), "t": 16 + 0.65 * max(widths)}
    height = margin["t"] + margin["b"] + CELL * len(spaces)
    figure = bare_figure([heat], height=height, margin=margin)
    bare = {"showgrid": False, "ticks": "", **names}
    slanted = {"side": "top", "tickangle": -40, "ticklabeloverflow": "allow", "automargin": False}
    figure.update_xaxes(**slanted, **bare)
    figure.update_yaxes(autorange="reversed", **bare)
    return figure


def least_width(spaces: Sequence[str]) -> int:
    """Return how wide a figure of likeness must be, in pixels, for the numbers to be read."""
    names = CHARACTER * max(len(html.unescape(short(spec, 20))) for spec in spaces)
    return round(1.77 * names + CELL * len(spaces))


def bare_figure(data: list[Any], **layout: Any) -> go.Figure:
    """Return a figure without a theme: the page's style sheet colours its text and its lines."""
    import plotly.graph_objects as go

    axis = {"automargin": True, "fixedrange": True, "zeroline": False}
    given = {
        "xaxis": axis,
        "yaxis": axis,
        "template": go.layout.Template(),
        "showlegend": False,
        "dragmode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {"align": "left"},
    }
    return go.Figure(data, {**given, **layout})


def short(text: str, most: int) -> str:
    """Return a text cut to ``most`` characters, safe where Plotly reads markup."""
    return html.escape(text if len(text) <= most else text[: most - 1] + "…", quote=False)
