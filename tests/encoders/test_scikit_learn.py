"""scikit-learn's own checks, over every encoder that takes vectors."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from nearspace.data import SAMPLES
from nearspace.encoders import CATALOGUE
from nearspace.encoders.learned.learned import Learned
from nearspace.encoders.spec import make

# `vectors` looks rows of a file up and has nothing to fit; the others take vectors alone or too.
EAT_VECTORS = [
    make(name)
    for name, entry in CATALOGUE.items()
    if {"vector", "any"} & {*entry.kinds} and name != "vectors"
]
NETWORKS = [
    encoder.set_params(epochs=2, **({"dim": 2} if "dim" in encoder.get_params() else {}))
    for encoder in EAT_VECTORS
    if isinstance(encoder, Learned)
]


@parametrize_with_checks([encoder for encoder in EAT_VECTORS if encoder not in NETWORKS])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.trains
@parametrize_with_checks(NETWORKS)
def test_scikit_learn_checks_of_networks(estimator, check):
    check(estimator)


def test_works_in_pipeline_grid_search_and_union():
    digits = SAMPLES["digits"]()
    images, labels = digits.items[:400], digits.target.values[:400]
    pipeline = make_pipeline(make("pca"), KNeighborsClassifier())
    search = GridSearchCV(pipeline, {"pca__dim": [1, 12]}, cv=3).fit(images, labels)
    assert search.best_params_ == {"pca__dim": 12}
    union = FeatureUnion([("pca", make("pca(dim=3)")), ("raw", make("raw"))])
    assert union.fit_transform(images).shape == (400, 67)


def test_names_of_dimensions():
    customers = SAMPLES["customers"]()
    names = make("onehot").fit(customers.items).get_feature_names_out()
    assert any("=" in name for name in names)
    assert any(name.endswith(" missing") for name in names)
    assert make("bow").fit(["b a", "aa bb"]).get_feature_names_out().tolist() == ["aa", "bb"]
    assert make("pca(dim=2)").fit(np.eye(4)).get_feature_names_out().tolist() == ["pca0", "pca1"]


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_supervised_encoders_want_labels(name):
    images = SAMPLES["digits"]().items[:40]
    with pytest.raises(ValueError, match="requires y"):
        make(name).fit(images)
    with pytest.raises(ValueError, match="only one class"):
        make(name).fit(images, np.zeros(40))
    with pytest.raises(ValueError, match="expected 40 labels"):
        make(name).fit(images, np.zeros(39))


@pytest.mark.trains
@pytest.mark.parametrize("name", ["autoencoder", "vae", "simclr"])
def test_parameters_set_after_fit_wait_for_the_next_fit(name):
    images = SAMPLES["digits"]().items[:40]
    encoder = make(f"{name}(dim=3, epochs=1)").fit(images).set_params(dim=2)
    assert encoder.transform(images).shape == (40, 3)
    assert len(encoder.get_feature_names_out()) == 3
    if hasattr(encoder, "inverse_transform"):
        assert encoder.inverse_transform(encoder.transform(images)).shape == images.shape
