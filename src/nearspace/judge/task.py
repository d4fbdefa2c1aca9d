"""`Task`: what a comparison asks of every encoder, on which items."""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from nearspace.data import Dataset, Target
from nearspace.data.folds import folds_of, groups_left_out
from nearspace.data.kinds.graph import OfNodes
from nearspace.data.sources import left_out
from nearspace.data.split import split_of
from nearspace.encoders.base import Encoder
from nearspace.encoders.handmade.graphs import on_nodes
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.ceiling import ceiling_notes
from nearspace.judge.evidence import Evidence
from nearspace.judge.folding import (
    BY_GROUP,
    Fold,
    averaged,
    choose_folds,
    each_group,
    in_folds,
    joined,
    of_one_part,
    overlap_of,
    too_few,
)
from nearspace.judge.formulas import find_formula
from nearspace.judge.groups import find_groups
from nearspace.judge.leaks import Leak, find_leaks
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["GEOMETRY_ITEMS", "ItemTask", "Task"]

GEOMETRY_ITEMS = 2000


@dataclasses.dataclass(frozen=True, eq=False)
class Task(ABC):
    """What a space should be good for, set up on data: a subclass is a file in ``judge/tasks``.

    Whatever the task, a unit of test (an item, a query, a pair) has one number a score.

    Attributes
    ----------
    name : str
        By which it is asked for.
    units : str
        What its test units are called.
    mapped : bool
        Whether maps of the test items say anything, and how alike their spaces are.
    of_items : bool
        Whether each test item is a test unit, whose neighbours tell something.
    holds_out : tuple of str
        How edges of a graph may be held back, see `Protocol`; empty where none are.
    dataset : Dataset
        Every item that is ever embedded.
    train : Dataset
        What an encoder is fitted on: nothing of the test side.
    test : Dataset
        The items that are asked about; an encoder's cost is measured on them.
    sample : ndarray
        Positions of the test items on which geometry is measured.
    rank_by : str
        The score that ranks.
    protocol : Protocol
        The settings.
    notes : tuple of str
        What setting up brought up.
    leaks : tuple of Leak
        What of an item alone gives its label away.
    copies : ndarray of str
        For each test unit whether a training item is ``"equal"`` or ``"near"`` to it, or
        ``"none"``; ``"unknown"`` where there were too many to compare. Empty where nobody looked.
    folds : tuple of Fold
        Where the items test in folds: all of them, of every round. ``train``, ``test`` and
        ``sample`` are then of the first, and every item is a test unit. Else empty.
    """

    name: ClassVar[str]
    registry: ClassVar[dict[str, type[Task]]] = {}
    units: ClassVar[str] = "test items"
    mapped: ClassVar[bool] = True
    of_items: ClassVar[bool] = True
    holds_out: ClassVar[tuple[str, ...]] = ()

    dataset: Dataset
    train: Dataset
    test: Dataset
    sample: np.ndarray
    rank_by: str
    protocol: Protocol
    notes: tuple[str, ...]
    leaks: tuple[Leak, ...] = ()
    copies: np.ndarray = dataclasses.field(default_factory=lambda: np.empty(0, dtype="U7"))
    folds: tuple[Fold, ...] = ()

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls):
            Task.registry[cls.name] = cls

    @classmethod
    @abstractmethod
    def suits(cls, data: Any) -> bool:
        """Return whether this is the task that data bring when nobody says which."""

    @classmethod
    @abstractmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on data, or raise `NearspaceError` where they do not allow it."""

    def evidence(self, encoder: Encoder, reference: Any = None) -> Evidence:
        """Return what a fitted encoder makes of the task's items.

        ``reference`` are the vectors of `sample` whose neighbourhoods should be kept, and their
        metric.
        """
        train = encoder.transform(self.train.items)
        start = time.perf_counter()
        test = self.asked_of(encoder)
        seconds = time.perf_counter() - start
        return Evidence(self, encoder, train, test, reference, seconds)

    def told_of(self, evidence: Evidence) -> list[str]:
        """Return what there is to say of an encoder's vectors that the task alone looks at."""
        return []

    def asked_of(self, encoder: Encoder) -> Any:
        """Return the vectors of the test side."""
        return encoder.transform(self.test.items)

    def ready(self, encoder: Encoder) -> Encoder:
        """Return the encoder that is asked in place of one that was asked for.

        Of nodes of a graph that is one of what is said of them, unless it is one of nodes.
        """
        kind = self.train.kind
        return on_nodes(encoder, kind) if isinstance(kind, OfNodes) else encoder

    @property
    @abstractmethod
    def scores(self) -> list[Score]:
        """The scores that its evidence may allow."""

    @property
    @abstractmethod
    def groups(self) -> np.ndarray | None:
        """The group of each test unit, where there are groups."""

    @property
    def labelled(self) -> bool:
        """Whether there is something to tell of the items."""
        return False

    @property
    def tells_two(self) -> bool:
        """Whether there are two classes to tell, and both sides have both."""
        return False

    @property
    def floor(self) -> list[str]:
        """What stands in its table beside the floor of the kind, as specs."""
        return []

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """What changes with any item of either side, and with all else that scores depend on."""
        return self.train.fingerprint, self.test.fingerprint

    def right(self, queries: np.ndarray) -> list[np.ndarray] | None:
        """Return the training items that each of some test items is to find, where that is told."""
        return None

    @property
    def asked(self) -> Dataset:
        """The items that are the test units: all of them where they test in folds."""
        return self.dataset if self.folds else self.test

    @property
    def tested(self) -> np.ndarray:
        """Positions of the items that test, among those of the test units."""
        if not self.folds:
            return np.arange(len(self.test))
        return np.sort(np.concatenate([fold.at for fold in self.folds if fold.turn == 0]))

    @property
    def strata(self) -> np.ndarray | None:
        """The class of each test unit, where the test side has exactly its share of each."""
        return None

    @property
    def classes(self) -> np.ndarray | None:
        """The class of each test unit, for scores to which every class adds the same."""
        return None

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""

    @property
    def tells(self) -> list[Score]:
        """The scores that are of this task alone; of labels first k-NN's, then a linear model's."""
        return [score for score in self.scores if self.name in score.needs]

    def ranking_notes(self, what: str) -> list[str]:
        """Return what to say of the score by which rows are ranked, where nobody said which."""
        return []

    def guesses(self) -> dict[str, np.ndarray | float]:
        """Return what guessing gets, by score; nothing where nothing can be guessed."""
        guessed = {score.name: score.guess for score in self.scores if score.guess is not None}
        return self.joined(lambda task: {name: guess(task) for name, guess in guessed.items()})

    @property
    def overlap(self) -> float:
        """By what the variance over test units is multiplied, as of `interval`."""
        return 1.0

    def joined(self, measure: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return the scores that are measured of a task; of one in folds, those of all of them."""
        if not self.folds:
            return measure(self)
        n, parts = len(self.dataset), [measure(fold.task) for fold in self.folds]
        whole = joined(self.folds, parts, SCORES, n)
        if self.protocol.seeds > 1:
            return whole
        return {name: averaged(values) for name, values in whole.items()}


def with_labels(dataset: Dataset) -> tuple[Dataset, list[str]]:
    """Return the items of a dataset that have a label, and what to say of the others.

    A published split none of whose test items has one is given up.

    Raises
    ------
    DataError
        If none of its training items has one, though test items have.
    """
    if dataset.labelled is None:
        return dataset, []
    labelled = dataset.labelled_only()
    notes = [left_out(len(dataset) - len(labelled), "item", "without a label")]
    if labelled.split is None or np.isin(labelled.split, ["test", "validation"]).any():
        if labelled.split is not None and "train" not in labelled.split:
            raise DataError(
                f"{dataset.name}: none of the training items of the published split has a label, "
                "from which those of the test items could be told: expected labels of both, such "
                "as a subfolder for each class in both folders."
            )
        return labelled, notes
    notes.append(
        "No test item of the published split has a label, so that split was given up: some of the "
        "training items test."
    )
    return dataclasses.replace(labelled, split=None), notes


def _leaks_of(
    dataset: Dataset, train: np.ndarray, test: np.ndarray, protocol: Protocol
) -> tuple[tuple[Leak, ...], tuple[str, ...]]:
    """Return what gives labels away, and what no split heeds, with notes on what else does."""
    alone, notes = find_leaks(dataset, train, test)
    formula = find_formula(dataset.take(train)) if not alone else None
    parting, others = find_groups(dataset, protocol)
    together = () if formula is None else (formula,)
    names = {leak.name for leak in parting}  # what parts items is no answer, though it tells it
    alone = tuple(leak for leak in alone if leak.name not in names)
    return (*alone, *together, *parting), (*notes, *others)


@dataclasses.dataclass(frozen=True, eq=False)
class ItemTask(Task):
    """A task on the items of one dataset, of which some train and the others test.

    Attributes
    ----------
    ranks_by : str
        The score that ranks when nobody says which, see `ranking`.
    """

    ranks_by: ClassVar[str]

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether the labels are what the task is named after, and differ."""
        target = getattr(data, "target", None)
        return target is not None and target.name == cls.name and target.varies

    @classmethod
    @abstractmethod
    def prepared(cls, dataset: Dataset) -> tuple[Dataset, list[str]]:
        """Return a dataset with the target that the task needs, and what there is to say of it."""

    @classmethod
    def ranking(cls, test: Dataset) -> str:
        """Return the score that ranks when nobody says which."""
        return cls.ranks_by

    @classmethod
    def of(cls, data: Dataset, protocol: Protocol) -> Self:
        """Return the task on a dataset, which is split here.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, or there are too few items for it.
        """
        protocol.check()
        dataset, notes = cls.prepared(data)
        dataset, left = with_labels(dataset)
        notes = [*data.notes, *notes, *left]
        rank_by = protocol.rank_by or cls.ranks_by
        wanted = SCORES[rank_by].needs & Target.registry.keys() - {cls.name}
        if wanted:
            what = "labels" if dataset.target is None else f"labels that are {', '.join(wanted)}"
            raise NearspaceError(f"Ranking by {rank_by} needs {what}, and {data.name} has none.")
        task, train, test = cls._parted(dataset, protocol)
        if dataset.kind.transductive:
            notes.append(
                "Encoders see the whole graph, test nodes and what is said of them too, and the "
                "labels of training nodes alone."
            )
        leaks, leak_notes = _leaks_of(dataset, train, test, protocol)
        return dataclasses.replace(task, notes=(*notes, *task.notes, *leak_notes), leaks=leaks)

    @classmethod
    def _parted(cls, dataset: Dataset, protocol: Protocol) -> tuple[Self, np.ndarray, np.ndarray]:
        """Return the task on a dataset that is split, and the positions of its first two sides."""
        folds, rounds = choose_folds(dataset, protocol)
        if folds != 1:
            return cls._in_folds(dataset, protocol, folds, rounds)
        split = split_of(
            dataset, protocol.test_size, protocol.random_state, protocol.near_duplicates
        )
        task = cls._on(dataset, split.train, split.test, protocol)
        said = (*of_one_part(dataset, protocol), *too_few(task.test), *split.notes)
        said = (*said, *ceiling_notes(dataset, split.content))
        return dataclasses.replace(task, notes=said, copies=split.copies), split.train, split.test

    def without_groups(self) -> Self:
        """Return the task on the same items where nobody knows of groups: split in as many parts.

        Nothing is looked for that gives labels away.
        """
        folds = sum(not fold.turn for fold in self.folds) or 1
        protocol = dataclasses.replace(self.protocol, folds=folds, rank_by=self.rank_by)
        return self._parted(dataclasses.replace(self.dataset, groups=None), protocol)[0]

    @classmethod
    def _on(
        cls,
        dataset: Dataset,
        train: np.ndarray,
        test: np.ndarray,
        protocol: Protocol,
    ) -> Self:
        """Return the task on the items at these positions."""
        if protocol.k >= len(train):
            raise DataError(
                f"{protocol.k} neighbours cannot be found among {len(train)} training items: "
                "lower k or bring more items."
            )
        sample = subsample(len(test), GEOMETRY_ITEMS, protocol.random_state)
        sides = dataset.take(train), dataset.take(test)
        rank_by = protocol.rank_by or cls.ranking(sides[1])
        return cls(dataset, *sides, sample, rank_by, protocol, ())

    @classmethod
    def _in_folds(
        cls, dataset: Dataset, protocol: Protocol, folds: int, rounds: int
    ) -> tuple[Self, np.ndarray, np.ndarray]:
        """Return the task on a dataset whose items test in folds, of every group one where 0."""
        state = protocol.random_state
        if folds:
            dealt = folds_of(dataset, folds, rounds, state, protocol.near_duplicates)
            told = in_folds(folds, rounds, len(dataset), int(dealt.tests.sum()))
        else:
            dealt = groups_left_out(dataset, rounds, state)
            told = each_group(dealt, np.asarray(dataset.groups))
        parts = []
        for turn in range(rounds):
            for number in range(int(dealt.fold.max()) + 1):
                train, test = dealt.sides(turn, number)
                parts.append(Fold(cls._on(dataset, train, test, protocol), train, test, turn))
        first: Any = parts[0]
        smallest = min((part.task.test for part in parts), key=len)
        said = (*too_few(smallest, dataset.groups), told, *dealt.notes)
        task = dataclasses.replace(
            first.task,
            rank_by=protocol.rank_by or cls.ranking(dataset),
            notes=(*said, *ceiling_notes(dataset, dealt.content)),
            copies=dealt.copies,
            folds=tuple(parts),
        )
        return task, first.train, first.at

    @property
    def scores(self) -> list[Score]:
        """Those of the target, and those that need none."""
        there = {self.name, "decoder", "reference", *(["two classes"] if self.tells_two else ())}
        return [score for score in SCORES.values() if score.needs <= there]

    @property
    def told(self) -> Score:
        """The score of whatever tells the labels, by class where the one that ranks is."""
        wanted = {self.name, "told"}
        return next(s for s in SCORES.values() if s.needs == wanted and self._as_ranked(s))

    @property
    def vote_and_line(self) -> list[Score]:
        """The scores of k-NN's vote and of a linear model, by class where the one that ranks is."""
        return [score for score in self.tells if self._as_ranked(score)][:2]

    def _as_ranked(self, score: Score) -> bool:
        return score.by_class == SCORES[self.rank_by].by_class

    @property
    def groups(self) -> np.ndarray | None:
        """The groups of the test items."""
        return self.asked.groups

    @property
    def overlap(self) -> float:
        """By what the variance over test units is multiplied, as of `interval`."""
        if not self.folds:
            return 1.0
        return overlap_of(sum(fold.turn == 0 for fold in self.folds))

    @property
    def labelled(self) -> bool:
        """Whether there is something to tell of the items."""
        return self.dataset.target is not None

    def right(self, queries: np.ndarray) -> list[np.ndarray] | None:
        """Return the training items of the class of each test item, where there are classes."""
        if self.train.target is None or self.train.target.name != "classes":
            return None
        train, test = self.targets
        return [np.flatnonzero(train.values == test.values[query]) for query in queries]

    @property
    def targets(self) -> tuple[Target, Target]:
        """What is to be told of the items of the two sides, where there is anything."""
        assert self.train.target is not None
        assert self.test.target is not None
        return self.train.target, self.test.target

    @abstractmethod
    def labels(self) -> dict[str, Any]:
        """Return in a word what is to be told."""

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol = self.protocol
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "items": len(self.dataset),
            "train": len(self.train),
            "test": len(self.tested),
            **({"folds": sum(fold.turn == 0 for fold in self.folds)} if self.folds else {}),
            **self.labels(),
            "split": self._split_words(),
            "test items equal to a training item": int((self.copies == "equal").sum()),
            "test items near a training item": int((self.copies == "near").sum()),
            "test items compared with training": int((self.copies != "unknown").sum()),
            "rank_by": self.rank_by,
            "k": protocol.k,
            "metric": protocol.metric or "each encoder's own",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "training fingerprint": self.train.fingerprint,
            "test fingerprint": self.test.fingerprint,
            "intervals": "95 %, bootstrap over test "
            + ("items" if self.groups is None else "groups")
            + ("" if protocol.seeds == 1 else " and seeds")
            + (f", with {self.overlap:.3g} times the variance for folds" if self.folds else "")
            + "; differences to the best hold for all rows at once",
            "scope": self._scope(),
            "versions": versions(),
            **({"left out": self.dataset.left_out} if self.dataset.left_out else {}),
        }

    def _scope(self) -> str:
        """Return of which fits what was measured holds."""
        if self.folds:
            return f"encoders as fitted on {len(self.train):,} items ({len(self.folds)} fits each)"
        if self.protocol.seeds == 1:
            return "these fitted encoders (one fit each)"
        return f"{self.protocol.seeds} fits of each encoder that has a random state"

    def _split_words(self) -> str:
        if self.dataset.split is not None:
            return "as published"
        if self.dataset.time is not None:
            return f"the latest {self.protocol.test_size:.0%} test"
        whole = "duplicates" if self.dataset.groups is None else "groups and exact duplicates"
        if (self.copies == "equal").any():  # they would have tied most groups together
            whole = "groups"
        if self.protocol.near_duplicates == "together":
            whole = whole.replace("duplicates", "duplicates, near ones included,")
        how = "stratified by label" if self.labelled else "at random"
        if self.folds:
            rounds = self.folds[-1].turn + 1
            if self.protocol.folds == BY_GROUP:
                return f"every group left out once, {len(self.folds) // rounds} folds" + (
                    f", {rounds} times" * (rounds > 1)
                )
            often = f", dealt {rounds} times" * (rounds > 1)
            return f"{len(self.folds) // rounds} folds{often}, {how}, {whole} in one fold"
        return f"{self.protocol.test_size:.0%} test, {how}, {whole} on one side"
