"""Telling numbers: every item has one, on a scale."""

from __future__ import annotations

import dataclasses
from typing import Any

from nearspace.data import Dataset, Numbers
from nearspace.errors import DataError
from nearspace.judge.task import ItemTask

__all__ = ["TellNumbers"]


class TellNumbers(ItemTask):
    """Which number an item has, told from its neighbours or by a linear model."""

    name = "numbers"
    ranks_by = "knn_r2"

    @classmethod
    def prepared(cls, dataset: Dataset) -> tuple[Dataset, list[str]]:
        """Return a dataset with its labels as numbers."""
        if dataset.target is None:
            raise DataError(
                f"{dataset.name} has no labels to tell: name the column with the numbers "
                "(load(…, labels=…), --labels)."
            )
        return dataclasses.replace(dataset, target=Numbers(dataset.target.values)), []

    def labels(self) -> dict[str, Any]:
        """Return between which numbers those of the test items lie."""
        values = self.targets[1].values
        return {"labels": f"numbers from {values.min():.4g} to {values.max():.4g}"}
