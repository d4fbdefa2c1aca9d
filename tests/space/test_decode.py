"""Ways through a space."""

import numpy as np
import pytest

from nearspace.encoders.base import Samples
from nearspace.errors import DataError
from nearspace.space.decode import interpolate, traverse


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
