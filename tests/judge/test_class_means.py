"""Means of the means of classes: their intervals and verdicts hold, however rare a class is."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from nearspace.judge.means import Means
from nearspace.judge.statistics import compare_to_base, compare_to_best, interval
from nearspace.judge.table import ScoreTable
from nearspace.metrics.classwise import auc_shares, f1_shares, precision_shares

UNEVEN = [
    ((200, 20), (0.95, 0.7)),
    ((200, 5), (0.95, 0.7)),
    ((200, 2), (0.9, 0.5)),
    ((400, 60), (0.97, 0.25)),
    ((100, 50, 10), (0.9, 0.8, 0.6)),
    ((30, 1, 1, 1, 1, 1, 1), (0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7)),
]


@pytest.mark.parametrize(("counts", "rates"), UNEVEN, ids=str)
def test_intervals_hold(counts, rates):
    """A thousand encoders that are equally good, each with an interval of its own."""
    classes = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(0)
    scores = (rng.random((1000, 1, len(classes))) < np.asarray(rates)[classes]) * 1.0
    low, high = interval(scores, classes=classes)
    assert np.isfinite([low, high]).all()
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert ((low <= np.mean(rates)) & (np.mean(rates) <= high)).mean() > 0.94


def test_intervals_hold_over_groups():
    """Forty groups of ten items, alike within, each mostly of one class."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    classes = (rng.random(400) < np.repeat(rng.random(40) < 0.3, 10) * 0.6 + 0.1) * 1
    effect = np.repeat(rng.normal(size=(600, 40)), 10, axis=1)
    scores = (0.8 * effect + rng.normal(size=effect.shape) < np.array([1.2, 0.3])[classes]) * 1.0
    many = 0.8 * rng.normal(size=10**6) + rng.normal(size=10**6)
    truth = np.mean([(many < 1.2).mean(), (many < 0.3).mean()])
    held = [
        np.mean((low <= truth) & (truth <= high))
        for low, high in (interval(scores[:, None], by, classes=classes) for by in (groups, None))
    ]
    assert 0.93 < held[0] < 0.99
    assert held[1] < held[0] - 0.05, "items of a group are no evidence of their own"


@pytest.mark.parametrize(("counts", "rates"), [UNEVEN[0], UNEVEN[3], UNEVEN[4]], ids=str)
def test_equal_encoders_are_tied(counts, rates):
    classes = np.repeat(np.arange(len(counts)), counts)
    accused = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        alike = rng.random(len(classes))
        own = rng.random((4, len(classes)))
        luck = np.where(rng.random(own.shape) < 0.5, alike, own)
        scores = ((luck < np.asarray(rates)[classes]) * 1.0)[:, None]
        accused += not compare_to_best(scores, classes=classes).tied.all()
    assert accused / 120 < 0.1


def test_two_items_of_a_rare_class_settle_nothing_and_two_hundred_do():
    for rare, settled in ((2, False), (200, True)):
        classes = np.repeat([0, 1], [200, rare])
        scores = np.ones((2, 1, len(classes)))
        scores[1, 0, classes == 1] = 0
        scores[0, 0, :4] = scores[1, 0, 4:8] = 0  # on common items they are equally good
        to = compare_to_best(scores, classes=classes)
        assert to.difference[1] < -0.4
        assert to.tied[1] != settled
        gain, low = compare_to_base(scores, scores[1], classes=classes)
        assert gain[0] > 0.4
        assert (low[0] > 0) == settled


def test_the_mean_is_balanced_accuracy_and_even_classes_change_little():
    rng = np.random.default_rng(0)
    truth = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05])
    told = np.where(rng.random((3, 300)) < 0.7, truth, rng.integers(0, 4, (3, 300)))
    values = ((told == truth) * 1.0)[:, None]
    means = [estimate.value for estimate in ScoreTable(values, None, 0, classes=truth).estimates()]
    assert means == pytest.approx([balanced_accuracy_score(truth, row) for row in told])
    # An item that is NaN for all has no part, and a class that is gone with it has none.
    holes = np.where(truth == 3, np.nan, values)
    assert Means.of(holes, None, truth).values == pytest.approx(
        [np.mean([row[truth == one].mean() for one in range(3)]) for row in values[:, 0]]
    )
    even = np.arange(300) % 3
    plain, by_class = interval(values), interval(values, classes=even)
    np.testing.assert_allclose(np.subtract(*plain), np.subtract(*by_class), rtol=0.06)
    several = np.repeat(values, 3, axis=1)
    assert ScoreTable(several, None, 0, classes=truth).estimates()[0].value == means[0]


@pytest.mark.parametrize("score", ["auc", "precision", "f1"])
def test_intervals_hold_for_scores_that_are_no_means(score):
    """Of 120 items and 40 that are looked for; the truth is that of a very large sample."""
    rng = np.random.default_rng(0)

    def shares(n, rare):
        positive = np.arange(n + rare) < rare
        margin = rng.normal(size=n + rare) + 1.2 * positive
        if score == "f1":
            return f1_shares(positive, margin > 1.0), positive
        return {"auc": auc_shares, "precision": precision_shares}[score](positive, margin), positive

    large, positive = shares(300_000, 100_000)
    truth = (large[positive].mean() + large[~positive].mean()) / 2
    samples = [shares(120, 40) for _ in range(600)]
    low, high = interval(np.stack([s for s, _ in samples])[:, None], classes=samples[0][1])
    assert 0.925 < ((low <= truth) & (truth <= high)).mean() < 0.985
