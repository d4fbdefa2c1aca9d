"""The scores of search, likeness and analogies: what is found, how well cosines go with judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.judge.score import Score
from nearspace.metrics.correlation import pearson_parts, spearman_parts
from nearspace.metrics.links import Linked, auc_parts, precision_parts
from nearspace.metrics.matching import Matched
from nearspace.metrics.ranking import expected, ndcg, recall, reciprocal_rank
from nearspace.metrics.recommending import hits_within, ndcg_within

__all__ = ["SEARCH_SCORES"]


def _found(
    name: str, label: str, measure: Callable[[Any, Any, int], np.ndarray], k: int, meaning: str
) -> Score:
    """Return the score of the first k that a query finds."""
    return Score(
        name=f"{name}_{k}",
        label=f"{label}@{k}",
        bounded=True,
        meaning=meaning,
        needs=frozenset({"retrieval"}),
        measure=lambda evidence: measure(evidence.ranking, evidence.task.relevance, k),
        guess=lambda task: expected(name, task.relevance, k),
    )


def _goes_with(
    name: str, label: str, measure: Callable[[np.ndarray, np.ndarray], np.ndarray], meaning: str
) -> Score:
    """Return the score of how well the likeness of vectors goes with what was judged."""
    return Score(
        name=name,
        label=label,
        meaning=meaning,
        needs=frozenset({"likeness"}),
        measure=lambda evidence: measure(evidence.likeness, evidence.task.judged),
        guess=lambda task: np.zeros(len(task.judged)),
    )


def _matched(
    name: str, label: str, meaning: str, k: int, side: int | None = None, csls: bool = False
) -> Score:
    """Return the score of how many items find their own among the first k of the other side."""
    return Score(
        name=name,
        label=label,
        bounded=True,
        meaning=meaning,
        needs=frozenset({"matching"}),
        measure=lambda evidence: _hits(evidence.matches[csls], k, side),
        guess=lambda task: _hit_by_chance(task, k, side),
    )


def _hits(matched: Matched, k: int, side: int | None) -> np.ndarray:
    """Return for each item whether it finds its own among the first k; NaN on the other side."""
    hits = [matched.left.within(k), matched.right.within(k)]
    if side is not None:
        hits[1 - side][:] = np.nan
    return np.concatenate(hits)


def _hit_by_chance(task: Any, k: int, side: int | None) -> np.ndarray:
    """Return how likely each item finds its own among k that are drawn."""
    left, right = task.sizes
    links, chances = task.test.items.links, []
    for which, (n, pool) in enumerate(((left, right), (right, left))):
        own = np.bincount(links[:, which], minlength=n)
        missed = np.ones(n)
        for drawn in range(min(k, pool)):
            missed *= np.maximum(pool - own - drawn, 0) / (pool - drawn)
        there = (own > 0) & (side is None or side == which)
        chances.append(np.where(there, 1 - missed, np.nan))
    return np.concatenate(chances)


def _median_rank(evidence: Any) -> float:
    """Return the median of the ranks at which items find their own, from both sides."""
    matched, _ = evidence.matches
    return float(np.nanmedian(np.concatenate([matched.left.means, matched.right.means])))


def _linked(
    name: str, label: str, meaning: str, measure: Callable[[Linked], np.ndarray], guess: Any
) -> Score:
    """Return the score of how well edges are told."""
    return Score(
        name=name,
        label=label,
        bounded=True,
        meaning=meaning,
        needs=frozenset({"links"}),
        measure=lambda evidence: measure(evidence.linked),
        guess=lambda task: np.full(len(task.links), guess(task)),
    )


def _pool(task: Any) -> float:
    """Return among how many candidates the other end of an edge stands, on average."""
    others = np.diff(task.linked.indptr)[task.links]
    return float((task.linked.shape[0] - others).mean())


def _of_users(
    name: str,
    label: str,
    meaning: str,
    measure: Callable[[Any], Any],
    guess: Any = None,
    better: str = "higher",
) -> Score:
    """Return the score of what users find; without a guess, one of all of them together."""
    return Score(
        name=name,
        label=label,
        better=better,
        bounded=guess is not None,
        per_unit=guess is not None,
        meaning=meaning,
        needs=frozenset({"ranking"}),
        measure=measure,
        guess=guess,
    )


def _recall_of_users(evidence: Any, k: int, new_users: bool = False) -> np.ndarray:
    """Return which share of what each user has later is among the first k; NaN of other users."""
    task = evidence.task
    hits = hits_within(evidence.recommended.ranks, task.links[:, 0], len(task.users), k)
    return np.where(task.has_history ^ new_users, hits, np.nan)


def _ndcg_of_users(evidence: Any, k: int) -> np.ndarray:
    task = evidence.task
    gains = ndcg_within(evidence.recommended.ranks, task.links[:, 0], len(task.users), k)
    return np.where(task.has_history, gains, np.nan)


def _recall_of_new_items(evidence: Any) -> np.ndarray:
    task = evidence.task
    users = task.links[task.is_new_item, 0]
    return hits_within(evidence.recommended.new_ranks, users, len(task.users), _tenth(task))


def _tenth(task: Any) -> int:
    """Return how many a tenth of the items is that nobody had before."""
    return max(1, round((task.counts == 0).sum() / 10))


def _coverage(evidence: Any) -> float:
    """Return which share of the items is among the first of any user who had something before."""
    first = evidence.recommended.first[evidence.task.has_history]
    return len(np.unique(first[first >= 0])) / len(evidence.task.drawn)


def _popular(evidence: Any) -> float:
    """Return which share of the first that users get is the items that most users have."""
    task = evidence.task
    first = evidence.recommended.first[task.has_history]
    first = first[first >= 0]
    return float(task.popular[first].mean()) if len(first) else float("nan")


def _hit_at_random(task: Any, k: int, which: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return how likely an item is among k that are drawn of so many; NaN for other users."""
    return np.where(which, np.minimum(1.0, k / np.maximum(pool, 1)), np.nan)


