"""`Task`: what a comparison asks of every encoder, and the protocol under which it asks."""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from nearspace.data import Dataset, Target, train_test_split
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.judge.evidence import Evidence
from nearspace.judge.scores import SCORES, Score
from nearspace.judge.statistics import FEWEST_UNITS
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["GEOMETRY_ITEMS", "ItemTask", "Protocol", "Task"]

GEOMETRY_ITEMS, NEIGHBOURS_KEPT = 2000, 10


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The settings of a comparison.

    Parameters
    ----------
    k : int
        Neighbours that vote.
    rank_by : str or None
        The score that ranks, by name in `SCORES`; the task's own when None.
    seeds : int
        Fits of each encoder, with different random states.
    test_size : float
        Share of the items that test, where no split is published.
    random_state : int
        Of the split, the subsamples and the bootstrap.
    """

    k: int = 5
    rank_by: str | None = None
    seeds: int = 1
    test_size: float = 0.25
    random_state: int = 0

    def check(self) -> None:
        """Raise `NearspaceError` where a setting makes no sense."""
        ranking = [
            name for name, score in SCORES.items() if score.per_unit and "told" not in score.needs
        ]
        if self.rank_by is not None and self.rank_by not in ranking:
            hint = did_you_mean(self.rank_by, ranking)
            raise NearspaceError(f"Cannot rank by '{self.rank_by}'. {hint}")
        if self.k < 1 or self.seeds < 1:
            raise NearspaceError(f"k and seeds must be at least 1; got {self.k} and {self.seeds}.")
        if self.random_state < 0:
            raise NearspaceError(f"random_state must not be negative; got {self.random_state}.")
        if not 0 < self.test_size < 1:
            raise NearspaceError(f"test_size= must be between 0 and 1; got {self.test_size}.")


@dataclasses.dataclass(frozen=True, eq=False)
class Task(ABC):
    """What a space should be good for, set up on data: a subclass is a file in ``judge/tasks``.

    Whatever the task, a unit of test (an item, a query, a pair) has one number a score.

    Attributes
    ----------
    name : str
        By which it is asked for.
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
    """

    name: ClassVar[str]
    registry: ClassVar[dict[str, type[Task]]] = {}

    dataset: Dataset
    train: Dataset
    test: Dataset
    sample: np.ndarray
    rank_by: str
    protocol: Protocol
    notes: tuple[str, ...]

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

    @abstractmethod
    def evidence(self, encoder: Encoder, reference: Any = None) -> Evidence:
        """Return what a fitted encoder makes of the task's items.

        ``reference`` are the vectors of `sample` whose neighbourhoods should be kept.
        """

    @property
    @abstractmethod
    def scores(self) -> list[Score]:
        """The scores that its evidence may allow."""

    @property
    @abstractmethod
    def groups(self) -> np.ndarray | None:
        """The group of each test unit, where there are groups."""

    @property
    def strata(self) -> np.ndarray | None:
        """The class of each test unit, where the test side has exactly its share of each."""
        return None

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""

    @property
    def tells(self) -> list[Score]:
        """The scores that are of this task alone; of labels first k-NN's, then a linear model's."""
        return [score for score in self.scores if self.name in score.needs]

    def guesses(self) -> dict[str, np.ndarray | float]:
        """Return what guessing gets, by score; nothing where nothing can be guessed."""
        return {score.name: score.guess(self) for score in self.scores if score.guess is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class ItemTask(Task):
    """A task on the items of one dataset, of which some train and the others test.

    Attributes
    ----------
    ranks_by : str
        The score that ranks when nobody says which.
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
    def of(cls, data: Dataset, protocol: Protocol) -> Self:
        """Return the task on a dataset, which is split here.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, or there are too few items for it.
        """
        protocol.check()
        dataset, notes = cls.prepared(data)
        rank_by = protocol.rank_by or cls.ranks_by
        wanted = SCORES[rank_by].needs & Target.registry.keys() - {cls.name}
        if wanted:
            what = "labels" if dataset.target is None else f"labels that are {', '.join(wanted)}"
            raise NearspaceError(f"Ranking by {rank_by} needs {what}, and {data.name} has none.")
        train_at, test_at, split_notes = train_test_split(
            dataset, protocol.test_size, protocol.random_state
        )
        train, test = dataset.take(train_at), dataset.take(test_at)
        if protocol.k >= len(train):
            raise DataError(
                f"{protocol.k} neighbours cannot be found among {len(train)} training items: "
                "lower k or bring more items."
            )
        if len(test) <= NEIGHBOURS_KEPT + 1:
            notes.append(
                f"Neighbours kept cannot be measured: it takes more than {NEIGHBOURS_KEPT} test "
                "items beside the item itself, which does not count, and there are "
                f"{len(test) - 1}."
            )
        if test.groups is not None and (few := len(np.unique(test.groups))) < FEWEST_UNITS:
            notes.append(
                f"The test side has {few} groups, and of fewer than {FEWEST_UNITS} no difference "
                "is taken for real: bring more groups, or a larger share of them to test."
            )
        sample = subsample(len(test), GEOMETRY_ITEMS, protocol.random_state)
        notes = [*data.notes, *notes, *split_notes]
        return cls(dataset, train, test, sample, rank_by, protocol, tuple(notes))

    def evidence(self, encoder: Encoder, reference: Any = None) -> Evidence:
        """Return the vectors of both sides."""
        train = encoder.transform(self.train.items)
        start = time.perf_counter()
        test = encoder.transform(self.test.items)
        seconds = time.perf_counter() - start
        return Evidence(self, encoder, train, test, reference, seconds)

    @property
    def scores(self) -> list[Score]:
        """Those of the target, and those that need none."""
        there = {self.name, "decoder", "reference"}
        return [score for score in SCORES.values() if score.needs <= there]

    @property
    def told(self) -> Score:
        """The score of whatever tells the labels."""
        return next(s for s in SCORES.values() if s.needs == {self.name, "told"})

    @property
    def groups(self) -> np.ndarray | None:
        """The groups of the test items."""
        return self.test.groups

    @property
    def labelled(self) -> bool:
        """Whether there is something to tell of the items."""
        return self.dataset.target is not None

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
            "test": len(self.test),
            **self.labels(),
            "split": self._split_words(),
            "rank_by": self.rank_by,
            "k": protocol.k,
            "metric": "euclidean",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "training fingerprint": self.train.fingerprint,
            "test fingerprint": self.test.fingerprint,
            "intervals": "95 %, bootstrap over test "
            + ("items" if self.groups is None else "groups")
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "scope": "these fitted encoders (one fit each)"
            if protocol.seeds == 1
            else f"{protocol.seeds} fits of each encoder that has a random state",
            "versions": versions(),
        }

    def _split_words(self) -> str:
        if self.dataset.split is not None:
            return "as published"
        if self.dataset.time is not None:
            return f"the latest {self.protocol.test_size:.0%} test"
        whole = "groups and exact duplicates" if self.dataset.groups is not None else "duplicates"
        how = "stratified by label" if self.labelled else "at random"
        return f"{self.protocol.test_size:.0%} test, {how}, {whole} on one side"
