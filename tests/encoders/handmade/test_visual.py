"""Visual words are SIFT's; pictures that show nothing, or next to nothing, do no harm."""

import sys

import numpy as np
import pytest

from nearspace.data import SAMPLES, train_test_split
from nearspace.encoders.handmade.plain import ColourHistogram
from nearspace.encoders.handmade.visual import VisualWords, grid_sift
from nearspace.encoders.spec import make
from nearspace.errors import DataError, MissingExtra
from nearspace.metrics.labels import knn_scores

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)


def test_the_grid_has_the_descriptors_of_scikit_image():
    feature = pytest.importorskip("skimage.feature")
    image = RANDOM.random((40, 32), dtype=np.float32)
    down, across = (np.arange(6, n - 6.5, 2) + 0.5 for n in image.shape)
    # Theirs, at the same points, of the same size, upright, and without a blur before.
    sift = feature.SIFT(upsampling=1, sigma_in=1.6, sigma_min=1.6)
    sift.positions = np.stack(np.meshgrid(down, across, indexing="ij"), 2).reshape(-1, 2)
    sift.sigmas = np.full(len(sift.positions), 6 / sift.lambda_descr)
    sift.scales = sift.octaves = np.zeros(len(sift.positions), int)
    sift.orientations = np.zeros(len(sift.positions))
    sift.extract(image)
    theirs = sift.descriptors.reshape(len(down), len(across), 128) / 512
    ours = grid_sift(image[None])[0, : len(down) * len(across)].reshape(theirs.shape)
    # They leave out the last row and column of the image, and round down to 512ths.
    inside = np.s_[:-1, :-1]
    np.testing.assert_allclose(theirs[inside], ours[inside], atol=1.01 / 512)


def test_an_image_that_shows_nothing_is_zero():
    flat = np.full((1, 28, 28, 1), 77, np.uint8)
    for keypoints in ("grid", "detected"):
        encoder = VisualWords(20, keypoints=keypoints).fit(NOISE[:4])
        vectors = encoder.transform(np.concatenate([NOISE[:4], flat]))
        np.testing.assert_allclose(np.linalg.norm(vectors[:-1], axis=1), 1, rtol=1e-5)
        assert not vectors[-1].any()
        with pytest.raises(DataError, match=r"any of the 3 training images .* they are flat"):
            VisualWords(20, keypoints=keypoints).fit(flat[[0, 0, 0]])


@pytest.mark.parametrize("shape", [(1, 9, 1), (2, 2, 3), (8, 8, 1), (3, 50, 1), (97, 31, 3)])
def test_any_shape_has_words(shape):
    images = RANDOM.integers(0, 256, (12, *shape), dtype=np.uint8)
    vectors = VisualWords(5).fit_transform(images)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_there_are_no_more_words_than_descriptors():
    assert VisualWords(500).fit(NOISE[:1]).transform(NOISE).shape == (40, 68)
    same = np.repeat(NOISE[:1], 30, axis=0)
    vectors = VisualWords(500).fit_transform(same)
    np.testing.assert_array_equal(vectors, vectors[:1].repeat(30, axis=0))


def test_vectors_do_not_depend_on_the_batch():
    encoder = VisualWords(50).fit(NOISE)
    whole = encoder.transform(NOISE)
    more = encoder.transform(np.tile(NOISE, (20, 1, 1, 1)))  # in several parts
    np.testing.assert_array_equal(more, np.tile(whole, (20, 1)))
    np.testing.assert_array_equal(encoder.transform(NOISE[7:8])[0], whole[7])


def test_the_grid_tells_digits_apart_and_keypoints_less_so():
    digits = SAMPLES["digits"]()
    train, test, _ = train_test_split(digits, test_size=0.5)

    def accuracy(spec, n):
        sides = digits.take(train[:n]), digits.take(test[: n // 2])
        encoder = make(spec).fit(sides[0].items)
        vectors, labels = [encoder.transform(side.items) for side in sides], digits.target.values
        return knn_scores(vectors[0], labels[train[:n]], vectors[1], labels[test[: n // 2]]).mean()

    grid = accuracy("bovw(words=100)", 200)
    assert grid > 0.9
    pytest.importorskip("skimage")
    assert 0.3 < accuracy("bovw(words=100, keypoints='detected')", 100) < grid


def test_without_scikit_image_only_the_grid_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert VisualWords(5).fit(NOISE).transform(NOISE).shape == (40, 5)
    with pytest.raises(MissingExtra, match=r"nearspace\[images\]"):
        VisualWords(keypoints="detected").fit(NOISE)


def test_colours_are_counted_wherever_they_stand():
    images = RANDOM.integers(0, 256, (6, 10, 8, 3), dtype=np.uint8)
    shares = np.square(ColourHistogram(bins=3).fit_transform(images))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    boxes = np.clip(images.astype(int) * 3 // 256, 0, 2)
    for colour in [(0, 0, 0), (1, 2, 0), (2, 2, 2)]:
        wanted = (boxes == colour).all(axis=3).mean(axis=(1, 2))
        place = colour[0] * 9 + colour[1] * 3 + colour[2]
        np.testing.assert_allclose(shares[:, place], wanted, atol=1e-6)
    np.testing.assert_allclose(
        ColourHistogram().fit(images).transform(images[:, ::-1]),
        ColourHistogram().fit(images).transform(images),
    )
    assert ColourHistogram().fit_transform(NOISE).shape == (40, 16)
