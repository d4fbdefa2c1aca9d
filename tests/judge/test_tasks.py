"""Tasks: what data bring decides which, a name overrules it, and another is a class."""

import dataclasses

import numpy as np
import pytest
from tests.one_part import compare

from nearspace.data import SAMPLES, Classes, Dataset, Numbers, Vector, load
from nearspace.errors import NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.layers import compare_layers
from nearspace.judge.studies.transfer import transfer
from nearspace.judge.task import ItemTask, Task
from nearspace.judge.tasks import set_task

RANDOM = np.random.default_rng(0)
ITEMS = RANDOM.normal(size=(160, 5))
PRICES = np.rint(1000 * ITEMS[:, 0] + 50 * RANDOM.normal(size=160)).astype(int)


def test_what_the_data_bring_decides_the_task():
    def brought(labels):
        return set_task(load(ITEMS, labels=labels), Protocol()).name

    assert brought(np.arange(160) % 3) == "classes"
    assert brought(ITEMS[:, 0]) == "numbers"
    assert brought(None) == brought(np.zeros(160)) == brought(np.full(160, 0.5)) == "unlabelled"
    with pytest.raises(NearspaceError, match="no task for data of type list"):
        set_task([1, 2], Protocol())


@pytest.mark.trains
def test_a_name_overrules_what_the_data_bring():
    data = load(ITEMS, labels=PRICES)
    assert any("task='numbers'" in note for note in set_task(data, Protocol()).notes)
    board = compare(data, encoders=["pca(dim=2)"], task="numbers")
    assert board.protocol["task"] == "numbers"
    raw = next(row for row in board.results if row.spec == "raw")
    assert raw.scores["ridge_r2"].value > 0.95
    assert raw.scores["knn_r2"].value > 0.5
    assert set_task(data, Protocol(), "unlabelled").train.target is None
    layers = compare_layers(data, "mlp(epochs=20)", task="numbers")
    assert layers.label() == "5-NN R²"
    found = transfer(data, "raw", task="numbers", labelled=[60], seeds=2)
    assert found.rows[0].score.value > 0.9
    with pytest.raises(NearspaceError, match=r"no task 'number'\. Did you mean 'numbers'"):
        compare(data, task="number")
    with pytest.raises(NearspaceError, match="got text"):
        compare(SAMPLES["customers"](), task="numbers")
    with pytest.raises(NearspaceError, match="has no labels to tell"):
        compare(ITEMS, task="classes")


def test_data_come_first_and_may_be_plain():
    labels = np.where(ITEMS[:, 0] > 0, "high", "low")
    for data, y in ((ITEMS, labels), (load(ITEMS), labels), (load(ITEMS, labels=labels), None)):
        board = compare(data, y, encoders=["pca(dim=2)"])
        assert board.protocol["classes"] == 2
    task = set_task(load(ITEMS, labels=labels), Protocol(k=3))
    assert compare(task, encoders=["raw"]).protocol["k"] == 3


class Halves(ItemTask):
    """Whether the first number of an item is below zero, whatever the labels are."""

    name = "halves"
    ranks_by = "preservation"

    @classmethod
    def suits(cls, data):
        """Never, unless asked for."""
        return False

    @classmethod
    def prepared(cls, dataset):
        """Return the dataset as it is, with a note."""
        return dataclasses.replace(dataset, target=None), ["Only a half is judged."]

    def labels(self):
        """Return nothing."""
        return {}

    @property
    def groups(self):
        """Every two items are one unit."""
        return np.arange(len(self.test)) // 2


def test_another_task_is_one_class():
    try:
        board = compare(ITEMS, task="halves", encoders=["pca(dim=4)"])
    finally:
        del Task.registry["halves"]
    assert board.protocol["task"] == "halves"
    assert board.protocol["intervals"].startswith("95 %, bootstrap over test groups")
    assert "Only a half is judged." in board.notes
    assert {row.verdict for row in board.results} == {"reference", "best", "worse"}


def test_a_target_given_by_its_class_is_taken_as_it_is():
    whole = Dataset(ITEMS, Vector(5), target=Numbers(PRICES))
    assert set_task(whole, Protocol()).name == "numbers"
    cut = Dataset(ITEMS, Vector(5), target=Classes(np.round(ITEMS[:, 0])))
    assert set_task(cut, Protocol()).name == "classes"


def test_wide_items_without_labels_are_judged():
    # Vectors that are wide and few are turned into fewer dimensions where only they are compared.
    wide = np.random.default_rng(0).normal(size=(160, 2000)).astype(np.float32)
    board = compare(wide, encoders=["raw"])
    assert not board.failures
