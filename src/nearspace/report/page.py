"""The page: a leaderboard as one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.judge.leaderboard import Failure, Leaderboard, Result
from nearspace.judge.metrics import METRICS, Score, format_score
from nearspace.report import figures
from nearspace.report.axis import Axis, interval_axis
from nearspace.report.words import (
    bytes_text,
    count_text,
    metric_label,
    rank_metric,
    seconds_text,
    verdict,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["environment", "figure_json", "plotly_code", "render", "script_json", "write_report"]

GLYPHS = dict(zip(figures.SYMBOLS, "●◆■▲✚✖★⬟", strict=True))
SIMILARITIES = {
    "cka": ("CKA", "Linear CKA: 1 where two spaces are the same but for rotation and scale."),
    "neighbour_overlap": (
        "Neighbour overlap",
        "Share of an item's nearest neighbours that are the same in both spaces.",
    ),
}


def render(leaderboard: Leaderboard, title: str | None = None) -> str:
    """Return a leaderboard as one self-contained HTML page.

    Parameters
    ----------
    leaderboard : Leaderboard
        What `compare` found.
    title : str, optional
        The heading; the name of the data when absent.

    Returns
    -------
    str
        The page. It loads nothing: pictures, charts and the code that draws them are inside.

    Examples
    --------
    >>> from nearspace.judge.leaderboard import Leaderboard, Result, Score
    >>> row = Result("pca", "items", 32, {"knn": Score(0.975, 0.971, 0.978)}, recommended=True)
    >>> page = render(Leaderboard((row,), {"name": "digits", "k": 5}))
    >>> "97.5 % 5-NN accuracy [97.1, 97.8]" in page
    True
    """
    spec, reason = verdict(leaderboard)
    pictures = _pictures(leaderboard)
    metric = rank_metric(leaderboard)
    names, _ = _classes(leaderboard.shown_labels)
    template = environment().get_template("report.html.j2")
    return template.render(
        board=leaderboard,
        title=title or str(leaderboard.protocol.get("name", "A comparison")),
        spec=spec,
        reason=reason,
        facts=_facts(leaderboard),
        table=_table(leaderboard),
        label={name: metric_label(name, leaderboard) for name in METRICS},
        lower=METRICS[metric].better == "lower" if metric else False,
        meaning={name: _meaning(name) for name in METRICS},
        legend=[
            (name, colour, GLYPHS[shape])
            for name, (colour, shape) in zip(names, figures.marks(names), strict=True)
        ],
        look="pictures" if _are_pictures(leaderboard) else "words",
        shows=_shows(leaderboard, pictures),
        frontier="cost" in pictures and len(pictures["cost"].data[0].x) > 1,
        similarities=SIMILARITIES,
        page_data=_page_json(leaderboard),
        figure_data=figure_json(pictures),
        plotly=plotly_code() if pictures else None,
    )


def write_report(leaderboard: Leaderboard, path: str | Path) -> Path:
    """Write a leaderboard as one self-contained HTML page.

    Parameters
    ----------
    leaderboard : Leaderboard
        What `compare` found.
    path : str or Path
        The file to write; folders on the way to it are made.

    Returns
    -------
    Path
        The file that was written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(leaderboard), encoding="utf-8")
    return path


