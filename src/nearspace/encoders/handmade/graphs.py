"""Nodes of a graph without training: what is said of them, whom they are beside, and both."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any, ClassVar, Self, cast

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from nearspace.data.kinds.graph import Graph, OfNodes
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.kinds.kind import Kind
from nearspace.data.memory import check_memory
from nearspace.data.nodes import Edges, Nodes
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import make
from nearspace.errors import DataError

__all__ = [
    "LINKED",
    "Adjacency",
    "Attributes",
    "Propagated",
    "SeesNodes",
    "Structure",
    "fitted_attributes",
    "is_of_nodes",
    "on_nodes",
    "propagate",
]

LINKED = frozenset({Graph, Interactions})  # kinds whose items are nodes
# By what is said of nodes, where nobody says how it is to be encoded.
OF_ATTRIBUTES = {
    "vector": "raw",
    "text": "tfidf",
    "table": "onehot",
    "image": "raw",
    "audio": "mfcc",
    "series": "statistics",
}
COUNTS = "raw | l2"  # of sparse vectors, which hold counts
FEW = 8  # in which so large a share of the nodes alone is computed by its own neighbourhoods
WIDEST = 8192  # dimensions, up to which vectors of neighbourhoods are made dense
BLOCK = 4096  # nodes whose neighbours' neighbours are counted at once


class SeesNodes:
    """What encoders of nodes share that see what another encoder makes of these.

    Attributes
    ----------
    encoder : Encoder or None
        The other one, as it was given.
    encoder_ : Encoder or None
        The same, fitted; None where nothing is said that it could see.
    """

    encoder: Encoder | None
    encoder_: Any

    @property
    def parts(self) -> list[Encoder]:
        """The encoder, and the other one, depth first; fitted ones once it is fitted."""
        inner = getattr(self, "encoder_", None) or self.encoder
        return [cast(Encoder, self), *(() if inner is None else inner.parts)]

    @property
    def is_reproducible(self) -> bool:
        """Whether the spec of the other one says all."""
        return self.encoder is None or self.encoder.is_reproducible

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the other one."""
        return () if self.encoder_ is None else self.encoder_.notes


class Attributes(SeesNodes, Encoder):
    """What is said of a node, encoded as if there were no edges.

    Parameters
    ----------
    encoder : Encoder, optional
        Of what is said of nodes; by default one that suits its kind. What learns from labels is
        fitted on the nodes that are given, all else on all nodes of their graph.

    Attributes
    ----------
    encoder_ : Encoder
        Fitted.

    Examples
    --------
    >>> from nearspace import load, load_graph, make
    >>> graph = load_graph([(0, 1), (1, 2)], load(["a cat", "a dog", "a cat"]))
    >>> make("attributes(bow)").fit_on(graph).transform(graph.items).toarray().tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """

    kinds = frozenset({Graph})
    takes_sparse = True
    takes_labels = True
    encoder_: Encoder
    metric_: str
    _parameter_constraints: ClassVar[dict[str, list]] = {"encoder": [Encoder, None]}

    def __init__(self, encoder: Encoder | None = None):
        self.encoder = encoder

    def _fit(self, items: Nodes, y: Any) -> None:
        self.encoder_ = fitted_attributes(self.encoder, items, self.kind_, y, self.spec)
        self.metric_ = self.encoder_.metric
        if self.encoder is None and sparse.issparse(items.attributes):
            self.metric_ = "cosine"  # of counts, which are what is sparse

    def _transform(self, items: Nodes) -> Any:
        return self.encoder_.transform(items.own)

    @property
    def learns(self) -> str:  # type: ignore[override]
        """What the encoder of attributes learns from."""
        return "items" if self.encoder is None else self.encoder.learns

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the encoder of attributes; the cosine of sparse ones as they are."""
        return getattr(self, "metric_", "euclidean")

    @property
    def _n_features_out(self) -> int:
        return self.encoder_._n_features_out

    def without_decoder(self) -> Self:
        """Return the fitted encoder with no more than its vectors need."""
        bare = copy.copy(self)
        bare.encoder_ = self.encoder_.without_decoder()
        return bare

    def check_whole(self) -> None:
        """Raise an error unless the encoder of attributes is whole."""
        self._check_kind()
        self.encoder_.check_whole()
        assert isinstance(self.kind_, OfNodes)
        if self.encoder_.kind_ != self.kind_.attributes:
            raise ValueError(f"it takes {self.encoder_.kind_}, and nodes have something else")


class Propagated(Attributes):
    """What is said of a node and of all nodes around it: the mean over neighbourhoods, repeated.

    The vectors of attributes are multiplied ``hops`` times by the normalised adjacency, in which a
    node is beside itself: the graph convolution without its weights [1]_. It learns nothing from
    edges, so that nodes which come later, and other graphs, have vectors too. Users, of whom
    nothing is said, are what their items are.

    Parameters
    ----------
    encoder : Encoder, optional
        Of what is said of nodes; by default one that suits its kind.
    hops : int, default=2
        How far what is said of a node reaches.

    References
    ----------
    .. [1] F. Wu et al., "Simplifying graph convolutional networks", 2019.

    Examples
    --------
    >>> from nearspace import load, load_graph, make
    >>> graph = load_graph([(0, 1)], load(np.array([[2.0, 0], [0, 2], [2, 2]])))
    >>> make("propagated(hops=1)").fit_on(graph).transform(graph.items).round(2).tolist()
    [[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]]
    """

    kinds = LINKED
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Attributes._parameter_constraints,
        "hops": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, encoder: Encoder | None = None, *, hops: int = 2):
        super().__init__(encoder)
        self.hops = hops

    def _fit(self, items: Nodes, y: Any) -> None:
        # Of the words of papers a linear model tells more where the longer ones weigh more.
        counts = self.encoder is None and sparse.issparse(items.attributes)
        encoder = make("raw") if counts else self.encoder
        self.encoder_ = fitted_attributes(encoder, items, self.kind_, None, self.spec)
        self.metric_ = "cosine" if counts else self.encoder_.metric

    def _transform(self, items: Nodes) -> Any:
        return propagate(items, self.encoder_, self.hops)


class Adjacency(Encoder):
    """Whom a node is beside: its row of the adjacency matrix, sparse.

    There is a dimension for each node that was there in `fit`. A node that comes later has a
    vector, and is none of the dimensions.

    Attributes
    ----------
    names_ : list of str
        The nodes that are dimensions.

    Examples
    --------
    >>> from nearspace import load_graph, make
    >>> graph = load_graph([(0, 1), (1, 2)])
    >>> make("adjacency").fit_on(graph).transform(graph.items).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    kinds = frozenset({Graph})
    learns = "items"
    takes_sparse = True
    metric = "cosine"
    zero_means = "no neighbour"
    names_: list[str]

    def _fit(self, items: Nodes, y: Any) -> None:
        self.names_ = sorted(items.names.tolist())
        self.width_ = len(self.names_)

    def _transform(self, items: Nodes) -> sparse.csr_array:
        rows = items.edges.symmetric[items.rows].tocoo()
        columns, names = np.array(self.names_), items.names[rows.col]
        at = np.minimum(np.searchsorted(columns, names), len(columns) - 1)
        there = columns[at] == names
        entries = rows.data[there], (rows.row[there], at[there])
        return sparse.csr_array(entries, shape=(len(items), self.width_), dtype=np.float32)


