"""Networks that learn to read texts from scratch: recurrent ones and transformers."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Kind, Text
from nearspace.data.batches import Batches
from nearspace.data.tokens import PADDING, Bucketed, Ragged, Windows
from nearspace.encoders.attention import Attention, Attentive
from nearspace.encoders.borrowed.sentences import pool_tokens
from nearspace.encoders.learned.attending import attention_of
from nearspace.encoders.learned.learned import MOST_LAYERS, Learned
from nearspace.encoders.learned.writing import Written
from nearspace.encoders.vocabulary import UNKNOWN, Vocabulary
from nearspace.errors import DataError
from nearspace.learning.device import torch_device
from nearspace.learning.losses import nt_xent
from nearspace.nets.layers import output_of, tap
from nearspace.nets.tokens import TokenNetwork, recurrent, token_transformer

__all__ = ["GRU", "LSTM", "ReadsTokens", "Transformer"]

HIDDEN = 0.2  # share of the tokens that are masked
TEMPERATURE = 0.05  # of the contrast of two views, as in SimCSE
FEWEST_WINDOWS, FEWEST_STEPS = 4, 50  # of a step, and of an epoch where there are more of them
POOLS = {"first": "cls", "last": "last", "mean": "mean", "max": "max"}
NAMED, SHOWN = 3, 30  # texts that a note names, and characters of each


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class ReadsTokens(Written, Learned):
    """An encoder of texts whose network reads tokens of a vocabulary of its own.

    A mark stands before every text. A subclass says which network there is.

    Parameters
    ----------
    dim : int, default=128
        Length of the vectors, of those of the tokens too.
    objective : {"next", "masked", "contrastive"}, default="next"
        What is learnt: to tell the next token, those of a fifth of the tokens that are masked
        (Devlin et al., 2019), or which two views of a text, which differ by what is dropped, are of
        one (SimCSE; Gao et al., 2021).
    tokens : {"word", "char", "bpe"}, default="word"
        What is read: words, characters, or pieces of words, which need the extra ``pretrained``.
    max_features : int, default=10000
        Size of the vocabulary, the commonest tokens first.
    context : int, default=128
        How many tokens are read at once, the mark before a text among them: of a longer text the
        beginning. What comes next is learnt of whole texts, in windows of so many.
    dropout : float, default=0.1
        Share of the embeddings, and of what each layer adds, that is dropped in training.
    pool : {"mean", "max", "last", "first"}, default="mean"
        What becomes of the vectors of the tokens, the mark not among them; ``"first"`` is that of
        the mark.
    batch_size : int, default=32
        Texts or windows a step at most; a fiftieth of them where that is fewer, at least 4.
    learning_rate : float, default=4e-3
        Peak of the one-cycle schedule.

    Attributes
    ----------
    vocabulary_ : dict
        The state of the `Vocabulary` of the texts.
    told_ : list of str
        What there was to say of the texts.
    line_breaks_ : bool
        Whether lines ended within the texts.
    """

    kinds = frozenset({Text})
    learns = "items"
    metric = "cosine"
    min_items = 1
    effort = 300
    default_steps = 2000
    muon = 5.0
    zero_means = "nothing that the network tells apart"
    fit_free_params = frozenset({"layer"})  # what is contrasted is pooled
    vocabulary_: dict[str, Any] = dataclasses.field(init=False)
    told_: list[str] = dataclasses.field(init=False)
    line_breaks_: bool = dataclasses.field(init=False)
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "pool": [StrOptions({*POOLS})],
        "depth": [Interval(Integral, 1, MOST_LAYERS, closed="both")],
        "heads": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions({"next", "masked", "contrastive"})],
        "tokens": [StrOptions({"word", "char", "bpe"})],
        "max_features": [Interval(Integral, 1, None, closed="left")],
        "context": [Interval(Integral, 2, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "positions": [StrOptions({"rotary", "learned"})],
        "sink": ["boolean"],
    }

    dim: int = 128
    objective: str = "next"
    tokens: str = "word"
    max_features: int = 10_000
    context: int = 128
    dropout: float = 0.1
    pool: str = "mean"
    batch_size: int = 32
    learning_rate: float = 4e-3

    @abstractmethod
    def network(self, n_tokens: int) -> TokenNetwork:
        """Return a new network of so many different tokens."""

    @property
    def causal(self) -> bool:
        """Whether a token is read without those after it."""
        return True

    def build(self) -> nn.ModuleDict:
        """Return the network."""
        return nn.ModuleDict({"encoder": self.network(self.mark + 2)})

    @property
    def vocabulary(self) -> Vocabulary:
        """The numbers of the tokens."""
        if "_vocabulary" not in self.__dict__:
            self._vocabulary = Vocabulary.from_state(self.vocabulary_)
        return self._vocabulary

    @property
    def mark(self) -> int:
        """The number that stands before texts; that of a masked token follows it."""
        return len(self.vocabulary)

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> Any:
        """Check parameters and items, and that the parameters go together."""
        checked = super().begin_fit(items, y, kind)
        self.check_parts()
        return checked

    def check_parts(self) -> None:
        """Raise `DataError` where parameters do not go together."""
        who = type(self).__name__
        if self.objective == "masked" and self.causal:
            raise DataError(
                f"{who}: objective='masked' needs a network that sees what stands after a token; "
                "use transformer, or objective='next'."
            )
        if self.objective == "contrastive" and not self.dropout:
            raise DataError(
                f"{who}: objective='contrastive' learns from two views that differ by dropout; "
                "got dropout=0, use 0.1."
            )
        if self.pool == "first" and self.causal:
            raise DataError(
                f"{who}: pool='first' is the mark before a text, which has seen nothing of it; use "
                "'last', 'mean' or 'max'."
            )

    def _fit(self, items: list[str], y: Any) -> None:
        torch_device(self.device)
        self.learn_tokens(items)
        self.line_breaks_ = any("\n" in text for text in items)
        self.told_ = list(self.notes_on(items))
        super()._fit(items, None)

    def learn_tokens(self, items: list[str]) -> None:
        """Set the vocabulary."""
        self._vocabulary = Vocabulary.of(items, self.tokens, self.max_features)
        self.vocabulary_ = self._vocabulary.state

    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `transform` would raise after training, such as for a layer not there."""
        trial = clone(self)
        trial.begin_fit(items, y, kind)
        trial._vocabulary = Vocabulary("char", ["a"])
        with torch.random.fork_rng():
            trial._try(trial.build())

    def stream(self, items: list[str]) -> tuple[Tensor, Tensor]:
        """Return all tokens in a row, a mark before each text and one at the end; and the marks."""
        flat, offsets = self.vocabulary.ids(items)
        stream = np.insert(flat, offsets, np.int32(self.mark))
        return torch.from_numpy(stream), torch.from_numpy(offsets + np.arange(len(offsets)))

    def batches(self, items: list[str]) -> Ragged:
        """Return texts as they wait in memory: of each as many tokens as the context has."""
        return Ragged(*self._read(items), self.mark)

    def training_batches(self, items: list[str]) -> Batches:
        """Return texts as they are learnt from: one stream of them for what comes next."""
        if self.objective == "next":
            return Windows(self.stream(items)[0], self.context)
        return Bucketed(*self._read(items), self.mark)

    def _read(self, items: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        stream, marks = self.stream(items)
        return stream, marks[:-1], marks.diff().clamp(max=self.context)

    def batch_size_for(self, n_items: int) -> int:
        """Return the texts or windows a step: fewer where there are few, so that steps are many."""
        return min(self.batch_size, max(FEWEST_WINDOWS, n_items // FEWEST_STEPS), n_items)

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the loss of the objective: nats a token, or the contrast of two views."""
        net: Any = nets["encoder"]
        if self.objective == "next":
            logits = net.logits(net(batch[:, :-1])).flatten(0, 1)
            wanted = batch[:, 1:].flatten()
            return {"next": F.cross_entropy(logits.float(), wanted, ignore_index=PADDING)}
        if self.objective == "masked":
            drawn = torch.rand(batch.shape, generator=generator, device=batch.device)
            hidden = (drawn < HIDDEN) & (batch != PADDING) & (batch != self.mark)
            vectors = net(batch.masked_fill(hidden, self.mark + 1))[hidden]
            if not len(vectors):
                return {"masked": vectors.sum()}
            return {"masked": F.cross_entropy(net.logits(vectors).float(), batch[hidden])}
        was = net.training
        net.train()  # the views of what is held out differ by dropout as well
        first, second = self.embed(nets, torch.cat([batch, batch])).float().chunk(2)
        net.train(was)
        return {"contrast": nt_xent(first, second, TEMPERATURE)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return what the network puts out, pooled."""
        return self._pooled(nets["encoder"](batch), batch)

    def vectors(self, nets: nn.ModuleDict, batch: Any) -> Tensor:
        """Return the vectors of a batch: those of `embed`, or what `layer` puts out, pooled."""
        if self.layer is None:
            return self.embed(nets, batch)
        return self._pooled(output_of(nets["encoder"], self.layer, batch), batch)

    def _pooled(self, output: Tensor, batch: Any) -> Tensor:
        lengths = (batch != PADDING).sum(dim=1)
        skips = None if self.pool == "first" else torch.ones_like(lengths)
        return pool_tokens(output, lengths, POOLS[self.pool], skips)

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for texts, pooled."""
        device = torch_device(self.device)
        batch = self.batches(self._check(X, reset=False))[:].to(device)
        with self.threads_for(len(batch)):
            outputs = tap(self.nets_["encoder"].to(device), names, batch)
        return {name: self._pooled(output, batch) for name, output in outputs.items()}

    def blank(self, n: int) -> Tensor:
        """Return a batch of ``n`` empty texts, on the CPU."""
        return torch.full((n, 1), self.mark)

    def shape_in(self, batches: Batches) -> tuple[int, ...]:
        """Return the shape of an empty text: how long others are says nothing of the network."""
        return (1,)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not in the vocabulary, and what there was to say of the texts of `fit`."""
        return (*self.vocabulary.notes, *self.told_)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return how many texts are longer than is read, or have no token of the vocabulary."""
        items = self._check(X, reset=False)
        flat, offsets = self.vocabulary.ids(items)
        lengths = np.diff(offsets)
        longer = np.flatnonzero(lengths >= self.context)
        longer = longer[np.argsort(-lengths[longer], kind="stable")]
        there = np.concatenate([[0], np.cumsum(flat != UNKNOWN)])
        unknown = np.flatnonzero((lengths > 0) & (np.diff(there[offsets]) == 0))
        notes = []
        if len(longer):
            which = _named(items, longer, [f"has {lengths[row]:,}" for row in longer[:NAMED]])
            notes.append(
                f"{len(longer):,} of {len(items):,} texts {_are(longer)} longer than the "
                f"{self.context - 1:,} tokens that are read at once ({which}): the vector is of "
                "the beginning; a larger context= reads more."
            )
        if len(unknown):
            have = "has" if len(unknown) == 1 else "have"
            notes.append(
                f"{len(unknown):,} of {len(items):,} texts {have} no token of the vocabulary "
                f"({_named(items, unknown)}): such are alike to it where they are equally long."
            )
        return tuple(notes)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GRU(ReadsTokens):
    """A recurrent network of gated units (Cho et al., 2014) that learns from texts alone.

    Its layers are ``block1``, ``block2``, …; each is added to what it reads.

    Parameters
    ----------
    depth : int, default=2
        Number of layers.
    objective : {"next", "contrastive"}, default="next"
        What is learnt.
    dim, tokens, max_features, context, dropout, pool, batch_size, learning_rate
        As of `ReadsTokens`.
    layer, epochs, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> texts = ["near means alike", "far means other"] * 10
    >>> gru = GRU(dim=16, depth=1, epochs=2).fit(texts)
    >>> gru.transform(["near is alike"]).shape, gru.layer_names()
    ((1, 16), ['embedding', 'block1', 'norm'])
    >>> len(gru.sample("near", 2, length=5, random_state=0))
    2
    """

    depth: int = 2

    def network(self, n_tokens: int) -> TokenNetwork:
        """Return layers of gated units."""
        return recurrent(n_tokens, self.dim, self.depth, nn.GRU, self.dropout)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class LSTM(ReadsTokens):
    """A recurrent network with memory cells (Hochreiter & Schmidhuber, 1997), from texts alone.

    Its layers are ``block1``, ``block2``, …; each is added to what it reads.

    Parameters
    ----------
    depth : int, default=2
        Number of layers.
    objective : {"next", "contrastive"}, default="next"
        What is learnt.
    dim, tokens, max_features, context, dropout, pool, batch_size, learning_rate
        As of `ReadsTokens`.
    layer, epochs, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> texts = ["near means alike", "far means other"] * 10
    >>> LSTM(dim=16, depth=1, epochs=2).fit(texts).transform(["near is alike"]).shape
    (1, 16)
    """

    depth: int = 2

    def network(self, n_tokens: int) -> TokenNetwork:
        """Return layers with memory cells."""
        return recurrent(n_tokens, self.dim, self.depth, nn.LSTM, self.dropout)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Transformer(Attentive, ReadsTokens):
    """A small transformer (Vaswani et al., 2017) that learns from texts alone.

    Where it tells the next token, a token is read with those before it; else with all of its text.
    Its layers are ``block1``, ``block2``, ….

    Parameters
    ----------
    depth : int, default=4
        Number of blocks.
    heads : int, default=4
        Heads of each, which share its numbers.
    objective : {"next", "masked", "contrastive"}, default="next"
        What is learnt.
    positions : {"rotary", "learned"}, default="rotary"
        How tokens know where they stand: by queries and keys that are turned, so that what they
        have in common depends on how far apart they stand (Su et al., 2021), or by a vector a
        place.
    sink : bool, default=False
        Whether each head has a learnt logit that takes a share of its attention and gives nothing.
    dim, tokens, max_features, context, dropout, pool, batch_size, learning_rate
        As of `ReadsTokens`; ``pool="first"`` too, where tokens after it are read.
    layer, epochs, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> texts = ["near means alike", "far means other"] * 10
    >>> masked = Transformer(dim=16, depth=1, objective="masked", pool="first", epochs=2)
    >>> masked.fit(texts).transform(["near is alike"]).shape
    (1, 16)
    """

    depth: int = 4
    heads: int = 4
    positions: str = "rotary"
    sink: bool = False

    @property
    def causal(self) -> bool:
        """Whether a token is read without those after it."""
        return self.objective == "next"

    def check_parts(self) -> None:
        """Raise `DataError` where parameters do not go together."""
        super().check_parts()
        if self.dim % (2 * self.heads):
            raise DataError(
                f"Transformer: dim={self.dim} does not make {self.heads} heads of an even length; "
                f"use a multiple of {2 * self.heads}."
            )

    def attention(self, X: Any) -> Iterator[Attention]:
        """Yield how much the tokens of texts look at one another, the mark before them too."""
        return attention_of(self, self._check(X, reset=False))

    def network(self, n_tokens: int) -> TokenNetwork:
        """Return a transformer."""
        return token_transformer(
            n_tokens,
            self.dim,
            self.depth,
            self.heads,
            causal=self.causal,
            dropout=self.dropout,
            positions=self.positions,
            context=self.context,
            sink=self.sink,
        )


def _are(rows: NDArray[np.int64]) -> str:
    return "is" if len(rows) == 1 else "are"


def _named(items: list[str], rows: NDArray[np.int64], said: list[str] | None = None) -> str:
    """Return the first of some texts by their row and beginning."""
    named = [f"item {row} '{items[row][:SHOWN].strip()}'" for row in rows[:NAMED].tolist()]
    if said is not None:
        named = [f"{name} {what}" for name, what in zip(named, said, strict=True)]
    return ", ".join(named) + ", …" * (len(rows) > NAMED)
