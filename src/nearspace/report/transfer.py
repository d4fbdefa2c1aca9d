"""The page about few labels: scores against their number, a table, what pretraining brought."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nearspace.judge.amounts import seconds_text
from nearspace.judge.studies.finetune import TRAINED
from nearspace.judge.studies.gains import FLOOR, TransferRow, is_from_scratch
from nearspace.judge.studies.transfer import Transfer
from nearspace.report.base import Page, section
from nearspace.report.figures import (
    COLOURS,
    GLYPHS,
    GREY,
    VERDICT_COLOURS,
    bare_figure,
    short,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["transfer_page"]

# A colour and a mark by how labels are used; where items are varied the line is dashed.
MARKS = {
    TRAINED["scratch"]: (GREY, "circle"),
    FLOOR: (COLOURS[1], "diamond"),
    "linear head": (COLOURS[0], "square"),
    TRAINED["last"]: (COLOURS[2], "triangle-up"),
    TRAINED["all"]: (VERDICT_COLOURS["best"], "star"),
    TRAINED["pairs"]: (COLOURS[3], "cross"),
}
OTHERS = ((COLOURS[4], "pentagon"), (COLOURS[5], "x"), (COLOURS[6], "diamond"))  # heads beside
OPEN = dict(zip("●◆■▲★", "○◇□△☆", strict=True))  # where items are varied
ALONE = "There is nothing to hold the linear head against."
APART = 0.05  # between ways beside each other, of the room between two numbers of labels


def transfer_page(board: Transfer) -> Page:
    """Return the page that shows what came of few labels.

    Parameters
    ----------
    board : Transfer
        What `transfer` found.
    """
    from markupsafe import Markup

    advice, told = board.advice, board.protocol
    ways = list(dict.fromkeys(row.way for row in board.rows))
    counts = sorted({row.labels for row in board.rows})
    gap = functools.partial(board.score.parts, signed=True)
    marks = _marks(ways)
    key = [(marks[way][0], _glyph(marks[way][1], way), way) for way in ways]
    facts = [str(told["kind"]), f"{told['train']:,} training items, {told['test']:,} test items"]
    facts += [f"{max(row.seeds for row in board.rows)} draws of labels"]
    facts += [f"{seconds_text(sum(board.seconds.values()))} of computing"]
    return Page(
        "few labels",
        f"{told['encoder']} on {told['name']}",
        facts,
        [
            section("by_labels", board=board, key=key, described=_described(board, counts)),
            section(
                "ways",
                board=board,
                scratch=is_from_scratch(board.rows),
                told=board.score.parts,
                gap=gap,
            ),
            section("protocol", protocol=told, seconds=board.seconds),
        ],
        picks=advice.picks,
        reason=Markup("<br>").join(advice.reasons) or ALONE,
        notes=board.notes,
        interrupted=board.interrupted,
        figures={"by_labels": _figure(board, ways, counts)},
    )


def _marks(ways: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and the shape of each way; linear heads on several encoders differ."""
    heads = [way for way in ways if way.startswith(FLOOR)]
    marks = {way: MARKS.get(way.removesuffix(", varied"), MARKS[FLOOR]) for way in ways}
    return marks | dict(zip(heads[1:], itertools.cycle(OTHERS), strict=False))


def _glyph(shape: str, way: str) -> str:
    """Return the mark of a way as a letter."""
    return OPEN[GLYPHS[shape]] if way.endswith(", varied") else GLYPHS[shape]


def _described(board: Transfer, counts: Sequence[int]) -> str:
    """Return the chart in words."""
    said = []
    for n in counts:
        rows = sorted(
            (row for row in board.rows if row.labels == n), key=lambda row: -row.score.value
        )
        listed = (f"{row.way} {board.score.text(row.score)}" for row in rows)
        said.append(f"With {n:,} labels: {', '.join(listed)}.")
    return f"Chart of {board.label()} by number of labels. {' '.join(said)}"


def _figure(board: Transfer, ways: Sequence[str], counts: Sequence[int]) -> go.Figure:
    """Return the score against the number of labels, a line a way, with intervals."""
    middle, marks = (len(ways) - 1) / 2, _marks(ways)
    traces = []
    for at, way in enumerate(ways):
        rows = [row for row in board.rows if row.way == way]
        across = [counts.index(row.labels) + APART * (at - middle) for row in rows]
        traces.append(_trace(board, rows, across, marks[way]))
    figure = bare_figure(traces, height=440)
    room = APART * (middle + 1)
    figure.update_xaxes(
        title="labels",
        tickvals=list(range(len(counts))),
        ticktext=[f"{n:,}" for n in counts],
        range=[-room - 0.1, len(counts) - 1 + room + 0.1],
    )
    figure.update_yaxes(title=board.label() + (", %" if board.score.unit else ""))
    return figure


def _trace(
    board: Transfer, rows: Sequence[TransferRow], across: Sequence[float], mark: tuple[str, str]
) -> go.Scatter:
    import plotly.graph_objects as go

    colour, shape = mark
    varied, scale = rows[0].varied, board.score.scale
    return go.Scatter(
        x=across,
        y=[scale * row.score.value for row in rows],
        mode="lines+markers",
        marker={"size": 9, "color": colour, "symbol": shape + "-open" * varied},
        line={"width": 1.5, "color": colour, "dash": "dash" if varied else "solid"},
        error_y={**whiskers([row.score for row in rows], scale), "color": colour},
        customdata=[f"{short(row.way, 40)}, {row.labels:,} labels" for row in rows],
        hovertemplate="%{customdata}<br>%{y:.3g}<extra></extra>",
    )
