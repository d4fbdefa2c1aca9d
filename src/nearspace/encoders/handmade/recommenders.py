"""Users and items by whom they share: popularity, nearest items, and linear models of histories."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import randomized_svd

from nearspace.data.in_threads import in_threads
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.memory import check_memory
from nearspace.data.nodes import Nodes
from nearspace.encoders.base import Encoder, fewer
from nearspace.errors import DataError
from nearspace.metrics.recommending import ndcg_within, ranks_and_first

__all__ = [
    "ALS",
    "EASE",
    "ItemKNN",
    "Popularity",
    "PureSVD",
    "Recommender",
    "least_squares",
    "rows_or_zeros",
]

BLOCK = 1024  # items whose likeness to all others is held at once
MOST_DENSE = 30_000  # items, of which every pair has a number
DIAGONALS = (300.0, 10.0, 30.0, 100.0, 1000.0)  # of EASE, the first where nothing tells
PENALTIES = (0.05, 0.025, 0.1, 0.2)  # of ALS, the first where nothing tells
HELD_OUT, FEWEST_HELD_OUT, MOST_ASKING, FIRST = 0.1, 20, 2000, 20  # by which one is chosen
LEAST = 1e-4  # of the largest product, which regularization has to be for float32
MOST_TRIED = 3000  # items by which the regularisation of EASE is chosen
NUMBERS_AT_ONCE = 500_000  # of the systems that are solved together
WIDER = 1.3  # times the shortest history among those that are solved together


class Recommender(Encoder):
    """An encoder of users and items: the inner product of both tells who will have what.

    Vectors of items are learnt, and that of a user is made of the items that the user has, so that
    users who come later have one too.

    Attributes
    ----------
    names_ : list of str
        The items that were there in `fit`.
    """

    kinds = frozenset({Interactions})
    learns = "items"
    metric = "dot"
    zero_means = "nothing that anybody else has"
    min_items = 2
    names_: list[str]

    @abstractmethod
    def of_histories(self, histories: sparse.csr_array) -> Any:
        """Return the vectors of users.

        Parameters
        ----------
        histories : csr_array of shape (n, items), float32
            What each has, of the items that were there in `fit`.

        Returns
        -------
        ndarray or csr_array of shape (n, d), float32
        """

    @abstractmethod
    def of_items(self, rows: np.ndarray) -> Any:
        """Return the vectors of items at positions among those of `fit`; zeros of -1."""

    def of_others(self, items: Nodes) -> Any:
        """Return the vectors of items that were not there in `fit`: zeros, unless more is known."""
        return self.of_items(np.full(len(items), -1))

    def _of_users(self, items: Nodes, histories: sparse.csr_array, rows: np.ndarray) -> Any:
        """Return the vectors of users at positions, who have these histories."""
        return self.of_histories(histories)

    def _learnt_from(self, items: Nodes) -> sparse.csr_array:
        """Note the items, and return what every user has of them."""
        self.names_ = items.names[items.users :].tolist()
        return items.interactions

    def _transform(self, items: Nodes) -> Any:
        is_user = items.rows < items.users
        names = items.names[items.users :]
        place = self._places(names)
        rows = items.rows[~is_user] - items.users
        matrix = items.interactions[items.rows[is_user]]
        if names.tolist() != self.names_:
            matrix = _moved(matrix, place, len(self.names_))
        new = place[rows] < 0
        parts = [
            self._of_users(items, matrix, items.rows[is_user]),
            self.of_items(place[rows[~new]]),
            self.of_others(items[np.flatnonzero(~is_user)[new]]),
        ]
        order = np.empty(len(items), dtype=np.int64)
        order[is_user] = np.arange(is_user.sum())
        order[np.flatnonzero(~is_user)[~new]] = is_user.sum() + np.arange((~new).sum())
        order[np.flatnonzero(~is_user)[new]] = len(items) - new.sum() + np.arange(new.sum())
        if any(map(sparse.issparse, parts)):
            return sparse.csr_array(sparse.vstack(parts, format="csr")[order], dtype=np.float32)
        return np.concatenate(parts)[order]

    def _places(self, names: np.ndarray) -> np.ndarray:
        """Return where items of some names were in `fit`; -1 of those that were not there."""
        if names.tolist() == self.names_:
            return np.arange(len(names))
        places = {name: at for at, name in enumerate(self.names_)}
        return np.array([places.get(name, -1) for name in names.tolist()], dtype=np.int64)

    def check_whole(self) -> None:
        """Raise an error unless there are vectors of what it names, and of a user without any."""
        self._check_kind()
        everyone, nobody = np.arange(len(self.names_)), (1, len(self.names_))
        of_users = self.of_histories(sparse.csr_array(nobody, dtype=np.float32))
        for vectors in (self.of_items(everyone), of_users):
            values = vectors.data if sparse.issparse(vectors) else vectors
            if vectors.shape[1] != self._n_features_out or not np.isfinite(values).all():
                raise ValueError(f"it makes vectors of shape {vectors.shape}, or not finite ones")


class Popularity(Recommender):
    """How many users have an item: one number, the same for whoever asks.

    What every recommendation is to be held against, and often near to.

    Attributes
    ----------
    shares_ : ndarray of shape (items,), float32
        Of all users, or what they have of it on average where interactions are weighted.

    Examples
    --------
    >>> from nearspace import load_interactions, make
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "b")])
    >>> make("popularity").fit_on(data).transform(data.items).tolist()
    [[1.0], [1.0], [0.5], [1.0]]
    """

    shares_: NDArray[np.float32]

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)
        self.shares_ = np.asarray(matrix.mean(axis=0), dtype=np.float32).ravel()
        self.width_ = 1

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Return 1 for whoever asks, shape ``(n, 1)``."""
        return np.ones((histories.shape[0], 1), np.float32)

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the shares of items, shape ``(n, 1)``."""
        return rows_or_zeros(self.shares_[:, None], rows)


class ItemKNN(Recommender):
    """An item by those that the same users have, as many as are nearest to it [1]_; sparse.

    A user's vector is the history, and an item's how alike it is to each of its nearest ones: the
    cosine of their users, shrunk where few have both. The inner product is then the sum over what
    the user has.

    Parameters
    ----------
    neighbours : int, default=50
        How many items are near to one.
    shrinkage : float, default=10.0
        What is added below the fraction of the cosine.

    Attributes
    ----------
    nearest_ : ndarray of shape (items, k), int64
        The items that are near to each, -1 where there are no more.
    alike_ : ndarray of shape (items, k), float32
        How alike they are.

    References
    ----------
    .. [1] M. Deshpande, G. Karypis, "Item-based top-N recommendation algorithms", 2004.

    Examples
    --------
    >>> from nearspace import load_interactions, make
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")])
    >>> vectors = make("itemknn(shrinkage=0)").fit_on(data).transform(data.items).toarray()
    >>> vectors[3:].round(2).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    takes_sparse = True
    effort = 2
    nearest_: NDArray[np.int64]
    alike_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "neighbours": [Interval(Integral, 1, None, closed="left")],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, neighbours: int = 50, shrinkage: float = 10.0):
        self.neighbours = neighbours
        self.shrinkage = shrinkage

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)
        n = matrix.shape[1]
        across = sparse.csr_array(matrix.T)
        sizes = np.sqrt(np.asarray(across.multiply(across).sum(axis=1)).ravel())
        k = min(self.neighbours, n)
        self.nearest_ = np.full((n, k), -1)
        self.alike_ = np.zeros((n, k), np.float32)
        for start in range(0, n, BLOCK):
            shared = (across[start : start + BLOCK] @ matrix).toarray()
            here = np.arange(len(shared))
            shared[here, start + here] = 0  # none is near to itself
            below = sizes[start + here][:, None] * sizes + self.shrinkage
            alike = np.divide(shared, below, out=np.zeros_like(shared), where=below > 0)
            most = np.argsort(-alike, axis=1, kind="stable")[:, :k]
            values = np.take_along_axis(alike, most, axis=1)
            self.nearest_[start + here] = np.where(values > 0, most, -1)
            self.alike_[start + here] = values
        self.width_ = n

    def of_histories(self, histories: sparse.csr_array) -> sparse.csr_array:
        """Return the histories, shape ``(n, items)``."""
        return histories

    def of_items(self, rows: np.ndarray) -> sparse.csr_array:
        """Return how alike items are to those that are near to them, shape ``(n, items)``."""
        near = np.where(rows[:, None] < 0, -1, self.nearest_[rows])
        at, which = np.nonzero(near >= 0)
        entries = self.alike_[rows[at], which], (at, near[at, which])
        return sparse.csr_array(entries, shape=(len(rows), self.width_), dtype=np.float32)


