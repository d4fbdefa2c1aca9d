"""Nothing that hangs together stands on both sides of a split of pairs."""

import dataclasses

import numpy as np
import pytest
from tests.numerals import numerals

from nearspace.data import load
from nearspace.data.pair_split import linked_components, split_pairs
from nearspace.data.pairs import Pairs
from nearspace.errors import DataError


def test_what_is_linked_equal_or_of_one_group_is_on_one_side():
    rng = np.random.default_rng(0)
    left = load([f"left {at % 70}" for at in range(90)])  # some are copies
    right = dataclasses.replace(
        load([f"right {at}" for at in range(80)]), groups=np.arange(80) // 2
    )
    links = np.unique(np.stack([rng.integers(90, size=60), rng.integers(80, size=60)], 1), axis=0)
    pairs = Pairs(left, right, links)
    train, test = split_pairs(pairs, 0.3)
    assert len(train) + len(test) == len(pairs)
    assert not {*train.left.items} & {*test.left.items}
    assert not {*train.right.groups.tolist()} & {*test.right.groups.tolist()}
    whole = linked_components(pairs)
    assert 1 < len(np.unique(whole)) < len(pairs)


def test_a_share_tests_whatever_the_order_of_the_pairs():
    pairs = numerals(range(200))
    train, test = split_pairs(pairs, 0.25)
    assert (len(train), len(test)) == (150, 50)
    shuffled = pairs.take(np.random.default_rng(0).permutation(200))
    assert {*split_pairs(shuffled, 0.25)[1].left.items} == {*test.left.items}
    assert {*split_pairs(pairs, 0.25, 1)[1].left.items} != {*test.left.items}


def test_a_published_split_is_followed():
    pairs = numerals(range(10))
    pairs = dataclasses.replace(pairs, split=np.repeat(["train", "test"], 5))
    assert split_pairs(pairs)[1].right.items == pairs.right.items[5:]


def test_pairs_that_all_hang_together_cannot_be_split():
    one = Pairs(load(["a"]), load(list("bcd")), [[0, 0], [0, 1], [0, 2]])
    with pytest.raises(DataError, match="all pairs hang together"):
        split_pairs(one)
