"""Learning from views: what the views make alike, and what keeps the space from collapsing."""

import numpy as np
import pytest
import torch

from nearspace.data import SAMPLES
from nearspace.encoders.learned.views import SimCLR, SupCon, VICReg
from nearspace.errors import DataError
from nearspace.metrics.labels import knn_scores

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return SAMPLES["digits"]()


@pytest.mark.parametrize(
    "encoder",
    [SimCLR(epochs=8), VICReg(epochs=8), SupCon(epochs=4)],
    ids=["simclr", "vicreg", "supcon"],
)
def test_neighbours_are_of_one_class(digits, encoder):
    train, test = digits.take(np.arange(0, 1797, 2)), digits.take(np.arange(1, 1797, 2))
    encoder.fit(train.items, train.target.values)
    here, there = encoder.transform(train.items), encoder.transform(test.items)
    assert knn_scores(here, train.target.values, there, test.target.values).mean() >= 0.92


def test_vicreg_tells_its_terms_and_does_not_collapse(digits):
    encoder = VICReg(dim=16, epochs=6).fit(digits.items[:600])
    terms = encoder.history_["terms"]
    assert set(terms) == {"invariance", "variance", "covariance"}
    assert terms["variance"][-1] < 0.5  # projections spread by more than half of what is wanted
    spread = np.linalg.svd(encoder.transform(digits.items), compute_uv=False) ** 2
    assert (spread / spread.sum()).max() < 0.9


def test_mirrored_images_come_near_where_views_are_flipped(digits):
    items = digits.items[:600]

    def gap(flip):
        """Distance of an image from its mirror image, over that from a random other."""
        encoder = SimCLR(dim=16, epochs=10, flip=flip).fit(items)
        here, mirrored = encoder.transform(items), encoder.transform(items[:, :, ::-1].copy())
        others = np.linalg.norm(here - here[np.random.default_rng(0).permutation(600)], axis=1)
        return np.median(np.linalg.norm(here - mirrored, axis=1)) / np.median(others)

    assert gap(flip=True) < 0.7 * gap(flip=False)


@pytest.mark.parametrize("cls", [SimCLR, VICReg, SupCon])
def test_few_images_of_any_shape_can_be_learned_from(cls):
    for shape in [(2, 1, 1, 1), (3, 5, 9, 3), (21, 4, 4, 1)]:  # of 21, two are held out
        items = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        vectors = cls(dim=3, epochs=2).fit(items, np.arange(len(items)) % 2).transform(items)
        assert vectors.shape == (len(items), 3)
        assert np.isfinite(vectors).all()


def test_one_item_held_out_has_a_finite_loss(digits):
    # The last part of the held-out items may be a single one, from which no spread can be told.
    encoder = VICReg(dim=4, epochs=1).fit(digits.items[:40])
    one = encoder.batches(digits.items[:1])[:]
    terms = encoder.losses(encoder.nets_, one, None, torch.Generator().manual_seed(0))
    assert all(term.isfinite() for term in terms.values())


def test_only_supcon_needs_labels(digits):
    with pytest.raises(DataError, match="SupCon learns from labels"):
        SupCon(epochs=1).fit(digits.items[:100])


@pytest.mark.parametrize(
    "encoder", [SimCLR(temperature=0), VICReg(invariance=-1), SupCon(flip="yes")]
)
def test_parameters_out_of_range_are_refused(digits, encoder):
    with pytest.raises(ValueError, match=f"of {type(encoder).__name__} must be"):
        encoder.fit(digits.items, digits.target.values)