def _candidates(task: Any) -> np.ndarray:
    """Return how many items each user that tests has not."""
    return len(task.drawn) - np.diff(task.train.items.interactions.indptr)[task.users]


def _asks_for_new(task: Any) -> np.ndarray:
    """Return which users have an item later that nobody had before."""
    return np.bincount(task.links[task.is_new_item, 0], minlength=len(task.users)) > 0


def _gain_at_random(task: Any, k: int) -> np.ndarray:
    """Return the nDCG that users get from a random order, on average."""
    gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(k) + 2))])
    wanted = np.bincount(task.links[:, 0], minlength=len(task.users))
    told = gains[k] * wanted / np.maximum(_candidates(task), 1) / gains[np.clip(wanted, 1, k)]
    return np.where(task.has_history, np.minimum(told, 1.0), np.nan)


SEARCH_SCORES = (
    _of_users(
        "user_recall_20", "recall@20",
        "Share of what a user has later that is among the first 20 of all items that they had not, "
        "by user: of those who had anything before.",
        lambda evidence: _recall_of_users(evidence, 20),
        lambda task: _hit_at_random(task, 20, task.has_history, _candidates(task)),
    ),
    _of_users(
        "user_ndcg_20", "nDCG@20",
        "How high these stand among the first 20, over the best order that there is.",
        lambda evidence: _ndcg_of_users(evidence, 20),
        lambda task: _gain_at_random(task, 20),
    ),
    _of_users(
        "coverage", "coverage",
        "Share of all items that are among the first 20 of any user who had anything before.",
        _coverage,
    ),
    _of_users(
        "popular_20", "popular",
        "Share of the first 20 that users get that is among the 1 % of items that most users have.",
        _popular, better="",
    ),
    _of_users(
        "new_users", "new users",
        "Recall@20 of users who had nothing before.",
        lambda evidence: _recall_of_users(evidence, 20, new_users=True),
        lambda task: _hit_at_random(task, 20, ~task.has_history, _candidates(task)),
    ),
    _of_users(
        "new_items", "new items",
        "Share of what a user has later, of the items that nobody had before, that is among the "
        "first tenth of these.",
        _recall_of_new_items,
        lambda task: _hit_at_random(
            task, _tenth(task), _asks_for_new(task), (task.counts == 0).sum()
        ),
    ),
    _linked(
        "link_auc", "AUC",
        "Share of pairs without an edge whose nodes are less alike than the ends of an edge that "
        "was held back: the area under the ROC curve.",
        lambda linked: auc_parts(linked.positives, linked.negatives), lambda task: 0.5,
    ),
    _linked(
        "link_ap", "AP",
        "Average precision of edges held back among these and as many pairs without an edge.",
        lambda linked: precision_parts(linked.positives, linked.negatives), lambda task: 0.5,
    ),
    _linked(
        "link_mrr", "MRR",
        "1 over the rank of the other end of an edge that was held back, among all nodes but those "
        "with another edge, from both ends.",
        lambda linked: linked.by_edge(1 / linked.ranks.means),
        lambda task: float((1 / np.arange(1, int(_pool(task)) + 1)).mean()),
    ),
    *(
        _linked(
            f"link_hits_{k}", f"hits@{k}",
            f"Share of edges held back whose other end is among the first {k} of these.",
            lambda linked, k=k: linked.by_edge(linked.ranks.within(k)),  # type: ignore[misc]
            lambda task, k=k: min(1.0, k / _pool(task)),
        )
        for k in (10, 50)
    ),
    _matched(
        "precision_1", "P@1",
        "Share of the items of both sides to which what belongs to them is the nearest of all of "
        "the other side.", 1,
    ),
    _matched(
        "precision_1_right", "P@1 →",
        "The same of the items on the left, which look for their own on the right.", 1, 0,
    ),
    _matched(
        "precision_1_left", "P@1 ←",
        "The same of the items on the right, which look for their own on the left.", 1, 1,
    ),
    _matched(
        "precision_1_csls", "CSLS",
        "P@1 where hubs, which are near to many, count less: cosines are corrected by how alike "
        "two items are to their ten nearest of the other side.", 1, None, True,
    ),
    *(
        _matched(
            f"match_recall_{k}", f"R@{k}",
            f"Share of the items of both sides that find what belongs to them among the first {k} "
            "of the other side.", k,
        )
        for k in (5, 10)
    ),
    Score(
        name="median_rank",
        label="rank",
        better="lower",
        per_unit=False,
        meaning="The median of the ranks at which items of both sides find what belongs to them.",
        needs=frozenset({"matching"}),
        measure=_median_rank,
    ),
    _found(
        "ndcg", "nDCG", ndcg, 10,
        "How high the relevant documents stand among the first 10, the more relevant ones weighing "
        "more, over the best order that there is.",
    ),
    _found(
        "mrr", "MRR", reciprocal_rank, 10,
        "1 over the rank of the first relevant document, 0 where none is among the first 10.",
    ),
    *(
        _found(
            "recall", "recall", recall, k,
            f"Share of the relevant documents that are among the first {k}." if k > 1
            else "Share of the relevant documents that stand first.",
        )
        for k in (1, 10, 100)
    ),
    _goes_with(
        "spearman", "Spearman", spearman_parts,
        "Correlation of the ranks: whether pairs that are judged to be more alike are nearer, 1 in "
        "the same order, 0 in none.",
    ),
    _goes_with(
        "pearson", "Pearson", pearson_parts,
        "Correlation of how alike vectors are with how alike the pairs are judged to be.",
    ),
    Score(
        name="analogies",
        label="analogies",
        bounded=True,
        meaning="Share of the questions 'a is to b as c is to …' whose answer is the word nearest "
        "to b - a + c.",
        needs=frozenset({"analogies"}),
        measure=lambda evidence: evidence.analogies,
        guess=lambda task: np.full(len(task.questions), 1 / max(len(task.test) - 3, 1)),
    ),
)  # fmt: skip
