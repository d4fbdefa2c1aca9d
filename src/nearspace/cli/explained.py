"""How the command line shows which words, or columns, make a query and what was found alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nearspace.cli.terminal import console, echo
from nearspace.foreign import printable

if TYPE_CHECKING:
    from rich.text import Text

    from nearspace.encoders.exhibits import MarkedPair, MarkedText

__all__ = ["effects_json", "print_explained"]

# Shades by the share of the largest effect. Blue and orange are told apart by all eyes.
FROM = 0.1, 0.4, 0.7
LESS_WITHOUT = "black on #cfe3ff", "black on #8fbcff", "black on #5298f5"
MORE_WITHOUT = "black on #ffe6c7", "black on #ffc27a", "black on #f59b2e"
INDENT = 4
SHOWN = 2000  # characters of a text


def print_explained(
    rows: list[dict[str, Any]],
    pairs: list[MarkedPair],
    scores: dict[str, str],
    metric: str,
    nothing: str,
) -> None:
    """Print what was found for one query, and under each the parts that make it near.

    ``scores`` says what each metric is called; ``metric`` is that of the search.
    """
    from rich.padding import Padding
    from rich.text import Text

    from nearspace.data.kinds.text import LONGEST

    if not rows:
        echo(nothing, wrap=True)
        return
    coloured = console().color_system is not None and not console().no_color
    echo(_how_to_read(coloured, pairs[0].part), style="dim", wrap=True)
    for row, pair in zip(rows, pairs, strict=True):
        label = "" if row.get("label") is None else f"  {row['label']}"
        alike = f"{scores[metric]} {row['score']:.4f}"
        if metric != pair.metric:
            alike += f", {scores[pair.metric]} {pair.alike:.4f}"
        head = f"{row['rank']}  {alike}  {row['id']}{label}"
        echo()
        echo(Text(printable(head), "bold"), wrap=True)
        item = "text" if pair.part == "word" else "row"
        for of, side in (("query ", pair.left), (f"{item:6}", pair.right)):
            line = Text.assemble((of, "dim"), _marked(side, pair.largest, coloured))
            echo(Padding(line, (0, 0, 0, INDENT), expand=False), wrap=True)
    if any(len(text.text) > LONGEST for pair in pairs for text in (pair.left, pair.right)):
        echo(f"Of longer texts the first {LONGEST:,} signs are explained.", style="dim", wrap=True)


def effects_json(pair: MarkedPair) -> dict[str, Any]:
    """Return the effects of all parts of a pair, as JSON values."""
    item = "text" if pair.part == "word" else "row"
    return {
        name: [
            {"part": part, "effect": effect}
            for part, effect in zip(side.parts, side.effects.tolist(), strict=True)
        ]
        for name, side in (("query", pair.left), (item, pair.right))
    }


def _how_to_read(coloured: bool, part: str) -> str:
    if coloured:
        return (
            f"Blue: without the {part} the two are less alike, the more so the deeper; orange: "
            "more alike."
        )
    return (
        f"In brackets: how much less alike the two are without the {part}; with a minus, how much "
        f"more. {part.capitalize()}s that do less than a tenth of the most have none."
    )


def _marked(side: MarkedText, largest: float, coloured: bool) -> Text:
    """Return an item on one line whose parts are coloured, or followed by their effects."""
    from rich.text import Text

    line, digits = Text(), max(0, 1 - math.floor(math.log10(largest))) if largest else 0
    for piece, effect in side.pieces(SHOWN):
        shown = printable(" ".join(piece.split()))
        if effect is None:
            line.append(shown + " " if piece.strip() else " " * bool(piece))
            continue
        share = abs(effect) / largest if largest else 0.0
        level = sum(share >= least for least in FROM)
        if coloured and level:
            line.append(shown, (LESS_WITHOUT if effect > 0 else MORE_WITHOUT)[level - 1])
        else:
            line.append(shown + f" ({effect:+.{digits}f})" * (level > 0))
    return line
