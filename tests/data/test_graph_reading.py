"""Graphs from tables, lists, matrices, networkx and arrays, and what is wrong with them."""

import dataclasses

import networkx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from nearspace import compare, embed
from nearspace.data import load
from nearspace.data.graph_reading import holds_graph, load_graph
from nearspace.data.kinds.saved import kind_from_json
from nearspace.data.nodes import Edges
from nearspace.errors import DataError

PAIRS = [("a", "b"), ("b", "c"), ("d", "a")]


def named(graph):
    """Return the edges of a graph by the names of their ends."""
    names = graph.items.names
    return sorted(tuple(sorted(names[pair].tolist())) for pair in graph.items.edges.ends)


@pytest.fixture
def papers():
    return load([f"paper {name}" for name in "abcde"], ids=list("abcde"))


def test_edges_are_the_same_whatever_holds_them(papers, tmp_path):
    frame = pd.DataFrame(PAIRS, columns=["citing", "cited"])
    frame.to_csv(tmp_path / "e.csv", index=False)
    frame.to_parquet(tmp_path / "e.parquet")
    (tmp_path / "e.txt").write_text("# a comment\na b\nb\tc\n\nd a\n")
    places = np.array([["abcde".index(end) for end in pair] for pair in PAIRS])
    matrix = sparse.coo_array((np.ones(3), places.T), shape=(5, 5))
    forms = [
        PAIRS, np.array(PAIRS), frame, tmp_path / "e.csv", str(tmp_path / "e.parquet"),
        tmp_path / "e.txt", networkx.Graph(PAIRS), sparse.csr_array(matrix + matrix.T),
    ]  # fmt: skip
    for form in forms:
        graph = load_graph(form, papers)
        assert named(graph) == [("a", "b"), ("a", "d"), ("b", "c")], form
        assert not graph.items.edges.directed
        assert "1 node has no edge." in graph.notes
        assert graph.items.own == papers.items
    alone = load_graph(PAIRS)
    assert sorted(alone.ids) == ["a", "b", "c", "d"]
    assert alone.kind.attributes is None


def test_directions_weights_and_times_are_kept(papers):
    frame = pd.DataFrame(PAIRS, columns=["from", "to"]).assign(
        much=[2.0, 0.5, 1], on=["2024-03-01", "2024-01-01", "2024-02-01"]
    )
    graph = load_graph(frame, papers, weights="much", time="on", directed=True)
    edges = graph.items.edges
    assert edges.adjacency.toarray()[0, 1] == 2
    assert edges.adjacency.toarray()[1, 0] == 0
    assert edges.symmetric.toarray()[1, 0] == 2
    dates = dict(zip(map(tuple, edges.ends.tolist()), edges.time.astype(str), strict=True))
    assert dates[0, 1].startswith("2024-03-01")
    mixed = networkx.Graph([("a", "b", {"weight": 2.0}), ("b", "c")])
    with pytest.raises(DataError, match="expected a 'weight' of every edge, or of none"):
        load_graph(mixed, papers)
    drawn = networkx.DiGraph()
    drawn.add_weighted_edges_from([("a", "b", 2.0), ("b", "c", 0.5), ("d", "a", 1.0)])
    same = load_graph(drawn, papers)
    assert same.items.edges.directed
    np.testing.assert_array_equal(same.items.edges.adjacency.toarray(), edges.adjacency.toarray())


def test_what_is_left_out_is_told(papers):
    rows = [("a", "b"), ("b", "a"), ("c", "c"), ("a", "x"), ("y", "b"), ("a", None)]
    notes = " ".join(load_graph(pd.DataFrame(rows), papers).notes)
    assert "5 nodes and 1 edge" in notes
    assert "1 edge named more than once was left out." in notes
    assert "1 edge from a node to itself was left out." in notes
    assert "1 row with one end alone was left out." in notes
    assert "2 edges that name" in notes
    assert "'x', 'y'" in notes
    frame = pd.DataFrame([("a", "b", 1.0), ("a", "b", 3.0), ("b", "c", 0.0)])
    frame.columns = ["one", "other", "w"]
    graph = load_graph(frame, papers, weights="w")
    notes = " ".join(graph.notes)
    assert "1 of these have several weights, of which the first counts." in notes
    assert "1 edge with a weight of 0 was left out." in notes
    assert graph.items.edges.weights is None  # all are 1


