"""Items of two sides in one sequence: what is taken keeps its links."""

import numpy as np
import pytest

from nearspace.data.sided import Sided

LINKS = np.array([[0, 1], [1, 0], [2, 2], [2, 1]])


@pytest.fixture
def both():
    return Sided.of(["a", "b", "c"], np.arange(6).reshape(3, 2), LINKS)


def linked(items):
    """Return the items that belong together, whatever their positions."""
    return {(items.left[i], tuple(items.right[j].tolist())) for i, j in items.links.tolist()}


def test_what_is_taken_in_any_order_keeps_the_links_between_its_items(both):
    whole = linked(both)
    assert len(whole) == len(LINKS)
    rng = np.random.default_rng(0)
    for _ in range(50):
        rows = rng.permutation(6)[: rng.integers(1, 7)]
        part = both[rows]
        there = [part[at] for at in range(len(part))]
        wanted = [both[int(row)] for row in rows]
        assert [(side, str(item)) for side, item in there] == [
            (side, str(item)) for side, item in wanted
        ]
        left = {item for side, item in there if side == 0}
        right = {tuple(item.tolist()) for side, item in there if side == 1}
        assert linked(part) == {
            (one, other) for one, other in whole if one in left and other in right
        }


def test_of_an_item_that_is_taken_twice_the_first_keeps_its_links(both):
    part = both[np.array([4, 0, 0, 4])]
    assert len(part) == 4
    assert part.links.tolist() == [[0, 0]]


def test_values_of_both_sides_stand_in_the_order_of_all_items(both):
    part = both[np.array([5, 0, 4, 2])]
    assert part.spread(np.array([0, 2]), np.array([15, 14])).tolist() == [15, 0, 14, 2]
    assert part.rows(0).tolist() == [1, 3]
    assert part.rows(1).tolist() == [0, 2]