class EASE(Recommender):
    """The linear model that tells each item of a history by all others, in closed form [1]_.

    A user's vector is the history, and an item's the weights of all items by which it is told, so
    that there is a dimension for each item.

    Parameters
    ----------
    regularization : float, optional
        What is added to the diagonal of the products of items; by default that of 10, 30, 100, 300
        and 1,000 by which a tenth of the interactions, held out, is recommended best.

    Attributes
    ----------
    weights_ : ndarray of shape (items, items), float32
        A row for each item that is told.
    regularization_ : float
        What was given, or chosen.

    References
    ----------
    .. [1] H. Steck, "Embarrassingly shallow autoencoders for sparse data", 2019.

    Examples
    --------
    >>> from nearspace import load_interactions, make
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")])
    >>> vectors = make("ease(regularization=1)").fit_on(data).transform(data.items)
    >>> (3 * vectors[3:]).round().tolist()
    [[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    effort = 20
    weights_: NDArray[np.float32]
    regularization_: float
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "regularization": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, *, regularization: float | None = None):
        self.regularization = regularization

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)
        n = matrix.shape[1]
        if n > MOST_DENSE:
            raise DataError(
                f"{self.spec}: every pair of items has a number, and there are {n:,} items, more "
                f"than {MOST_DENSE:,}; take als, which is for many."
            )
        check_memory(n**2 * 20, "What ease learns of every two items")
        # What suits the items that most users have suits all, and is soon worked out.
        often = np.argsort(-np.asarray(matrix.sum(axis=0)).ravel(), kind="stable")[:MOST_TRIED]
        self.regularization_ = self.regularization or chosen(
            matrix[:, np.sort(often)], DIAGONALS, lambda some, x: (some, _weights(some, x))
        )
        self.weights_, self.width_ = _weights(matrix, self.regularization_), n

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Return the histories, shape ``(n, items)``."""
        check_memory(histories.shape[0] * self.width_ * 4, "What users have, made dense,")
        return histories.toarray().astype(np.float32)

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the weights by which items are told, shape ``(n, items)``."""
        return rows_or_zeros(self.weights_, rows)


class PureSVD(Recommender):
    """Singular vectors of the matrix of users and items, in which no interaction counts as 0 [1]_.

    Parameters
    ----------
    dim : int, default=8
        Length of the vectors, where there are as many users and items.

    Attributes
    ----------
    items_ : ndarray of shape (items, d), float32
        The right singular vectors, on which histories are projected.

    References
    ----------
    .. [1] P. Cremonesi, Y. Koren, R. Turrin, "Performance of recommender algorithms on top-N
       recommendation tasks", 2010.

    Examples
    --------
    >>> from nearspace import load_interactions, make
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")])
    >>> vectors = make("puresvd(dim=1)").fit_on(data).transform(data.items)
    >>> abs(vectors[:3] @ vectors[3:].T).round(2).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """

    items_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, dim: int = 8):
        self.dim = dim

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)
        k = min(self.dim, *matrix.shape)
        _, _, right = randomized_svd(matrix.astype(np.float64), k, random_state=0)
        self.items_, self.width_ = np.ascontiguousarray(right.T, dtype=np.float32), k

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Return histories times the singular vectors, shape ``(n, d)``."""
        return np.asarray(histories @ self.items_, dtype=np.float32)

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the singular vectors of items, shape ``(n, d)``."""
        return rows_or_zeros(self.items_, rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """That it has fewer dimensions than asked for, where it has."""
        return fewer(self.width_, self.dim, "dimensions")


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
        self.regularization_ = self.regularization or chosen(matrix, PENALTIES, self._solved)
        self.items_, self.width_ = self._solved(matrix, self.regularization_)[1], self.dim

    def _solved(self, matrix: sparse.csr_array, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of users and of items."""
        across = sparse.csr_array(matrix.T)
        rng = np.random.default_rng(self.random_state)
        own = 0.1 * rng.standard_normal((matrix.shape[1], self.dim), dtype=np.float32)
        for _ in range(self.iterations):
            users = least_squares(matrix, own, self.confidence, penalty)
            own = least_squares(across, users, self.confidence, penalty)
        return least_squares(matrix, own, self.confidence, penalty), own

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Return the vectors that solve for histories, shape ``(n, d)``."""
        return least_squares(histories, self.items_, self.confidence, self.regularization_)

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of items, shape ``(n, d)``."""
        return rows_or_zeros(self.items_, rows)


