"""The figure of what encoders score on each group, where every group was left out once."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from nearspace.judge.leaderboard import Leaderboard
from nearspace.judge.scores import SCORES
from nearspace.report.base import Section, section
from nearspace.report.figures import (
    COLOURS,
    GLYPHS,
    GREY,
    SYMBOLS,
    VERDICT_COLOURS,
    bare_figure,
    short,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["groups_figure", "groups_section"]

LINE, MARGIN = 26, 70  # pixels for each group, and below them
MOST_DRAWN = 6  # encoders, beside which more could not be told apart


def groups_section(board: Leaderboard) -> Section:
    """Return the part of the page about groups: the figure, and all numbers."""
    marks = _marks(board)
    return section(
        "groups",
        "Groups",
        first=next(iter(marks)),
        key=[(colour, GLYPHS[mark], spec) for spec, (colour, mark) in marks.items()],
        height=_height(board),
        groups=board.by_group,
        specs=[row.spec for row in board.results if row.spec in board.by_group[0].scores],
        metric=board.protocol["rank_by"],
    )


def _height(board: Leaderboard) -> int:
    return MARGIN + LINE * len(board.by_group)


def _marks(board: Leaderboard) -> dict[str, tuple[str, str]]:
    """Return the colour and the mark of each encoder that is drawn, the one to use first."""
    scored = board.by_group[0].scores
    rows = [row for row in board.results if row.spec in scored]
    rows.sort(key=lambda row: (not row.recommended, row.verdict == "floor"))
    marks: dict[str, tuple[str, str]] = {}
    for row in [row for row in rows if row.verdict != "floor"][:MOST_DRAWN]:
        colour = COLOURS[len(marks) % len(COLOURS)] if marks else VERDICT_COLOURS["best"]
        marks[row.spec] = colour, SYMBOLS[len(marks)]
    return marks | {row.spec: (GREY, "x") for row in rows if row.verdict == "floor"}


def groups_figure(board: Leaderboard) -> go.Figure:
    """Return the scores of encoders on each group, the group that is told worst at the bottom.

    The interval is that of the encoder to use.
    """
    import plotly.graph_objects as go

    marks, score = _marks(board), SCORES[board.protocol["rank_by"]]
    first = next(iter(marks))
    groups = sorted(board.by_group, key=lambda row: score.sign * row.scores[first].value)
    names = [short(row.group, 24) for row in groups]
    traces = []
    for spec, (colour, mark) in reversed(marks.items()):
        told = [row.scores[spec] for row in groups]
        places = list(range(len(groups)))
        texts = [
            f"{html.escape(spec, quote=False)} on {name}<br>{score.text(one)}"
            for name, one in zip(names, told, strict=True)
        ]
        traces.append(
            go.Scatter(
                x=[score.scale * one.value for one in told],
                y=places,
                mode="markers",
                marker={"color": colour, "symbol": mark, "size": 11 if spec == first else 8},
                error_x=whiskers(told, score.scale) if spec == first else None,
                hovertext=texts,
                hoverinfo="text",
            )
        )
    figure = bare_figure(traces, height=_height(board))
    unit = f", {score.unit}" * bool(score.unit)
    figure.update_xaxes(title=board.label() + unit)
    ticks = {"tickvals": list(range(len(names))), "ticktext": names}
    figure.update_yaxes(**ticks, range=[-0.6, len(names) - 0.4])
    return figure
