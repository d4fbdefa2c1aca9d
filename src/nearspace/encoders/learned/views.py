"""Learning from views of an item, which shall be near, against those of others or without."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import ClassVar

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.data import Audio, Image, Series
from nearspace.encoders.learned.learned import Learned
from nearspace.learning.losses import (
    covariance_penalty,
    nt_xent,
    supervised_contrast,
    variance_hinge,
)
from nearspace.nets.bodies import convolutions
from nearspace.nets.perceptron import hidden_block

__all__ = ["FromViews", "SimCLR", "SupCon", "VICReg"]


class FromViews(Learned):
    """An encoder that learns from two random views of each item, projected by a head."""

    kinds = frozenset({Image, Series, Audio})
    learns = "items"
    effort = 30
    dim: int
    flip: bool

    def build(self) -> nn.ModuleDict:
        """Return a small convolutional network and the projection head that only the loss sees."""
        encoder = convolutions(self.shape_, 256, self.dim, last="embedding")
        head = nn.Sequential(hidden_block(self.dim, 256), nn.Linear(256, 128))
        return nn.ModuleDict({"encoder": encoder, "head": head})

    def project(self, nets: nn.ModuleDict, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return projections of two views of every item, first all of one, then of the other."""
        # One drawing and one pass for both: half the calls, and normalisation over all views.
        views = self.kind_.views(torch.cat([batch, batch]), generator, self.flip)
        return nets["head"](nets["encoder"](views))


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class SimCLR(FromViews):
    """SimCLR (Chen et al., 2020) with a small convolutional network.

    The vectors are the network's output; the projection head that the loss sees is left off. Each
    item is contrasted with all others of its batch.

    Parameters
    ----------
    dim : int, default=64
        Length of the vectors.
    temperature : float, default=0.2
        Divides the similarities in the loss.
    flip : bool, default=False
        Whether half of the views are mirrored, series backwards; only where that shows the same.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> SimCLR(dim=16, epochs=1).fit(digits).transform(digits[:3]).shape
    (3, 16)
    """

    metric = "cosine"

    dim: int = 64
    temperature: float = 0.2
    flip: bool = False

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the contrast of two random views of every item."""
        first, second = self.project(nets, batch, generator).chunk(2)
        return {"contrast": nt_xent(first, second, self.temperature)}


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class SupCon(FromViews):
    """Supervised contrastive learning (Khosla et al., 2020): views of a class shall be near.

    All views of items of one label are drawn together, not only the two of one item. Network and
    vectors are those of `SimCLR`.

    Parameters
    ----------
    dim : int, default=64
        Length of the vectors.
    temperature : float, default=0.1
        Divides the similarities in the loss.
    flip : bool, default=False
        Whether half of the views are mirrored, series backwards; only where that shows the same.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits")
    >>> supcon = SupCon(dim=16, epochs=1).fit(digits.items, digits.target)
    >>> supcon.transform(digits.items[:3]).shape
    (3, 16)
    """

    learns = "labels"
    learns_numbers = False
    metric = "cosine"

    dim: int = 64
    temperature: float = 0.1
    flip: bool = False

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the contrast of classes, over two random views of every item."""
        assert labels is not None  # `fit` asked for them
        views = self.project(nets, batch, generator)
        return {"contrast": supervised_contrast(views, labels.repeat(2), self.temperature)}


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class VICReg(FromViews):
    """VICReg (Bardes et al., 2022): two views of an item shall agree, without negatives.

    What keeps the space from collapsing is that every dimension of the projections has to spread
    over the batch, and none may repeat another. Network and vectors are those of `SimCLR`.

    Parameters
    ----------
    dim : int, default=64
        Length of the vectors.
    invariance : float, default=10.0
        Weight of the squared distance of views, where the spread weighs 25 and repetition 1.
    flip : bool, default=False
        Whether half of the views are mirrored, series backwards; only where that shows the same.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> VICReg(dim=16, epochs=1).fit(digits).transform(digits[:3]).shape
    (3, 16)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "invariance": [Interval(Real, 0, None, closed="neither")],
    }

    dim: int = 64
    invariance: float = 10.0
    flip: bool = False

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the distance of two random views of every item, and what prevents collapse."""
        views = self.project(nets, batch, generator)
        first, second = views.chunk(2)
        # Both views of all items together: they are of one distribution, and one item is enough.
        return {
            "invariance": F.mse_loss(first, second),
            "variance": variance_hinge(views),
            "covariance": covariance_penalty(views),
        }

    def loss_weights(self, done: float) -> Mapping[str, float]:
        """Return the paper's weights, but for that of the distance."""
        return {"invariance": self.invariance, "variance": 25.0}
