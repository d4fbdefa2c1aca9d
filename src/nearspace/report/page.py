"""The page: a leaderboard as one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.encoders.exhibits import Strip
from nearspace.errors import DataError, called_as, path_of
from nearspace.judge.amounts import seconds_text
from nearspace.judge.axis import Axis, interval_axis
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.layers import LayerBoard
from nearspace.judge.studies.transfer import Transfer
from nearspace.report import figures
from nearspace.report.base import Page, Section, drawn, section
from nearspace.report.groups import groups_figure, groups_section
from nearspace.report.layers import layers_figure, layers_page, places_sections
from nearspace.report.transfer import transfer_page
from nearspace.report.words import leak_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["render", "write_report"]


SIMILARITIES = {
    "cka": ("CKA", "Linear CKA: 1 where two spaces are the same but for rotation and scale."),
    "neighbour_overlap": (
        "Neighbour overlap",
        "Share of an item's nearest neighbours that are the same in both spaces.",
    ),
}


def render(leaderboard: Leaderboard) -> str:
    """Return a leaderboard as one self-contained HTML page.

    Parameters
    ----------
    leaderboard : Leaderboard
        What `compare` found; the name of its data is the heading.

    Returns
    -------
    str
        The page. It loads nothing: pictures, charts and the code that draws them are inside.

    Examples
    --------
    >>> from nearspace.judge.leaderboard import Leaderboard, Result
    >>> row = Result("pca", "items", 32, {"knn": Estimate(0.975, 0.971, 0.978)}, recommended=True)
    >>> page = render(Leaderboard((row,), {"name": "digits", "k": 5}))
    >>> "<b>97.5</b><small>[97.1, 97.8]</small>" in page
    True
    """
    return _page(leaderboard).html()


def _page(leaderboard: Leaderboard) -> Page:
    advice = leaderboard.advice
    pictures = _pictures(leaderboard)
    return Page(
        "which representation?",
        str(leaderboard.protocol.get("name", "A comparison")),
        _facts(leaderboard),
        list(_sections(leaderboard, pictures)),
        picks=advice.picks,
        reason=" ".join([*advice.reasons, *([leaderboard.gap.told] if leaderboard.gap else [])]),
        reading=_reading(leaderboard),
        leaks=leak_words(leaderboard),
        notes=leaderboard.notes,
        interrupted=leaderboard.interrupted,
        look="pictures" if leaderboard.queries.kind.pictured else "words",
        data=_data(leaderboard),
        figures=pictures,
    )


def _sections(board: Leaderboard, pictures: dict[str, go.Figure]) -> Iterator[Section]:
    """Return what the page shows; what there is nothing of is left out."""
    table, label = _table(board), {name: board.label(name) for name in SCORES}
    meaning = {name: _meaning(board, name) for name in SCORES}
    fold = "folds" in board.protocol
    yield section("ranking", "Ranking", board=board, table=table, label=label, meaning=meaning)
    if board.by_group:
        yield groups_section(board)
    if "cost" in pictures:
        lower = table.metric is not None and SCORES[table.metric].better == "lower"
        frontier = len(pictures["cost"].data[0].x) > 1
        yield section("cost", "Cost", lower=lower, frontier=frontier)
    rows = _exhibited(board)
    if maps := [(f"map-{at}", row) for at, row in rows if f"map-{at}" in pictures]:
        names = _colours(board)[1]
        marks = zip(names, figures.marks(names), strict=True)
        legend = [(name, colour, figures.GLYPHS[shape]) for name, (colour, shape) in marks]
        shows: dict[str, Any] = {
            "legend": legend,
            "scale": _scale(board),
            "shown": len(board.shown),
            "heard": board.shown.kind.heard,
        }
        yield section("maps", "Spaces", maps=maps, table=table, fold=fold, **shows)
    near = [row for _, row in rows if len(row.exhibits.neighbours)] if board.queries else []
    if near:
        near.sort(key=lambda row: not row.recommended)
        searched = "queries" in board.protocol
        shows = {"searched": searched, "folded": not board.queries.kind.pictured, "fold": fold}
        shows["heard"] = board.queries.kind.heard
        shows["usual"] = board.queries.usual is not None and board.queries.kind.part == "column"
        title = "Found" if searched else "Neighbours"
        yield section("neighbours", title, board=board, rows=near, **shows)
    if board.words is not None and board.words[1] and board.disagreements is None:
        spec, marked = board.words
        searched = "queries" in board.protocol
        title = f"{marked[0].part.capitalize()}s"
        yield section("words", title, spec=spec, pairs=marked, searched=searched)
    if board.mistakes is not None and board.mistakes.n_wrong:
        pictured = board.mistakes.items.kind.pictured
        yield section("mistakes", "Mistakes", mistakes=board.mistakes, pictured=pictured, fold=fold)
    if board.disagreements is not None:
        pairs = board.protocol["pairs"]
        words = board.words[1] if board.words else ()
        yield section("disagreements", "Pairs", told=board.disagreements, pairs=pairs, words=words)
    if board.misses is not None and board.misses.n_missed:
        yield section("misses", "Missed", told=board.misses)
    if board.recommendations is not None and board.recommendations.users:
        yield section("recommendations", "Users", told=board.recommendations)
    groups: dict[str, list[tuple[Any, Strip]]] = {}
    for _, row in rows:
        for strip in row.exhibits.strips:
            groups.setdefault(strip.title, []).append((row, strip))
    bounds = [row for _, row in rows if row.exhibits.elbo]
    if groups or bounds:
        yield section("decoded", "Decoded", board=board, groups=groups, bounds=bounds, fold=fold)
    if layers := [(f"layers-{at}", row) for at, row in rows if row.exhibits.layers]:
        yield section("layers", "Layers", layers=layers, fold=fold)
    if alike := [name for name in board.similarity if name in pictures]:
        matrices = [(name, *SIMILARITIES.get(name, (name, ""))) for name in alike]
        width = figures.least_width(board.spaces)
        yield section("alike", "Likeness", matrices=matrices, width=width, fold=fold)
    yield section("protocol", "Protocol", protocol=board.protocol, seconds=board.seconds)


@called_as("write_report(compare(data, labels), 'report.html')")
def write_report(board: Leaderboard | LayerBoard | Transfer, path: str | Path) -> Path:
    """Write what was compared as one self-contained HTML page.

    Parameters
    ----------
    board : Leaderboard, LayerBoard or Transfer
        What `compare`, `compare_layers` or `transfer` found.
    path : str or Path
        The file to write; folders on the way to it are made.

    Returns
    -------
    Path
        The file that was written.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import compare
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(compare("wine", encoders=["pca"]), f"{folder}/wine.html")
    ...     page.stat().st_size > 100_000
    True
    """
    path = path_of(path, "write_report")
    for kind, page_of in PAGES.items():
        if isinstance(board, kind):
            return page_of(board).write(path)
    raise DataError(
        "write_report: expected what compare, compare_layers or transfer returned, got one "
        f"{type(board).__name__}."
    )


def _layers_page(board: LayerBoard) -> Page:
    return layers_page(board, places_sections(board))


PAGES: dict[type, Callable[[Any], Page]] = {
    Leaderboard: _page, LayerBoard: _layers_page, Transfer: transfer_page,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Table:
    """What the ranked table needs beside the rows."""

    metric: str | None
    unit: str
    others: list[str]
    differs: bool
    free: bool
    axis: Axis | None
    chance: Estimate | None
    best: float | None


def _table(board: Leaderboard) -> _Table:
    metric = board.rank_by
    scores = {row.verdict: row.scores[metric] for row in board.results if metric in row.scores}
    whiskers = [
        row.scores[metric]
        for row in board.results
        if row.verdict not in ("floor", "reference")
        and metric in row.scores
        and math.isfinite(row.scores[metric].value)
    ]
    chance = scores.get("floor")
    level = None if chance is None else chance.value
    return _Table(
        metric=metric,
        unit=SCORES[metric].unit if metric else "",
        others=[name for name in board.metrics if name != metric],
        differs=any(row.difference is not None for row in board.results),
        free=any(row.without_groups is not None for row in board.results),
        axis=interval_axis(metric, whiskers, level) if metric and whiskers else None,
        chance=chance,
        best=scores["best"].value if "best" in scores else None,
    )


def _meaning(board: Leaderboard, name: str) -> str:
    better, k = SCORES[name].better, board.protocol.get("k", "k")
    meaning = SCORES[name].meaning.replace("k nearest", f"{k} nearest")
    return meaning + (f" {better.capitalize()} is better." if better else "")


def _reading(board: Leaderboard) -> str:
    """Return what the score that ranks means, what guessing gets by it, and what brackets are."""
    name = board.rank_by
    if name is None:
        return ""
    number, interval = board.score.parts(board.leader and board.ranking(board.leader))
    meaning = _meaning(board, name)
    told = [f"{board.label()}: {meaning[0].lower()}{meaning[1:]}"]
    if board.chance is not None:
        guess = board.score.parts(board.chance)[0]
        told.append(f"Guessing gets {guess}{' ' * bool(board.score.unit)}{board.score.unit}.")
    if number and interval:
        told.append("In brackets is its 95 % interval: how far off a score on these items may be.")
    return " ".join(told)


def _facts(board: Leaderboard) -> list[str]:
    """Return what was compared, in a few words each."""
    told = board.protocol
    words = ("items", "classes")
    facts = [f"{told[key]:,} {key}" for key in words if isinstance(told.get(key), int)]
    facts += board.sides
    if "queries made of" in told:
        facts.append(f"queries made of the texts: {told['queries made of']}")
    if isinstance(told.get("kind"), str):
        facts.insert(0, told["kind"])
    tried = [row for row in board.rows if not isinstance(row, Result) or row.dim]
    facts.append(f"{len(tried)} encoder{'s' * (len(tried) != 1)}")
    if board.seconds:
        facts.append(f"{seconds_text(sum(board.seconds.values()))} of computing")
    return facts


def _colours(board: Leaderboard) -> tuple[list[Any], list[str]]:
    """Return a number for each item on the maps to colour it by, and the classes it may name."""
    if board.shown_target is None:
        return [], []
    codes, names = board.shown_target.colours
    return codes.tolist(), names


def _scale(board: Leaderboard) -> tuple[str, str, str] | None:
    """Return the least number of the maps' scale, its colours from there on, and the largest."""
    codes, names = _colours(board)
    if names or not codes:
        return None
    least, largest = (f"{end:.4g}" for end in figures.ends(codes))
    return least, ", ".join(colour for _, colour in figures.SCALE), largest


