"""Users and items by whom they share: popularity, nearest items, and linear models of histories."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import randomized_svd

from nearspace.data.memory import check_memory
from nearspace.data.nodes import Nodes
from nearspace.encoders.base import fewer
from nearspace.encoders.recommender import Recommender, rows_or_zeros, tuned
from nearspace.errors import DataError

__all__ = ["EASE", "ItemKNN", "Popularity", "PureSVD"]

BLOCK = 1024  # items whose likeness to all others is held at once
MOST_DENSE = 30_000  # items, of which every pair has a number
DIAGONALS = (300.0, 10.0, 30.0, 100.0, 1000.0)  # of EASE, the first where nothing tells
MOST_TRIED = 3000  # items by which the regularisation of EASE is chosen
MOST_ROUNDED = 1e-2  # share of a weight of EASE that may be rounding
LEAST = 1e-4  # of the largest product, which regularization has to be for float32


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
        self.regularization_ = self.regularization or tuned(
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


def _weights(matrix: sparse.csr_array, regularization: float) -> np.ndarray:
    """Return the weights of EASE, a row for each item that is told, float32."""
    products = (matrix.T @ matrix).toarray()
    largest = products.diagonal().max(initial=0.0)
    if regularization < LEAST * largest:  # rounding would tell too much
        products = products.astype(np.float64)
    products[np.diag_indices(len(products))] += regularization
    factorise, invert = linalg.get_lapack_funcs(("potrf", "potri"), (products,))
    factor, failed = factorise(products.T, lower=True, overwrite_a=True)
    inverse, singular = invert(factor, lower=True, overwrite_c=True)
    diagonal = np.diagonal(inverse)
    # What rounding makes of items that the same users have is no weight of theirs.
    if (
        failed
        or singular
        or not diagonal.max() * np.finfo(products.dtype).eps * largest < MOST_ROUNDED
    ):
        raise DataError(
            f"ease: regularization={regularization:g} is too small for items that the same users "
            f"have, of which the largest product is {largest:g}; raise it."
        )
    above = np.triu(inverse.T, 1)
    weights = above + above.T
    weights /= -diagonal[:, None]
    weights += 0.0  # no -0
    return weights.astype(np.float32, copy=False)
