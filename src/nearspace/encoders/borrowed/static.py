"""`Static`: a table of token vectors that others have made, or that is made of a model."""

from __future__ import annotations

import itertools
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from nearspace.data.readers.word_vectors import is_word_vectors, read_word_vectors
from nearspace.encoders.borrowed.tables import read_table, read_tokenizer
from nearspace.encoders.pooled import POOLING, Pooled, zipf
from nearspace.encoders.vocabulary import RESERVED, UNKNOWN, Vocabulary
from nearspace.errors import DataError, need

__all__ = ["Static"]


class Static(Pooled):
    """A table of token vectors: a text has the mean of those of its tokens.

    It is hundreds of times as fast as the model of which it was made, knows no order of words, and
    is saved whole. It takes the folders of model2vec, with or without weights of tokens and a
    smaller table, the StaticEmbedding of sentence-transformers, and any table with a tokenizer, as
    wordllama ships them; or it makes one of a model of texts: every token of its vocabulary goes
    through the model once, the vectors are brought to their principal components, and weigh the
    less the commoner a token is, by Zipf's law [1]_. It also reads files of word vectors: the text
    of GloVe, fastText and word2vec, and the binary of word2vec, packed or not. Then a token is a
    word in small letters, as `Vocabulary` finds it, which has the vector of the file's word in
    small letters, or else of the first that differs by capitals alone. All of a text is read,
    however long.

    Parameters
    ----------
    model : str, optional
        A folder, a .safetensors file, a file of word vectors such as ``"glove.6B.50d.txt"``, or a
        name on the hub, such as ``"minishlab/potion-base-8M"``.
    of : str, optional
        In its place a model of texts of which to make one, as `Pretrained` takes it: a minute for
        30,000 tokens of a small model.
    tokenizer : str, optional
        The tokenizer.json that belongs to the table, where it does not lie beside it.
    dim : int, optional
        How many numbers of each vector are used: all that a table has, and 256 of one that is made.
    revision : str, optional
        Branch, tag or commit on the hub.
    max_features : int, optional
        Of a file of word vectors only the first so many words, which are the commonest as a rule.
    pool : {"mean", "sif"}, default="mean"
        The mean of the vectors, or that of smooth inverse frequencies, see `Pooled`: how common a
        token is, is told by Zipf's law from its place in the table.

    Attributes
    ----------
    table_ : ndarray of shape (tokens, d)
        The vector of each token.
    tokenizer_ : str
        The tokenizer, as JSON; empty for words.
    words_ : list of str
        The words of a file of word vectors.
    read_ : list of str
        What there was to say of the file.
    dropped_ : list of int
        Numbers of tokens that are passed over: unknown ones, and marks.
    weights_, direction_, unit_
        As of `Pooled`.

    References
    ----------
    .. [1] S. Tulkens and T. van Dongen, "Model2Vec: fast state-of-the-art static embeddings", 2024.

    Examples
    --------
    >>> from nearspace import make
    >>> make("static('minishlab/potion-base-8M', dim=64)").spec
    "static(model='minishlab/potion-base-8M', dim=64)"
    """

    effort = 5
    tokenizer_: str
    words_: list[str]
    read_: list[str]
    dropped_: list[int]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "model": [str, None],
        "of": [str, None],
        "tokenizer": [str, None],
        "dim": [Interval(Integral, 1, None, closed="left"), None],
        "revision": [str, None],
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        **POOLING,
    }

    def __init__(
        self,
        model: str | None = None,
        *,
        of: str | None = None,
        tokenizer: str | None = None,
        dim: int | None = None,
        revision: str | None = None,
        max_features: int | None = None,
        pool: str = "mean",
    ):
        self.model = model
        self.of = of
        self.tokenizer = tokenizer
        self.dim = dim
        self.revision = revision
        self.max_features = max_features
        self.pool = pool

    def _fit(self, items: list[str], y: Any) -> None:
        if (self.model is None) == (self.of is None):
            raise DataError(
                "static: expected model=, a table of token vectors, or of=, a model of texts of "
                f"which to make one; got {'neither' if self.model is None else 'both'}."
            )
        self.__dict__.pop("_reader", None)
        self.words_, self.read_, self.tokenizer_, self.dropped_ = [], [], "", []
        self.unit_ = False
        if self.model is not None and is_word_vectors(Path(self.model).expanduser()):
            vectors = self._of_words(Path(self.model).expanduser())
        else:
            vectors = self._of_tokens()
        width = vectors.shape[1]
        if self.dim is not None and self.dim > width:
            raise DataError(
                f"static: '{self.model or self.of}' has vectors of {width} numbers, got "
                f"dim={self.dim}."
            )
        self.table_ = vectors[:, : self.dim].copy()
        self._set_pool(self.pool, zipf(len(vectors)), items)

    def _of_words(self, file: Path) -> np.ndarray:
        """Return the vectors of a file of words, which are the tokens."""
        for name in ("tokenizer", "revision"):
            if getattr(self, name) is not None:
                raise DataError(
                    f"static: '{file.name}' holds words, for which {name}= has no meaning."
                )
        read = read_word_vectors(file, self.max_features)
        self.words_, self.read_ = read.words, list(read.notes)
        return read.vectors

    def _of_tokens(self) -> np.ndarray:
        """Return the vectors of the tokens of a tokenizer, which may be those of a model."""
        if self.max_features is not None:
            raise DataError(
                "static: max_features= is how many words of a file of word vectors are read; leave "
                "it out."
            )
        need("pretrained", "A table of token vectors with a tokenizer")
        if self.of is not None:
            from nearspace.encoders.borrowed.distil import distil

            table = distil(self.of, self.revision, self.dim or 256)
        else:
            table = read_table(str(self.model), self.tokenizer, self.revision)
        self.tokenizer_, self.dropped_, self.unit_ = table.tokenizer, table.dropped, table.unit
        return table.vectors

    def check_whole(self) -> None:
        """Raise an error unless there is a finite vector for every token that may come."""
        super().check_whole()
        vocabulary = self.vocabulary
        n = self._tokens().get_vocab_size() if vocabulary is None else len(vocabulary.tokens)
        if n > len(self.table_):
            raise ValueError("it has more tokens than there are vectors")
        if not all(0 <= number < len(self.table_) for number in self.dropped_):
            raise ValueError("it passes over tokens that are not there")

    @property
    def notes(self) -> tuple[str, ...]:
        """What there was to say of a file of word vectors."""
        return tuple(self.read_)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return which share of the words of texts has no vector, where that is told by words."""
        vocabulary, texts = self.vocabulary, self._check(X, reset=False)
        return () if vocabulary is None else vocabulary.notes_on(texts)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words of a file of word vectors; None where a tokenizer has the tokens."""
        if self.words_ and not hasattr(self, "_reader"):
            self._reader: Any = Vocabulary("word", self.words_)
        return self._reader if self.words_ else None

    def _tokens(self) -> Any:
        """Return the tokenizer, which takes a moment to read."""
        if not hasattr(self, "_reader"):
            need("pretrained", "A table of token vectors with a tokenizer")
            self._reader = read_tokenizer(self.tokenizer_)
        return self._reader

    def _rows(
        self, texts: list[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        none = self.table_[:0]
        if (vocabulary := self.vocabulary) is not None:
            numbers, ends = vocabulary.ids(texts)
            rows = np.where(numbers == UNKNOWN, -1, numbers - RESERVED).astype(np.int64)
            return rows, ends, none
        read = self._tokens().encode_batch_fast(texts, add_special_tokens=False)
        ids = [each.ids for each in read]
        counts = np.fromiter(map(len, ids), np.int64, len(ids))
        flat = np.fromiter(itertools.chain.from_iterable(ids), np.int64, counts.sum())
        passed = np.zeros(len(self.table_), dtype=bool)
        passed[self.dropped_] = True
        return np.where(passed[flat], -1, flat), np.append(0, np.cumsum(counts)), none
