"""Networks that learn labels; the layer before the logits, or any other, is the space."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor, nn

from nearspace.data import Audio, Image, Series, Target, Vector
from nearspace.encoders.layers import Layers
from nearspace.encoders.learned.learned import Learned
from nearspace.nets.bodies import convolutions
from nearspace.nets.convnet import alexnet
from nearspace.nets.layers import as_vectors, layer_names, output_of
from nearspace.nets.perceptron import perceptron

__all__ = ["CNN", "MLP", "AlexNet", "Classifies"]


class Classifies(Layers):
    """A learned encoder that is trained to tell labels, by one network ``"classifier"``.

    Its vectors are the output of ``layer``, or of the last layer before the logits.
    """

    learns = "labels"
    tapped = "classifier"
    pool: str
    target_: str

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the cross entropy of classes, the squared error of numbers."""
        assert labels is not None  # `fit` asked for them
        target = Target.registry[self.target_]
        return {target.loss_name: target.loss(nets["classifier"](batch), labels)}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the output of the last layer before the logits."""
        own = layer_names(nets["classifier"])[-2]
        return as_vectors(output_of(nets["classifier"], own, batch), self.pool)

    @property
    def own_layer(self) -> str:
        """The last layer before the logits."""
        return self.layer_names()[-2]


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class MLP(Classifies, Learned):
    """A perceptron trained to classify, or to tell a number.

    Parameters
    ----------
    hidden : tuple of int, default=(256, 64)
        Widths of the hidden layers ``fc1``, ``fc2``, ….
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits")
    >>> mlp = MLP(epochs=2).fit(digits.items, digits.target)
    >>> mlp.transform(digits.items[:3]).shape, mlp.layer_names()
    ((3, 64), ['fc1', 'fc2', 'logits'])
    """

    kinds = frozenset({Image, Vector})
    default_steps = 2000

    hidden: tuple[int, ...] = (256, 64)

    def build(self) -> nn.ModuleDict:
        """Return the classifier."""
        net = perceptron(self.shape_, self.hidden, self.outputs_, last="logits")
        return nn.ModuleDict({"classifier": net})


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class CNN(Classifies, Learned):
    """A small convolutional network trained to classify images, series or sounds, or tell numbers.

    Parameters
    ----------
    dim : int, default=64
        Width of ``fc1``, the hidden layer after the convolutions ``conv1``, ``conv2``, ….
    views : bool, optional
        Whether training sees a random view of an item in place of the item, as `SimCLR` does; when
        absent of series and sounds, and not of images.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`; the learning rate is 5e-3 when absent.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits")
    >>> cnn = CNN(epochs=1).fit(digits.items, digits.target)
    >>> cnn.layer_names()
    ['conv1', 'conv2', 'fc1', 'logits']
    >>> cnn.set_params(layer="conv2").transform(digits.items[:3]).shape
    (3, 128)
    """

    kinds = frozenset({Image, Series, Audio})
    effort = 10
    default_steps = 1500
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "views": ["boolean", None],
    }

    dim: int = 64
    views: bool | None = None
    learning_rate: float = 5e-3

    def build(self) -> nn.ModuleDict:
        """Return the classifier."""
        net = convolutions(self.shape_, self.dim, self.outputs_, last="logits")
        return nn.ModuleDict({"classifier": net})

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the cross entropy of classes, the squared error of numbers."""
        if nets.training and (self.over_time if self.views is None else self.views):
            batch = self.kind_.views(batch, generator)
        return super().losses(nets, batch, labels, generator)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class AlexNet(Classifies, Learned):
    """A network in the shape of AlexNet (Krizhevsky et al., 2012), scaled to small images.

    Five convolutions ``conv1`` … ``conv5`` and three full layers ``fc6``, ``fc7``, ``fc8``; all
    but the last end in a ReLU, so that exact zeros are units that are switched off.

    Parameters
    ----------
    dim : int, default=128
        Width of ``fc6`` and of ``fc7``.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits")
    >>> alexnet = AlexNet(epochs=1).fit(digits.items, digits.target)
    >>> alexnet.layer_names()
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']
    >>> alexnet.set_params(layer="conv5", pool="mean").transform(digits.items[:3]).shape
    (3, 40)
    """

    kinds = frozenset({Image})
    effort = 10
    default_steps = 1500

    dim: int = 128

    def build(self) -> nn.ModuleDict:
        """Return the classifier."""
        return nn.ModuleDict({"classifier": alexnet(self.shape_, self.dim, self.outputs_)})
