"""What a notebook shows of a board: its rows, with their intervals drawn on one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from nearspace.judge.axis import Axis, interval_axis
from nearspace.judge.scores import SCORES
from nearspace.notebook import card, interval_drawn, shortened, table

if TYPE_CHECKING:
    from nearspace.judge.board import Board
    from nearspace.judge.score import Score
    from nearspace.judge.statistics import Estimate

__all__ = ["board_card", "board_line", "row_line"]

COLOURS = {"best": "#16937f", "tied with best": "#16937f", "better": "#16937f", "worse": "#b07a34"}
GREY, RED = "#8a8f98", "#d9534a"
OTHERS = 4  # scores beside the one that ranks


def board_line(board: Board) -> str:
    """Return what a board found, on one line."""
    what, scores = next(iter(board.named_by)), _ranked(board)
    told = [f"{len(scores):,} {what}{'s' * (len(scores) != 1)}"]
    if board.leader is not None:
        number = board.score.parts(board.ranking(board.leader))[0]
        told.append(f"best {_name(board, board.leader, 24)} {number}")
        if board.recommended not in (None, board.leader):
            told.append(f"use {_name(board, board.recommended, 24)}")
    if board.failures:
        told.append(f"{len(board.failures)} failed")
    if board.interrupted:
        told.append("interrupted")
    name = shortened(board.protocol.get("name", "data"), 24)
    return f"{type(board).__name__}({name}: {', '.join(told)})"


def row_line(row: Any, *words: str) -> str:
    """Return a row of a study on one line: verdict, first score, and further words of its own."""
    told = [f"{row.verdict}{' ★' * row.recommended}", *words]
    told[1:1] = [f"{score} {estimate}" for score, estimate in list(row.scores.items())[:1]]
    return f"{type(row).__name__}({shortened(row.name, 40)}: {', '.join(filter(None, told))})"


def board_card(board: Board) -> str:
    """Return a board as HTML, see `nearspace.notebook`."""
    told, ranked, ranking = board.protocol, board.rank_by, board.score
    items = told.get("items")
    facts = [str(told.get("kind", "")), f"{items:,} items" if items else "", *board.sides]
    if board.recommended is not None:
        facts.append(f"★ {_name(board, board.recommended)}")
    if board.interrupted:
        facts.append("interrupted")
    drawn, chance = [of for of in _ranked(board) if math.isfinite(of.value)], board.chance
    level = None if chance is None else chance.value
    axis = interval_axis(ranked, drawn, level) if ranked and drawn else None
    levels = {}
    if axis is not None and level is not None and axis.holds(level):
        levels[RED] = axis.place(level) / 100
    others = [name for name in board.metrics if name != ranked and SCORES[name].better][:OTHERS]
    heads = [*board.named_by, board.label(), _ends(ranking, axis), "verdict"]
    rows = []
    for row in board.rows:
        if row.verdict == "failed":
            error = Markup('<span title="{0}">{0}</span>').format(shortened(row.error, 90))
            rows.append([row.spec, *[""] * (len(board.named_by) + 1), error, *[""] * len(others)])
            continue
        names = [getattr(row, attribute) or "" for attribute in board.named_by.values()]
        score = row.scores.get(ranked)
        number = Markup("{} <small>{}</small>").format(*ranking.parts(score))
        verdict = f"{row.verdict}{' ★' * bool(getattr(row, 'recommended', False))}"
        cells = [SCORES[name].parts(row.scores.get(name))[0] for name in others]
        rows.append([*names, number, _drawn(score, row.verdict, axis, levels), verdict, *cells])
    of_words = (*range(len(board.named_by)), len(board.named_by) + 2)
    body = table([*heads, *map(board.label, others)], rows, of_words, list(map(_mark, board.rows)))
    title, leaks = told.get("name", "A comparison"), [leak.told for leak in board.leaks]
    return card(type(board).__name__, title, facts, [body], [*leaks, *board.notes])


def _ranked(board: Board) -> list[Estimate]:
    """Return the ranking scores of all rows but guessing and what is measured against."""
    name, apart = board.rank_by, ("floor", "reference")
    rows = [row for row in board.results if row.verdict not in apart]
    return [row.scores[name] for row in rows if name in row.scores]


def _name(board: Board, row: Any, most: int = 40) -> str:
    return shortened(getattr(row, next(iter(board.named_by.values()))), most)


def _mark(row: Any) -> str:
    marks = {"failed": "ns-failed", "floor": "ns-dim", "reference": "ns-dim"}
    return "ns-chosen" if getattr(row, "recommended", False) else marks.get(row.verdict, "")


def _drawn(
    score: Estimate | None, verdict: str, axis: Axis | None, levels: dict[str, float]
) -> Markup:
    if axis is None or score is None or not axis.holds(score.value):
        return Markup("")
    ends = [score.value if end is None else end for end in (score.low, score.high)]
    value, *ends = [axis.place(x) / 100 for x in (score.value, *ends)]
    return interval_drawn(value, ends, levels, COLOURS.get(verdict, GREY))


def _ends(score: Score, axis: Axis | None) -> Markup:
    """Return the numbers at the ends of the axis."""
    if axis is None:
        return Markup("")
    low, high = (f"{end * score.scale:.3g}" for end in (axis.low, axis.high))
    return Markup(
        '<span style="display: flex; justify-content: space-between; width: 100px"><span>{}</span>'
        "<span>{}</span></span>"
    ).format(low, high)
