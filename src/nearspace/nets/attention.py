"""Attention sinks: which share of the attention each token gets, and which get many times theirs.

A share is held against the one that the token would have if every token looked at all that it sees
alike. Both as odds, so that the same number can be reached in a text of three tokens, of which none
gets five times a third, as in one of five hundred.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["FADES", "SINK", "fair_shares", "received", "sink_odds", "token_weights"]

# How many times its fair odds a token has that is a sink. Where logits are drawn from a normal
# distribution of any width up to 4, the mean of twelve heads gives no token of 3 to 155 more than
# 3.4 times (benchmarks/sinks.py): it gets there only if most tokens and most heads look at it.
SINK = 5.0
# From here on a token counts the less in a mean without sinks. Were it all or nothing, the rounding
# of a product, which hangs on what is batched together, would tell whether a token counts.
FADES = 4.0


def received(weights: Tensor, lengths: Tensor) -> Tensor:
    """Return which share of the attention of a text each of its tokens gets, head by head.

    Parameters
    ----------
    weights : Tensor of shape (n, heads, queries, keys)
        How much each token looks at each; a row sums to one, or to less where a part goes to none.
    lengths : Tensor of shape (n,)
        How many tokens each text has; what stands behind them neither gives nor gets.

    Returns
    -------
    Tensor of shape (n, heads, keys)
        The mean over the tokens that look.

    Examples
    --------
    >>> weights = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])
    >>> received(weights, torch.tensor([2])).tolist(), received(weights, torch.tensor([1])).tolist()
    ([[[0.75, 0.25]]], [[[1.0, 0.0]]])
    """
    inside = _inside(lengths, weights.shape[-1]).to(weights.dtype)
    totals = torch.einsum("nhqk,nq->nhk", weights, inside)
    return totals * inside[:, None] / lengths[:, None, None]


def fair_shares(lengths: Tensor, tokens: int, causal: bool) -> Tensor:
    """Return which share each token would get if all that a token sees were looked at alike.

    The last tokens of a text are seen by few where each sees but those before it: there the share
    is one in as many as the text has tokens, as it is elsewhere.

    Parameters
    ----------
    lengths : Tensor of shape (n,)
        How many tokens each text has.
    tokens : int
        How many places there are.
    causal : bool
        Whether a token sees but itself and those before it, so that the first is seen by all.

    Returns
    -------
    Tensor of shape (n, tokens)
        Zero behind the end of a text.

    Examples
    --------
    >>> fair_shares(torch.tensor([2]), 3, causal=False).tolist()
    [[0.5, 0.5, 0.0]]
    >>> fair_shares(torch.tensor([2]), 3, causal=True).tolist()
    [[0.75, 0.5, 0.0]]
    """
    inside = _inside(lengths, tokens).float()
    alike = inside / lengths[:, None]
    if not causal:
        return alike
    by_each = inside / torch.arange(1, tokens + 1, device=lengths.device)  # to all that it sees
    return torch.maximum(by_each.flip(1).cumsum(1).flip(1) * alike, alike)


def sink_odds(shares: Tensor, fair: Tensor) -> Tensor:
    """Return how many times its fair odds each token has; it is a sink from `SINK` times on.

    The odds of a share are what the token gets against what all others get. Not all tokens of a
    text can have more than their fair odds, and one that is alone has none.

    Parameters
    ----------
    shares, fair : Tensor of shape (n, tokens)
        What each token gets, in the mean over the heads, and what it would get by `fair_shares`.

    Returns
    -------
    Tensor of shape (n, tokens)
        Zero behind the end of a text.

    Examples
    --------
    >>> fair = torch.full((1, 4), 0.25)
    >>> sink_odds(torch.tensor([[0.5, 0.25, 0.125, 0.125]]), fair)[0, :2].tolist()
    [3.0, 1.0]
    """
    least = torch.finfo(shares.dtype).eps
    odds = shares / (1 - shares).clamp(min=least)
    fair_odds = fair / (1 - fair).clamp(min=least)
    return torch.where((fair > 0) & (fair < 1), odds / fair_odds.clamp(min=least), 0.0)


def token_weights(odds: Tensor) -> Tensor:
    """Return how much tokens count in a mean without sinks.

    Examples
    --------
    >>> token_weights(torch.tensor([0.3, 4.0, 4.5, 5.0, 30.0])).tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0]
    """
    return ((SINK - odds) / (SINK - FADES)).clamp(0, 1)


def _inside(lengths: Tensor, tokens: int) -> Tensor:
    return torch.arange(tokens, device=lengths.device) < lengths[:, None]
