"""The page about the layers of one network: tables, charts, nearest places, and its verdict."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Dataset, Kind
from nearspace.judge.amounts import seconds_text
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.hybrids import WEIGHTS
from nearspace.judge.studies.layers import Hybrid, LayerBoard
from nearspace.judge.studies.places import Place, board_places
from nearspace.judge.taps import RAW
from nearspace.report.base import Page, Section, section
from nearspace.report.figures import (
    VERDICT_COLOURS,
    bare_figure,
    least_width,
    log_ticks,
    short,
    similarity_figure,
    whiskers,
)
from nearspace.report.words import leak_words

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from markupsafe import Markup

__all__ = ["hybrid_table", "layers_figure", "layers_page", "places_sections", "together"]

FRACTIONS = {0.25: "¼", 0.5: "½", 0.75: "¾"}
# Images are drawn side by side, and a page with photographs in full would be many megabytes.
LARGEST_SIDE = 96
BEST, OTHER = VERDICT_COLOURS["best"], VERDICT_COLOURS["worse"]
# What the marks of each chart stand for: a colour, a glyph, and words.
KEYS = {
    "accuracy": [(BEST, "●", "k-NN"), (BEST, "○", "k-NN after L2"), (OTHER, "◆", "linear probe")],
    "zeros": [(BEST, "●", "exactly zero"), (OTHER, "◆", "zero for every test item")],
    "rank": [(BEST, "●", "effective rank"), (OTHER, "◆", "dimensions")],
}


def layers_page(board: LayerBoard, sections: Sequence[Section] = ()) -> Page:
    """Return the page that shows what was found of layers.

    Parameters
    ----------
    board : LayerBoard
        What `compare_layers` found.
    sections : sequence of Section
        What is shown behind the charts.

    Returns
    -------
    Page
        With charts, the tables of layers and hybrids, and the protocol.
    """
    advice, told = board.advice, board.protocol
    facts = [str(told["kind"]), f"{told['items judged']:,} items judged"]
    spent = seconds_text(sum(board.seconds.values()))
    facts += [f"{sum(row.name != RAW for row in board.rows)} layers", f"{spent} of computing"]
    pictures = _pictures(board)
    hybrids, written = hybrid_table(board), board.score.parts
    gap, share = functools.partial(written, signed=True), SCORES["knn"].parts
    shown = {"board": board, "told": written, "gap": gap, "share": share}
    parts = [
        section("layer_table", **shown),
        section(
            "charts",
            keys=_keys(board),
            pictures=pictures,
            width=least_width([row.name for row in board.rows]),
        ),
    ]
    if hybrids:
        fractions = [FRACTIONS[weight] for weight in WEIGHTS]
        parts.append(
            section(
                "hybrids",
                told=written,
                hybrids=hybrids,
                fractions=fractions,
                verdict=together(board),
            )
        )
    return Page(
        "which layer?",
        f"The layers of {told['encoder']} on {told['name']}",
        facts,
        [*parts, *sections, section("protocol", protocol=told, seconds={})],
        picks=advice.picks,
        reason=" ".join(advice.reasons),
        leaks=leak_words(board),
        notes=board.notes,
        figures=pictures,
    )


def _keys(board: LayerBoard) -> dict[str, list[tuple[str, str, str]]]:
    """Return what the marks stand for: ranked by the cosine, layers are after L2 already."""
    knn, other, linear = KEYS["accuracy"]
    if board.protocol["metric"] == "cosine":
        other = (*other[:2], "k-NN before L2")
    return {**KEYS, "accuracy": [knn, other, linear]}


def together(board: LayerBoard) -> str:
    """Return whether two layers together are better than the best alone, as a sentence."""
    if board.gain is None:
        return ""
    number, interval = board.score.parts(board.gain, signed=True)
    unit = " points" * (board.score.unit == "%")
    gap = f"({number}{unit} {interval} to the best)"
    if board.gain.low is not None and board.gain.low > 0:
        best = max(board.hybrids, key=lambda hybrid: hybrid.score.value)
        return f"{best.first} and {best.second} together are better still {gap}."
    return f"No two layers together are better beyond chance {gap}."


def hybrid_table(board: LayerBoard) -> list[tuple[str, str, str, list[Hybrid]]]:
    """Return first layer, second layer, how, and the hybrids by weight, a row a pair."""
    rows: dict[tuple[str, str, str], list[Hybrid]] = {}
    for hybrid in board.hybrids:
        rows.setdefault((hybrid.first, hybrid.second, hybrid.how), []).append(hybrid)
    order = [row.name for row in board.rows]
    return [
        (*key, rows[key])
        for key in sorted(rows, key=lambda key: (order.index(key[0]), order.index(key[1]), key[2]))
    ]


def _pictures(board: LayerBoard) -> dict[str, go.Figure]:
    """Return figures by name: ``accuracy`` where there are labels, ``zeros``, ``rank``, ``cka``."""
    names = [short(row.name, 24) for row in board.rows]
    rows = [row for row in board.rows if row.scores]
    pictures = {}
    if rows:
        scale = board.score.scale
        knn, linear = zip(*(list(row.scores.values())[:2] for row in rows), strict=True)
        signs = [-1 if row.metric == "cosine" else 1 for row in rows]  # which is after L2 already
        other = [
            k.value + sign * row.l2.value for k, sign, row in zip(knn, signs, rows, strict=True)
        ]
        traces = [
            _trace(knn, BEST, "circle", lines=True, scale=scale),
            _trace([Estimate(value) for value in other], BEST, "circle-open", scale=scale),
            _trace(linear, OTHER, "diamond", 0.18, scale=scale),
        ]
        title = "right test items, %" if board.score.unit else board.label()
        pictures["accuracy"] = _by_layer(traces, names, title)
    zeros = [row.zeros for row in board.rows]
    silent = [Estimate(row.silent) for row in board.rows]
    traces = [_trace(zeros, BEST, "circle", lines=True), _trace(silent, OTHER, "diamond")]
    pictures["zeros"] = _by_layer(
        traces, names, "of the layer's numbers, %", range=_from_zero(zeros + silent)
    )
    ranks = [Estimate(row.effective_rank) for row in board.rows]
    dims = [Estimate(row.dim) for row in board.rows]
    traces = [
        _trace(ranks, BEST, "circle", lines=True, scale=1),
        _trace(dims, OTHER, "diamond", scale=1),
    ]
    ticks = log_ticks(np.array([count.value for count in ranks + dims]))
    told = {"tickvals": ticks, "ticktext": [f"{tick:,.0f}" for tick in ticks]}
    pictures["rank"] = _by_layer(traces, names, "dimensions", type="log", **told)
    if len(names) > 1:
        pictures["cka"] = similarity_figure(board.cka, [row.name for row in board.rows])
    return pictures


def layers_figure(
    layers: Sequence[tuple[str, int, Estimate]], label: str, scale: int = 100
) -> go.Figure:
    """Return the score of every layer of one network, the first layer on top.

    Parameters
    ----------
    layers : sequence of (str, int, Estimate)
        Name, dimensions and score of each layer.
    label : str
        What the score is called.
    scale : int, default=100
        What a score is multiplied by.
    """
    names = [f"{short(name, 24)} · {dim:,}" for name, dim, _ in layers]
    hover = "%{x:.1f} %<extra></extra>" if scale == 100 else "%{x:.3g}<extra></extra>"
    scores = [score for _, _, score in layers]
    trace = _trace(scores, BEST, "circle", lines=True, scale=scale, hover=hover)
    return _by_layer([trace], names, label + ", %" * (scale == 100))


def _from_zero(scores: Sequence[Estimate]) -> list[float]:
    """Return the ends of an axis of percentages, with room for a whole mark at zero."""
    top = 100 * max(score.value if score.high is None else score.high for score in scores) or 1.0
    return [-0.04 * top, 1.04 * top]


def _trace(
    scores: Sequence[Estimate],
    colour: str,
    symbol: str,
    below: float = 0.0,
    *,
    lines: bool = False,
    scale: int = 100,
    hover: str = "%{x:.4g}<extra></extra>",
) -> go.Scatter:
    """Return marks at the scores times ``scale``, the first layer on top."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=[scale * score.value for score in scores],
        y=[place + below for place in range(len(scores))],
        mode="lines+markers" if lines else "markers",
        marker={"size": 9, "color": colour, "symbol": symbol},
        line={"width": 1.5, "color": VERDICT_COLOURS["tied with best"]},
        error_x=whiskers(scores, scale) if scores[0].low is not None else None,
        hovertemplate=hover,
    )


