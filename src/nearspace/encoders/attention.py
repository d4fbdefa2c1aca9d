"""`Attentive`: encoders whose tokens look at one another, and what can be seen of that."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MOST_PAIRS", "Attention", "Attentive"]

MOST_PAIRS = 2**25  # of tokens, over all heads, of a batch and of an item that is shown: 128 MiB


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Attention:
    """How much the tokens of some items look at one another, layer by layer.

    Attributes
    ----------
    rows : ndarray of shape (n,)
        Which items these are.
    tokens : list of list of str
        What the tokens of each are called.
    lengths : Tensor of shape (n,)
        How many tokens each has.
    weights : tuple of Tensor of shape (n, heads, queries, keys)
        Of every layer: how much each token looks at each. What stands in places behind an item's
        end means nothing. A row sums to one, or to less where a layer lets a token look at none.
    states : tuple of Tensor of shape (n, tokens, d)
        What goes into every layer.
    causal : bool
        Whether a token sees but itself and those before it.
    cut : ndarray of shape (n,) of bool
        Of which items the beginning alone was looked at.
    """

    rows: np.ndarray
    tokens: list[list[str]]
    lengths: Tensor
    weights: tuple[Tensor, ...]
    states: tuple[Tensor, ...]
    causal: bool
    cut: np.ndarray

    def __repr__(self) -> str:
        n_tokens = sum(map(len, self.tokens))
        return (
            f"Attention({len(self.rows):,} items, {n_tokens:,} tokens, {len(self.weights)} layers)"
        )


class Attentive(ABC):
    """An encoder with attention, such as a transformer."""

    @abstractmethod
    def attention(self, X: Any) -> Iterator[Attention]:
        """Yield how much the tokens of items look at one another, some items at a time.

        As many come at once as there is memory for; of an item that would need more alone, the
        beginning is looked at.

        Raises
        ------
        DataError
            If the network has no attention that can be seen.
        """
