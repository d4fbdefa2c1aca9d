"""Items of two kinds under one: each is treated as the kind of its side does."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from tests.numerals import numerals

from nearspace.data import Image, Text, kind_from_json, load
from nearspace.data.kinds.kind import Kind
from nearspace.data.kinds.sides import Sides
from nearspace.data.pairs import Pairs
from nearspace.encoders.spec import make
from nearspace.errors import DataError
from nearspace.space.space import embed


@pytest.fixture(scope="module")
def captioned():
    """Pictures of digits, and a word for each, of which some stand for several pictures."""
    digits = load("digits").take(np.arange(12))
    words = load(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    links = np.stack([np.arange(12), digits.target.values.astype(int)], axis=1)
    return Pairs(digits, words, links, name="captioned").together()


def test_it_is_a_value_that_survives_json(captioned):
    kind = captioned.kind
    assert kind == Sides(Image((8, 8, 1)), Text())
    assert kind_from_json(kind.to_json()) == kind
    assert len({kind, kind_from_json(kind.to_json())}) == 1
    assert str(kind) == f"{kind.left} and {kind.right}"


def test_no_items_are_taken_for_it_and_no_encoder_of_every_kind_takes_it(captioned):
    assert "sides" not in Kind.registry
    assert Sides not in make("raw").kinds


def test_items_are_taken_joined_and_told_apart_by_side(captioned):
    kind, hashes = captioned.kind, captioned.hashes
    rows = np.array([13, 2, 13, 0])
    np.testing.assert_array_equal(kind.hashes(kind.take(captioned.items, rows)), hashes[rows])
    both = kind.join(captioned.items, kind.take(captioned.items, rows))
    np.testing.assert_array_equal(kind.hashes(both), np.concatenate([hashes, hashes[rows]]))
    part = kind.take(captioned.items, rows)
    assert len(both.links) == len(captioned.items.links) + len(part.links)
    twice = Pairs(load(["ja", "nein"]), load(["nein", "ja"]), [[0, 0], [1, 1]]).together()
    assert len(np.unique(twice.hashes)) == 4
    assert len(set(twice.kind.same(twice.items).tolist())) == 4


def test_the_fingerprint_changes_with_what_belongs_together():
    left, right = load(["a", "b"]), load(["c", "d"])
    one, other = (
        Pairs(left, right, links).together() for links in ([[0, 0], [1, 1]], [[0, 1], [1, 0]])
    )
    assert one.hashes.tolist() == other.hashes.tolist()
    assert one.fingerprint != other.fingerprint


def test_items_are_shown_and_written_by_their_side(captioned):
    kind, items = captioned.kind, captioned.items
    picture, word = kind.item(items, 3), kind.item(items, 14)
    assert kind.draw(word) == "<q>two</q>"
    assert kind.draw(picture).startswith("<")
    assert kind.thumbnail(picture, kind.usual(items))[:4] in (b"\x89PNG", b"RIFF")
    assert kind.thumbnail(word, kind.usual(items)) is None
    columns = kind.to_columns(items)
    assert columns["side"] == ["left"] * 12 + ["right"] * 10
    assert columns["text"][11:14] == [None, "zero", "one"]


def test_texts_are_read_again_from_their_columns():
    pairs = numerals(range(5)).together().take(np.array([7, 1, 9]))
    again = pairs.kind.from_columns(pa.table(pairs.kind.to_columns(pairs.items)))
    np.testing.assert_array_equal(pairs.kind.hashes(again), pairs.hashes)
    assert pairs.kind.from_columns(pa.table({"side": ["middle"], "text": ["x"]})) is None


def test_ids_and_columns_of_both_sides_are_side_by_side():
    left, right = load(["a", "b"]), load(["c"])
    left = dataclasses.replace(left, meta=pa.table({"n": [1, 2]}))
    right = dataclasses.replace(right, meta=pa.table({"n": ["x"], "of": [True]}))
    both = Pairs(left, right, [[0, 0], [1, 0]]).together()
    assert both.ids.tolist() == ["left-0", "left-1", "right-0"]
    assert both.meta.to_pydict() == {"n": ["1", "2", "x"], "of": [None, None, True]}


def test_what_is_no_item_of_two_sides_is_refused(captioned):
    with pytest.raises(DataError, match=r"mine: expected items of two sides .* got one list"):
        captioned.kind.check(["a"], "mine")


def test_sparse_vectors_on_a_side_are_items_like_others():
    rows = sparse.random(30, 12, 0.5, "csr", np.float32, rng=0)
    links = np.arange(30)[:, None].repeat(2, axis=1)
    pairs = Pairs(load(rows), load([f"text {at}" for at in range(30)]), links)
    both = pairs.together()
    kind = both.kind
    assert len(kind.join(both.items, both.items)) == 120
    encoder = make("linear_pair(svd(dim=4), right=tfidf | svd(dim=4), dim=3)").fit_on(pairs)
    assert encoder.transform(both.take(np.array([31, 2])).items).shape == (2, 3)
    np.testing.assert_array_equal(kind.check(both.items).side, both.items.side)


def test_a_published_split_of_pairs_is_one_of_their_items():
    pairs = Pairs(
        load(["aa", "bb", "cc"]), load(["xx", "yy", "zz"]), [[0, 0], [1, 1], [1, 2], [2, 2]]
    )
    pairs = dataclasses.replace(pairs, split=np.array(["train", "train", "test", "test"]))
    assert pairs.together().split.tolist() == ["train", "train", "test"] * 2
    assert embed(pairs, "shared(bow)").encoder.n_samples_fit_ == 4
