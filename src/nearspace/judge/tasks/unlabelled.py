"""Keeping neighbours: items without labels, or all with the same."""

from __future__ import annotations

import dataclasses
from typing import Any

from nearspace.data import Dataset
from nearspace.judge.task import ItemTask
from nearspace.judge.usual import USUAL

__all__ = ["Unlabelled"]


class Unlabelled(ItemTask):
    """How many of an item's neighbours in the plain input are its neighbours in the space."""

    name = "unlabelled"
    ranks_by = "preservation"

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether there is nothing to tell of the items of a dataset."""
        return isinstance(data, Dataset) and (data.target is None or not data.target.varies)

    @classmethod
    def prepared(cls, dataset: Dataset) -> tuple[Dataset, list[str]]:
        """Return a dataset without labels."""
        notes = []
        if dataset.target is not None and not dataset.target.varies:
            whose = "All items" if dataset.labelled is None else "All items that have a label"
            notes.append(
                f"{whose} have the label '{dataset.target.texts[0]}', so it is judged without "
                "labels."
            )
        if dataset.target is None or notes:
            notes.append(
                "There are no labels: encoders are ranked by how many of an item's nearest "
                f"neighbours in {USUAL[dataset.kind.name].reference} they keep, not by how well "
                "they tell classes apart."
            )
        return dataclasses.replace(dataset, target=None), notes

    def labels(self) -> dict[str, Any]:
        """Return that there is none."""
        return {"classes": None}
