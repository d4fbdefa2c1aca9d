"""Contrastive learning: two views of an item shall be near, views of others far."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.data import Image, Kind
from nearspace.encoders.learned import LEARNED_CONSTRAINTS, Learned
from nearspace.learning.losses import nt_xent
from nearspace.nets.convnet import convnet
from nearspace.nets.layers import last_width
from nearspace.nets.perceptron import hidden_block

__all__ = ["SimCLR"]


class SimCLR(Learned):
    """SimCLR (Chen et al., 2020) with a small convolutional network.

    The vectors are the network's output; the projection head that the loss sees is left off.

    Parameters
    ----------
    dim : int, default=64
        Length of the vectors.
    temperature : float, default=0.2
        Divides the similarities in the loss.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 1,500 steps,
        fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=256
        Items a step at most, a tenth of the training items where that is fewer; each is
        contrasted with all others of its batch.
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
    >>> SimCLR(dim=16, epochs=1).fit(digits).transform(digits[:3]).shape
    (3, 16)
    """

    kinds = frozenset({Image})
    learns = "items"
    default_steps = 1500
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **LEARNED_CONSTRAINTS,
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        dim: int = 64,
        *,
        temperature: float = 0.2,
        epochs: int | None = None,
        batch_size: int = 256,
        learning_rate: float = 3e-3,
        random_state: Any = 0,
        kind: Kind | None = None,
        device: str = "auto",
        precision: str = "32-true",
        verbose: bool = False,
    ):
        self.dim = dim
        self.temperature = temperature
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
        return nn.ModuleDict(
            {
                "encoder": convnet(self.shape_, 128, self.dim, last="embedding"),
                "head": nn.Sequential(hidden_block(self.dim, 128), nn.Linear(128, 64)),
            }
        )

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the contrast of two random views of every item."""
        views = torch.cat([self.kind_.views(batch, generator) for _ in range(2)])
        first, second = nets["head"](nets["encoder"](views)).chunk(2)
        return {"contrast": nt_xent(first, second, self.temperature)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the output of the encoder."""
        return nets["encoder"](batch)

    @property
    def _n_features_out(self) -> int:
        return last_width(self.nets_["encoder"])
