"""`RowJudge`: fits, measures and times what stands in a row of a comparison."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.encoders.bounds import Bounds, Elbo
from nearspace.encoders.exhibits import Strip
from nearspace.encoders.learned.learned import Learned
from nearspace.judge.budget import Budget, Plan
from nearspace.judge.cache import make_key
from nearspace.judge.cost import Cost, measure_cost, with_latencies
from nearspace.judge.evidence import Evidence
from nearspace.judge.exhibits import (
    NEIGHBOURS,
    Exhibits,
    layer_scores,
    pick_queries,
    shown_items,
    strips,
)
from nearspace.judge.fits import Fits, has_random_state, seeded
from nearspace.judge.leaderboard import Judged
from nearspace.judge.learnt import with_halves
from nearspace.judge.statistics import Estimate
from nearspace.judge.task import Task
from nearspace.judge.usual import USUAL
from nearspace.learning.progress import about
from nearspace.metrics.retrieval import nearest
from nearspace.metrics.rotation import rotated
from nearspace.space.map.tsne import tsne

__all__ = ["RowJudge"]

MOST_HELD = 10**9  # bytes of vectors that are not embedded again for other folds
STEPS = ("fitting", "embedding", "scoring", "map and layers")  # of which each row takes its time


class RowJudge:
    """Judges rows one by one, and keeps the reference space and the time that went."""

    def __init__(self, fits: Fits, budget: Budget):
        self.fits, self.task, self.cache, self.budget = fits, fits.task, fits.cache, budget
        self.given: dict[str, Encoder] = {}
        self.queries, self.shown = pick_queries(self.task), shown_items(self.task)
        self.reference_spec = USUAL[self.task.train.kind.name].reference
        self.references: dict[Task, Any] = {}  # of each part on which rows are judged
        # All items under what learns nothing, and the seconds that it took.
        self.whole: dict[str, tuple[Any, float]] = {}
        self.seconds = dict.fromkeys(STEPS, 0.0)

    def row(self, encoder: Encoder, start: float, share: float) -> Judged:
        """Return what is measured of an encoder, which starts there and is a share of it all.

        Raises
        ------
        OutOfTime
            If there is no time for it, or the time is over before it is fitted.
        """
        begun = not self._is_new(encoder, self.task, self.task) or self.fits.has(encoder)
        plan = Plan(encoder) if begun else self.budget.plan(encoder, self.task)
        encoder, spec = plan.encoder, plan.encoder.spec
        if plan.seconds:
            self.fits.tell(start, f"{spec}: about {about(plan.seconds)}")
        if self.task.folds:
            row = self._folded(encoder, start, share)
        else:
            row = self._seeded(encoder, start, share)
        self.given[spec] = encoder
        # Of what is made elsewhere no more is known than its spec, by which it is not found again.
        summary = encoder.summary if encoder.is_reproducible else ""
        notes = (*plan.notes, *row.notes, *_overruled(encoder, self.task))
        return dataclasses.replace(
            row, spec=spec, summary=summary, notes=notes, start=encoder.starts_from
        )

    def wanted(self, encoder: Encoder, task: Task) -> Iterator[tuple[Encoder, Dataset]]:
        """Yield which networks will be fitted to judge an encoder by a task, and on which items."""
        for run, part in self._runs(encoder, task) if isinstance(encoder, Learned) else ():
            if self._is_new(run, part, task):
                yield run, part.train

    def _runs(self, encoder: Encoder, task: Task) -> list[tuple[Encoder, Task]]:
        """Return each fit of an encoder, and the part of a task by which it is judged.

        That is one a seed, of which the first is as it was given, or one a fold; a round of folds
        has a random state of its own, as it has a split of its own.
        """
        state, varies = task.protocol.random_state, has_random_state(encoder)
        seeds = task.protocol.seeds if varies else 1
        runs = [(turn, task) for turn in range(seeds)]
        if task.folds:
            runs = [(fold.turn, fold.task) for fold in task.folds]
        return [
            (seeded(encoder, state + turn) if turn and varies else encoder, part)
            for turn, part in runs
        ]

    def scored(self, spec: str, task: Task, start: float, share: float) -> dict[str, np.ndarray]:
        """Return what a row that was judged scores on another task of the same items.

        Raises
        ------
        OutOfTime
            If the time is over before it is fitted.
        """
        runs, rows = self._runs(self.given[spec], task), []
        for at, (run, part) in enumerate(runs):
            words = f"{spec} at random, {at + 1} of {len(runs)} fits"
            done, width = start + share * at / len(runs), share / len(runs)
            self.fits.tell(done, words)
            with self.fits.telling(words, done, width, self.budget.check):
                rows.append(_scores_of(self._measured(run, part, task)))
        if not task.folds:
            return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        each = iter(rows)
        return task.joined(lambda part: next(each))

    def _seeded(self, encoder: Encoder, start: float, share: float) -> Judged:
        """Return what is measured in one fit a seed; what is shown is of the first."""
        runs, rows = self._runs(encoder, self.task), []
        for at, (run, task) in enumerate(runs):
            done, part = start + share * at / len(runs), share / len(runs)
            with self.fits.telling(encoder.spec, done, part, self.budget.check):
                rows.append(self._shown(run, *self._measured(run, task, self.task)))
        scores = {name: np.stack([row.scores[name] for row in rows]) for name in rows[0].scores}
        ranked = [row.ranking for row in rows if row.ranking is not None]
        ranking = np.concatenate(ranked) if ranked else None
        return dataclasses.replace(rows[0], scores=scores, ranking=ranking)

    def _folded(self, encoder: Encoder, start: float, share: float) -> Judged:
        """Return what is measured of an encoder in all folds; what is shown is of the first."""
        folds, runs, rows = self.task.folds, self._runs(encoder, self.task), []
        for at, (run, task) in enumerate(runs):
            words = f"{encoder.spec}, {at + 1} of {len(runs)} fits"
            done, part = start + share * at / len(runs), share / len(runs)
            with self.fits.telling(words, done, part, self.budget.check):
                rows.append(self._measured(run, task, self.task))
        each = iter(rows)
        scores = self.task.joined(lambda task: _scores_of(next(each)))
        told = None
        if "told" in rows[0][0]:
            first = [(fold, row) for fold, row in zip(folds, rows, strict=True) if not fold.turn]
            parts = [_classes(fold.task)[arrays["told"]] for fold, (arrays, _) in first]
            order = np.argsort(np.concatenate([fold.at for fold, _ in first]))
            told = np.concatenate(parts)[order]
        return dataclasses.replace(self._shown(encoder, *rows[0]), scores=scores, told=told)

    def fitted(self, spec: str) -> Encoder:
        """Return the encoder of a row as it was fitted on the training items."""
        return self.fits.get(self.given[spec])[0]

    def fitted_or_none(self, spec: str) -> Encoder | None:
        """Return the same; None of a row that has no encoder, as a fusion of rankings."""
        return self.fitted(spec) if spec in self.given else None

    def usable(self, spec: str) -> Encoder:
        """Return an encoder to use: where each item tested in a fold, as fitted on all of them."""
        train = self.task.dataset if self.task.folds else None
        return self.fits.get(self.given[spec], train)[0]

    def halved(self, judged: list[Judged]) -> tuple[list[Judged], list[str]]:
        """Return rows with what they tell by training rows that were not learnt from, and notes."""
        start = time.perf_counter()
        rows, notes = with_halves(
            self.task, judged, self.given, self.fits, lambda: self.budget.left
        )
        if notes or any(row.halves is not None for row in rows):
            self.seconds["rows not learnt from"] = time.perf_counter() - start
        return rows, notes

    def timed(self, judged: list[Judged]) -> list[Judged]:
        """Return rows with the latency of one item; no noise of an earlier run is kept for it."""
        start = time.perf_counter()
        costs = with_latencies({row.spec: row.cost for row in judged}, self.fitted, self.task.test)
        self.seconds["timing one item"] = time.perf_counter() - start
        return [dataclasses.replace(row, cost=costs[row.spec]) for row in judged]

    def _is_new(self, encoder: Encoder, task: Task, of: Task) -> bool:
        """Return whether the cache has nothing of one fit of an encoder."""
        key = self._key(encoder, task, of)
        return not (encoder.is_reproducible and self.cache.has_row(key))

    def _key(self, encoder: Encoder, task: Task, of: Task) -> str:
        settings = dataclasses.replace(task.protocol, seeds=1, rank_by=None)
        sides = task.fingerprints
        groups = "" if task.test.groups is None else task.test.groups.tolist()
        kind, scores = task.train.kind, task.scores
        made_of = (*encoder.parts, kind, task, task.train.target)
        by = (*map(type, made_of), *(score.measure for score in scores))
        names = [score.name for score in scores]
        what = "row" if of is self.task else "scores of a row"  # without a layout
        return make_key(
            what, encoder.spec, *sides, kind.metric, settings, task.name, groups, names, by=by
        )

    def _measured(
        self, encoder: Encoder, task: Task, of: Task
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays and facts of one fit, from the cache if there; ``task`` is part of one.

        That is itself where there are no folds.
        """
        key = self._key(encoder, task, of)
        row = self.cache.load_row(key) if encoder.is_reproducible else None
        if row is None:
            row = self._measure(encoder, task, of)
            # Without its reference, which failed, a row lacks a score that it should have.
            whole = task in self.references or encoder.spec == self.reference_spec
            if encoder.is_reproducible and whole:
                self.cache.store_row(key, *row)
        arrays, facts = row
        if encoder.spec == self.reference_spec:
            self.references[task] = rotated(arrays["test"][task.sample]), facts["metric"]
        return row

    def _shown(self, encoder: Encoder, arrays: dict[str, Any], facts: dict[str, Any]) -> Judged:
        """Return a row of what was measured of one fit, with what there is to show of it."""
        ranking = arrays.get("ranking")
        if ranking is not None:
            nearby = ranking[self.queries, :NEIGHBOURS]
        elif self.task.mapped:
            asked = arrays["test"][self.queries]
            nearby = nearest(asked, arrays["train"], NEIGHBOURS, facts["metric"])[0]
        else:
            nearby = np.empty((0, 0), dtype=int)
        return Judged(
            spec=encoder.spec,
            learns=encoder.learns,
            scores=_scores_of((arrays, facts)),
            cost=Cost(**facts["cost"]),
            dim=arrays["test"].shape[1],
            metric=facts["metric"],
            notes=tuple(facts["notes"]),
            shown=arrays["test"][self.shown],
            told=_classes(self.task)[arrays["told"]] if "told" in arrays else None,
            ranking=None if ranking is None else ranking[None],
            alike=arrays.get("alike"),
            matched=arrays.get("matched"),
            first=arrays.get("first"),
            exhibits=Exhibits(
                layout=np.round(np.asarray(arrays["layout"]), 4),
                neighbours=nearby,
                layers=tuple((n, d, Estimate(*score)) for n, d, score in facts["layers"]),
                strips=self._strips(encoder, arrays["test"][self.shown]),
                elbo=None if facts["elbo"] is None else Elbo(**facts["elbo"]),
            ),
        )

    def _strips(self, encoder: Encoder, vectors: Any) -> tuple[Strip, ...]:
        """Return what an encoder makes of items; nothing is fitted again for one with nothing."""
        if not encoder.decodes and type(encoder).exhibits is Encoder.exhibits:
            return ()
        return strips(self.task, self.fits.get(encoder)[0], self.queries, vectors)

    def _evidence(self, encoder: Encoder, fitted: Encoder, task: Task, of: Task) -> Evidence:
        """Return what a fitted encoder makes of the items of a part.

        One that is the same in all folds embeds all items once.
        """
        reference = self.references.get(task)
        if not _is_same_in_folds(encoder, of):
            return task.evidence(fitted, reference)
        key = self.fits.identity(encoder)
        if key not in self.whole:
            start = time.perf_counter()
            vectors = fitted.transform(of.dataset.items)
            self.whole[key] = vectors, time.perf_counter() - start
            while len(self.whole) > 1 and sum(map(_bytes_of, self.whole.values())) > MOST_HELD:
                del self.whole[next(iter(self.whole))]
        vectors, seconds = self.whole[key]
        fold = next(fold for fold in of.folds if fold.task is task)
        seconds *= len(fold.at) / len(of.dataset)
        return Evidence(task, fitted, vectors[fold.train], vectors[fold.at], reference, seconds)

    def _measure(
        self, encoder: Encoder, task: Task, of: Task
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return arrays (embeddings, per-item scores, layout) and plain facts of one run.

        The layout, the layers and the training vectors are of the first fold only, and of no other
        task.
        """
        first = task is (self.task.folds[0].task if self.task.folds else self.task)
        train = of.folds[0].task.train if _is_same_in_folds(encoder, of) else task.train
        times = [time.perf_counter()]
        fitted, fit_seconds = self.fits.get(encoder, train)
        times.append(time.perf_counter())
        evidence = self._evidence(encoder, fitted, task, of)
        cost = measure_cost(evidence, fit_seconds)
        times.append(time.perf_counter())
        scores = {
            score.name: np.atleast_1d(score.measure(evidence))
            for score in task.scores
            if score.needs <= evidence.has
        }
        times.append(time.perf_counter())
        layout = np.empty((0, 2))
        if first and task.mapped and evidence.metric != "dot":
            shown = evidence.rotated[self.shown]
            layout = tsne(shown, evidence.metric, task.protocol.random_state)
        taps = first and getattr(encoder, "layer", None) is None
        layers = layer_scores(task, fitted) if taps else []
        times.append(time.perf_counter())
        for name, spent in zip(STEPS, np.diff(times), strict=True):
            self.seconds[name] += spent
        arrays = {"test": evidence.test}
        if first:
            arrays |= {"train": evidence.train, "layout": layout}
        if task.name == "classes":
            arrays["told"] = np.searchsorted(_classes(task), evidence.votes)
        if task.name == "retrieval":
            arrays["ranking"] = evidence.ranking
        if task.name == "likeness":
            arrays["alike"] = evidence.likeness
        if task.name == "matching":
            arrays["matched"] = evidence.matched_items
        if task.name == "ranking":
            arrays["first"] = evidence.recommended.first
        arrays |= {f"score-{name}": values for name, values in scores.items()}
        # What is new in rows is looked up at once; of texts it takes as long as to read them again.
        new = fitted.notes_on(task.test.items) if task.test.kind.column_kinds else ()
        facts = {
            "cost": dataclasses.asdict(cost),
            "scores": list(scores),
            "metric": evidence.metric,
            "notes": [*fitted.notes, *new, *evidence.notes],
            "layers": [(n, d, dataclasses.astuple(score)) for n, d, score in layers],
            "elbo": dataclasses.asdict(fitted.elbo(task.test.items, task.protocol.random_state))
            if first and isinstance(fitted, Bounds)
            else None,
        }
        return arrays, facts


def _bytes_of(embedded: tuple[Any, float]) -> int:
    vectors, _ = embedded
    parts = (vectors.data, vectors.indices) if sparse.issparse(vectors) else (vectors,)
    return sum(part.nbytes for part in parts)


def _is_same_in_folds(encoder: Encoder, task: Task) -> bool:
    """Return whether an encoder is the same whatever it is fitted on: of rows none is."""
    return bool(task.folds) and encoder.learns == "nothing" and not task.train.kind.column_kinds


def _scores_of(row: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return the scores of one fit, by name."""
    arrays, facts = row
    return {name: arrays[f"score-{name}"] for name in facts["scores"]}


def _classes(task: Task) -> np.ndarray:
    """Return the classes of the training items."""
    return task.train.target.classes  # type: ignore[union-attr]


def _overruled(encoder: Encoder, task: Task) -> list[str]:
    """Return that an encoder adds up weights, which another metric does not, where one is asked."""
    metric = task.protocol.metric
    if type(encoder).metric != "dot" or metric in (None, "dot"):
        return []
    return [
        f"Its vectors are made for their inner product, and metric='{metric}' compares them "
        "otherwise: this is not the order in which it finds things by itself; leave metric= out."
    ]
