"""What stands in a space, and ways through it."""

import dataclasses

import numpy as np
import pytest

from nearspace.data import SAMPLES
from nearspace.encoders.exhibits import Samples
from nearspace.encoders.spec import make
from nearspace.errors import DataError, NearspaceError
from nearspace.metrics.retrieval import nearest
from nearspace.space.decode import decode, interpolate, sample, traverse
from nearspace.space.space import embed


def test_the_straight_way_is_even_and_has_its_ends():
    way = interpolate(np.array([0.0, 1.0]), np.array([4.0, 3.0]), 5)
    np.testing.assert_allclose(way, [[0, 1], [1, 1.5], [2, 2], [3, 2.5], [4, 3]])


def test_the_arc_has_its_ends_even_angles_and_even_lengths():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 6))
    way = interpolate(a, b, 9, how="spherical")
    assert way.dtype == np.float32
    np.testing.assert_allclose(way[[0, -1]], [a, b], rtol=1e-5)
    lengths = np.linalg.norm(way, axis=1)
    np.testing.assert_allclose(np.diff(lengths, n=2), 0, atol=1e-5)
    turns = np.einsum("nd,nd->n", way[1:], way[:-1]) / lengths[1:] / lengths[:-1]
    np.testing.assert_allclose(turns, turns[0], rtol=1e-5)


def test_the_arc_between_parallel_vectors_is_straight():
    a = np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(interpolate(a, 3 * a, 4, "spherical"), interpolate(a, 3 * a, 4))
    np.testing.assert_allclose(interpolate(a, a, 3, "spherical"), [a, a, a], rtol=1e-6)


@pytest.mark.parametrize(
    ("b", "n", "how", "message"),
    [
        ([1.0, 0.0], 1, "linear", "n of at least 2"),
        ([1.0, 0.0], 3, "sferical", "Did you mean 'spherical'"),
        ([0.0, 0.0], 3, "spherical", "the origin has no direction"),
        ([-2.0, 0.0], 3, "spherical", "many arcs"),
    ],
)
def test_where_there_is_no_way_the_error_says_why(b, n, how, message):
    with pytest.raises(DataError, match=message):
        interpolate(np.array([1.0, 0.0]), np.array(b), n, how)


def test_a_traversal_changes_one_dimension():
    around = np.array([1.0, 2.0, 3.0])
    ways = traverse(around, [2, 0], [-1.0, 0.0, 1.0, 7.0])
    assert ways.shape == (2, 4, 3)
    for way, dimension in zip(ways, (2, 0), strict=True):
        np.testing.assert_array_equal(way[:, dimension], [-1, 0, 1, 7])
        others = np.delete(way, dimension, axis=1)
        np.testing.assert_array_equal(others, np.tile(np.delete(around, dimension), (4, 1)))


def test_a_traversal_of_vectors_goes_from_quantile_to_quantile_of_each():
    vectors = np.stack([np.arange(101.0), 10 * np.arange(101.0)], axis=1)
    ways = traverse(vectors, (0, 1), 5)
    np.testing.assert_allclose(ways[0, :, 0], np.linspace(2.5, 97.5, 5))
    np.testing.assert_allclose(ways[1, :, 1], np.linspace(25, 975, 5))
    np.testing.assert_allclose(ways[0, :, 1], 500)


class Normal(Samples):
    """Draws from N(3, I) in four dimensions."""

    def sample(self, n, random_state=None):
        return 3 + np.random.RandomState(random_state).standard_normal((n, 4))


def test_a_traversal_of_an_encoder_spans_what_it_draws():
    way = traverse(Normal(), 1, 3)[0]
    np.testing.assert_allclose(way[:, 1], [1, 3, 5], atol=0.3)
    np.testing.assert_allclose(way[:, 0], 3, atol=0.1)


def test_a_traversal_that_cannot_be_says_why():
    with pytest.raises(DataError, match=r"dimensions from 0 to 1, got \[0, 2\]"):
        traverse(np.zeros(2), [0, 2], [1.0])
    with pytest.raises(DataError, match="a single vector gives no range"):
        traverse(np.zeros(2), 0, 5)


