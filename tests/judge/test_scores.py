"""Every score: what guessing gets, its bounds, its intervals, and how it is written."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from nearspace.data import SAMPLES, Dataset, Numbers, Vector
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.evidence import Evidence, Told
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.task import Protocol
from nearspace.judge.tasks import set_task


def diabetes():
    items, y = load_diabetes(return_X_y=True)
    return Dataset(items, Vector(10), target=Numbers(y), name="diabetes")


TASKS = {
    "classes": set_task(SAMPLES["wine"](), Protocol()),
    "numbers": set_task(diabetes(), Protocol()),
}


def evidence_of(task, spec="pca(dim=4)"):
    encoder = make(spec).fit_on(task.train)
    train, test = (encoder.transform(side.items) for side in (task.train, task.test))
    reference = task.test.items[task.sample], "euclidean"
    return Evidence(task, encoder, train, test, reference)


EVIDENCE = {name: evidence_of(task) for name, task in TASKS.items()}


@pytest.mark.parametrize("name", SCORES)
def test_every_score_is_what_its_row_says(name):
    score = SCORES[name]
    tried = 0
    for of, evidence in EVIDENCE.items():
        if score.needs == {of, "told"}:
            evidence = Told(evidence.targets, evidence.votes)
        elif not score.needs <= evidence.has:
            continue
        tried += 1
        measured = score.measure(evidence)
        if not score.per_unit:
            assert np.isfinite(float(measured))
            continue
        assert measured.shape == (len(TASKS[of].test),)
        there = measured[np.isfinite(measured)]
        assert len(there)
        assert not score.bounded or (there.min() >= 0 and there.max() <= 1)
        if score.guess is not None:
            guessed = score.guess(TASKS[of])
            assert guessed.shape == measured.shape
            better = score.sign * (np.nanmean(measured) - np.nanmean(guessed))
            assert better > 0, "principal components tell more than nothing does"
    assert tried, "no evidence of the test has what this score needs"
    assert score.name == name
    assert score.meaning.endswith(".")
    assert not score.bounded or score.per_unit


def test_guesses_agree_with_naive_loops():
    task = TASKS["classes"]
    labels, others = task.train.target.values.tolist(), task.test.target.values.tolist()
    commonest = max(sorted(set(labels)), key=labels.count)
    assert SCORES["knn"].guess(task).tolist() == [float(y == commonest) for y in others]
    alike = [(others.count(y) - 1) / (len(others) - 1) for y in others]
    np.testing.assert_allclose(SCORES["r_precision"].guess(task), alike)
    task = TASKS["numbers"]
    mean, y = task.train.target.values.mean(), task.test.target.values
    np.testing.assert_allclose(SCORES["knn_mae"].guess(task), [abs(v - mean) for v in y])
    assert SCORES["knn_r2"].guess(task).mean() == pytest.approx(0, abs=1e-12)


def test_the_mean_error_agrees_with_scikit_learn():
    from sklearn.metrics import mean_absolute_error
    from sklearn.neighbors import KNeighborsRegressor

    evidence = EVIDENCE["numbers"]
    train, test = evidence.targets
    told = KNeighborsRegressor(5).fit(evidence.train, train.values).predict(evidence.test)
    expected = mean_absolute_error(test.values, told)
    assert SCORES["knn_mae"].measure(evidence).mean() == pytest.approx(expected)


def test_reconstruction_equals_a_naive_loop():
    evidence = EVIDENCE["classes"]
    deviation = evidence.task.train.items.std(axis=0)
    decoded = evidence.encoder.inverse_transform(evidence.test)
    naive = [
        np.mean([((a - b) / d) ** 2 for a, b, d in zip(row, item, deviation, strict=True)])
        for row, item in zip(decoded, evidence.task.test.items, strict=True)
    ]
    np.testing.assert_allclose(SCORES["reconstruction"].measure(evidence), naive, rtol=1e-4)


def test_vectors_that_are_not_finite_are_refused():
    task = TASKS["classes"]
    vectors = np.full((len(task.test), 2), np.nan)
    train = np.zeros((len(task.train), 2))
    with pytest.raises(NearspaceError, match="Some test vectors are not finite"):
        Evidence(task, None, train, vectors)


def test_how_an_estimate_is_written():
    share, number, error = SCORES["knn"], SCORES["knn_r2"], SCORES["knn_mae"]
    assert share.text(Estimate(0.971, 0.96, 0.982)) == "97.1 [96.0, 98.2]"
    assert number.text(Estimate(0.4512, 0.4, 0.5)) == "0.451 [0.4, 0.5]"
    assert number.text(Estimate(-2e-17)) == "0"
    assert error.text(Estimate(24512.3, 24000, 25000)) == "24,512 [24,000, 25,000]"
    assert share.text(None) == share.text(Estimate(np.nan)) == ""
    assert share.gap(-0.012) == "1.2 points"
    assert number.gap(-0.012) == "0.012"
