"""Telling classes: every item has a label of which there are several."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from nearspace.data import Classes, Dataset
from nearspace.errors import DataError
from nearspace.judge.task import ItemTask, Protocol

__all__ = ["TellClasses"]

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
                "they are amounts, ask for task='numbers' (--task numbers)."
            )
        return dataclasses.replace(dataset, target=target), notes

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
        return task

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
        return {"classes": len(np.unique(self.targets[1].values))}
