"""Two spaces side by side."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import sparse

from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError
from nearspace.metrics.similarity import cka, neighbour_overlap
from nearspace.recipe import Recipe
from nearspace.space.difference import diff
from nearspace.space.space import Space, embed


def space(vectors, ids=None, fingerprint="0", metric="euclidean"):
    ids = np.arange(vectors.shape[0]) if ids is None else np.array(ids)
    return Space(vectors, ids, None, Recipe("vectors", fingerprint, metric=metric))


@pytest.fixture
def cloud():
    return np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)


def test_figures_are_those_of_the_metrics(cloud):
    other = cloud[:, :2] + 0.3 * np.random.default_rng(1).normal(size=(120, 2)).astype(np.float32)
    found = diff(space(cloud), space(other, fingerprint="1"), k=7)
    assert found.cka == pytest.approx(cka(cloud, other))
    assert found.overlap == pytest.approx(neighbour_overlap(cloud, other, 7))
    assert found.chance == pytest.approx(7 / 119)
    assert (found.shared, found.same_encoder, found.same_vectors) == (120, False, 0)
    overlaps = [change.overlap for change in found.changes]
    assert overlaps == sorted(overlaps)
    assert np.mean(overlaps) == pytest.approx(found.overlap)


def test_only_shared_ids_count_and_as_text(cloud):
    turned = cloud[::-1] @ np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    here = space(cloud[:100], range(100))
    there = space(turned.astype(np.float32)[:110], [str(i) for i in range(119, 9, -1)])
    found = diff(here, there, k=5)
    assert (found.shared, found.only_first, found.only_second) == (90, 10, 20)
    assert found.cka == pytest.approx(1)
    assert found.overlap == 1
    assert all(isinstance(change.id, int) for change in found.changes)


def test_the_item_that_moved_is_named_first(cloud):
    moved = cloud.copy()
    moved[41] = cloud[90] + 0.01
    found = diff(space(cloud), space(moved), k=5)
    assert found.changes[0].id == 41
    assert found.changes[0].second[0] == 90
    assert (found.same_encoder, found.same_vectors) == (True, 119)


def test_drawn_queries_estimate_all_of_them(cloud):
    other = space(cloud[:, :3])
    every, some = (diff(space(cloud), other, k=5, queries=q) for q in (500, 60))
    assert len(every.changes) == 120
    assert len(some.changes) == 60
    assert some.overlap == pytest.approx(every.overlap, abs=0.1)
    told = {change.id: change.overlap for change in every.changes}
    assert all(told[change.id] == change.overlap for change in some.changes)


def test_sparse_and_dense_vectors_of_the_same_items():
    sentences = SAMPLES["sentences"]()
    words = embed(sentences, "tfidf")
    full = dataclasses.replace(words, vectors=words.vectors.toarray())
    for first, second in ((words, full), (words, words), (full, words)):
        found = diff(first, second, k=5)
        assert found.same_vectors == 600
        assert found.cka == pytest.approx(1)
        assert found.overlap > 0.97  # many sentences are equally near
    assert diff(words, embed(sentences, "tfidf | pca(dim=4)"), k=5).overlap < 0.9


def test_more_equal_vectors_than_neighbours():
    crowd = np.repeat(np.eye(2, dtype=np.float32), 40, axis=0)
    found = diff(space(crowd), space(crowd[::-1].copy()), k=3)
    assert all(change.id not in change.first and len(change.first) == 3 for change in found.changes)


def test_results_are_written(cloud, tmp_path):
    found = diff(space(cloud), space(np.ones_like(cloud)), k=3)
    value = json.loads(found.to_json(tmp_path / "d.json").read_text())
    assert value["cka"] is None
    assert len(value["changes"]) == 120
    frame = found.to_frame()
    assert list(frame) == ["id", "label", "overlap", "first", "second"]


def test_too_little_in_common_is_refused(cloud):
    with pytest.raises(NearspaceError, match="share no id: the first has such as '0'"):
        diff(space(cloud), space(cloud, [f"a{i}" for i in range(120)]))
    with pytest.raises(NearspaceError, match="the second has none"):
        diff(space(cloud), space(cloud[:0]))
    with pytest.raises(NearspaceError, match=r"share 120 items.* lower k to at most 118"):
        diff(space(cloud), space(cloud), k=119)
    with pytest.raises(NearspaceError, match="no metric 'cosin'"):
        diff(space(cloud), space(cloud), metric="cosin")


def test_sparse_matrices_of_scipy_stay_sparse():
    wide = space(sparse.random_array((50, 200_000), density=1e-4, format="csr", dtype=np.float32))
    assert diff(wide, wide, k=3).same_vectors == 50
