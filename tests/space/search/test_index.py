"""The index: the recall it states, what is new or changed, and files that lie."""

import builtins
import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load, save

from nearspace import neighbours
from nearspace.errors import MissingExtra, NearspaceError
from nearspace.recipe import METRICS, Recipe
from nearspace.space.search.index import Index, Opened, build_index, part_name
from nearspace.space.space import Space

pytest.importorskip("faiss")


def clustered(count, random_state=0):
    random = np.random.default_rng(random_state)
    middles = np.random.default_rng(99).standard_normal((40, 16))
    items = middles[random.integers(40, size=count)] + 0.4 * random.standard_normal((count, 16))
    return items.astype(np.float32)


def space_of(vectors, **parts):
    return Space(
        vectors, np.arange(len(vectors)), None, Recipe("x", "f"),
        parts={part_name(metric): data for metric, data in parts.items()},
    )  # fmt: skip


@pytest.fixture(scope="module")
def vectors():
    return clustered(6000)


@pytest.fixture(scope="module")
def indexes(vectors):
    return {metric: build_index(vectors, metric) for metric in METRICS}


@pytest.mark.parametrize("metric", METRICS)
def test_states_the_recall_that_new_queries_meet(vectors, indexes, metric):
    index = indexes[metric]
    space = space_of(vectors, **{metric: index.to_bytes()})
    queries = clustered(1000, random_state=1)
    found = neighbours(space, queries, metric=metric)
    exact = neighbours(space, queries, metric=metric, exact=True)
    shared = [len(set(a) & set(b)) for a, b in zip(found.ids, exact.ids, strict=True)]
    assert index.recall >= 0.94
    assert index.recall == pytest.approx(np.mean(shared) / 10, abs=0.03)
    assert index.probes < len(index.centroids) / 4
    assert (found.recall, exact.recall) == (index.recall, 1.0)
    best = found.ids[:, 0] == exact.ids[:, 0]
    np.testing.assert_array_equal(found.scores[best, 0], exact.scores[best, 0])


def test_a_low_recall_is_told_with_every_search(vectors, indexes):
    poor = dataclasses.replace(indexes["cosine"], recall=0.72)
    found = neighbours(space_of(vectors, cosine=poor.to_bytes()), vectors[:1])
    assert found.notes == (
        "The index finds 72% of the ten nearest, less than 95%; an exact search finds all.",
    )
    assert found.recall == 0.72


@pytest.mark.parametrize("metric", METRICS)
def test_new_and_changed_vectors_are_found(vectors, indexes, metric):
    changed = vectors.copy()
    changed[:500] = clustered(500, random_state=2)
    more = np.vstack([changed, clustered(500, random_state=3)])
    space = space_of(more, **{metric: indexes[metric].to_bytes()})
    new = [*range(500), *range(6000, 6500)]
    exact = neighbours(space, more[new], 1, metric, exact=True)
    found = neighbours(space, more[new], 1, metric)
    assert (found.ids == exact.ids).mean() > 0.94
    assert "1,000 of 6,500 vectors are new or changed" in found.notes[0]
    moved = vectors[::-1][1:5000]  # the same vectors in other places
    assert not Opened(indexes[metric], moved).changed
    fewer = space_of(moved, **{metric: indexes[metric].to_bytes()})
    found = neighbours(fewer, moved[:200], 1, metric)
    assert found.notes == ()
    exact = neighbours(fewer, moved[:200], 1, metric, exact=True)
    assert (found.ids == exact.ids).mean() > 0.94


def test_a_search_always_returns_as_many_as_there_are(vectors, indexes):
    thin = dataclasses.replace(indexes["euclidean"], probes=1)
    space = space_of(vectors, euclidean=thin.to_bytes())
    found = neighbours(space, vectors[:50], 100, "euclidean")  # more than a cell holds
    assert all(len(set(row)) == 100 for row in found.positions.tolist())
    everything = neighbours(space, vectors[:2], 9000, "euclidean")
    assert (everything.ids.shape, everything.recall) == ((2, 6000), 1.0)
    found = neighbours(space, list(range(50)), 5, "euclidean", exclude_self=True)
    assert (found.ids != np.arange(50)[:, None]).all()
    with_condition = neighbours(space, vectors[:2], 5, "euclidean", where="id<3")
    assert (with_condition.ids.shape, with_condition.recall) == ((2, 3), 1.0)


