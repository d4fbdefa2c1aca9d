"""What a report says in words: amounts in human units, and the verdict in a sentence."""

from __future__ import annotations

import math

from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.scores import SCORES

__all__ = [
    "bytes_text",
    "count_text",
    "few_to_choose",
    "metric_label",
    "rank_metric",
    "seconds_text",
    "verdict",
]

TOP = ("best", "tied with best")
SECONDS = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s"), (7200.0, 1 / 60, "min"))


def rank_metric(board: Leaderboard) -> str | None:
    """Return the name of the score by which the rows are ranked, None where no row has one."""
    names = board.metrics
    choices = (board.protocol.get("rank_by"), "knn", "preservation", *names)
    return next((name for name in choices if name in names), None)


def metric_label(name: str, board: Leaderboard) -> str:
    """Return what a score is called, with the number of neighbours that was used."""
    k = board.protocol.get("k")
    label = SCORES[name].label
    return label if k is None else label.replace("k-NN", f"{k}-NN")


def verdict(board: Leaderboard) -> tuple[str | None, str]:
    """Return the spec to use, if there is one, and the reason in one sentence."""
    metric = rank_metric(board)
    chosen = next((row for row in board.results if row.recommended), None)
    best = next((row for row in board.results if row.verdict == "best"), None)
    if chosen is None and best is not None and metric is not None:
        return None, _told_nothing(best, board, metric)
    if metric is None or chosen is None or metric not in chosen.scores:
        return None, "Nothing is recommended, since no encoder could be ranked."
    text = f"{_standing(board, metric)}: {_labelled(chosen, board, metric)}"
    gains = " and ".join(_gains(chosen, board, metric))
    return chosen.spec, text + (f", {gains}." if gains else ".")


def few_to_choose(n: int) -> str:
    """Return why none of what was judged on ``n`` items can be recommended, as a sentence."""
    return f"{n:,} test items are too few to choose by, or there is nothing to tell."


def _told_nothing(best: Result, board: Leaderboard, metric: str) -> str:
    """Return that not even the best row can be told from chance."""
    text = "Nothing is recommended, since no encoder can be told from chance: the best, "
    text += f"{best.spec}, has {_labelled(best, board, metric)}"
    gains = " and ".join(_gains(best, board, metric))
    return f"{text}{', ' * bool(gains)}{gains}. {few_to_choose(board.protocol['test'])}"


def _labelled(row: Result, board: Leaderboard, metric: str) -> str:
    """Return the score of a row, what it is called, and its interval."""
    score = SCORES[metric]
    number, _, interval = score.text(row.scores[metric]).partition(" [")
    label = f"{score.unit} {metric_label(metric, board)}".strip()
    return f"{number} {label}" + (f" [{interval}" if interval else "")


def _standing(board: Leaderboard, metric: str) -> str:
    """Return where the recommended row stands among those that were ranked."""
    top = [row for row in board.results if row.verdict in TOP]
    chance = next((row for row in board.results if row.verdict == "floor"), None)
    told = top
    if chance is not None and metric in chance.scores:
        level = chance.scores[metric].value
        told = [row for row in top if SCORES[metric].beats(row.scores[metric], level)]
    beyond = " and can be told from chance" if len(told) < len(top) else ""
    if len(told) > 2:
        return f"The cheapest of the {len(told)} that are tied for best{beyond}"
    if len(told) == 2:
        return f"The cheaper of the two that are tied for best{beyond}"
    if beyond:
        return f"The only one of the {len(top)} tied for best that can be told from chance"
    if any(row.verdict == "worse" for row in board.results):
        return "Better than every other"
    return "The only one that could be ranked"


def _gains(chosen: Result, board: Leaderboard, metric: str) -> list[str]:
    """Return how much better the chosen row is than the raw input, and than chance."""
    gains = []
    for spec, name in (("raw", "the raw input"), ("chance", "chance")):
        row = next((row for row in board.results if row.spec == spec), None)
        if row is None or row is chosen or row.verdict == "reference" or metric not in row.scores:
            continue
        gap = chosen.scores[metric].value - row.scores[metric].value
        side = "above" if gap >= 0 else "below"
        tied = " (itself tied for best)" if row.verdict in TOP else ""
        gains.append(f"{SCORES[metric].gap(gap)} {side} {name}{tied}")
    return gains


def seconds_text(value: float) -> str:
    """Return a duration with its unit.

    Examples
    --------
    >>> [seconds_text(value) for value in (3.4e-5, 0.0123, 4.56, 100, 600, 9000)]
    ['34 µs', '12 ms', '4.6 s', '100 s', '10 min', '2.5 h']
    """
    if not math.isfinite(value):
        return ""
    if value == 0:
        return "0 s"
    for limit, factor, unit in SECONDS:
        if value < limit:
            return f"{_two_digits(value * factor)} {unit}"
    return f"{_two_digits(value / 3600)} h"


def count_text(value: float) -> str:
    """Return a count or a rate.

    Examples
    --------
    >>> [count_text(value) for value in (3.14, 870, 12345.6, 2.5e6)]
    ['3.1', '870', '12,000', '2.5 M']
    """
    if not math.isfinite(value):
        return ""
    return f"{_two_digits(value / 1e6)} M" if value >= 1e6 else _two_digits(value)


def bytes_text(value: float) -> str:
    """Return a size in memory.

    Examples
    --------
    >>> [bytes_text(value) for value in (128, 812.5, 3136, 2.5e6)]
    ['128 B', '812 B', '3.1 kB', '2.5 MB']
    """
    if not math.isfinite(value):
        return ""
    if value < 1000:
        return f"{value:.0f} B"
    return f"{value / 1000:.1f} kB" if value < 1e6 else f"{value / 1e6:.1f} MB"


def _two_digits(value: float) -> str:
    """Return a number with two digits that count, or all of a whole number below 1,000."""
    if value >= 1000:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
