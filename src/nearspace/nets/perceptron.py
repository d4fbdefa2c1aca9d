"""Perceptrons: an encoder over flat input and the decoder that mirrors it."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["PerceptronDecoder", "hidden_block", "perceptron"]


def hidden_block(inputs: int, outputs: int, activation: nn.Module | None = None) -> nn.Sequential:
    """Return one hidden layer: linear, batch normalisation, GELU or another activation."""
    # The bias would be undone by the normalisation that follows.
    linear = nn.Linear(inputs, outputs, bias=False)
    return nn.Sequential(linear, nn.BatchNorm1d(outputs), activation or nn.GELU())


def perceptron(shape: Sequence[int], widths: Sequence[int], outputs: int, last: str) -> nn.Module:
    """Return a network from items of ``shape`` through hidden layers to ``outputs`` numbers.

    Parameters
    ----------
    shape : sequence of int
        Shape of one item as it comes in a batch, without the batch axis.
    widths : sequence of int
        Widths of the hidden layers, which are called ``fc1``, ``fc2``, ….
    outputs : int
        Width of the last, linear layer.
    last : str
        Name of the last layer.

    Examples
    --------
    >>> import torch
    >>> net = perceptron((1, 8, 8), (32, 16), outputs=4, last="latent")
    >>> [name for name, _ in net.named_children()]
    ['input', 'fc1', 'fc2', 'latent']
    >>> net(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 4])
    """
    sizes = [math.prod(shape), *widths]
    layers: list[tuple[str, nn.Module]] = [("input", nn.Flatten())]
    for index, (inputs, width) in enumerate(itertools.pairwise(sizes), start=1):
        layers.append((f"fc{index}", hidden_block(inputs, width)))
    layers.append((last, nn.Linear(sizes[-1], outputs)))
    return nn.Sequential(OrderedDict(layers))


class PerceptronDecoder(nn.Module):
    """The mirror of `perceptron`: from ``dim`` numbers back to items of ``shape``.

    Parameters
    ----------
    dim : int
        Length of the vectors that come in.
    widths : sequence of int
        Widths of the encoder's hidden layers, in the encoder's order.
    shape : sequence of int
        Shape of the items that go out; they are unbounded (logits, where pixels are meant).
    """

    def __init__(self, dim: int, widths: Sequence[int], shape: Sequence[int]):
        super().__init__()
        self.shape = tuple(shape)
        self.net = perceptron((dim,), tuple(reversed(widths)), math.prod(shape), last="output")

    def forward(self, z: Tensor) -> Tensor:
        """Return items, shape ``(batch, *shape)``, of vectors, shape ``(batch, dim)``."""
        return self.net(z).reshape(len(z), *self.shape)
