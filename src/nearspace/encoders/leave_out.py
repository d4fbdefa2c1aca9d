"""Which parts make two items alike, words or columns: how much less alike they are without each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.data import Kind
from nearspace.encoders.base import Encoder
from nearspace.encoders.exhibits import MarkedPair, MarkedText
from nearspace.errors import DataError
from nearspace.metrics.exact import as_scores, rescored

__all__ = ["MOST_PARTS", "leave_out"]

MOST_PARTS = 200  # of an item, that are left out in turn


def leave_out(
    encoder: Encoder,
    left: Any,
    right: Any,
    metric: str | None = None,
    *,
    asked: bool = False,
    most: int = MOST_PARTS,
) -> list[MarkedPair]:
    """Return how much each part of two items makes them alike, for each pair of items.

    The parts of a text are its words, those of a row of a table its columns. A part is left out
    where it stands, of a row by making the cell a missing one; the item is encoded again, and the
    likeness that is lost is the effect of the part. It is positive for parts without which the two
    are less alike, negative for those without which they are more. That works for every encoder of
    such items, and knows nothing of parts that stand for one another: of a word that is there
    twice each has a small effect, and so has each of two columns that say the same.

    Parameters
    ----------
    encoder : Encoder
        Of texts or of rows of a table, fitted.
    left, right : sequence of str, or DataFrame
        The two items of each pair.
    metric : {"cosine", "dot", "euclidean"}, optional
        How alike two vectors are; by default what the encoder says. By the Euclidean distance the
        effect of a part is how much further the two are without it.
    asked : bool, default=False
        Whether those on the left are queries, which some encoders take otherwise.
    most : int, default=200
        How many parts of an item are left out in turn: of an item of more they are so many in a
        row each. Of a text of more than 5,000 characters the first are looked at.

    Returns
    -------
    list of MarkedPair
        The parts of both items with their effects, and how alike the two are with all of them.

    Raises
    ------
    DataError
        If there are not as many items on the left as on the right, or they are no such items.

    Examples
    --------
    >>> from nearspace import make
    >>> encoder = make("bow").fit(["near means alike", "far means other"])
    >>> (pair,) = leave_out(encoder, ["near means"], ["far means"], "dot")
    >>> pair.left.parts, pair.left.effects.tolist(), pair.alike
    (['near', 'means'], [0.0, 1.0], 1.0)
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"age": [31.0, 31.0, 64.0], "city": ["Oslo", "Rome", "Rome"]})
    >>> (pair,) = leave_out(make("onehot").fit(rows), rows[1:2], rows[2:])
    >>> pair.left.parts, [bool(effect > 0) for effect in pair.left.effects]
    (['age: 31', 'city: Rome'], [False, True])
    """
    kind = encoder.kind_
    if not kind.part:
        raise DataError(
            "leave_out: expected an encoder of items of which parts can be left out, as texts and "
            f"rows of a table are; this one is of {kind}."
        )
    sides = [kind.check(side, "leave_out") for side in (left, right)]
    if len(left) != len(right):
        raise DataError(
            f"leave_out: expected pairs of {kind.plural}, got {len(left):,} on the left and "
            f"{len(right):,} on the right."
        )
    if not len(left):
        return []
    metric = metric or encoder.metric
    encode = (encoder.transform_queries if asked else encoder.transform, encoder.transform)
    ours, theirs = (_Variants(kind, *side, most) for side in zip(sides, encode, strict=True))
    pairs = []
    for at in range(len(left)):
        one, other = ours.of[at], theirs.of[at]
        alike, effects = ours.effects(one, theirs, other, metric)
        _, back = theirs.effects(other, ours, one, metric)
        marked = ours.marked(one, effects), theirs.marked(other, back)
        pairs.append(
            MarkedPair(*marked, float(as_scores(np.array(alike), metric)), metric, kind.part)
        )
    return pairs


class _Variants:
    """The vectors of items, each as it is and without each of its parts; equal items once."""

    def __init__(self, kind: Kind, items: Any, encode: Callable[[Any], Any], most: int):
        _, first, self.of = np.unique(kind.hashes(items), return_index=True, return_inverse=True)
        self.parts = [kind.parts(items, int(at), most) for at in first]
        counts = [len(parts.variants) for parts in self.parts]
        self.starts = np.cumsum([0, *counts]).tolist()
        self.vectors = encode(functools.reduce(kind.join, (of.variants for of in self.parts)))

    def effects(
        self, at: int, others: _Variants, other: int, metric: str
    ) -> tuple[np.float64, np.ndarray]:
        """Return how alike an item and another are, and how much of that each part makes up."""
        rows = np.arange(self.starts[at], self.starts[at + 1])
        whole = others.vectors[[others.starts[other]]]
        alike = rescored(whole, self.vectors, rows[None], metric)[0]
        return alike[0], alike[0] - alike[1:]

    def marked(self, at: int, effects: np.ndarray) -> MarkedText:
        """Return an item as a text whose parts have effects."""
        return MarkedText(self.parts[at].text, self.parts[at].spans, effects)
