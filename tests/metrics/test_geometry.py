import numpy as np
import pytest
from scipy.sparse import csr_array

from nearspace.metrics.geometry import (
    effective_rank,
    hubness,
    intrinsic_dimension,
    neighbour_ranks,
    preservation,
)


def cloud(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_effective_rank_equals_its_definition():
    for shape in ((40, 7), (7, 40)):
        vectors = cloud(*shape) * np.linspace(0.1, 3, shape[1], dtype=np.float32) + 5
        singular = np.linalg.svd(vectors - vectors.mean(0), compute_uv=False)
        share = singular[singular > 1e-4] / singular.sum()
        expected = np.exp(-(share * np.log(share)).sum())
        assert effective_rank(vectors) == pytest.approx(expected, rel=1e-3)
        assert effective_rank(csr_array(vectors)) == pytest.approx(expected, rel=1e-3)


def test_effective_rank_counts_dimensions():
    ball = np.linalg.qr(cloud(500, 6) - cloud(500, 6).mean(0))[0]
    assert effective_rank(ball) == pytest.approx(6, rel=0.01)
    line = np.outer(np.arange(50.0), np.ones(9)).astype(np.float32)
    assert effective_rank(line) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_intrinsic_dimension_of_a_bent_sheet(dimension):
    flat = np.random.default_rng(0).random((2000, dimension))
    bent = np.hstack([np.sin(2 * flat), np.cos(2 * flat), flat**2]).astype(np.float32)
    found = intrinsic_dimension(bent)
    assert found == pytest.approx(dimension, rel=0.15)
    repeated = np.concatenate([bent, bent[:700], bent[:700]])
    assert intrinsic_dimension(repeated) == pytest.approx(found, rel=1e-4)
    assert intrinsic_dimension(csr_array(repeated)) == pytest.approx(found, rel=1e-4)


def test_hubness_equals_a_naive_count_and_grows_with_dimension():
    vectors = cloud(80, 3)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    occurrence = np.bincount(distances.argsort(1)[:, :10].ravel(), minlength=80)
    expected = np.mean((occurrence - 10) ** 3) / occurrence.std() ** 3
    assert hubness(vectors) == pytest.approx(expected)
    assert hubness(csr_array(vectors)) == pytest.approx(expected)
    assert hubness(cloud(800, 200)) > hubness(cloud(800, 3)) + 1
    star = np.concatenate([np.zeros((1, 30)), 3 * np.eye(30)])
    assert hubness(star.astype(np.float32), k=1) > 4


def test_preservation():
    vectors = cloud(60, 4)
    assert (preservation(vectors, 3 * vectors + 1) == 1).all()
    assert (preservation(csr_array(vectors), vectors) == 1).all()
    kept = preservation(vectors, cloud(60, 4, seed=1), k=5)
    tables = []
    for rows in (vectors, cloud(60, 4, seed=1)):
        table = np.linalg.norm(rows[:, None] - rows[None], axis=2)
        np.fill_diagonal(table, np.inf)
        tables.append([set(row) for row in table.argsort(1)[:, :5].tolist()])
    np.testing.assert_allclose(kept, [len(a & b) / 5 for a, b in zip(*tables, strict=True)])


def test_neighbour_ranks_at_any_scale_and_in_a_dense_clump():
    vectors, places = cloud(300, 6), cloud(300, 2, seed=1).astype(np.float64)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(distances, -1)
    clump = places.copy()
    clump[100:] = 0.9 + 1e-5 * places[100:]
    for on_map in (places, clump):
        far = np.linalg.norm(on_map[:, None] - on_map[None], axis=2)
        nearest = far.argsort(axis=1)[:, 1:6]
        expected = np.sort(np.take_along_axis(distances.argsort(1).argsort(1), nearest, 1), axis=1)
        for scale in (1, 1e-25, 1e20):
            given = vectors * np.float32(scale)
            for batch in (None, 7):
                for rows in (given, csr_array(given)):
                    ranks = neighbour_ranks(rows, on_map * scale, k=5, batch=batch)
                    assert (np.sort(ranks, axis=1) == expected).mean() > 0.999


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_undefined_is_nan(make):
    same = make(np.full((20, 3), 0.1, np.float32))
    for measure in (effective_rank, intrinsic_dimension, hubness):
        assert np.isnan(measure(same))
        for n in (0, 1):
            assert np.isnan(measure(same[:n]))
        measure(make(cloud(2, 3)))
    assert np.isnan(intrinsic_dimension(make(np.eye(9, dtype=np.float32))))
    assert np.isnan(preservation(same[:11], same[:11])).all()
    assert np.isfinite(preservation(same, same)).all()
