import numpy as np
import pytest
from scipy.sparse import csr_array

from nearspace.errors import NearspaceError
from nearspace.metrics.retrieval import Pieces, nearest, r_precision, shared_share
from nearspace.recipe import METRICS


def naive(queries, gallery, metric):
    """Return all distances, one pair at a time, in double precision."""
    table = np.empty((len(queries), len(gallery)))
    for i, a in enumerate(queries.astype(np.float64)):
        for j, b in enumerate(gallery.astype(np.float64)):
            if metric == "euclidean":
                table[i, j] = np.sqrt(((a - b) ** 2).sum())
            elif metric == "dot":
                table[i, j] = -(a @ b)
            else:
                lengths = np.linalg.norm(a) * np.linalg.norm(b)
                table[i, j] = 1 - a @ b / lengths if lengths else 1.0
    return table


def vectors(n, d, seed=0, kept=1.0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * (rng.random((n, d)) < kept)).astype(np.float32)


# One chunk, several, and several in groups.
@pytest.mark.parametrize(
    "pieces",
    [Pieces(10), Pieces(10, chunk=30), Pieces(10, chunk=30, group=2)],
)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("exclude_self", [False, True])
def test_nearest_equals_a_naive_search(metric, sparse, exclude_self, pieces):
    gallery = vectors(101, 6, kept=0.6)
    queries = gallery if exclude_self else vectors(23, 6, seed=1, kept=0.6)
    table = naive(queries, gallery, metric)
    if exclude_self:
        np.fill_diagonal(table, np.inf)
    make = csr_array if sparse else np.asarray
    for k in (1, 7, 500):
        indices, distances = nearest(
            make(queries), make(gallery), k, metric, exclude_self=exclude_self, pieces=pieces
        )
        truth = np.sort(table, axis=1)[:, : min(k, 101 - exclude_self)]
        assert indices.dtype == np.int64
        assert distances.dtype == np.float64
        np.testing.assert_allclose(distances, truth, atol=2e-6)
        np.testing.assert_allclose(np.take_along_axis(table, indices, 1), truth, atol=2e-6)
        assert all(len(set(row)) == len(row) for row in indices.tolist())


def test_nearest_of_many_uses_groups_and_is_exact():
    queries, gallery = vectors(50, 8), vectors(45_000, 8, seed=1)
    indices, distances = nearest(queries, gallery, 20)
    table = ((queries[:, None].astype(np.float64) - gallery[None]) ** 2).sum(2)
    np.testing.assert_array_equal(indices, table.argsort(axis=1)[:, :20])
    again = nearest(queries, gallery, 20)
    np.testing.assert_array_equal(again[0], indices)
    np.testing.assert_array_equal(again[1], distances)


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_duplicates_are_exactly_zero_apart_in_the_order_of_the_gallery(make):
    rows = vectors(30, 40) + np.float32(1000)
    indices, distances = nearest(make(rows), make(np.tile(rows, (3, 1))), 4)
    np.testing.assert_array_equal(indices[:, :3], np.arange(30)[:, None] + [0, 30, 60])
    assert (distances[:, :3] == 0).all()
    assert (distances[:, 3] > 0).all()
    assert (nearest(make(rows), make(rows), 1, "cosine")[1] == 0).all()


def test_an_offset_that_all_vectors_share_costs_no_precision():
    gallery = vectors(200, 5)
    moved = gallery + np.float32(4096)  # a power of two: what remains of the digits is exact
    true = nearest(moved[:50] - np.float32(4096), moved - np.float32(4096), 5)[0]
    np.testing.assert_array_equal(nearest(moved[:50], moved, 5)[0], true)


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_neighbours_too_close_for_float32_are_told_apart(make):
    angle = np.random.default_rng(0).random(3000).astype(np.float32)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    table = ((circle[:, None].astype(np.float64) - circle[None]) ** 2).sum(2)
    np.fill_diagonal(table, np.inf)
    indices, _ = nearest(make(circle), make(circle), 3, exclude_self=True)
    found, true = np.take_along_axis(table, indices, 1), np.sort(table, axis=1)[:, :3]
    np.testing.assert_allclose(found, true, rtol=1e-4)


def test_degenerate_input():
    same = np.ones((6, 3), np.float32)
    indices, distances = nearest(same, same, 2, exclude_self=True)
    assert (indices != np.arange(6)[:, None]).all()
    assert (distances == 0).all()
    assert nearest(same[:0], same, 2)[0].shape == (0, 2)
    assert nearest(same[:1], same[:1], 3, exclude_self=True)[0].shape == (1, 0)
    locked = same.copy()
    locked.flags.writeable = False
    assert nearest(locked, locked, 1, "dot")[1].tolist() == [[-3.0]] * 6
    pixels = np.array([[0], [255], [100]], np.uint8)
    assert nearest(pixels, pixels, 1, exclude_self=True)[1].tolist() == [[100], [155], [100]]
    with pytest.raises(NearspaceError, match=r"no metric 'cosin'\. Did you mean 'cosine'"):
        nearest(same, same, 2, "cosin")
    with pytest.raises(NearspaceError, match="k of at least 1, a whole number, got 0"):
        nearest(same, same, 0)
    with pytest.raises(NearspaceError, match="one length; got 3 and 2"):
        nearest(same, same[:, :2], 1)
    with pytest.raises(NearspaceError, match="5 queries and a gallery of 6"):
        nearest(same[:5], same, 1, exclude_self=True)


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_r_precision_equals_a_naive_loop(make):
    rows = vectors(60, 3)
    labels = np.array(list("abc"))[np.random.default_rng(1).choice(3, 60, p=[0.6, 0.3, 0.1])]
    labels[7] = "z"
    table = naive(rows, rows, "euclidean")
    expected = []
    for query in (i for i in range(60) if i != 7):
        others = [j for j in table[query].argsort() if j != query]
        relevant = (labels == labels[query]).sum() - 1
        expected.append(np.mean(labels[others[:relevant]] == labels[query]))
    values, positions = r_precision(make(rows), labels)
    np.testing.assert_allclose(values, expected)
    np.testing.assert_array_equal(positions, np.delete(np.arange(60), 7))
    some, where = r_precision(make(rows), labels, max_queries=20)
    assert len(some) == 20
    np.testing.assert_array_equal(some, values[np.searchsorted(positions, where)])


def test_r_precision_without_queries_is_empty():
    values, positions = r_precision(vectors(4, 2), np.arange(4))
    assert values.shape == positions.shape == (0,)


def test_shares_are_counted_row_by_row():
    truth = np.array([[1, 2], [3, 4], [0, 5]])
    found = np.array([[2, 9], [1, 2], [5, 0]])
    assert shared_share(found, truth).tolist() == [0.5, 0, 1]
    assert shared_share(np.full((3, 4), -1), truth).tolist() == [0, 0, 0]
    assert shared_share(np.array([[5], [-1]]), np.array([[5], [6]])).tolist() == [1, 0]
