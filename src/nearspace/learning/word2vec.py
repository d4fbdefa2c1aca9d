"""Vectors of words from the words around them: skip-gram and CBOW with negative samples.

A step takes some thousands of words. They stand in blocks of `BLOCK` words that follow each other,
of which each has its context, the same and the next words on either side, and negative samples of
its own that all of its words share: so the scores of a block, and their gradients, are products of
small matrices. A pair at a distance weighs by how often the window that word2vec draws for each
word would reach so far.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from nearspace.learning.progress import tell_epoch

__all__ = ["Stream", "Words2Vec", "train_words"]

BLOCK = 32  # words that share negative samples
DRAWN, DRAWN_AROUND = 16, 8  # of which a block has so many, by skip-gram and by CBOW
MOST_BLOCKS = 128  # of a step
STEPS = 16  # of a pass at least, where there are so many blocks
POWER = 0.75  # of the counts, by which negative samples are drawn
LAST_RATE = 0.02  # share of the learning rate that is left at the end
LONGEST_MOVE = 1.0  # of a vector in one step: one that many pairs pull would fly off


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """The words of texts, one after the other.

    Attributes
    ----------
    words : ndarray of shape (n,), int64
        Numbers of words from 0.
    texts : ndarray of shape (n,), int32
        The number of the text in which each stands: a window does not reach into another.
    counts : ndarray of shape (words,), int64
        How often each word stands there.
    pieces : csr_array of shape (words, rows) or None
        Of which rows of the table a word's vector is the mean: 1 for each; None for its own alone.
    """

    words: NDArray[np.int64]
    texts: NDArray[np.int32]
    counts: NDArray[np.int64]
    pieces: sparse.csr_array | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words2Vec:
    """The settings of training.

    Attributes
    ----------
    dim : int
        Length of the vectors.
    window : int
        How many words on either side are the context, at most.
    negatives : int
        Negative samples for each word of the context.
    subsample : float
        Share of all words from which on a word is left out now and then; 0 for never.
    epochs : int
        Passes over the texts.
    learning_rate : float
        At the beginning; it falls in a straight line.
    around : bool
        Whether the mean of the context tells the word (CBOW), or the word each of its context.
    seed : int
        Of all that is random.
    """

    dim: int
    window: int
    negatives: int
    subsample: float
    epochs: int
    learning_rate: float
    around: bool
    seed: int


def train_words(stream: Stream, settings: Words2Vec) -> Iterator[NDArray[np.float32]]:
    """Train a table of vectors, which is yielded after each pass.

    Parameters
    ----------
    stream : Stream
        The words.
    settings : Words2Vec
        How.

    Yields
    ------
    ndarray of shape (rows, d), float32
        The table, the same array each time: a row a word, or as `Stream.pieces` says.

    Examples
    --------
    >>> words = np.tile([0, 1, 2, 3], 50)
    >>> stream = Stream(words, np.zeros(200, np.int32), np.full(4, 50))
    >>> settings = Words2Vec(dim=2, window=1, negatives=2, subsample=0, epochs=1,
    ...     learning_rate=0.1, around=False, seed=0)
    >>> [table.shape for table in train_words(stream, settings)]
    [(4, 2)]
    """
    rng = np.random.default_rng(settings.seed)
    n_words, dim = len(stream.counts), settings.dim
    rows = n_words if stream.pieces is None else stream.pieces.shape[1]
    vectors = torch.from_numpy((rng.random((rows, dim), dtype=np.float32) - 0.5) / dim)
    table = _Table(vectors) if stream.pieces is None else _OfPieces(vectors, stream.pieces)
    other = _Table(torch.zeros(n_words, dim))
    noise = np.cumsum(stream.counts.astype(np.float64) ** POWER)
    noise /= noise[-1]
    stays = _shares_that_stay(stream.counts, settings.subsample)
    step = _tell_the_word if settings.around else _tell_the_context
    n_drawn = DRAWN_AROUND if settings.around else DRAWN
    for epoch in range(settings.epochs):
        chosen = rng.random(len(stream.words)) < stays[stream.words]
        some = dataclasses.replace(stream, words=stream.words[chosen], texts=stream.texts[chosen])
        parts = _Parts(some, settings, rng)
        for at, part in enumerate(parts):
            done = (epoch + at / len(parts)) / settings.epochs
            rate = settings.learning_rate * (1 - (1 - LAST_RATE) * done)
            drawn = np.searchsorted(noise, rng.random(len(part.weights) * n_drawn))
            step(part, table, other, torch.from_numpy(drawn), settings.negatives, rate)
        tell_epoch(epoch + 1, settings.epochs)
        yield vectors.numpy()


def _shares_that_stay(counts: NDArray[np.int64], subsample: float) -> NDArray[np.float64]:
    """Return how likely each word is to stay, as word2vec's program has it."""
    if subsample == 0:
        return np.ones(len(counts))
    often = np.maximum(counts / max(counts.sum(), 1) / subsample, 1e-12)
    return np.minimum(1, np.sqrt(1 / often) + 1 / often)


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """The words of a step.

    Attributes
    ----------
    words : Tensor of shape (blocks * BLOCK + 2 * window,)
        Those of all blocks, and of the context on either side.
    weights : Tensor of shape (blocks, BLOCK, BLOCK + 2 * window)
        What each word of its span weighs as context of each word of a block.
    """

    words: Tensor
    weights: Tensor

    @property
    def centres(self) -> Tensor:
        """The words of the blocks alone."""
        window = (self.weights.shape[2] - BLOCK) // 2
        return self.words[window : len(self.words) - window]

    def blocks(self, rows: Tensor) -> Tensor:
        """Return what is known of `centres`, or of negative samples, block by block."""
        blocks = len(self.weights)
        return rows.view(blocks, len(rows) // blocks, -1)

    def spans(self, rows: Tensor) -> Tensor:
        """Return what is known of `words` as it stands in the span of each block: no copy."""
        blocks, _, span = self.weights.shape
        d = rows.shape[1]
        return rows.as_strided((blocks, span, d), (BLOCK * d, d, 1), rows.storage_offset())

    def of_spans(self, spans: Tensor) -> Tensor:
        """Return for each of `words` the sum of what is given of it in the spans of blocks."""
        blocks, span, d = spans.shape
        total = torch.zeros(len(self.words), d)
        for start in range(0, span, BLOCK):  # parts of spans that do not overlap each other
            n = min(BLOCK, span - start)
            place = total.as_strided((blocks, n, d), (BLOCK * d, d, 1), start * d)
            place += spans[:, start : start + n]
        return total


class _Parts:
    """The words of a pass, as many at a time as make a step, in an order by chance."""

    def __init__(self, stream: Stream, settings: Words2Vec, rng: np.random.Generator):
        self.settings, self.rng = settings, rng
        n, window = len(stream.words), settings.window
        self.n_blocks = min(MOST_BLOCKS, max(1, n // (BLOCK * STEPS)))
        self.n = -(-n // (self.n_blocks * BLOCK))
        behind = self.n * self.n_blocks * BLOCK - n + window
        # What is no word is of a text of its own, and on the two sides of another one.
        self.words = torch.from_numpy(np.pad(stream.words, (window, behind)))
        texts = np.pad(stream.texts, (window, 0), constant_values=-1)
        self.texts = torch.from_numpy(np.pad(texts, (0, behind), constant_values=-2))
        self.real = torch.from_numpy(np.pad(np.ones(n, bool), (0, behind - window)))
        i, j = np.arange(BLOCK)[:, None], np.arange(BLOCK + 2 * window)
        self.distance = torch.from_numpy(np.abs(j - window - i))

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[_Part]:
        step, window = self.n_blocks * BLOCK, self.settings.window
        for start in self.rng.permutation(self.n) * step:
            here = slice(start, start + step + 2 * window)
            texts = self.texts[here, None]
            part = _Part(self.words[here], torch.zeros(self.n_blocks, BLOCK, BLOCK + 2 * window))
            spans = part.spans(texts).transpose(1, 2)  # (blocks, 1, span)
            same = spans == spans[:, :, window : window + BLOCK].transpose(1, 2)
            same &= self.real[start : start + step].view(-1, BLOCK, 1)
            torch.mul(self._weights(), same, out=part.weights)
            yield part

    def _weights(self) -> Tensor:
        """Return what words weigh by their distance, shape ``(1 or blocks, BLOCK, span)``."""
        window = self.settings.window
        within = (self.distance > 0) & (self.distance <= window)
        if not self.settings.around:  # what the windows come to that would be drawn
            return within * (window + 1 - self.distance) / window
        drawn = torch.from_numpy(self.rng.integers(1, window + 1, (self.n_blocks, BLOCK, 1)))
        return (within & (self.distance <= drawn)).float()


class _Table:
    """Vectors that steps look up and move."""

    def __init__(self, vectors: Tensor):
        self.vectors = vectors

    def look(self, words: Tensor) -> Tensor:
        """Return the vectors of words, shape ``(n, d)``."""
        return self.vectors.index_select(0, words)

    def move(self, words: Tensor, gradients: Tensor, rate: float) -> None:
        """Move the vectors of words, which may come several times, against gradients."""
        self._move(*_summed(words, gradients), rate)

    def _move(self, rows: Tensor, gradients: Tensor, rate: float) -> None:
        moves = gradients.norm(dim=1, keepdim=True) * (rate / LONGEST_MOVE)
        gradients /= moves.clamp_min_(1)
        self.vectors.index_add_(0, rows, gradients, alpha=-rate)


class _OfPieces(_Table):
    """Vectors of words that are means of rows: of the word itself and of its pieces."""

    def __init__(self, vectors: Tensor, pieces: sparse.csr_array):
        super().__init__(vectors)
        self.pieces = pieces

    def look(self, words: Tensor) -> Tensor:
        """Return the vectors of words, shape ``(n, d)``."""
        each, places = np.unique(words.numpy(), return_inverse=True)
        some = self.pieces[each]
        means = (some @ self.vectors.numpy()) / np.diff(some.indptr)[:, None].astype(np.float32)
        return torch.from_numpy(means)[torch.from_numpy(places)]

    def move(self, words: Tensor, gradients: Tensor, rate: float) -> None:
        """Move each row by the sum of the gradients of the words that it is of."""
        each, sums = _summed(words, gradients)
        some = self.pieces[each.numpy()]
        rows, places = np.unique(some.indices, return_inverse=True)
        shape = (len(each), len(rows))
        of_rows = sparse.csr_array((some.data, places, some.indptr), shape=shape).T
        self._move(torch.from_numpy(rows).long(), torch.from_numpy(of_rows @ sums.numpy()), rate)


def _summed(words: Tensor, gradients: Tensor) -> tuple[Tensor, Tensor]:
    """Return words, each once, and the sums of their gradients."""
    each, places = np.unique(words.numpy(), return_inverse=True)
    sums = torch.zeros(len(each), gradients.shape[1])
    sums.scatter_add_(0, torch.from_numpy(places)[:, None].expand(gradients.shape), gradients)
    return torch.from_numpy(each), sums


def _tell_the_context(
    part: _Part, table: _Table, other: _Table, drawn: Tensor, negatives: int, rate: float
) -> None:
    """Take a step of skip-gram: the word is to tell the words around it from others."""
    words = part.blocks(table.look(part.centres))
    contexts = other.look(torch.cat([part.words, drawn]))
    around, others = part.spans(contexts), part.blocks(contexts[len(part.words) :])
    right = torch.bmm(words, around.mT).sigmoid_().sub_(1).mul_(part.weights)
    share = part.weights.sum(2, keepdim=True) * (negatives / DRAWN)
    wrong = torch.bmm(words, others.mT).sigmoid_().mul_(share)
    of_words = torch.bmm(right, around).baddbmm_(wrong, others)
    of_contexts = part.of_spans(torch.bmm(right.mT, words))
    of_drawn = torch.bmm(wrong.mT, words)
    table.move(part.centres, of_words.flatten(0, 1), rate)
    other.move(
        torch.cat([part.words, drawn]), torch.cat([of_contexts, of_drawn.flatten(0, 1)]), rate
    )


def _tell_the_word(
    part: _Part, table: _Table, other: _Table, drawn: Tensor, negatives: int, rate: float
) -> None:
    """Take a step of CBOW: the mean of the words around it is to tell the word from others."""
    counts = part.weights.sum(2, keepdim=True)
    there = (counts > 0).float()
    shares = part.weights / counts.clamp_min(1)
    means = torch.bmm(shares, part.spans(table.look(part.words)))
    both = other.look(torch.cat([part.centres, drawn]))
    words, others = part.blocks(both[: -len(drawn)]), part.blocks(both[-len(drawn) :])
    right = (means * words).sum(2, keepdim=True).sigmoid_().sub_(1).mul_(there)
    wrong = torch.bmm(means, others.mT).sigmoid_().mul_(there * (negatives / DRAWN_AROUND))
    of_means = (right * words).baddbmm_(wrong, others)
    of_centres, of_drawn = (right * means).flatten(0, 1), torch.bmm(wrong.mT, means).flatten(0, 1)
    table.move(part.words, part.of_spans(torch.bmm(part.weights.mT, of_means)), rate)
    other.move(torch.cat([part.centres, drawn]), torch.cat([of_centres, of_drawn]), rate)
