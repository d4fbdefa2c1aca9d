"""The variational autoencoder: a space that can be sampled as well as read."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor, nn

from nearspace.data import Image, Kind, Vector
from nearspace.encoders.base import Decodes, Samples
from nearspace.encoders.learned import LEARNED_CONSTRAINTS, Learned
from nearspace.learning.losses import bernoulli_nll, gaussian_nll, kl_to_standard_normal
from nearspace.nets.bodies import autoencoder_bodies
from nearspace.nets.layers import last_width

__all__ = ["VAE"]


class VAE(Decodes, Samples, Learned):
    """A variational autoencoder (Kingma & Welling, 2014); its vectors are the posterior means.

    Images are modelled as Bernoulli pixels, vectors as Gaussians whose common variance is learnt.

    Parameters
    ----------
    dim : int, default=16
        Length of the vectors.
    beta : float, default=1.0
        Weight of the KL term (Higgins et al., 2017).
    hidden : tuple of int, default=(512, 256)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 5,000 steps,
        fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most; a tenth of the training items where that is fewer.
    learning_rate : float, default=2e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order, noise and held-out part.
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
    >>> vae = VAE(dim=4, epochs=2).fit(load("digits").items)
    >>> vae.inverse_transform(vae.sample(5, random_state=0)).shape
    (5, 8, 8, 1)
    """

    kinds = frozenset({Image, Vector})
    learns = "items"
    default_steps = 5000
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **LEARNED_CONSTRAINTS,
        "beta": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        dim: int = 16,
        *,
        beta: float = 1.0,
        hidden: tuple[int, ...] = (512, 256),
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
        self.beta = beta
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
        """Return an encoder of means and log variances, and the mirror decoder."""
        return autoencoder_bodies(self.shape_, self.hidden, 2 * self.dim, self.dim)

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the two terms of the negative ELBO, in nats an item."""
        mean, log_variance = nets["encoder"](batch).chunk(2, dim=1)
        log_variance = log_variance.clamp(-12, 12)  # exp() of an untrained network may overflow
        noise = torch.empty_like(mean).normal_(generator=generator)
        decoded = nets["decoder"](mean + noise * (0.5 * log_variance).exp())
        likelihood = bernoulli_nll if isinstance(self.kind_, Image) else gaussian_nll
        return {
            "reconstruction": likelihood(decoded, batch),
            "kl": self.beta * kl_to_standard_normal(mean, log_variance),
        }

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the posterior means."""
        return nets["encoder"](batch).chunk(2, dim=1)[0]

    def inverse_transform(self, Z: np.ndarray) -> np.ndarray:
        """Return the items at vectors: ``(n, d)``, or images ``(n, height, width, channels)``."""
        check_is_fitted(self)
        return self._decode(self.nets_["decoder"], check_array(Z, dtype=np.float32))

    def sample(self, n: int, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Return ``n`` draws from the prior N(0, I), shape ``(n, dim)``."""
        random = check_random_state(random_state)
        return random.standard_normal((n, self._n_features_out)).astype(np.float32)

    @property
    def _n_features_out(self) -> int:
        return last_width(self.nets_["encoder"]) // 2
