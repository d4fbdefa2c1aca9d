"""Which words, or columns, make items near by the recommended row: its nearest, misjudged pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.encoders.leave_out import leave_out
from nearspace.judge.leaderboard import Leaderboard

__all__ = ["with_words"]

PARTS = 60  # of an item, that are left out in turn
MOST_COLUMNS = 1000  # of a table, beyond which each row without some is much work


def with_words(board: Leaderboard, fitted: Callable[[str], Encoder | None]) -> Leaderboard:
    """Return a leaderboard of texts or rows with what each part does to the likeness of a few.

    They are the pairs of which people say otherwise, where there are judged ones, else each query
    and the item that is nearest to it, by the row of which `mistakes` and `disagreements` tell.

    Parameters
    ----------
    board : Leaderboard
        Of any kind of data; it is returned as it is where items have no parts, or are rows of more
        than 1,000 columns.
    fitted : callable
        Returns the encoder of a row by its spec; None where it has none, as a fusion of rankings.
    """
    told = board.disagreements
    if len(board.queries.kind.column_kinds) > MOST_COLUMNS:
        return board
    kind = board.queries.kind if told is None else told.left.kind
    rows = sorted(board.results, key=lambda row: (not row.recommended, row.verdict != "best"))
    if told is not None:
        rows = [row for row in rows if row.spec == told.spec]
    rows = [row for row in rows if row.exhibits is not None]
    encoders = ((row, fitted(row.spec)) for row in rows if kind.part and not board.interrupted)
    row, encoder = next(((row, of) for row, of in encoders if of is not None), (None, None))
    if row is None or encoder is None or row.exhibits is None:
        return board
    if told is not None:
        left, right = told.left.items, told.right.items
    else:
        nearest = row.exhibits.neighbours[:, :1].tolist()
        pairs = [(query, at) for query, some in enumerate(nearest) for at in some if at >= 0]
        asking, answering = np.array(pairs, dtype=int).reshape(-1, 2).T
        left = kind.take(board.queries.items, asking)
        right = kind.take(board.gallery.items, answering)
    asked = "queries" in board.protocol
    try:
        marked = leave_out(encoder, left, right, row.metric, asked=asked, most=PARTS)
    except (Exception, KeyboardInterrupt) as error:  # what is judged is not lost for what is shown
        note = f"{row.spec}: which {kind.part}s make {kind.plural} near cannot be told: {error!r}."
        return dataclasses.replace(board, notes=(*board.notes, note))
    return dataclasses.replace(board, words=(row.spec, tuple(marked)))