def lies(data):
    arrays = load(data)
    cells = arrays["cells"]
    yield b"", "nothing"
    yield data[: len(data) // 2], "cut off"
    yield b"\xff" * 100, "no header"
    for name in arrays:
        yield save({key: value for key, value in arrays.items() if key != name}), f"no {name}"
    for name, value in {
        "cells": cells + len(arrays["centroids"]),
        "checksums": arrays["checksums"][1:],
        "centroids": arrays["centroids"][:, 1:],
        "probes": np.array([10**6]),
        "recall": np.array([np.nan]),
    }.items():
        yield save({**arrays, name: value}), f"wrong {name}"
    yield save({**arrays, "cells": np.full(len(cells), -1)}), "cells below 0"
    yield save({**arrays, "centroids": arrays["centroids"] * np.nan}), "centroids of NaN"
    yield save({**arrays, "probes": np.array([])}), "empty"


def test_what_is_no_index_is_not_used(vectors, indexes):
    for data, why in lies(indexes["cosine"].to_bytes()):
        found = neighbours(space_of(vectors, cosine=data), vectors[:3])
        assert found.notes == (
            "Every vector was searched. The index is damaged, or of other vectors; build it anew.",
        ), why
        assert found.ids[:, 0].tolist() == [0, 1, 2]
        assert found.recall == 1.0


def test_every_vector_in_one_cell_is_slow_and_right(vectors, indexes):
    index = indexes["cosine"]
    one = dataclasses.replace(index, cells=np.zeros_like(index.cells))
    found = neighbours(space_of(vectors, cosine=one.to_bytes()), vectors[:20])
    exact = neighbours(space_of(vectors), vectors[:20])
    np.testing.assert_array_equal(found.ids, exact.ids)
    again = Index.from_bytes(index.to_bytes(), "cosine")
    np.testing.assert_array_equal(again.cells, index.cells)


def test_refuses_what_it_cannot_index_and_says_what_to_install(vectors, indexes, monkeypatch):
    with pytest.raises(NearspaceError, match="at least 1,000 dense vectors, got 900"):
        build_index(vectors[:900], "cosine")
    with pytest.raises(NearspaceError, match="Did you mean 'euclidean'"):
        build_index(vectors, "euclidian")
    space = space_of(vectors, cosine=indexes["cosine"].to_bytes())

    def without(name, *rest, **options):
        if name.startswith("faiss"):
            raise ImportError(name)
        return imported(name, *rest, **options)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"nearspace\[ann\]"):
        build_index(vectors, "cosine")
    found = neighbours(space, vectors[:1])
    assert found.ids[0, 0] == 0
    assert "needs the extra 'ann'" in found.notes[0]


def test_lengths_that_overflow_do_not_end_the_process(vectors, indexes):
    with pytest.raises(NearspaceError, match="vectors shorter than 1e"):
        build_index(vectors * np.float32(1e30), "euclidean")
    space = space_of(vectors, dot=indexes["dot"].to_bytes())
    queries = np.float32(1e37) * vectors[:5]
    before = queries.copy()
    exact = neighbours(space, queries, metric="dot", exact=True)
    np.testing.assert_array_equal(neighbours(space, queries, metric="dot").ids, exact.ids)
    np.testing.assert_array_equal(queries, before)
    longer = vectors.copy()
    longer[3] *= np.float32(1e30)  # changed since the index was built
    space = space_of(longer, euclidean=indexes["euclidean"].to_bytes())
    found = neighbours(space, longer[:4], metric="euclidean")
    assert found.ids[:, 0].tolist() == [0, 1, 2, 3]
    assert "shorter than" in found.notes[0]


def test_an_index_by_another_metric_is_told(vectors, indexes):
    space = space_of(vectors, cosine=indexes["cosine"].to_bytes())
    assert not neighbours(space, vectors[:2], metric="cosine").notes
    told = neighbours(space, vectors[:2], metric="euclidean").notes
    assert told == ("Every vector was searched: the index is by cosine.",)
    assert not neighbours(space, vectors[:2], metric="euclidean", exact=True).notes
