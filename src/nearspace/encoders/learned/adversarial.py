"""The adversarial autoencoder: a critic holds the codes to the prior, so that it can be sampled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Real
from typing import ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.encoders.learned.autoencoder import NormalPrior
from nearspace.encoders.learned.learned import Learned
from nearspace.learning.losses import deception, discrimination

__all__ = ["AAE"]


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class AAE(NormalPrior):
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
    layer, pool, epochs, batch_size, learning_rate, random_state, kind, device, precision, verbose
        As of `Learned`; the learning rate is 2e-3 when absent.

    Examples
    --------
    >>> from nearspace import load
    >>> encoder = AAE(dim=4, epochs=2).fit(load("digits").items)
    >>> encoder.inverse_transform(encoder.sample(5, random_state=0)).shape
    (5, 8, 8, 1)
    """

    own_optimizer: ClassVar[Mapping[str, tuple[str, ...]]] = {"discrimination": ("discriminator",)}
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "weight": [Interval(Real, 0, None, closed="left")],
    }

    dim: int = 16
    weight: float = 0.1
    hidden: tuple[int, ...] = (512, 256)
    body: str = "auto"
    learning_rate: float = 2e-3

    def build(self) -> nn.ModuleDict:
        """Return the encoder, its mirror decoder, and the discriminator of codes."""
        nets = self.bodies(self.dim)
        nets["discriminator"] = _discriminator(self.dim)
        return nets

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return reconstruction and deception, and apart from these what the discriminator errs."""
        codes = nets["encoder"](batch)
        error = self.squared_error(nets["decoder"](codes), batch)
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
