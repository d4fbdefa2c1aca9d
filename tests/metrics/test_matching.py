"""Matching: ranks of right answers against a naive loop, by cosine and by CSLS, and chance."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.metrics import matching
from nearspace.metrics.matching import hub_share, mean_likeness, standing_of


def cosine(one, other):
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return one @ other / lengths if lengths else -np.inf


def naive_ranks(queries, candidates, right, k, csls):
    """Return the rank of the first right answer of each query, one number after the other."""
    table = np.array([[cosine(x, y) for y in candidates] for x in queries])
    if csls:
        of_queries = [np.sort(row)[-k:].mean() for row in table]
        of_candidates = [np.sort(column)[-k:].mean() for column in table.T]
        table = 2 * table - np.array(of_queries)[:, None] - np.array(of_candidates)
    ranks = []
    for row, wanted in zip(table, right, strict=True):
        order = np.argsort(-row, kind="stable").tolist()
        ranks.append(1 + min(order.index(at) for at in np.flatnonzero(wanted)))
    return ranks


def sides(rng, n=60, m=45, d=8):
    """Return vectors with hubs, and right answers, of which some queries have several."""
    candidates = rng.normal(size=(m, d))
    candidates[:3] = 0.05 * candidates[:3] + 1
    right = rng.random((n, m)) < 0.03
    right[np.arange(n), rng.integers(0, m, n)] = True
    queries = rng.normal(size=(n, d)) + right @ candidates
    return queries, candidates, right


@pytest.mark.parametrize("csls", [False, True])
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array])
def test_ranks_are_those_of_a_naive_loop(monkeypatch, csls, stored):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(matching, "MOST_HELD", 300)  # several blocks
    queries, candidates, right = sides(rng)
    left, other = stored(queries), stored(candidates)
    crowded = mean_likeness(other, left, 10) if csls else None
    standing = standing_of(left, other, sparse.csr_array(right.astype(float)), crowded)
    ranks = np.array(naive_ranks(queries, candidates, right, 10, csls))
    np.testing.assert_array_equal(standing.rank, ranks)
    for k in (1, 5, 10):
        np.testing.assert_allclose(standing.within(k), ranks <= k)


def test_csls_takes_hubs_off_their_queries():
    rng = np.random.default_rng(0)
    queries, candidates, right = sides(rng, n=200, m=200)
    answers = sparse.csr_array(right.astype(float))
    plain = standing_of(queries, candidates, answers)
    csls = standing_of(queries, candidates, answers, mean_likeness(candidates, queries))
    assert hub_share(csls)[0] < hub_share(plain)[0]


def test_vectors_that_are_all_the_same_get_what_drawing_gets():
    rng = np.random.default_rng(0)
    right = sparse.csr_array([[1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
    standing = standing_of(np.ones((2, 3)), np.ones((5, 3)), right)
    orders = np.array([rng.permutation(5) for _ in range(20_000)])
    first = np.stack([orders[:, :2].min(axis=1), orders[:, 2]], axis=1)
    for k in (1, 2, 4, 5):
        np.testing.assert_allclose(standing.within(k), (first < k).mean(axis=0), atol=0.015)
    np.testing.assert_allclose(standing.rank, 1 + first.mean(axis=0), atol=0.03)


def test_what_has_no_direction_finds_nothing_and_is_not_found():
    right = sparse.csr_array(np.eye(3))
    queries = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    candidates = np.array([[1.0, 0.1], [0.0, 0.0], [0.0, 1.0]])
    standing = standing_of(queries, candidates, right)
    assert standing.within(1).tolist() == [0.0, 0.0, 1.0]
    assert standing.within(3).tolist() == [0.0, 0.0, 1.0]
    assert standing.first.tolist() == [-1, 0, 2]
    assert mean_likeness(queries, np.zeros((4, 2))).tolist() == [0.0, 0.0, 0.0]
