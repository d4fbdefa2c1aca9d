"""Learning from views without contrast: what keeps the space from collapsing is its variance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import ClassVar

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.encoders.learned.contrastive import FromViews
from nearspace.encoders.learned.learned import Learned
from nearspace.learning.losses import covariance_penalty, variance_hinge

__all__ = ["VICReg"]


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
        Whether half of the views are mirrored; only where a mirrored image shows the same.
    layer, pool, epochs, batch_size, learning_rate, random_state, kind, device, precision, verbose
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
