"""`ALS`: factors of users and items by least squares in turn, rows of one length together."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval

from nearspace.data.in_threads import in_threads
from nearspace.data.nodes import Nodes
from nearspace.encoders.recommender import Recommender, rows_or_zeros, tuned

__all__ = ["ALS", "least_squares"]

PENALTIES = (0.05, 0.025, 0.1, 0.2)  # the first where nothing tells
NUMBERS_AT_ONCE = 500_000  # of the systems that are solved together
WIDER = 1.3  # times the shortest history among those that are solved together


class ALS(Recommender):
    """Factors of users and items, by weighted least squares of all that is there and is not [1]_.

    Every user and every item has a vector; their product is to be 1 where there is an interaction,
    which counts ``1 + confidence`` times, or so many times its weight, and 0 where there is none.
    They are solved for in turn, and a user who comes later is solved for alike. The penalty grows
    with how much is said of each [2]_, so that one setting does for data of many sizes.

    Parameters
    ----------
    dim : int, default=64
        Length of the vectors.
    regularization : float, optional
        By which squared vectors are held down, for each number that is told by them; by default
        that of 0.025, 0.05, 0.1 and 0.2 by which a tenth of the interactions, held out, is
        recommended best.
    confidence : float, default=15.0
        How much more an interaction counts than none.
    iterations : int, default=5
        How often both sides are solved for.
    random_state : int, default=0
        Of the first vectors of items.

    Attributes
    ----------
    items_ : ndarray of shape (items, d), float32
        The vectors of items.
    regularization_ : float
        What was given, or chosen.

    References
    ----------
    .. [1] Y. Hu, Y. Koren, C. Volinsky, "Collaborative filtering for implicit feedback datasets",
       2008.
    .. [2] S. Rendle, W. Krichene, L. Zhang, Y. Koren, "Revisiting the performance of iALS on item
       recommendation benchmarks", 2022.

    Examples
    --------
    >>> from nearspace import load_interactions, make
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")])
    >>> vectors = make("als(dim=2)").fit_on(data).transform(data.items)
    >>> abs(vectors[:3] @ vectors[3:].T).round().tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    effort = 5
    items_: NDArray[np.float32]
    regularization_: float
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "regularization": [Interval(Real, 0, None, closed="neither"), None],
        "confidence": [Interval(Real, 0, None, closed="neither")],
        "iterations": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        dim: int = 64,
        regularization: float | None = None,
        confidence: float = 15.0,
        iterations: int = 5,
        random_state: int = 0,
    ):
        self.dim = dim
        self.regularization = regularization
        self.confidence = confidence
        self.iterations = iterations
        self.random_state = random_state

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)

        def both(some: sparse.csr_array, penalty: float) -> tuple[np.ndarray, np.ndarray]:
            own = self._solved(some, penalty)
            return least_squares(some, own, self.confidence, penalty), own

        self.regularization_ = self.regularization or tuned(matrix, PENALTIES, both)
        self.items_, self.width_ = self._solved(matrix, self.regularization_), self.dim

    def _solved(self, matrix: sparse.csr_array, penalty: float) -> np.ndarray:
        """Return the vectors of items, between which and those of users it goes to and fro."""
        across = sparse.csr_array(matrix.T)
        rng = np.random.default_rng(self.random_state)
        own = 0.1 * rng.standard_normal((matrix.shape[1], self.dim), dtype=np.float32)
        for _ in range(self.iterations):
            users = least_squares(matrix, own, self.confidence, penalty)
            own = least_squares(across, users, self.confidence, penalty)
        return own

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Return the vectors that solve for histories, shape ``(n, d)``."""
        return least_squares(histories, self.items_, self.confidence, self.regularization_)

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of items, shape ``(n, d)``."""
        return rows_or_zeros(self.items_, rows)


def least_squares(
    matrix: sparse.csr_array, others: np.ndarray, confidence: float, regularization: float
) -> np.ndarray:
    """Return the vectors of one side whose products with those of the other tell who has what.

    For a row with the entries ``r`` it is ``(YᵀY + Yᵀ C Y + λ I)⁻¹ Yᵀ (1 + C) p``, where ``C`` has
    ``confidence * r``, ``p`` is 1 where there is an entry, and ``λ`` is `regularization` times what
    is told by the vector: the columns, and `confidence` for each entry. Rows with few entries are
    solved for by a system of as many equations, rows of about one length together.

    Parameters
    ----------
    matrix : csr_array of shape (n, m), float32
        Entries above 0.
    others : ndarray of shape (m, d), float32
        The vectors of the other side.

    Returns
    -------
    ndarray of shape (n, d), float32
        Zeros for rows without entries.

    Examples
    --------
    >>> least_squares(sparse.csr_array([[1.0, 0.0]]), np.eye(2), 9.0, 0.0).round(2).tolist()
    [[1.0, 0.0]]
    """
    d = others.shape[1]
    # In the axes of YᵀY, where it is diagonal, each row has weights of its own.
    values, axes = np.linalg.eigh(others.T.astype(np.float64) @ others)
    values, axes = np.maximum(values, 0).astype(np.float32), axes.astype(np.float32)
    turned = (others @ axes).astype(np.float32)
    lengths = np.diff(matrix.indptr)
    penalty = regularization * (confidence * lengths + matrix.shape[1])
    solved = np.zeros((matrix.shape[0], d), np.float32)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]

    def of_rows(rows: np.ndarray) -> np.ndarray:
        """Return the vectors of some rows, of which the last is the longest."""
        width = int(lengths[rows[-1]])
        there = np.arange(width) < lengths[rows][:, None]
        at = np.where(there, matrix.indptr[rows][:, None] + np.arange(width), 0)
        extra = np.where(there, confidence * matrix.data[at], 0).astype(np.float32)
        root = np.sqrt(extra)
        scale = 1 / np.sqrt(np.maximum(values + penalty[rows][:, None].astype(np.float32), 1e-12))
        weighed = turned[matrix.indices[at]]
        weighed *= scale[:, None, :]
        weighed *= root[:, :, None]
        wanted = np.divide(1 + extra, root, out=np.zeros_like(root), where=there)[:, :, None]
        flipped = weighed.transpose(0, 2, 1)
        if width <= d:  # (I + WᵀW)⁻¹ Wᵀ = Wᵀ (I + W Wᵀ)⁻¹
            system = weighed @ flipped
            system[:, np.arange(width), np.arange(width)] += 1
            vectors = flipped @ np.linalg.solve(system, wanted)
        else:
            system = flipped @ weighed
            system[:, np.arange(d), np.arange(d)] += 1
            vectors = np.linalg.solve(system, flipped @ wanted)
        return vectors[:, :, 0] * scale

    parts = [order[part] for part in _alike_in_length(lengths[order], d)]
    for rows, vectors in zip(parts, in_threads(of_rows, parts), strict=True):
        solved[rows] = vectors
    return solved @ axes.T


def _alike_in_length(lengths: np.ndarray, d: int) -> list[slice]:
    """Return which of some rows, the shortest first, are solved for together."""
    parts, start = [], 0
    while start < len(lengths):
        width = max(lengths[start] + 2, int(lengths[start] * WIDER))
        at_most = start + max(1, NUMBERS_AT_ONCE // int(width * max(d, width)))
        stop = min(int(np.searchsorted(lengths, width, "right")), at_most)
        parts.append(slice(start, stop))
        start = stop
    return parts
