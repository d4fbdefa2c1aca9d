"""Learned encoders of series and sounds: lengths, steps that are hidden, and what is decoded."""

import numpy as np
import pytest
import torch

from nearspace.encoders.spec import make
from nearspace.encoders.state import Weights
from nearspace.errors import DataError


@pytest.fixture(scope="module")
def waves():
    """Forty sines of three speeds and 20 to 59 steps, of one channel."""
    steps = [np.arange(20 + at, dtype=np.float32) for at in range(40)]
    return [np.sin(each * (0.2 + 0.2 * (at % 3)))[None] for at, each in enumerate(steps)]


SPECS = ["autoencoder(dim=6, epochs=2)", "vae(dim=4, body='gru', epochs=2)", "simclr(epochs=1)"]


@pytest.mark.trains
@pytest.mark.parametrize("spec", [*SPECS, "next_step(dim=8, epochs=1)"])
def test_items_longer_and_shorter_than_any_before_have_vectors(spec, waves):
    encoder = make(spec).fit(waves)
    others = [np.ones((1, 1), np.float32), waves[0][:, :8], np.zeros((1, 500), np.float32)]
    vectors = encoder.transform([*waves, *others])
    assert np.isfinite(vectors).all()
    for row, item in enumerate(others, start=len(waves)):
        alone = encoder.transform([item])[0]
        assert np.linalg.norm(alone - vectors[row]) <= 1e-4 * np.linalg.norm(alone)


@pytest.mark.trains
def test_what_is_decoded_is_as_long_as_the_item(waves):
    encoder = make("autoencoder(dim=6, epochs=3)").fit(waves)
    decoded = encoder.inverse_transform(encoder.transform(waves))
    off = [abs(one.shape[1] - other.shape[1]) for one, other in zip(decoded, waves, strict=True)]
    assert np.mean(off) < 4  # of 20 to 59 steps, 10 of which they are off by in the mean
    assert all(item.shape[0] == 1 for item in decoded)


@pytest.mark.trains
@pytest.mark.parametrize("spec", ["denoising(epochs=1)", "masked(epochs=1, patch=5, ratio=0.6)"])
def test_what_is_corrupted_is_as_long_as_it_was(spec, waves):
    given, restored = make(spec).fit(waves).restore(waves, random_state=0)
    assert [item.shape for item in given] == [item.shape for item in waves]
    assert len(restored) == len(waves)
    same = np.mean([np.isclose(g, w, atol=1e-5).mean() for g, w in zip(given, waves, strict=True)])
    assert same < 0.01 if "denoising" in spec else 0.3 < same < 0.6


@pytest.mark.trains
def test_a_decoded_sound_has_the_spectrogram_that_was_decoded(samples):
    vowels = samples["audio"]
    encoder = make("autoencoder(dim=16, epochs=3)").fit(vowels.items)
    vectors = encoder.transform(vowels.items[:5])
    with torch.no_grad():
        raw = encoder.kind_.values(encoder.nets_["decoder"](torch.from_numpy(vectors))).numpy()
    wanted = raw * encoder.scale_ + encoder.mean_
    sounds = encoder.kind_.batches(encoder.inverse_transform(vectors))[:].numpy()
    for spectrogram, sound in zip(wanted, sounds, strict=True):
        n = int(sound[-1].sum())
        bands, heard = spectrogram[:-1, :n], sound[:-1, :n]
        assert np.corrcoef(bands.ravel(), heard.ravel())[0, 1] > 0.9


@pytest.mark.trains
def test_a_bound_counts_the_values_that_are_there(waves):
    vae = make("vae(dim=2, epochs=1)").fit(waves)
    bound = vae.elbo(waves, random_state=0)
    values = np.mean([item.size for item in waves])
    assert bound.bits_per_dimension == pytest.approx(-bound.elbo / np.log(2) / values, rel=1e-5)


@pytest.mark.trains
@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("autoencoder(body='mlp')", "'mlp' takes items of one length, got series or sounds; use"),
        ("masked(body='vit')", "'vit' takes images, got series of 1 channel; use body='cnn'"),
        ("mlp", r"MLP takes images or vectors; got series"),
    ],
)
def test_bodies_that_do_not_take_series_say_so(spec, told, waves):
    with pytest.raises(DataError, match=told):
        make(spec).fit(waves, np.arange(40) % 3)


@pytest.mark.trains
def test_views_change_what_a_network_learns_from(waves):
    labels = np.arange(40) % 3
    plain, viewed = (make(f"cnn(epochs=2{v})").fit(waves, labels) for v in (", views=False", ""))
    asked = make("cnn(epochs=2, views=True)").fit(waves, labels)
    np.testing.assert_array_equal(asked.transform(waves), viewed.transform(waves))
    assert not np.allclose(plain.transform(waves), viewed.transform(waves))


@pytest.mark.trains
def test_a_state_of_items_that_no_memory_holds_is_refused(waves):
    encoder = make("autoencoder(epochs=1, dim=2)").fit(waves)
    params, fitted = encoder.state
    weights = {f"{k}": v.numpy() for k, v in encoder.nets_.state_dict().items()}
    for steps in (2**40, 0, 60):
        state = {**fitted, "shape_": (2, steps), "nets_": Weights([*encoder.nets_], weights)}
        with pytest.raises(ValueError, match=r"networks take shape|the weights '.*' have shape"):
            type(encoder).from_state(params, state)
