"""`Leaderboard`: what a comparison found, with what a report shows of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from nearspace.data import Target
from nearspace.encoders.base import Encoder
from nearspace.encoders.exhibits import NO_ITEMS, MarkedPair, Strip
from nearspace.errors import NearspaceError, did_you_mean
from nearspace.judge.amounts import seconds_text
from nearspace.judge.board import HIDDEN, SHOWN, Board, Failure
from nearspace.judge.by_group import GroupScores, by_group, range_note
from nearspace.judge.card import row_line
from nearspace.judge.choice import Resolution, with_recommendation
from nearspace.judge.cost import Cost
from nearspace.judge.disagreements import Disagreements, disagreements_of
from nearspace.judge.exhibits import Exhibits, with_gallery
from nearspace.judge.flattery import flattery_note, with_flattery
from nearspace.judge.misses import Misses, misses_of
from nearspace.judge.mistakes import Mistakes, mistakes_of
from nearspace.judge.recommendations import (
    POPULARITY,
    Recommendations,
    popular_note,
    recommendations_of,
)
from nearspace.judge.reference import Gap, Reference, gap_to_reference
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import gap_words, helped, table_of
from nearspace.judge.task import Task
from nearspace.judge.usual import USUAL
from nearspace.judge.without_copies import copies_note, with_copies_apart
from nearspace.judge.without_groups import order_note, with_optimism
from nearspace.metrics.retrieval import VectorArray
from nearspace.metrics.similarity import cka_of_all, overlap_of_all

__all__ = ["Judged", "Leaderboard", "Result", "assemble", "landed"]


@dataclasses.dataclass(frozen=True, repr=False)
class Result:
    """One row: an encoder that was judged.

    Attributes
    ----------
    spec : str
        The encoder as `make` reads it; ``"chance"`` for guessing the same of every item.
    learns : str
        What it learns from: ``"nothing"``, ``"items"`` or ``"labels"``.
    dim : int
        Length of its vectors; 0 for chance, and for a reference that makes none.
    scores : dict of str to Estimate
        By name in `SCORES`, that which ranks first.
    cost : Cost or None
        None for chance.
    verdict : str
        ``"best"``, ``"tied with best"``, ``"worse"``, ``"floor"`` (chance), ``"reference"``
        (what rows are held against, and no row to use), or empty where there is no ranking score.
    difference : Estimate or None
        Ranking score minus that of the best, with an interval that holds for all rows at once.
    recommended : bool
        Whether it is the cheapest of the best and the tied.
    without_copies : Estimate or None
        The ranking score on the test items that have no copy, equal or near, among the training
        items; None where all are such, or none.
    notes : tuple of str
        What there is to say of it: that it has fewer dimensions than asked for, hubs, zeros.
    metric : str
        By what neighbours are near: the encoder's own, or what was asked for; "" for chance.
    exhibits : Exhibits or None
        What a report shows of its space.
    over_chance : Estimate or None
        How much better than guessing it is by the ranking score, whichever way that is; ``low``
        is what it is at least, for all rows at once. None where nothing can be guessed.
    summary : str
        What it is, in a few words; "" where its spec does not say.
    among_learnt, among_unlearnt : Estimate or None
        Of an encoder that learns from labels, fitted once more on a half of the training rows, the
        ranking score where the neighbours are of that half, and where they are of the other.
    flattery : Estimate or None
        The first minus the second, paired by test item.
    without_groups : Estimate or None
        The ranking score where items of a group stand on both sides, with an interval over items;
        None unless that was asked for.
    optimism : Estimate or None
        That minus the ranking score, with an interval over groups.
    """

    spec: str
    learns: str
    dim: int
    scores: dict[str, Estimate]
    cost: Cost | None = None
    verdict: str = ""
    difference: Estimate | None = None
    recommended: bool = False
    exhibits: Exhibits | None = dataclasses.field(default=None, metadata=SHOWN)
    without_copies: Estimate | None = None
    notes: tuple[str, ...] = dataclasses.field(default=(), metadata=SHOWN)
    metric: str = ""
    over_chance: Estimate | None = None
    summary: str = dataclasses.field(default="", metadata=SHOWN)
    among_learnt: Estimate | None = None
    among_unlearnt: Estimate | None = None
    flattery: Estimate | None = None
    without_groups: Estimate | None = None
    optimism: Estimate | None = None

    def __repr__(self) -> str:
        """Return how it did and what it costs, on one line."""
        words = [f"{self.dim:,} numbers an item"] if self.dim else []
        latency = "" if self.cost is None else seconds_text(self.cost.latency_seconds)
        return row_line(self, *words, f"{latency} each" if latency else "")

    @property
    def name(self) -> str:
        """The spec: what a row is called in words."""
        return self.spec


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Leaderboard(Board):
    """What `compare` found: a `Board` with one row an encoder, best first, failures last.

    Attributes
    ----------
    shown : Strip
        The test items on the maps.
    shown_target : Target or None
        What is to be told of them; None when unlabelled.
    queries : Strip
        The items whose neighbours are shown.
    gallery : Strip
        Every training item that is a neighbour somewhere.
    query_labels, gallery_labels : tuple of str
        Their labels; empty when unlabelled.
    right : tuple of frozenset of int
        For each query which items of the gallery it is to find, where that is known.
    similarity : dict of str to ndarray of shape (e, e)
        ``"cka"`` and ``"neighbour_overlap"`` between the spaces named in `spaces`.
    spaces : tuple of str
        The specs along both axes of `similarity`.
    mistakes : Mistakes or None
        What the recommended row, else the best, takes for what; None without classes.
    disagreements : Disagreements or None
        The pairs of which that row says most otherwise than people; None without judged pairs.
    misses : Misses or None
        The items that miss what belongs to them by that row; None without pairs to match.
    recommendations : Recommendations or None
        What some users had, have later, and find first by that row and by popularity; None without
        users.
    words : (str, tuple of MarkedPair) or None
        The spec of a row, and which words make texts near by it, or which columns rows: of those
        pairs, else of each query and the item that is nearest to it; None where items have none.
    by_group : tuple of GroupScores
        What rows score on each group, where every group was left out once; else empty.
    gap : Gap or None
        How far the best linear probe is from a reference that makes no space, of tables from
        boosted trees; None where there is none.
    fits : dict of str to callable
        By spec, what returns the encoder as it was fitted on the training items; on all items
        where they were judged in folds.

    Examples
    --------
    >>> from nearspace import compare, load
    >>> board = compare(load("customers"), encoders=["onehot"], folds=1)
    >>> [(row.spec, row.verdict) for row in board.results]
    [('onehot', 'best'), ('raw', 'worse'), ('boosted trees', 'reference'), ('chance', 'floor')]
    >>> board.best().spec
    'onehot'
    >>> board.rows[3]
    Result(chance: floor, knn 0.448 [0.363, 0.537])
    """

    named_by: ClassVar[Mapping[str, str]] = {"encoder": "spec", "dim": "dim"}
    shown: Strip = dataclasses.field(default=NO_ITEMS, metadata=HIDDEN)
    shown_target: Target | None = dataclasses.field(default=None, metadata=HIDDEN)
    queries: Strip = dataclasses.field(default=NO_ITEMS, metadata=HIDDEN)
    query_labels: tuple[str, ...] = dataclasses.field(default=(), metadata=HIDDEN)
    gallery: Strip = dataclasses.field(default=NO_ITEMS, metadata=HIDDEN)
    gallery_labels: tuple[str, ...] = dataclasses.field(default=(), metadata=HIDDEN)
    right: tuple[frozenset[int], ...] = dataclasses.field(default=(), metadata=HIDDEN)
    similarity: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    spaces: tuple[str, ...] = ()
    mistakes: Mistakes | None = dataclasses.field(default=None, metadata=HIDDEN)
    disagreements: Disagreements | None = dataclasses.field(default=None, metadata=HIDDEN)
    misses: Misses | None = dataclasses.field(default=None, metadata=HIDDEN)
    recommendations: Recommendations | None = dataclasses.field(default=None, metadata=HIDDEN)
    words: tuple[str, tuple[MarkedPair, ...]] | None = dataclasses.field(
        default=None, metadata=HIDDEN
    )
    by_group: tuple[GroupScores, ...] = ()
    gap: Gap | None = None
    fits: dict[str, Callable[[], Encoder]] = dataclasses.field(
        default_factory=dict, metadata=HIDDEN
    )

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the fitted encoders, which are saved in their own way."""
        return {**vars(self), "fits": {}}

    def fitted(self, spec: str | None = None) -> Encoder:
        """Return the encoder of a row, fitted on the training items; of the recommended row.

        Where the items were judged in folds, it is fitted on all of them.

        Raises
        ------
        NearspaceError
            If there is no such row, or none is recommended.

        Examples
        --------
        >>> from nearspace import compare, embed, load
        >>> wine = load("wine")
        >>> board = compare(wine, encoders=["pca(dim=4)"])
        >>> embed(wine, board.fitted()).recipe.spec == board.best().spec
        True
        """
        spec = self.best().spec if spec is None else spec
        if spec not in self.fits:
            raise NearspaceError(
                f"The leaderboard has no encoder '{spec}'. {did_you_mean(spec, self.fits)}"
            )
        return self.fits[spec]()


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """What was measured of one row, before it is held against the others.

    Attributes
    ----------
    scores : dict of str to ndarray of shape (seeds, n)
        By test item, or ``(seeds, 1)`` where a score is no mean over them.
    metric : str
        By what neighbours are near.
    shown : ndarray or csr_array
        The vectors of the test items on the maps.
    exhibits : Exhibits
        What there is to show.
    notes : tuple of str
        What there is to say of the encoder and its vectors.
    summary : str
        What the encoder is, in a few words.
    start : str
        The spec from which training went on; empty where none did.
    told : ndarray of shape (n,) or None
        The class that neighbours told of each test item, in the first fit.
    ranking : ndarray of shape (seeds, q, depth) or None
        What queries found, see `Evidence.ranking`.
    alike : ndarray of shape (pairs,) or None
        How alike the items of each pair are, see `Evidence.likeness`, in the first fit.
    matched : ndarray of shape (2, n) or None
        For each test item the rank of what belongs to it, and which is nearest, in the first fit.
    first : ndarray of shape (users, k) or None
        The items that each user finds first, in the first fit.
    halves : ndarray of shape (2, n) or None
        The ranking score of each test item by rows that an encoder has learnt from, and by others.
    """

    spec: str
    learns: str
    scores: dict[str, np.ndarray]
    cost: Cost
    dim: int
    metric: str
    shown: VectorArray
    exhibits: Exhibits
    notes: tuple[str, ...] = ()
    summary: str = ""
    start: str = ""
    told: np.ndarray | None = None
    ranking: np.ndarray | None = None
    alike: np.ndarray | None = None
    matched: np.ndarray | None = None
    first: np.ndarray | None = None
    halves: np.ndarray | None = None


