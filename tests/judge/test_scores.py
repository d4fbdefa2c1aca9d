"""Every score: what guessing gets, its bounds, its intervals, and how it is written."""

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    roc_auc_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nearspace import compare, load
from nearspace.data import SAMPLES, Dataset, Numbers, Vector
from nearspace.data.pairs import Pairs
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.evidence import Evidence, Told
from nearspace.judge.means import Means
from nearspace.judge.protocol import Protocol
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.tasks import set_task


def diabetes():
    items, y = load_diabetes(return_X_y=True)
    return Dataset(items, Vector(10), target=Numbers(y), name="diabetes")


def uneven(n=400, share=0.1):
    """Return two classes of which the rare one is hard to see, as spam is."""
    rng = np.random.default_rng(0)
    rare = rng.random(n) < share
    items = rng.normal(size=(n, 6)) + 1.1 * rare[:, None]
    return load(items, labels=np.where(rare, "spam", "ham"))


def pairs_of_noise(judged=False):
    """Return vectors, and the same with noise, of which some have more."""
    rng = np.random.default_rng(0)
    items, noise = rng.normal(size=(150, 6)), rng.uniform(0, 2, 150)
    others = items + noise[:, None] * rng.normal(size=(150, 6))
    sides = (Dataset(x.astype(np.float32), Vector(6)) for x in (items, others))
    links = np.stack([np.arange(150)] * 2, axis=1)
    return Pairs(*sides, links, -noise if judged else None, searched=not judged)


def plurals():
    """Return questions of the form "cat is to cats as dog is to …", which bytes answer."""
    nouns = ["cat", "dog", "boat", "house", "hammer", "planet", "river", "cloud"]
    lines = [f"{a} {a}s {b} {b}s" for a in nouns for b in nouns if a != b]
    return set_task(load([": plurals", *lines], kind="text"), Protocol(), "analogies")


TASKS = {
    "classes": set_task(SAMPLES["wine"](), Protocol()),
    "numbers": set_task(diabetes(), Protocol()),
    "two": set_task(uneven(), Protocol()),
}


def evidence_of(task, spec="pca(dim=4)"):
    encoder = make(spec).fit_on(task.train)
    train, test = (encoder.transform(side.items) for side in (task.train, task.test))
    reference = task.test.items[task.sample], "euclidean"
    return Evidence(task, encoder, train, test, reference)


EVIDENCE = {name: evidence_of(task) for name, task in TASKS.items()}
TASKS |= {
    "retrieval": set_task(pairs_of_noise(), Protocol()),
    "likeness": set_task(pairs_of_noise(True), Protocol()),
}
EVIDENCE |= {
    name: TASKS[name].evidence(make("pca(dim=4)").fit_on(TASKS[name].train))
    for name in ("retrieval", "likeness")
}
TASKS["matching"] = set_task(dataclasses.replace(pairs_of_noise(), searched=False), Protocol())
EVIDENCE["matching"] = TASKS["matching"].evidence(
    make("linear_pair(raw, right=raw)").fit_on(TASKS["matching"].train)
)
TASKS["links"] = set_task(SAMPLES["articles"](), Protocol(), "links")
EVIDENCE["links"] = TASKS["links"].evidence(make("attributes").fit_on(TASKS["links"].train))
TASKS["ranking"] = set_task(SAMPLES["readers"](), Protocol())
EVIDENCE["ranking"] = TASKS["ranking"].evidence(
    make("two_tower(dim=8)").fit_on(TASKS["ranking"].train)
)
TASKS["analogies"] = plurals()
EVIDENCE["analogies"] = TASKS["analogies"].evidence(make("raw").fit_on(TASKS["analogies"].train))


