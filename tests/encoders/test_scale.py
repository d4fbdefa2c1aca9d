"""`scale`: columns brought to one scale, whatever their units, and back."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import RobustScaler, StandardScaler

from nearspace import load, make
from nearspace.errors import DataError

RNG = np.random.default_rng(0)


def test_agrees_with_scikit_learn():
    wine = load("wine").items
    expected = StandardScaler().fit_transform(wine)
    np.testing.assert_allclose(make("scale").fit_transform(wine), expected, rtol=1e-5, atol=1e-6)
    expected = RobustScaler(unit_variance=True).fit_transform(wine)
    vectors = make("scale(robust=True)").fit_transform(wine)
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-6)
    counts = sparse.random(50, 20, density=0.2, format="csr", random_state=0)
    vectors = make("scale").fit_transform(counts)
    assert isinstance(vectors, sparse.csr_array)
    assert (vectors.dtype, vectors.nnz) == (np.float32, counts.nnz)
    expected = StandardScaler(with_mean=False).fit_transform(counts).toarray()
    np.testing.assert_allclose(vectors.toarray(), expected, rtol=1e-5)


@pytest.mark.parametrize("value", [14.62, 0.1, 0.0, -1e9, 3e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spec", ["scale", "scale(robust=True)", "raw | scale"])
def test_a_constant_column_becomes_zero(value, dtype, spec):
    items = np.column_stack([np.full(1000, value), RNG.normal(size=1000)]).astype(dtype)
    vectors = make(spec).fit_transform(items)
    assert not vectors[:, 0].any()
    assert 0.8 < vectors[:, 1].std() < 1.2


@pytest.mark.parametrize("spec", ["scale", "scale(robust=True)"])
def test_units_and_the_place_of_zero_change_nothing(spec):
    items = RNG.normal(size=(200, 5)).astype(np.float32).astype(np.float64)
    vectors = make(spec).fit_transform(items)
    elsewhere = items * [1, 1e30, 2.0**-90, 1, 1] + [0, 0, 0, 1.7e9, -4e4]
    encoder = make(spec).fit(elsewhere)
    np.testing.assert_allclose(encoder.transform(elsewhere), vectors, atol=2e-6)
    back = encoder.inverse_transform(vectors)
    np.testing.assert_allclose((back - elsewhere) / encoder.scale_, 0, atol=1e-5)


def test_robust_is_not_moved_by_a_few_and_divides_where_quartiles_are_equal():
    items = RNG.normal(size=(400, 2))
    items[:, 1] *= RNG.random(400) < 0.1  # both quartiles are 0, which is no reason not to divide
    wild = items.copy()
    wild[:4, 0] = 1e6
    for of, most in (("scale", 1e-3), ("scale(robust=True)", 0.9)):
        assert make(of).fit_transform(wild)[4:, 0].std() < most or most == 0.9
    vectors = make("scale(robust=True)").fit_transform(wild)
    assert 0.9 < vectors[4:, 0].std() < 1.1
    assert vectors[:, 1].std() == pytest.approx(1)
    pictures = load("digits").items
    assert make("scale(robust=True)").fit_transform(pictures).shape == (1797, 64)


def test_what_cannot_be_scaled_is_refused_in_a_sentence():
    counts = sparse.eye(5, format="csr")
    with pytest.raises(DataError, match=r"robust=True needs dense vectors.* by pca first\.$"):
        make("scale(robust=True)").fit(counts)
    narrow = make("scale").fit(np.array([[0.0], [1e-30]]))
    with pytest.raises(DataError, match=r"column 0 has a number so far from those"):
        narrow.transform([[3e38]])
    with pytest.raises(ValueError, match="'robust' parameter of Scaled must be"):
        make("scale(robust=3)").fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match="NaN"):
        make("scale").fit([[1.0, np.nan], [2.0, 3.0]])