def assemble(
    task: Task,
    judged: list[Judged],
    failures: list[Failure],
    notes: tuple[str, ...] = (),
    references: Sequence[Reference] = (),
    loose: tuple[Task, Mapping[str, dict[str, np.ndarray]]] | None = None,
    **settings: Any,
) -> Leaderboard:
    """Return the leaderboard of what was measured; ``settings`` are further fields of it.

    ``loose`` is the task on the same items without groups, and what rows score on it by spec.
    """
    guesses, seeds = task.guesses(), task.protocol.seeds
    scores = [_with_seeds(row.scores, seeds) for row in judged]
    chance = [_with_seeds(guesses, seeds)] if guesses else []
    apart = [_with_seeds(row.scores, seeds) for row in references]
    tables = [*_estimates(task, [*scores, *apart]), *_estimates(task, chance, guessed=True)]
    exhibits, shown = with_gallery([row.exhibits for row in judged], task)
    results = [
        _result(row, table, shows)
        for row, table, shows in zip(judged, tables, exhibits, strict=False)
    ]
    results = with_copies_apart(task, results, scores)
    pairs = zip(results, judged, strict=True)
    results = [with_flattery(task, row, own.halves) for row, own in pairs]
    by_spec = {row.spec: own for row, own in zip(judged, scores, strict=False)}
    protocol, free = task.describe(), {}
    if loose is not None:
        free = {spec: _with_seeds(own, seeds) for spec, own in loose[1].items()}
        results = [
            with_optimism(task, loose[0], row, by_spec[row.spec], free.get(row.spec, {}))
            for row in results
        ]
        protocol["split without groups"] = loose[0].describe()["split"]
    results, resolution = _ranked(task, results, scores, chance)
    better_by = _better_by(task, results, by_spec)
    notes = (*notes, *_told_of_tuning(task, judged, by_spec))
    if loose is not None:
        notes = (*order_note(task, loose[0], results, by_spec, free), *notes)
    of_groups = by_group(task, by_spec | ({"chance": chance[0]} if chance else {}))
    best = next((row.spec for row in results if row.recommended or row.verdict == "best"), None)
    notes = (*notes, *range_note(of_groups, best, SCORES[task.rank_by]), *popular_note(results))
    halves = {row.spec: row.halves for row in judged if row.halves is not None}
    notes = (*notes, *flattery_note(task, results, halves, by_spec))
    results += [
        _apart(row, table) for row, table in zip(references, tables[len(judged) :], strict=False)
    ]
    if guesses:
        results.append(Result("chance", "nothing", 0, tables[-1], verdict="floor"))
    mapped = judged if task.mapped else []
    spaces = [row.shown for row in mapped]
    return Leaderboard(
        rows=(*results, *failures),
        protocol=protocol,
        notes=(*notes, *copies_note(task, results)),
        similarity={
            "cka": cka_of_all(spaces),
            "neighbour_overlap": overlap_of_all(spaces, [row.metric for row in mapped]),
        },
        spaces=tuple(row.spec for row in mapped),
        resolution=resolution,
        better_by=better_by,
        mistakes=_mistakes(task, judged, results, shown["queries"].usual),
        disagreements=_disagreements(task, judged, results),
        misses=_misses(task, judged, results),
        recommendations=_recommendations(task, judged, results),
        by_group=of_groups,
        gap=gap_to_reference(task, by_spec, references, apart),
        **shown,
        **settings,
    )


