"""The adversarial autoencoder: a critic holds the codes to the prior, so that it can be sampled."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Image, Kind, Vector
from nearspace.encoders.autoencoder import squared_error
from nearspace.encoders.base import Samples
from nearspace.encoders.learned import LEARNED_CONSTRAINTS, DecodesByNetwork, Learned, draw_normal
from nearspace.learning.losses import deception, discrimination
from nearspace.nets.bodies import BODIES, autoencoder_bodies
from nearspace.nets.layers import last_width

__all__ = ["AAE"]


class AAE(DecodesByNetwork, Samples, Learned):
    """An adversarial autoencoder (Makhzani et al., 2016); its prior is N(0, I).

    A discriminator learns to tell codes from draws of the prior, while the encoder learns to
    deceive it, and with the decoder to reconstruct. What decides the one against the other is the
    logarithm of the squared error, so that the scale of the items does not matter.

    Parameters
    ----------
    dim : int, default=16
        Length of the vectors.
    weight : float, default=0.1
        Weight of deceiving the discriminator beside reconstruction.
    hidden : tuple of int, default=(512, 256)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn"}, default="auto"
        Perceptrons or convolutions; of themselves large images get convolutions.
    epochs : int, optional
        Passes over the training items; by default as many as come to about 5,000 steps, fewer
        where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most; a tenth of the training items where that is fewer.
    learning_rate : float, default=2e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order, draws of the prior and held-out part.
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
    >>> encoder = AAE(dim=4, epochs=2).fit(load("digits").items)
    >>> encoder.inverse_transform(encoder.sample(5, random_state=0)).shape
    (5, 8, 8, 1)
    """

    kinds = frozenset({Image, Vector})
    learns = "items"
    default_steps = 5000
    own_optimizer: ClassVar[Mapping[str, tuple[str, ...]]] = {"discrimination": ("discriminator",)}
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **LEARNED_CONSTRAINTS,
        "body": [StrOptions(set(BODIES))],
        "weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        dim: int = 16,
        *,
        weight: float = 0.1,
        hidden: tuple[int, ...] = (512, 256),
        body: str = "auto",
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        random_state: Any = 0,
        kind: Kind | None = None,
        device: str = "auto",
        precision: str = "32-true",
        verbose: bool = False,
    ):
        self.dim = dim
        self.weight = weight
        self.hidden = hidden
        self.body = body
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.kind = kind
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def build(self) -> nn.ModuleDict:
        """Return the encoder, its mirror decoder, and the discriminator of codes."""
        nets = autoencoder_bodies(self.shape_, self.hidden, self.dim, self.dim, self.body)
        nets["discriminator"] = _discriminator(self.dim)
        return nets

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return reconstruction and deception, and apart from these what the discriminator errs."""
        codes = nets["encoder"](batch)
        error = squared_error(self.kind_, nets["decoder"](codes), batch)
        drawn = torch.empty_like(codes).normal_(generator=generator)
        judged = nets["discriminator"](codes)
        return {
            "reconstruction": (error + 1e-6).log(),
            "deception": deception(judged),
            "discrimination": discrimination(nets["discriminator"](drawn), judged),
        }

    def loss_weights(self, done: float) -> Mapping[str, float]:
        """Return the weight of deception."""
        return {"deception": self.weight}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the codes."""
        return nets["encoder"](batch)

    def sample(self, n: int, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Return ``n`` draws from the prior N(0, I), shape ``(n, dim)``."""
        return draw_normal(self, n, random_state)

    @property
    def _n_features_out(self) -> int:
        return last_width(self.nets_["encoder"])


def _discriminator(dim: int) -> nn.Module:
    """Return a network that says of codes how likely they are drawn from the prior, as logits.

    Without batch normalisation, by which a batch of all codes would give itself away.
    """
    return nn.Sequential(
        nn.Linear(dim, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )
