import numpy as np
import pytest
from scipy import linalg
from scipy.sparse import csr_array

from nearspace.metrics.similarity import cka, frechet_distance, neighbour_overlap


def cloud(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def naive_cka(a, b):
    """Unbiased HSIC as in Song et al. (2012), equation 5, term by term."""
    n = len(a)
    ones = np.ones(n)

    def hsic(left, right):
        cross = np.trace(left @ right)
        totals = (ones @ left @ ones) * (ones @ right @ ones) / ((n - 1) * (n - 2))
        return (cross + totals - 2 / (n - 2) * (ones @ left @ right @ ones)) / (n * (n - 3))

    grams = []
    for rows in (a, b):
        gram = rows.astype(np.float64) @ rows.T.astype(np.float64)
        np.fill_diagonal(gram, 0)
        grams.append(gram)
    left, right = grams
    return hsic(left, right) / np.sqrt(hsic(left, left) * hsic(right, right))


def test_cka_equals_its_definition():
    a = cloud(30, 4) + 2
    b = np.hstack([a[:, :2] ** 2, cloud(30, 5, seed=1)])
    expected = naive_cka(a, b)
    assert 0.05 < expected < 0.95
    assert cka(a, b) == pytest.approx(expected, rel=1e-6)
    assert cka(b, a) == pytest.approx(expected, rel=1e-6)
    assert cka(csr_array(a), csr_array(b)) == pytest.approx(expected, rel=1e-4)


def test_cka_ignores_rotation_scale_and_shift_but_not_stretching():
    a = cloud(50, 6) * np.arange(1, 7, dtype=np.float32)
    rotation = np.linalg.qr(cloud(6, 6, seed=1))[0]
    assert cka(a, 7 * a @ rotation + 3) == pytest.approx(1.0, rel=1e-5)
    assert cka(a, a @ np.diag([30.0, 1, 1, 1, 1, 1])) < 0.9


def test_cka_of_unrelated_spaces_is_near_zero_though_they_are_wide():
    values = [cka(cloud(40, 2000, seed), cloud(40, 2000, seed + 100)) for seed in range(5)]
    assert np.abs(values).max() < 0.1


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_undefined_is_nan(make):
    same, other = make(np.full((20, 3), 0.1, np.float32)), make(cloud(20, 3))
    assert np.isnan(cka(same, other))
    assert np.isnan(cka(other[:3], other[:3]))
    assert np.isnan(neighbour_overlap(other[:11], other[:11]))


def test_neighbour_overlap():
    a = cloud(300, 3)
    assert neighbour_overlap(a, -2 * a) == 1.0
    unrelated = neighbour_overlap(a, cloud(300, 3, seed=1))
    assert unrelated == pytest.approx(10 / 299, abs=0.015)
    near = neighbour_overlap(a, a + 0.3 * cloud(300, 3, seed=1))
    assert unrelated < near < 1


def test_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200, 5)) @ rng.standard_normal((5, 5))
    covariance = np.cov(a.T)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    # Scaled around its mean by s, a Gaussian is (s - 1)² tr C away; shifted, the square of that.
    mean = a.mean(axis=0)
    wanted = 0.25 * np.trace(covariance)
    assert frechet_distance(a, mean + 1.5 * (a - mean)) == pytest.approx(wanted)
    shift = np.arange(5)
    assert frechet_distance(a, 1.5 * (a - mean) + mean + shift) == pytest.approx(wanted + 30)


def test_frechet_distance_against_the_matrix_root_of_the_definition():
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((60, 4)) @ rng.standard_normal((4, 4)) for _ in range(2))
    first, second = np.cov(a.T), np.cov(b.T)
    root = np.real(linalg.sqrtm(first @ second))
    wanted = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(wanted)
    assert frechet_distance(b, a) == pytest.approx(wanted)


def test_frechet_distance_with_fewer_items_than_dimensions():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((5, 30)), rng.standard_normal((7, 30))
    assert frechet_distance(a, a + 1) == pytest.approx(30)
    # In more dimensions than items, a turn of everything changes nothing.
    turn = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(frechet_distance(a, b))
