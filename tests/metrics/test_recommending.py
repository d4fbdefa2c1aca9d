"""What users find, against loops and scikit-learn."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score

from nearspace.metrics.matching import Ranks
from nearspace.metrics.recommending import hits_within, ndcg_within, ranks_and_first


@pytest.fixture(scope="module", params=["dense", "ties", "sparse"])
def asked(request):
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(30, 6)), rng.normal(size=(50, 6))
    if request.param == "ties":
        users, items = np.round(users), np.round(items)
    has = rng.random((30, 50)) < 0.3
    later = ~has & (rng.random((30, 50)) < 0.1)
    if request.param == "sparse":
        users, items = (sparse.csr_array(np.where(np.abs(x) > 1, x, 0)) for x in (users, items))
    return users, items, sparse.csr_array(has.astype(np.float32)), np.argwhere(later)


def plain(vectors):
    return vectors.toarray() if sparse.issparse(vectors) else vectors


@pytest.mark.parametrize("metric", ["dot", "euclidean", "cosine"])
def test_ranks_and_what_comes_first_are_those_of_a_loop(asked, metric):
    users, items, has, links = asked
    ranks, first = ranks_and_first(users, items, links, has, metric, 7)
    one, other = plain(users), plain(items)
    alike = {
        "dot": lambda: one @ other.T,
        "euclidean": lambda: -np.linalg.norm(one[:, None] - other, axis=2),
        "cosine": lambda: cosines(one, other),
    }[metric]()
    alike = np.round(alike, 9)
    for user in range(30):
        free = np.flatnonzero(has.toarray()[user] == 0)
        order = free[np.lexsort([free, -alike[user, free]])]
        assert first[user].tolist() == order[:7].tolist()
    for (user, item), before, equal in zip(links, ranks.before, ranks.equal, strict=True):
        free = np.flatnonzero(has.toarray()[user] == 0)
        assert before == (alike[user, free] > alike[user, item]).sum()
        assert equal == (alike[user, free] == alike[user, item]).sum()


def cosines(one, other):
    sizes = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)
    return np.divide(one @ other.T, sizes, out=np.full(sizes.shape, -1.0), where=sizes > 0)


def test_ndcg_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    scores, later = rng.normal(size=(20, 40)), rng.random((20, 40)) < 0.15
    later[0] = False
    links = np.argwhere(later)
    none = sparse.csr_array((20, 40))
    ranks, _ = ranks_and_first(np.eye(20), scores.T, links, none, "dot")
    told = ndcg_within(ranks, links[:, 0], 20, 10)
    expected = [
        ndcg_score(later[[user]].astype(int), scores[[user]], k=10) for user in range(1, 20)
    ]
    np.testing.assert_allclose(told[1:], expected)
    assert np.isnan(told[0])


def test_of_those_equally_near_the_scores_are_means_over_all_orders():
    rng = np.random.default_rng(2)
    ranks = Ranks(np.array([1.0, 1.0]), np.array([4.0, 4.0]), np.ones(2))
    shares, gains = [], []
    for _ in range(20_000):
        places = rng.permutation(4)[:2] + 2  # two of four that stand at the places 2 to 5
        shares.append((places <= 3).mean())
        gains.append((1 / np.log2(places + 1))[places <= 3].sum() / (1 + 1 / np.log2(3)))
    assert hits_within(ranks, np.zeros(2, int), 1, 3)[0] == pytest.approx(np.mean(shares), abs=0.01)
    assert ndcg_within(ranks, np.zeros(2, int), 1, 3)[0] == pytest.approx(np.mean(gains), abs=0.01)


def test_more_than_there_are_are_not_found():
    users, items = np.ones((2, 1)), np.arange(3.0)[:, None]
    had = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 1]]))
    _, first = ranks_and_first(users, items, np.empty((0, 2), int), had, "dot", 5)
    assert first.tolist() == [[2, -1, -1, -1, -1], [-1] * 5]


def test_what_is_small_is_told_apart_as_what_is_large():
    rng = np.random.default_rng(3)
    users, items = rng.normal(size=(20, 5)), rng.normal(size=(40, 5))
    links, none = np.argwhere(rng.random((20, 40)) < 0.1), sparse.csr_array((20, 40))
    one, other = (
        ranks_and_first(users * scale, items * scale, links, none, "dot", 5)
        for scale in (1.0, 1e-7)
    )
    assert one[1].tolist() == other[1].tolist()
    assert one[0].before.tolist() == other[0].before.tolist()
    assert other[0].equal.max() == 1
