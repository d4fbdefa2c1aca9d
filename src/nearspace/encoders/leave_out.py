"""Which words make two texts alike: how much less alike they are without each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nearspace.data import Text
from nearspace.data.words import word_spans
from nearspace.encoders.base import Encoder
from nearspace.encoders.exhibits import MarkedPair, MarkedText
from nearspace.errors import DataError
from nearspace.metrics.exact import as_scores, rescored

__all__ = ["LONGEST", "MOST_PARTS", "leave_out"]

MOST_PARTS = 200  # of a text, that are left out in turn
LONGEST = 5000  # characters of a text that are looked at


def leave_out(
    encoder: Encoder,
    left: Sequence[str],
    right: Sequence[str],
    metric: str | None = None,
    *,
    asked: bool = False,
    most: int = MOST_PARTS,
) -> list[MarkedPair]:
    """Return how much each word of two texts makes them alike, for each pair of texts.

    A word is left out where it stands, the text is encoded again, and the likeness that is lost is
    the effect of the word. It is positive for words without which the two are less alike, negative
    for those without which they are more. That works for every encoder of texts, and knows nothing
    of words that stand for one another: of a word that is there twice each has a small effect.

    Parameters
    ----------
    encoder : Encoder
        Of texts, fitted.
    left, right : sequence of str
        The two texts of each pair.
    metric : {"cosine", "dot", "euclidean"}, optional
        How alike two vectors are; by default what the encoder says. By the Euclidean distance the
        effect of a word is how much further the two are without it.
    asked : bool, default=False
        Whether those on the left are queries, which some encoders take otherwise.
    most : int, default=200
        How many parts of a text are left out in turn: of a text of more words they are so many
        words in a row each. Of a text of more than 5,000 characters the first are looked at.

    Returns
    -------
    list of MarkedPair
        The words of both texts with their effects, and how alike the two are with all words.

    Raises
    ------
    DataError
        If there are not as many texts on the left as on the right, or an item is no text.

    Examples
    --------
    >>> from nearspace import make
    >>> encoder = make("bow").fit(["near means alike", "far means other"])
    >>> (pair,) = leave_out(encoder, ["near means"], ["far means"], "dot")
    >>> pair.left.parts, pair.left.effects.tolist(), pair.alike
    (['near', 'means'], [0.0, 1.0], 1.0)
    """
    sides = [Text().check(side, "leave_out") for side in (left, right)]
    if len(left) != len(right):
        raise DataError(
            f"leave_out: expected pairs of texts, got {len(left):,} on the left and "
            f"{len(right):,} on the right."
        )
    if not len(left):
        return []
    metric = metric or encoder.metric
    encode = (encoder.transform_queries if asked else encoder.transform, encoder.transform)
    ours, theirs = (_Variants(*side, most) for side in zip(sides, encode, strict=True))
    pairs = []
    for one, other in zip(*sides, strict=True):
        alike, effects = ours.effects(one, theirs, other, metric)
        back = theirs.effects(other, ours, one, metric)[1]
        marked = (
            MarkedText(one, ours.spans[one], effects),
            MarkedText(other, theirs.spans[other], back),
        )
        pairs.append(MarkedPair(*marked, float(as_scores(np.array(alike), metric)), metric))
    return pairs


class _Variants:
    """The vectors of texts, each as it is and without each of its parts; equal texts once."""

    def __init__(self, texts: list[str], encode: Callable[[list[str]], Any], most: int):
        self.spans = {text: _parts(text[:LONGEST], most) for text in dict.fromkeys(texts)}
        variants: list[str] = []
        self.starts: dict[str, int] = {}
        for text, spans in self.spans.items():
            self.starts[text] = len(variants)
            start = text[:LONGEST]
            variants += [start, *(_without(start, *span) for span in spans)]
        self.vectors = encode(variants)

    def effects(
        self, text: str, others: _Variants, other: str, metric: str
    ) -> tuple[np.float64, np.ndarray]:
        """Return how alike a text and another are, and how much of that each part makes up."""
        start = self.starts[text]
        rows = np.arange(start, start + len(self.spans[text]) + 1)
        whole = others.vectors[[others.starts[other]]]
        alike = rescored(whole, self.vectors, rows[None], metric)[0]
        return alike[0], alike[0] - alike[1:]


def _parts(text: str, most: int) -> list[tuple[int, int]]:
    """Return where the words of a text stand; of many, so many in a row that they are few."""
    spans = word_spans(text)
    step = -(-len(spans) // most) or 1
    runs = (spans[start : start + step] for start in range(0, len(spans), step))
    return [(run[0][0], run[-1][1]) for run in runs]


def _without(text: str, start: int, end: int) -> str:
    """Return a text without a part, and without the blanks that then would stand twice."""
    before, after = text[:start], text[end:]
    return before + (after.lstrip() if not before or before[-1].isspace() else after)
