"""A linear head: which items are held out, which penalty is chosen, against the textbook."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from nearspace.data import Classes, Numbers
from nearspace.encoders import heads
from nearspace.encoders.heads import folds, linear_head


@pytest.mark.parametrize("counts", [[40, 30, 1], [5, 2, 2, 1], [2, 1], [1, 1], [3]])
def test_folds_hold_out_every_item_but_the_only_one_of_a_class(counts):
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    found = folds(classes, seed=1)
    held = np.concatenate([held for _, held in found]) if found else np.array([], dtype=int)
    several = np.array(counts)[classes] > 1
    np.testing.assert_array_equal(np.sort(held), np.flatnonzero(several))
    for kept, part in found:
        assert sorted([*kept, *part]) == list(range(len(classes)))
        assert len(np.unique(classes[kept])) == len(counts)
    again = [held.tolist() for _, held in folds(classes, seed=1)]
    assert again == [held.tolist() for _, held in found]


@pytest.mark.parametrize("sparse", [False, True])
def test_the_penalty_is_chosen_though_a_class_has_one_item(sparse):
    random = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], [30, 30, 1])
    vectors = random.normal(size=(61, 40))  # nothing to learn: a strong penalty is best
    given = scipy.sparse.csr_array(vectors) if sparse else vectors
    head = linear_head(given, Classes(classes), 0)
    assert 1 / max(heads.PENALTIES) == head[-1].C
    again = linear_head(given, Classes(classes), 0)
    np.testing.assert_array_equal(head.predict_proba(given), again.predict_proba(given))
    assert linear_head(given[-2:], Classes(classes[-2:]), 0).predict(given[-2:]).tolist() == [1, 2]


def slow_head(vectors, target, seed):
    """The head of the textbook: every penalty on every fold from nothing, to the end."""
    dense = isinstance(vectors, np.ndarray)
    steps = [("scale", StandardScaler() if dense else MaxAbsScaler()), ("linear", target.linear())]
    models = [target.linear(penalty) for penalty in heads.PENALTIES]
    if target.name == "classes":
        models = [model.set_params(tol=1e-7, max_iter=10_000) for model in models]
    splits = folds(target.strata, seed)
    search = GridSearchCV(Pipeline(steps), {"linear": models}, scoring=target.fit_of, cv=splits)
    return search.fit(vectors, target.values).best_estimator_


@pytest.mark.parametrize("form", ["narrow", "wide", "sparse", "numbers"])
def test_the_linear_head_is_that_of_the_textbook(form):
    """Whether it is found in the span of few wide vectors, or in all columns."""
    random = np.random.default_rng(2)
    n, d = 90, 300 if form in ("wide", "numbers") else 12
    kinds = np.arange(n) % 3
    vectors = random.normal(size=(n, d)).astype(np.float32)
    vectors[:, :6] += 1.5 * random.normal(size=(3, 6))[kinds]
    vectors[:, -1] = 7.0  # a column that tells nothing, and has no deviation
    given = scipy.sparse.csr_array(np.maximum(vectors, 0)) if form == "sparse" else vectors
    target = Numbers(kinds + random.normal(size=n)) if form == "numbers" else Classes(kinds)
    labelled, others = given[:60], given[60:]
    fast, slow = (
        head(labelled, target.take(np.arange(60)), 0) for head in (linear_head, slow_head)
    )
    name = "alpha" if form == "numbers" else "C"
    assert getattr(fast[-1], name) == getattr(slow[-1], name)
    assert fast[-1].coef_.shape == slow[-1].coef_.shape
    tell = "predict" if form == "numbers" else "predict_proba"
    told, wanted = getattr(fast, tell)(others), getattr(slow, tell)(others)
    np.testing.assert_allclose(told, wanted, atol=0.01)


def test_an_item_whose_class_gets_no_probability_does_not_stop_the_choice():
    vectors = np.random.default_rng(0).normal(size=(60, 4)) + np.repeat([[0], [3]], 30, axis=0)
    vectors[0] = 1e6
    head = linear_head(vectors, Classes(np.repeat([0, 1], 30)), 0)
    assert np.isfinite(head.predict_proba(vectors)).all()
