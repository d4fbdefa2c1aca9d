"""From scores to a leaderboard: intervals, who is best, who is tied, what to use."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.judge.cost import Cost
from nearspace.judge.leaderboard import Exhibits, Failure, Leaderboard, Result
from nearspace.judge.scores import SCORES, Score
from nearspace.judge.statistics import Estimate, bootstrap_means, compare_to_best, interval
from nearspace.judge.task import Task
from nearspace.judge.usual import USUAL
from nearspace.metrics.retrieval import Vectors as VectorArray
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
    tables = _score_tables(task, scores)
    results = [
        Result(row.spec, row.learns, row.dim, table, row.cost, exhibits=row.exhibits)
        for row, table in zip(judged, tables, strict=False)
    ]
    results = _verdicts(task, results, scores, tables[-1] if guesses else {})
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


def _score_tables(task: Task, scores: list[dict[str, Any]]) -> list[dict[str, Estimate]]:
    """Return the scores of each row with their intervals."""
    tables: list[dict[str, Estimate]] = [{} for _ in scores]
    for name, score in SCORES.items():
        rows = [i for i, row in enumerate(scores) if name in row and not _undefined(row[name])]
        if not rows:
            continue
        if not score.per_unit:
            for index in rows:
                tables[index][name] = Estimate(float(scores[index][name]))
            continue
        stacked = np.stack([scores[index][name] for index in rows])
        # Chance is known for every item, R-precision of the others for a subsample of them.
        stacked = np.where(np.isnan(stacked).any(axis=(0, 1)), np.nan, stacked)
        lows, highs = interval(
            stacked, _replicates(task, stacked), task.groups, bounded=score.bounded
        )
        values = np.nanmean(stacked, axis=(1, 2))
        for index, value, low, high in zip(rows, values, lows, highs, strict=True):
            tables[index][name] = Estimate(float(value), float(low), float(high))
    return tables


def _undefined(values: Any) -> bool:
    """Return whether a score has no value for any item, as for neighbours among too few."""
    return bool(np.isnan(values).all())


def _replicates(task: Task, stacked: np.ndarray) -> np.ndarray:
    return bootstrap_means(stacked, task.groups, random_state=task.protocol.random_state)


def _verdicts(
    task: Task, results: list[Result], scores: list[dict[str, Any]], chance: dict[str, Estimate]
) -> list[Result]:
    """Return the results ranked, each with its verdict.

    The cheapest of the tied that can be told from chance is recommended.
    """
    name = task.rank_by
    reference = USUAL[task.train.kind.name].reference if name == "preservation" else None
    ranked = [i for i, row in enumerate(results) if name in row.scores]
    final = list(results)
    if reference is not None:
        final = [
            dataclasses.replace(row, verdict="reference") if row.spec == reference else row
            for row in final
        ]
    score = SCORES[name]
    if ranked:
        stacked = np.stack([scores[i][name] for i in ranked])
        found = compare_to_best(
            stacked, _replicates(task, stacked), task.groups, higher_is_better=score.sign > 0
        )
        tied = [i for i, is_tied in zip(ranked, found.tied, strict=True) if is_tied]
        if name in chance:
            tied = [i for i in tied if score.beats(results[i].scores[name], chance[name].value)]
        cheapest = _cheapest(results, tied, score) if tied else None
        for place, i in enumerate(ranked):
            verdict = "tied with best" if found.tied[place] else "worse"
            final[i] = dataclasses.replace(
                results[i],
                verdict="best" if place == found.best else verdict,
                recommended=i == cheapest,
                difference=Estimate(
                    float(found.difference[place]),
                    float(found.low[place]),
                    float(found.high[place]),
                ),
            )
    missing = Estimate(-np.inf * score.sign)  # after all that have the score

    def order(row: Result) -> tuple[bool, float]:
        return row.verdict == "reference", -score.sign * row.scores.get(name, missing).value

    return sorted(final, key=order)


def _cheapest(results: list[Result], tied: list[int], score: Score) -> int:
    """Return which of the tied is the quickest, then the smallest, then the best.

    Latencies within a factor of two of the least count as equal, since timing again would shuffle
    them.
    """
    latency = {i: cost.latency_seconds for i in tied if (cost := results[i].cost) is not None}
    quick = [i for i in tied if latency[i] <= 2 * min(latency.values())]

    def order(i: int) -> tuple[float, float]:
        cost = results[i].cost
        return cost.bytes_per_vector if cost else 0.0, -score.sign * results[i].scores[
            score.name
        ].value

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
