"""The charts of a page about layers: accuracy, zeros, dimensions in use, from input to output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nearspace.judge.layerboard import LayerBoard
from nearspace.judge.statistics import Estimate
from nearspace.report.figures import (
    VERDICT_COLOURS,
    bare_figure,
    short,
    similarity_figure,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["KEYS", "layer_pictures"]

BEST, OTHER = VERDICT_COLOURS["best"], VERDICT_COLOURS["worse"]
# What the marks of each chart stand for: a colour, a glyph, and words.
KEYS = {
    "accuracy": [(BEST, "●", "k-NN"), (BEST, "○", "k-NN after L2"), (OTHER, "◆", "linear probe")],
    "zeros": [(BEST, "●", "exactly zero"), (OTHER, "◆", "zero for every test item")],
    "rank": [(BEST, "●", "effective rank"), (OTHER, "◆", "dimensions")],
}


def layer_pictures(board: LayerBoard) -> dict[str, go.Figure]:
    """Return figures by name: ``accuracy`` where there are labels, ``zeros``, ``rank``, ``cka``."""
    names = [row.name for row in board.rows]
    rows = [row for row in board.rows if row.knn and row.probe and row.l2]
    found = {}
    if rows:
        scale = board.score.scale
        knn = [row.knn for row in rows if row.knn]
        after = [row.knn.value + row.l2.value for row in rows if row.knn and row.l2]
        traces = [
            _trace(knn, BEST, "circle", lines=True, scale=scale),
            _trace([Estimate(value) for value in after], BEST, "circle-open", scale=scale),
            _trace([row.probe for row in rows if row.probe], OTHER, "diamond", 0.18, scale=scale),
        ]
        title = "right test items, %" if board.score.unit else board.label
        found["accuracy"] = _by_layer(traces, names, title)
    zeros = [row.zeros for row in board.rows]
    silent = [Estimate(row.silent) for row in board.rows]
    traces = [_trace(zeros, BEST, "circle", lines=True), _trace(silent, OTHER, "diamond")]
    found["zeros"] = _by_layer(
        traces, names, "of the layer's numbers, %", range=_from_zero(zeros + silent)
    )
    ranks = [Estimate(row.effective_rank / 100) for row in board.rows]
    dims = [Estimate(row.dim / 100) for row in board.rows]
    traces = [_trace(ranks, BEST, "circle", lines=True), _trace(dims, OTHER, "diamond")]
    found["rank"] = _by_layer(traces, names, "dimensions", type="log", dtick=1)
    if len(names) > 1:
        found["cka"] = similarity_figure(board.cka, names)
    return found


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
        hovertemplate="%{x:.4g}<extra></extra>",
    )


def _by_layer(traces: list[Any], names: Sequence[str], title: str, **axis: Any) -> go.Figure:
    figure = bare_figure(traces, height=90 + 34 * len(names))
    figure.update_xaxes(title=title, automargin=True, fixedrange=True, zeroline=False, **axis)
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[short(name, 24) for name in names],
        range=[len(names) - 0.5, -0.5],
        automargin=True,
        fixedrange=True,
        zeroline=False,
    )
    return figure
