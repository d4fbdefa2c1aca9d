"""Wide vectors in fewer dimensions: nothing that looks at distances sees a difference."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.metrics.geometry import hubness, intrinsic_dimension, preservation
from nearspace.metrics.labels import cluster_ami
from nearspace.metrics.retrieval import nearest, r_precision
from nearspace.metrics.rotation import rotated

LABELS = np.arange(90) % 3


@pytest.fixture(scope="module")
def wide():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(90, 2000)) + 3 * random.normal(size=(3, 2000))[LABELS]
    vectors[7] = vectors[8]
    vectors[9] = 0
    return vectors.astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "dot"])
def test_neighbours_are_the_same(wide, metric):
    turned = rotated(wide)
    assert turned.shape == (90, 89)
    there, here = (nearest(x, x, 5, metric, exclude_self=True) for x in (wide, turned))
    assert (there[0] == here[0]).mean() > 0.99
    np.testing.assert_allclose(there[1], here[1], rtol=1e-4, atol=1e-3)


def test_equal_vectors_stay_equal_and_zero_stays_zero(wide):
    turned = rotated(wide)
    assert (turned[7] == turned[8]).all()
    assert not turned[9].any()


def test_figures_are_the_same(wide):
    turned = rotated(wide)
    for measure in (
        lambda x: hubness(x),
        lambda x: intrinsic_dimension(x, "euclidean"),
        lambda x: cluster_ami(x, LABELS),
        lambda x: r_precision(x, LABELS)[0].mean(),
        lambda x: preservation(wide, x).mean(),
    ):
        assert measure(turned) == pytest.approx(measure(wide), rel=0.01)


@pytest.mark.parametrize("scale", [1e-40, 1e37])
def test_whatever_their_scale(wide, scale):
    vectors = (wide.astype(np.float64) * scale).astype(np.float32)
    assert np.isfinite(rotated(vectors)).all()


def test_vectors_that_are_sparse_or_not_so_wide_are_left(wide):
    for vectors in (sparse.csr_array(wide), wide[:, :300]):
        assert rotated(vectors) is vectors
