"""The adversarial autoencoder: its codes follow the prior, so what is drawn decodes to items."""

import numpy as np
import pytest

from nearspace.data import SAMPLES
from nearspace.encoders.learned.adversarial import AAE
from nearspace.metrics.similarity import frechet_distance

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return SAMPLES["digits"]().items


@pytest.fixture(scope="module")
def aae(digits):
    return AAE(dim=4, epochs=15).fit(digits)


def test_codes_follow_the_prior_and_without_the_game_they_do_not(aae, digits):
    free = AAE(dim=4, epochs=5, weight=0.0).fit(digits)
    prior = aae.sample(len(digits), random_state=0)
    distance = frechet_distance(aae.transform(digits), prior)
    assert distance < 0.5
    assert distance < 0.1 * frechet_distance(free.transform(digits), prior)


def test_draws_decode_to_items(aae, digits):
    pixels = digits.reshape(len(digits), -1) / 255
    made = aae.inverse_transform(aae.sample(len(digits), random_state=0)).reshape(len(digits), -1)
    assert 0 <= made.min() <= made.max() <= 1
    grey = np.random.default_rng(0).permuted(pixels, axis=0)  # each pixel from another digit
    assert frechet_distance(made, pixels) < 0.7 * frechet_distance(grey, pixels)


def test_the_game_goes_to_its_end_and_tells_its_terms(aae):
    history = aae.history_
    assert (history["stopped"], history["best_epoch"]) == ("epochs", 15)
    assert set(history["terms"]) == {"reconstruction", "deception", "discrimination"}
    # A discriminator that has won knows all and pays nothing; one that has lost pays 2 log 2.
    assert 0.2 < history["terms"]["discrimination"][-1] < 1.5


def test_vectors_in_odd_units_are_no_different():
    wine = SAMPLES["wine"]().items[:60]
    one, other = (AAE(dim=3, epochs=3).fit(x).transform(x) for x in (wine, 1000.0 * wine - 5))
    np.testing.assert_allclose(one, other, atol=1e-2)


def test_draws_repeat_by_their_random_state(aae):
    np.testing.assert_array_equal(aae.sample(3, random_state=5), aae.sample(3, random_state=5))
    assert aae.sample(3, random_state=5).shape == (3, 4)
