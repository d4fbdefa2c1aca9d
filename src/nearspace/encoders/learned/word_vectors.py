"""Word vectors learned from the words around each, and texts as means of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval

from nearspace.data.words import words_of
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.pooled import POOLING, Pooled
from nearspace.encoders.vocabulary import RESERVED, UNKNOWN, Vocabulary
from nearspace.errors import DataError
from nearspace.learning.progress import epoch_bar
from nearspace.learning.word2vec import Stream, Words2Vec, train_words

__all__ = ["CBOW", "LearnedWords", "SkipGram"]

USUAL_WORDS = 10_000_000  # that are read when nobody says how many passes there are
FEWEST_EPOCHS, MOST_EPOCHS = 5, 50
SHORTEST_PIECE, LONGEST_PIECE = 3, 6  # characters, the marks of both ends of a word among them
COMMON_PIECE = 2  # words that have a piece, at least


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class LearnedWords(Pooled):
    """Word vectors that are learned from the texts that the encoder is fitted on.

    Words are what `Vocabulary` finds. What stands below is of all such encoders.

    Parameters
    ----------
    dim : int, default=100
        Length of the vectors.
    window : int, default=5
        How many words on either side count as context at most; nearer ones count more.
    negatives : int, default=5
        Words drawn for each word of the context, by their counts to the power of 0.75, from which
        it is to be told.
    max_features : int, default=100000
        Size of the vocabulary, the commonest words first.
    at_least : int, default=5
        How often a word stands in the texts; where no word does, 1.
    subsample : float, default=1e-3
        Share of all words from which on a word is left out now and then, the commoner the more
        often; 0 for never.
    pieces : bool, default=False
        Whether a word's vector is the mean of its own and those of its runs of three to six
        characters, so that a word that was not seen has one too [1]_.
    pool : {"mean", "sif"}, default="mean"
        What a text is: the mean of the vectors of its words, or that of smooth inverse
        frequencies, as of `Pooled`.
    epochs : int, optional
        Passes over the texts; by default as many as come to ten million words, from 5 to 50.
    learning_rate : float, default=0.05
        At the beginning, from which it falls in a straight line.
    random_state : int, RandomState instance or None, default=0
        Of first vectors, order, negative samples, and words left out.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    vocabulary_ : dict
        The state of the `Vocabulary`.
    pieces_ : list of str
        Runs of characters that have a vector, behind those of the words in the table.

    References
    ----------
    .. [1] P. Bojanowski, E. Grave, A. Joulin and T. Mikolov, "Enriching word vectors with subword
       information", 2017.
    """

    learns = "items"
    effort = 50
    zero_means = "no known word"
    around: ClassVar[bool]
    vocabulary_: dict[str, Any] = dataclasses.field(init=False)
    pieces_: list[str] = dataclasses.field(init=False)
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "window": [Interval(Integral, 1, None, closed="left")],
        "negatives": [Interval(Integral, 1, None, closed="left")],
        "max_features": [Interval(Integral, 1, None, closed="left")],
        "at_least": [Interval(Integral, 1, None, closed="left")],
        "subsample": [Interval(Real, 0, 1, closed="both")],
        "pieces": ["boolean"],
        **POOLING,
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    dim: int = 100
    window: int = 5
    negatives: int = 5
    max_features: int = 100_000
    at_least: int = 5
    subsample: float = 1e-3
    pieces: bool = False
    pool: str = "mean"
    epochs: int | None = None
    learning_rate: float = 0.05
    random_state: Any = 0
    verbose: bool = False

    def _fit(self, items: list[str], y: Any) -> None:
        self.__dict__.pop("_read", None)
        vocabulary = self._vocabulary_of(items)
        self.vocabulary_ = vocabulary.state
        flat, ends = vocabulary.ids(items)
        texts = np.repeat(np.arange(len(items), dtype=np.int32), np.diff(ends))
        there = flat != UNKNOWN
        words = (flat[there] - RESERVED).astype(np.int64)
        if np.bincount(texts[there]).max(initial=0) < 2:
            raise DataError(
                f"{type(self).__name__}: no text holds two words of the vocabulary, so that there "
                "is no context to learn from."
            )
        assert vocabulary.counts is not None
        self.pieces_ = _pieces_of(vocabulary.tokens) if self.pieces else []
        rows = _rows_of(vocabulary.tokens, self.pieces_) if self.pieces else None
        stream = Stream(words, texts[there], vocabulary.counts, rows)
        usual = min(max(round(USUAL_WORDS / len(words)), FEWEST_EPOCHS), MOST_EPOCHS)
        settings = Words2Vec(
            dim=self.dim,
            window=self.window,
            negatives=self.negatives,
            subsample=self.subsample,
            epochs=self.epochs or usual,
            learning_rate=self.learning_rate,
            around=self.around,
            seed=seed_of(self.random_state),
        )
        self.unit_, self.weights_, self.direction_ = False, None, None
        with epoch_bar(type(self).__name__, self.verbose):
            *_, self.table_ = train_words(stream, settings)
        if not np.isfinite(self.table_).all():
            raise DataError(
                f"{type(self).__name__}: training diverged at learning_rate={self.learning_rate}; "
                "lower it."
            )
        if rows is not None:  # a word's row is from now on the mean that it was learned as
            n_rows = np.diff(rows.indptr)[:, None].astype(np.float32)
            self.table_[: rows.shape[0]] = (rows @ self.table_) / n_rows
        self._set_pool(self.pool, self._shares(vocabulary), items)

    def _vocabulary_of(self, items: list[str]) -> Vocabulary:
        """Return the vocabulary; of few texts, in which no word stands often enough, all words."""
        counted = Vocabulary.of(items, most=self.max_features)
        assert counted.counts is not None
        enough = int((counted.counts >= self.at_least).sum()) or len(counted.tokens)
        return dataclasses.replace(
            counted, tokens=counted.tokens[:enough], counts=counted.counts[:enough]
        )

    def _shares(self, vocabulary: Vocabulary) -> NDArray[np.float64]:
        """Return which share of all words each row of the table has; pieces are of rare words."""
        assert vocabulary.counts is not None
        shares = vocabulary.counts / max(vocabulary.seen[1], 1)
        return np.concatenate([shares, np.zeros(len(self.table_) - len(shares))])

    def check_whole(self) -> None:
        """Raise an error unless there is a finite vector for every word."""
        super().check_whole()
        vocabulary = self.vocabulary
        if vocabulary.unit != "word" or vocabulary.counts is None:
            raise ValueError("it has no vocabulary of words that were counted")
        if len(vocabulary.tokens) + len(self.pieces_) != len(self.table_):
            raise ValueError("it has not one vector for each word and piece")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the vocabulary left out."""
        return self.vocabulary.notes

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return which share of the words of texts is unknown, and whether they have pieces."""
        notes = self.vocabulary.notes_on(self._check(X, reset=False))
        by_pieces = ("They have the vectors of their pieces, where these are known.",)
        return (*notes, *by_pieces) if notes and self.pieces_ else notes

    @property
    def vocabulary(self) -> Vocabulary:
        """The words, by their numbers."""
        if not hasattr(self, "_read"):
            self._read = Vocabulary.from_state(self.vocabulary_)
        return self._read

    def _rows(
        self, texts: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        flat, ends = self.vocabulary.ids(texts)
        numbers = np.where(flat == UNKNOWN, -1, flat - RESERVED).astype(np.int64)
        if not self.pieces_ or not (numbers < 0).any():
            return numbers, ends, self.table_[:0]
        named = [word for text in texts for word in words_of(text)]
        at = np.flatnonzero(numbers < 0)
        unseen, places = np.unique([named[row] for row in at.tolist()], return_inverse=True)
        rows = _rows_of(unseen.tolist(), self.pieces_)[:, len(unseen) :]
        n_pieces = np.diff(rows.indptr)
        vectors = (rows @ self.table_[-len(self.pieces_) :]) / np.maximum(n_pieces, 1)[:, None]
        numbers[at] = np.where(n_pieces[places] > 0, len(self.table_) + places, -1)
        return numbers, ends, vectors.astype(np.float32)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class SkipGram(LearnedWords):
    """Word vectors by which a word tells the words around it (Mikolov et al., 2013 [1]_).

    Each word of a text is to tell the words around it from words drawn at random (negative
    sampling). Words that stand among the same words come out alike. The parameters are those of
    `LearnedWords`.

    References
    ----------
    .. [1] T. Mikolov, I. Sutskever, K. Chen, G. Corrado and J. Dean, "Distributed representations
       of words and phrases and their compositionality", 2013.

    Examples
    --------
    >>> texts = ["the cat sat", "the dog sat", "a dog ran", "a cat ran"] * 20
    >>> encoder = SkipGram(dim=8, epochs=2).fit(texts)
    >>> encoder.transform(["cat", "the dog", "zebra"]).shape
    (3, 8)
    >>> encoder.notes_on(["the zebra"])
    ('50.0 % of the words of the texts are unknown to it.',)
    """

    around = False


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class CBOW(LearnedWords):
    """Word vectors whose mean tells the word that they stand around (Mikolov et al., 2013).

    It is the continuous bag of words [1]_, with negative samples: faster than `SkipGram`, and
    weaker on rare words. The parameters are those of `LearnedWords`.

    References
    ----------
    .. [1] T. Mikolov, K. Chen, G. Corrado and J. Dean, "Efficient estimation of word
       representations in vector space", 2013.

    Examples
    --------
    >>> texts = ["the cat sat", "the dog sat", "a dog ran", "a cat ran"] * 20
    >>> CBOW(dim=8, epochs=2, pool="sif").fit_transform(texts).shape
    (80, 8)
    """

    around = True


def _runs_of(word: str) -> set[str]:
    """Return the runs of characters of a word between marks of its ends.

    Examples
    --------
    >>> sorted(_runs_of("cat"))
    ['<ca', '<cat', '<cat>', 'at>', 'cat', 'cat>']
    """
    marked = f"<{word}>"
    return {
        marked[start : start + length]
        for length in range(SHORTEST_PIECE, LONGEST_PIECE + 1)
        for start in range(len(marked) - length + 1)
    }


def _pieces_of(words: list[str]) -> list[str]:
    """Return the runs of characters that several words have."""
    counts = Counter(run for word in words for run in _runs_of(word))
    return sorted(run for run, count in counts.items() if count >= COMMON_PIECE)


def _rows_of(words: list[str], pieces: list[str]) -> sparse.csr_array:
    """Return of which rows each word is made: its own, and behind all words those of its pieces."""
    at = {piece: row for row, piece in enumerate(pieces, len(words))}
    rows = [
        [row, *sorted(at[run] for run in _runs_of(word) if run in at)]
        for row, word in enumerate(words)
    ]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    numbers = np.array([number for row in rows for number in row], dtype=np.int64)
    ones = np.ones(len(numbers), np.float32)
    shape = (len(words), len(words) + len(pieces))
    return sparse.csr_array((ones, numbers, ends), shape=shape)
