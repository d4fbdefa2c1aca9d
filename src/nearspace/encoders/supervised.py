"""Networks that learn to classify; the layer before the logits, or any other, is the space."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn

from nearspace.data import Image, Kind, Vector
from nearspace.encoders.base import Layers
from nearspace.encoders.learned import LEARNED_CONSTRAINTS, Learned, torch_device
from nearspace.nets.convnet import convnet
from nearspace.nets.layers import as_vectors, layer_names, tap
from nearspace.nets.perceptron import perceptron

__all__ = ["CLASSIFIER_CONSTRAINTS", "CNN", "MLP", "Classifies"]

CLASSIFIER_CONSTRAINTS: dict[str, list] = {
    **LEARNED_CONSTRAINTS,
    "layer": [str, None],
    "pool": [StrOptions({"flatten", "mean", "max"})],
}


class Classifies(Layers):
    """A learned encoder that is trained to classify, by one network ``"classifier"``.

    Its vectors are the output of ``layer``, or of the last layer before the logits.
    """

    layer: str | None
    pool: str = "flatten"

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the cross entropy of the labels."""
        assert labels is not None  # `fit` asked for them
        return {"cross_entropy": F.cross_entropy(nets["classifier"](batch), labels)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the output of the layer."""
        layer = self.layer or layer_names(nets["classifier"])[-2]
        return as_vectors(tap(nets["classifier"], [layer], batch)[layer], self.pool)

    def layer_names(self) -> list[str]:
        """Return the names of the layers of the fitted network."""
        assert isinstance(self, Learned)
        return layer_names(self.nets_["classifier"])

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for a batch of items."""
        assert isinstance(self, Learned)
        device = torch_device(self.device)
        batch = self.kind_.tensor(self._check(X, reset=False)).to(device)
        return tap(self.nets_["classifier"].to(device), names, self._to_float(batch))

    @property
    def _n_features_out(self) -> int:
        assert isinstance(self, Learned)
        return self.embed(self.nets_, self._blank(self.nets_)).shape[1]


class MLP(Classifies, Learned):
    """A perceptron trained to classify.

    Parameters
    ----------
    hidden : tuple of int, default=(256, 64)
        Widths of the hidden layers ``fc1``, ``fc2``, ….
    layer : str, optional
        The layer whose output is the vector; the last one before ``logits`` when absent.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 2,000 steps,
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
    >>> digits = load("digits")
    >>> mlp = MLP(epochs=2).fit(digits.items, digits.labels)
    >>> mlp.transform(digits.items[:3]).shape, mlp.layer_names()
    ((3, 64), ['fc1', 'fc2', 'logits'])
    """

    kinds = frozenset({Image, Vector})
    learns = "labels"
    default_steps = 2000
    fit_free_params = frozenset({"layer"})
    _parameter_constraints: ClassVar[dict[str, list]] = CLASSIFIER_CONSTRAINTS

    def __init__(
        self,
        hidden: tuple[int, ...] = (256, 64),
        *,
        layer: str | None = None,
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        random_state: Any = 0,
        kind: Kind | None = None,
        device: str = "auto",
        precision: str = "32-true",
        verbose: bool = False,
    ):
        self.hidden = hidden
        self.layer = layer
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.kind = kind
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def build(self) -> nn.ModuleDict:
        """Return the classifier."""
        net = perceptron(self.shape_, self.hidden, len(self.classes_), last="logits")
        return nn.ModuleDict({"classifier": net})


class CNN(Classifies, Learned):
    """A small convolutional network trained to classify images.

    Parameters
    ----------
    dim : int, default=64
        Width of ``fc1``, the hidden layer after the convolutions ``conv1``, ``conv2``, ….
    layer : str, optional
        The layer whose output is the vector; ``fc1`` when absent.
    pool : {"flatten", "mean", "max"}, default="flatten"
        What becomes of the places of a feature map.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 1,500 steps,
        fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most; a tenth of the training items where that is fewer.
    learning_rate : float, default=5e-3
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
    >>> digits = load("digits")
    >>> cnn = CNN(epochs=1).fit(digits.items, digits.labels)
    >>> cnn.layer_names()
    ['conv1', 'conv2', 'fc1', 'logits']
    >>> cnn.set_params(layer="conv2").transform(digits.items[:3]).shape
    (3, 128)
    """

    kinds = frozenset({Image})
    learns = "labels"
    default_steps = 1500
    fit_free_params = frozenset({"layer", "pool"})
    _parameter_constraints: ClassVar[dict[str, list]] = CLASSIFIER_CONSTRAINTS

    def __init__(
        self,
        dim: int = 64,
        *,
        layer: str | None = None,
        pool: str = "flatten",
        epochs: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 5e-3,
        random_state: Any = 0,
        kind: Kind | None = None,
        device: str = "auto",
        precision: str = "32-true",
        verbose: bool = False,
    ):
        self.dim = dim
        self.layer = layer
        self.pool = pool
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.kind = kind
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def build(self) -> nn.ModuleDict:
        """Return the classifier."""
        net = convnet(self.shape_, self.dim, len(self.classes_), last="logits")
        return nn.ModuleDict({"classifier": net})
