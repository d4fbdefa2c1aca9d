"""`Recommender`: an encoder of users and items, whose inner products tell who will have what."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from nearspace.data.kinds.interactions import Interactions
from nearspace.data.nodes import Nodes
from nearspace.encoders.base import Encoder
from nearspace.metrics.recommending import ndcg_within, ranks_and_first

__all__ = ["Recommender", "rows_or_zeros", "tuned"]

HELD_OUT, FEWEST_HELD_OUT, MOST_ASKING, FIRST = 0.1, 20, 2000, 20  # by which a setting is chosen


class Recommender(Encoder):
    """An encoder of users and items: the inner product of both tells who will have what.

    Vectors of items are learnt, and that of a user is made of the items that the user has, so that
    users who come later have one too.

    Attributes
    ----------
    ignores_weights : bool
        Whether it looks at who has what, and not at how much that weighs.
    names_ : list of str
        The items that were there in `fit`.
    weighted_ : bool
        Whether interactions had weights there.
    """

    kinds = frozenset({Interactions})
    learns = "items"
    metric = "dot"
    zero_means = "nothing that anybody else has"
    min_items = 2
    ignores_weights: ClassVar[bool] = False
    names_: list[str]
    weighted_: bool

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
        self.weighted_ = items.edges.weights is not None
        return items.interactions

    @property
    def notes(self) -> tuple[str, ...]:
        """That weights play no part, where there are some and they do not."""
        return self._on_weights()

    def _on_weights(self) -> tuple[str, ...]:
        if not (self.ignores_weights and self.weighted_):
            return ()
        return ("What interactions weigh plays no part: each counts alike.",)

    def _transform(self, items: Nodes) -> Any:
        is_user = items.rows < items.users
        names = items.names[items.users :]
        place = self._places(names)
        rows = items.rows[~is_user] - items.users
        matrix = items.edges.adjacency[items.rows[is_user]][:, items.users :]
        if names.tolist() != self.names_:
            matrix = _with_columns_at(matrix, place, len(self.names_))
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


def tuned(
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


def rows_or_zeros(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows at positions; zeros of -1."""
    if not len(rows):
        return np.zeros((0, vectors.shape[1]), np.float32)
    return np.where(rows[:, None] < 0, np.float32(0), vectors[rows])


def _with_columns_at(matrix: sparse.csr_array, place: np.ndarray, width: int) -> sparse.csr_array:
    """Return a matrix whose columns have other places, without those at -1."""
    cells = matrix.tocoo()
    there = place[cells.col] >= 0
    entries = cells.data[there], (cells.row[there], place[cells.col[there]])
    return sparse.csr_array(entries, shape=(matrix.shape[0], width), dtype=np.float32)
