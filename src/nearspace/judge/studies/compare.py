"""`compare`: every encoder on the same items under one protocol, with verdicts."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import make
from nearspace.errors import MissingExtra, SpecError, called_as
from nearspace.judge.board import Failure
from nearspace.judge.budget import Budget, OutOfTime
from nearspace.judge.cost import effort_of
from nearspace.judge.dominance import dominance_notes
from nearspace.judge.fits import Fits, Tell, is_same
from nearspace.judge.fusion import FUSED, fusions, no_encoder
from nearspace.judge.leaderboard import Judged, Leaderboard, Result, assemble, landed
from nearspace.judge.predictor import Predictor, measured
from nearspace.judge.predictors import predictor_beside
from nearspace.judge.preflight import data_to_judge, listed, ready_encoders
from nearspace.judge.protocol import Protocol
from nearspace.judge.reference import Reference
from nearspace.judge.row_judge import RowJudge
from nearspace.judge.task import Task
from nearspace.judge.tasks import set_task
from nearspace.judge.usual import USUAL
from nearspace.judge.without_groups import task_without_groups
from nearspace.judge.words import with_words
from nearspace.learning.progress import about

__all__ = ["compare"]

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
    folds: int | str | None = None,
    hold_out: str | None = None,
    also_without_groups: bool = False,
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
    task : {"classes", "numbers", "unlabelled", "retrieval", "likeness", "matching", "links", \
"ranking", "analogies"}, optional
        What a space should be good for; by default what the data bring decides: classes or numbers
        as labels, none, queries that are to find documents, pairs judged by how alike they are,
        pairs that belong together, nodes of a graph without labels, users and items.
        Of texts alone ``"retrieval"`` makes queries, and ``"analogies"`` takes those that test, or
        else all, for questions of four words.
    k : int, default=5
        Neighbours that vote.
    rank_by : str, optional
        The score that ranks; by default ``"knn"`` of classes, ``"knn_r2"`` of numbers, else
        ``"preservation"``, ``"ndcg_10"`` of queries, ``"spearman"`` of pairs, ``"user_recall_20"``
        of users.
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
    folds : int or "groups", optional
        Into how many folds the items go: each tests once, by encoders fitted on the others; where
        ``seeds`` is more than one, in so many rounds. 1 holds ``test_size`` of them back,
        ``"groups"`` makes a fold of every group, whose scores stand in ``board.by_group``. By
        default 5 for 20 to 1,000 items without a published split or a time (twice for at most
        100), else 1.
    hold_out : {"date", "random", "user"}, optional
        Which edges of a graph, or interactions of users, are held back: the latest, by one date for
        all; some at random; or some of each user, their latest where there is a time. By default by
        date where there is a time, else at random.
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
            k, rank_by, seeds, test_size, random_state, near_duplicates, metric, folds, hold_out
        )
        asked = set_task(data_to_judge(data, labels, encoders), protocol, task)
    loose = task_without_groups(asked) if also_without_groups else None
    tell: Tell = progress or (lambda share, words: None)
    tell_row = on_row or (lambda row: None)
    rows, failures = _rows(encoders, asked)
    judge = RowJudge(Fits(asked, cache, tell), budget)
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
    predictor = predictor_beside(asked)
    order = _cheapest_first(rows, len(asked.train), predictor, 0.5 if loose else 1.0)
    tasks = [asked] if loose is None else [asked, loose]
    wanted = (
        run
        for each in tasks
        for spec, *_ in order
        if spec in rows
        for run in judge.wanted(rows[spec], each)
    )
    with judge.fits.beside(wanted, workers if minutes is None else 0) as others:
        for index, (spec, start, share) in enumerate(order):
            tell(start, spec)
            row: Judged | Reference
            try:
                if spec in rows:
                    judged.append(row := judge.row(rows[spec], start, share))
                elif predictor is not None:
                    begun = time.perf_counter()
                    partly = functools.partial(_tell_share, tell, spec, start, share)
                    row = measured(predictor, asked, judge.cache, budget, partly)
                    references.append(row)
                    judge.seconds[spec] = time.perf_counter() - begun
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
        free: dict[str, Any] = {}
        if loose is not None and not interrupted:
            free, unsaid, interrupted = _free_scores(judge, loose, [row.spec for row in judged])
            notes += unsaid
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
        loose=None if loose is None else (loose, free),
        seconds=judge.seconds | ({BESIDE: others.seconds} if others.seconds else {}),
        interrupted=interrupted,
        leaks=asked.leaks,
        fits=fits,
    )
    return with_words(board, judge.fitted_or_none)


def _free_scores(
    judge: RowJudge, loose: Task, specs: list[str]
) -> tuple[dict[str, Any], list[str], bool]:
    """Return what rows score without groups, by spec, notes, and whether Ctrl-C ended it early."""
    scores: dict[str, Any] = {}
    notes = []
    for at, spec in enumerate(specs):
        try:
            scores[spec] = judge.scored(spec, loose, 0.5 + 0.5 * at / len(specs), 0.5 / len(specs))
        except OutOfTime:
            notes.append(f"{spec}: there was no time to judge it without groups too.")
        except KeyboardInterrupt:
            return scores, [*notes, _interrupted(f"{spec} without groups", specs[at + 1 :])], True
        except Exception as error:  # what is judged by groups is not lost for what stands beside it
            told = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            notes.append(f"{spec}: it could not be judged without groups: {told}.")
    return scores, notes, False


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
    for encoder in ready_encoders(asked, task.train, task.ready):
        spec = encoder.spec
        if not is_same(rows.setdefault(spec, encoder), encoder):
            raise SpecError(
                f"Two encoders that differ would both be the row '{spec}'; give each Network a "
                "name of its own."
            )
    return rows, list(failures.values())


def _tell_share(tell: Tell, spec: str, start: float, share: float, done: float) -> None:
    """Tell that a part is done of a row, which starts there and is a share of it all."""
    tell(start + share * done, spec)


def _cheapest_first(
    rows: dict[str, Encoder], n: int, predictor: Predictor | None, whole: float
) -> list[tuple[str, float, float]]:
    """Return specs in the order in which they are judged, each with where it starts and its share.

    All shares together are the ``whole``. A model that makes no space is among them where its
    effort puts it. The reference stays first, as others are held against it. Equal ones stay as
    they are asked for.
    """
    efforts = {spec: effort_of(encoder, n) for spec, encoder in rows.items()}
    efforts |= {predictor.name: predictor.effort} if predictor is not None else {}
    first, *others = efforts
    order = [first, *sorted(others, key=efforts.__getitem__)]
    total = sum(efforts.values()) / whole
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


def _told_once(judged: list[Judged]) -> list[str]:
    """Return what there is to say of rows, once where it is the same of several."""
    specs: dict[str, list[str]] = {}
    for row in judged:
        for note in row.notes:
            specs.setdefault(note, []).append(row.spec)
    return [f"{', '.join(some)}: {note}" for note, some in specs.items()]
