"""What the tokens of a model of texts look at: its attention, and the mean without sinks."""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nearspace.data import Text
from nearspace.data.tokens import token_batches
from nearspace.encoders.attention import MOST_PAIRS, Attention
from nearspace.encoders.blocks import text_blocks
from nearspace.encoders.borrowed.models import UNREADABLE, Request, first_line, quiet
from nearspace.encoders.borrowed.tokens import Tokens
from nearspace.errors import DataError, NearspaceError
from nearspace.learning.threads import threads_for
from nearspace.nets.attention import fair_shares, received, sink_odds, token_weights
from nearspace.nets.layers import output_of

if TYPE_CHECKING:
    from nearspace.encoders.borrowed.language import Language

__all__ = ["WITHOUT_SINKS", "Attending", "block_of"]

WITHOUT_SINKS = "mean_without_sinks"  # the pool
MOST_PAIRS_OF_A_TEXT = 2**28  # which is pooled, and of which nothing can be left out: 1 GiB
BLOCK = re.compile(r"\.(\d+)(?=\.|$)")


class Attending:
    """A model of texts whose attention can be seen.

    Parameters
    ----------
    language : Language
        The model.

    Attributes
    ----------
    heads : int
        How many heads all its layers have together.
    causal : bool
        Whether a token sees but itself and those before it.

    Raises
    ------
    DataError
        If it has no attention, or none that can be seen.
    """

    def __init__(self, language: Language):
        self.language, self.tower = language, _seen(language.tower)
        batch = language.sample(Text())
        with torch.inference_mode():
            try:
                weights = self.run(batch)[0]
            except NearspaceError:
                raise
            except UNREADABLE as error:
                raise self._unseen(f" ({first_line(error)})") from error
        self.heads = sum(each.shape[1] for each in weights)
        first = int(batch.lengths[0])
        behind = torch.ones(first, first, dtype=torch.bool, device=batch.ids.device).triu(1)
        self.causal = not any(each[0, :, :first, :first][:, behind].any() for each in weights)

    def run(self, batch: Tokens) -> tuple[tuple[Tensor, ...], Any, tuple[Tensor, ...]]:
        """Return the attention of a batch by layers, all that is put out, and the hidden states."""
        self.tower.train(self.language.tower.training).to(batch.ids.device)
        output = self.tower(batch, output_attentions=True, output_hidden_states=True)
        weights = getattr(output, "attentions", None)
        square = (len(batch), batch.ids.shape[1], batch.ids.shape[1])
        if not weights or any(
            each is None or (each.shape[0], *each.shape[2:]) != square for each in weights
        ):
            raise self._unseen()
        return weights, output, output.hidden_states

    def _unseen(self, why: str = "") -> DataError:
        return self.language.unusable(f"has no attention between tokens that can be seen{why}")

    def vectors(self, batch: Tokens, asked: Request) -> Tensor:
        """Return the vectors of a batch, with gradients."""
        weights, output, _ = self.run(batch)
        if isinstance(asked.layer, str):
            self.language.check_weights([asked.layer])
            states = output_of(self.tower, asked.layer, batch)
        else:
            states = self.language.state_of(output, asked.layer)
        batch = self.without_sinks(batch, weights, asked.layer)
        return self.language.pooled(states, batch, asked).float()

    def without_sinks(self, batch: Tokens, weights: tuple[Tensor, ...], layer: int | str) -> Tokens:
        """Return a batch that says how much each token counts where a layer is pooled."""
        seen = weights[block_of(layer, len(weights))]
        shares = received(seen, batch.lengths).mean(dim=1)
        fair = fair_shares(batch.lengths, seen.shape[-1], self.causal)
        return dataclasses.replace(batch, counts=token_weights(sink_odds(shares, fair)))

    def tokens_at_once(self, lengths: np.ndarray) -> int:
        """Return how many tokens a batch of texts of such lengths may have.

        Raises
        ------
        DataError
            If there is a text whose attention has no room in memory.
        """
        longest = int(lengths.max())
        if self.heads * longest**2 > MOST_PAIRS_OF_A_TEXT:
            raise self.language.unusable(
                f"has {self.heads:,} heads, whose attention between the {longest:,} tokens of a "
                "text does not fit in memory: pool='mean_without_sinks' is for shorter ones"
            )
        return max(1, MOST_PAIRS // (self.heads * longest))

    def attention(self, items: list[str], asked: Request) -> Iterator[Attention]:
        """Yield what the tokens of texts look at, see `Attentive`."""
        longest = math.isqrt(MOST_PAIRS // self.heads)
        for block, texts in text_blocks(items):
            pieces = self.language.pieces(texts, dataclasses.replace(asked, long="cut"))
            lengths = np.array([min(longest, len(piece.ids)) for piece in pieces])
            if not len(lengths):
                continue
            for rows in token_batches(lengths, self.tokens_at_once(lengths)):
                some = [pieces[row] for row in rows]
                cut = np.array([len(piece.ids) > longest for piece in some])
                some = [dataclasses.replace(piece, ids=piece.ids[:longest]) for piece in some]
                batch = self.language.tokens_of(some, asked.device)
                with torch.inference_mode(), threads_for(math.inf):
                    weights, _, states = self.run(batch)
                yield Attention(
                    np.array([block.start + piece.row for piece in some]),
                    [self.language.token_names(piece.ids) for piece in some],
                    batch.lengths,
                    weights,
                    states[: len(weights)],
                    self.causal,
                    cut,
                )


def _seen(tower: nn.Module) -> nn.Module:
    """Return a model with the same weights that computes attention step by step.

    As models come they compute it in one step, of which none is left to be seen.
    """
    shared = {id(part): part for part in (*tower.parameters(), *tower.buffers())}
    twin: Any = copy.deepcopy(tower, shared)
    with quiet():
        twin.set_attn_implementation("eager")
    return twin


def block_of(layer: int | str, n_blocks: int) -> int:
    """Return the block by whose attention sinks are told where a layer is pooled.

    That is the one from which the layer comes, or in which it stands; for what goes into the first
    block that one, and for what stands outside all of them the last one.

    Examples
    --------
    >>> [block_of(layer, 6) for layer in (0, 1, 6, -1, "encoder.layer.3.output", "pooler")]
    [0, 0, 5, 5, 3, 5]
    """
    if isinstance(layer, int):
        return max(0, layer % (n_blocks + 1) - 1)
    number = BLOCK.search(layer)
    return min(int(number[1]), n_blocks - 1) if number else n_blocks - 1