def landed(task: Task, row: Judged | Reference) -> Result:
    """Return a row while others are still to come: with its scores, without a verdict."""
    (scores,) = _estimates(task, [_with_seeds(row.scores, task.protocol.seeds)])
    return _apart(row, scores) if isinstance(row, Reference) else _result(row, scores)


def _apart(row: Reference, scores: dict[str, Estimate]) -> Result:
    """Return the row of a reference, which is never the one to use."""
    return Result(
        row.spec, row.learns, 0, scores, row.cost,
        verdict="reference", notes=row.notes, summary=row.summary,
    )  # fmt: skip


def _result(row: Judged, scores: dict[str, Estimate], exhibits: Exhibits | None = None) -> Result:
    return Result(
        row.spec,
        row.learns,
        row.dim,
        scores,
        row.cost,
        metric=row.metric,
        notes=row.notes,
        exhibits=exhibits,
        summary=row.summary,
    )


def _with_seeds(scores: dict[str, Any], seeds: int) -> dict[str, np.ndarray]:
    """Return scores of shape ``(seeds, n)``; what has no random state is repeated."""
    rows = {name: np.atleast_2d(value) for name, value in scores.items()}
    return {name: np.broadcast_to(row, (seeds, row.shape[1])) for name, row in rows.items()}


