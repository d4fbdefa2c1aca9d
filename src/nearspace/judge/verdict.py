"""From what was measured of encoders to a leaderboard."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.judge.board import Failure
from nearspace.judge.cost import Cost
from nearspace.judge.leaderboard import Exhibits, Leaderboard, Result
from nearspace.judge.scores import SCORES, Score
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import Table, contenders
from nearspace.judge.task import Task
from nearspace.judge.usual import USUAL
from nearspace.metrics.retrieval import VectorArray
from nearspace.metrics.similarity import cka, neighbour_overlap

__all__ = ["Judged", "assemble"]


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """What was measured of one row, before it is held against the others.

    Attributes
    ----------
    scores : dict
        Arrays ``(seeds, n)`` for means over test items, numbers for the others.
    shown : ndarray or csr_array
        The vectors of the test items on the maps.
    exhibits : Exhibits
        What there is to show.
    """

    spec: str
    learns: str
    scores: dict[str, Any]
    cost: Cost
    dim: int
    shown: VectorArray
    exhibits: Exhibits


def assemble(
    task: Task,
    judged: list[Judged],
    failures: list[Failure],
    notes: tuple[str, ...],
    seconds: dict[str, float],
) -> Leaderboard:
    """Return the leaderboard of what was measured."""
    scores = [_with_seeds(row.scores, task.protocol.seeds) for row in judged]
    guesses = task.guesses()
    if guesses:
        scores.append(_with_seeds(guesses, task.protocol.seeds))
    tables = _estimates(task, scores)
    results = [
        Result(row.spec, row.learns, row.dim, table, row.cost, exhibits=row.exhibits)
        for row, table in zip(judged, tables, strict=False)
    ]
    results = _ranked(task, results, scores, tables[-1].get(task.rank_by) if guesses else None)
    if guesses:
        results.append(Result("chance", "nothing", 0, tables[-1], verdict="floor"))
    return Leaderboard(
        rows=(*results, *failures),
        protocol=task.describe(),
        notes=notes,
        seconds=seconds,
        similarity=_similarity(judged),
        spaces=tuple(row.spec for row in judged),
    )


def _with_seeds(scores: dict[str, Any], seeds: int) -> dict[str, Any]:
    """Return per-item scores of shape ``(seeds, n)``; what has no random state is repeated."""
    return {
        name: np.broadcast_to(np.atleast_2d(value), (seeds, np.shape(value)[-1]))
        if isinstance(value, np.ndarray)
        else value
        for name, value in scores.items()
    }


def _estimates(task: Task, scores: list[dict[str, Any]]) -> list[dict[str, Estimate]]:
    """Return the scores of each row with their intervals."""
    estimates: list[dict[str, Estimate]] = [{} for _ in scores]
    for name, score in SCORES.items():
        rows = [i for i, row in enumerate(scores) if name in row and not _undefined(row[name])]
        if not rows:
            continue
        if score.per_unit:
            told = _table(task, score, [scores[i][name] for i in rows]).estimates()
        else:
            told = [Estimate(float(scores[i][name])) for i in rows]
        for i, estimate in zip(rows, told, strict=True):
            estimates[i][name] = estimate
    return estimates


def _undefined(values: Any) -> bool:
    """Return whether a score has no value for any item, as for neighbours among too few."""
    return bool(np.isnan(values).all())


def _table(task: Task, score: Score, values: list[np.ndarray]) -> Table:
    stacked = np.stack(values)
    # Chance is known for every item, R-precision of the others for a subsample of them.
    stacked = np.where(np.isnan(stacked).any(axis=(0, 1)), np.nan, stacked)
    return Table(stacked, task.groups, task.protocol.random_state, score.bounded, score.sign)


def _ranked(
    task: Task, results: list[Result], scores: list[dict[str, Any]], chance: Estimate | None
) -> list[Result]:
    """Return the results ranked, each with its verdict; the cheapest contender is recommended."""
    score, final = SCORES[task.rank_by], list(results)
    if score.name == "preservation":
        reference = USUAL[task.train.kind.name].reference
        final = [
            dataclasses.replace(row, verdict="reference") if row.spec == reference else row
            for row in final
        ]
    ranked = [i for i, row in enumerate(results) if score.name in row.scores]
    if ranked:
        verdicts = _table(task, score, [scores[i][score.name] for i in ranked]).verdicts()
        estimates = [results[i].scores[score.name] for i in ranked]
        words = [verdict.word for verdict in verdicts]
        left = [ranked[at] for at in contenders(score, words, estimates, chance)]
        cheapest = _cheapest(results, left, score) if left else None
        for i, verdict in zip(ranked, verdicts, strict=True):
            final[i] = dataclasses.replace(
                results[i],
                verdict=verdict.word,
                recommended=i == cheapest,
                difference=verdict.difference,
            )
    missing = Estimate(-np.inf * score.sign)  # after all that have the score

    def order(row: Result) -> tuple[bool, float]:
        return row.verdict == "reference", -score.sign * row.scores.get(score.name, missing).value

    return sorted(final, key=order)


def _cheapest(results: list[Result], left: list[int], score: Score) -> int:
    """Return which of the contenders is the quickest, then the smallest, then the best.

    Latencies within a factor of two of the least count as equal, since timing again would shuffle
    them.
    """
    costs = {i: cost for i in left if (cost := results[i].cost) is not None}
    least = min(cost.latency_seconds for cost in costs.values())
    quick = [i for i, cost in costs.items() if cost.latency_seconds <= 2 * least]

    def order(i: int) -> tuple[float, float]:
        return costs[i].bytes_per_vector, -score.sign * results[i].scores[score.name].value

    return min(quick, key=order)


def _similarity(judged: list[Judged]) -> dict[str, np.ndarray]:
    """Return how alike the spaces are, on the items of the maps."""
    n = len(judged)
    found = {"cka": np.eye(n), "neighbour_overlap": np.eye(n)}
    for i in range(n):
        for j in range(i):
            a, b = judged[i].shown, judged[j].shown
            found["cka"][i, j] = found["cka"][j, i] = cka(a, b)
            overlap = neighbour_overlap(a, b)
            found["neighbour_overlap"][i, j] = found["neighbour_overlap"][j, i] = overlap
    return found
