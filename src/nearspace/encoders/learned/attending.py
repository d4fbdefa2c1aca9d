"""What the tokens of a transformer that was trained here look at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from nearspace.data.tokens import token_batches
from nearspace.encoders.attention import MOST_PAIRS, Attention
from nearspace.learning.device import torch_device

if TYPE_CHECKING:
    from nearspace.encoders.learned.sequences import Transformer

__all__ = ["MARK", "attention_of"]

MARK = "(beginning)"  # what the mark before a text is called


def attention_of(encoder: Transformer, items: list[str]) -> Iterator[Attention]:
    """Yield how much the tokens of checked texts look at one another, see `Attentive`."""
    net: Any = encoder.nets_["encoder"].eval()
    device = torch_device(encoder.device)
    heads = encoder.heads * encoder.depth
    longest = math.isqrt(MOST_PAIRS // heads)
    texts = encoder.batches(items)
    whole = texts.lengths.numpy()
    texts.lengths = texts.lengths.clamp(max=longest)
    lengths = texts.lengths.numpy()
    most = max(1, MOST_PAIRS // (heads * int(lengths.max())))
    for rows in token_batches(lengths, most):
        ids = texts.take(torch.from_numpy(rows)).to(device)[:]
        with torch.inference_mode(), encoder.threads_for(len(rows)):
            weights, states = net.to(device).attention(ids)
        named = [
            [MARK, *(encoder.vocabulary.texts([number])[0] for number in read[1:length].tolist())]
            for read, length in zip(ids.cpu(), lengths[rows].tolist(), strict=True)
        ]
        yield Attention(
            rows,
            named,
            torch.from_numpy(lengths[rows]).to(device),
            tuple(weights),
            tuple(states),
            encoder.causal,
            whole[rows] > longest,
        )
