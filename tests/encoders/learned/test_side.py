"""Images larger than the networks look at: seen smaller, decoded at their own size."""

import numpy as np
import pytest

from nearspace.data import load
from nearspace.encoders.spec import load_encoder, make
from nearspace.judge.studies.compare import compare


@pytest.fixture(scope="module")
def discs():
    """Discs of four radii and places on 60 × 30 pixels, in colour."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:60, :30]
    images, labels = np.zeros((80, 60, 30, 3), np.uint8), np.arange(80) % 4
    for image, label in zip(images, labels, strict=True):
        centre = random.integers(20, 40), random.integers(10, 20)
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < (3 + 3 * label) ** 2
        image[inside] = random.integers(100, 256, 3)
    return load(images, labels=labels)


LEARNED = [
    "autoencoder(dim=3, epochs=2)",
    "denoising(dim=3, epochs=1)",
    "masked(dim=3, epochs=1)",
    "masked(dim=3, body='vit', epochs=1)",
    "vae(dim=3, epochs=1)",
    "adversarial(dim=3, epochs=1)",
    "autoencoder(dim=3, body='cnn', epochs=1)",
    "simclr(dim=3, epochs=1)",
    "cnn(dim=3, epochs=1)",
    "mlp(epochs=1)",
]


@pytest.mark.trains
@pytest.mark.parametrize("spec", LEARNED)
def test_networks_see_less_and_items_come_back_whole(discs, spec, tmp_path):
    encoder = make(spec).set_params(side=16).fit_on(discs)
    assert encoder.shape_ == (3, 16, 8)
    assert encoder.notes == ("Its network sees the images of 30 × 60 pixels at 8 × 16 (side=16).",)
    vectors = encoder.transform(discs.items)
    alone = np.concatenate([encoder.transform(discs.items[at : at + 1]) for at in range(4)])
    assert np.allclose(alone, vectors[:4], rtol=1e-4, atol=1e-5)
    again = load_encoder(encoder.save(tmp_path))
    assert np.array_equal(again.transform(discs.items), vectors)
    if encoder.decodes:
        decoded = encoder.inverse_transform(vectors[:3])
        assert decoded.shape == (3, 60, 30, 3)
        assert 0 <= decoded.min() <= decoded.max() <= 1
        double = encoder.decoder.decode_double(vectors[:3])
        assert np.allclose(double, decoded, atol=1e-4)
        encoder.decoder.check_whole()
    for strip in encoder.exhibits(discs.items[:2], 0):
        assert strip.kind.shape_of_item == (60, 30, 3)


@pytest.mark.trains
def test_what_is_decoded_is_the_item_and_not_one_beside_it(discs):
    encoder = make("autoencoder(dim=40, epochs=30, side=24)").fit_on(discs)
    decoded = encoder.inverse_transform(encoder.transform(discs.items))
    pixels = discs.items / 255
    assert np.mean((decoded - pixels) ** 2) < 0.3 * np.mean((pixels.mean(axis=0) - pixels) ** 2)


@pytest.mark.trains
def test_images_of_the_usual_size_are_seen_as_they_are():
    digits = load("digits")
    one, other = (make(f"mlp(epochs=1, side={side})").fit_on(digits) for side in (8, 48))
    assert one.notes == ()
    assert np.array_equal(one.transform(digits.items), other.transform(digits.items))


@pytest.mark.trains
def test_a_comparison_says_it_once(discs):
    board = compare(discs, encoders=["mlp(epochs=1)", "cnn(epochs=1)"])
    (told,) = [note for note in board.notes if "side=32" in note]
    assert told.startswith("mlp(epochs=1), cnn(epochs=1): Its network sees")
