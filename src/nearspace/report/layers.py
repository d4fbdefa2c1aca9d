"""The page about the layers of one network, as one HTML file, and its verdict in words."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from nearspace.judge.hybrids import WEIGHTS
from nearspace.judge.layerboard import TOP, Hybrid, LayerBoard
from nearspace.judge.metrics import Score
from nearspace.report.base import Section, page, section, write_page
from nearspace.report.layer_figures import KEYS, layer_pictures
from nearspace.report.words import few_to_choose, seconds_text

__all__ = ["hybrid_table", "layers_verdict", "points", "render_layers", "write_layers"]

FRACTIONS = {0.25: "¼", 0.5: "½", 0.75: "¾"}


def render_layers(board: LayerBoard, sections: Sequence[Section] = ()) -> str:
    """Return what was found of layers as one self-contained HTML page.

    Parameters
    ----------
    board : LayerBoard
        What `compare_layers` found.
    sections : sequence of Section
        What is shown behind the charts.

    Returns
    -------
    str
        The page. It loads nothing: charts and the code that draws them are inside.
    """
    spec, reason = layers_verdict(board)
    told = board.protocol
    facts = [str(told["kind"]), f"{told['items judged']:,} items judged"]
    spent = seconds_text(sum(board.seconds.values()))
    facts += [f"{len(board.rows)} layers", f"{spent} of computing"]
    pictures = layer_pictures(board)
    hybrids, label = hybrid_table(board), f"{told['k']}-NN accuracy"
    shown = {"board": board, "points": points, "percent": percent}
    parts = [
        section("layer_table", **shown, label=label, recommended=board.recommended()),
        section("charts", board=board, keys=KEYS, pictures=pictures),
    ]
    if hybrids:
        fractions = [FRACTIONS[weight] for weight in WEIGHTS]
        parts.append(section("hybrids", percent=percent, hybrids=hybrids, fractions=fractions))
    return page(
        "which layer?",
        f"The layers of {told['encoder']} on {told['name']}",
        facts,
        [*parts, *sections, section("protocol", protocol=told, seconds={})],
        spec=spec,
        reason=reason,
        notes=board.notes,
        figures=pictures,
    )


def write_layers(board: LayerBoard, path: str | Path, sections: Sequence[Section] = ()) -> Path:
    """Write what was found of layers as one self-contained HTML page, see `render_layers`.

    Parameters
    ----------
    board : LayerBoard
        What `compare_layers` found.
    path : str or Path
        The file to write; folders on the way to it are made.
    sections : sequence of Section
        What is shown behind the charts.

    Returns
    -------
    Path
        The file that was written.
    """
    return write_page(render_layers(board, sections), path)


def layers_verdict(board: LayerBoard) -> tuple[str | None, str]:
    """Return the spec of the layer to use, if labels tell one, and the reason in sentences."""
    if not any(row.verdict in TOP for row in board.rows):
        return None, "There are no labels, so no layer can be called the best."
    best, chosen = board.best(), board.recommended()
    label = f"{board.protocol['k']}-NN accuracy"
    if chosen is None:
        words = f"No layer can be told from chance ({_told(board.floor['chance'])} {label}); the "
        words += f"best, {best.name}, has {_told(best.knn)}."
        return None, f"{words} {few_to_choose(board.protocol['items judged'])}"
    words = f"{_standing(board)}: {_told(chosen.knn)} {label} with {chosen.dim:,} numbers"
    words += "." if chosen is best else f"; {best.name} has {_told(best.knn)} with {best.dim:,}."
    if "raw" in board.floor:
        words += f" The raw input has {_told(board.floor['raw'])}."
    encoder = copy.copy(board.encoder).set_params(layer=chosen.name)
    if "pool" in encoder.get_params():
        encoder.set_params(pool=board.protocol["pool"])
    return encoder.spec, f"{words} {_told_gain(board)}".strip()


def _standing(board: LayerBoard) -> str:
    """Return where the recommended layer stands among those that are best or tied with it."""
    top, left = sum(row.verdict in TOP for row in board.rows), len(board.contenders())
    if len(board.rows) == 1:
        return "The only layer"
    if top == 1:
        return "Better than every other layer"
    if left == 1:
        return f"The only one of the {top} layers tied for best that can be told from chance"
    which = "smaller of the two" if left == 2 else f"smallest of the {left}"
    beyond = " that can be told from chance" if left < top else ""
    return f"The {which} layers tied for best{beyond}"


def _told(score: Score | None) -> str:
    number, interval = percent(score)
    return f"{number} % {interval}".strip()


def _told_gain(board: LayerBoard) -> str:
    """Return whether two layers together are better than the best alone."""
    if board.gain is None:
        return ""
    number, interval = points(board.gain)
    gap = f"({number} points {interval} to the best layer)"
    if board.gain.low is not None and board.gain.low > 0:
        best = max(board.hybrids, key=lambda hybrid: hybrid.knn.value)
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


def percent(score: Score | None) -> tuple[str, str]:
    """Return a share in percent, and its interval, as two texts that may be empty."""
    return _parts(score, "")


def points(score: Score | None) -> tuple[str, str]:
    """Return a difference in points with its sign, and its interval.

    Examples
    --------
    >>> points(Score(0.0123, -0.001, 0.02))
    ('+1.2', '[−0.1, +2.0]')
    """
    return _parts(score, "+")


def _parts(score: Score | None, sign: str) -> tuple[str, str]:
    if score is None:
        return "", ""

    def text(value: float) -> str:
        # Adding 0 makes of a -0.0 that rounding left a plain zero.
        return f"{round(100 * value, 1) + 0.0:{sign}.1f}".replace("-", "−").replace("+0.0", "0.0")

    if score.low is None or score.high is None:
        return text(score.value), ""
    return text(score.value), f"[{text(score.low)}, {text(score.high)}]"
