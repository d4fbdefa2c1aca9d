"""One contract for every encoder of nodes of the catalogue."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from nearspace.data import SAMPLES, load
from nearspace.data.graph_reading import load_graph
from nearspace.data.nodes import Edges
from nearspace.encoders import CATALOGUE
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.metrics.labels import knn_scores
from nearspace.space.space import embed

QUICK = {
    "netmf": "netmf(dim=16)",
    "prone": "prone(dim=16)",
    "deepwalk": "deepwalk(dim=16, epochs=1)",
    "gcn": "gcn(dim=8, epochs=60)",
    "sage": "sage(dim=8, epochs=60)",
    "graph_autoencoder": "graph_autoencoder(dim=8, epochs=40)",
    "dgi": "dgi(dim=16, epochs=40)",
    # Those that operators and other encoders make of them.
    "variational": "graph_autoencoder(dim=8, epochs=40, variational=True)",
    "of edges": "gcn(netmf(dim=16), dim=8, epochs=40)",
    "beside": "(propagated | l2) + (netmf(dim=16) | l2)",
}
GRAPH = [name for name, entry in CATALOGUE.items() if entry.kinds == ("graph",)]
NAMES = sorted({*GRAPH, *QUICK})
TRAINED = {"gcn", "sage", "graph_autoencoder", "dgi", "variational", "of edges"}
ONE_GRAPH = {"netmf", "prone", "deepwalk", "beside", "of edges"}
CHANCE = {"structure"}  # tells topics no better than by chance, as no topic has another structure


def each(names):
    return pytest.mark.parametrize(
        "name", [pytest.param(n, marks=pytest.mark.trains if n in TRAINED else ()) for n in names]
    )


@cache
def articles():
    return SAMPLES["articles"]()


@cache
def fitted(name):
    return make(QUICK.get(name, name)).fit_on(articles().take(np.arange(150)))


def vectors_of(encoder, items):
    vectors = encoder.transform(items)
    return vectors.toarray() if sparse.issparse(vectors) else vectors


@each(NAMES)
def test_a_vector_is_that_of_its_node_alone_or_among_others(name):
    encoder, items = fitted(name), articles().items
    vectors = vectors_of(encoder, items)
    assert vectors.dtype == np.float32
    assert vectors.shape == (300, encoder._n_features_out)
    assert np.isfinite(vectors).all()
    mixed = np.random.default_rng(1).permutation(300)
    scale = np.abs(vectors).max()
    again = vectors_of(encoder, items[mixed])
    np.testing.assert_allclose(again, vectors[mixed], rtol=1e-4, atol=1e-5 * scale)
    for row in (0, 299):
        one = vectors_of(encoder, items[[row]])
        np.testing.assert_allclose(one, vectors[[row]], rtol=1e-4, atol=1e-5 * scale)


@each(NAMES)
def test_fits_of_one_seed_are_the_same_and_a_clone_is_unfitted(name):
    encoder = fitted(name)
    again = clone(encoder)
    with pytest.raises(NotFittedError):
        again.transform(articles().items)
    assert again.fit_on(articles().take(np.arange(150))).fingerprint == encoder.fingerprint
    assert again.spec == encoder.spec == make(encoder.spec).spec


@each(sorted({*NAMES} - CHANCE))
def test_topics_are_told_better_than_by_chance(name):
    vectors, labels = fitted(name).transform(articles().items), articles().target.values
    train, test = np.arange(150), np.arange(150, 300)
    metric = fitted(name).metric
    right = knn_scores(vectors[train], labels[train], vectors[test], labels[test], metric=metric)
    # One in five by chance; three standard errors above it.
    assert right.mean() > 0.3, right.mean()


@pytest.mark.parametrize(
    "names",
    [sorted({*NAMES} - TRAINED), pytest.param(sorted(TRAINED), marks=pytest.mark.trains)],
    ids=["untrained", "trained"],
)
def test_they_are_the_same_when_they_are_saved_and_loaded_in_a_new_process(names, tmp_path):
    folders = [str(fitted(name).save(tmp_path / name)) for name in names]
    code = (
        "import sys, json\n"
        "from nearspace.data import SAMPLES\n"
        "from nearspace.encoders.spec import load_encoder\n"
        "items = SAMPLES['articles']().items[:9]\n"
        "encoders = [load_encoder(folder) for folder in sys.argv[1:]]\n"
        "print(json.dumps([[e.fingerprint, float(abs(e.transform(items)).sum())]"
        " for e in encoders]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *folders],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, (fingerprint, total) in zip(names, json.loads(done.stdout), strict=True):
        encoder = fitted(name)
        assert fingerprint == encoder.fingerprint == load_encoder(tmp_path / name).fingerprint
        here = float(abs(encoder.transform(articles().items[:9])).sum())
        np.testing.assert_allclose(total, here, rtol=1e-4)


@each(NAMES)
def test_nodes_that_come_later_have_vectors_or_are_refused_in_a_sentence(name):
    encoder, items = fitted(name), articles().items
    edges = Edges(301, np.concatenate([items.edges.ends, [[0, 300], [1, 300]]]))
    texts = load([*items.attributes, items.attributes[0]], ids=[*items.names, "later"])
    grown = load_graph([(texts.ids[one], texts.ids[other]) for one, other in edges.ends], texts)
    if name in ONE_GRAPH:
        with pytest.raises(DataError, match="has 1 node more, as 'later'"):
            encoder.transform(grown.items)
        return
    later = vectors_of(encoder, grown.items[[300]])
    assert np.isfinite(later).all()
    assert np.abs(later).sum() > 0


@each(NAMES)
def test_a_space_has_the_names_of_nodes_and_what_is_said_of_them(name):
    space = embed(articles(), fitted(name))
    assert space.ids[3] == "article 003"
    assert space.recipe.kind["kind"] == "graph"
    assert space.recipe.metric == fitted(name).metric
    assert space.meta["text"].to_pylist() == articles().items.attributes
    degrees = np.diff(articles().items.edges.symmetric.indptr)
    assert space.meta["degree"].to_pylist() == degrees.tolist()


@each(sorted({*NAMES} - {"beside"}))
def test_what_it_cannot_take_is_one_sentence(name):
    with pytest.raises(DataError, match=r"takes nodes of a graph( or users and items)?; got texts"):
        make(QUICK.get(name, name)).fit(["a", "b"])
    with pytest.raises(DataError, match="expected nodes and the edges between them"):
        fitted(name).transform(["a"])


@pytest.mark.parametrize("name", ["attributes", "propagated"])
def test_of_nodes_of_which_nothing_is_said_it_is_told(name):
    graph = load_graph([("a", "b"), ("b", "c")])
    with pytest.raises(DataError, match="nothing is said of these nodes"):
        make(name).fit_on(graph)


@pytest.mark.trains
@pytest.mark.parametrize("name", ["dgi(dim=4, epochs=2)", "graph_autoencoder(dim=4, epochs=2)"])
def test_networks_see_the_structure_of_nodes_of_which_nothing_is_said(name):
    items = articles().items
    graph = load_graph(items.names[items.edges.ends])
    encoder = make(name).fit_on(graph)
    assert [part.spec for part in encoder.parts[1:2]] == ["structure | scale"]
    assert encoder.transform(graph.items).shape == (len(graph), 4)


@pytest.mark.trains
@pytest.mark.parametrize("variational", [False, True])
def test_edges_come_back_from_vectors(variational):
    encoder = make(f"graph_autoencoder(variational={variational})").fit_on(articles())
    items = articles().items
    vectors = encoder.transform(items)
    likely = encoder.inverse_transform(vectors)
    assert likely.shape == (300, 300)
    assert likely.dtype == np.float32
    products = vectors.astype(np.float64) @ vectors.T
    np.testing.assert_allclose(likely, 1 / (1 + np.exp(-products)), rtol=1e-3, atol=1e-6)
    linked = items.edges.symmetric.toarray() > 0
    apart = ~linked & ~np.eye(300, dtype=bool)
    assert roc_auc_score(linked[linked | apart], likely[linked | apart]) > 0.85
    with pytest.raises(DataError, match=r"expected vectors of shape \(n, 32\), got"):
        encoder.inverse_transform(vectors[:, :3])
