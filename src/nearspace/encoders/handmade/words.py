"""Texts by their words, or by runs of their characters: counts, weighted counts, hashed counts."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Text
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError

__all__ = ["BagOfWords", "Hashing", "NGrams", "TfIdf"]

MOST_RARE = 100.0  # the weight of a word in one of e^99 texts
USUAL_RANGES = {"word": (1, 1), "char": (2, 4), "char_wb": (2, 4)}
PARTS: dict[str, list] = {
    "analyzer": [StrOptions({*USUAL_RANGES})],
    "ngram_range": [tuple, None],
}


class NGrams(Encoder):
    """How often each word, or run of words or characters, of a vocabulary stands in a text."""

    kinds = frozenset({Text})
    learns = "items"
    metric = "cosine"
    _counter: Any
    vocabulary_: list[str]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "max_features": [Interval(Integral, 1, None, closed="left")],
        **PARTS,
    }

    def __init__(
        self,
        max_features: int = 50_000,
        *,
        analyzer: str = "word",
        ngram_range: tuple[int, int] | None = None,
    ):
        self.max_features = max_features
        self.analyzer = analyzer
        self.ngram_range = ngram_range

    def _learn_vocabulary(self, items: list[str]) -> sparse.csr_array:
        """Set `vocabulary_`, the commonest first where not all are kept, and return the counts."""
        from sklearn.feature_extraction.text import CountVectorizer

        parts = parts_counted(self)
        counter = CountVectorizer(max_features=self.max_features, **parts)
        try:
            counts = counter.fit_transform(items)
        except ValueError as error:
            shortest = parts["ngram_range"][0]
            raise DataError(
                "No text holds a word of two or more letters, so there is no vocabulary."
                if self.analyzer == "word" and shortest == 1
                else f"No text holds a run of {shortest} {self._noun}, so there is no vocabulary; "
                "take shorter ones by ngram_range."
            ) from error
        self.vocabulary_, self._counter = counter.get_feature_names_out().tolist(), None
        return sparse.csr_array(counts, dtype=np.float32)

    def _count(self, items: list[str]) -> sparse.csr_array:
        """Return how often each word of the vocabulary stands in each text."""
        from sklearn.feature_extraction.text import CountVectorizer

        counter = getattr(self, "_counter", None)
        if counter is None:  # kept, as looking a large vocabulary over takes longer than one text
            vocabulary = {word: i for i, word in enumerate(self.vocabulary_)}
            counter = CountVectorizer(vocabulary=vocabulary, **parts_counted(self))
            self._counter = counter.fit([""])
        return sparse.csr_array(counter.transform(items), dtype=np.float32)

    @property
    def zero_means(self) -> str:  # type: ignore[override]
        """That no word, or run of characters, is in the vocabulary."""
        return "no known word" if self.analyzer == "word" else "no known run of characters"

    @property
    def _noun(self) -> str:
        return "words" if self.analyzer == "word" else "characters"

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the word of each dimension."""
        check_is_fitted(self)
        return np.array(self.vocabulary_, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.vocabulary_)


class BagOfWords(NGrams):
    """How often each word stands in a text, sparse.

    Parameters
    ----------
    max_features : int, default=50000
        Size of the vocabulary, the commonest words first.
    analyzer : {"word", "char", "char_wb"}, default="word"
        What is counted: words of two letters and more, runs of characters, or runs of characters
        within words alone, with a blank at either end. Letters are made small.
    ngram_range : (int, int), optional
        Lengths of the shortest and longest run of words or characters that counts; by default words
        alone, (1, 1), and runs of two to four characters.

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
    >>> BagOfWords(analyzer="char", ngram_range=(3, 3)).fit(["green"]).vocabulary_
    ['een', 'gre', 'ree']
    """

    def _fit(self, items: list[str], y: Any) -> None:
        self._learn_vocabulary(items)

    def _transform(self, items: list[str]) -> sparse.csr_array:
        return self._count(items)


