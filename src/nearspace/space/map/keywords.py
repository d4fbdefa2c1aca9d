"""`keywords`: the words that tell some texts from the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import Text
from nearspace.data.words import UNSPACED, terms_of
from nearspace.errors import DataError
from nearspace.metrics.keyness import keyness
from nearspace.metrics.retrieval import subsample

__all__ = ["keywords"]

MOST_READ = 50_000  # texts
MOST_WORDS = 50_000  # that are told apart, the commonest
SURE = 1.0  # standard deviations: what two of two texts have, and none of the others
BEGUN = 20  # times as many candidates as words: of those that overlap one is taken
UNSPACED_LETTER = re.compile(f"[{UNSPACED}]")


def keywords(
    texts: Sequence[str], groups: Sequence[Any], k: int = 10
) -> dict[Any, list[tuple[str, float]]]:
    """Return the words by which each group of texts differs most from all other texts.

    A word counts once a text. By how much commoner it is in the group is told by the log-odds with
    an informative Dirichlet prior of all texts together, worth as many words as a group has on
    average (Monroe, Colaresi & Quinn 2008, "Fightin' Words"): words that are common everywhere, or
    seen once, come last without any list of stop words, in whatever language. Tags, addresses and
    mere numbers are no words. Of scripts without blanks between words there are runs of two to four
    letters, no two of which overlap.

    Parameters
    ----------
    texts : sequence of n str
        The texts. Of more than 50,000 so many are read, drawn at random.
    groups : sequence of n values
        Whatever names the group of each text: a cluster, a label. None, or NaN, for texts that are
        in no group, but among the others.
    k : int, default=10
        How many words of each group at most.

    Returns
    -------
    dict of value to list of (str, float)
        The words of each group, that which tells most first, with how many standard deviations
        their log-odds are above 0: at least one. A group has none where nothing tells it from the
        others, or where it is alone.

    Raises
    ------
    DataError
        If there are not as many groups as texts, or an item is no text.

    Examples
    --------
    >>> from nearspace import load
    >>> sentences = load("sentences")
    >>> told = keywords(sentences.items, sentences.target.values, k=2)
    >>> [word for word, _ in told["weather"]]
    ['drizzle', 'harbour']
    """
    import pandas as pd

    texts = Text().check(texts, "keywords")
    if not np.iterable(groups) or isinstance(groups, str) or getattr(groups, "ndim", 1) != 1:
        raise DataError(f"keywords: expected a list of groups, got {type(groups).__name__}.")
    groups = [*groups]
    if len(texts) != len(groups):
        raise DataError(
            f"keywords: expected a group a text, got {len(texts):,} texts and {len(groups):,} "
            "groups."
        )
    grouped = pd.notna(np.array([*groups, None], dtype=object))[:-1]
    names = list(dict.fromkeys(groups[i] for i in np.flatnonzero(grouped)))
    chosen = subsample(len(texts), MOST_READ, 0)
    of = {name: code for code, name in enumerate(names)}
    codes = np.array([of[groups[i]] if grouped[i] else -1 for i in chosen], dtype=np.int64)
    counted = _counted([texts[i] for i in chosen])
    if counted is None:
        return {name: [] for name in names}
    counts, words = counted
    total = _sums(counts)
    prior = max(1.0, total.sum() / max(1, len(names)))
    lengths = np.array(list(map(len, words)))
    unspaced = np.array([UNSPACED_LETTER.search(word) is not None for word in words])
    best = {}
    for code, name in enumerate(names):
        inside = _sums(counts[codes == code])
        told = keyness(inside, total - inside, prior)
        order = np.lexsort((-lengths, -told))[: k * BEGUN]
        best[name] = _apart([(words[i], told[i], unspaced[i]) for i in order if told[i] > SURE], k)
    return best


def _counted(texts: list[str]) -> tuple[sparse.csr_array, list[str]] | None:
    """Return which words that stand in two texts stand in each text; None where there are none."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(analyzer=terms_of, binary=True, min_df=2, max_features=MOST_WORDS)
    try:
        counts = counter.fit_transform(texts)
    except ValueError:
        return None
    return sparse.csr_array(counts, dtype=np.float64), counter.get_feature_names_out().tolist()


def _sums(counts: Any) -> np.ndarray:
    return np.asarray(counts.sum(axis=0)).ravel()


def _apart(candidates: list[tuple[str, float, bool]], k: int) -> list[tuple[str, float]]:
    """Return the first words, without runs of letters that have two in a row in common."""
    taken: list[tuple[str, float]] = []
    seen: set[str] = set()
    for word, told, unspaced in candidates:
        pairs = {word[i : i + 2] for i in range(max(1, len(word) - 1))} if unspaced else {word}
        if seen.isdisjoint(pairs):
            taken.append((word, float(told)))
            seen |= pairs
        if len(taken) == k:
            break
    return taken
