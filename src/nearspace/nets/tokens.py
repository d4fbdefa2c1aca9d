"""Networks that read tokens: transformers with rotary positions, and recurrent ones."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nearspace.data.tokens import PADDING
from nearspace.errors import DataError

__all__ = ["TokenNetwork", "recurrent", "token_transformer", "turns", "with_sink"]

SLOWEST = 10_000.0  # tokens a radian of the slowest turn
EXTRA = 8  # numbers a head beside its own: one carries the sink, the others fill a register
SMALL = 0.02  # deviation of first weights, as of GPT-2

Memory = tuple[Tensor, ...]  # what a block keeps of the tokens before


@dataclasses.dataclass(frozen=True, eq=False)
class Sight:
    """What attention has to know of a batch.

    Attributes
    ----------
    turns : Tensor of shape (tokens, numbers of a head / 2), complex64, or None
        Of each place, where positions are turned.
    mask : Tensor of shape (n, 1, 1, tokens), bool, or None
        Which tokens may be looked at, where not all may.
    """

    turns: Tensor | None = None
    mask: Tensor | None = None


def turns(places: Tensor, size: int) -> Tensor:
    """Return by what rotary positions turn pairs of numbers (Su et al., 2021).

    Parameters
    ----------
    places : Tensor of shape (tokens,)
        Where the tokens stand.
    size : int
        Numbers of a head, an even one.

    Returns
    -------
    Tensor of shape (tokens, size / 2), complex64
        Numbers of length 1. The product of a query and a key that are turned depends on how far
        apart they stand, and on nothing else of where.
    """
    rates = SLOWEST ** -(torch.arange(0, size, 2, device=places.device) / size)
    angles = places[:, None] * rates
    return torch.polar(torch.ones_like(angles), angles)


class AttentionBlock(nn.Module):
    """A transformer block: normalisation and attention, normalisation and a perceptron.

    Queries and keys are normalised (Henry et al., 2020), the perceptron has squared ReLUs (So et
    al., 2021), and both branches begin at zero: an untrained block changes nothing.

    Parameters
    ----------
    width, heads : int
        Length of a token; heads that share it.
    causal : bool
        Whether a token looks at none that come after it.
    dropout : float
        Share of each branch that is dropped in training.
    sink : bool
        Whether each head has a learnt logit that takes a share of its attention and gives nothing.
    """

    def __init__(self, width: int, heads: int, causal: bool, dropout: float, sink: bool):
        super().__init__()
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.sink = nn.Parameter(torch.zeros(heads)) if sink else None
        for linear in (self.queries_keys_values, self.up):
            nn.init.normal_(linear.weight, std=SMALL)
        for linear in (self.out, self.down):
            nn.init.zeros_(linear.weight)

    def forward(self, tokens: Tensor, sight: Sight, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Return tokens ``(n, tokens, width)``, and the keys and values of all there were."""
        seen, memory = self._attend(_normalised(tokens), sight, memory)
        tokens = tokens + self._dropped(self.out(seen))
        hidden = SquaredReLU.apply(self.up(_normalised(tokens)))
        return tokens + self._dropped(self.down(hidden)), memory

    def _dropped(self, branch: Tensor) -> Tensor:
        return F.dropout(branch, self.dropout, self.training) if self.dropout else branch

    def attention(self, tokens: Tensor, sight: Sight) -> Tensor:
        """Return how much each token looks at each, ``(n, heads, tokens, tokens)``.

        What a row lacks to one goes to the learnt logit.
        """
        query, key, _ = self._parts(_normalised(tokens), sight)
        logits = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        if sight.mask is not None:
            logits = logits.masked_fill(~sight.mask, -torch.inf)
        if self.causal:
            behind = torch.ones(logits.shape[2:], dtype=torch.bool, device=logits.device).triu(1)
            logits = logits.masked_fill(behind, -torch.inf)
        if self.sink is None:
            return logits.softmax(dim=3)
        slot = self.sink[:, None, None].expand(*logits.shape[:3], 1)
        return torch.cat([slot, logits], dim=3).softmax(dim=3)[..., 1:]

    def _parts(self, tokens: Tensor, sight: Sight) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each ``(n, heads, tokens, of a head)``."""
        n, n_tokens, width = tokens.shape
        sizes = (n, n_tokens, 3, self.heads, width // self.heads)
        parts = self.queries_keys_values(tokens).view(sizes)
        queries_keys = _normalised(parts[:, :, :2].float())
        if sight.turns is not None:
            queries_keys = _turned(queries_keys, sight.turns)
        query, key = queries_keys.permute(2, 0, 3, 1, 4)
        return query, key, parts[:, :, 2].float().transpose(1, 2)

    def _attend(self, tokens: Tensor, sight: Sight, memory: Memory) -> tuple[Tensor, Memory]:
        query, key, value = self._parts(tokens, sight)
        past = bool(memory)
        if past:
            key, value = (torch.cat(pair, dim=2) for pair in zip(memory, (key, value), strict=True))
        # One token that comes after all others looks at them all.
        causal = self.causal and not past
        # In bfloat16 the gradient of this takes a CPU five times as long as in float32.
        with torch.autocast("cpu", enabled=False):
            if self.sink is None:
                seen = F.scaled_dot_product_attention(
                    query, key, value, attn_mask=sight.mask, is_causal=causal
                )
            else:
                seen = with_sink(query, key, value, self.sink, sight.mask, causal)
        return seen.transpose(1, 2).flatten(2), (key, value)


def _normalised(numbers: Tensor) -> Tensor:
    """Return numbers of mean 0 and variance 1 along the last axis."""
    return F.layer_norm(numbers, numbers.shape[-1:])  # one kernel, where that of F.rms_norm is six


class SquaredReLU(torch.autograd.Function):
    """The square of a rectified linear unit, whose gradient takes two products in place of five."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor) -> Tensor:
        """Return the squares of what is above zero."""
        rectified = F.relu(numbers)
        ctx.save_for_backward(rectified)
        return rectified * rectified

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return twice the rectified numbers times the gradient."""
        return (gradients[0] * ctx.saved_tensors[0]).mul_(2)


def _turned(parts: Tensor, by: Tensor) -> Tensor:
    """Return queries and keys, ``(n, tokens, 2, heads, of a head)``, turned by their places."""
    pairs = torch.view_as_complex(parts.unflatten(-1, (parts.shape[-1] // 2, 2)))
    return torch.view_as_real(pairs * by[:, None, None]).flatten(-2)


def with_sink(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    sink: Tensor,
    mask: Tensor | None = None,
    causal: bool = False,
) -> Tensor:
    """Return attention with a slot more in the softmax, which gives nothing.

    The slot is a key before the others, whose product with each query is the logit of its head:
    so the fused kernels do it, whatever they are made for. A query before the others, whose outcome
    is left off, keeps the triangle of causal attention where it was.

    Parameters
    ----------
    query, key, value : Tensor of shape (n, heads, tokens, of a head)
        Queries may be fewer than keys, unless ``causal``.
    sink : Tensor of shape (heads,)
        The logits.
    mask : Tensor of shape (n, 1, 1, tokens), bool, optional
        Which keys may be looked at.
    causal : bool, default=False
        Whether none is looked at that comes after the query.

    Returns
    -------
    Tensor of shape (n, heads, tokens, of a head)
        Where the sink takes everything, zero.

    Examples
    --------
    >>> ones = torch.ones(1, 1, 3, 4)
    >>> with_sink(ones, ones, ones, torch.tensor([2.0]), causal=True)[0, 0, :, 0]
    tensor([0.5000, 0.6667, 0.7500])
    """
    n, heads, _, size = query.shape
    first = torch.zeros(EXTRA, device=query.device)
    first[0] = 1.0
    slot = torch.cat([query.new_zeros(heads, size), sink[:, None] * first], dim=1)
    slots = slot[:, None].expand(n, heads, 1, size + EXTRA)
    root = math.sqrt(size)  # by which all products are divided
    query = torch.cat([query, (root * first).expand(*query.shape[:-1], EXTRA)], dim=3)
    seen = F.scaled_dot_product_attention(
        F.pad(query, (0, 0, 1, 0)),
        torch.cat([slots, F.pad(key, (0, EXTRA))], dim=2),
        F.pad(value, (0, EXTRA, 1, 0)),
        attn_mask=None if mask is None else F.pad(mask, (1, 0), value=True),
        is_causal=causal,
        scale=1 / root,
    )
    return seen[:, :, 1:, :size]


class RecurrentBlock(nn.Module):
    """A recurrent layer on normalised tokens, added to them.

    Parameters
    ----------
    width : int
        Length of a token.
    cell : type
        ``nn.GRU`` or ``nn.LSTM``.
    dropout : float
        Share that is dropped of what is added, in training.
    """

    def __init__(self, width: int, cell: type[nn.GRU] | type[nn.LSTM], dropout: float):
        super().__init__()
        self.cell, self.dropout = cell(width, width, batch_first=True), dropout

    def forward(self, tokens: Tensor, sight: Sight, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """Return tokens ``(n, tokens, width)``, and the state after the last."""
        state = (memory if len(memory) > 1 else memory[0]) if memory else None
        told, state = self.cell(_normalised(tokens), state)
        return tokens + F.dropout(told, self.dropout, self.training), (
            state if isinstance(state, tuple) else (state,)
        )


class TokenNetwork(nn.Module):
    """Tokens in, one vector a token out; of those the next token is told by the embeddings.

    Attributes
    ----------
    embedding : nn.Embedding
        The vectors of tokens, and the weights by which tokens are told (Press & Wolf, 2017).
    block1, block2, …
        The blocks.
    norm : nn.Module
        The normalisation of what comes out.

    Parameters
    ----------
    n_tokens : int
        How many different tokens there are; number 0 is padding.
    blocks : sequence of nn.Module
        What goes on tokens, in this order.
    width : int
        Length of a token.
    dropout : float
        Share of the embeddings that is dropped in training.
    turned : int, default=0
        Numbers of a head, where positions are turned.
    places : int, default=0
        How many positions have a learnt vector, where they have one.
    masked : bool, default=False
        Whether padding has to be hidden from the tokens, which look at those after them.
    """

    def __init__(
        self,
        n_tokens: int,
        blocks: Sequence[nn.Module],
        width: int,
        dropout: float,
        turned: int = 0,
        places: int = 0,
        masked: bool = False,
    ):
        super().__init__()
        self.turned, self.masked, self.dropout = turned, masked, dropout
        self.embedding = nn.Embedding(n_tokens, width)
        nn.init.normal_(self.embedding.weight, std=SMALL)
        self.places = nn.Parameter(torch.empty(places, width)) if places else None
        if self.places is not None:
            nn.init.normal_(self.places, std=SMALL)
        self.names = [f"block{number}" for number in range(1, len(blocks) + 1)]
        for name, block in zip(self.names, blocks, strict=True):
            self.add_module(name, block)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Return vectors ``(n, tokens, width)`` of numbers of tokens ``(n, tokens)``."""
        return self.go_on(ids, self.start())[0]

    @property
    def remembers(self) -> bool:
        """Whether what it keeps of the tokens before does not grow with them."""
        return not self.turned and self.places is None

    def start(self) -> list[Memory]:
        """Return the memories of the blocks before the first token."""
        return [() for _ in self.names]

    def go_on(self, ids: Tensor, memories: Sequence[Memory]) -> tuple[Tensor, list[Memory]]:
        """Return vectors of tokens that come after others, of which each block has a memory.

        Parameters
        ----------
        ids : Tensor of shape (n, tokens), int64
            Their numbers; a single one where there are others before it.
        memories : sequence of tuple of Tensor
            What came back before, or `start`.

        Returns
        -------
        vectors : Tensor of shape (n, tokens, width)
            Of these tokens.
        memories : list of tuple of Tensor
            To go on from.
        """
        start = 0 if self.remembers or not memories[0] else memories[0][0].shape[2]
        tokens, sight = self._begin(ids, start)
        after = []
        for name, memory in zip(self.names, memories, strict=True):
            tokens, memory = self.get_submodule(name)(tokens, sight, memory)
            after.append(memory)
        return self.norm(tokens), after

    def attention(self, ids: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return what the tokens of texts look at, and what goes into each block.

        Parameters
        ----------
        ids : Tensor of shape (n, tokens), int64
            Their numbers.

        Returns
        -------
        weights : list of Tensor of shape (n, heads, tokens, tokens)
            Of each block; none where no block has attention.
        states : list of Tensor of shape (n, tokens, width)
            Of each block.
        """
        tokens, sight = self._begin(ids, 0)
        weights, states = [], []
        for block in (self.get_submodule(name) for name in self.names):
            if isinstance(block, AttentionBlock):
                weights.append(block.attention(tokens, sight))
                states.append(tokens)
            tokens, _ = block(tokens, sight)
        return weights, states

    def _begin(self, ids: Tensor, start: int) -> tuple[Tensor, Sight]:
        """Return tokens as they go into the first block, and what attention has to know of them."""
        at = torch.arange(start, start + ids.shape[1], device=ids.device)
        tokens = self.embedding(ids)
        if self.places is not None:
            if at[-1] >= len(self.places):
                raise DataError(
                    f"Learned positions end at {len(self.places):,} tokens, got "
                    f"{int(at[-1]) + 1:,}; rotary ones go on."
                )
            tokens = tokens + self.places[at]
        if self.dropout:
            tokens = F.dropout(tokens, self.dropout, self.training)
        real = ids != PADDING
        return tokens, Sight(
            turns(at, self.turned) if self.turned else None,
            real[:, None, None] if self.masked and not bool(real.all()) else None,
        )

    def logits(self, vectors: Tensor) -> Tensor:
        """Return logits of all tokens ``(…, n_tokens)`` at vectors ``(…, width)``."""
        return F.linear(vectors, self.embedding.weight)


def token_transformer(
    n_tokens: int,
    width: int,
    depth: int,
    heads: int,
    *,
    causal: bool,
    dropout: float = 0.0,
    positions: str = "rotary",
    context: int = 0,
    sink: bool = False,
) -> TokenNetwork:
    """Return a transformer of tokens (Vaswani et al., 2017), its normalisations first.

    Parameters
    ----------
    n_tokens, width, depth, heads : int
        Different tokens, length of a token, blocks, heads of each.
    causal : bool
        Whether a token looks at none that come after it.
    dropout : float, default=0.0
        Share of the embeddings and of each branch that is dropped in training.
    positions : {"rotary", "learned"}, default="rotary"
        How tokens know where they stand: by turned queries and keys, or by a vector a place.
    context : int, default=0
        How many places have such a vector.
    sink : bool, default=False
        Whether heads may attend to nothing: see `with_sink`.

    Examples
    --------
    >>> net = token_transformer(9, 16, 2, 4, causal=True)
    >>> [name for name, _ in net.named_children()]
    ['embedding', 'block1', 'block2', 'norm']
    >>> net(torch.tensor([[3, 4, 5]])).shape
    torch.Size([1, 3, 16])
    """
    blocks = [AttentionBlock(width, heads, causal, dropout, sink) for _ in range(depth)]
    return TokenNetwork(
        n_tokens,
        blocks,
        width,
        dropout,
        turned=width // heads if positions == "rotary" else 0,
        places=context if positions == "learned" else 0,
        masked=not causal,
    )


def recurrent(
    n_tokens: int, width: int, depth: int, cell: type[nn.GRU] | type[nn.LSTM], dropout: float = 0.0
) -> TokenNetwork:
    """Return a recurrent network of tokens, each layer of which is added to what it reads.

    Examples
    --------
    >>> net = recurrent(9, 16, 2, nn.GRU)
    >>> net(torch.tensor([[3, 4, 5]])).shape
    torch.Size([1, 3, 16])
    """
    blocks = [RecurrentBlock(width, cell, dropout) for _ in range(depth)]
    return TokenNetwork(n_tokens, blocks, width, dropout)
