import numpy as np
import pytest

from nearspace import load, make
from nearspace.data import train_test_split
from nearspace.encoders.exhibits import Restores

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    dataset = load("digits")
    train, test, _ = train_test_split(dataset)
    return dataset.items[train], dataset.items[test]


def error(encoder, items):
    decoded = encoder.inverse_transform(encoder.transform(items))
    return np.square(decoded - items / 255).mean()


@pytest.mark.parametrize("body", ["mlp", "cnn"])
@pytest.mark.parametrize("dim", [6, 32])
def test_beats_principal_components_on_held_out_items(digits, dim, body):
    train, test = digits
    encoder = make(f"autoencoder(dim={dim}, body='{body}', epochs=8)").fit(train)
    assert error(encoder, test) < 0.8 * error(make(f"pca(dim={dim})").fit(train), test)


def test_begins_at_principal_components_on_vectors():
    wine = load("wine").items
    scaled = (wine - wine.mean(axis=0)) / wine.std(axis=0)
    encoder = make("autoencoder(dim=5, epochs=1, learning_rate=1e-9)").fit(scaled)
    z = encoder.transform(scaled)
    pca = make("pca(dim=5)").fit_transform(scaled)
    alike = np.abs(np.corrcoef(z.T, pca.T)[:5, 5:]).max(axis=1)
    assert alike.min() > 0.99


@pytest.mark.parametrize(
    "spec", ["denoising(epochs=4)", "denoising(corruption='salt_and_pepper', epochs=4)",
             "denoising(corruption='masking', epochs=4)", "masked(epochs=4)",
             "masked(body='cnn', epochs=4)"],
)  # fmt: skip
def test_restored_items_are_nearer_to_the_clean_ones(digits, spec):
    train, test = digits
    encoder = make(spec).fit(train)
    assert isinstance(encoder, Restores)
    given, restored = encoder.restore(test, random_state=0)
    clean = test / 255
    assert given.shape == restored.shape == clean.shape
    assert given.min() >= 0
    assert given.max() <= 1
    assert np.square(restored - clean).mean() < 0.5 * np.square(given - clean).mean()
    again = encoder.restore(test, random_state=0)
    np.testing.assert_array_equal(given, again[0])
    np.testing.assert_array_equal(restored, again[1])
    assert not np.array_equal(given, encoder.restore(test, random_state=1)[0])


@pytest.mark.parametrize("corruption", ["gaussian", "salt_and_pepper", "masking"])
def test_vectors_are_corrupted_in_their_own_units(corruption):
    wine = load("wine").items
    encoder = make(f"denoising(dim=4, corruption='{corruption}', epochs=8)").fit(wine)
    given, restored = encoder.restore(wine, random_state=0)
    off = (given - wine) / wine.std(axis=0)
    assert (np.abs(off).mean(axis=0) > 0.1).all()
    if corruption != "gaussian":
        assert 0.2 < (np.abs(off) > 1e-4).mean() < 0.4
    assert restored.shape == wine.shape


def test_corruption_that_is_not_there_is_told(digits):
    with pytest.raises(ValueError, match="'corruption' parameter of DenoisingAutoencoder must be"):
        make("denoising(corruption='salt')").fit(digits[0])


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 1, 1), (30, 13, 1)])
@pytest.mark.parametrize("body", ["mlp", "cnn", "vit"])
def test_masks_images_of_any_shape(shape, body):
    images = np.random.default_rng(0).integers(0, 256, (24, *shape)).astype(np.uint8)
    encoder = make(f"masked(dim=3, body='{body}', epochs=1)").fit(images)
    given, restored = encoder.restore(images, random_state=0)
    assert given.shape == restored.shape == images.shape
    assert encoder.transform(images).shape == (24, 3)


def test_hides_the_share_of_patches_that_was_asked_for(digits):
    images = np.full((20, 8, 8), 255, dtype=np.uint8)
    encoder = make("masked(dim=3, ratio=0.25, patch=4, epochs=1)").fit(images)
    given, _ = encoder.restore(images, random_state=0)
    hidden = given[..., 0] == 0.5
    assert (hidden.mean(axis=(1, 2)) == 0.25).all()


def test_a_vision_transformer_learns_from_patches(digits):
    train, test = digits
    encoder = make("masked(body='vit', epochs=8)").fit(train[:640])
    mean = np.square((train / 255).mean(axis=0) - test / 255).mean()
    assert error(encoder, test) < 0.9 * mean
