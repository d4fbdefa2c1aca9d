"""What a test can tell apart, and how many items would settle a pair: by simulation."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from nearspace.judge.power import items_to_settle, visible_gap
from nearspace.judge.table import ScoreTable

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "folds.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_of_folds", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(scores, **how):
    return ScoreTable(np.asarray(scores, dtype=float), how.pop("groups", None), 0, **how)


def test_a_gap_that_is_told_is_seen_in_about_four_of_five_repetitions(benchmark):
    _, at_gap, count, settled = benchmark.power(225, 2, 0.8, 60)
    assert 0.55 < at_gap < 0.95
    assert count > 300
    assert 0.65 < settled < 0.95


def test_rows_that_are_the_same_do_not_hide_how_few_items_there_are():
    right = (np.random.default_rng(0).random((1, 1, 449)) < 0.98) * 1.0
    gap = visible_gap(table(np.concatenate([right, right])))
    assert gap == pytest.approx((1.96 + 0.84) ** 2 / (449 + (1.96 + 0.84) ** 2), rel=0.01)


def test_twice_the_gap_takes_a_quarter_of_the_items():
    random = np.random.default_rng(0)
    noise = random.normal(size=(2, 1, 400))
    noise -= noise.mean(axis=2, keepdims=True)
    counts = [
        items_to_settle(table(noise + np.array([gap, 0.0])[:, None, None], bounded=False), 0, 1)
        for gap in (0.1, 0.2)
    ]
    assert counts[0] == pytest.approx(4 * counts[1], rel=0.05)


def test_items_are_counted_in_groups_of_their_sizes():
    random = np.random.default_rng(0)
    common = np.repeat(random.normal(size=(2, 1, 20)), 10, axis=2)
    scores = common + 0.3 * random.normal(size=(2, 1, 200)) + np.array([0.5, 0])[:, None, None]
    alone = items_to_settle(table(scores, bounded=False), 0, 1)
    grouped = items_to_settle(table(scores, bounded=False, groups=np.arange(200) // 10), 0, 1)
    assert grouped > 4 * alone


def test_nothing_is_told_where_nothing_can_be():
    same = np.ones((2, 1, 30))
    assert items_to_settle(table(same), 0, 1) is None
    assert visible_gap(table(np.ones((1, 1, 30)))) is None
    assert visible_gap(table(np.ones((2, 1, 1)))) is None
    random = np.random.default_rng(0)
    fits = random.normal(size=(2, 3, 1)) + 0.01 * random.normal(size=(2, 3, 50))
    assert items_to_settle(table(fits, bounded=False), 0, 1) is None


def test_rows_that_hardly_differ_do_not_hide_how_few_items_there_are():
    scores = np.ones((2, 1, 40))
    scores[1, 0, 0] = 0
    assert 0.1 < visible_gap(table(scores)) < 0.25


@pytest.mark.parametrize("name", ["classes, easy", "classes, hard", "numbers"])
def test_intervals_in_folds_hold(benchmark, name):
    learners = {n: benchmark.LEARNERS[n] for n in ("k-NN", "linear")}
    shares = benchmark.coverage(60, 1, 80, learners, (("k-NN", "linear"),), **benchmark.TASKS[name])
    assert all(here > 0.86 for here, *_ in shares.values()), shares


def test_verdicts_in_folds_are_seldom_wrong(benchmark):
    worse, star = benchmark.false_calls(60, 1, 60, **benchmark.TASKS["classes, hard"])
    assert worse < 0.15
    assert star < 0.15
