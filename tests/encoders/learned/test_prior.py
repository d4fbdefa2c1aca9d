"""The VAE: its bound, its likelihoods, its warm-up. The AAE: its codes follow the prior."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from nearspace.data import SAMPLES, Image, Vector
from nearspace.encoders.learned.prior import AAE, VAE
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.metrics.similarity import frechet_distance

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return SAMPLES["digits"]().items


@pytest.fixture(scope="module")
def vae(digits):
    return VAE(dim=6, epochs=8, likelihood="bernoulli").fit(digits)


def test_the_bound_is_its_terms_and_survives_saving(vae, digits, tmp_path):
    found = vae.elbo(digits, random_state=0)
    assert found.elbo == pytest.approx(-found.reconstruction - found.kl)
    assert found.bits_per_dimension == pytest.approx(-found.elbo / 64 / math.log(2))
    means = vae.transform(digits)
    assert found.active_dimensions == (means.var(axis=0) > 0.01).sum()
    # Draws move it by little, the same draw by nothing.
    assert vae.elbo(digits, random_state=0) == found
    assert vae.elbo(digits, random_state=1).elbo == pytest.approx(found.elbo, rel=0.01)
    assert load_encoder(vae.save(tmp_path)).elbo(digits, random_state=0) == found


def test_the_bound_against_a_loop_over_items(vae, digits):
    items = digits[:5]
    with torch.no_grad():
        x = torch.from_numpy(items / 255).float().permute(0, 3, 1, 2)
        mean, log_variance = vae.nets_["encoder"](x).chunk(2, dim=1)
    kl = np.mean(
        [
            sum(0.5 * (m * m + math.exp(v) - 1 - v) for m, v in zip(*row, strict=True))
            for row in zip(mean.tolist(), log_variance.tolist(), strict=True)
        ]
    )
    assert vae.elbo(items, random_state=0).kl == pytest.approx(kl, rel=1e-4)
    rng, nll = np.random.default_rng(0), []
    for _ in range(400):  # many draws: their mean is the expectation
        noise = rng.standard_normal(mean.shape)
        z = mean.numpy() + noise * np.exp(log_variance.numpy() / 2)
        p = vae.inverse_transform(z.astype(np.float32)).clip(1e-6, 1 - 1e-6)
        pixels = items / 255
        nll.append(-(pixels * np.log(p) + (1 - pixels) * np.log(1 - p)).sum() / len(items))
    again = [vae.elbo(items, random_state=seed).reconstruction for seed in range(100)]
    assert np.mean(again) == pytest.approx(np.mean(nll), rel=0.02)


def test_the_bound_lies_below_the_likelihood_of_the_truth():
    """Of a Gaussian with a known density, which a linear model would explain exactly."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((3000, 2)) @ rng.standard_normal((2, 8))
    x = truth + 0.5 * rng.standard_normal(truth.shape)
    vae = VAE(dim=2, epochs=15, hidden=(64,)).fit(x[:2000])
    scaled = (x - vae.mean_) / vae.scale_
    exact = PCA(2).fit(scaled[:2000]).score(scaled[2000:])
    found = vae.elbo(x[2000:], random_state=0)
    assert exact - 1.0 < found.elbo < exact + 0.1
    assert found.active_dimensions == 2


def test_the_weight_of_the_divergence_rises_to_beta():
    vae = VAE(beta=4.0, warm_up=0.5)
    assert [vae.loss_weights(done)["kl"] for done in (0.0, 0.25, 0.5, 1.0)] == [0.0, 2.0, 4.0, 4.0]
    assert VAE().loss_weights(0.0)["kl"] == 1.0


def test_a_large_beta_leaves_fewer_dimensions_active(vae, digits):
    strong = VAE(dim=6, epochs=8, beta=5.0).fit(digits)
    loose, tight = vae.elbo(digits, random_state=0), strong.elbo(digits, random_state=0)
    assert tight.active_dimensions < loose.active_dimensions
    assert tight.kl < loose.kl
    # What is reported is not weighted.
    assert strong.history_["terms"]["kl"][-1] == pytest.approx(tight.kl, rel=0.2)


def test_gaussian_pixels_learn_their_variance(digits):
    vae = VAE(dim=6, epochs=8, likelihood="gaussian").fit(digits)
    decoded = vae.inverse_transform(vae.transform(digits))
    assert 0 <= decoded.min() <= decoded.max() <= 1
    variance = float(vae.nets_["variance"].value)
    error = np.square(decoded - digits / 255).mean()
    assert 0.7 * error < variance < 2 * error
    found = vae.elbo(digits, random_state=0)
    ideal = 32 * math.log(2 * math.pi * math.e * error)
    assert ideal < found.reconstruction < ideal + 15


def test_kinds_have_their_likelihood(digits):
    assert "variance" not in _built(VAE(), Image((8, 8, 1)), (1, 8, 8))
    assert "variance" in _built(VAE(), Vector(5), (5,))
    with pytest.raises(DataError, match="likelihood='bernoulli' is of values in"):
        make("vae(likelihood='bernoulli')").fit(SAMPLES["wine"]().items)
    with pytest.raises(ValueError, match="'likelihood' parameter of VAE must be"):
        make("vae(likelihood='poisson')").fit(digits)


def _built(vae, kind, shape):
    vae.kind_, vae.shape_ = kind, shape
    return vae.build()


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
