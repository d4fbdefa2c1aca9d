"""Autoencoders whose codes are held to a prior: a space that can be sampled as well as read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from nearspace.encoders.bounds import Bounds, Elbo
from nearspace.encoders.exhibits import Samples
from nearspace.encoders.learned.autoencoder import Autoencodes
from nearspace.encoders.learned.learned import Learned, seed_of
from nearspace.errors import DataError
from nearspace.learning.device import torch_device
from nearspace.learning.losses import (
    bernoulli_nll,
    deception,
    discrimination,
    ends_nll,
    gaussian_nll,
    kl_to_standard_normal,
    step_errors,
)

__all__ = ["AAE", "VAE"]

EVALUATION_BATCH = 1024
# Of the variance over items of a dimension's posterior mean (Burda et al., 2016).
ACTIVE = 0.01


class NormalPrior(Samples, Autoencodes):
    """An autoencoder, the prior of whose codes is N(0, I)."""

    def sample(self, n: int, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Return ``n`` draws from the prior N(0, I), shape ``(n, dim)``."""
        check_is_fitted(self)
        if n < 0:
            raise DataError(f"{type(self).__name__} cannot draw {n} samples.")
        random = check_random_state(random_state)
        return random.standard_normal((n, self._n_features_out)).astype(np.float32)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class VAE(Bounds, NormalPrior):
    """A variational autoencoder (Kingma & Welling, 2014); its vectors are the posterior means.

    Parameters
    ----------
    dim : int, default=16
        Length of the vectors.
    beta : float, default=1.0
        Weight of the KL term (Higgins et al., 2017).
    warm_up : float, default=0.0
        Share of training over which the weight of the KL term rises from 0 to ``beta``
        (Sønderby et al., 2016). It keeps more dimensions active, but on MNIST the bound was the
        better the shorter it was.
    likelihood : {"bernoulli", "gaussian"}, optional
        What a decoded value says of the item's: a Bernoulli of that mean, for values in [0, 1]
        only, or a Gaussian around it whose variance, common to all values, is learnt. Bernoulli
        for images and Gaussian for others when absent.
    hidden : tuple of int, default=(512, 256)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn", "gru"}, default="auto"
        Perceptrons or convolutions; of themselves large images, series and sounds get
        convolutions. Or gated units, which read series and sounds step by step.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`; the learning rate is 2e-3 when absent.

    Examples
    --------
    >>> from nearspace import load
    >>> vae = VAE(dim=4, epochs=2).fit(load("digits").items)
    >>> vae.inverse_transform(vae.sample(5, random_state=0)).shape
    (5, 8, 8, 1)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "beta": [Interval(Real, 0, None, closed="left")],
        "warm_up": [Interval(Real, 0, 1, closed="both")],
        "likelihood": [StrOptions({"bernoulli", "gaussian"}), None],
    }

    dim: int = 16
    beta: float = 1.0
    warm_up: float = 0.0
    likelihood: str | None = None
    hidden: tuple[int, ...] = (512, 256)
    body: str = "auto"
    learning_rate: float = 2e-3

    def build(self) -> nn.ModuleDict:
        """Return an encoder of means and log variances, and the mirror decoder."""
        nets = self.bodies(2 * self.dim)
        if not self._is_bernoulli():
            nets["variance"] = _CommonVariance()
        return nets

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the two terms of the negative ELBO, in nats an item."""
        return self._terms(nets, batch, *_posterior(nets, batch), generator)

    def loss_weights(self, done: float) -> Mapping[str, float]:
        """Return the weight of the KL term, which rises during warm-up."""
        return {"kl": self.beta * min(1.0, done / self.warm_up if self.warm_up else 1.0)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the posterior means."""
        return _posterior(nets, batch)[0]

    def elbo(self, X: Any, random_state: int | np.random.RandomState | None = None) -> Elbo:
        """Return how well the model explains items: the evidence lower bound and its two terms.

        What is bounded depends on the likelihood, and only figures of the same items under the
        same likelihood can be compared.

        A Bernoulli of pixels that are black or white gives their probability, and bits per
        dimension are the length of a code. Of grey pixels it gives the mean over pixels drawn
        black or white with the grey value as probability. Models judged so can be compared, as is
        common on MNIST, though not with those judged on one such draw or on a threshold. It is no
        length of a code of the grey values, and a perfect model still pays the draws' entropy.

        A Gaussian gives a density: of pixels in [0, 1] (on the scale to 255 it is 8 bits a
        dimension more), or of columns divided by their training deviation. It may exceed 1, bits
        per dimension fall below 0, and for pixels, which only take 256 values, they are no length
        of a code.

        Parameters
        ----------
        X : sequence of n items
            Of the kind the encoder was fitted on.
        random_state : int, RandomState instance or None, default=None
            Of one draw from the posterior of each item.

        Returns
        -------
        Elbo
            Of the model as it is, whatever ``beta`` it was trained with.
        """
        check_is_fitted(self)
        batches = self.batches(self._check(X, reset=False))
        device = torch_device(self.device)
        nets = self.nets_.to(device)
        generator = torch.Generator(device=device).manual_seed(seed_of(random_state))
        totals, means, values = {"reconstruction": 0.0, "kl": 0.0}, [], 0
        with torch.inference_mode():
            for batch in batches.parts(EVALUATION_BATCH, device):
                mean, log_variance = _posterior(nets, batch)
                terms = self._terms(nets, batch, mean, log_variance, generator)
                for name, term in terms.items():
                    totals[name] += term.item() * len(batch) / len(batches)
                means.append(mean.cpu())
                values += self._n_values(batch)
        loss = totals["reconstruction"] + totals["kl"]
        return Elbo(
            **totals,
            elbo=-loss,
            bits_per_dimension=loss / math.log(2) / (values / len(batches)),
            active_dimensions=int((torch.cat(means).var(dim=0, correction=0) > ACTIVE).sum()),
        )

    def _n_values(self, batch: Tensor) -> int:
        """Return how many values a batch tells of; over time those of the steps that are there."""
        if not self.over_time:
            return batch.numel()
        return int(batch[:, -1].sum()) * (batch.shape[1] - 1)

    def _is_bernoulli(self) -> bool:
        if self.likelihood is None:
            return self.kind_.bounds == (0, 1)
        if self.likelihood == "bernoulli" and self.kind_.bounds != (0, 1):
            raise DataError(
                f"VAE: likelihood='bernoulli' is of values in [0, 1], which {self.kind_.plural} "
                "are not; use 'gaussian'."
            )
        return self.likelihood == "bernoulli"

    def _terms(
        self,
        nets: nn.ModuleDict,
        batch: Tensor,
        mean: Tensor,
        log_variance: Tensor,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        noise = torch.empty_like(mean).normal_(generator=generator)
        decoded = self.decoded(nets, mean + noise * (0.5 * log_variance).exp(), batch)
        if self.over_time:
            errors = step_errors(decoded, batch)
            error, values = errors.mean(), errors.numel() / len(batch)
            reconstruction = gaussian_nll(error, nets["variance"](error), values)
            reconstruction = reconstruction + ends_nll(decoded, batch)
        elif self._is_bernoulli():
            reconstruction = bernoulli_nll(decoded, batch)
        else:
            error = F.mse_loss(self.kind_.values(decoded), batch)
            reconstruction = gaussian_nll(error, nets["variance"](error), batch[0].numel())
        return {"reconstruction": reconstruction, "kl": kl_to_standard_normal(mean, log_variance)}


def _posterior(nets: nn.ModuleDict, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and log variances of the codes of a batch, each ``(n, dim)``."""
    mean, log_variance = nets["encoder"](batch).chunk(2, dim=1)
    return mean, log_variance.clamp(-12, 12)  # exp() of an untrained network may overflow


class _CommonVariance(nn.Module):
    """The variance of a Gaussian likelihood: a batch's own in training, then their running mean.

    At its own best variance a batch weighs reconstruction against the KL term without a setting
    (the optimal σ of Rybkin et al., 2021); items that are judged must not choose theirs.
    """

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(()))

    def forward(self, error: Tensor) -> Tensor:
        """Return the variance around decoded values, by their mean squared error, shape ``()``."""
        if not self.training:
            return self.value
        variance = error.detach() + 1e-6
        first = self.value == 0
        self.value.copy_(torch.where(first, variance, self.value.lerp(variance, 0.1)))
        return variance


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
    body : {"auto", "mlp", "cnn", "gru"}, default="auto"
        Perceptrons or convolutions; of themselves large images, series and sounds get
        convolutions. Or gated units, which read series and sounds step by step.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
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
        error = self.squared_error(self.decoded(nets, codes, batch), batch)
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
