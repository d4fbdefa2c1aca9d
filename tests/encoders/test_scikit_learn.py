"""scikit-learn's own checks, over every encoder that takes vectors."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from nearspace.data import SAMPLES
from nearspace.encoders import CATALOGUE
from nearspace.encoders.learned.learned import Learned
from nearspace.encoders.spec import make
from nearspace.errors import SpecError

# Two have nothing to fit, one needs an encoder, one a file; the others take vectors alone or too.
EAT_VECTORS = [
    make(name)
    for name, entry in CATALOGUE.items()
    if {"vector", "any"} & {*entry.kinds} and name not in {"vectors", "frozen", "finetuned", "onnx"}
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


TEXTS = ["red apple pie", "green apple tart", "apple red", "blue car road", "car fast road"] * 6


@pytest.mark.parametrize(
    ("spec", "grid"),
    [
        ("tfidf | pca", {"tfidf__ngram_range": [None, (1, 2)], "pca__dim": [1, 3]}),
        ("tfidf(max_features=3) + (bow | pca)", {"piped__pca__dim": [1, 2]}),
        ("onehot | pca", {"pca__dim": [2, 8]}),
        ("raw | pca | pca", {"pca-1__dim": [8], "pca-2__dim": [1, 4]}),
        ("raw | pca", {"pca": [make("pca(dim=2)"), make("l2")]}),
    ],
)
def test_a_grid_goes_over_the_parts_of_pipes_and_sums(spec, grid):
    data = {
        "tfidf": (TEXTS, [int("car" in text) for text in TEXTS]),
        "onehot": (SAMPLES["customers"]().items[:90], SAMPLES["customers"]().target.values[:90]),
    }
    wine = SAMPLES["wine"]()
    X, y = data.get(spec[:6].rstrip("( "), (wine.items, wine.target.values))
    encoder = make(spec)
    whole = make_pipeline(encoder, KNeighborsClassifier(3))
    grid = {f"{type(encoder).__name__.lower()}__{name}": of for name, of in grid.items()}
    search = GridSearchCV(whole, grid, cv=3, error_score="raise").fit(X, y)
    chosen = search.best_estimator_[0]
    assert chosen.spec == clone(whole).set_params(**search.best_params_)[0].spec
    assert encoder.spec == spec  # the grid has changed clones alone
    refitted = make(chosen.spec).fit(X, y)
    np.testing.assert_array_equal(_dense(refitted.transform(X)), _dense(chosen.transform(X)))


def _dense(vectors):
    return vectors.toarray() if hasattr(vectors, "toarray") else vectors


def test_parameters_of_parts_are_set_at_once_and_shown():
    pipe = make("tfidf | pca(dim=3)")
    part = pipe.get_params()["pca"]
    pipe.set_params(pca=make("autoencoder"), pca__epochs=3, tfidf__analyzer="char")
    assert repr(pipe) == "Piped(encoders=[TfIdf(analyzer='char'), Autoencoder(epochs=3)])"
    assert pipe.spec == "tfidf(analyzer='char') | autoencoder(epochs=3)"
    assert part.dim == 3
    other = clone(pipe).set_params(autoencoder__epochs=9)
    assert (pipe.get_params()["autoencoder__epochs"], other.get_params(deep=False)) == (
        3,
        {"encoders": other.encoders},
    )
    assert other.set_params(encoders=[make("bow"), make("l2")], bow__analyzer="char").spec == (
        "bow(analyzer='char') | l2"
    )


@pytest.mark.parametrize("wrong", ["pcs__dim", "pca__dm", "dim", "pca-1"])
def test_a_parameter_that_no_part_has_is_told(wrong):
    pipe = make("tfidf | pca")
    with pytest.raises(SpecError, match="has no parameter"):
        pipe.set_params(**{"tfidf__max_features": 2, wrong: 1})
    with pytest.raises(SpecError, match=r"Did you mean 'pca__dim'\?"):
        pipe.set_params(pca__dmi=1)


def test_a_part_that_is_no_encoder_is_told():
    pipe = make("raw | pca").set_params(pca="umap")
    with pytest.raises(
        SpecError, match=r"made of encoders, as make\('pca'\) returns one; got 'umap'"
    ):
        pipe.fit(SAMPLES["wine"]().items)


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