def _estimates(
    task: Task, scores: list[dict[str, np.ndarray]], guessed: bool = False
) -> list[dict[str, Estimate]]:
    """Return the scores of each row with their intervals, that which ranks first.

    What is guessed is the same of every item: groups that all have the same share of a class are
    no chance, as they would be of an encoder, and its interval is then one over items.
    """
    estimates: list[dict[str, Estimate]] = [{} for _ in scores]
    for name in sorted(SCORES, key=lambda name: name != task.rank_by):
        score = SCORES[name]
        # A score may have no value for any item, as for neighbours among too few.
        rows = [i for i, row in enumerate(scores) if name in row and not np.isnan(row[name]).all()]
        values = [scores[i][name] for i in rows]
        if rows and score.per_unit:
            table = table_of(task, score, values)
            if guessed and table.alike_in_groups:
                table = dataclasses.replace(table, groups=None)
            told = table.estimates()
        else:
            told = [Estimate(float(value.mean())) for value in values]
        for i, estimate in zip(rows, told, strict=True):
            estimates[i][name] = estimate
    return estimates


def _told_of_tuning(
    task: Task, judged: list[Judged], scores: dict[str, dict[str, np.ndarray]]
) -> Iterator[str]:
    """Say of each row that was trained on from another one whether that made it better."""
    score = SCORES[task.rank_by]
    for row in judged:
        own, before = (scores.get(spec, {}).get(score.name) for spec in (row.spec, row.start))
        if own is None or before is None or not score.per_unit:
            continue
        gap = table_of(task, score, [own]).minus(before)
        more = gap if score.sign > 0 else -gap
        helps = helped(more, "fine-tuning")
        yield f"{row.spec}: {helps}: it is {gap_words(gap, score, row.start)}"


