"""Bags of words: sparse counts, plain and weighted by how rare a word is."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Text
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError

__all__ = ["BagOfWords", "TfIdf"]

MOST_RARE = 100.0  # the weight of a word in one of e^99 texts


class BagOfWords(Encoder):
    """How often each word stands in a text, sparse.

    Parameters
    ----------
    max_words : int, default=50000
        Size of the vocabulary, the commonest words first.
    ngrams : int, default=1
        Longest run of words that counts as a word of its own.

    Attributes
    ----------
    vocabulary_ : list of str
        The word of each dimension.

    Examples
    --------
    >>> bag = BagOfWords().fit(["red green red", "green blue"])
    >>> bag.vocabulary_
    ['blue', 'green', 'red']
    >>> bag.transform(["red red"]).toarray()
    array([[0., 0., 2.]], dtype=float32)
    """

    kinds = frozenset({Text})
    learns = "items"
    metric = "cosine"
    zero_means = "no known word"
    _counter: Any
    vocabulary_: list[str]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "max_words": [Interval(Integral, 1, None, closed="left")],
        "ngrams": [Interval(Integral, 1, 3, closed="both")],
    }

    def __init__(self, max_words: int = 50_000, *, ngrams: int = 1):
        self.max_words = max_words
        self.ngrams = ngrams

    def _fit(self, items: list[str], y: Any) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        counter = CountVectorizer(max_features=self.max_words, ngram_range=(1, self.ngrams))
        try:
            counter.fit(items)
        except ValueError as error:
            raise DataError(
                f"No text holds a word of two or more letters, so there is no vocabulary ({error})."
            ) from error
        self.vocabulary_, self._counter = counter.get_feature_names_out().tolist(), None

    def _transform(self, items: list[str]) -> sparse.csr_array:
        from sklearn.feature_extraction.text import CountVectorizer

        counter = getattr(self, "_counter", None)
        if counter is None:  # kept, as looking a large vocabulary over takes longer than one text
            vocabulary = {word: i for i, word in enumerate(self.vocabulary_)}
            counter = CountVectorizer(vocabulary=vocabulary, ngram_range=(1, self.ngrams))
            self._counter = counter.fit([""])
        return sparse.csr_array(counter.transform(items), dtype=np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the word of each dimension."""
        check_is_fitted(self)
        return np.array(self.vocabulary_, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.vocabulary_)


class TfIdf(BagOfWords):
    """Word counts weighted by rarity and brought to length 1 (Spärck Jones, 1972), sparse.

    The weights are scikit-learn's: ``log((1 + n) / (1 + df)) + 1``.

    Parameters
    ----------
    max_words : int, default=50000
        Size of the vocabulary, the commonest words first.
    ngrams : int, default=1
        Longest run of words that counts as a word of its own.

    Attributes
    ----------
    vocabulary_ : list of str
        The word of each dimension.
    idf_ : ndarray of shape (d,)
        The weight of each word.

    Examples
    --------
    >>> vectors = TfIdf().fit_transform(["red green red", "green blue"])
    >>> vectors.shape
    (2, 3)
    """

    idf_: NDArray[np.float32]

    def check_whole(self) -> None:
        """Raise an error unless there is a weight for each word, as a logarithm may be."""
        super().check_whole()
        if not ((self.idf_ > 0) & (self.idf_ < MOST_RARE)).all():
            raise ValueError("its weights are no logarithms of how rare words are")

    def _fit(self, items: list[str], y: Any) -> None:
        super()._fit(items, y)
        frequency = super()._transform(items).astype(bool).sum(axis=0)
        self.idf_ = (np.log((1 + len(items)) / (1 + frequency)) + 1).astype(np.float32)

    def _transform(self, items: list[str]) -> sparse.csr_array:
        from sklearn.preprocessing import normalize

        weighted = sparse.csr_array(super()._transform(items).multiply(self.idf_))
        return sparse.csr_array(normalize(weighted, copy=False))
