"""Random kernels beside a loop that slides them; steps behind the end of a series never count."""

import numpy as np
import pytest

from nearspace.data import load
from nearspace.encoders.base import Encoder
from nearspace.encoders.handmade.rocket import LEAST_SPREAD, SHARPNESS, TAPS, Rocket


def uneven(lengths, channels=3, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(channels, n)).cumsum(1).astype(np.float32) for n in lengths]


def naive(rocket, series):
    """Return shares and strongest answers of the kernels, each slid along one series."""
    mean, scale = rocket.input_mean_[:-1].astype(float), rocket.input_scale_[:-1].astype(float)
    scaled, n = (series - mean) / scale, series.shape[1]
    shares, strongest = [], []
    for weights, bias, dilation, margin in zip(
        rocket.weights_, rocket.biases_, rocket.dilations_, rocket.margins_, strict=True
    ):
        answers = []
        for step in range(margin, n - margin) if n > 2 * margin else range(n):
            at = step + (np.arange(TAPS) - TAPS // 2) * dilation
            inside = (at >= 0) & (at < n)
            answers.append((weights[:, inside] * scaled[:, at[inside]]).sum() + bias)
        shares.append(np.clip(np.array(answers) * SHARPNESS + 0.5, 0, 1).mean())
        strongest.append(max(answers))
    return np.array([*shares, *strongest])


def test_features_are_those_of_a_loop():
    items = uneven([40, 1, 7, 40, 33, 90, 2])
    rocket = Rocket(n_kernels=60).fit(items)
    assert {1, 2} <= set(rocket.dilations_.tolist())
    assert (rocket.margins_ == 0).any()
    assert 2 * rocket.margins_.max() >= 7  # kernels that some of the series are too short for
    rows = np.array([naive(rocket, item) for item in items])
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), LEAST_SPREAD)
    np.testing.assert_allclose(rocket.transform(items), (rows - mean) / scale, atol=2e-3)


def test_kernels_are_those_of_the_paper():
    rocket = Rocket(n_kernels=900).fit(uneven([150] * 5, channels=8))
    sizes = (rocket.weights_ != 0).any(axis=1).sum(axis=1)
    assert {7, 9, 11} == set(sizes.tolist())
    channels = (rocket.weights_ != 0).any(axis=2).sum(axis=1)
    assert channels.min() == 1
    assert channels.max() == 8
    np.testing.assert_allclose(rocket.weights_.sum(axis=2), 0, atol=1e-5)
    assert np.abs(rocket.biases_).max() <= 1
    assert 0.45 < (rocket.margins_ == 0).mean() < 0.55
    assert set(rocket.dilations_.tolist()) == {1, 2, 4, 8, 16}  # of 149 steps
    assert (rocket.dilations_ * (sizes - 1) <= 149).all()


def test_zeros_behind_the_end_are_not_the_end():
    """What a batch is filled up with changes nothing, and zeros that are there do."""
    short, long = uneven([30, 80])
    rocket = Rocket(n_kernels=80).fit([short, long])
    alone, beside = rocket.transform([short])[0], rocket.transform([long, short])[1]
    np.testing.assert_allclose(alone, beside, atol=1e-5)
    filled = np.pad(short, ((0, 0), (0, 50)))
    assert np.abs(rocket.transform([filled])[0] - alone).max() > 0.1


def test_a_constant_series_and_one_of_another_scale_are_finite():
    items = [*uneven([20] * 4), np.full((3, 20), 7, np.float32), np.zeros((3, 1), np.float32)]
    for factor in (1e-6, 1e6):
        scaled = [item * np.float32(factor) for item in items]
        vectors = Rocket(n_kernels=30).fit_transform(scaled)
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(vectors, Rocket(n_kernels=30).fit_transform(items), atol=1e-2)


def test_other_kernels_by_another_random_state_and_the_same_once_saved():
    items = load("gestures").items[:40]
    rocket = Rocket(n_kernels=20, random_state=1).fit(items)
    assert not np.array_equal(rocket.weights_, Rocket(n_kernels=20).fit(items).weights_)
    again = Encoder.parse(rocket.dump(), "memory")
    np.testing.assert_array_equal(again.transform(items), rocket.transform(items))


@pytest.mark.data
def test_published_classes_are_told(public_data):
    """Of GunPoint more than 98 % by logistic regression, as the judge's probe tells them."""
    from nearspace.metrics.labels import probe_scores

    sides = []
    for side in ("TRAIN", "TEST"):
        data = load(public_data / f"series/GunPoint/GunPoint_{side}.ts.gz")
        sides.append((data.items, data.target.values))
    (train, labels), (test, wanted) = sides
    rocket = Rocket(n_kernels=600).fit(train)
    told = probe_scores(rocket.transform(train), labels, rocket.transform(test), wanted)
    assert told.mean() >= 0.98
