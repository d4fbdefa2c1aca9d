"""What a study says to use and why, in words made of its numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nearspace.judge.amounts import bytes_text, count_text, seconds_text
from nearspace.judge.choice import cost_of, is_above_chance, ranked
from nearspace.judge.cost import Cost, as_quick, as_quick_to_fit
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.table import TOP

if TYPE_CHECKING:
    from nearspace.judge.board import Board

__all__ = ["Advice", "Pick", "advise"]

MOST_NAMED = 3  # of the rows that are tied too


@dataclasses.dataclass(frozen=True)
class Pick:
    """A row that advice names: as what, the spec to use it by, its score, and what it is."""

    role: str
    spec: str
    score: str
    recommended: bool
    summary: str = ""
    of_pairs: bool = False


@dataclasses.dataclass(frozen=True)
class Advice:
    """What to use, and why.

    Attributes
    ----------
    picks : tuple of Pick
        The best guess and the cheapest that cannot be told from it; one where they are the same,
        none where nothing is recommended.
    reasons : tuple of str
        One or two sentences: what the choice gives up and saves, what the test can tell apart.
    """

    picks: tuple[Pick, ...] = ()
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as at most three sentences."""
        if not self.picks:
            return " ".join(self.reasons)
        if len(self.picks) == 1:
            named = [f"{pick.role} {pick.spec}: {pick.score}" for pick in self.picks]
        else:
            named = [
                f"{pick.role}: {pick.spec}{' ★' * pick.recommended}, {pick.score}"
                for pick in self.picks
            ]
        return " ".join([f"{'; '.join(named)}.", *self.reasons])


def advise(board: Board) -> Advice:
    """Return what a board says to use, and why."""
    best, chosen = board.leader, board.recommended
    if best is None or board.ranking(best) is None:
        return Advice(reasons=(f"Nothing is recommended: {board.unranked}.",))
    if chosen is None:
        return Advice(reasons=(_nothing_told(board),))
    told = _resolution_words(board)
    if chosen is best:
        picks = (_pick("Use", best, board),)
        return Advice(picks, (_why_best(board), *told))
    of = " of what was judged" * board.interrupted
    doubt = "" if is_above_chance(best) else ", though it cannot be told from chance"
    n = len(board.contenders)
    role = "cheaper, and cannot be told from it"
    if n > 2:
        role = f"cheapest of the {n} that cannot be told apart"
    both = (_pick(f"Best guess{of}{doubt}", best, board), _pick(role, chosen, board, ""))
    return Advice(both, (_why_cheaper(board), *told))


def _nothing_told(board: Board) -> str:
    """Return that not even the best row can be told from chance."""
    best, over = board.leader, board.leader.over_chance
    gap = "" if over is None else f", {_gap(over.value, board.score)} better than guessing"
    text = "Nothing is recommended, since nothing can be told from chance: the best guess, "
    text += f"{best.name}, has {_scored(best, board)}{gap}."
    if board.resolution is None:
        return text
    n = board.resolution.items
    return f"{text} {n:,} {board.units} are too few to choose by, or there is nothing to tell."


def _why_best(board: Board) -> str:
    """Return why the best guess is the one to use, too, as a sentence."""
    best, score = board.leader, board.score
    start = "Of what was judged before the interruption, it" if board.interrupted else "It"
    others = [row for row in board.contenders if row is not best]
    tops = [row for row in board.results if row.verdict in TOP]
    rest = [row for row in board.results if row.verdict == "worse"]
    if len(others) == 1:
        why = f"has the highest score, and {others[0].name}, which cannot be told from it, "
        why += "is no cheaper"
    elif others:
        why = f"has the highest score, and none of the {len(others)} that cannot be told from it "
        why += f"({_names(others)}) is cheaper"
    elif len(tops) > 1:
        why = f"is the only one of the {len(tops)} tied for best that can be told from chance"
    elif rest:
        following, why = ranked(rest, score)[0], "is better than all others"
        if following.difference is not None:
            why += f", by {_difference(following, score)} over the next, {following.name}"
    else:
        why = "is the only one that could be ranked"
        if best.over_chance is not None:
            why += f", {_gap(best.over_chance.value, score)} better than guessing"
    return f"{start} {why}{_objections(board)}."


