"""What a report says in words: what gives the labels away."""

from __future__ import annotations

from nearspace.judge.board import Board

__all__ = ["leak_words"]

LEAKS_SHOWN = 5


def leak_words(board: Board) -> list[str]:
    """Return what gives the labels away, a few sentences each, the worst first."""
    told = [leak.told for leak in board.leaks[:LEAKS_SHOWN]]
    if others := [leak.name for leak in board.leaks[LEAKS_SHOWN:]]:
        told.append(f"So do {len(others)} more: {', '.join(others)}.")
    return told