@pytest.mark.parametrize("bad", [np.nan, -1.0, "much", np.inf])
def test_weights_that_are_none_are_named(papers, bad):
    frame = pd.DataFrame({"one": ["a", "b"], "other": ["b", "c"], "w": [1.0, bad]})
    with pytest.raises(DataError, match=f"got '{bad}' in row 1"):
        load_graph(frame, papers, weights="w")


def test_ids_of_mixed_types_are_told_apart_by_what_they_say():
    nodes = load(["one", "two", "three"], ids=[1, 2, 3])
    frame = pd.DataFrame({"a": ["1", "2"], "b": [2.0, 3.0]})
    assert named(load_graph(frame, nodes)) == [("1", "2"), ("2", "3")]
    assert named(load_graph([(1, "2"), (2.0, 3)], nodes)) == [("1", "2"), ("2", "3")]
    with_gap = pd.DataFrame({"a": [1, 2, np.nan], "b": [2, 3, 1]})  # whole numbers become floats
    assert named(load_graph(with_gap, nodes)) == [("1", "2"), ("2", "3")]


def test_what_cannot_be_a_graph_is_one_sentence(papers, tmp_path):
    with pytest.raises(DataError, match="none of the 2 edges is between two nodes"):
        load_graph([("x", "y"), ("y", "z")], papers)
    with pytest.raises(DataError, match="expected edges as rows of two ids"):
        load_graph([], papers)
    with pytest.raises(DataError, match="expected an edge between two nodes, and there is none"):
        load_graph([("a", "a")], papers)
    with pytest.raises(DataError, match=r"no column 'weigth'\. Did you mean 'weight'"):
        load_graph(pd.DataFrame([("a", "b", 1)], columns=["s", "t", "weight"]), papers,
                   weights="weigth")  # fmt: skip
    with pytest.raises(DataError, match="a row and a column for each of 5 nodes"):
        load_graph(sparse.csr_array(np.eye(4)), papers)
    (tmp_path / "bad.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match="expected two ids in each line"):
        load_graph(tmp_path / "bad.txt", papers)


def test_arrays_of_a_graph_come_with_labels_and_split(tmp_path):
    rng = np.random.default_rng(0)
    words = sparse.random_array((6, 9), density=0.5, format="csr", rng=rng, dtype=np.float32)
    edges, labels = np.array([[0, 1], [1, 2], [3, 4]]), np.array([0, 0, 0, 1, 1, 1])
    np.savez(
        tmp_path / "ours.npz", x_data=words.data, x_indices=words.indices, x_indptr=words.indptr,
        x_shape=words.shape, y=labels, edges=edges, train=np.array([0, 3]), val=np.array([1]),
        test=np.array([2, 4]),
    )  # fmt: skip
    beside = sparse.coo_array((np.ones(3), edges.T), shape=(6, 6)).tocsr()
    beside = sparse.csr_array(beside + beside.T)
    np.savez(
        tmp_path / "theirs.npz", attr_data=words.data, attr_indices=words.indices,
        attr_indptr=words.indptr, attr_shape=words.shape, labels=labels, adj_data=beside.data,
        adj_indices=beside.indices, adj_indptr=beside.indptr, adj_shape=beside.shape,
    )  # fmt: skip
    ours, theirs = (load_graph(tmp_path / name) for name in ("ours.npz", "theirs.npz"))
    assert holds_graph(tmp_path / "ours.npz")
    assert holds_graph(tmp_path / "theirs.npz")
    assert ours.split.tolist() == ["train", "validation", "test", "train", "test", ""]
    for graph in (ours, theirs):
        assert graph.target.values.tolist() == labels.tolist()
        np.testing.assert_array_equal(graph.items.edges.ends, edges)
        np.testing.assert_array_equal(graph.items.attributes.toarray(), words.toarray())
    np.savez(tmp_path / "bare.npz", edges=edges.T, y=labels)
    bare = load_graph(tmp_path / "bare.npz")
    assert len(bare) == 6  # the last node has a label, and no edge
    np.testing.assert_array_equal(bare.items.edges.ends, edges)
    for name, told, arrays in (
        ("far", "an edge names the position 9", {"edges": np.array([[0, 9]]), "y": labels}),
        ("odd", "expected 'edges' as rows of two", {"edges": np.eye(3), "y": labels}),
        (
            "part",
            "expected the test nodes as",
            {"edges": edges, "y": labels, "test": np.array([7])},
        ),
        (
            "row",
            "is damaged",
            {
                "edges": edges,
                "x_data": np.ones(2),
                "x_indices": np.array([0, 99]),
                "x_indptr": np.array([0, 2]),
                "x_shape": np.array([1, 3]),
            },
        ),
        ("few", "are of 6, 5 nodes", {"edges": edges, "x": np.ones((6, 2)), "y": labels[:5]}),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(DataError, match=told):
            load_graph(tmp_path / f"{name}.npz")
    np.savez(tmp_path / "other.npz", x=np.eye(3))
    assert not holds_graph(tmp_path / "other.npz")
    with pytest.raises(DataError, match="expected an array 'edges'"):
        load_graph(tmp_path / "other.npz")


def test_a_dataset_of_nodes_brings_the_whole_graph_along(papers):
    graph = load_graph(PAIRS, papers)
    some = graph.take(np.array([3, 0]))
    assert some.items.own == ["paper d", "paper a"]
    assert some.items.edges is graph.items.edges
    other = load_graph(PAIRS[:2], papers)
    assert other.fingerprint != graph.fingerprint
    assert graph.kind.from_columns(None) is None
    assert kind_from_json(graph.kind.to_json()) == graph.kind
    assert "d, beside a" in graph.kind.draw(graph.kind.item(graph.items, 3))
    with pytest.raises(DataError, match="Nodes of two graphs cannot be items of one dataset"):
        graph.kind.join(graph.items, other.items)


def test_nodes_that_do_not_go_with_their_graph_are_refused(papers):
    graph = load_graph(PAIRS, papers)
    short = dataclasses.replace(graph.items, attributes=papers.items[:4])
    with pytest.raises(DataError, match="of each of 5 nodes, got 5 and 4"):
        graph.kind.check(short)
    edges = graph.items.edges
    assert edges.take(np.array([2, 0, 1])).digest == edges.digest
    assert edges.take(np.array([2, 0])).digest != edges.digest


def test_the_propagator_is_that_of_the_paper():
    ends = np.array([[0, 1], [1, 2], [1, 3]])
    whole = np.eye(5)
    for one, other in ends:
        whole[one, other] = whole[other, one] = 1
    root = np.diag(whole.sum(axis=1) ** -0.5)
    edges = Edges(5, ends)
    np.testing.assert_allclose(edges.propagator.toarray(), root @ whole @ root, rtol=1e-6)
    means = edges.mean_of_neighbours.toarray()
    np.testing.assert_allclose(means.sum(axis=1), [1, 1, 1, 1, 0], rtol=1e-6)


def test_a_graph_of_networkx_is_data_as_it_is():
    graph = networkx.karate_club_graph()
    space = embed(graph, "netmf(dim=4)")
    assert space.vectors.shape == (34, 4)
    board = compare(graph, encoders=["netmf(dim=4)"])
    assert board.protocol["task"] == "links"
    assert not board.failures
