"""`AlexNet`: eight layers trained to classify images, each of which can be the space."""

from __future__ import annotations

import dataclasses

from torch import nn

from nearspace.data import Image
from nearspace.encoders.learned.learned import Learned
from nearspace.encoders.learned.supervised import Classifies
from nearspace.nets.alexnet import alexnet

__all__ = ["AlexNet"]


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class AlexNet(Classifies, Learned):
    """A network in the shape of AlexNet (Krizhevsky et al., 2012), scaled to small images.

    Five convolutions ``conv1`` … ``conv5`` and three full layers ``fc6``, ``fc7``, ``fc8``; all
    but the last end in a ReLU, so that exact zeros are units that are switched off.

    Parameters
    ----------
    dim : int, default=128
        Width of ``fc6`` and of ``fc7``.
    layer, pool, epochs, batch_size, learning_rate, random_state, kind, device, precision, verbose
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
    default_steps = 1500

    dim: int = 128

    def build(self) -> nn.ModuleDict:
        """Return the classifier."""
        return nn.ModuleDict({"classifier": alexnet(self.shape_, self.dim, self.outputs_)})
