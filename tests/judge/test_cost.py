"""The time estimate: nothing for small data, of the right order for data that takes its time."""

import time

import numpy as np
import pytest

from nearspace.data import SAMPLES, load
from nearspace.encoders.spec import make, make_many
from nearspace.errors import NearspaceError
from nearspace.judge.cost import Cost, cheapest, estimate_seconds, with_latencies
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


class Slow:
    """An encoder that takes its time, now and then a lot more."""

    def __init__(self, seconds, stalls=0.0):
        self.seconds, self.stalls, self.calls = seconds, stalls, 0

    def transform(self, items):
        self.calls += 1
        time.sleep(self.seconds + self.stalls * (self.calls % 3 == 0))


def cost(size=100.0, low=float("nan")):
    return Cost(1.0, 1.0, low, size, low, low)


def test_latencies_are_quartiles_of_rounds_over_all():
    wine = SAMPLES["wine"]()
    encoders = {"quick": Slow(1e-4), "stalling": Slow(1e-4, 0.02), "slow": Slow(5e-3)}
    told = with_latencies(dict.fromkeys(encoders, cost()), encoders.__getitem__, wine)
    assert {encoder.calls for encoder in encoders.values()} == {27}  # two of them warm up
    for one in told.values():
        assert one.latency_low <= one.latency_seconds <= one.latency_high
    assert told["stalling"].latency_high > 0.02  # the spread tells
    assert told["stalling"].latency_low < 5e-3 <= told["slow"].latency_low
    assert told["quick"].bytes_per_vector == 100


def test_a_pipe_is_never_quicker_than_what_it_begins_with():
    wine = SAMPLES["wine"]()
    encoders = {"raw | l2": make("raw | l2").fit(wine.items), "raw": Slow(8e-3)}
    told = with_latencies(dict.fromkeys(encoders, cost()), encoders.__getitem__, wine)
    assert told["raw | l2"].latency_seconds == told["raw"].latency_seconds >= 8e-3


def test_latencies_that_cannot_be_measured_are_none():
    def gone(spec):
        raise NearspaceError("It is gone.")

    (told,) = with_latencies({"a": cost()}, gone, SAMPLES["wine"]()).values()
    assert np.isnan(told.latency_seconds)
    assert cheapest([told, cost(low=1e-5)], [0.5, 0.6]) == 1  # as quick, as small, and better


@pytest.mark.parametrize(
    ("lows", "sizes", "scores", "chosen"),
    [
        ((2e-5, 9e-4), (256, 128), (0.9, 0.8), 1),  # nobody feels a millisecond: the smaller
        ((2e-5, 9e-4), (128, 128), (0.76, 0.81), 1),  # as small: the better
        ((9e-4, 2e-5), (128, 128), (0.8, 0.8), 0),  # all equal: the first
        ((2e-5, 5e-3), (256, 64), (0.7, 0.9), 0),  # milliseconds are felt
        ((0.030, 0.055), (256, 64), (0.9, 0.9), 1),  # within a factor of two
    ],
)
def test_the_star_goes_by_what_is_felt_then_size_then_score(lows, sizes, scores, chosen):
    costs = [cost(size, low) for low, size in zip(lows, sizes, strict=True)]
    assert cheapest(costs, scores) == chosen
