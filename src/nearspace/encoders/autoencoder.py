"""The autoencoder: learns to say an item in few numbers, and to read them back."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor, nn

from nearspace.data import Image, Kind, Vector
from nearspace.encoders.base import Decodes
from nearspace.encoders.learned import LEARNED_CONSTRAINTS, Learned
from nearspace.nets.bodies import autoencoder_bodies
from nearspace.nets.layers import last_width

__all__ = ["Autoencoder"]


class Autoencoder(Decodes, Learned):
    """An autoencoder trained on squared error (Hinton & Salakhutdinov, 2006).

    The bottleneck is linear, the output of images goes through a sigmoid.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 5,000 steps,
        fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most; a tenth of the training items where that is fewer.
    learning_rate : float, default=3e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order and held-out part.
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
    >>> encoder = Autoencoder(dim=8, epochs=2).fit(digits)
    >>> encoder.inverse_transform(encoder.transform(digits[:3])).shape
    (3, 8, 8, 1)
    """

    kinds = frozenset({Image, Vector})
    learns = "items"
    default_steps = 5000
    _parameter_constraints: ClassVar[dict[str, list]] = LEARNED_CONSTRAINTS

    def __init__(
        self,
        dim: int = 32,
        *,
        hidden: tuple[int, ...] = (512, 256, 128),
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
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.kind = kind
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def build(self) -> nn.ModuleDict:
        """Return the encoder and its mirror decoder."""
        return autoencoder_bodies(self.shape_, self.hidden, self.dim, self.dim)

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of the reconstruction."""
        decoded = nets["decoder"](nets["encoder"](batch))
        if isinstance(self.kind_, Image):
            decoded = decoded.sigmoid()
        return {"reconstruction": F.mse_loss(decoded, batch)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the bottleneck."""
        return nets["encoder"](batch)

    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        """Return the items at vectors: ``(n, d)``, or images ``(n, height, width, channels)``."""
        check_is_fitted(self)
        return self._decode(self.nets_["decoder"], check_array(Z, dtype=np.float32))

    @property
    def _n_features_out(self) -> int:
        return last_width(self.nets_["encoder"])
