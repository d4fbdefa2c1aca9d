"""Telling classes: every item has a label of which there are several."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from nearspace.data import Classes, Dataset
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.task import ItemTask

__all__ = ["TellClasses"]

# So many times as many test items of the commonest class as of the rarest are uneven.
UNEVEN = 2
# Whole numbers that are so many different ones, and so large a share of the items, may be amounts.
MANY, MANY_SHARE = 20, 0.1


class TellClasses(ItemTask):
    """Which class an item is of, told from its neighbours or by a linear model."""

    name = "classes"
    ranks_by = "knn"

    @classmethod
    def prepared(cls, dataset: Dataset) -> tuple[Dataset, list[str]]:
        """Return a dataset with its labels as classes."""
        if dataset.target is None:
            raise DataError(
                f"{dataset.name} has no labels to tell: sort files into a subfolder for each "
                "class, or name the column (load(…, labels=…), --labels)."
            )
        target, notes = Classes(dataset.target.values), []
        if target.values.dtype.kind in "iu" and target.width > max(MANY, MANY_SHARE * len(target)):
            notes.append(
                f"The labels are {target.width:,} different whole numbers, taken for classes; if "
                "they are amounts, ask for task='numbers'."
            )
        return dataclasses.replace(dataset, target=target), notes

    @classmethod
    def ranking(cls, test: Dataset) -> str:
        """Return balanced accuracy where the classes are uneven, else accuracy."""
        assert test.target is not None
        counts = np.bincount(test.target.strata)
        return "knn_balanced" if counts.max() > UNEVEN * counts.min() else cls.ranks_by

    def ranking_notes(self, what: str) -> list[str]:
        """Return that balanced accuracy ranks rows, which are called so, and why."""
        if self.protocol.rank_by is not None or self.rank_by == self.ranks_by:
            return []
        test: Any = self.asked.target
        counts = np.bincount(test.strata)
        common, rare = (test.classes[at] for at in (counts.argmax(), counts.argmin()))
        return [
            f"The classes are uneven: of the test items {counts.max():,} are '{common}' and "
            f"{counts.min():,} '{rare}'. So {what} are ranked by balanced accuracy, to which every "
            "class adds the same."
        ]

    @classmethod
    def of(cls, data: Dataset, protocol: Protocol) -> Self:
        """Return the task on a dataset, of whose test labels training has some."""
        task = super().of(data, protocol)
        train, test = task.targets
        if not np.isin(test.values, train.values).any():
            raise DataError(
                f"{data.name}: no test item has a label that a training item has (such as "
                f"'{test.texts[0]}' against '{train.texts[0]}')."
            )
        if task.rank_by not in [score.name for score in task.scores]:
            raise NearspaceError(
                f"Ranking by {task.rank_by} needs two classes, both on either side of the split, "
                f"and {data.name} has {train.width} to learn from and {test.width} to tell."
            )
        return task

    @property
    def tells_two(self) -> bool:
        """Whether there are two classes, and both sides have both, of every fold."""
        if self.folds:
            return all(fold.task.tells_two for fold in self.folds)
        sides = [target.classes.tolist() for target in self.targets]  # type: ignore[attr-defined]
        return len(sides[0]) == 2 and sides[0] == sides[1]

    @property
    def classes(self) -> np.ndarray:
        """The number of each test item's class."""
        assert self.asked.target is not None
        return self.asked.target.strata

    @property
    def strata(self) -> np.ndarray | None:
        """The class of each test item, where each has its share of them but for rounding."""
        if self.groups is not None:
            return None
        if self.folds and self.dataset.target is not None:
            return self.dataset.target.values  # every item tests
        train, test = (target.values for target in self.targets)
        everything = Classes(np.concatenate([train, test]))
        counts = np.bincount(everything.strata[len(train) :], minlength=everything.width)
        shares = np.bincount(everything.strata) * len(test) / len(everything)
        return test if (np.abs(counts - shares) < 1).all() else None

    def labels(self) -> dict[str, Any]:
        """Return how many classes there are among the test items."""
        assert self.asked.target is not None
        return {"classes": len(np.unique(self.asked.target.values))}
