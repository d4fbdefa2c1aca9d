"""Recommenders without networks, against the formulas of their papers worked out row by row."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.data.graph_reading import load_interactions
from nearspace.encoders.handmade.als import least_squares
from nearspace.encoders.recommender import tuned
from nearspace.encoders.spec import make
from nearspace.errors import DataError


@pytest.fixture(scope="module")
def matrix():
    rng = np.random.default_rng(0)
    cells = (rng.random((60, 25)) < 0.2) * rng.integers(1, 4, (60, 25))
    cells[0], cells[:, 3] = 0, 0  # somebody with nothing, and what nobody has
    cells[1] = 0
    cells[1, 4] = 2  # somebody with one thing
    cells[2] = 1  # somebody with all, of whom the system is as wide as the vectors
    return sparse.csr_array(cells.astype(np.float32))


def data_of(matrix):
    return load_interactions(matrix)


def test_least_squares_solve_for_every_row(matrix):
    rng = np.random.default_rng(1)
    others = rng.normal(size=(25, 8)).astype(np.float32)
    solved = least_squares(matrix, others, 9.0, 0.05)
    for row, weights in enumerate(matrix.toarray()):
        own = np.flatnonzero(weights)
        extra = np.diag(9.0 * weights[own])
        penalty = 0.05 * (9.0 * len(own) + 25)
        system = others.T @ others + others[own].T @ extra @ others[own] + penalty * np.eye(8)
        wanted = others[own].T @ (1 + 9.0 * weights[own])
        expected = np.linalg.solve(system.astype(np.float64), wanted)
        np.testing.assert_allclose(solved[row], expected, rtol=1e-3, atol=1e-4)


def test_als_lowers_what_it_minimises_at_every_turn(matrix):
    def loss(iterations):
        encoder = make(f"als(dim=4, regularization=0.02, iterations={iterations})")
        nodes = data_of(matrix).items
        vectors = encoder.fit_items(nodes, None, data_of(matrix).kind).transform(nodes)
        users, items = vectors[: nodes.users].astype(float), vectors[nodes.users :].astype(float)
        cells = matrix.toarray()
        errors = (1 + 15 * cells) * ((cells > 0) - users @ items.T) ** 2
        counts = [np.count_nonzero(cells, axis=axis) for axis in (1, 0)]
        squares = [np.square(own).sum(axis=1) for own in (users, items)]
        wide = cells.shape[::-1]
        penalty = sum(
            (0.02 * (15 * count + width) * square).sum()
            for count, width, square in zip(counts, wide, squares, strict=True)
        )
        return errors.sum() + penalty

    losses = [loss(n) for n in (1, 2, 4, 8)]
    assert losses == sorted(losses, reverse=True)


def test_ease_tells_each_item_by_the_others_as_ridge_regression_does(matrix):
    nodes = data_of(matrix).items
    encoder = make("ease(regularization=2)").fit_on(data_of(matrix))
    weights = encoder.transform(nodes)[nodes.users :]
    cells = matrix.toarray().astype(np.float64)
    for item in range(25):
        others = np.delete(np.arange(25), item)
        own = cells[:, others]
        expected = np.linalg.solve(own.T @ own + 2 * np.eye(24), own.T @ cells[:, item])
        np.testing.assert_allclose(weights[item, others], expected, atol=1e-5)
        assert weights[item, item] == 0


def test_the_nearest_items_are_those_of_a_loop(matrix):
    nodes = data_of(matrix).items
    encoder = make("itemknn(neighbours=3, shrinkage=2)").fit_on(data_of(matrix))
    vectors = encoder.transform(nodes).toarray()
    cells = matrix.toarray()
    np.testing.assert_array_equal(vectors[: nodes.users], cells)
    for item in range(25):
        alike = []
        for other in range(25):
            one, two = cells[:, item], cells[:, other]
            below = np.linalg.norm(one) * np.linalg.norm(two) + 2
            alike.append(0.0 if other == item else one @ two / below)
        row = vectors[nodes.users + item]
        assert np.count_nonzero(row) == min(3, np.count_nonzero(alike))
        np.testing.assert_allclose(np.sort(row)[-3:], np.sort(alike)[-3:], rtol=1e-5)


def test_puresvd_gives_the_best_matrix_of_its_rank(matrix):
    nodes = data_of(matrix).items
    vectors = make("puresvd(dim=5)").fit_on(data_of(matrix)).transform(nodes)
    told = vectors[: nodes.users] @ vectors[nodes.users :].T
    left, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    expected = left[:, :5] * values[:5] @ right[:5]
    cells = matrix.toarray()
    assert np.linalg.norm(cells - told) < 1.001 * np.linalg.norm(cells - expected)


def test_popularity_is_the_share_of_users(matrix):
    nodes = data_of(matrix).items
    vectors = make("popularity").fit_on(data_of(matrix)).transform(nodes)
    np.testing.assert_allclose(vectors[nodes.users :, 0], matrix.toarray().mean(axis=0), rtol=1e-6)


def test_the_setting_is_chosen_that_recommends_best_what_is_held_out():
    rng = np.random.default_rng(0)
    tastes = rng.integers(2, size=200)
    cells = rng.random((200, 40)) < np.where(tastes[:, None] == np.arange(40) % 2, 0.4, 0.01)
    matrix = sparse.csr_array(cells.astype(np.float32))

    def fit(some, value):
        kind = np.arange(40) % 2
        return some @ np.eye(2)[kind], value * np.eye(2)[kind]

    assert tuned(matrix, (-1.0, 1.0, 0.0), fit) == 1.0
    few = sparse.csr_array(np.eye(5, dtype=np.float32))
    assert tuned(few, (-1.0, 1.0), fit) == -1.0  # nothing can be held out


def test_too_many_items_for_a_number_of_each_pair_are_told():
    wide = sparse.csr_array((np.ones(2, np.float32), ([0, 1], [0, 30_000])), shape=(2, 30_001))
    with pytest.raises(DataError, match="more than 30,000; take als"):
        make("ease").fit_on(data_of(wide))


def test_a_penalty_that_leaves_nothing_but_rounding_is_refused():
    same = np.ones((3, 8), np.float32)  # all items have the same users
    apart = sparse.csr_array(sparse.block_diag([same, sparse.eye(5)]), dtype=np.float32)
    for matrix in (sparse.csr_array(same), apart):
        with pytest.raises(DataError, match="too small for items that the same users have"):
            make("ease(regularization=1e-15)").fit_on(data_of(matrix))
        for penalty in (1e-8, 1e-2, 10.0):
            nodes = data_of(matrix).items
            encoder = make(f"ease(regularization={penalty})").fit_on(data_of(matrix))
            others = encoder.transform(nodes)[nodes.users :][:8, :8][~np.eye(8, dtype=bool)]
            np.testing.assert_allclose(others, 3 / (3 * 7 + penalty), rtol=1e-3)


def test_weights_count_as_often(matrix):
    """An item that somebody has three times over weighs more than one had once."""
    rng = np.random.default_rng(2)
    others = rng.normal(size=(25, 8)).astype(np.float32)
    often = matrix.copy()
    often.data[:] = 1
    once = least_squares(often, others, 3.0, 0.05)
    more = least_squares(sparse.csr_array(often * 3), others, 1.0, 0.05)
    unlike = np.abs(once - more).max(axis=1)  # the penalty counts entries, not what they weigh
    assert unlike[3:].max() > 0.01
    np.testing.assert_allclose(
        least_squares(sparse.csr_array(often * 3), others, 1.0, 0.0),
        least_squares(often, others, 3.0, 0.0), rtol=1e-2, atol=1e-3,
    )  # fmt: skip