@pytest.fixture(scope="module")
def digits():
    return embed(SAMPLES["digits"]().take(np.arange(600)), "pca(dim=12)")


def test_what_stands_at_the_vectors_of_items_is_like_them(digits):
    items = SAMPLES["digits"]().items[:600]
    decoded = decode(digits, digits.vectors)
    assert decoded.shape == items.shape
    error = np.square(decoded - items / 255).mean()
    assert error < 0.4 * np.square(items / 255 - (items / 255).mean(axis=0)).mean()
    np.testing.assert_allclose(decode(digits, digits.vectors[3:4]), decoded[3:4], atol=1e-5)
    np.testing.assert_allclose(decode(digits, digits.vectors[3]), decoded[3], atol=1e-5)


def test_what_cannot_be_decoded_says_what_to_do(digits):
    with pytest.raises(DataError, match=r"shape \(n, 12\), as the space has"):
        decode(digits, digits.vectors[:, :5])
    with pytest.raises(DataError, match=r"shape \(n, 12\), as the space has"):
        decode(digits, digits.vectors[0, :5])
    with pytest.raises(DataError, match=r"space\.position"):
        decode(digits, 0)
    with pytest.raises(DataError, match="vector 1 is not finite"):
        decode(digits, np.where(np.arange(3)[:, None] == 1, np.inf, digits.vectors[:3]))
    with pytest.raises(NearspaceError, match=r"is of 'hog', which does not .* one of raw, pca"):
        decode(embed(SAMPLES["digits"]().take(np.arange(9)), "hog"), np.zeros((1, 324)))
    with pytest.raises(NearspaceError, match="has no encoder: nothing decodes"):
        decode(dataclasses.replace(digits, made_by=None), digits.vectors)


def test_draws_from_the_mixture_lie_where_the_items_lie(digits):
    drawn = sample(digits, 500, random_state=0)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, sample(digits, 500, random_state=0))
    assert not np.array_equal(drawn, sample(digits, 500, random_state=1))
    own = nearest(digits.vectors, digits.vectors, 1, exclude_self=True)[1].mean()
    near = nearest(drawn, digits.vectors, 1)[1].mean()
    normal = np.random.default_rng(0).normal(size=drawn.shape) * digits.vectors.std(axis=0)
    far = nearest(normal + digits.vectors.mean(axis=0), digits.vectors, 1)[1].mean()
    assert own < near < own + 0.6 * (far - own)


def test_a_mixture_does_not_depend_on_the_unit_and_stands_equal_vectors(digits):
    small = dataclasses.replace(digits, vectors=digits.vectors * np.float32(1e-4))
    np.testing.assert_allclose(
        sample(small, 20, random_state=0), 1e-4 * sample(digits, 20, random_state=0), rtol=1e-2,
        atol=1e-7,
    )  # fmt: skip
    same = dataclasses.replace(digits, vectors=np.ones((9, 3), dtype=np.float32))
    np.testing.assert_allclose(sample(same, 4, random_state=0), 1, atol=0.1)


@pytest.mark.trains
def test_the_prior_is_that_of_the_encoder():
    vae = make("vae(dim=3, epochs=1)")
    space = embed(SAMPLES["digits"](), vae)
    np.testing.assert_array_equal(
        sample(space, 7, random_state=0, source="prior"), space.encoder.sample(7, random_state=0)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "prior"}, "was not trained to match a prior"),
        ({"source": "mixtur"}, "Did you mean 'mixture'"),
        ({"n": 0}, "n of at least 1"),
    ],
)
def test_what_cannot_be_drawn_says_why(digits, options, message):
    with pytest.raises(DataError, match=message):
        sample(digits, **{"n": 3, **options})


def test_sparse_vectors_have_no_mixture():
    with pytest.raises(DataError, match="sparse; pipe them through pca"):
        sample(embed(SAMPLES["sentences"](), "tfidf"), 3)