@pytest.mark.parametrize("name", SCORES)
def test_every_score_is_what_its_row_says(name):
    score = SCORES[name]
    tried = 0
    for of, evidence in EVIDENCE.items():
        if score.needs == {TASKS[of].name, "told"}:
            evidence = Told(evidence.targets, evidence.votes)
        elif not score.needs <= evidence.has or score not in TASKS[of].scores:
            continue
        tried += 1
        measured = score.measure(evidence)
        if not score.per_unit:
            assert np.isfinite(float(measured))
            continue
        users = len(getattr(TASKS[of], "users", ()))
        units = {"likeness": 150, "analogies": 56, "links": 144, "ranking": users}
        units = units.get(of, len(TASKS[of].test))
        assert measured.shape == (units,)
        there = measured[np.isfinite(measured)]
        assert len(there)
        assert not score.bounded or score.by_class or (there.min() >= 0 and there.max() <= 1)
        if score.guess is not None:
            guessed = score.guess(TASKS[of])
            assert guessed.shape == measured.shape
            strata = TASKS[of].test.target.strata if score.by_class else None
            means = Means.of(np.stack([measured, guessed])[:, None], None, strata).values
            better = score.sign * (means[0] - means[1])
            assert not score.bounded or ((means >= 0).all() and (means <= 1).all())
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


@pytest.fixture(scope="module")
def spam():
    return compare(uneven(), encoders=["pca(dim=3)"], folds=1)


def test_scores_of_uneven_classes_agree_with_scikit_learn(spam):
    task = TASKS["two"]
    train, test = task.targets
    nearest = KNeighborsClassifier(5, algorithm="brute").fit(task.train.items, train.values)
    probe = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=200))
    probe.fit(task.train.items, train.values)
    voted, margin = nearest.predict(task.test.items), probe.decision_function(task.test.items)
    said, is_spam = probe.predict(task.test.items), test.values == "spam"
    expected = {
        "knn_balanced": balanced_accuracy_score(test.values, voted),
        "knn_f1": f1_score(test.values, voted, average="macro"),
        "probe_balanced": balanced_accuracy_score(test.values, said),
        "probe_auc": roc_auc_score(is_spam, margin),
        "probe_ap": average_precision_score(is_spam, margin),
    }
    raw = next(row for row in spam.results if row.spec == "raw")
    for name, value in expected.items():
        assert raw.scores[name].value == pytest.approx(value, abs=1e-3), name
        assert 0 <= raw.scores[name].low < raw.scores[name].value < raw.scores[name].high <= 1
    chance = spam.results[-1].scores
    told = {name: chance[name].value for name in expected}
    share = is_spam.mean()
    assert told == pytest.approx(
        {
            "knn_balanced": 0.5,
            "knn_f1": (1 - share) / (2 - share),
            "probe_balanced": 0.5,
            "probe_auc": 0.5,
            "probe_ap": share,
        }
    )


def test_uneven_classes_are_ranked_by_balanced_accuracy_and_it_is_said(spam):
    assert (spam.rank_by, spam.label()) == ("knn_balanced", "5-NN balanced accuracy")
    (note,) = [note for note in spam.notes if "uneven" in note]
    assert "'ham' and" in note
    assert "--rank-by knn" in note
    values = [row.scores["knn_balanced"].value for row in spam.results[:-1]]
    assert values == sorted(values, reverse=True)
    assert spam.results[0].verdict == "best"
    by_accuracy = compare(uneven(), encoders=[], rank_by="knn")
    assert by_accuracy.rank_by == "knn"
    assert not any("uneven" in note for note in by_accuracy.notes)
    even = set_task(SAMPLES["wine"](), Protocol())
    assert (even.rank_by, even.ranking_notes("encoders")) == ("knn", [])


@pytest.mark.parametrize("name", ["knn_f1", "probe_auc", "probe_ap", "probe_balanced"])
def test_any_of_them_ranks(name):
    board = compare(uneven(), encoders=["raw | l2"], rank_by=name)
    assert board.rank_by == name
    assert {row.verdict for row in board.results} >= {"best", "floor"}
    assert board.results[0].over_chance.value > 0.1


def test_two_classes_are_needed_where_one_is_looked_for():
    with pytest.raises(NearspaceError, match=r"probe_auc needs two classes.*wine has 3 to learn"):
        set_task(SAMPLES["wine"](), Protocol(rank_by="probe_auc"))
    assert not {"probe_auc", "probe_ap"} & {score.name for score in TASKS["classes"].scores}
    with pytest.raises(NearspaceError, match="Ranking by probe_ap needs labels that are classes"):
        set_task(diabetes(), Protocol(rank_by="probe_ap"))
