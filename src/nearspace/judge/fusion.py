"""The fusion of BM25 with each encoder: two rankings put together, as a row of its own."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.encoders.combine import LEARNS
from nearspace.errors import NearspaceError
from nearspace.judge.cost import Cost
from nearspace.judge.evidence import Ranked
from nearspace.judge.exhibits import NEIGHBOURS, Exhibits
from nearspace.judge.leaderboard import Judged
from nearspace.judge.task import Task
from nearspace.judge.tasks.retrieval import LEXICAL
from nearspace.metrics.ranking import CONSTANT, fused_ranks

__all__ = ["FUSED", "fusions", "no_encoder"]

FUSED = (
    f"A row fusion(…) puts what {LEXICAL} and one encoder find in one order, by the sum of "
    f"1 / ({CONSTANT} + rank) in both (reciprocal rank fusion)."
)


def fusions(task: Task, judged: list[Judged], queries: np.ndarray) -> list[Judged]:
    """Return a row for each encoder that finds documents, together with BM25.

    Parameters
    ----------
    task : Task
        Of queries and documents; of any other there is no such row.
    judged : list of Judged
        What was measured of encoders, BM25 among them.
    queries : ndarray of int
        The queries that are shown.
    """
    lexical = next((row for row in judged if row.spec == LEXICAL), None)
    if lexical is None or lexical.ranking is None:
        return []
    return [_fused(task, lexical, row, queries) for row in judged if row is not lexical]


def no_encoder(spec: str) -> Any:
    """Raise that a fusion is two encoders, and none that could be used as one."""
    part = spec.removeprefix("fusion(").removesuffix(")")
    raise NearspaceError(
        f"{spec} is two rankings put together, and no encoder: take those of {LEXICAL} and of "
        f"{part}, each by its own name."
    )


def _fused(task: Task, lexical: Judged, row: Judged, queries: np.ndarray) -> Judged:
    """Return the row of two rankings put together, seed by seed."""
    both: Any = (lexical.ranking, row.ranking)
    seeds = max(map(len, both))
    # What has no random state was ranked once.
    rankings = [
        fused_ranks([one[min(seed, len(one) - 1)] for one in both]) for seed in range(seeds)
    ]
    scores = {
        score.name: np.stack([score.measure(Ranked(task, ranking)) for ranking in rankings])
        for score in task.scores
    }
    return dataclasses.replace(
        row,
        spec=f"fusion({row.spec})",
        learns=max((lexical.learns, row.learns), key=LEARNS.index),
        scores=scores,
        cost=_both(lexical.cost, row.cost),
        dim=lexical.dim + row.dim,
        metric="ranks",
        notes=(),
        summary="",
        exhibits=Exhibits(np.empty((0, 2)), rankings[0][queries, :NEIGHBOURS]),
        ranking=np.stack(rankings),
    )


def _both(one: Cost, other: Cost) -> Cost:
    """Return what it costs to use two encoders one after the other."""
    return Cost(
        one.fit_seconds + other.fit_seconds,
        1 / (1 / one.items_per_second + 1 / other.items_per_second),
        one.latency_seconds + other.latency_seconds,
        one.bytes_per_vector + other.bytes_per_vector,
        one.latency_low + other.latency_low,
        one.latency_high + other.latency_high,
    )
