"""One side of a space is searched by what stands on the other."""

import numpy as np
import pytest
from tests.numerals import numerals

from nearspace.data import load
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.space.formats import open_space, save
from nearspace.space.search.neighbours import neighbours
from nearspace.space.search.queries import read_queries
from nearspace.space.sides import across
from nearspace.space.space import embed

SPEC = "linear_pair(tfidf | svd(dim=24), right=tfidf | svd(dim=24), dim=16)"


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    pairs = numerals(np.random.default_rng(0).permutation(1000)[:300])
    return save(embed(pairs, SPEC), tmp_path_factory.mktemp("pairs") / "numerals.space")


def test_items_of_one_side_are_found_by_the_encoder_of_the_other(space):
    whole = open_space(space)
    for side, other in (("right", "left"), ("left", "right")):
        part = across(whole, side)
        assert len(part) == 300
        assert set(part.meta["side"].to_pylist()) == {side}
        asked = whole.meta["text"].to_pylist()[: 300] if other == "left" else (
            whole.meta["text"].to_pylist()[300:]
        )  # fmt: skip
        queries = read_queries(part, asked[:20])
        np.testing.assert_allclose(
            queries.vectors, whole.encoder.side(other).transform(asked[:20]), atol=1e-6
        )
        found = neighbours(part, queries.vectors, k=1).positions[:, 0]
        assert (found == np.arange(20)).mean() > 0.5


def test_a_space_without_sides_and_a_side_that_is_none_are_told(space):
    whole = open_space(space)
    for side, message in (("middle", "There is no side 'middle'"), (None, "say by side= which")):
        with pytest.raises(NearspaceError, match=message):
            across(whole, side)
    with pytest.raises(NearspaceError, match="with no two sides: leave side= out"):
        across(embed(load("wine"), "raw"), "left")


def test_an_encoder_of_one_side_alone_makes_no_space_of_pairs():
    with pytest.raises(NearspaceError, match="tfidf takes texts; numerals was read as pairs"):
        embed(numerals(range(20)), make("tfidf"))
