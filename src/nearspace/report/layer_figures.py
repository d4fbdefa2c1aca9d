"""The charts of a page about layers: accuracy, zeros, dimensions in use, from input to output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.layers import LayerBoard
from nearspace.report.figures import (
    VERDICT_COLOURS,
    bare_figure,
    short,
    similarity_figure,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["KEYS", "layer_pictures", "layers_figure"]

BEST, OTHER = VERDICT_COLOURS["best"], VERDICT_COLOURS["worse"]
# What the marks of each chart stand for: a colour, a glyph, and words.
KEYS = {
    "accuracy": [(BEST, "●", "k-NN"), (BEST, "○", "k-NN after L2"), (OTHER, "◆", "linear probe")],
    "zeros": [(BEST, "●", "exactly zero"), (OTHER, "◆", "zero for every test item")],
    "rank": [(BEST, "●", "effective rank"), (OTHER, "◆", "dimensions")],
}


def layer_pictures(board: LayerBoard) -> dict[str, go.Figure]:
    """Return figures by name: ``accuracy`` where there are labels, ``zeros``, ``rank``, ``cka``."""
    names = [short(row.name, 24) for row in board.rows]
    rows = [row for row in board.rows if row.scores]
    pictures = {}
    if rows:
        scale = board.score.scale
        knn, linear = zip(*(list(row.scores.values())[:2] for row in rows), strict=True)
        after = [k.value + row.l2.value for k, row in zip(knn, rows, strict=True)]
        traces = [
            _trace(knn, BEST, "circle", lines=True, scale=scale),
            _trace([Estimate(value) for value in after], BEST, "circle-open", scale=scale),
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
    ranks = [Estimate(row.effective_rank / 100) for row in board.rows]
    dims = [Estimate(row.dim / 100) for row in board.rows]
    traces = [_trace(ranks, BEST, "circle", lines=True), _trace(dims, OTHER, "diamond")]
    pictures["rank"] = _by_layer(traces, names, "dimensions", type="log", dtick=1)
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
