"""Convolutional networks for small images, and the decoder that mirrors them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nearspace.nets.perceptron import hidden_block

__all__ = ["ChannelsLast", "ConvDecoder", "channels_last", "conv_widths", "convnet"]


def conv_widths(height: int, width: int) -> tuple[int, ...]:
    """Return the channels of each convolution; each halves the sides, until they are about 4.

    Examples
    --------
    >>> conv_widths(8, 8), conv_widths(28, 28), conv_widths(64, 64)
    ((16, 32), (16, 32, 64), (16, 32, 64, 128))
    """
    halvings = math.ceil(math.log2(max(1, min(height, width) / 4)))
    return tuple(min(16 * 2**i, 256) for i in range(max(2, halvings)))


class ChannelsLast(nn.Module):
    """Lays images out with their channels last, which convolutions are about twice as fast on."""

    def forward(self, batch: Tensor) -> Tensor:
        """Return the same values in another layout."""
        return batch.contiguous(memory_format=torch.channels_last)


def channels_last(net: nn.Module) -> nn.Module:
    """Return a network whose weights lie as `ChannelsLast` lays images out."""
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """Return 3×3 convolution, halving of the side, batch normalisation, GELU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        # Pooling first: normalisation and activation then cost a quarter.
        nn.MaxPool2d(2, ceil_mode=True),
        nn.BatchNorm2d(outputs),
        nn.GELU(),
    )


def convnet(shape: Sequence[int], dim: int, outputs: int, last: str) -> nn.Module:
    """Return a network of images ``(channels, height, width)``: convolutions, ``fc1``, ``last``.

    Parameters
    ----------
    shape : (channels, height, width)
        Shape of one image.
    dim : int
        Width of ``fc1``, the hidden layer after the convolutions ``conv1``, ``conv2``, ….
    outputs : int
        Width of the last, linear layer.
    last : str
        Name of the last layer.

    Examples
    --------
    >>> import torch
    >>> net = convnet((1, 28, 28), dim=64, outputs=10, last="logits")
    >>> [name for name, _ in net.named_children()]
    ['input', 'conv1', 'conv2', 'conv3', 'fc1', 'logits']
    >>> net(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    channels, height, width = shape
    widths = conv_widths(height, width)
    layers: list[tuple[str, nn.Module]] = [("input", ChannelsLast())]
    for index, (inputs, filters) in enumerate(zip((channels, *widths), widths, strict=False), 1):
        layers.append((f"conv{index}", conv_block(inputs, filters)))
        height, width = -(-height // 2), -(-width // 2)
    flat = widths[-1] * height * width
    layers.append(("fc1", nn.Sequential(nn.Flatten(), *hidden_block(flat, dim))))
    layers.append((last, nn.Linear(dim, outputs)))
    return channels_last(nn.Sequential(OrderedDict(layers)))


class ConvDecoder(nn.Module):
    """The mirror of `convnet`: from ``dim`` numbers to images of ``shape``.

    Parameters
    ----------
    dim : int
        Length of the vectors that come in.
    hidden : int
        Width of the hidden layer before the first map.
    shape : (channels, height, width)
        Shape of the images that go out; their values are unbounded (logits of pixels).
    """

    def __init__(self, dim: int, hidden: int, shape: Sequence[int]):
        super().__init__()
        channels, height, width = shape
        widths = conv_widths(height, width)
        sides = [(height, width)]
        for _ in widths:
            sides.append((-(-sides[-1][0] // 2), -(-sides[-1][1] // 2)))
        self.start = (widths[-1], *sides[-1])
        self.linear = nn.Sequential(
            hidden_block(dim, hidden),
            hidden_block(hidden, widths[-1] * sides[-1][0] * sides[-1][1]),
        )
        blocks: list[nn.Module] = []
        steps = list(zip(reversed(widths), (*reversed(widths[:-1]), widths[0]), strict=True))
        for (inputs, outputs), side in zip(steps, reversed(sides[:-1]), strict=True):
            blocks += [
                nn.Upsample(size=side, mode="nearest"),
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.GELU(),
            ]
        blocks.append(nn.Conv2d(widths[0], channels, 3, padding=1))
        self.maps = channels_last(nn.Sequential(ChannelsLast(), *blocks))

    def forward(self, z: Tensor) -> Tensor:
        """Return images ``(batch, channels, height, width)`` of vectors ``(batch, dim)``."""
        return self.maps(self.linear(z).reshape(len(z), *self.start))
