"""`attention_sinks`: how much of the attention of a network falls on a few tokens, and on which."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.load import dataset_of
from nearspace.encoders.around import Around
from nearspace.encoders.attention import Attention, Attentive
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.errors import DataError, SpecError, called_as, count_of
from nearspace.judge.board import json_text
from nearspace.metrics.retrieval import subsample
from nearspace.notebook import card, shortened, table
from nearspace.recipe import versions
from nearspace.space.space import fitted

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LayerSinks", "SinkToken", "Sinks", "attention_sinks", "check_attentive"]

SAMPLE = 200
RULE = "at least {:g} times the fair odds of the attention of its text, in the mean over heads"
NAMED = 3  # tokens in a sentence


@dataclasses.dataclass(frozen=True)
class SinkToken:
    """What sinks of a layer are called.

    Attributes
    ----------
    name : str
        The token.
    count : int
        In how many places it is a sink.
    share : float
        Which share of the attention falls on it there, in the mean over all texts.
    """

    name: str
    count: int
    share: float


@dataclasses.dataclass(frozen=True, repr=False)
class LayerSinks:
    """Where the attention of one layer goes, in the mean over texts.

    Attributes
    ----------
    layer : int
        The first one is 1.
    first : float
        Share of the attention that falls on the first token.
    fair : float
        What would fall on it if tokens looked at all that they see alike.
    others : float
        Share that falls on sinks behind the first token.
    nowhere : float
        Share that falls on no token, where the network lets it.
    sinks : float
        How many sinks a text has, the first token among them where it is one.
    with_sinks : float
        Share of the texts that have one.
    norm : float or None
        How many times as long as those of the other tokens the states of sinks are, as they go
        into the layer; None without sinks.
    tokens : tuple of SinkToken
        What the sinks are called, the commonest first.
    heads : tuple of (float, float)
        ``first`` and ``others`` of each head.
    """

    layer: int
    first: float
    fair: float
    others: float
    nowhere: float
    sinks: float
    with_sinks: float
    norm: float | None
    tokens: tuple[SinkToken, ...]
    heads: tuple[tuple[float, float], ...]

    def __repr__(self) -> str:
        """Return how much goes where, on one line."""
        told = f"{self.first:.1%} on the first token, {self.others:.1%} on other sinks"
        return f"LayerSinks({self.layer}: {told})"

    @property
    def share(self) -> float:
        """Share of the attention that falls on sinks."""
        return sum(token.share for token in self.tokens)

    def named(self, most: int = NAMED) -> str:
        """Return what the sinks are called, and how often, in a few words."""
        names = [f"{token.name} {token.count:,}" for token in self.tokens[:most]]
        more = len(self.tokens) - most
        return ", ".join([*names, *([f"{more:,} more"] if more > 0 else [])])


@dataclasses.dataclass(frozen=True, repr=False)
class Sinks:
    """Where the attention of a network goes.

    Attributes
    ----------
    layers : tuple of LayerSinks
        From input to output.
    protocol : dict
        What the figures depend on.
    notes : tuple of str
        What the reader should know.
    """

    layers: tuple[LayerSinks, ...]
    protocol: dict[str, Any]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return what was found on one line."""
        told = f"{len(self.layers)} layers, sinks in most texts in {len(self.usual)}"
        return f"Sinks({shortened(self.protocol.get('name', 'texts'), 24)}: {told})"

    def _repr_html_(self) -> str:
        heads = ("layer", "first token, %", "fair, %", "other sinks, %", "norm", "sinks")
        rows = [
            [
                row.layer,
                f"{100 * row.first:.1f}",
                f"{100 * row.fair:.1f}",
                f"{100 * row.others:.1f}",
                "–" if row.norm is None else f"{row.norm:.2f}",
                row.named(),
            ]
            for row in self.layers
        ]
        facts = [f"{self.protocol[key]:,} {key}" for key in ("texts", "tokens")
                 if key in self.protocol]  # fmt: skip
        body = [table(heads, rows, words=(5,))]
        return card("Sinks", self.protocol.get("name", "Sinks"), facts, body, self.notes)

    @property
    def usual(self) -> list[LayerSinks]:
        """The layers in which at least half of the texts have a sink."""
        return [row for row in self.layers if row.with_sinks >= 0.5]

    @property
    def verdict(self) -> str:
        """What was found, in sentences."""
        if not any(row.tokens for row in self.layers):
            return "No token is a sink in any layer."
        top = max(self.layers, key=lambda row: row.share)
        names = sorted(top.tokens, key=lambda token: -token.share)
        part = "most" if names[0].share > top.share / 2 else "the largest part"
        part = "all" if len(names) == 1 else part
        states = (
            "" if top.norm is None else f"; their states are {top.norm:.2f} times as long as others"
        )
        return (
            f"In {len(self.usual)} of {len(self.layers)} layers half of the texts or more have a "
            f"sink. Layer {top.layer} gives them most: {100 * top.share:.0f} % of its attention, "
            f"{part} of it to {names[0].name}{states}."
        )

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all figures as JSON text; write it where asked."""
        return json_text(self, path)


@called_as("attention_sinks(texts, \"pretrained('./minilm')\")")
def attention_sinks(
    data: Any,
    encoder: str | Encoder,
    *,
    sample: int = SAMPLE,
    random_state: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Sinks:
    """Return how much of the attention of a network falls on its sinks, layer by layer.

    A sink is a token at which nearly all others look, though it says little [1]_: mostly the first
    one, or a mark such as ``[SEP]`` [2]_. What is a sink is told by the attention alone: the share
    that a token gets, in the mean over the heads of a layer and the tokens of its text, has to have
    five times the odds of its fair share. That is what it would get if every token looked at all
    that it sees alike, one in as many as the text has tokens, or more at the beginning where tokens
    see but those before them. Attention by chance gets nowhere near, see `nets.attention`.

    Parameters
    ----------
    data : Dataset, or what `load` reads
        Texts.
    encoder : str or Encoder
        One with attention, or a spec of it: ``pretrained``, ``transformer``, or ``finetuned`` or
        ``frozen`` of such.
        One that is not fitted is fitted on all texts.
    sample : int, default=200
        How many texts are looked at, drawn at random.
    random_state : int, default=0
        Of the draw.
    progress : callable, optional
        Called with the share done and a few words.

    Returns
    -------
    Sinks
        A row a layer.

    Raises
    ------
    NearspaceError
        If the items are no texts, no text has a token, or the encoder has no attention.

    References
    ----------
    .. [1] G. Xiao et al., "Efficient streaming language models with attention sinks", 2023.
    .. [2] K. Clark et al., "What does BERT look at?", 2019.

    Examples
    --------
    >>> attention_sinks(["near means alike"], "tfidf")
    Traceback (most recent call last):
    nearspace.errors.SpecError: The encoder 'tfidf' has no attention; pretrained models of texts ...
    """
    made = as_encoder(encoder)
    check_attentive(made)
    count_of(sample, "attention_sinks", "sample")
    count_of(random_state, "attention_sinks", "random_state", 0)
    dataset = dataset_of(data)
    tell = progress or (lambda share, words: None)
    tell(0.0, f"fitting {made.spec}")
    inner: Any = fitted(made, dataset)
    while isinstance(inner, Around):
        inner = inner.inner
    check_attentive(inner)
    at = subsample(len(dataset), sample, random_state)
    counts: list[_Counts] = []
    n_texts = n_tokens = n_cut = 0
    for seen in inner.attention(dataset.take(at).items):
        counts = counts or [_Counts() for _ in seen.weights]
        for each, weights, states in zip(counts, seen.weights, seen.states, strict=True):
            each.add(seen, weights, states)
        n_texts += len(seen.rows)
        n_tokens += int(seen.lengths.sum())
        n_cut += int(seen.cut.sum())
        tell(0.1 + 0.9 * n_texts / len(at), f"attention of {n_texts:,} of {len(at):,} texts")
    if not counts:
        raise DataError(f"{dataset.name}: no text has a token; there is no attention to look at.")
    from nearspace.nets.attention import SINK

    return Sinks(
        tuple(each.row(number, n_texts) for number, each in enumerate(counts, 1)),
        {
            "name": dataset.name,
            "kind": str(dataset.kind),
            "encoder": made.spec,
            "texts": n_texts,
            "of": len(dataset),
            "tokens": n_tokens,
            "a sink has": RULE.format(SINK),
            "random_state": random_state,
            "versions": versions(),
        },
        (*inner.notes, *_notes(len(at) - n_texts, n_cut)),
    )


def _notes(empty: int, cut: int) -> tuple[str, ...]:
    """Return of how many texts nothing, or not all, was looked at."""
    told = []
    if empty:
        told.append(f"{empty:,} of the texts drawn {'has' if empty == 1 else 'have'} no token.")
    if cut:
        told.append(f"Of {cut:,} texts the beginning was looked at: all has no room in memory.")
    return tuple(told)


def check_attentive(encoder: Encoder) -> None:
    """Raise `SpecError` if an encoder has no attention, and is around none that may have."""
    if not isinstance(encoder, Attentive | Around):
        raise SpecError(
            f"The encoder '{encoder.spec}' has no attention; pretrained models of texts have, "
            "transformer has, and so have finetuned and frozen ones of these."
        )


class _Counts:
    """What is added up of one layer, text by text."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = collections.defaultdict(float)
        self.heads: Any = 0.0
        self.norms: list[float] = []
        self.places: collections.Counter[str] = collections.Counter()
        self.shares: dict[str, float] = collections.defaultdict(float)

    def add(self, seen: Attention, weights: Tensor, states: Tensor) -> None:
        """Add what one layer does to some texts."""
        import torch

        from nearspace.nets.attention import SINK, fair_shares, received, sink_odds

        by_head = received(weights, seen.lengths)  # (n, heads, keys)
        shares = by_head.mean(dim=1)
        fair = fair_shares(seen.lengths, weights.shape[-1], seen.causal)
        sinks = sink_odds(shares, fair) >= SINK
        others = sinks.clone()
        others[:, 0] = False
        of_heads = torch.stack([by_head[:, :, 0], (by_head * others[:, None]).sum(dim=2)], dim=2)
        self.heads = self.heads + of_heads.sum(dim=0).double().cpu().numpy()  # (heads, 2)
        sums = {
            "fair": fair[:, 0],
            "nowhere": 1 - shares.sum(dim=1),
            "sinks": sinks.sum(dim=1),
            "with_sinks": sinks.any(dim=1),
        }
        for name, each in sums.items():
            self.sums[name] += float(each.double().sum())
        lengths = states.norm(dim=2)
        for row, names in enumerate(seen.tokens):
            is_sink = sinks[row, : len(names)]
            if not is_sink.any():
                continue
            own = lengths[row, : len(names)]
            self.norms.append(float(own[is_sink].mean() / own[~is_sink].mean()))
            for place in is_sink.nonzero()[:, 0].tolist():
                self.places[names[place]] += 1
                self.shares[names[place]] += float(shares[row, place])

    def row(self, number: int, n: int) -> LayerSinks:
        """Return the means over ``n`` texts."""
        heads = self.heads / n
        first, others = heads.mean(axis=0).tolist()
        return LayerSinks(
            number,
            first,
            self.sums["fair"] / n,
            others,
            max(0.0, self.sums["nowhere"] / n),
            self.sums["sinks"] / n,
            self.sums["with_sinks"] / n,
            float(np.mean(self.norms)) if self.norms else None,
            tuple(
                SinkToken(name, count, self.shares[name] / n)
                for name, count in self.places.most_common()
            ),
            tuple(map(tuple, heads.tolist())),
        )
