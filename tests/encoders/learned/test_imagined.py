"""What descriptions are led to, by regression and by the flow, and what is drawn of them."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from nearspace.data import load
from nearspace.data.pairs import Pairs
from nearspace.encoders.learned.imagined import ridge
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError


def paired(left, right):
    links = np.arange(len(left))[:, None].repeat(2, axis=1)
    return Pairs(load(left), load(right), links)


def test_regression_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 6)) + 3, rng.normal(size=(50, 4))
    share = 0.3 * np.trace(np.cov(x.T, bias=True)) / 6
    other = Ridge(alpha=50 * share).fit(x, y)
    matrix, shift = ridge(x, y, 0.3)
    np.testing.assert_allclose(matrix, other.coef_.T, rtol=1e-8)
    np.testing.assert_allclose(shift, other.intercept_, rtol=1e-8)


@pytest.fixture(scope="module")
def two_places():
    """Rows of which a number says the first column; the second is -2 or 2, whatever it says."""
    rng = np.random.default_rng(0)
    said = rng.normal(size=(800, 1))
    sign = rng.choice([-2.0, 2.0], size=(800, 1))
    left = np.float32(np.hstack([said, sign]) + 0.1 * rng.normal(size=(800, 2)))
    encoder = make("imagine(raw, right=raw, steps=1000)").fit_on(paired(left, np.float32(said)))
    return encoder, np.float32([[-1.0], [1.0]])


@pytest.mark.trains
def test_draws_go_where_items_lie_and_the_regression_between_them(two_places):
    encoder, asked = two_places
    told = encoder.side("right").transform(asked)
    drawn = encoder.draw(asked, 200, random_state=0)
    assert np.abs(told[:, 1]).max() < 0.5
    assert (np.abs(np.abs(drawn[..., 1]) - 2) < 0.7).mean() > 0.8
    for at in range(2):
        assert 0.25 < (drawn[at, :, 1] > 0).mean() < 0.75
        assert abs(drawn[at, :, 0].mean() - asked[at, 0]) < 0.3  # the regression shrinks


@pytest.mark.trains
def test_draws_are_those_of_the_seed_also_when_it_is_loaded(two_places, tmp_path):
    encoder, asked = two_places
    encoder.save(tmp_path / "imagine")
    again = load_encoder(tmp_path / "imagine")
    drawn = encoder.draw(asked, 3, random_state=1)
    np.testing.assert_array_equal(drawn, again.draw(asked, 3, random_state=1))
    assert np.abs(drawn - encoder.draw(asked, 3, random_state=2)).max() > 0.1


@pytest.mark.trains
def test_pictures_of_what_digits_are_called_are_told_from_each_other():
    digits = load("digits")
    names = np.array([letter * 3 for letter in "abcdefghij"])
    called = names[digits.target.values.astype(int)].tolist()
    pairs = Pairs(digits, load(called), np.arange(len(called))[:, None].repeat(2, axis=1))
    spec = "imagine(raw | pca(dim=16), right=tfidf | svd(dim=9), steps=800)"
    encoder = make(spec).fit_on(pairs)
    drawn = encoder.draw(names.tolist(), 20, random_state=0)
    vectors = encoder.side("left").transform(digits.items)
    middles = np.stack([vectors[np.array(called) == name].mean(axis=0) for name in names])
    away = np.linalg.norm(drawn[:, :, None] - middles, axis=-1)
    assert (away.argmin(axis=-1) == np.arange(10)[:, None]).mean() > 0.6
    assert encoder.side("left").decoder.decode(drawn[0]).shape == (20, 8, 8, 1)


def test_what_cannot_be_learnt_or_drawn_is_one_sentence():
    few = paired(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32))
    with pytest.raises(DataError, match="expected 5 pairs or more to learn from, got 3"):
        make("imagine(raw, right=raw)").fit_on(few)


@pytest.mark.trains
def test_fewer_than_one_draw_is_refused(two_places):
    encoder, asked = two_places
    with pytest.raises(DataError, match="expected 1 draw or more, got 0"):
        encoder.draw(asked, 0)
