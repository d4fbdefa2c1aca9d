"""`Adapter`: a low-rank map on vectors that stay as they are made."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.data import Vector
from nearspace.data.batches import Batches
from nearspace.encoders.learned.learned import Learned
from nearspace.learning.losses import alike_pairs

__all__ = ["Adapter", "LowRank"]


class LowRank(nn.Module):
    """A vector plus a map of it through few dimensions, which adds nothing at first.

    Parameters
    ----------
    dim, rank : int
        Length of the vectors, and of what they are brought to between.
    """

    def __init__(self, dim: int, rank: int):
        super().__init__()
        self.down = nn.Linear(dim, rank, bias=False)
        self.up = nn.Linear(rank, dim, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return vectors with what the map adds."""
        return vectors + self.up(self.down(vectors))


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Adapter(Learned):
    """A low-rank map on vectors, learnt from labels: those of a class are drawn together.

    It is for what cannot be trained itself, such as vectors made elsewhere, or would take too long:
    ``pretrained("…") | adapter`` fits in seconds on vectors that are made once. The map starts as
    that which changes nothing (Hu et al., 2022), and stays so where training does not lower the
    loss on what is held out.

    Parameters
    ----------
    rank : int, default=16
        Dimensions through which the map goes, at most as many as there are.
    queries : bool, default=False
        Whether the map is for what a space is searched by alone, so that vectors in a space stay as
        they are and need not be made again.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`; 30 epochs at most, and a learning rate of 1e-2 when absent.

    Examples
    --------
    >>> from nearspace import load
    >>> wine = load("wine")
    >>> adapter = Adapter(rank=2, queries=True, epochs=5).fit(wine.items, wine.target)
    >>> bool((adapter.transform(wine.items) == wine.items.astype("float32")).all())
    True
    >>> adapter.transform_queries(wine.items[:2]).shape
    (2, 13)
    """

    kinds = frozenset({Vector})
    learns = "labels"
    learns_numbers = False
    metric = "cosine"
    from_start = True
    default_steps = 1000
    fit_free_params = frozenset()
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "rank": [Interval(Integral, 1, None, closed="left")],
        "queries": ["boolean"],
    }

    rank: int = 16
    queries: bool = False
    learning_rate: float = 1e-2

    def build(self) -> nn.ModuleDict:
        """Return the map."""
        (dim,) = self.shape_
        return nn.ModuleDict({"encoder": LowRank(dim, min(self.rank, dim))})

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return how far pairs are from being alike within classes and unlike between them."""
        assert labels is not None  # `fit` asked for them
        adapted = nets["encoder"](batch)
        return {"pairs": alike_pairs(adapted, labels, batch if self.queries else None)}

    def batches(self, items: Any) -> Batches:
        """Return vectors as they are: where they lie is a part of what they say."""
        return self.kind_.batches(items, None)

    def _transform(self, items: Any) -> np.ndarray:
        if self.queries:
            return np.asarray(items, dtype=np.float32)
        return super()._transform(items)

    def _transform_queries(self, items: Any) -> np.ndarray:
        return super()._transform(items)
