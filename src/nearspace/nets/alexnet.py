"""A network in the shape of AlexNet, scaled to small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from nearspace.nets.convnet import ChannelsLast, channels_last

__all__ = ["alexnet"]

# A sixth of the widths of the paper, which keep their proportions.
CONV_WIDTHS = (16, 40, 64, 64, 40)
POOLED = (1, 2, 5)
LARGEST_AT_STRIDE_1 = 48
DROPOUT = 0.5


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
        block = _conv_block(inputs, filters, kernel, stride, number in POOLED)
        layers.append((f"conv{number}", block))
        for _ in range(halvings):
            sides = [-(-side // 2) for side in sides]
    flat = CONV_WIDTHS[-1] * sides[0] * sides[1]
    layers.append(("fc6", nn.Sequential(nn.Flatten(), *_full_block(flat, dim))))
    layers.append(("fc7", _full_block(dim, dim)))
    layers.append(("fc8", nn.Linear(dim, outputs)))
    return channels_last(nn.Sequential(OrderedDict(layers)))


def _conv_block(inputs: int, outputs: int, kernel: int, stride: int, pool: bool) -> nn.Sequential:
    """Return convolution, halving of the side where asked for, batch normalisation, ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    pooling = [nn.MaxPool2d(2, ceil_mode=True)] if pool else []
    return nn.Sequential(convolution, *pooling, nn.BatchNorm2d(outputs), nn.ReLU())


def _full_block(inputs: int, outputs: int) -> nn.Sequential:
    """Return dropout, linear layer, batch normalisation, ReLU."""
    linear = nn.Linear(inputs, outputs, bias=False)
    return nn.Sequential(nn.Dropout(DROPOUT), linear, nn.BatchNorm1d(outputs), nn.ReLU())
