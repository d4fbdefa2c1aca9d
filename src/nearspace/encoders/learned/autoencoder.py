"""The autoencoder: learns to say an item in few numbers, and to read them back."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from nearspace.data import Image, Vector
from nearspace.data.batches import Batches
from nearspace.encoders.exhibits import Samples
from nearspace.encoders.learned.learned import Learned
from nearspace.errors import DataError
from nearspace.nets.bodies import autoencoder_bodies, start_at_pca

__all__ = ["Autoencoder", "Autoencodes", "NormalPrior", "StartsAtPCA", "batch_for_pca"]

ROWS_FOR_PCA, VALUES_FOR_PCA = 10_000, 2**27


def batch_for_pca(batches: Batches) -> Tensor:
    """Return the items, drawn at random, whose principal components are taken: at most 10,000."""
    most = min(ROWS_FOR_PCA, VALUES_FOR_PCA // batches.blank(1).numel())
    return batches[torch.randperm(len(batches))[:most]]


class Autoencodes(Learned):
    """An encoder that learns with a mirror decoder to say items in few numbers."""

    kinds = frozenset({Image, Vector})
    learns = "items"
    mirrored = True
    default_steps = 5000
    dim: int
    hidden: tuple[int, ...]
    body: str

    def bodies(self, latent: int, linear_path: bool = False) -> nn.ModuleDict:
        """Return the encoder, which puts out ``latent`` numbers, and its mirror decoder."""
        return autoencoder_bodies(
            self.shape_, self.hidden, latent, self.dim, self.body, linear_path
        )

    def squared_error(self, decoded: Tensor, batch: Tensor) -> Tensor:
        """Return the mean squared error of what a decoder put out."""
        return F.mse_loss(self.kind_.values(decoded), batch)


class StartsAtPCA(Autoencodes):
    """An autoencoder with a linear path beside both networks, which is PCA before training."""

    def build(self) -> nn.ModuleDict:
        """Return the encoder and its mirror decoder, each with a linear path beside it."""
        return self.bodies(self.dim, linear_path=True)

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make the networks the principal component analysis of the items."""
        start_at_pca(nets, batch_for_pca(batches))


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
class Autoencoder(StartsAtPCA):
    """An autoencoder trained on squared error (Hinton & Salakhutdinov, 2006).

    The bottleneck is linear, the output of images goes through a sigmoid. Principal component
    analysis stands as a fixed linear path beside both networks, which start at zero: training
    begins where that ends.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn"}, default="auto"
        Perceptrons or convolutions; of themselves very large images get convolutions.
    layer, pool, epochs, batch_size, learning_rate, random_state, kind, device, precision, verbose
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> encoder = Autoencoder(dim=8, epochs=2).fit(digits)
    >>> encoder.inverse_transform(encoder.transform(digits[:3])).shape
    (3, 8, 8, 1)
    """

    dim: int = 32
    hidden: tuple[int, ...] = (512, 256, 128)
    body: str = "auto"

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of the reconstruction."""
        decoded = nets["decoder"](nets["encoder"](batch))
        return {"reconstruction": self.squared_error(decoded, batch)}
