"""The autoencoder: learns to say an item in few numbers, and to read them back."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn

from nearspace.data import Image, Kind, Vector
from nearspace.encoders.learned import LEARNED_CONSTRAINTS, DecodesByNetwork, Learned
from nearspace.nets.bodies import BODIES, autoencoder_bodies, start_at_pca
from nearspace.nets.layers import last_width

__all__ = ["Autoencoder", "rows_for_pca", "squared_error"]

ROWS_FOR_PCA, VALUES_FOR_PCA = 10_000, 2**27


def rows_for_pca(x: Tensor) -> Tensor:
    """Return the items, drawn at random, whose principal components are taken: at most 10,000."""
    most = min(ROWS_FOR_PCA, VALUES_FOR_PCA // x[0].numel())
    return x[torch.randperm(len(x))[:most]]


def squared_error(kind: Kind, decoded: Tensor, batch: Tensor) -> Tensor:
    """Return the mean squared error of what a decoder put out: of images, logits of pixels."""
    return F.mse_loss(decoded.sigmoid() if isinstance(kind, Image) else decoded, batch)


class Autoencoder(DecodesByNetwork, Learned):
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
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **LEARNED_CONSTRAINTS,
        "body": [StrOptions(set(BODIES))],
    }

    def __init__(
        self,
        dim: int = 32,
        *,
        hidden: tuple[int, ...] = (512, 256, 128),
        body: str = "auto",
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
        """Return the encoder and its mirror decoder, each with a linear path beside it."""
        dim = self.dim
        return autoencoder_bodies(self.shape_, self.hidden, dim, dim, self.body, linear_path=True)

    def start(self, nets: nn.ModuleDict, x: Tensor) -> None:
        """Make the networks the principal component analysis of the items."""
        start_at_pca(nets, self._to_float(rows_for_pca(x)))

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of the reconstruction."""
        decoded = nets["decoder"](nets["encoder"](batch))
        return {"reconstruction": squared_error(self.kind_, decoded, batch)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the bottleneck."""
        return nets["encoder"](batch)

    @property
    def _n_features_out(self) -> int:
        return last_width(self.nets_["encoder"])
