"""What near neighbours of one label share: a naive count, and chance where there is nothing."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from nearspace.judge.sharing import neighbours_within, shared_by_neighbours

RNG = np.random.default_rng(0)
GROUP, LABEL = RNG.integers(5, size=150), RNG.integers(3, size=150)
ITEMS = RNG.normal(size=(150, 4)) + RNG.normal(size=(5, 4))[GROUP] + 3 * LABEL[:, None]


def naive(k):
    """Return the share and the chance, by loops over items."""
    distances, told, chance = cdist(ITEMS, ITEMS), [], []
    for at in range(150):
        others = [row for row in range(150) if LABEL[row] == LABEL[at] and row != at]
        others.sort(key=lambda row: distances[at, row])
        told.append(np.mean([GROUP[row] == GROUP[at] for row in others[:k]]))
        chance.append(np.mean([GROUP[row] == GROUP[at] for row in others]))
    return np.mean(told), np.mean(chance)


@pytest.mark.parametrize("k", [1, 5])
def test_shares_are_those_of_a_naive_count(k):
    near = neighbours_within(ITEMS, LABEL, k, "euclidean")
    told = shared_by_neighbours(near, GROUP, LABEL)
    assert (told.share, told.chance) == pytest.approx(naive(k))
    assert told.p == 0.005


def test_values_dealt_at_random_are_shared_as_chance_has_it():
    near = neighbours_within(ITEMS, LABEL, 5, "euclidean")
    told = [shared_by_neighbours(near, np.random.default_rng(s).permutation(GROUP), LABEL, s)
            for s in range(40)]  # fmt: skip
    assert np.mean([each.excess for each in told]) == pytest.approx(0, abs=0.02)
    assert np.mean([each.p <= 0.1 for each in told]) < 0.25


def test_what_says_the_label_is_neither_shared_nor_not():
    near = neighbours_within(ITEMS, LABEL, 5, "euclidean")
    assert shared_by_neighbours(near, LABEL, LABEL).p == 1.0


def test_few_items_and_items_without_direction_have_no_neighbours():
    items = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 0.0], [3.0, 3.0]])
    near = neighbours_within(items, np.array([0, 0, 0, 1]), 2, "cosine")
    assert near[0, 0] == 1
    assert near[2].tolist() == near[3].tolist() == [-1, -1]
    told = shared_by_neighbours(near, np.array(["a", "a", "b", "b"]), np.array([0, 0, 0, 1]))
    assert told.share > 0.5
