"""The denoising autoencoder: learns to undo the noise that it is given."""

from __future__ import annotations

import dataclasses
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data.batches import Stacked
from nearspace.encoders.exhibits import Restores
from nearspace.encoders.learned.autoencoder import StartsAtPCA
from nearspace.encoders.learned.learned import Learned

__all__ = ["DenoisingAutoencoder"]

CORRUPTIONS = ("gaussian", "masking", "salt_and_pepper")
FAR = 2.0  # standard deviations: what salt and pepper are where values have no bounds


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class DenoisingAutoencoder(Restores, StartsAtPCA):
    """A denoising autoencoder (Vincent et al., 2010): noise is put on each item, and to be undone.

    The network is given the corrupted item; its error is taken against the clean one. Vectors
    come of clean items.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    corruption : {"gaussian", "salt_and_pepper", "masking"}, default="gaussian"
        Normal noise on every value; values set to the lowest or the highest (of vectors two
        deviations from the mean); or values set to zero (of vectors to the mean).
    amount : float, default=0.3
        Standard deviation of the Gaussian noise, where pixels are in [0, 1] and the columns of
        vectors have deviation 1; otherwise the share of values that is set.
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
    >>> encoder = DenoisingAutoencoder(corruption="salt_and_pepper", epochs=2).fit(digits)
    >>> given, restored = encoder.restore(digits[:3], random_state=0)
    >>> given.shape, restored.shape
    ((3, 8, 8, 1), (3, 8, 8, 1))
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "corruption": [StrOptions(set(CORRUPTIONS))],
        "amount": [Interval(Real, 0, None, closed="neither")],
    }

    dim: int = 32
    corruption: str = "gaussian"
    amount: float = 0.3
    hidden: tuple[int, ...] = (512, 256, 128)
    body: str = "auto"

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of what was made of corrupted items."""
        decoded = nets["decoder"](nets["encoder"](self._corrupt(batch, generator)))
        return {"reconstruction": self.squared_error(decoded, batch)}

    def _corrupt(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a float batch with noise on it, random numbers being of the batch's device."""
        low, high = self.kind_.bounds or (-FAR, FAR)

        def random(draw: str) -> Tensor:
            return getattr(torch.empty_like(batch), draw)(generator=generator)

        if self.corruption == "gaussian":
            noisy = batch + self.amount * random("normal_")
            # Where the lowest value is 0, noise leaves no value outside.
            return noisy.clamp(low, high) if low == 0 else noisy
        chosen = random("uniform_") < self.amount
        if self.corruption == "masking":
            return batch.masked_fill(chosen, 0.0)
        ends = torch.where(random("uniform_") < 0.5, low, high)
        return torch.where(chosen, ends, batch)

    def restore(
        self, X: Any, random_state: int | np.random.RandomState | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return items with noise on them, and what the network makes of those."""
        noisy = self._corrupt(*self.batch_and_random(X, random_state))
        vectors = self._run(lambda some: self.embed(self.nets_, some), Stacked(noisy))
        return self._to_items(noisy), self.inverse_transform(vectors.numpy())
