"""`Pooled`: texts by a table of token vectors, of which a text has the mean, plain or weighted."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import StrOptions

from nearspace.data import Text
from nearspace.encoders.base import Encoder
from nearspace.encoders.blocks import text_blocks
from nearspace.encoders.vocabulary import Vocabulary
from nearspace.learning.progress import tell_embedded

__all__ = ["POOLING", "Pooled", "zipf"]

POOLING = {"pool": [StrOptions({"mean", "sif"})]}
COMMON = 1e-3  # share of all tokens at which a token weighs half: the ``a`` of the paper
MOST_MEANS = 2**16  # texts of which the common direction is learnt


class Pooled(Encoder):
    """A table of token vectors: a text has the mean of those of its tokens.

    By ``pool="sif"`` a token weighs ``a / (a + p)``, where ``p`` is its share of all tokens and
    ``a`` 0.001, and of every mean what lies along the first principal direction of the means of the
    texts that it is fitted on is taken off [1]_.

    Attributes
    ----------
    table_ : ndarray of shape (tokens, d)
        The vector of each token.
    weights_ : ndarray of shape (tokens,) or None
        What each token weighs; None where all weigh the same.
    direction_ : ndarray of shape (d,) or None
        The direction that is taken off, of length one.
    unit_ : bool
        Whether vectors are brought to length one.

    References
    ----------
    .. [1] S. Arora, Y. Liang and T. Ma, "A simple but tough-to-beat baseline for sentence
       embeddings", 2017.
    """

    kinds = frozenset({Text})
    metric = "cosine"
    zero_means: ClassVar[str] = "no known token"
    table_: NDArray[np.float32]
    weights_: NDArray[np.float32] | None
    direction_: NDArray[np.float32] | None
    unit_: bool

    @abstractmethod
    def _rows(
        self, texts: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows of the table for the tokens of texts, and where each text begins.

        The row is -1 for a token that is passed over. Rows behind those of the table are of vectors
        that are returned too: those of tokens which the table does not have.
        """

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words of the first rows of the table; None where tokens are no words."""
        return None

    def _set_pool(self, pool: str, shares: Any, items: list[str]) -> None:
        """Set how vectors are pooled, by the shares of all tokens that each token has."""
        self.weights_ = self.direction_ = None
        if pool == "mean":
            return
        self.weights_ = (COMMON / (COMMON + shares)).astype(np.float32)
        step = -(-len(items) // MOST_MEANS)
        means = self._means(items[::step])
        means = means[means.any(axis=1)].astype(np.float64)
        if len(means):
            _, vectors = np.linalg.eigh(means.T @ means)
            self.direction_ = vectors[:, -1].astype(np.float32)

    def check_whole(self) -> None:
        """Raise an error unless there is a finite vector for every token that may come."""
        self._check_kind()
        if self.table_.ndim != 2 or not np.isfinite(self.table_).all():
            raise ValueError("its table holds what is no finite vector")
        n, d = self.table_.shape
        for name, shape in (("weights_", (n,)), ("direction_", (d,))):
            array = getattr(self, name)
            if array is not None and (array.shape != shape or not np.isfinite(array).all()):
                raise ValueError(f"'{name}' is not of its table")

    def _transform(self, items: list[str]) -> np.ndarray:
        vectors = self._means(items)
        if self.direction_ is not None:
            along = (vectors * self.direction_).sum(axis=1, keepdims=True)
            vectors -= along * self.direction_
        if self.unit_:
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.where(lengths == 0, 1, lengths)
        return vectors

    def _means(self, items: list[str]) -> NDArray[np.float32]:
        """Return the mean of the vectors of the tokens of each text; zero where it has none."""
        vectors = np.zeros((len(items), self.table_.shape[1]), dtype=np.float32)
        for rows, texts in text_blocks(items):
            numbers, ends, more = self._rows(texts)
            met = numbers >= 0
            weights = met.astype(np.float32)
            if self.weights_ is not None:  # what the table does not have is rare, and weighs 1
                weights *= np.append(self.weights_, np.ones(len(more), np.float32))[numbers]
            n = len(self.table_)
            shape = (len(texts), n + len(more))
            tokens = sparse.csr_array((weights, np.maximum(numbers, 0), ends), shape=shape)
            counts = np.maximum(np.diff(np.append(0, np.cumsum(met))[ends]), 1)[:, None]
            sums = (
                tokens[:, :n] @ self.table_ + tokens[:, n:] @ more
                if len(more)
                else (tokens @ self.table_)
            )
            vectors[rows] = sums / counts
            tell_embedded(rows.stop, len(items))
        return vectors

    @property
    def _n_features_out(self) -> int:
        return self.table_.shape[1]


def zipf(n: int) -> NDArray[np.float64]:
    """Return which share of all tokens each of ``n`` has by Zipf's law, the commonest first.

    Examples
    --------
    >>> zipf(2).round(3).tolist()
    [0.667, 0.333]
    """
    shares = 1 / np.arange(1, n + 1)
    return shares / shares.sum()
