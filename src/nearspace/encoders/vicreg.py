"""Learning from views without contrast: what keeps the space from collapsing is its variance."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.data import Image, Kind
from nearspace.encoders.contrastive import VIEW_CONSTRAINTS, encoder_and_head, project_views
from nearspace.encoders.learned import Learned
from nearspace.learning.losses import covariance_penalty, variance_hinge
from nearspace.nets.layers import last_width

__all__ = ["VICReg"]


class VICReg(Learned):
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
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 3,000 steps,
        fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most, a tenth of the training items where that is fewer.
    learning_rate : float, default=3e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order, views and held-out part.
    kind : Kind, optional
        Kind of the items; inferred when absent.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : str, default="32-true"
        Fabric's precision, such as ``"bf16-mixed"``.
    verbose : bool, default=False
        Whether to show a progress bar.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> VICReg(dim=16, epochs=1).fit(digits).transform(digits[:3]).shape
    (3, 16)
    """

    kinds = frozenset({Image})
    learns = "items"
    default_steps = 3000
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **VIEW_CONSTRAINTS,
        "invariance": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        dim: int = 64,
        *,
        invariance: float = 10.0,
        flip: bool = False,
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        random_state: Any = 0,
        kind: Kind | None = None,
        device: str = "auto",
        precision: str = "32-true",
        verbose: bool = False,
    ):
        self.dim = dim
        self.invariance = invariance
        self.flip = flip
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.kind = kind
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def build(self) -> nn.ModuleDict:
        """Return the encoder and the projection head of the loss."""
        return encoder_and_head(self.shape_, self.dim)

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the distance of two random views of every item, and what prevents collapse."""
        views = project_views(nets, self.kind_, batch, generator, self.flip)
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

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the output of the encoder."""
        return nets["encoder"](batch)

    @property
    def _n_features_out(self) -> int:
        return last_width(self.nets_["encoder"])
