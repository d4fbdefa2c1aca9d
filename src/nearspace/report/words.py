"""What a report says in words: amounts in human units, and the verdict in a sentence."""

from __future__ import annotations

import math

from nearspace.judge.board import Board
from nearspace.judge.cost import Cost
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.scores import SCORES
from nearspace.judge.table import TOP

__all__ = [
    "bytes_text",
    "count_text",
    "few_to_choose",
    "leak_words",
    "quartiles_text",
    "seconds_text",
    "standing",
    "verdict",
]

LEAKS_SHOWN = 5
SECONDS = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s"), (7200.0, 1 / 60, "min"))


def verdict(board: Leaderboard) -> tuple[str | None, str]:
    """Return the spec to use, if there is one, and the reason in one sentence."""
    chosen = board.recommended
    if chosen is None and board.leader is not None and board.rank_by is not None:
        return None, _told_nothing(board.leader, board)
    if chosen is None or board.ranking(chosen) is None:
        return None, "Nothing is recommended, since no encoder could be ranked."
    place = standing(board, "cheaper", "cheapest", "encoder")
    text = f"{place}: {_labelled(chosen, board)}"
    gains = " and ".join(_gains(chosen, board))
    text += f", {gains}." if gains else "."
    return chosen.spec, " ".join([text, *_objections(chosen, board)])


def leak_words(board: Board) -> list[str]:
    """Return what gives the labels away, a few sentences each, the worst first."""
    told = [leak.told for leak in board.leaks[:LEAKS_SHOWN]]
    if others := [leak.name for leak in board.leaks[LEAKS_SHOWN:]]:
        told.append(f"So do {len(others)} more: {', '.join(others)}.")
    return told


def few_to_choose(n: int) -> str:
    """Return why none of what was judged on ``n`` items can be recommended, as a sentence."""
    return f"{n:,} test items are too few to choose by, or there is nothing to tell."


def _told_nothing(best: Result, board: Leaderboard) -> str:
    """Return that not even the best row can be told from chance."""
    text = "Nothing is recommended, since no encoder can be told from chance: the best, "
    text += f"{best.spec}, has {_labelled(best, board)}"
    gains = " and ".join(_gains(best, board))
    return f"{text}{', ' * bool(gains)}{gains}. {few_to_choose(board.protocol['test'])}"


def _labelled(row: Result, board: Leaderboard) -> str:
    """Return the score of a row, what it is called, and its interval."""
    number, _, interval = board.score.text(board.ranking(row)).partition(" [")
    label = f"{board.score.unit} {board.label()}".strip()
    return f"{number} {label}" + (f" [{interval}" if interval else "")


def standing(board: Board, better: str, best: str, noun: str) -> str:
    """Return where the recommended row stands among those that were ranked.

    Parameters
    ----------
    board : Board
        What a study found.
    better, best : str
        What it is among two that are tied, and among more.
    noun : str
        What a row is.
    """
    top, left = sum(row.verdict in TOP for row in board.results), len(board.contenders)
    told = " that can be told from chance" * (left < top)
    if left > 1:
        which = f"{better} of the two" if left == 2 else f"{best} of the {left}"
        return f"The {which} {noun}s tied for best{told}"
    if told:
        return f"The only one of the {top} {noun}s tied for best{told}"
    if any(row.verdict == "worse" for row in board.results):
        return f"Better than every other {noun}"
    return f"The only {noun} that could be ranked"


def _objections(chosen: Result, board: Leaderboard) -> list[str]:
    """Return where another score of the same labels says that another row is better."""
    said = []
    for name, spec in board.better_by.items():
        score = SCORES[name]
        rows = {row.spec: row.scores[name] for row in board.results if name in row.scores}
        mine, theirs = (
            f"{score.text(rows[one], interval=False)} {score.unit}".strip()
            for one in (chosen.spec, spec)
        )
        said.append(
            f"By {board.label(name)} it is worse than {spec}, by more than chance: {mine} against "
            f"{theirs}."
        )
    return said


def _gains(chosen: Result, board: Leaderboard) -> list[str]:
    """Return how much better the chosen row is than the raw input, and than chance."""
    gains = []
    for spec, name in (("raw", "the raw input"), ("chance", "chance")):
        row = next((row for row in board.results if row.spec == spec), None)
        if row is None or row is chosen or row.verdict == "reference":
            continue
        mine, theirs = board.ranking(chosen), board.ranking(row)
        if mine is None or theirs is None:
            continue
        gap = mine.value - theirs.value
        side = "above" if gap >= 0 else "below"
        tied = " (itself tied for best)" if row.verdict in TOP else ""
        gains.append(f"{board.score.gap(gap)} {side} {name}{tied}")
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


def quartiles_text(cost: Cost) -> str:
    """Return the quartiles of the latency of one item, nothing where it was not measured.

    Examples
    --------
    >>> quartiles_text(Cost(1, 1, 0.0021, 8, latency_low=0.00198, latency_high=0.0034))
    '2 ms–3.4 ms'
    """
    low, high = seconds_text(cost.latency_low), seconds_text(cost.latency_high)
    return f"{low}–{high}" if low and high else ""


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
