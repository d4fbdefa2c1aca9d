"""Vectors without direction: by the cosine they are nobody's neighbour, whatever is measured."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from nearspace.data.target import Classes, Numbers
from nearspace.errors import NearspaceError
from nearspace.metrics.directions import euclidean_form, has_direction, unit_vectors
from nearspace.metrics.geometry import hubness, intrinsic_dimension, preservation
from nearspace.metrics.labels import cluster_ami, knn_scores, knn_votes
from nearspace.metrics.retrieval import nearest, r_precision

ZEROS = [0, 7, 30]


@pytest.fixture
def vectors():
    """Forty vectors, most of which stand at more than a right angle to some; three are zero."""
    drawn = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    drawn[ZEROS] = 0
    return drawn


def test_what_is_short_has_a_direction_and_what_is_zero_has_none():
    rows = np.array([[0, 1e-30, 0], [0, 0, 0], [3, 0, 4]], np.float32)
    stored = csr_array(rows)
    stored.data[0] = 0  # stored, and yet zero
    assert has_direction(rows).tolist() == [True, False, True]
    assert has_direction(stored).tolist() == [False, False, True]
    for each in (unit_vectors(rows), unit_vectors(csr_array(rows)).toarray()):
        np.testing.assert_allclose(each, [[0, 1, 0], [0, 0, 0], [0.6, 0, 0.8]], rtol=1e-6)
    assert euclidean_form(rows, "euclidean") is rows
    with pytest.raises(NearspaceError, match="the inner product is none; ask for the metric"):
        euclidean_form(rows, "dot")


@pytest.mark.parametrize("make", [np.asarray, csr_array])
@pytest.mark.parametrize("exclude_self", [True, False])
def test_zero_vectors_are_not_found_and_find_nothing(vectors, make, exclude_self):
    there = np.setdiff1d(np.arange(40), ZEROS)
    unit = vectors[there] / np.linalg.norm(vectors[there], axis=1)[:, None]
    table = 1 - unit @ unit.T
    if exclude_self:
        np.fill_diagonal(table, np.inf)
    for k in (5, 50):
        indices, distances = nearest(make(vectors), make(vectors), k, "cosine", exclude_self)
        most = min(k, len(there) - exclude_self)
        assert indices.shape == (40, most)
        np.testing.assert_array_equal(indices[there], there[table.argsort(axis=1)[:, :most]])
        assert (indices[ZEROS] == -1).all()
        assert np.isnan(distances[ZEROS]).all()
    nothing = make(np.zeros((3, 4), np.float32))
    assert nearest(make(vectors), nothing, 2, "cosine")[0].shape == (40, 0)
    assert nearest(nothing, nothing, 2, "cosine", True)[0].shape == (3, 0)


def test_of_a_query_without_direction_the_commonest_is_guessed(vectors):
    target = Classes(np.array(["few", "many"])[(np.arange(40) % 3 > 0).astype(int)])
    asked = np.array([[0, 0, 0, 0], vectors[3]], np.float32)
    assert knn_votes(vectors, target, asked, 1, "cosine").tolist() == ["many", "few"]
    nothing = np.zeros_like(vectors)
    assert knn_votes(nothing, target, asked, 5, "cosine").tolist() == ["many", "many"]
    numbers = Numbers(np.arange(40.0))
    assert knn_votes(vectors, numbers, asked, 1, "cosine").tolist() == [19.5, 3]


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_r_precision_by_the_cosine_is_a_naive_loop(vectors, make):
    labels = np.arange(40) % 3
    expected = []
    for query in range(40):
        others = [j for j in range(40) if j != query and j not in ZEROS and query not in ZEROS]
        others.sort(key=lambda j: -vectors[query] @ vectors[j] / np.linalg.norm(vectors[j]))
        relevant = (labels == labels[query]).sum() - 1
        expected.append((labels[others[:relevant]] == labels[query]).sum() / relevant)
    values, positions = r_precision(make(vectors), labels, metric="cosine")
    np.testing.assert_allclose(values, expected)
    assert positions.tolist() == list(range(40))


def test_shapes_are_those_of_the_directions(vectors):
    longer = vectors * np.random.default_rng(1).uniform(0.1, 9, (40, 1)).astype(np.float32)
    rest = np.delete(vectors, ZEROS, axis=0)
    for measure in (hubness, intrinsic_dimension):
        assert measure(longer, metric="cosine") == pytest.approx(measure(rest, metric="cosine"))
    assert np.isnan(intrinsic_dimension(vectors, "dot"))
    labels = np.arange(40) % 2
    both = [cluster_ami(rows, labels, metric="cosine") for rows in (vectors, longer)]
    assert both[0] == both[1]


def test_neighbours_are_kept_by_either_spaces_own_metric(vectors):
    longer = vectors * np.random.default_rng(1).uniform(0.1, 9, (40, 1)).astype(np.float32)
    kept = preservation(vectors, longer, 5, ("cosine", "cosine"))
    assert np.isnan(kept[ZEROS]).all()  # there was nothing to keep
    assert np.delete(kept, ZEROS).tolist() == [1.0] * 37
    assert np.nanmean(preservation(vectors, longer, 5, ("cosine", "euclidean"))) < 0.9
    lost = vectors.copy()
    lost[5] = 0
    assert preservation(vectors, lost, 5, ("cosine", "cosine"))[5] == 0
    assert np.isnan(preservation(np.zeros_like(vectors), vectors, 5, ("cosine", "cosine"))).all()


def test_a_few_zero_vectors_are_no_hubs_of_unit_vectors():
    """By Euclidean distance they are nearer to a unit vector than what shares a word with it."""
    random = np.random.default_rng(0)
    topics = np.repeat([0, 1], 400)
    rows = np.zeros((800, 400), np.float32)
    for row, topic in zip(rows, topics, strict=True):
        row[200 * topic + random.choice(200, 5)] = 1
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    rows[[0, 1, 2, 3]] = 0
    order = np.append(np.arange(4), 4 + random.permutation(796))
    train, test = order[:600], order[600:]
    told = {
        metric: knn_scores(rows[train], topics[train], rows[test], topics[test], 5, metric).mean()
        for metric in ("euclidean", "cosine")
    }
    assert told["euclidean"] < 0.6 < 0.97 < told["cosine"]
