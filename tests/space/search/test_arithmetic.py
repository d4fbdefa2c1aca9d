"""Arithmetic with vectors."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.search.neighbours import analogy, vectors_at
from nearspace.space.space import Space

WORDS = np.array(["man", "woman", "king", "queen", "boy", "apple"])
VECTORS = np.array(
    [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0.2, 0, 0.1], [0, 0, 0, 1]],
    dtype=np.float32,
)


@pytest.fixture(params=[np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def words(request):
    return Space(request.param(VECTORS), WORDS, None, Recipe("vectors", "0", "words"))


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_the_queen_is_found_and_none_that_was_given(words, metric):
    found = analogy(words, "man", "woman", "king", k=3, metric=metric)
    assert found.ids[0, 0] == "queen"
    assert not {"man", "woman", "king"} & set(found.ids[0].tolist())
    assert analogy(words, "man", "woman", "king", k=50, metric=metric).ids.shape == (1, 3)


def test_items_and_vectors_may_be_mixed(words):
    by_vector = analogy(words, VECTORS[0], "woman", VECTORS[2].tolist(), k=1)
    assert by_vector.ids.tolist() == [["queen"]]
    np.testing.assert_array_equal(vectors_at(words, ["king", VECTORS[0]]), VECTORS[[2, 0]])


def test_lengths_do_not_count_under_cosine(words):
    plain = analogy(words, VECTORS[0], VECTORS[1], VECTORS[2], k=6)
    longer = analogy(words, VECTORS[0], 7 * VECTORS[1], 100 * VECTORS[2], k=6)
    assert plain.ids.tolist() == longer.ids.tolist()
    np.testing.assert_allclose(plain.scores, longer.scores, atol=1e-6)


def test_what_does_not_fit_is_refused(words):
    with pytest.raises(NearspaceError, match="Did you mean 'queen'"):
        analogy(words, "man", "woman", "quen")
    with pytest.raises(NearspaceError, match="a vector of 4 finite numbers, got float64 of shape"):
        analogy(words, "man", "woman", np.ones(3))
    with pytest.raises(NearspaceError, match="4 finite numbers"):
        vectors_at(words, [np.full(4, np.nan)])
    with pytest.raises(NearspaceError, match="Did you mean 'cosine'"):
        analogy(words, "man", "woman", "king", metric="cosin")