def environment() -> Environment:
    """Return the templates, with all text escaped that is not marked as safe."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "seconds": seconds_text,
        "count": count_text,
        "bytes": bytes_text,
        "score": _score_parts,
    }
    made.tests["failure"] = lambda row: isinstance(row, Failure)
    return made


@dataclasses.dataclass(frozen=True)
class _Table:
    """What the ranked table needs beside the rows."""

    metric: str | None
    unit: str
    others: list[str]
    differs: bool
    axis: Axis | None
    chance: Score | None
    best: float | None


def _table(board: Leaderboard) -> _Table:
    metric = rank_metric(board)
    scores = {row.verdict: row.scores[metric] for row in board.results if metric in row.scores}
    drawn = [
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
        unit="%" if metric and METRICS[metric].percent else "",
        others=[name for name in board.metrics if name != metric],
        differs=any(row.difference is not None for row in board.results),
        axis=interval_axis(metric, drawn, level) if metric and drawn else None,
        chance=chance,
        best=scores["best"].value if "best" in scores else None,
    )


def _meaning(name: str) -> str:
    better = METRICS[name].better
    return METRICS[name].meaning + (f" {better.capitalize()} is better." if better else "")


def _score_parts(score: Score | None, metric: str) -> tuple[str, str]:
    """Return a score and its interval as two texts, either of which may be empty."""
    number, _, interval = format_score(metric, score).replace("-", "−").partition(" [")
    return number, f"[{interval}" if interval else ""


def _facts(board: Leaderboard) -> list[str]:
    """Return what was compared, in a few words each."""
    told = board.protocol
    words = {"items": "items", "classes": "classes", "train": "to fit on", "test": "to judge on"}
    known = [key for key in words if isinstance(told.get(key), int)]
    facts = [f"{told[key]:,} {words[key]}" for key in known]
    if isinstance(told.get("kind"), str):
        facts.insert(0, told["kind"])
    tried = [row for row in board.rows if not isinstance(row, Result) or row.verdict != "floor"]
    facts.append(f"{len(tried)} encoder{'s' * (len(tried) != 1)}")
    if board.seconds:
        spent = sum(board.seconds.values())
        facts.append(f"{seconds_text(spent)} of computing" if spent else "all from the cache")
    return facts


def _classes(labels: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """Return the classes in their natural order, and the position of each label among them."""
    try:
        names = sorted(set(labels), key=float)
    except ValueError:
        names = sorted(set(labels))
    places = {name: place for place, name in enumerate(names)}
    return names, [places[label] for label in labels]


def _pictures(board: Leaderboard) -> dict[str, go.Figure]:
    """Return the figures by name: ``cost``, ``map-0`` of the first row, ``layers-0``, ``cka``."""
    names, codes = _classes(board.shown_labels)
    found = {}
    cost = figures.cost_figure(board)
    if cost is not None:
        found["cost"] = cost
    for at, row in _exhibited(board):
        if len(row.exhibits.layout):
            found[f"map-{at}"] = figures.map_figure(row.exhibits.layout, codes, names)
        if row.exhibits.layers:
            label = metric_label("knn", board)
            found[f"layers-{at}"] = figures.layers_figure(row.exhibits.layers, label)
    if len(board.spaces) > 1:
        for name, matrix in board.similarity.items():
            found[name] = figures.similarity_figure(np.asarray(matrix), board.spaces)
    return found


def _exhibited(board: Leaderboard) -> list[tuple[int, Any]]:
    """Return the rows of which the page can show more than numbers, with their positions."""
    return [
        (at, row)
        for at, row in enumerate(board.rows)
        if isinstance(row, Result) and row.exhibits is not None
    ]


def _shows(board: Leaderboard, pictures: dict[str, go.Figure]) -> dict[str, list[Any]]:
    """Return what each section shows; a section that is empty is left out of the page."""
    rows = _exhibited(board)
    near = [row for _, row in rows if len(row.exhibits.neighbours)] if board.queries else []
    return {
        "cost": [name for name in pictures if name == "cost"],
        "maps": [(f"map-{at}", row) for at, row in rows if f"map-{at}" in pictures],
        "neighbours": near,
        "decoded": [row for _, row in rows if row.exhibits.reconstructions],
        "restored": [row for _, row in rows if row.exhibits.restored],
        "walks": [row for _, row in rows if row.exhibits.walk],
        "samples": [row for _, row in rows if row.exhibits.samples],
        "traversals": [row for _, row in rows if row.exhibits.traversals],
        "elbos": [row for _, row in rows if row.exhibits.elbo],
        "layers": [(f"layers-{at}", row) for at, row in rows if row.exhibits.layers],
        "alike": [name for name in board.similarity if name in pictures],
    }


def _are_pictures(board: Leaderboard) -> bool:
    """Return whether the items are drawn as pictures, which can stand close side by side."""
    return all(text.startswith("<img") for text in (*board.shown[:1], *board.queries[:1]))


def _page_json(board: Leaderboard) -> Markup:
    """Return the drawn items, each once, and which of them every list holds."""
    names, codes = _classes(board.shown_labels)
    lists = {"shown": board.shown, "queries": board.queries, "gallery": board.gallery}
    drawn = dict.fromkeys(text for texts in lists.values() for text in texts)
    places = {text: place for place, text in enumerate(drawn)}
    data: dict[str, Any] = {"fragments": list(drawn), "classes": names, "codes": codes}
    data |= {name: [places[text] for text in texts] for name, texts in lists.items()}
    return script_json(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def figure_json(pictures: dict[str, go.Figure]) -> Markup:
    """Return the figures by name, as the page's code reads them."""
    parts = (f"{json.dumps(name)}:{figure.to_json()}" for name, figure in pictures.items())
    return script_json("{" + ",".join(parts) + "}")


def script_json(text: str) -> Markup:
    """Return JSON that may stand in a script element, which no text within it can close."""
    from markupsafe import Markup

    return Markup(text.replace("<", "\\u003c"))


def plotly_code() -> Markup:
    """Return the code that draws figures."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())
