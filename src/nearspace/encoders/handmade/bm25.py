"""BM25: the weights by which search engines rank documents for the words of a query."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval

from nearspace.encoders.handmade.words import NGrams

__all__ = ["BM25"]


class BM25(NGrams):
    """Okapi BM25 (Robertson and Spärck Jones, 1994), sparse: the lexical floor of search.

    The vector of a document holds what each of its words adds to the score of a query that has the
    word once; that of a query, see `transform_queries`, how often it has each word. The score of a
    document is their inner product, that of Lucene, with the weight
    ``log(1 + (n - df + 0.5) / (df + 0.5))`` of a word, which is above 0 also where more than half
    of the documents hold it.

    Parameters
    ----------
    k1 : float, default=1.5
        How much more a word counts that stands there again; 0 for not at all.
    b : float, default=0.75
        How much less the words of long documents count, from 0 to 1.
    max_features : int, default=1000000
        Size of the vocabulary, the commonest words first: rare ones tell documents apart.
    analyzer, ngram_range
        As of `BagOfWords`.

    Attributes
    ----------
    vocabulary_ : list of str
        The word of each dimension.
    idf_ : ndarray of shape (d,)
        The weight of each word.
    mean_length_ : float
        Words of a document, on average.

    Examples
    --------
    >>> bm25 = BM25()
    >>> documents = bm25.fit_transform(["the cat sat", "the dog sat on the dog", "a ship"])
    >>> (bm25.transform_queries(["dog"]) @ documents.T).toarray().round(2)
    array([[0.  , 0.45, 0.  ]], dtype=float32)
    """

    metric = "dot"
    idf_: NDArray[np.float32]
    mean_length_: float
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **NGrams._parameter_constraints,
        "k1": [Interval(Real, 0, None, closed="left")],
        "b": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        k1: float = 1.5,
        *,
        b: float = 0.75,
        max_features: int = 1_000_000,
        analyzer: str = "word",
        ngram_range: tuple[int, int] | None = None,
    ):
        super().__init__(max_features, analyzer=analyzer, ngram_range=ngram_range)
        self.k1 = k1
        self.b = b

    def _fit(self, items: list[str], y: Any) -> None:
        counts = self._learn_vocabulary(items)
        n, holding = len(items), np.bincount(counts.indices, minlength=counts.shape[1])
        self.idf_ = np.log1p((n - holding + 0.5) / (holding + 0.5)).astype(np.float32)
        self.mean_length_ = float(counts.sum() / n)

    def _transform(self, items: list[str]) -> sparse.csr_array:
        counts = self._count(items)
        often = counts.data.astype(np.float64)
        lengths = np.repeat(np.asarray(counts.sum(axis=1)).ravel(), np.diff(counts.indptr))
        damped = often + self.k1 * (1 - self.b + self.b * lengths / self.mean_length_)
        counts.data = (self.idf_[counts.indices] * often / damped).astype(np.float32)
        return counts

    def _transform_queries(self, items: list[str]) -> sparse.csr_array:
        return self._count(items)  # how often each query has each word

    def check_whole(self) -> None:
        """Raise an error unless there is a weight for each word, and a length to divide by."""
        super().check_whole()
        if not ((self.idf_ > 0) & np.isfinite(self.idf_)).all() or not self.mean_length_ > 0:
            raise ValueError("its weights are no logarithms of how rare words are")