class TfIdf(NGrams):
    """Word counts weighted by rarity and brought to length 1 (Spärck Jones, 1972), sparse.

    The weights are scikit-learn's: ``log((1 + n) / (1 + df)) + 1``.

    Parameters
    ----------
    max_features : int, default=50000
        Size of the vocabulary, the commonest words first.
    analyzer : {"word", "char", "char_wb"}, default="word"
        What is counted: words of two letters and more, runs of characters, or runs of characters
        within words alone, with a blank at either end. Letters are made small.
    ngram_range : (int, int), optional
        Lengths of the shortest and longest run of words or characters that counts; by default words
        alone, (1, 1), and runs of two to four characters.

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
        frequency = self._learn_vocabulary(items).astype(bool).sum(axis=0)
        self.idf_ = (np.log((1 + len(items)) / (1 + frequency)) + 1).astype(np.float32)

    def _transform(self, items: list[str]) -> sparse.csr_array:
        from sklearn.preprocessing import normalize

        weighted = sparse.csr_array(self._count(items).multiply(self.idf_))
        return sparse.csr_array(normalize(weighted, copy=False))


class Hashing(Encoder):
    """Word counts, each in the dimension that a hash gives its word, brought to length 1, sparse.

    Nothing is learnt and no word is unknown, so that any number of texts goes through it, in
    whatever order (Weinberger et al., 2009). Words that share a dimension are taken for one another
    with signs by chance, so that they cancel rather than add up.

    Parameters
    ----------
    n_features : int, default=262144
        Length of the vectors.
    analyzer : {"word", "char", "char_wb"}, default="word"
        What is counted: words of two letters and more, runs of characters, or runs of characters
        within words alone, with a blank at either end. Letters are made small.
    ngram_range : (int, int), optional
        Lengths of the shortest and longest run of words or characters that counts; by default words
        alone, (1, 1), and runs of two to four characters.

    Examples
    --------
    >>> vectors = Hashing(n_features=16).fit_transform(["red green red", "green blue"])
    >>> vectors.shape, vectors.nnz
    ((2, 16), 4)
    """

    kinds = frozenset({Text})
    metric = "cosine"
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_features": [Interval(Integral, 1, np.iinfo(np.int32).max, closed="both")],
        **PARTS,
    }

    def __init__(
        self,
        n_features: int = 2**18,
        *,
        analyzer: str = "word",
        ngram_range: tuple[int, int] | None = None,
    ):
        self.n_features = n_features
        self.analyzer = analyzer
        self.ngram_range = ngram_range

    def _fit(self, items: list[str], y: Any) -> None:
        self.width_ = self.n_features
        parts_counted(self)

    def _transform(self, items: list[str]) -> sparse.csr_array:
        from sklearn.feature_extraction.text import HashingVectorizer

        counter = HashingVectorizer(
            n_features=self.n_features, dtype=np.float32, **parts_counted(self)
        )
        return sparse.csr_array(counter.transform(items))

    @property
    def zero_means(self) -> str:  # type: ignore[override]
        """That there is nothing to count."""
        return "no word" if self.analyzer == "word" else "no run of characters"


def parts_counted(encoder: NGrams | Hashing) -> dict[str, Any]:
    """Return which parts of a text count, in scikit-learn's words.

    Raises
    ------
    DataError
        If the lengths of runs are no two whole numbers, the shortest first.
    """
    asked = encoder.ngram_range
    lengths = USUAL_RANGES[encoder.analyzer] if asked is None else asked
    whole = len(lengths) == 2 and all(type(length) is int for length in lengths)
    if not whole or not 1 <= lengths[0] <= lengths[1]:
        raise DataError(
            f"{type(encoder).__name__}: expected ngram_range as the lengths of the shortest and "
            f"the longest run, such as (1, 2), got {asked!r}."
        )
    return {"analyzer": encoder.analyzer, "ngram_range": tuple(lengths)}