def _why_cheaper(board: Board) -> str:
    """Return what the recommended row gives up and what it saves, as a sentence."""
    best, chosen, score = board.leader, board.recommended, board.score
    tied = [row for row in board.contenders if row is not best and row is not chosen]
    if len(tied) > MOST_NAMED:
        tied = [row for row in tied if row.name == "raw"]
    if chosen.difference is None or chosen.difference.value == 0:
        price = "At the same score"
    elif score.bounded:
        price = f"For {_difference(chosen, score)} less"
    else:
        more = "more" if score.better == "lower" else "less"
        price = f"For {_difference(chosen, score)} {more} {board.label()}"
    saved = _saved(cost_of(chosen), cost_of(best))
    told = f"{price}, {chosen.name} {saved}"
    if tied:
        told += f"; {_names(tied)} {'is' if len(tied) == 1 else 'are'} tied too"
    return f"{told}{_objections(board)}."


def _saved(own: Cost, other: Cost) -> str:
    """Return what a row takes instead of what another takes, where one would feel it."""
    amounts = (
        (seconds_text, "latency_seconds", "an item", as_quick(own, other) and as_quick(other, own)),
        (
            bytes_text,
            "bytes_per_vector",
            "a vector",
            own.bytes_per_vector == other.bytes_per_vector,
        ),
        (
            seconds_text,
            "fit_seconds",
            "to fit",
            as_quick_to_fit(own, other) and as_quick_to_fit(other, own),
        ),
    )
    parts = [
        f"{text(getattr(own, name))} {what} instead of {text(getattr(other, name))}"
        for text, name, what, alike in amounts
        if not alike and text(getattr(own, name)) and text(getattr(other, name))
    ]
    return f"takes {_joined(parts)}" if parts else "is hardly quicker"


def _resolution_words(board: Board) -> list[str]:
    """Return what the test can tell apart, as a sentence, where there is anything to tell."""
    told, score = board.resolution, board.score
    if told is None or told.gap is None:
        return []
    groups = "" if told.groups is None else f" in {told.groups:,} groups"
    text = f"With {told.items:,} {board.units}{groups} "
    if score.bounded and told.gap >= 1:
        text += "no gap can be seen"
    else:
        gap = f"{_rounded(score.scale * told.gap)}{' points' * score.bounded}"
        text += f"a gap below about {gap} may go unseen"
    values = [board.ranking(row) for row in board.results if row.name in told.between]
    if told.to_settle is not None and told.to_settle > told.items:
        like = "" if told.groups is None else " in such groups"
        text += f"; about {count_text(told.to_settle)}{like} would settle "
        text += " against ".join(told.between)
    elif told.to_settle is None and len({value.value for value in values if value}) > 1:
        text += f"; no number of items alone would settle {' against '.join(told.between)}"
    return [f"{text}."]


def _objections(board: Board) -> str:
    """Return where another score of the same labels says that another row is better."""
    said = []
    for name, other in board.better_by.items():
        score = SCORES[name]
        rows = {row.name: row.scores[name] for row in board.results if name in row.scores}
        mine, theirs = (
            f"{score.text(rows[one], interval=False)} {score.unit}".strip()
            for one in (board.recommended.name, other)
        )
        said.append(
            f"; by {board.label(name)} {board.recommended.name} is worse than {other} "
            f"({mine} against {theirs})"
        )
    return "".join(said)


def _pick(role: str, row: Any, board: Board, label: str | None = None) -> Pick:
    summary = getattr(row, "summary", "")  # of a layer nothing but its name is known
    of_pairs = getattr(row, "learns", "") == "pairs"
    scored = _scored(row, board, label)
    return Pick(role, board.spec(row), scored, row.recommended, summary, of_pairs)


def _scored(row: Any, board: Board, label: str | None = None) -> str:
    """Return the score of a row, what it is called unless that was said, and its interval."""
    number, interval = board.score.parts(board.ranking(row))
    label = board.label() if label is None else label
    return " ".join(part for part in (number, board.score.unit, label, interval) if part)


def _difference(row: Any, score: Score) -> str:
    """Return how far a row is from the best, with its interval."""
    loss = row.difference if score.better == "lower" else -row.difference
    interval = score.parts(loss)[1]
    return f"{_gap(loss.value, score)} {interval}".rstrip()


def _gap(value: float, score: Score) -> str:
    """Return the size of a difference with its unit; one that rounds to none is not called none."""
    if score.bounded and 0 < abs(value) < 5e-4:
        return "under 0.1 points"
    return score.gap(value)


def _rounded(value: float) -> str:
    """Return a number of which two digits count."""
    return f"{float(f'{value:.2g}'):,g}"


def _names(rows: Sequence[Any]) -> str:
    """Return the names of rows; of many the first few, and how many more there are."""
    names = [row.name for row in rows]
    if len(names) > MOST_NAMED + 1:
        names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    return _joined(names)


def _joined(parts: Sequence[str]) -> str:
    """Return parts as one enumeration."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
