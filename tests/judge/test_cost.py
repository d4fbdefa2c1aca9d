"""The time estimate: nothing for small data, of the right order for data that takes its time."""

import time

import numpy as np
import pytest

from nearspace.data import SAMPLES, load
from nearspace.encoders.spec import make_many
from nearspace.judge.cost import estimate_seconds
from nearspace.judge.task import Protocol
from nearspace.judge.tasks import set_task


def test_small_data_is_not_piloted():
    task = set_task(SAMPLES["digits"](), Protocol())
    assert estimate_seconds(make_many("raw, pca"), task) == 0


@pytest.mark.trains
def test_is_of_the_right_order_and_passes_over_what_fails():
    random = np.random.default_rng(0)
    labels = np.arange(9000) % 3
    items = random.normal(size=(9000, 40)) + labels[:, None]
    task = set_task(load(items.astype(np.float32), labels=labels), Protocol())
    encoders = make_many("autoencoder(dim=4, epochs=5)")
    estimated = estimate_seconds([*encoders, *make_many("tfidf")], task)
    start = time.perf_counter()
    encoders[0].fit(task.train.items)
    actual = time.perf_counter() - start
    assert actual / 6 < estimated < 6 * actual  # judging included, and the machine is shared
    tripled = estimate_seconds(encoders, set_task(task.dataset, Protocol(seeds=3)))
    assert tripled > estimated
