"""The page about the layers of one network, as one HTML file, and its verdict in words."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence

from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.hybrids import WEIGHTS
from nearspace.judge.studies.layers import Hybrid, LayerBoard
from nearspace.judge.table import TOP
from nearspace.report.base import Page, Section, section
from nearspace.report.layer_figures import KEYS, layer_pictures
from nearspace.report.words import few_to_choose, seconds_text

__all__ = ["hybrid_table", "layers_page", "layers_verdict"]

FRACTIONS = {0.25: "¼", 0.5: "½", 0.75: "¾"}


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
    spec, reason = layers_verdict(board)
    told = board.protocol
    facts = [str(told["kind"]), f"{told['items judged']:,} items judged"]
    spent = seconds_text(sum(board.seconds.values()))
    facts += [f"{len(board.rows)} layers", f"{spent} of computing"]
    pictures = layer_pictures(board)
    hybrids, written = hybrid_table(board), board.score.parts
    gap, share = functools.partial(written, signed=True), SCORES["knn"].parts
    shown = {"board": board, "told": written, "gap": gap, "share": share}
    parts = [
        section("layer_table", **shown),
        section("charts", board=board, keys=KEYS, pictures=pictures),
    ]
    if hybrids:
        fractions = [FRACTIONS[weight] for weight in WEIGHTS]
        parts.append(section("hybrids", told=written, hybrids=hybrids, fractions=fractions))
    return Page(
        "which layer?",
        f"The layers of {told['encoder']} on {told['name']}",
        facts,
        [*parts, *sections, section("protocol", protocol=told, seconds={})],
        spec=spec,
        reason=reason,
        notes=board.notes,
        figures=pictures,
    )


def layers_verdict(board: LayerBoard) -> tuple[str | None, str]:
    """Return the spec of the layer to use, if labels tell one, and the reason in sentences."""
    if not any(row.verdict in TOP for row in board.rows):
        return None, "There are no labels, so no layer can be called the best."
    best, chosen, label = board.leader, board.recommended, board.label()
    if chosen is None:
        chance = _told(board, board.floor["chance"])
        words = f"No layer can be told from chance ({chance} {label}); the "
        words += f"best, {best.name}, has {_told(board, board.ranking(best))}."
        return None, f"{words} {few_to_choose(board.protocol['items judged'])}"
    told = _told(board, board.ranking(chosen))
    words = f"{_standing(board)}: {told} {label} with {chosen.dim:,} numbers"
    told = _told(board, board.ranking(best))
    words += "." if chosen is best else f"; {best.name} has {told} with {best.dim:,}."
    if "raw" in board.floor:
        words += f" The raw input has {_told(board, board.floor['raw'])}."
    encoder = copy.copy(board.encoder).set_params(layer=chosen.name)
    if "pool" in encoder.get_params():
        encoder.set_params(pool=board.protocol["pool"])
    return encoder.spec, f"{words} {_told_gain(board)}".strip()


def _standing(board: LayerBoard) -> str:
    """Return where the recommended layer stands among those that are best or tied with it."""
    top, left = sum(row.verdict in TOP for row in board.rows), len(board.contenders)
    if len(board.rows) == 1:
        return "The only layer"
    if top == 1:
        return "Better than every other layer"
    if left == 1:
        return f"The only one of the {top} layers tied for best that can be told from chance"
    which = "smaller of the two" if left == 2 else f"smallest of the {left}"
    beyond = " that can be told from chance" if left < top else ""
    return f"The {which} layers tied for best{beyond}"


def _told(board: LayerBoard, estimate: Estimate | None) -> str:
    number, interval = board.score.parts(estimate)
    return " ".join(part for part in (number, board.score.unit, interval) if part)


def _told_gain(board: LayerBoard) -> str:
    """Return whether two layers together are better than the best alone."""
    if board.gain is None:
        return ""
    number, interval = board.score.parts(board.gain, signed=True)
    unit = " points" * (board.score.unit == "%")
    gap = f"({number}{unit} {interval} to the best layer)"
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
