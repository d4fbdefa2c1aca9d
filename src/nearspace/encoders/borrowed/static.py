"""`Static`: a table of token vectors, whose mean over a text is its vector."""

from __future__ import annotations

import itertools
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval

from nearspace.data import Text
from nearspace.encoders.base import Encoder
from nearspace.encoders.blocks import text_blocks
from nearspace.encoders.borrowed.tables import read_table, read_tokenizer
from nearspace.errors import DataError
from nearspace.learning.progress import tell_embedded

__all__ = ["Static"]


class Static(Encoder):
    """A table of token vectors: a text has the mean of those of its tokens.

    It is hundreds of times as fast as the model of which it was made, knows no order of words, and
    is saved whole. It takes the folders of model2vec, with or without weights of tokens and a
    smaller table, the StaticEmbedding of sentence-transformers, and any table with a tokenizer, as
    wordllama ships them; or it makes one of a model of texts: every token of its vocabulary goes
    through the model once, the vectors are brought to their principal components, and weigh the
    less the commoner a token is, by Zipf's law [1]_. All of a text is read, however long.

    Parameters
    ----------
    model : str, optional
        A folder, a .safetensors file or a name on the hub, such as ``"minishlab/potion-base-8M"``.
    of : str, optional
        In its place a model of texts of which to make one, as `Pretrained` takes it: a minute for
        30,000 tokens of a small model.
    tokenizer : str, optional
        The tokenizer.json that belongs to the table, where it does not lie beside it.
    dim : int, optional
        How many numbers of each vector are used: all that a table has, and 256 of one that is made.
    revision : str, optional
        Branch, tag or commit on the hub.

    Attributes
    ----------
    table_ : ndarray of shape (tokens, d)
        The vector of each token.
    tokenizer_ : str
        The tokenizer, as JSON.
    dropped_ : list of int
        Numbers of tokens that are passed over: unknown ones, and marks.
    unit_ : bool
        Whether vectors are brought to length one.

    References
    ----------
    .. [1] S. Tulkens and T. van Dongen, "Model2Vec: fast state-of-the-art static embeddings", 2024.

    Examples
    --------
    >>> from nearspace import make
    >>> make("static('minishlab/potion-base-8M', dim=64)").spec
    "static(model='minishlab/potion-base-8M', dim=64)"
    """

    kinds = frozenset({Text})
    metric = "cosine"
    effort = 5
    zero_means = "no known token"
    table_: NDArray[np.float32]
    tokenizer_: str
    dropped_: list[int]
    unit_: bool
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "model": [str, None],
        "of": [str, None],
        "tokenizer": [str, None],
        "dim": [Interval(Integral, 1, None, closed="left"), None],
        "revision": [str, None],
    }

    def __init__(
        self,
        model: str | None = None,
        *,
        of: str | None = None,
        tokenizer: str | None = None,
        dim: int | None = None,
        revision: str | None = None,
    ):
        self.model = model
        self.of = of
        self.tokenizer = tokenizer
        self.dim = dim
        self.revision = revision

    def _fit(self, items: list[str], y: Any) -> None:
        if (self.model is None) == (self.of is None):
            raise DataError(
                "static: expected model=, a table of token vectors, or of=, a model of texts of "
                f"which to make one; got {'neither' if self.model is None else 'both'}."
            )
        self.__dict__.pop("_reader", None)
        if self.of is not None:
            from nearspace.encoders.borrowed.distil import distil

            table = distil(self.of, self.revision, self.dim or 256)
        else:
            table = read_table(str(self.model), self.tokenizer, self.revision)
        width = table.vectors.shape[1]
        if self.dim is not None and self.dim > width:
            raise DataError(
                f"static: '{self.model or self.of}' has vectors of {width} numbers, got "
                f"dim={self.dim}."
            )
        self.table_ = table.vectors[:, : self.dim].copy()
        self.tokenizer_, self.dropped_, self.unit_ = table.tokenizer, table.dropped, table.unit

    def check_whole(self) -> None:
        """Raise an error unless there is a finite vector for every token that may come."""
        self._check_kind()
        if self.table_.ndim != 2 or not np.isfinite(self.table_).all():
            raise ValueError("its table holds what is no finite vector")
        if self._tokens().get_vocab_size() > len(self.table_):
            raise ValueError("its tokenizer has more tokens than there are vectors")
        if not all(0 <= number < len(self.table_) for number in self.dropped_):
            raise ValueError("it passes over tokens that are not there")

    def _tokens(self) -> Any:
        """Return the tokenizer, which takes a moment to read."""
        if not hasattr(self, "_reader"):
            self._reader = read_tokenizer(self.tokenizer_)
        return self._reader

    def _transform(self, items: list[str]) -> np.ndarray:
        vectors = np.zeros((len(items), self.table_.shape[1]), dtype=np.float32)
        passed = np.zeros(len(self.table_), dtype=bool)
        passed[self.dropped_] = True
        for rows, texts in text_blocks(items):
            read = self._tokens().encode_batch_fast(texts, add_special_tokens=False)
            ids = [each.ids for each in read]
            counts = np.fromiter(map(len, ids), np.int64, len(ids))
            numbers = np.fromiter(itertools.chain.from_iterable(ids), np.int64, counts.sum())
            weights = np.where(passed[numbers], np.float32(0), np.float32(1))
            ends = np.concatenate([[0], np.cumsum(counts)])
            shape = (len(texts), len(self.table_))
            tokens = sparse.csr_array((weights, numbers, ends), shape=shape)
            counted = np.maximum(tokens.sum(axis=1), 1)[:, None]
            vectors[rows] = (tokens @ self.table_) / counted
            tell_embedded(rows.stop, len(items))
        if self.unit_:
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.where(lengths == 0, 1, lengths)
        return vectors

    @property
    def _n_features_out(self) -> int:
        return self.table_.shape[1]
