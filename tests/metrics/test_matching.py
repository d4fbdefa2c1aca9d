"""Ranks among all of the other side, against a loop over the definitions."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.metrics.matching import NEAREST, Ranks, match_ranks

RNG = np.random.default_rng(0)
LINKS = np.array([[i, (7 * i) % 40] for i in range(60)] + [[3, 0], [3, 1]])


def naive_ranks(alike, links):
    """Return the ranks of the first right answers, by counting what stands before them."""
    ranks = np.full(len(alike), np.nan)
    for query in range(len(alike)):
        own = {int(at) for one, at in links if one == query}
        if own:
            best = max(alike[query][at] for at in own)
            before = sum(value > best for value in alike[query])
            equal = [at for at, value in enumerate(alike[query]) if value == best]
            right = len(own.intersection(equal))
            # The mean place of the first of some right ones among all that are equal.
            ranks[query] = before + (len(equal) + 1) / (right + 1)
    return ranks


def likeness(left, right, metric):
    if metric == "dot":
        return left @ right.T
    if metric == "euclidean":
        return -np.linalg.norm(left[:, None] - right, axis=2)
    units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (left, right)]
    return units[0] @ units[1].T


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("csls", [False, True])
def test_ranks_are_those_of_a_loop(metric, csls):
    left, right = RNG.integers(-2, 3, (60, 4)) + 0.5, RNG.integers(-2, 3, (40, 4)) + 0.5
    alike = likeness(left, right, metric)
    if csls:
        own = [np.sort(a, axis=1)[:, -NEAREST:].mean(axis=1) for a in (alike, alike.T)]
        alike = 2 * alike - own[0][:, None] - own[1]
    alike = np.round(alike, 9)
    got = match_ranks(left, right, LINKS, metric, csls)
    np.testing.assert_allclose(got.left.means, naive_ranks(alike, LINKS))
    np.testing.assert_allclose(got.right.means, naive_ranks(alike.T, LINKS[:, ::-1]))
    spread = match_ranks(sparse.csr_array(left), sparse.csr_array(right), LINKS, metric, csls)
    np.testing.assert_allclose(spread.left.means, got.left.means)


def test_vectors_that_are_all_the_same_find_nothing():
    same, links = np.ones((50, 3)), np.arange(50)[:, None].repeat(2, axis=1)
    matched = match_ranks(same, same, links)
    assert matched.left.means.tolist() == matched.right.means.tolist() == [25.5] * 50
    np.testing.assert_allclose(matched.left.within(1), 1 / 50)
    np.testing.assert_allclose(matched.left.within(10), 1 / 5)
    assert matched.largest_hub == pytest.approx(1 / 50)


def test_what_is_equally_near_is_within_k_as_often_as_in_a_random_order():
    rng = np.random.default_rng(0)
    for before, equal, right, k in (
        (0, 4, 1, 1),
        (3, 5, 2, 5),
        (2, 3, 3, 2),
        (0, 2, 1, 5),
        (4, 6, 1, 7),
    ):
        places = [rng.permutation(equal)[:right].min() + before < k for _ in range(4000)]
        ranks = Ranks(*(np.array([float(x)]) for x in (before, equal, right)))
        assert ranks.within(k)[0] == pytest.approx(np.mean(places), abs=0.03)


def test_an_item_that_is_near_to_all_is_a_hub_and_csls_counts_it_less():
    rng = np.random.default_rng(1)
    left = rng.normal(size=(80, 20)) + 1
    right = left + rng.normal(0, 1.2, size=left.shape)
    right[0] = left.mean(axis=0)
    links = np.arange(80)[:, None].repeat(2, axis=1)
    plain, corrected = (match_ranks(left, right, links, csls=csls) for csls in (False, True))
    assert plain.largest_hub > 0.1 > corrected.largest_hub
    assert corrected.left.within(1).mean() > plain.left.within(1).mean()


def test_an_item_without_direction_is_found_last_and_one_without_partner_has_no_rank():
    left, right = np.array([[1.0, 0], [0, 0], [0, 1]]), np.array([[1.0, 0.1], [0.1, 1]])
    matched = match_ranks(left, right, np.array([[0, 0], [1, 1]]))
    assert matched.left.means.tolist()[:2] == [1, 1.5]
    assert np.isnan(matched.left.means[2])
    assert matched.right.means.tolist() == [1, 3]
    with pytest.raises(NearspaceError, match="cosinus"):
        match_ranks(left, right, np.array([[0, 0]]), "cosinus")
