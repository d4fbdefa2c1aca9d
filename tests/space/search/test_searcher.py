"""What a first search makes ready, and searches from many threads."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nearspace.recipe import METRICS, Recipe
from nearspace.space.search import exact, searcher
from nearspace.space.search.index import build_index, part_name
from nearspace.space.search.neighbours import neighbours
from nearspace.space.space import Space


def clustered():
    random = np.random.default_rng(0)
    vectors = random.standard_normal((40, 8))[random.integers(40, size=3000)]
    vectors = (vectors + 0.4 * random.standard_normal(vectors.shape)).astype(np.float32)
    parts = {part_name("dot"): build_index(vectors, "dot").to_bytes()}
    return Space(vectors, np.arange(3000), None, Recipe("x", "f"), parts=parts)


@pytest.fixture
def space():
    return clustered()


def test_threads_search_a_space_at_once_as_one_after_another(space, monkeypatch):
    made = []

    class Counted(searcher.Exact):
        def __init__(self, vectors, metric):
            made.append(metric)
            super().__init__(vectors, metric)

    monkeypatch.setattr(searcher, "Exact", Counted)
    asked = [
        (metric, rows, k, plainly)
        for metric in METRICS
        for rows in (slice(0, 1), slice(5, 45), slice(100, 400))
        for k in (1, 10)
        for plainly in (True, False)
    ]

    def search(of, metric, rows, k, plainly):
        return neighbours(of, of.vectors[rows], k, metric, exact=plainly)

    alone = Space(space.vectors, space.ids, None, space.recipe, parts=space.parts)
    wanted = [search(alone, *each) for each in asked]
    made.clear()
    with ThreadPoolExecutor(8) as pool:
        turns = [pool.submit(search, space, *each) for each in asked * 4]
        for turn, right in zip(turns, wanted * 4, strict=True):
            np.testing.assert_array_equal(turn.result().positions, right.positions)
            np.testing.assert_array_equal(turn.result().scores, right.scores)
            assert turn.result().recall == right.recall
    assert sorted(made) == sorted(METRICS)  # once each, whoever came first


def test_the_effort_of_one_search_is_that_of_no_other(space):
    opened = space.searcher._index("dot")[0]
    few = opened.search(space.vectors[:50], 10, None, 1)[0]
    every = opened.search(space.vectors[:50], 10, None, len(opened.index.centroids))[0]
    np.testing.assert_array_equal(opened.search(space.vectors[:50], 10, None, 1)[0], few)
    exact_ones = exact.Exact(space.vectors, "dot").search(space.vectors[:50], 10)[0]
    np.testing.assert_array_equal(every, exact_ones)
    assert (few != every).any()


def test_what_was_made_ready_lives_as_long_as_its_space():
    space = clustered()
    neighbours(space, space.vectors[:2])
    assert space.searcher is space.searcher
    gone = weakref.ref(space.searcher.exact("cosine"))
    gc.disable()  # nothing waits for the garbage collector
    try:
        del space
        assert gone() is None
    finally:
        gc.enable()
