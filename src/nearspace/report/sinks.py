"""The page about attention sinks: every head of every layer, shares and norms over the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nearspace.foreign import printable
from nearspace.judge.studies.sinks import LayerSinks, Sinks
from nearspace.report.base import Page, section
from nearspace.report.figures import (
    CELL,
    COLOURS,
    GREY,
    HEAT,
    VERDICT_COLOURS,
    bare_figure,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["sinks_page"]

WRITTEN = 16  # heads of a layer, up to which their shares are written in the heat map
SHOWN, LONGEST = 6, 24  # tokens of a layer, and signs of each
FIRST = (VERDICT_COLOURS["best"], "●", "the first token")
OTHERS = (COLOURS[1], "◆", "other sinks")
NOWHERE = (COLOURS[4], "■", "no token")
FAIR = (GREY, "○", "fair for the first token")
ROUNDING = 1e-4  # of the attention, below which none falls on no token


def sinks_page(study: Sinks) -> Page:
    """Return the page that shows where the attention of a network goes.

    Parameters
    ----------
    study : Sinks
        What `attention_sinks` found.
    """
    told = study.protocol
    facts = [f"{told['texts']:,} texts", f"{told['tokens']:,} tokens"]
    facts += [f"{len(study.layers)} layers", f"{sum(len(row.heads) for row in study.layers)} heads"]
    nowhere = any(row.nowhere > ROUNDING for row in study.layers)
    key = [FIRST, OTHERS, *([NOWHERE] if nowhere else []), FAIR]
    heads = max(len(row.heads) for row in study.layers)
    width = 60 + (CELL if heads <= WRITTEN else CELL // 2) * heads
    pictures = {"heads": _heads(study, heads), "shares": _shares(study, nowhere)}
    if any(row.norm is not None for row in study.layers):
        pictures["norms"] = _norms(study)
    described = " ".join(
        f"Layer {row.layer}: {row.first:.0%} on the first token, {row.others:.0%} on other sinks."
        for row in study.layers
    )
    return Page(
        "attention sinks",
        f"What {told['encoder']} looks at in {told['name']}",
        facts,
        [
            section(
                "sinks", key=key, width=width, written=heads <= WRITTEN, described=described,
                norms="norms" in pictures, rule=told["a sink has"],
            ),
            section("sink_table", rows=study.layers, nowhere=nowhere, named=_named),
            section("protocol", protocol=told, seconds={}),
        ],
        reason=study.verdict.replace(" %", "\N{NO-BREAK SPACE}%"),
        notes=study.notes,
        figures=pictures,
    )  # fmt: skip


def _named(row: LayerSinks) -> list[tuple[str, int, str]]:
    """Return what the sinks of a layer are called, how many there are, and what falls on them."""
    return [
        (printable(token.name)[:LONGEST], token.count, f"{100 * token.share:.1f} %")
        for token in row.tokens[:SHOWN]
    ]


def _heads(study: Sinks, heads: int) -> go.Figure:
    """Return the share of every head that falls on the first token and other sinks."""
    import plotly.graph_objects as go

    shares = np.full((len(study.layers), heads), np.nan)
    for at, row in enumerate(study.layers):
        shares[at, : len(row.heads)] = np.sum(row.heads, axis=1)
    heat = go.Heatmap(
        z=np.round(100 * shares, 1).tolist(),
        x=list(range(1, heads + 1)),
        y=[row.layer for row in study.layers],
        zmin=0,
        zmax=100,
        colorscale=[list(step) for step in HEAT],
        showscale=False,
        texttemplate="%{z:.0f}" if heads <= WRITTEN else "",
        hovertemplate="layer %{y}, head %{x}<br>%{z:.1f} %<extra></extra>",
        xgap=2,
        ygap=2,
    )
    figure = bare_figure([heat], height=70 + 30 * len(study.layers))
    bare = {"showgrid": False, "ticks": ""}
    figure.update_xaxes(title="head", dtick=1 if heads <= WRITTEN else 4, **bare)
    figure.update_yaxes(title="layer", dtick=1, autorange="reversed", **bare)
    return figure


def _shares(study: Sinks, nowhere: bool) -> go.Figure:
    """Return the shares over the layers."""
    lines = [
        (FIRST, "circle", [row.first for row in study.layers], "solid"),
        (OTHERS, "diamond", [row.others for row in study.layers], "solid"),
        (FAIR, "circle-open", [row.fair for row in study.layers], "dot"),
    ]
    if nowhere:
        lines.insert(2, (NOWHERE, "square", [row.nowhere for row in study.layers], "solid"))
    figure = bare_figure(
        [
            _line(study, [100 * share for share in shares], colour, symbol, dash)
            for (colour, _, _), symbol, shares, dash in lines
        ],
        height=320,
    )
    figure.update_xaxes(title="layer", dtick=1 if len(study.layers) <= WRITTEN else 4)
    figure.update_yaxes(title="of the attention, %", rangemode="tozero")
    return figure


def _norms(study: Sinks) -> go.Figure:
    """Return how long the states of sinks are beside those of others, over the layers."""
    norms = [row.norm for row in study.layers]
    figure = bare_figure([_line(study, norms, FIRST[0], "circle", "solid")], height=320)
    figure.update_xaxes(title="layer", dtick=1 if len(study.layers) <= WRITTEN else 4)
    figure.update_yaxes(title="times as long", rangemode="tozero")
    return figure


def _line(
    study: Sinks, values: list[float] | list[float | None], colour: str, symbol: str, dash: str
) -> go.Scatter:
    import plotly.graph_objects as go

    return go.Scatter(
        x=[row.layer for row in study.layers],
        y=values,
        mode="lines+markers",
        marker={"size": 9, "color": colour, "symbol": symbol},
        line={"width": 1.5, "color": colour, "dash": dash},
        hovertemplate="layer %{x}<br>%{y:.3g}<extra></extra>",
    )
