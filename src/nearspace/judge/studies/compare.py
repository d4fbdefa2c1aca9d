"""`compare`: every encoder on the same items under one protocol, with verdicts."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.encoders.bounds import Bounds, Elbo
from nearspace.encoders.exhibits import Strip
from nearspace.encoders.learned.learned import Learned
from nearspace.encoders.spec import make
from nearspace.errors import MissingExtra, SpecError, called_as
from nearspace.judge.board import Failure
from nearspace.judge.budget import Budget, OutOfTime, Plan
from nearspace.judge.cache import make_key
from nearspace.judge.cost import Cost, effort_of, measure_cost, with_latencies
from nearspace.judge.dominance import dominance_notes
from nearspace.judge.exhibits import (
    NEIGHBOURS,
    Exhibits,
    layer_scores,
    pick_queries,
    shown_items,
    strips,
)
from nearspace.judge.fits import Fits, Tell, has_random_state, is_same, seeded
from nearspace.judge.fusion import FUSED, fusions, no_encoder
from nearspace.judge.leaderboard import Judged, Leaderboard, Result, assemble, landed
from nearspace.judge.learnt import with_halves
from nearspace.judge.preflight import data_to_judge, listed, ready_encoders
from nearspace.judge.protocol import Protocol
from nearspace.judge.reference import Reference
from nearspace.judge.statistics import Estimate
from nearspace.judge.task import Task
from nearspace.judge.tasks import set_task
from nearspace.judge.trees import EFFORT, TREES, boosted_trees, has_trees
from nearspace.judge.usual import USUAL
from nearspace.judge.words import with_words
from nearspace.learning.progress import about
from nearspace.metrics.retrieval import nearest
from nearspace.metrics.rotation import rotated
from nearspace.space.map.tsne import tsne

__all__ = ["compare"]

STEPS = ("fitting", "embedding", "scoring", "map and layers")  # of which each row takes its time
BESIDE = "fitting in other processes"  # of the seconds, those that nobody waited for


@called_as("compare(data, labels, encoders=['pca'])")
def compare(
    data: Any,
    labels: Any = None,
    *,
    encoders: Iterable[str | BaseEstimator] | None = None,
    task: str | None = None,
    k: int = 5,
    rank_by: str | None = None,
    metric: str | None = None,
    seeds: int = 1,
    test_size: float = 0.25,
    random_state: int = 0,
    near_duplicates: str = "tell",
    folds: int | None = None,
    cache: str | Path | None = None,
    minutes: float | None = None,
    workers: int | None = None,
    progress: Tell | None = None,
    on_row: Callable[[Result | Failure], object] | None = None,
) -> Leaderboard:
    """Rank encoders on data.

    Every encoder is fitted on the training items only and judged on the test items; raw input and
    the plain handmade representation of the kind are always among them, and so is chance where
    there are labels. An encoder that fails is a row with its error.

    Parameters
    ----------
    data : Dataset, Pairs, Task, or what `load` reads
        The items, pairs of them (`load_pairs`), or queries and documents (`load_retrieval`, or a
        folder in BEIR's form). A task brings its own settings, and what is said of them here has
        no part.
    labels : array-like or str, optional
        Their labels, or the name of a column: classes, or numbers where one is not whole.
    encoders : iterable of str or transformer, optional
        Specs, encoders, or any scikit-learn transformers; by default those that suit the kind.
    task : {"classes", "numbers", "unlabelled", "retrieval", "likeness", "analogies"}, optional
        What a space should be good for; by default what the data bring decides: classes or numbers
        as labels, none, queries that are to find documents, pairs judged by how alike they are.
        Of texts alone ``"retrieval"`` makes queries, and ``"analogies"`` takes those that test, or
        else all, for questions of four words.
    k : int, default=5
        Neighbours that vote.
    rank_by : str, optional
        The score that ranks; by default ``"knn"`` of classes, ``"knn_r2"`` of numbers, else
        ``"preservation"``, ``"ndcg_10"`` of queries, ``"spearman"`` of pairs.
    metric : {"cosine", "dot", "euclidean"}, optional
        By which neighbours are near, of all rows; by default each encoder's own.
    seeds : int, default=1
        Fits of each encoder that has a random state; with more than one, intervals and verdicts
        cover the noise of training too.
    test_size : float, default=0.25
        Share of the items that test, where no split is published.
    random_state : int, default=0
        Of the split, the subsamples and the bootstrap.
    near_duplicates : {"tell", "together"}, default="tell"
        Whether test items that are nearly the same as a training item are counted and told, or
        such items are kept on one side of the split.
    folds : int, optional
        Into how many folds the items go: each tests once, by encoders fitted on the others; where
        ``seeds`` is more than one, in so many rounds. 1 holds ``test_size`` of them back. By
        default 5 for 20 to 1,000 items without a published split or a time (twice for at most
        100), else 1.
    cache : str or Path, optional
        A folder in which fitted encoders, embeddings and scores are kept and found again.
    minutes : float, optional
        How long the comparison may take. What does not fit is trained for fewer epochs, which its
        spec and its notes then say, or left out, which the board's notes say.
    workers : int, optional
        Processes that fit networks on a CPU while this one judges; by default one for every two
        cores where there is much to train, none with ``minutes``. What comes out is the same.
    progress : callable, optional
        Called with the share done and a few words: what is being judged, and about how long it
        will take where the data are large.
    on_row : callable, optional
        Called with each row as soon as it is judged, cheap encoders first: a `Result` that has no
        verdict yet, or a `Failure`.

    Returns
    -------
    Leaderboard
        Best first. Ctrl-C ends the comparison early and returns what is done.

    Raises
    ------
    NearspaceError
        If the data cannot be split as asked, or encoders cannot be used: their spec cannot be read,
        a library is missing, they take other data or lack labels, there is no such layer. It tells
        of all of them, before anything is fitted.

    Examples
    --------
    >>> board = compare("wine", encoders=["pca(dim=8)"])
    >>> sorted(row.spec for row in board.results)
    ['chance', 'pca(dim=8)', 'raw', 'raw | scale']
    """
    budget = Budget(minutes)
    if isinstance(data, Task):
        asked = data
    else:
        protocol = Protocol(
            k, rank_by, seeds, test_size, random_state, near_duplicates, metric, folds
        )
        asked = set_task(data_to_judge(data, labels, encoders), protocol, task)
    tell: Tell = progress or (lambda share, words: None)
    tell_row = on_row or (lambda row: None)
    rows, failures = _rows(encoders, asked)
    judge = _Judge(Fits(asked, cache, tell), budget)
    judged: list[Judged] = []
    references: list[Reference] = []
    late: dict[str, float] = {}
    plain = " By plain accuracy with rank_by='knn' (--rank-by knn)."
    told = [note + plain for note in asked.ranking_notes("encoders")]
    told += dominance_notes(asked.train)
    told += _few_fits(asked.protocol.seeds)
    notes, interrupted = [*asked.notes, *told], False
    for failure in failures:
        tell_row(failure)
    order = _cheapest_first(rows, len(asked.train), has_trees(asked))
    wanted = (run for spec, *_ in order if spec in rows for run in judge.wanted(rows[spec]))
    with judge.fits.beside(wanted, workers if minutes is None else 0) as others:
        for index, (spec, start, share) in enumerate(order):
            tell(start, spec)
            row: Judged | Reference
            try:
                if spec in rows:
                    judged.append(row := judge.row(rows[spec], start, share))
                else:
                    begun = time.perf_counter()
                    references.append(row := boosted_trees(asked, judge.cache, budget))
                    judge.seconds[TREES] = time.perf_counter() - begun
            except OutOfTime as error:
                late[spec] = error.seconds
            except KeyboardInterrupt:
                interrupted = True
                notes.append(_interrupted(spec, [name for name, *_ in order[index + 1 :]]))
                break
            except Exception as error:  # whatever a user's transformer raises is that row's result
                failures.append(Failure(spec, " ".join(str(error).split()) or type(error).__name__))
                tell_row(failures[-1])
            else:
                tell_row(landed(asked, row))
        if not interrupted:
            tell(1.0, "rows that were not learnt from")
            try:
                judged, unsaid = judge.halved(judged)
                notes += unsaid
            except KeyboardInterrupt:
                interrupted = True
                notes.append(_interrupted("rows by halves of the training rows", []))
    tell(1.0, "timing one item")
    judged = judge.timed(judged)
    fits = {row.spec: functools.partial(judge.usable, row.spec) for row in judged}
    fused = fusions(asked, judged, judge.queries)
    for both in fused:
        fits[both.spec] = functools.partial(no_encoder, both.spec)
        tell_row(landed(asked, both))
    judged += fused
    notes += [FUSED] * bool(fused)
    tell(1.0, "intervals and verdicts")
    notes += [*_told_once(judged), *_late(late, minutes), *judge.cache.close()]
    board = assemble(
        asked,
        judged,
        failures,
        notes=tuple(notes),
        references=references,
        seconds=judge.seconds | ({BESIDE: others.seconds} if others.seconds else {}),
        interrupted=interrupted,
        leaks=asked.leaks,
        fits=fits,
    )
    return with_words(board, judge.fitted_or_none)


def _few_fits(seeds: int) -> list[str]:
    """Return that two fits tell little, where there are two."""
    if seeds != 2:
        return []
    return [
        "Two fits of an encoder say little of how much training varies, so that only very large "
        "differences count where it does; five tell more (seeds=5)."
    ]


def _rows(
    encoders: Iterable[str | BaseEstimator] | None, task: Task
) -> tuple[dict[str, Encoder], list[Failure]]:
    """Return the encoder of every row by its spec, the reference first.

    What nobody asked for by name and lacks its library is a row with its error.
    """
    usual = USUAL[task.train.kind.name]
    asked = listed(encoders)
    specs = [*usual.rows(task.train.kind), *task.floor]
    if encoders is None:
        specs += usual.specs(labelled=task.train.target is not None)
    rows: dict[str, Encoder] = {}
    failures: dict[str, Failure] = {}
    for what in specs:
        try:
            rows.setdefault(what, make(what))
        except MissingExtra as error:
            failures[what] = Failure(what, str(error))
    for encoder in ready_encoders(asked, task.train):
        spec = encoder.spec
        if not is_same(rows.setdefault(spec, encoder), encoder):
            raise SpecError(
                f"Two encoders that differ would both be the row '{spec}'; give each Network a "
                "name of its own."
            )
    return rows, list(failures.values())


def _cheapest_first(
    rows: dict[str, Encoder], n: int, trees: bool
) -> list[tuple[str, float, float]]:
    """Return specs in the order in which they are judged, each with where it starts and its share.

    Trees that are a reference are among them where their effort puts them. The reference stays
    first, as others are held against it. Equal ones stay as they are asked for.
    """
    efforts = {spec: effort_of(encoder, n) for spec, encoder in rows.items()}
    efforts |= {TREES: EFFORT} if trees else {}
    first, *others = efforts
    order = [first, *sorted(others, key=efforts.__getitem__)]
    total = sum(efforts.values())
    ends = [end / total for end in accumulate(efforts[spec] for spec in order)]
    return list(zip(order, [0.0, *ends], (efforts[spec] / total for spec in order), strict=False))


def _interrupted(spec: str, rest: list[str]) -> str:
    """Return what an interruption left undone."""
    missed = f"; {', '.join(rest)} {'was' if len(rest) == 1 else 'were'} not reached" * bool(rest)
    return f"Interrupted while judging {spec}{missed}. What was done until then stands here."


def _late(late: dict[str, float], minutes: float | None) -> list[str]:
    """Return for which rows there was no time, and how long they would take."""
    if not late:
        return []
    named = ", ".join(f"{spec} (about {about(seconds)})" for spec, seconds in late.items())
    return [f"Left out, as there was no time for them in {minutes:g} min: {named}."]


def _overruled(encoder: Encoder, task: Task) -> list[str]:
    """Return that an encoder adds up weights, which another metric does not, where one is asked."""
    metric = task.protocol.metric
    if type(encoder).metric != "dot" or metric in (None, "dot"):
        return []
    return [
        f"Its vectors are made for their inner product, and metric='{metric}' compares them "
        "otherwise: this is not the order in which it finds things by itself; leave metric= out."
    ]


def _told_once(judged: list[Judged]) -> list[str]:
    """Return what there is to say of rows, once where it is the same of several."""
    specs: dict[str, list[str]] = {}
    for row in judged:
        for note in row.notes:
            specs.setdefault(note, []).append(row.spec)
    return [f"{', '.join(some)}: {note}" for note, some in specs.items()]


class _Judge:
    """Judges rows one by one, and keeps the reference space and the time that went."""

    def __init__(self, fits: Fits, budget: Budget):
        self.fits, self.task, self.cache, self.budget = fits, fits.task, fits.cache, budget
        self.given: dict[str, Encoder] = {}
        self.queries, self.shown = pick_queries(self.task), shown_items(self.task)
        self.reference_spec = USUAL[self.task.train.kind.name].reference
        self.references: dict[int, Any] = {}  # of each fold
        self.seconds = dict.fromkeys(STEPS, 0.0)

    def row(self, encoder: Encoder, start: float, share: float) -> Judged:
        """Return what is measured of an encoder, which starts there and is a share of it all.

        Raises
        ------
        OutOfTime
            If there is no time for it, or the time is over before it is fitted.
        """
        begun = not self._is_new(encoder, self.task) or self.fits.has(encoder)
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

    def wanted(self, encoder: Encoder) -> Iterator[tuple[Encoder, Dataset]]:
        """Yield which networks will be fitted to judge an encoder, and on which items."""
        for run, task in self._runs(encoder) if isinstance(encoder, Learned) else ():
            if self._is_new(run, task):
                yield run, task.train

    def _runs(self, encoder: Encoder) -> list[tuple[Encoder, Task]]:
        """Return each fit of an encoder, and the task by which it is judged.

        That is one a seed, of which the first is as it was given, or one a fold; a round of folds
        has a random state of its own, as it has a split of its own.
        """
        state, varies = self.task.protocol.random_state, has_random_state(encoder)
        seeds = self.task.protocol.seeds if varies else 1
        runs = [(turn, self.task) for turn in range(seeds)]
        if self.task.folds:
            runs = [(fold.turn, fold.task) for fold in self.task.folds]
        return [
            (seeded(encoder, state + turn) if turn and varies else encoder, task)
            for turn, task in runs
        ]

    def _seeded(self, encoder: Encoder, start: float, share: float) -> Judged:
        """Return what is measured in one fit a seed; what is shown is of the first."""
        runs, rows = self._runs(encoder), []
        for at, (run, task) in enumerate(runs):
            done, part = start + share * at / len(runs), share / len(runs)
            with self.fits.telling(encoder.spec, done, part, self.budget.check):
                rows.append(self._shown(run, *self._measured(run, task)))
        scores = {name: np.stack([row.scores[name] for row in rows]) for name in rows[0].scores}
        ranked = [row.ranking for row in rows if row.ranking is not None]
        ranking = np.concatenate(ranked) if ranked else None
        return dataclasses.replace(rows[0], scores=scores, ranking=ranking)

    def _folded(self, encoder: Encoder, start: float, share: float) -> Judged:
        """Return what is measured of an encoder in all folds; what is shown is of the first."""
        folds, runs, rows = self.task.folds, self._runs(encoder), []
        for at, (run, task) in enumerate(runs):
            words = f"{encoder.spec}, {at + 1} of {len(runs)} fits"
            done, part = start + share * at / len(runs), share / len(runs)
            with self.fits.telling(words, done, part, self.budget.check):
                rows.append(self._measured(run, task, at))
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

    def _is_new(self, encoder: Encoder, task: Task) -> bool:
        """Return whether the cache has nothing of one fit of an encoder."""
        return not (encoder.is_reproducible and self.cache.has_row(self._key(encoder, task)))

    def _key(self, encoder: Encoder, task: Task) -> str:
        settings = dataclasses.replace(task.protocol, seeds=1, rank_by=None)
        sides = task.fingerprints
        groups = "" if task.test.groups is None else task.test.groups.tolist()
        kind, scores = task.train.kind, task.scores
        made_of = (*encoder.parts, kind, task, task.train.target)
        by = (*map(type, made_of), *(score.measure for score in scores))
        names = [score.name for score in scores]
        return make_key(
            "row", encoder.spec, *sides, kind.metric, settings, task.name, groups, names, by=by
        )

    def _measured(
        self, encoder: Encoder, task: Task, at: int = 0
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays and facts of one fit, from the cache if there; ``at`` is its fold."""
        key = self._key(encoder, task)
        row = self.cache.load_row(key) if encoder.is_reproducible else None
        if row is None:
            row = self._measure(encoder, task, at)
            # Without its reference, which failed, a row lacks a score that it should have.
            whole = at in self.references or encoder.spec == self.reference_spec
            if encoder.is_reproducible and whole:
                self.cache.store_row(key, *row)
        arrays, facts = row
        if encoder.spec == self.reference_spec:
            self.references[at] = rotated(arrays["test"][task.sample]), facts["metric"]
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

    def _measure(
        self, encoder: Encoder, task: Task, at: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return arrays (embeddings, per-item scores, layout) and plain facts of one run.

        The layout and the layers are of the first fold only.
        """
        times = [time.perf_counter()]
        fitted, fit_seconds = self.fits.get(encoder, task.train)
        times.append(time.perf_counter())
        evidence = task.evidence(fitted, self.references.get(at))
        cost = measure_cost(evidence, fit_seconds)
        times.append(time.perf_counter())
        scores = {
            score.name: np.atleast_1d(score.measure(evidence))
            for score in task.scores
            if score.needs <= evidence.has
        }
        times.append(time.perf_counter())
        layout = np.empty((0, 2))
        if at == 0 and task.mapped and evidence.metric != "dot":
            shown = evidence.rotated[self.shown]
            layout = tsne(shown, evidence.metric, task.protocol.random_state)
        taps = at == 0 and getattr(encoder, "layer", None) is None
        layers = layer_scores(task, fitted) if taps else []
        times.append(time.perf_counter())
        for name, spent in zip(STEPS, np.diff(times), strict=True):
            self.seconds[name] += spent
        arrays = {"train": evidence.train, "test": evidence.test, "layout": layout}
        if task.name == "classes":
            arrays["told"] = np.searchsorted(_classes(task), evidence.votes)
        if task.name == "retrieval":
            arrays["ranking"] = evidence.ranking
        if task.name == "likeness":
            arrays["alike"] = evidence.likeness
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
            if at == 0 and isinstance(fitted, Bounds)
            else None,
        }
        return arrays, facts


def _scores_of(row: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return the scores of one fit, by name."""
    arrays, facts = row
    return {name: arrays[f"score-{name}"] for name in facts["scores"]}


def _classes(task: Task) -> np.ndarray:
    """Return the classes of the training items."""
    return task.train.target.classes  # type: ignore[union-attr]