class Structure(Encoder):
    """The place of a node in its graph, in six numbers: what is said of it plays no part.

    They are the logarithms of one more than its degree, the mean degree of its neighbours and its
    triangles, the share of pairs of its neighbours that are neighbours, its PageRank over the mean
    of all, and its core number.

    Examples
    --------
    >>> from nearspace import load_graph, make
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (2, 3)])
    >>> vectors = make("structure").fit_on(graph).transform(graph.items)
    >>> (3 * vectors[:, 3]).round().tolist(), vectors[:, 5].tolist()
    ([3.0, 3.0, 1.0, 0.0], [2.0, 2.0, 2.0, 1.0])
    """

    kinds = frozenset({Graph})

    def _fit(self, items: Nodes, y: Any) -> None:
        self.width_ = 6

    def _transform(self, items: Nodes) -> np.ndarray:
        edges = items.edges
        matrix = edges.symmetric
        plain = sparse.csr_array(
            (np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
        )
        degree = np.diff(matrix.indptr).astype(np.float64)
        beside = np.divide(plain @ degree, degree, out=np.zeros(edges.n), where=degree > 0)
        triangles = _triangles(plain)
        pairs = degree * (degree - 1) / 2
        closed = np.divide(triangles, pairs, out=np.zeros(edges.n), where=pairs > 0)
        columns = [np.log1p(degree), np.log1p(beside), np.log1p(triangles), closed,
                   _pagerank(edges) * edges.n, _cores(plain)]  # fmt: skip
        return np.stack(columns, axis=1)[items.rows].astype(np.float32)


def fitted_attributes(
    encoder: Encoder | None, items: Nodes, kind: Any, y: Any, who: str
) -> Encoder:
    """Return an encoder fitted on what is said of nodes: of all of them, unless by labels.

    Raises
    ------
    DataError
        If nothing is said of them, or the encoder learns from labels that are not there.
    """
    if kind.attributes is None:
        raise DataError(
            f"{who}: nothing is said of these nodes; netmf, deepwalk and structure make vectors of "
            "edges alone."
        )
    if encoder is None:
        encoder = make(COUNTS if sparse.issparse(items.attributes) else
                       OF_ATTRIBUTES[kind.attributes.name])  # fmt: skip
    if encoder.learns == "labels" and y is None:
        raise DataError(
            f"{who}: {encoder.spec} learns from labels, which not all nodes have; choose an "
            "encoder that does not."
        )
    if encoder.learns == "labels":
        return clone(encoder).fit_items(items.own, y, kind.attributes)
    return clone(encoder).fit_items(items.attributes, None, kind.attributes)


def on_nodes(encoder: Encoder, kind: Kind) -> Encoder:
    """Return an encoder of nodes as it is, and any other as one of what is said of them.

    Of users nothing is said: they are what their items are.

    Examples
    --------
    >>> from nearspace import make
    >>> on_nodes(make("tfidf | svd"), Graph(None)).spec, on_nodes(make("netmf"), Graph(None)).spec
    ('attributes(tfidf | svd)', 'netmf')
    >>> on_nodes(make("tfidf"), Interactions(None)).spec
    'propagated(tfidf)'
    """
    if is_of_nodes(encoder):
        return encoder
    return Propagated(encoder) if isinstance(kind, Interactions) else Attributes(encoder)


def is_of_nodes(encoder: Encoder) -> bool:
    """Return whether an encoder, or a part of it, takes nodes and nothing else."""
    return any(set(part.kinds) <= LINKED for part in encoder.parts)


def propagate(items: Nodes, encoder: Encoder, hops: int) -> Any:
    """Return the vectors of attributes of nodes, as far as these reach, see `Propagated`."""
    through = items.edges.propagator
    if len(items) * FEW < items.edges.n:  # of few nodes only what is near is looked at
        reach = through[items.rows]
        for _ in range(hops - 1):
            reach = reach @ through
        near = np.unique(reach.indices)
        near = near[near >= items.users]
        if not len(near):  # users without an item
            return np.zeros((len(items), encoder._n_features_out), np.float32)
        vectors = reach[:, near] @ encoder.transform(items.everyone[near].own)
        return _dense(vectors) if sparse.issparse(vectors) else vectors
    vectors = encoder.transform(items.attributes)
    if items.users:
        none = sparse.csr_array((items.users, vectors.shape[1]), dtype=np.float32)
        vectors = sparse.vstack([none, sparse.csr_array(vectors)], format="csr")
    for _ in range(hops):
        vectors = through @ vectors
        vectors = _dense(vectors) if sparse.issparse(vectors) else vectors
    return vectors[items.rows]


def _dense(vectors: sparse.csr_array) -> Any:
    """Return sparse vectors as dense ones, where there are not too many numbers."""
    if vectors.shape[1] > WIDEST:
        return sparse.csr_array(vectors, dtype=np.float32)
    check_memory(vectors.shape[0] * vectors.shape[1] * 4, "What neighbours say, made dense,")
    return vectors.toarray()


def _triangles(plain: sparse.csr_array) -> np.ndarray:
    """Return in how many triangles each node is."""
    counts = np.empty(plain.shape[0])
    for start in range(0, len(counts), BLOCK):
        rows = plain[start : start + BLOCK]
        counts[start : start + BLOCK] = np.asarray((rows @ plain).multiply(rows).sum(axis=1)) / 2
    return counts


def _pagerank(edges: Edges, damping: float = 0.85, tolerance: float = 1e-9) -> np.ndarray:
    """Return how often a walk along edges is at each node that starts anew now and then [1]_.

    References
    ----------
    .. [1] L. Page et al., "The PageRank citation ranking", 1999.
    """
    out = np.asarray(edges.adjacency.sum(axis=1)).ravel().astype(np.float64)
    ends = out == 0
    step = sparse.csr_array(edges.adjacency.T, dtype=np.float64)
    rank = np.full(edges.n, 1 / edges.n)
    for _ in range(200):
        share = np.divide(rank, out, out=np.zeros(edges.n), where=~ends)
        moved = damping * (step @ share + rank[ends].sum() / edges.n) + (1 - damping) / edges.n
        if np.abs(moved - rank).sum() < tolerance:
            return moved
        rank = moved
    return rank


def _cores(plain: sparse.csr_array) -> np.ndarray:
    """Return the largest k for which each node is among nodes that have k neighbours there.

    Nodes are taken away in the order of the neighbours that they have left [1]_.

    References
    ----------
    .. [1] V. Batagelj, M. Zaversnik, "An O(m) algorithm for cores decomposition", 2003.
    """
    degree = np.diff(plain.indptr).astype(np.int64)
    core, left, k = np.zeros(len(degree)), np.ones(len(degree), dtype=bool), 0
    while left.any():
        k = max(k, int(degree[left].min()))
        while len(gone := np.flatnonzero(left & (degree <= k))):
            core[gone], left[gone] = k, False
            degree -= np.asarray(plain[gone].sum(axis=0)).astype(np.int64).ravel()
    return core
