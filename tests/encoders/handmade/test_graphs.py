"""Encoders of nodes without training, against networkx and dense matrices."""

import networkx
import numpy as np
import pytest

from nearspace.data import SAMPLES, load
from nearspace.data.graph_reading import load_graph
from nearspace.encoders.spec import make
from nearspace.errors import DataError


@pytest.fixture(scope="module")
def karate():
    return networkx.karate_club_graph()


def test_structure_is_what_networkx_says(karate):
    graph = load_graph(networkx.Graph(karate.edges))
    vectors = make("structure").fit_on(graph).transform(graph.items)
    order = [int(name) for name in graph.ids]
    plain = networkx.Graph(karate.edges)
    for column, values in {
        0: {v: np.log1p(d) for v, d in plain.degree},
        1: {v: np.log1p(d) for v, d in networkx.average_neighbor_degree(plain).items()},
        2: {v: np.log1p(t) for v, t in networkx.triangles(plain).items()},
        3: networkx.clustering(plain),
        4: {v: 34 * p for v, p in networkx.pagerank(plain, tol=1e-10).items()},
        5: networkx.core_number(plain),
    }.items():
        np.testing.assert_allclose(vectors[:, column], [values[v] for v in order], rtol=1e-4)


def test_propagated_vectors_are_those_of_dense_matrices():
    rng = np.random.default_rng(0)
    pairs = np.unique(np.sort(rng.integers(200, size=(300, 2)), axis=1), axis=0)
    features = rng.normal(size=(200, 5)).astype(np.float32)
    graph = load_graph(pairs, load(features))
    step = graph.items.edges.propagator.toarray()
    encoder = make("propagated(hops=3)").fit_on(graph)
    wanted = step @ step @ step @ features
    np.testing.assert_allclose(encoder.transform(graph.items), wanted, rtol=1e-4, atol=1e-6)
    few = encoder.transform(graph.items[[7, 3]])  # by the other way, for few nodes
    np.testing.assert_allclose(few, wanted[[7, 3]], rtol=1e-4, atol=1e-6)


def test_netmf_is_the_factorised_matrix_of_the_paper(karate):
    graph = load_graph(networkx.Graph(karate.edges))
    matrix = graph.items.edges.adjacency.toarray().astype(np.float64)
    degree = matrix.sum(axis=1)
    step = matrix / degree[:, None]
    sums = sum(np.linalg.matrix_power(step, t) for t in range(1, 6))
    wanted = np.log(np.maximum(degree.sum() / (5 * 1.0) * sums / degree, 1))
    left, values, _ = np.linalg.svd(wanted)
    vectors = make("netmf(dim=8, window=5)").fit_on(graph).transform(graph.items)
    wanted = (left[:, :8] * values[:8]) @ left[:, :8].T
    np.testing.assert_allclose(vectors @ vectors.T, wanted, atol=1e-3)


def test_of_another_graph_vectors_of_one_are_refused():
    graph = SAMPLES["articles"]()
    encoder = make("netmf(dim=4)").fit_on(graph)
    fewer = graph.items.with_edges(graph.items.edges.take(np.arange(500)))
    with pytest.raises(DataError, match="this one has other edges: fit it again"):
        encoder.transform(fewer)


def test_a_node_without_an_edge_has_no_direction_and_none_is_made_up():
    nodes = load(np.eye(5, dtype=np.float32))
    graph = load_graph([(0, 1), (1, 2), (2, 3)], nodes)
    for spec in ("netmf(dim=2)", "prone(dim=2)", "deepwalk(dim=2, epochs=1)", "adjacency"):
        vectors = make(spec).fit_on(graph).transform(graph.items)
        vectors = vectors.toarray() if hasattr(vectors, "toarray") else vectors
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(vectors[4], 0, atol=1e-6)
    kept = make("propagated").fit_on(graph).transform(graph.items)
    np.testing.assert_allclose(kept[4], [0, 0, 0, 0, 1])
