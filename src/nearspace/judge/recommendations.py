"""`Recommendations`: what some users had, have later, and find first by one space."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from nearspace.encoders.exhibits import Strip
from nearspace.notebook import shortened

__all__ = ["POPULARITY", "Recommendations", "popular_note", "recommendations_of"]

POPULARITY = "popularity"  # the row beside which all others are shown
USERS, SHOWN = 8, 6  # users at most, and items of each list


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
    """One user, by positions among the items that are shown.

    Attributes
    ----------
    name : str
    had, later, got, popular : list of int
        What the user had, what was held back, what one row and popularity put first, the best
        first; some of each.
    had_all, later_all : int
        How many there are in all.
    hits : frozenset of int
        Which of the items that are shown the user has later.
    """

    name: str
    had: list[int]
    later: list[int]
    got: list[int]
    popular: list[int]
    had_all: int
    later_all: int
    hits: frozenset[int]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Recommendations:
    """What some users find first by one row, and by popularity; the users are drawn at random.

    Attributes
    ----------
    spec : str
        The row.
    items : Strip
        All items that are shown.
    users : tuple of Shown
    n_users : int
        How many users test.
    """

    spec: str
    items: Strip
    users: tuple[Shown, ...]
    n_users: int

    def __repr__(self) -> str:
        of = f"{len(self.users):,} of {self.n_users:,} users"
        return f"Recommendations({shortened(self.spec, 30)}: {of})"


def recommendations_of(
    spec: str, task: Any, first: np.ndarray, popular: np.ndarray | None
) -> Recommendations:
    """Return what some users get by a row.

    Parameters
    ----------
    spec : str
        The row.
    task : Ranking
        The users that test.
    first : ndarray of shape (users, k)
        The items that each finds first.
    popular : ndarray of shape (users, k) or None
        The same by popularity.
    """
    nodes, some = task.train.items, np.flatnonzero(task.has_history)
    rng = np.random.default_rng(task.protocol.random_state)
    some = np.sort(rng.permutation(some)[:USERS])
    matrix, lists, shown = nodes.interactions, [], []
    for user in some.tolist():
        row = task.users[user]
        had = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        later = task.links[task.links[:, 0] == user, 1]
        tops = [own[user][own[user] >= 0][:SHOWN] for own in (first, popular) if own is not None]
        lists.append((had, later, *tops, *([] if popular is not None else [later[:0]])))
    at = np.unique(np.concatenate([np.empty(0, np.int64), *(own for row in lists for own in row)]))
    for user, (had, later, got, also) in zip(some.tolist(), lists, strict=True):
        places = [np.searchsorted(at, own).tolist() for own in (had, later, got, also)]
        had_some, later_some, got, popular_some = (own[:SHOWN] for own in places)
        shown.append(Shown(
            str(nodes.names[task.users[user]]), had_some, later_some, got, popular_some,
            len(had), len(later), frozenset(places[1]),
        ))  # fmt: skip
    items = nodes.everyone[nodes.users + at]
    return Recommendations(spec, Strip(task.train.kind, items), tuple(shown), len(task.users))


def popular_note(rows: Sequence[Any]) -> list[str]:
    """Return how much of what rows give to users is what most users have, the most first."""
    told = [
        (row.scores["popular_20"].value, row.spec) for row in rows if "popular_20" in row.scores
    ]
    if not told:
        return []
    shares = ", ".join(f"{spec} {share:.0%}" for share, spec in sorted(told, reverse=True))
    return [f"Of the first 20 that users get these are the 1 % that most users have: {shares}."]
