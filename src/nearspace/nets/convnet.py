"""Convolutional networks for small images, and the decoder that mirrors them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nearspace.nets.perceptron import hidden_block

__all__ = ["ChannelsLast", "ConvDecoder", "alexnet", "channels_last", "conv_widths", "convnet"]

# A sixth of the widths of the paper, which keep their proportions.
CONV_WIDTHS = (16, 40, 64, 64, 40)
POOLED = (1, 2, 5)
LARGEST_AT_STRIDE_1 = 48
DROPOUT = 0.5


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


def conv_block(
    inputs: int,
    outputs: int,
    activation: nn.Module,
    kernel: int = 3,
    stride: int = 1,
    pool: bool = True,
) -> nn.Sequential:
    """Return convolution, halving of the side by pooling, batch normalisation, activation."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    # Pooling first: normalisation and activation then cost a quarter.
    pooling = [nn.MaxPool2d(2, ceil_mode=True)] if pool else []
    return nn.Sequential(convolution, *pooling, nn.BatchNorm2d(outputs), activation)


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
        layers.append((f"conv{index}", conv_block(inputs, filters, nn.GELU())))
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


def alexnet(shape: Sequence[int], dim: int, outputs: int) -> nn.Module:
    """Return ``conv1`` … ``conv5``, ``fc6``, ``fc7`` and ``fc8`` after Krizhevsky et al. (2012).

    Every layer but the last ends in a ReLU, so that a number that is exactly zero is a unit that
    is switched off. The kernels are small, as the images are, and the normalisation is that of
    batches. Pooling follows ``conv1``, ``conv2`` and ``conv5``, as in the paper.

    Parameters
    ----------
    shape : (channels, height, width)
        Shape of one image, of any size from 1×1.
    dim : int
        Width of ``fc6`` and of ``fc7``.
    outputs : int
        Width of ``fc8``.

    Examples
    --------
    >>> import torch
    >>> net = alexnet((1, 28, 28), dim=128, outputs=10)
    >>> [name for name, _ in net.named_children()]
    ['input', 'conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'fc8']
    >>> net.eval()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    channels, *sides = shape
    layers: list[tuple[str, nn.Module]] = [("input", ChannelsLast())]
    widths = (channels, *CONV_WIDTHS)
    for number, (inputs, filters) in enumerate(zip(widths, CONV_WIDTHS, strict=False), start=1):
        kernel = 5 if number == 1 else 3
        stride = 2 if number == 1 and min(sides) > LARGEST_AT_STRIDE_1 else 1
        halvings = (stride == 2) + (number in POOLED)
        block = conv_block(inputs, filters, nn.ReLU(), kernel, stride, number in POOLED)
        layers.append((f"conv{number}", block))
        for _ in range(halvings):
            sides = [-(-side // 2) for side in sides]
    flat = CONV_WIDTHS[-1] * sides[0] * sides[1]
    layers.append(("fc6", nn.Sequential(nn.Flatten(), *_full_block(flat, dim))))
    layers.append(("fc7", _full_block(dim, dim)))
    layers.append(("fc8", nn.Linear(dim, outputs)))
    return channels_last(nn.Sequential(OrderedDict(layers)))


def _full_block(inputs: int, outputs: int) -> nn.Sequential:
    """Return dropout, linear layer, batch normalisation, ReLU."""
    return nn.Sequential(nn.Dropout(DROPOUT), *hidden_block(inputs, outputs, nn.ReLU()))
