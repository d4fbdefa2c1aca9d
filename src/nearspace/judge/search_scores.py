"""The scores of search, likeness and analogies: what is found, how well cosines go with judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.judge.score import Score
from nearspace.metrics.correlation import pearson_parts, spearman_parts
from nearspace.metrics.ranking import expected, ndcg, recall, reciprocal_rank

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


SEARCH_SCORES = (
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
