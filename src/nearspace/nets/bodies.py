"""Which body suits which items."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from nearspace.nets.convnet import ConvDecoder, convnet
from nearspace.nets.perceptron import PerceptronDecoder, perceptron

__all__ = ["autoencoder_bodies"]

# Above this many values a perceptron's first layer alone outweighs a convolutional body.
LARGEST_FOR_PERCEPTRON = 4096


def autoencoder_bodies(
    shape: Sequence[int], hidden: Sequence[int], latent: int, dim: int
) -> nn.ModuleDict:
    """Return an encoder and its mirror decoder: perceptrons, or convolutions for large images.

    Parameters
    ----------
    shape : sequence of int
        Shape of one item in a batch.
    hidden : sequence of int
        Widths of the hidden layers; of a convolutional body only the last is used.
    latent : int
        Width of the encoder's last layer.
    dim : int
        Length of the vectors that the decoder takes.

    Returns
    -------
    nn.ModuleDict
        ``"encoder"`` and ``"decoder"``; the decoder's values are unbounded.
    """
    if len(shape) == 3 and math.prod(shape) > LARGEST_FOR_PERCEPTRON:
        return nn.ModuleDict(
            {
                "encoder": convnet(shape, hidden[-1], latent, last="latent"),
                "decoder": ConvDecoder(dim, hidden[-1], shape),
            }
        )
    return nn.ModuleDict(
        {
            "encoder": perceptron(shape, hidden, latent, last="latent"),
            "decoder": PerceptronDecoder(dim, hidden, shape),
        }
    )
