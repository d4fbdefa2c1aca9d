"""What encoders cost: expected beforehand, ordered by, measured in rounds, chosen by."""

import time

import numpy as np
import pytest

from nearspace.data import SAMPLES, load
from nearspace.encoders.learned.learned import Learned
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.cost import Cost, choose_by_cost, effort_of, expect, with_latencies
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.judge.usual import USUAL


@pytest.mark.trains
def test_the_estimate_is_of_the_right_order():
    random = np.random.default_rng(0)
    labels = np.arange(9000) % 3
    items = random.normal(size=(9000, 40)) + labels[:, None]
    task = set_task(load(items.astype(np.float32), labels=labels), Protocol())
    encoder = make("autoencoder(dim=4, epochs=5)")
    expected = expect(encoder, task)
    start = time.perf_counter()
    encoder.fit(task.train.items)
    actual = time.perf_counter() - start
    assert actual / 6 < expected.seconds < 6 * actual  # judging included; the machine is shared
    assert expected.epochs == (5,)
    assert expected.training > expected.rest
    # What is imported when it is first used does not count once an item.
    assert expect(make("raw | pca(dim=3) | l2"), task).seconds < expected.seconds
    tripled = expect(encoder, set_task(task.dataset, Protocol(seeds=3)))
    assert tripled.seconds > expected.seconds


@pytest.mark.parametrize("kind", ["image", "vector", "text", "table"])
def test_effort_ranks_what_is_usual(kind):
    usual = USUAL[kind]
    effort = {spec: effort_of(make(spec), 1000) for spec in usual.specs(labelled=True)}
    trained = [spec for spec in effort if any(isinstance(p, Learned) for p in make(spec).parts)]
    assert max(effort[spec] for spec in effort if spec not in trained) < min(
        effort[spec] for spec in trained
    )
    if kind == "image":
        ranked = sorted(effort, key=effort.__getitem__)
        assert ranked[-6:] == ["bovw", "mlp", "cnn", "autoencoder", "vae", "simclr"]


def test_effort_counts_the_epochs_that_are_asked_for():
    few, many = (effort_of(make(f"mlp(epochs={epochs})"), 1000) for epochs in (2, 20))
    assert many == 10 * few


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
    assert choose_by_cost([told, cost(low=1e-5)], [0.5, 0.6]) == 1  # as quick, as small, and better


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
    assert choose_by_cost(costs, scores) == chosen
