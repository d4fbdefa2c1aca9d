"""No edge that is held back is in the reach of any encoder, and what leaks is seen."""

import numpy as np
import pandas as pd
import pytest

from nearspace.data import SAMPLES
from nearspace.data.graph_reading import load_graph
from nearspace.encoders.handmade.graphs import Adjacency
from nearspace.errors import NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.compare import compare
from nearspace.judge.tasks import set_task
from nearspace.judge.tasks.links import pairs_apart, split_edges


@pytest.fixture(scope="module")
def articles():
    return SAMPLES["articles"]()


class Spy(Adjacency):
    """Notes every edge that it is ever shown."""

    seen: set = set()  # noqa: RUF012

    def _note(self, items):
        matrix = items.edges.adjacency.tocoo()
        self.seen.update(zip(matrix.row.tolist(), matrix.col.tolist(), strict=True))

    def _fit(self, items, y):
        self._note(items)
        super()._fit(items, y)

    def _transform(self, items):
        self._note(items)
        return super()._transform(items)


def test_held_out_edges_are_out_of_the_reach_of_every_encoder(articles):
    Spy.seen.clear()
    task = set_task(articles, Protocol(test_size=0.2), "links")
    board = compare(task, encoders=[Spy()])
    assert not board.failures
    held = {*map(tuple, task.links.tolist())}
    assert len(held) == round(0.2 * 577)
    assert Spy.seen
    assert held.isdisjoint(Spy.seen)
    assert {pair[::-1] for pair in held}.isdisjoint(Spy.seen)
    everything = {*map(tuple, articles.items.edges.ends.tolist())}
    assert Spy.seen | {pair[::-1] for pair in Spy.seen} >= everything - held


def test_with_held_out_edges_left_in_the_same_encoder_would_be_flattered(articles):
    task = set_task(articles, Protocol(test_size=0.2), "links")
    encoder = Adjacency().fit_on(articles)
    honest = task.evidence(Adjacency().fit_on(task.train))
    leaked = task.evidence(Adjacency().fit_on(task.train))
    object.__setattr__(leaked, "test", encoder.transform(articles.items) + _selves(articles))
    auc = next(score for score in task.scores if score.name == "link_auc")
    assert auc.measure(leaked).mean() > auc.measure(honest).mean() + 0.2


def _selves(dataset):
    from scipy import sparse

    return sparse.eye_array(len(dataset), dtype=np.float32, format="csr")


def test_negatives_have_no_edge_and_stand_once(articles):
    task = set_task(articles, Protocol(), "links")
    linked = articles.items.edges.adjacency.toarray()
    assert (linked[task.apart[:, 0], task.apart[:, 1]] == 0).all()
    assert (task.apart[:, 0] < task.apart[:, 1]).all()
    assert len(np.unique(task.apart, axis=0)) == len(task.apart) == len(task.links)
    full = load_graph([(a, b) for a in range(8) for b in range(a)])
    with pytest.raises(NearspaceError, match="too few pairs of nodes without an edge"):
        pairs_apart(full.items.edges.symmetric, 10, np.random.default_rng(0))


def test_where_there_is_a_time_there_is_one_date_for_all(articles):
    items = articles.items
    frame = pd.DataFrame(items.names[items.edges.ends], columns=["one", "other"])
    frame["on"] = np.random.default_rng(0).integers(2000, 2020, len(frame))
    graph = load_graph(frame, time="on")
    rest, held = split_edges(graph.items.edges, 0.2, 0, "date")
    assert rest.time.max() < held.time.min()
    assert len(rest) + len(held) == len(graph.items.edges)
    task = set_task(graph, Protocol(test_size=0.2))
    assert task.name == "links"
    assert any("are held back, the latest" in note for note in task.notes)
    assert "the latest 20%" in task.describe()["split"]


def test_what_no_graph_allows_is_one_sentence(articles):
    with pytest.raises(NearspaceError, match="has no edges: name the file that holds them"):
        set_task(SAMPLES["wine"](), Protocol(), "links")
    few = load_graph([("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")])
    with pytest.raises(NearspaceError, match="at least 10 edges to be judged on"):
        set_task(few, Protocol())
    with pytest.raises(NearspaceError, match="Cannot rank links by 'knn'"):
        set_task(articles, Protocol(rank_by="knn"), "links")


def test_texts_are_judged_beside_nodes_by_what_is_said_of_them(articles):
    board = compare(articles, encoders=["tfidf"], task="links", test_size=0.2)
    names = [row.spec for row in board.results]
    assert "attributes(tfidf)" in names
    assert "chance" in names
    assert not board.failures
