"""`DeepWalk`: nodes that stand near to each other on walks along edges come out alike."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from nearspace.data.nodes import Nodes
from nearspace.encoders.handmade.factorised import OfOneGraph
from nearspace.encoders.learned.learned import seed_of
from nearspace.errors import DataError
from nearspace.learning.progress import epoch_bar
from nearspace.learning.word2vec import Stream, Words2Vec, train_words

__all__ = ["DeepWalk", "random_walks"]


class DeepWalk(OfOneGraph):
    """Skip-gram over walks along edges, in which nodes are words and walks are texts [1]_.

    A walk goes to each neighbour as often as the edge weighs. What is said of nodes plays no part,
    and a node without an edge has the vector zero.

    Parameters
    ----------
    dim : int, default=128
        Length of the vectors.
    walks : int, default=10
        How many walks start at each node.
    length : int, default=40
        Nodes of a walk.
    window : int, default=10
        How many nodes before and after one are its context, at most.
    negatives : int, default=5
        Negative samples for each node of the context.
    epochs : int, default=2
        Passes over the walks.
    learning_rate : float, default=0.05
        At the beginning, from which it falls in a straight line.
    random_state : int, RandomState instance or None, default=0
        Of the walks, first vectors and negative samples.
    verbose : bool, default=False
        Whether to show a progress bar.

    References
    ----------
    .. [1] B. Perozzi, R. Al-Rfou, S. Skiena, "DeepWalk: online learning of social representations",
       2014.

    Examples
    --------
    >>> from nearspace import load_graph, make
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)])
    >>> make("deepwalk(dim=4, epochs=1)").fit_on(graph).transform(graph.items).shape
    (6, 4)
    """

    effort = 20
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "walks": [Interval(Integral, 1, None, closed="left")],
        "length": [Interval(Integral, 2, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "negatives": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        *,
        dim: int = 128,
        walks: int = 10,
        length: int = 40,
        window: int = 10,
        negatives: int = 5,
        epochs: int = 2,
        learning_rate: float = 0.05,
        random_state: Any = 0,
        verbose: bool = False,
    ):
        self.dim = dim
        self.walks = walks
        self.length = length
        self.window = window
        self.negatives = negatives
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix, seed = items.edges.symmetric, seed_of(self.random_state)
        linked = np.flatnonzero(np.diff(matrix.indptr))
        starts = np.tile(linked, self.walks)
        walked = random_walks(matrix, starts, self.length, np.random.default_rng(seed))
        stream = Stream(
            walked.ravel(),
            np.repeat(np.arange(len(walked), dtype=np.int32), self.length),
            np.bincount(walked.ravel(), minlength=items.edges.n),
        )
        settings = Words2Vec(
            dim=self.dim, window=self.window, negatives=self.negatives, subsample=0.0,
            epochs=self.epochs, learning_rate=self.learning_rate, around=False, seed=seed,
        )  # fmt: skip
        with epoch_bar(type(self).__name__, self.verbose):
            *_, table = train_words(stream, settings)
        if not np.isfinite(table).all():
            raise DataError(
                f"{self.spec}: training diverged at learning_rate={self.learning_rate}; lower it."
            )
        vectors = np.zeros_like(table)
        vectors[linked] = table[linked]
        self._keep(items, vectors)


def random_walks(
    matrix: sparse.csr_array, starts: np.ndarray, length: int, rng: np.random.Generator
) -> np.ndarray:
    """Return walks along edges, shape ``(walks, length)``, each from a node that has an edge.

    Examples
    --------
    >>> chain = sparse.csr_array(np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    >>> random_walks(chain, np.array([0, 1]), 4, np.random.default_rng(0)).tolist()
    [[0, 1, 0, 1], [1, 0, 1, 0]]
    """
    ends = np.concatenate([[0.0], np.cumsum(matrix.data, dtype=np.float64)])
    walked = np.empty((len(starts), length), dtype=np.int64)
    walked[:, 0] = starts
    for step in range(1, length):
        low, high = matrix.indptr[walked[:, step - 1]], matrix.indptr[walked[:, step - 1] + 1]
        drawn = ends[low] + rng.random(len(starts)) * (ends[high] - ends[low])
        at = np.searchsorted(ends, drawn, side="right") - 1
        walked[:, step] = matrix.indices[np.clip(at, low, high - 1)]  # rounding may lead beyond
    return walked
