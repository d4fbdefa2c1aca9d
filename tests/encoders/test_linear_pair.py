"""Canonical correlations and rotations against independent ones, and what they are not for."""

import numpy as np
import pytest
import safetensors.numpy
from scipy.linalg import eigh, orthogonal_procrustes
from tests.conftest import SAMPLE_OF_KIND
from tests.numerals import numerals

from nearspace.data import load
from nearspace.data.pairs import Pairs
from nearspace.encoders.linear_pair import TOWERS, canonical_maps
from nearspace.encoders.paired import Shared
from nearspace.encoders.spec import make
from nearspace.errors import DataError


@pytest.fixture(scope="module")
def rows():
    """Two views of four hidden numbers, with noise of their own."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 4))
    views = [hidden @ rng.normal(size=(4, d)) + rng.normal(size=(300, d)) for d in (9, 7)]
    return [view + rng.normal(size=view.shape[1]) for view in views]


def paired(left, right):
    links = np.arange(len(left))[:, None].repeat(2, axis=1)
    return Pairs(load(left), load(right), links)


def test_directions_have_the_correlations_of_the_generalised_eigenvalue_problem(rows):
    x, y = (view - view.mean(axis=0) for view in rows)
    share, n = 0.1, len(x)
    own = [view.T @ view / n for view in (x, y)]
    own = [c + share * np.trace(c) / len(c) * np.eye(len(c)) for c in own]
    cross = x.T @ y / n
    whole = np.block([[np.zeros((9, 9)), cross], [cross.T, np.zeros((7, 7))]])
    scales = np.block([[own[0], np.zeros((9, 7))], [np.zeros((7, 9)), own[1]]])
    wanted = eigh(whole, scales, eigvals_only=True)[::-1][:5]
    one, other = canonical_maps(*rows, 5, share, 0.0)
    np.testing.assert_allclose(np.diag(one.T @ cross @ other), wanted, rtol=1e-8)
    np.testing.assert_allclose(one.T @ own[0] @ one, np.eye(5), atol=1e-8)
    np.testing.assert_allclose(other.T @ own[1] @ other, np.eye(5), atol=1e-8)
    weighted, _ = canonical_maps(*rows, 5, share, 2.0)
    np.testing.assert_allclose(weighted, one * wanted**2, atol=1e-8)


def test_its_vectors_are_those_directions_of_centred_rows(rows):
    pair = make("linear_pair(raw, right=raw, dim=3)").fit_on(paired(*map(np.float32, rows)))
    maps = canonical_maps(*(np.float32(view).astype(float) for view in rows), 3, 0.1, 2.0)
    for name, view, matrix in zip(("left", "right"), rows, maps, strict=True):
        wanted = (view - view.mean(axis=0)) @ matrix
        got = pair.side(name).transform(np.float32(view))
        # The sign of a direction is arbitrary, though the same on both sides.
        np.testing.assert_allclose(np.abs(got), np.abs(wanted), atol=1e-4)


def test_a_rotation_is_that_of_scipy(rows):
    left, right = (np.float32(view) for view in (rows[0], rows[0] @ np.eye(9)[::-1]))
    pair = make("linear_pair(raw, right=raw, method='procrustes')").fit_on(paired(left, right))
    units = [view / np.linalg.norm(view, axis=1, keepdims=True) for view in (left, right)]
    one, other = (view - view.mean(axis=0) for view in units)
    rotation, _ = orthogonal_procrustes(one, other)
    got = pair.side("left").transform(left)
    cosine = (got * (one @ rotation)).sum(1) / np.linalg.norm(got, axis=1)
    np.testing.assert_allclose(cosine, np.linalg.norm(one, axis=1), rtol=1e-3)


@pytest.mark.parametrize("kind", sorted(TOWERS))
def test_every_kind_has_an_encoder_for_its_side(kind):
    dataset = load(SAMPLE_OF_KIND[kind]).take(np.arange(60))
    words = load([f"item {at % 7} of {at}" for at in range(60)])
    links = np.arange(60)[:, None].repeat(2, axis=1)
    pair = make("linear_pair(dim=8)").fit_on(Pairs(dataset, words, links))
    vectors = pair.side("left").transform(dataset.items)
    assert vectors.shape == pair.side("right").transform(words.items).shape == (60, 8)
    assert np.isfinite(vectors).all()


def test_equal_rows_lead_nowhere_and_do_not_fail():
    same = np.ones((20, 3), np.float32)
    pair = make("linear_pair(raw, right=raw, dim=2)").fit_on(paired(same, same))
    assert np.abs(pair.side("left").transform(same)).max() < 1e-6


def test_what_cannot_be_led_together_is_one_sentence():
    pairs = numerals(range(40))
    for spec, message in {
        "linear_pair(tfidf)": r"linear_pair\(tfidf\), left: the vectors of tfidf are sparse; make",
        "linear_pair(tfidf | svd(dim=4) | mlp)": "learns from labels, which the items of one side",
        "shared(tfidf | svd(dim=4) | mlp)": "learns from labels, and pairs have none",
    }.items():
        with pytest.raises(DataError, match=message):
            make(spec).fit_on(pairs)
    unlinked = Pairs(pairs.left, pairs.right, np.empty((0, 2), int))
    with pytest.raises(DataError, match="expected pairs to learn from, got none"):
        make("linear_pair").fit_on(unlinked)
    mixed = Pairs(load("digits").take(np.arange(9)), load(list("abcdefghi")), [[0, 0]])
    with pytest.raises(DataError, match="takes no texts"):
        Shared(make("raw | pca(dim=2)").encoders[1]).fit_on(mixed)
    with pytest.raises(DataError, match="puts them into no one space"):
        Shared(make("raw")).fit_on(mixed)


def test_what_is_learnt_stands_in_a_file_once():
    pair = make("linear_pair(raw, right=raw, dim=3)").fit_on(
        paired(np.float32(np.eye(20)[:, :9]), np.float32(np.eye(20)[:, 5:12]))
    )
    arrays = safetensors.numpy.load(pair.dump()["weights.safetensors"])
    assert sorted(array.shape for array in arrays.values()) == [(3,), (3,), (7, 3), (9, 3)]


def test_colours_tell_images_apart_when_nobody_says_how():
    rng = np.random.default_rng(0)
    shapes, colours = rng.random((60, 12, 12, 1)), rng.integers(0, 2, 60)
    images = np.zeros((60, 12, 12, 3), np.uint8)
    images[np.arange(60), ..., 2 * colours] = (255 * (shapes[..., 0] > 0.5)).astype(np.uint8)
    words = load([("blue" if colour else "red") + f" {at}" for at, colour in enumerate(colours)])
    pairs = Pairs(load(images), words, np.arange(60)[:, None].repeat(2, axis=1))
    pair = make("linear_pair(dim=8, right=tfidf | svd(dim=8))").fit_on(pairs)
    one = pair.side("left").transform(images[:1])
    other = pair.side("left").transform(images[:1, ..., ::-1])  # the same shape in the other colour
    assert not np.allclose(one, other, atol=1e-3)