def _weights(matrix: sparse.csr_array, regularization: float) -> np.ndarray:
    """Return the weights of EASE, a row for each item that is told, float32."""
    products = (matrix.T @ matrix).toarray()
    largest = products.diagonal().max(initial=0.0)
    products[np.diag_indices(len(products))] += regularization
    if regularization < LEAST * largest:  # rounding would tell too much
        products = products.astype(np.float64)
    factorise, invert = linalg.get_lapack_funcs(("potrf", "potri"), (products,))
    factor, _ = factorise(products.T, lower=True, overwrite_a=True)
    inverse, _ = invert(factor, lower=True, overwrite_c=True)
    above = np.triu(inverse.T, 1)
    weights = above + above.T
    weights /= -np.diagonal(inverse)[:, None]
    weights += 0.0  # no -0
    return weights.astype(np.float32, copy=False)


def chosen(
    matrix: sparse.csr_array,
    values: Sequence[float],
    fit: Callable[[sparse.csr_array, float], tuple[np.ndarray, np.ndarray]],
) -> float:
    """Return the one of some values by which held-out interactions are recommended best.

    A tenth of what users have is held out at random, of those who have two items or more, and
    looked for among the first 20 of what is left, by nDCG.

    Parameters
    ----------
    matrix : csr_array of shape (users, items)
    values : sequence of float
        Of which the first is taken where too little can be held out.
    fit : callable
        Returns for a matrix and a value the vectors of users and of items.
    """
    rng, cells = np.random.default_rng(0), matrix.tocoo()
    held = rng.random(matrix.nnz) < HELD_OUT
    entries = cells.data[~held], (cells.row[~held], cells.col[~held])
    rest = sparse.csr_array(entries, shape=matrix.shape, dtype=np.float32)
    asking = np.unique(cells.row[held & (np.diff(rest.indptr) > 0)[cells.row]])
    asking = np.sort(rng.permutation(asking)[:MOST_ASKING])
    own = held & np.isin(cells.row, asking)
    if own.sum() < FEWEST_HELD_OUT:
        return values[0]
    links = np.stack([np.searchsorted(asking, cells.row[own]), cells.col[own]], axis=1)
    told = []
    for value in values:
        users, items = fit(rest, value)
        ranks, _ = ranks_and_first(users[asking], items, links, rest[asking], "dot")
        told.append(ndcg_within(ranks, links[:, 0], len(asking), FIRST).mean())
    return values[int(np.argmax(told))]


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


def rows_or_zeros(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows at positions; zeros of -1."""
    if not len(rows):
        return np.zeros((0, vectors.shape[1]), np.float32)
    return np.where(rows[:, None] < 0, np.float32(0), vectors[rows])


def _moved(matrix: sparse.csr_array, place: np.ndarray, width: int) -> sparse.csr_array:
    """Return a matrix whose columns have other places, without those at -1."""
    cells = matrix.tocoo()
    there = place[cells.col] >= 0
    entries = cells.data[there], (cells.row[there], place[cells.col[there]])
    return sparse.csr_array(entries, shape=(matrix.shape[0], width), dtype=np.float32)
