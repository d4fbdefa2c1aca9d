"""Cells of tables, and tokens of texts, one-hot."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Table, Text
from nearspace.encoders.base import Encoder
from nearspace.encoders.handmade.cells import Cells
from nearspace.encoders.handmade.codings import Coding, HotCoding
from nearspace.encoders.vocabulary import UNITS, UNKNOWN, Vocabulary
from nearspace.errors import DataError

__all__ = ["OneHot"]

WIDEST = 2**31  # columns of sparse vectors


class OneHot(Cells):
    """Cells of tables, and tokens of texts, one-hot.

    Of tables categories are one-hot, and so are several in one cell, as "a|b" is; numbers are
    scaled; dates are the year, and sine and cosine of the cycles in which they differ. A column in
    which cells were missing gets a column of its own that says so; a missing category is none of
    them. A category that was not seen in training, or was too rare, counts as "other".

    Of texts each token is one-hot at its place: a sparse vector has a column for each place and
    each token of the vocabulary, and for others one a place.

    Parameters
    ----------
    max_categories : int, default=30
        Categories of each column that have a dimension, the commonest first.
    numbers : {"scale", "quantile", "piecewise"}, default="scale"
        What becomes of numbers: scaled to mean 0 and variance 1, moved to a standard normal
        distribution by their quantiles, or piecewise-linear in eight bins (Gorishniy et al., 2022).
        A missing one stands at the mean, or at the median.
    texts : Encoder or str, optional
        An encoder of texts, or its spec, for columns of texts; without one they are left out.
    tokens : {"word", "char", "bpe"}, default="word"
        What is a token of a text, as of `Vocabulary`.
    max_features : int, default=10000
        Size of the vocabulary of texts, the commonest tokens first.
    length : int, optional
        Places of a text that count, from its beginning; by default those of the longest that it is
        fitted on.

    Examples
    --------
    >>> from nearspace import load
    >>> customers = load("customers")
    >>> vectors = OneHot().fit_transform(customers.items)
    >>> len(vectors) == len(customers)
    True
    >>> encoder = OneHot().fit(["near far", "near"])
    >>> encoder.get_feature_names_out().tolist()
    ['0=other', '0=near', '0=far', '1=other', '1=near', '1=far']
    >>> encoder.transform(["near far", "so near"]).toarray()
    array([[0., 1., 0., 0., 0., 1.],
           [1., 0., 0., 0., 1., 0.]], dtype=float32)
    """

    kinds = frozenset({Table, Text})
    zero_means = "no token"
    of_categories: ClassVar[dict[str, type[Coding]]] = {
        "category": HotCoding,
        "categories": HotCoding,
    }
    vocabulary_: dict[str, Any] | None
    length_: int
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Cells._parameter_constraints,
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "tokens": [StrOptions(set(UNITS))],
        "max_features": [Interval(Integral, 1, None, closed="left")],
        "length": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        max_categories: int = 30,
        *,
        numbers: str = "scale",
        texts: Encoder | str | None = None,
        tokens: str = "word",
        max_features: int = 10_000,
        length: int | None = None,
    ):
        self.max_categories = max_categories
        self.numbers = numbers
        self.texts = texts
        self.tokens = tokens
        self.max_features = max_features
        self.length = length

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the kind: Euclidean for tables, cosine for texts."""
        check_is_fitted(self)
        return self.kind_.metric

    def _of_categories(self, column: Any, several: bool) -> Coding:
        return HotCoding.of(column, self.max_categories, several)

    def _fit(self, items: Any, y: Any) -> None:
        self.__dict__.pop("_vocabulary", None)
        self.columns_, self.vocabulary_, self.length_ = [], None, 0
        if self._columns:
            super()._fit(items, y)
            return
        vocabulary = Vocabulary.of(items, self.tokens, self.max_features)
        self.vocabulary_ = vocabulary.state
        longest = int(np.diff(vocabulary.ids(items)[1]).max())
        self.length_ = longest if self.length is None else min(self.length, longest)
        if self.length_ * (len(vocabulary) - 1) >= WIDEST:
            raise DataError(
                f"OneHot: {self.length_:,} places of {len(vocabulary) - 1:,} tokens are too many "
                "columns; set a smaller length= or max_features=."
            )

    @property
    def vocabulary(self) -> Vocabulary:
        """The numbers of the tokens of texts."""
        if not hasattr(self, "_vocabulary"):
            assert self.vocabulary_ is not None
            self._vocabulary = Vocabulary.from_state(self.vocabulary_)
        return self._vocabulary

    @property
    def notes(self) -> tuple[str, ...]:
        """What the vocabulary of texts left out, and how much memory their vectors take dense."""
        if self.vocabulary_ is None:
            return super().notes
        dense = 4 * self.n_samples_fit_ * self._n_features_out / 2**20
        told = f"Dense, the vectors of the {self.n_samples_fit_:,} texts take {dense:,.1f} MiB."
        return (*self.vocabulary.notes, told)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return what is new among cells; of texts, which share is unknown, how many are cut."""
        if self.vocabulary_ is None:
            return super().notes_on(X)
        items = self._check(X, reset=False)
        n_cut = int((np.diff(self.vocabulary.ids(items)[1]) > self.length_).sum())
        cut = f"{n_cut:,} of {len(items):,} texts are longer than {self.length_:,} tokens, and cut."
        return (*self.vocabulary.notes_on(items), *([cut] * (n_cut > 0)))

    def _texts(self, items: list[str]) -> sparse.csr_array:
        """Return the vectors of texts."""
        numbers, ends = self.vocabulary.ids(items)
        lengths = np.diff(ends)
        places = np.arange(len(numbers)) - np.repeat(ends[:-1], lengths)
        within = places < self.length_
        columns = places * (len(self.vocabulary) - 1) + numbers - UNKNOWN
        ends = np.append(0, np.cumsum(np.minimum(lengths, self.length_)))
        shape = (len(items), self._n_features_out)
        ones = np.ones(int(within.sum()), np.float32)
        return sparse.csr_array((ones, columns[within], ends), shape=shape)

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        return super()._transform(items) if self.vocabulary_ is None else self._texts(items)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every dimension, such as ``"mass"``, ``"kind=cat"``, ``"0=the"``."""
        check_is_fitted(self)
        if self.vocabulary_ is not None:
            tokens = ["other", *self.vocabulary.tokens]
            return np.array([f"{n}={token}" for n in range(self.length_) for token in tokens])
        return super().get_feature_names_out()

    @property
    def _n_features_out(self) -> int:
        if self.vocabulary_ is not None:
            return self.length_ * (len(self.vocabulary) - 1)
        return super()._n_features_out