def _ranked(
    task: Task,
    results: list[Result],
    scores: list[dict[str, Any]],
    guessed: list[dict[str, np.ndarray]],
) -> tuple[list[Result], Resolution | None]:
    """Return the results ranked, each with its verdict, and what the test can tell apart.

    ``scores`` are of the results, ``guessed`` of guessing where anything can be guessed.
    """
    score, reference = SCORES[task.rank_by], USUAL[task.train.kind.name].reference
    ranked = [row for row in results if score.name in row.scores]
    rest = [row for row in results if score.name not in row.scores]
    resolution = None
    if ranked:
        pairs = zip(results, scores, strict=False)
        values = [own[score.name] for row, own in pairs if score.name in row.scores]
        chance = guessed[0].get(score.name) if guessed else None
        ranked, resolution = with_recommendation(
            ranked, table_of(task, score, values), score, chance
        )
    if score.name == "preservation":
        rest.sort(key=lambda row: row.spec == reference)
        if rest and rest[-1].spec == reference:
            rest[-1] = dataclasses.replace(rest[-1], verdict="reference")
    return ranked + rest, resolution


def _mistakes(
    task: Task, judged: list[Judged], results: list[Result], usual: Any
) -> Mistakes | None:
    """Return the mistakes of the recommended row, else of the best, where classes were told."""
    row = _foremost(judged, results)
    if row is None or row.told is None:
        return None
    return mistakes_of(row.spec, task.asked.take(task.tested), row.told, usual)


def _disagreements(task: Any, judged: list[Judged], results: list[Result]) -> Disagreements | None:
    """Return the pairs of which that row says otherwise than people, where there are pairs."""
    row = _foremost(judged, results)
    if row is None or row.alike is None:
        return None
    return disagreements_of(row.spec, task.test, task.links, task.judged, row.alike)


def _misses(task: Task, judged: list[Judged], results: list[Result]) -> Misses | None:
    """Return the items that miss what belongs to them by that row, where items are matched."""
    row = _foremost(judged, results)
    if row is None or row.matched is None:
        return None
    ranks, answers = row.matched
    return misses_of(row.spec, task.test, ranks, answers.astype(int))


def _recommendations(
    task: Task, judged: list[Judged], results: list[Result]
) -> Recommendations | None:
    """Return what users find first by that row, and by popularity, where there are users."""
    row = _foremost(judged, results)
    if row is None or row.first is None:
        return None
    popular = next((each.first for each in judged if each.spec == POPULARITY), None)
    return recommendations_of(row.spec, task, row.first, popular)


def _foremost(judged: list[Judged], results: list[Result]) -> Judged | None:
    """Return what was measured of the recommended row, else of the best."""
    rows = sorted(results, key=lambda row: (not row.recommended, row.verdict != "best"))
    return next((row for row in judged if rows and row.spec == rows[0].spec), None)


def _better_by(
    task: Task, results: list[Result], scores: dict[str, dict[str, np.ndarray]]
) -> dict[str, str]:
    """Return which row is better than the recommended one by another score of the same labels."""
    chosen = next((row.spec for row in results if row.recommended), "")
    better = {}
    for score in task.tells[:2]:
        values = {spec: own[score.name] for spec, own in scores.items() if score.name in own}
        if score.name == task.rank_by or not score.per_unit or chosen not in values:
            continue
        verdicts = table_of(task, score, list(values.values())).verdicts()
        words = {spec: verdict.word for spec, verdict in zip(values, verdicts, strict=True)}
        if words[chosen] == "worse":
            better[score.name] = next(spec for spec, word in words.items() if word == "best")
    return better
