"""Scores of links against scikit-learn and a loop."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import average_precision_score, roc_auc_score

from nearspace.metrics.links import (
    auc_parts,
    link_likeness,
    link_ranks,
    precision_parts,
)


@pytest.mark.parametrize("digits", [1, 6])
def test_means_over_edges_are_the_scores_of_scikit_learn(digits):
    rng = np.random.default_rng(0)
    positives = rng.normal(0.5, 1, 70).round(digits)
    negatives = rng.normal(0, 1, 90).round(digits)
    labels, scores = np.repeat([1, 0], [70, 90]), np.concatenate([positives, negatives])
    assert auc_parts(positives, negatives).mean() == pytest.approx(roc_auc_score(labels, scores))
    told = average_precision_score(labels, scores)
    assert precision_parts(positives, negatives).mean() == pytest.approx(told)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_ranks_are_those_of_a_loop(metric, form):
    rng = np.random.default_rng(1)
    n = 40
    vectors = rng.integers(-2, 3, size=(n, 3)).astype(np.float32)  # with many ties
    pairs = np.unique(np.sort(rng.integers(n, size=(90, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    linked = sparse.coo_array((np.ones(len(pairs)), pairs.T), shape=(n, n)).tocsr()
    linked = sparse.csr_array(linked + linked.T)
    asked = pairs[::3]
    ranks = link_ranks(form(vectors), asked, linked, metric).means.reshape(2, -1)
    alike = {
        "dot": vectors @ vectors.T,
        "euclidean": -np.linalg.norm(vectors[:, None] - vectors, axis=2),
    }.get(metric)
    if alike is None:
        norms = np.linalg.norm(vectors, axis=1)
        alike = vectors @ vectors.T / np.maximum(np.outer(norms, norms), 1e-12)
        alike[(norms == 0)[:, None] | (norms == 0)] = -1
    beside = linked.toarray() > 0
    for at, pair in enumerate(asked):
        for which, (one, other) in enumerate((pair, pair[::-1])):
            pool = [x for x in range(n) if x != one and (x == other or not beside[one, x])]
            own = [round(float(alike[one, x]), 6) for x in pool]
            mine = round(float(alike[one, other]), 6)
            above, equal = sum(a > mine for a in own), sum(a == mine for a in own)
            assert ranks[which, at] == above + (equal + 1) / 2


def test_likeness_of_equal_nodes_is_equal_whatever_rounding_does():
    vectors = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    vectors[3:] = 3 * vectors[:3]
    alike = link_likeness(vectors, np.array([[0, 3], [1, 4], [2, 5]]), "cosine")
    assert alike.tolist() == [1.0, 1.0, 1.0]
