import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from nearspace.data import Classes, Numbers
from nearspace.errors import DataError
from nearspace.metrics.labels import PENALTIES, cluster_ami, knn_scores, probe, probe_scores


def blobs(n=300, classes=3, d=5, apart=4.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    centres = np.random.default_rng(99).normal(size=(classes, d)) * apart
    return (centres[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


def test_knn_and_probe_agree_on_dense_and_sparse_and_tell_classes_apart():
    train, y = blobs()
    test, y_test = blobs(200, seed=1)
    train[:, 0] = test[:, 0] = 7.0  # a constant column
    for score in (knn_scores, probe_scores):
        correct = score(train, y, test, y_test)
        assert correct.shape == (200,)
        assert correct.mean() > 0.9
        assert set(correct) <= {0.0, 1.0}
        np.testing.assert_array_equal(correct, score(train, y, test, y_test))
        sparse = score(csr_array(train), y, csr_array(test), y_test)
        assert abs(sparse - correct).mean() < 0.02
        shuffled = np.random.default_rng(2).permutation(y)
        assert score(train, shuffled, test, y_test).mean() < 0.55
        names = np.array(["a", "b", "c"], dtype=object)
        np.testing.assert_array_equal(score(train, names[y], test, names[y_test]), correct)


def test_too_large_k_names_both_numbers():
    train, y = blobs(4)
    with pytest.raises(DataError, match="k = 5 needs at least 5 training items, and there are 4"):
        knn_scores(train, y, train, y)
    assert knn_scores(train, y, train, y, k=1).mean() == 1.0


def test_probe_bears_hard_input(monkeypatch):
    same = np.full((20, 3), 0.1, np.float32)
    y = np.repeat([0, 1], [14, 6])
    assert probe_scores(same, y, same, y).mean() == pytest.approx(0.7)
    assert probe_scores(same, y * 0, same, y).mean() == pytest.approx(0.7)
    train, y = blobs()
    train[:, 1] *= 1e6
    impatient = LogisticRegression(max_iter=3)
    monkeypatch.setattr(Classes, "linear", lambda target, penalty=None: impatient)
    assert probe_scores(train, y, train, y).mean() > 0.5  # stopped early, unsaid


def test_nearly_as_many_classes_as_items_go_without_a_word():
    vectors, labels = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) // 2 * 2
    assert probe_scores(vectors, labels, vectors, labels).shape == (40,)
    assert abs(cluster_ami(vectors, np.arange(40) % 30)) < 1


def test_clusters():
    vectors, labels = blobs(400, apart=8.0)
    assert cluster_ami(vectors, labels) == pytest.approx(1.0)
    long = csr_array(vectors)
    long.indices, long.indptr = np.int64(long.indices), np.int64(long.indptr)
    assert cluster_ami(long, labels) == pytest.approx(1.0)
    assert long.indices.dtype == np.int64
    assert abs(cluster_ami(vectors, np.random.default_rng(0).permutation(labels))) < 0.05
    assert cluster_ami(vectors, labels, max_items=100) == pytest.approx(1.0)
    assert cluster_ami(np.ones_like(vectors), labels) == pytest.approx(0.0)


@pytest.mark.data
@pytest.mark.skipif("NEARSPACE_DATA" not in os.environ, reason="NEARSPACE_DATA is not set")
def test_mnist_raw():
    folder = Path(os.environ["NEARSPACE_DATA"]) / "mnist"

    def read(name, offset):
        return np.frombuffer(gzip.open(folder / name).read(), np.uint8, offset=offset)

    def images(name):
        return read(name, 16).reshape(-1, 784).astype(np.float32) / 255

    train, y = images("train-images-idx3-ubyte.gz"), read("train-labels-idx1-ubyte.gz", 8)
    test, y_test = images("t10k-images-idx3-ubyte.gz"), read("t10k-labels-idx1-ubyte.gz", 8)
    # As KNeighborsClassifier(5) of scikit-learn tells them, but for equal counts.
    fifth = knn_scores(train, y, test[::5], y_test[::5])
    assert fifth.mean() == pytest.approx(0.969, abs=0.001)
    assert probe_scores(train[:10_000], y[:10_000], test, y_test).mean() > 0.89


def test_scores_of_numbers_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(300, 6)) * 5 + 3, rng.normal(size=(90, 6)) * 5 + 3
    weights = rng.normal(size=6)
    y, y_test = (X @ weights + np.sin(X[:, 0]) + rng.normal(size=len(X)) for X in (train, test))

    def against_the_training_mean(told):
        return 1 - mean_squared_error(y_test, told) / np.square(y_test - y.mean()).mean()

    told = KNeighborsRegressor(5).fit(train, y).predict(test)
    shares = knn_scores(train, y, test, y_test)
    assert shares.shape == (90,)
    assert shares.mean() == pytest.approx(against_the_training_mean(told))
    # The test's own mean, which r2_score takes, guesses a little better than that of training.
    assert r2_score(y_test, told) == pytest.approx(shares.mean(), abs=0.01)
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))).fit(train, y)
    expected = against_the_training_mean(ridge.predict(test))
    assert probe_scores(train, y, test, y_test).mean() == pytest.approx(expected, abs=1e-6)
    ridge = make_pipeline(MaxAbsScaler(), Ridge()).fit(csr_array(train), y)
    expected = against_the_training_mean(ridge.predict(csr_array(test)))
    sparse = probe_scores(csr_array(train), y, csr_array(test), y_test)
    assert sparse.mean() == pytest.approx(expected, abs=1e-3)
    target = Numbers(y)
    guessed = target.score(y_test, np.full(90, target.guess()))
    assert guessed.mean() == pytest.approx(0, abs=1e-12)
    assert np.isnan(Numbers([1.0, 2.0]).score(np.full(3, 1.5), np.ones(3))).all()


class OneSize(TransformerMixin, BaseEstimator):
    """Divides all by the mean length of training rows."""

    def fit(self, X, y=None):
        self.size_ = np.sqrt((X**2).sum(axis=1).mean())
        return self

    def transform(self, X):
        return X / self.size_


def test_of_few_items_folds_choose_scaling_and_penalty_as_a_plain_search_does():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    means = rng.normal(size=(3, 200))
    vectors, test = (means[y] + rng.normal(0, 6, (60, 200)) for _ in range(2))
    vectors[:, 0] *= 1e-3
    for factor in (np.ones(200), np.logspace(0, -3, 200)):
        train, asked = vectors * factor, test * factor
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        searches = []
        for scaler in (StandardScaler(), FunctionTransformer()):
            model = make_pipeline(scaler, OneSize(), LogisticRegression(max_iter=200))
            search = GridSearchCV(model, {"logisticregression__C": PENALTIES}, cv=folds)
            search.fit(train, y)
            searches.append((search.best_score_, search.predict(asked)))
        wanted = max(searches, key=lambda search: search[0])[1]
        told = probe(train, Classes(y), asked)[0]
        assert (told == wanted).mean() > 0.96
    for nothing in (np.zeros((60, 200)), np.ones((60, 200)), csr_array((60, 200))):
        assert probe(nothing, Classes(y), nothing)[0].shape == (60,)
    two = probe(vectors[:40], Classes(y[:40]), test)
    assert two[1].shape == (60,)
    assert ((two[1] > 0) == two[0]).all()
