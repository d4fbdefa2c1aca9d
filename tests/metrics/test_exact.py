"""Both exact searches beside a naive one in float64, at every offset and scale."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.metrics import geometry, labels, similarity
from nearspace.metrics.exact import in_range, rescored
from nearspace.metrics.retrieval import nearest, r_precision
from nearspace.recipe import METRICS
from nearspace.space.search.exact import Exact

SCALES = (1e-40, 1e-30, 1e-23, 1e-10, 1.0, 1e10, 1e19, 1e30, 1e37)


def rows_of(n, dim=6, seed=0):
    return np.random.default_rng(seed).standard_normal((n, dim))


def naive(queries, gallery, k, metric):
    """Every score in float64, in units of a power of two, and a stable sort."""
    unit = 2.0 ** np.ceil(np.log2(float(np.abs(gallery).max())))
    left, right = queries.astype(np.float64) / unit, gallery.astype(np.float64) / unit
    if metric == "euclidean":
        far = np.sqrt(((left[:, None] - right) ** 2).sum(axis=2))
    else:
        far = -(left @ right.T)
    if metric == "cosine":
        lengths = np.linalg.norm(left, axis=1)[:, None] * np.linalg.norm(right, axis=1)
        far = 1 + np.divide(far, lengths, out=np.zeros_like(far), where=lengths > 0)
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    times = {"euclidean": unit, "cosine": 1.0, "dot": unit**2}[metric]
    return order, np.take_along_axis(far, order, 1) * times


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", SCALES)
def test_at_every_scale_that_float32_holds(scale, metric, make):
    gallery, queries = rows_of(400), rows_of(30, seed=1)
    gallery[::7] *= 1e-2  # rows, and columns, of other magnitudes among them
    gallery[:, 1] *= 1e-4
    gallery[3], queries[4] = 0, 0
    gallery, queries = ((scale * x).astype(np.float32) for x in (gallery, queries))
    order, distances = naive(queries, gallery, 7, metric)
    unit = np.abs(distances).max()
    here = nearest(make(queries), make(gallery), 7, metric)
    there = Exact(make(gallery), metric).search(make(queries), 7)
    scores = {"euclidean": distances, "cosine": 1 - distances, "dot": -distances}[metric]
    different = [row for row in range(30) if row != 4]  # to a zero query all may be the same
    rows = different if metric == "cosine" else slice(None)  # and by the cosine nothing is near
    np.testing.assert_allclose(here[1][rows] / unit, distances[rows] / unit, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(there[1] / unit, scores / unit, rtol=1e-7, atol=1e-8)
    for positions in (here[0], there[0]):
        np.testing.assert_array_equal(positions[different], order[different])


@pytest.mark.parametrize("spreads", [0, 1e3, 1e5, 1e7, 1e9, 1e12])
@pytest.mark.parametrize("unit", [1e-30, 1e-3, 1.0, 1e20])
def test_an_offset_of_float64_vectors_costs_nothing(spreads, unit):
    gallery, queries = (unit * (x + spreads) for x in (rows_of(400), rows_of(30, seed=1)))
    order, distances = naive(queries, gallery, 7, "euclidean")
    indices, apart = nearest(queries, gallery, 7)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(apart, distances, rtol=1e-9)
    told = np.arange(400) % 3
    values, _ = r_precision(gallery, told)
    at_zero, _ = r_precision(gallery - gallery.mean(axis=0), told)
    assert np.abs(values - at_zero).mean() < 1e-2


@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_directions_that_hardly_differ_are_told_apart(metric):
    gallery, queries = (1e4 + x for x in (rows_of(400), rows_of(30, seed=1)))
    order, distances = naive(queries, gallery, 7, metric)
    indices, apart = nearest(queries, gallery, 7, metric)
    unit = np.abs(distances).max()
    np.testing.assert_allclose(apart / unit, distances / unit, atol=1e-15 if metric == "dot" else 1)
    assert (indices == order).mean() > 0.99  # the naive one rounds too


def test_whole_numbers_of_64_bits_are_not_rounded():
    seconds = 1_700_000_000 + np.arange(20)[:, None]
    indices, distances = nearest(seconds, seconds, 2, exclude_self=True)
    assert distances[1:-1].tolist() == [[1, 1]] * 18
    assert indices[5].tolist() == [4, 6]


def test_an_item_far_beyond_all_hides_no_neighbour():
    gallery = rows_of(300)
    gallery[17] = 1e25
    order, distances = naive(gallery[:10], gallery, 4, "euclidean")
    indices, apart = nearest(gallery[:10], gallery, 4)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(apart, distances, rtol=1e-9)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_no_measure_knows_the_scale(make):
    told = np.repeat([0, 1, 2], 40)
    vectors = rows_of(120) + 4 * np.eye(3, 6)[told]
    other = rows_of(6) @ rows_of(6, seed=2)

    def measures(scale):
        rows = make((scale * vectors).astype(np.float32))
        reference = make((vectors @ other).astype(np.float32))
        train, test, left, right = rows[::2], rows[1::2], told[::2], told[1::2]
        return [
            geometry.effective_rank(rows),
            geometry.intrinsic_dimension(rows),
            geometry.hubness(rows),
            geometry.preservation(reference, rows).mean(),
            geometry.neighbour_ranks(rows, vectors).mean(),
            similarity.cka(rows, reference),
            labels.probe_scores(train, left, test, right).mean(),
            labels.cluster_ami(rows, told),
            labels.knn_scores(train, left, test, right).mean(),
            r_precision(rows, told)[0].mean(),
        ]

    usual = measures(1.0)
    for scale in (2.0**-130, 2.0**-100, 2.0**-75, 2.0**64, 2.0**100, 2.0**122):
        np.testing.assert_allclose(measures(scale), usual, rtol=1e-4)


def test_in_range_changes_no_digit():
    rows = rows_of(5).astype(np.float32)
    assert in_range(rows)[0] is rows
    assert in_range(0 * rows)[1] == 1
    for scale in (1e-40, 1e30):
        scaled, factor = in_range(scale * rows.astype(np.float64))
        np.testing.assert_array_equal(scaled / factor, scale * rows.astype(np.float64))
        assert 0.5 <= np.abs(scaled).max() <= 2
    left, right, factor = in_range(np.full((1, 1), 1e-310), np.zeros((1, 1)))
    assert 0 < left[0, 0] < 1
    assert right[0, 0] == 0


def test_rescored_takes_sparse_rows():
    rows, positions = rows_of(30), np.array([[3, 5], [7, 0]])
    for metric in METRICS:
        np.testing.assert_allclose(
            rescored(sparse.csr_array(rows[:2]), sparse.csr_array(rows), positions, metric),
            rescored(rows[:2], rows, positions, metric),
        )
