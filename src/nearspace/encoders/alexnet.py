"""`AlexNet`: eight layers trained to classify images, each of which can be the space."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from nearspace.data import Image, Kind
from nearspace.encoders.learned import Learned
from nearspace.encoders.supervised import CLASSIFIER_CONSTRAINTS, Classifies
from nearspace.nets.alexnet import alexnet

__all__ = ["AlexNet"]


class AlexNet(Classifies, Learned):
    """A network in the shape of AlexNet (Krizhevsky et al., 2012), scaled to small images.

    Five convolutions ``conv1`` … ``conv5`` and three full layers ``fc6``, ``fc7``, ``fc8``; all
    but the last end in a ReLU, so that exact zeros are units that are switched off.

    Parameters
    ----------
    dim : int, default=128
        Width of ``fc6`` and of ``fc7``.
    layer : str, optional
        The layer whose output is the vector; ``fc7`` when absent.
    pool : {"flatten", "mean", "max"}, default="flatten"
        What becomes of the places of a feature map.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about 1,500 steps,
        fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most; a tenth of the training items where that is fewer.
    learning_rate : float, default=3e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order, dropout and held-out part.
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
    >>> alexnet = AlexNet(epochs=1).fit(digits.items, digits.labels)
    >>> alexnet.layer_names()
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']
    >>> alexnet.set_params(layer="conv5", pool="mean").transform(digits.items[:3]).shape
    (3, 40)
    """

    kinds = frozenset({Image})
    learns = "labels"
    default_steps = 1500
    fit_free_params = frozenset({"layer", "pool"})
    _parameter_constraints: ClassVar[dict[str, list]] = CLASSIFIER_CONSTRAINTS

    def __init__(
        self,
        dim: int = 128,
        *,
        layer: str | None = None,
        pool: str = "flatten",
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
        return nn.ModuleDict({"classifier": alexnet(self.shape_, self.dim, len(self.classes_))})
