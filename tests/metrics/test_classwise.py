"""Scores of classes against scikit-learn, ties and absent classes too, and the errors they tell."""

import warnings

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from nearspace.metrics.classwise import auc_shares, f1_shares, precision_shares

RNG = np.random.default_rng(0)


def mean_of_classes(shares, classes):
    return np.mean([shares[classes == one].mean() for one in np.unique(classes)])


@pytest.mark.parametrize("n", [7, 300])
@pytest.mark.parametrize("steps", [1, 3, 6, 10**6], ids="{} different".format)
def test_agree_with_scikit_learn_whatever_is_tied(n, steps):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        positive = rng.permutation(np.arange(n) < max(1, n // 6))
        margin = np.floor(steps * rng.random(n) * (0.5 + positive)) - steps / 2
        auc, precision = auc_shares(positive, margin), precision_shares(positive, margin)
        assert mean_of_classes(auc, positive) == pytest.approx(roc_auc_score(positive, margin))
        expected = average_precision_score(positive, margin)
        assert mean_of_classes(precision, positive) == pytest.approx(expected)


def test_macro_f1_agrees_where_a_class_is_never_told_or_never_there():
    cases = [
        (RNG.integers(0, 4, 200), RNG.integers(0, 4, 200)),
        (np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])),  # 2 is told and never there
        (np.array([0, 0, 1, 3]), np.array([0, 0, 0, 0])),
        (np.array(["a", "b"]), np.array(["a", "b"])),
    ]
    for truth, told in cases:
        expected = f1_score(truth, told, average="macro", zero_division=0)
        assert mean_of_classes(f1_shares(truth, told), truth) == pytest.approx(expected)


def test_shares_say_what_more_such_items_would_change():
    """Each is compared with a hundred items of one more copy among them."""
    truth = np.repeat([0, 1], [70, 30])
    told = np.where(RNG.random(100) < 0.7, truth, 1 - truth)
    margin = np.round(RNG.normal(size=100) + truth, 1)
    counts = np.where(truth == 1, 30, 70)
    for shares, score in (
        (f1_shares(truth, told), lambda w: f1_score(truth, told, average="macro", sample_weight=w)),
        (auc_shares(truth == 1, margin), lambda w: roc_auc_score(truth, margin, sample_weight=w)),
        (
            precision_shares(truth == 1, margin),
            lambda w: average_precision_score(truth, margin, sample_weight=w),
        ),
    ):
        whole = score(np.ones(100))
        for at in (0, 13, 69, 70, 99):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                more = score(1 + 1e-5 * (np.arange(100) == at))
            change = (shares[at] - whole) / (2 * counts[at])
            assert change == pytest.approx((more - whole) / 1e-5, abs=1e-5)


def test_the_error_of_the_area_is_delongs():
    """Against the textbook: variances of placement values over their numbers, added."""
    positive, margin = np.arange(90) < 20, RNG.normal(size=90)
    margin[positive] += 1
    pairs = (margin[positive][:, None] > margin[~positive]) * 1.0
    shares = auc_shares(positive, margin)
    expected = pairs.mean(axis=1).var() / 20 + pairs.mean(axis=0).var() / 70
    own = (shares[positive].var() / 20 + shares[~positive].var() / 70) / 4
    assert own == pytest.approx(expected)