def _by_layer(traces: list[Any], names: Sequence[str], title: str, **axis: Any) -> go.Figure:
    figure = bare_figure(traces, height=90 + 34 * len(names))
    figure.update_xaxes(title=title, **axis)
    ends = [len(names) - 0.5, -0.5]
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=ends)
    return figure


def places_sections(board: LayerBoard) -> list[Section]:
    """Return the part of a page with the places that each layer of a network finds alike.

    Parameters
    ----------
    board : LayerBoard
        What `compare_layers` found.

    Returns
    -------
    list of Section
        One; none where the items are no images or no layer has locations.
    """
    layers, queries, gallery = board_places(board)
    if not layers:
        return []
    rows = [
        [
            (layer, _shown(queries, [layer.queries[q]]) + _shown(gallery, layer.nearest[q]))
            for layer in layers
        ]
        for q in range(len(queries))
    ]
    return [section("places", queries=rows, searched=len(gallery))]


def _shown(images: Dataset, places: Sequence[Place]) -> list[tuple[Markup, str]]:
    """Return images with places outlined, and their labels."""
    labels = None if images.target is None else images.target.texts
    return [(_drawn(images, at), "" if labels is None else labels[at.image]) for at in places]


def _drawn(images: Dataset, place: Place) -> Markup:
    """Return an image with the cell of a place outlined, and what it sees where that is less."""
    from markupsafe import Markup

    height, width = images.items.shape[1:3]
    boxes: list[tuple[str, Any]] = [("cell", place.cell)]
    if place.field not in (place.cell, (0, 0, height, width)):
        boxes.insert(0, ("field", place.field))
    rectangles = "".join(
        f'<rect class="{name}" x="{left}" y="{top}" width="{right - left}" '
        f'height="{bottom - top}"/>'
        for name, (top, left, bottom, right) in boxes
    )
    return Markup(
        f'<span class="place">{_small(images.kind, images.items[place.image])}'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f"{rectangles}</svg></span>"
    )


def _small(kind: Kind, item: np.ndarray) -> str:
    """Return an image as an ``<img>``, at most `LARGEST_SIDE` pixels wide and high."""
    from PIL import Image as Pillow

    data = kind.picture(item, LARGEST_SIDE) or b""
    picture = Pillow.open(io.BytesIO(data))
    width, height = picture.size
    style = ' class="pixelated"' if max(width, height) < 32 else ""
    return (
        f'<img{style} width="{width}" height="{height}" alt="image of {width} × {height} pixels" '
        f'src="data:{picture.get_format_mimetype()};base64,{base64.b64encode(data).decode()}">'
    )