def _pictures(board: Leaderboard) -> dict[str, go.Figure]:
    """Return the figures by name: ``cost``, ``map-0`` of the first row, ``layers-0``, ``cka``."""
    codes, names = _colours(board)
    cost = figures.cost_figure(board)
    pictures = {} if cost is None else {"cost": cost}
    if board.by_group:
        pictures["groups"] = groups_figure(board)
    for at, row in _exhibited(board):
        if len(row.exhibits.layout):
            pictures[f"map-{at}"] = figures.map_figure(row.exhibits.layout, codes, names)
        if row.exhibits.layers:
            score = next(SCORES[name] for name in ("knn", "knn_r2") if name in board.metrics)
            label = board.label(score.name)
            pictures[f"layers-{at}"] = layers_figure(row.exhibits.layers, label, score.scale)
    if len(board.spaces) > 1:
        for name, matrix in board.similarity.items():
            pictures[name] = figures.similarity_figure(np.asarray(matrix), board.spaces)
    return pictures


def _exhibited(board: Leaderboard) -> list[tuple[int, Any]]:
    """Return the rows of which the page can show more than numbers, with their positions."""
    return [
        (at, row)
        for at, row in enumerate(board.rows)
        if isinstance(row, Result) and row.exhibits is not None
    ]


def _data(board: Leaderboard) -> dict[str, Any]:
    """Return the drawn items, each once, and which of them every list holds."""
    codes, names = _colours(board)
    if board.shown_target is not None and not names:
        codes, names = list(range(len(codes))), list(board.shown_target.texts)
    strips = {"shown": board.shown, "queries": board.queries, "gallery": board.gallery}
    if board.mistakes is not None:
        strips["wrong"] = board.mistakes.items
    if board.disagreements is not None:
        strips |= {"left": board.disagreements.left, "right": board.disagreements.right}
    if board.misses is not None:
        told = board.misses
        strips |= {"asked": told.asked, "taken": told.taken, "wanted": told.wanted}
    if board.recommendations is not None:
        strips["recommended"] = board.recommendations.items
    lists = {name: drawn(strip) for name, strip in strips.items()}
    places = {text: place for place, text in enumerate(dict.fromkeys(chain(*lists.values())))}
    data: dict[str, Any] = {"fragments": list(places), "classes": names, "codes": codes}
    return data | {name: [places[text] for text in texts] for name, texts in lists.items()}
