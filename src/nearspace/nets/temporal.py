"""Networks that read series and sounds of any length, and decoders to those of one length."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nearspace.data.padded import places_at
from nearspace.nets.perceptron import hidden_block
from nearspace.nets.steps import AlsoCentred, ConvSteps, GRUSteps, StepPool

__all__ = [
    "Outline",
    "StepDecoder",
    "StepEncoder",
    "StepMaps",
    "temporal_convnet",
    "temporal_gru",
    "temporal_strides",
]

NARROW, WIDE = 64, 128  # the first two convolutions, at which time is long, and all behind them
FIRST_KERNEL, KERNEL, DECODER_KERNEL = 7, 5, 3
ENOUGH = 16  # steps of the longest item, at which no stride is needed any more
MOST_RECURRENT = 128  # steps that gated units go through one by one
MOST_TIMES = 256  # of an outline
SHARPNESS = 16.0  # logits between an item of no steps and one of all
PARTS = 4  # of an item's time of which an autoencoder has a mean each


def temporal_strides(longest: int) -> tuple[int, ...]:
    """Return the stride of each convolution: time is halved until about 16 steps are left.

    Examples
    --------
    >>> temporal_strides(20), temporal_strides(150), temporal_strides(1000)
    ((1, 2, 2), (1, 2, 2, 2, 2), (1, 2, 2, 2, 2, 2, 2))
    """
    halvings = math.ceil(math.log2(max(1, longest / ENOUGH)))
    return (1, *[2] * max(2, halvings))


def temporal_convnet(
    shape: Sequence[int], dim: int, outputs: int, last: str, parts: int = 1
) -> nn.Sequential:
    """Return a network of steps: convolutions over time, pooling, ``fc1``, ``last``.

    Parameters
    ----------
    shape : (channels + 1, time)
        Of an item in a batch, whose last channel is the mask; items of any other length fit too.
    dim : int
        Width of ``fc1``, the hidden layer after ``conv1``, ``conv2``, … and ``pool``.
    outputs : int
        Width of the last, linear layer.
    last : str
        Name of the last layer.
    parts : int, default=1
        See `StepPool`.

    Examples
    --------
    >>> net = temporal_convnet((4, 100), dim=32, outputs=5, last="logits")
    >>> [name for name, _ in net.named_children()]
    ['input', 'conv1', 'conv2', 'conv3', 'conv4', 'pool', 'fc1', 'logits']
    >>> net(torch.ones(2, 4, 30)).shape
    torch.Size([2, 5])
    """
    channels, longest = shape
    layers: list[tuple[str, nn.Module]] = [("input", AlsoCentred())]
    width = 2 * (channels - 1)
    for number, stride in enumerate(temporal_strides(longest), start=1):
        inputs, width = width, NARROW if number <= 2 else WIDE
        kernel = FIRST_KERNEL if number == 1 else KERNEL
        layers.append((f"conv{number}", ConvSteps(inputs, width, kernel, stride)))
    return nn.Sequential(OrderedDict([*layers, *_ending(width, dim, outputs, last, parts)]))


def temporal_gru(
    shape: Sequence[int], dim: int, outputs: int, last: str, parts: int = 1
) -> nn.Sequential:
    """Return a network of steps: gated units that read in both directions, pooling, ``last``.

    Before ``gru1`` and ``gru2`` stands a convolution, which brings long items to a hundred steps.

    Parameters
    ----------
    shape, dim, outputs, last, parts
        As of `temporal_convnet`.

    Examples
    --------
    >>> net = temporal_gru((4, 1000), dim=32, outputs=5, last="latent")
    >>> [name for name, _ in net.named_children()]
    ['input', 'conv1', 'gru1', 'gru2', 'pool', 'fc1', 'latent']
    """
    channels, longest = shape
    stride = max(1, math.ceil(longest / MOST_RECURRENT))
    kernel = max(FIRST_KERNEL, 2 * stride + 1)
    layers: list[tuple[str, nn.Module]] = [
        ("input", AlsoCentred()),
        ("conv1", ConvSteps(2 * (channels - 1), NARROW, kernel, stride)),
        ("gru1", GRUSteps(NARROW, WIDE, both=True)),
        ("gru2", GRUSteps(WIDE, WIDE, both=True)),
    ]
    return nn.Sequential(OrderedDict([*layers, *_ending(WIDE, dim, outputs, last, parts)]))


def _ending(
    width: int, dim: int, outputs: int, last: str, parts: int
) -> list[tuple[str, nn.Module]]:
    """Return the layers behind the steps."""
    return [
        ("pool", StepPool(parts)),
        ("fc1", hidden_block((parts + 1) * width, dim)),
        (last, nn.Linear(dim, outputs)),
    ]


class StepMaps(nn.Module):
    """From ``dim`` numbers to channels over so many steps: the mirror of `temporal_convnet`.

    Parameters
    ----------
    dim : int
        Length of the vectors that come in.
    hidden : int
        Width of the hidden layer before the first steps.
    shape : (channels, time)
        Of what goes out.

    Examples
    --------
    >>> StepMaps(8, 32, (4, 50))(torch.zeros(2, 8)).shape
    torch.Size([2, 4, 50])
    """

    def __init__(self, dim: int, hidden: int, shape: Sequence[int]):
        super().__init__()
        channels, longest = shape
        lengths = [longest]
        for stride in temporal_strides(longest)[1:]:
            lengths.append(math.ceil(lengths[-1] / stride))
        self.start = (WIDE, lengths.pop())
        self.linear = nn.Sequential(
            hidden_block(dim, hidden), hidden_block(hidden, math.prod(self.start))
        )
        blocks: list[nn.Module] = []
        width, padding = WIDE, DECODER_KERNEL // 2
        for left, length in reversed([*enumerate(lengths)]):
            inputs, width = width, NARROW if left < 2 else WIDE
            blocks += [
                nn.Upsample(size=length, mode="nearest"),
                nn.Conv1d(inputs, width, DECODER_KERNEL, padding=padding, bias=False),
                nn.BatchNorm1d(width),
                nn.GELU(),
            ]
        blocks.append(nn.Conv1d(width, channels, DECODER_KERNEL, padding=padding))
        self.maps = nn.Sequential(*blocks)

    def forward(self, z: Tensor) -> Tensor:
        """Return channels over time ``(batch, *shape)`` of vectors ``(batch, dim)``."""
        return self.maps(self.linear(z).reshape(len(z), *self.start))


class Outline(nn.Module):
    """Items of any length as equally many numbers: values at as many times, and the length.

    Parameters
    ----------
    shape : (channels + 1, time)
        Of an item in a batch, of which there are as many times as steps, up to 256.

    Examples
    --------
    >>> outline = Outline((2, 3))
    >>> batch = torch.tensor([[[4.0, 8.0, 0.0], [1.0, 1.0, 0.0]]])
    >>> outline(batch)[0, :3].tolist()
    [4.0, 6.0, 8.0]
    >>> outline.steps(outline(batch))[0, 0]
    tensor([4., 8., 8.])
    """

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.channels, self.longest = shape[0] - 1, shape[1]
        self.times = min(self.longest, MOST_TIMES)
        self.size = self.channels * self.times + 1
        # So the length of items varies as a good many of their values together.
        self.weight = 2 * math.sqrt(self.size) / self.longest

    def forward(self, batch: Tensor) -> Tensor:
        """Return outlines ``(n, size)`` of items ``(n, channels + 1, time)``."""
        length = batch[:, -1].sum(dim=1, keepdim=True)
        share = torch.linspace(0, 1, self.times, device=batch.device)
        values = places_at(batch[:, :-1], share * (length - 1).clamp(min=0))
        return torch.cat([values.flatten(1), length * self.weight], dim=1)

    def steps(self, outlines: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the items of outlines, and as the last channel the logit of there being a step.

        Parameters
        ----------
        outlines : Tensor of shape (n, size)
            What networks make of vectors.
        lengths : Tensor of shape (n, 1), optional
            How many steps the items have; what outlines say when absent.

        Returns
        -------
        Tensor of shape (n, channels + 1, longest)
            Behind the end of an item its last values.
        """
        told = outlines[:, -1:] / self.weight
        if lengths is None:
            lengths = told.detach().round().clamp(1, self.longest)
        at = torch.arange(self.longest, device=outlines.device, dtype=outlines.dtype)
        places = at * (self.times - 1) / (lengths - 1).clamp(min=1)
        grid = outlines[:, :-1].reshape(-1, self.channels, self.times)
        logits = (told - at - 0.5) * (SHARPNESS / self.longest)
        return torch.cat([places_at(grid, places), logits[:, None]], dim=1)


class StepEncoder(nn.Module):
    """A linear map of an item's outline, and what a network that reads its steps adds to it.

    Parameters
    ----------
    net : nn.Module
        From items to vectors.
    shape : (channels + 1, time)
        Of an item.
    dim : int
        Length of the vectors.
    """

    def __init__(self, net: nn.Module, shape: Sequence[int], dim: int):
        super().__init__()
        self.input = Outline(shape)
        self.linear = nn.Linear(self.input.size, dim)
        self.net = net
        self.code = nn.Identity()  # the sum, as a layer with a name
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def flat(self, batch: Tensor) -> Tensor:
        """Return what the linear map takes."""
        return self.input(batch)

    def forward(self, batch: Tensor) -> Tensor:
        """Return vectors ``(n, dim)`` of items ``(n, channels + 1, time)``."""
        return self.code(self.linear(self.input(batch)) + self.net(batch))


class StepDecoder(nn.Module):
    """A linear map back to outlines of items, and what a network adds to it.

    Parameters
    ----------
    dim : int
        Length of the vectors that come in.
    hidden : int
        Width of the network's hidden layer.
    shape : (channels + 1, time)
        Of the items that go out, whose last channel is the logit of there being a step.

    Examples
    --------
    >>> StepDecoder(8, 32, (4, 50))(torch.zeros(2, 8)).shape
    torch.Size([2, 4, 50])
    """

    def __init__(self, dim: int, hidden: int, shape: Sequence[int]):
        super().__init__()
        self.outline = Outline(shape)
        self.linear = nn.Linear(dim, self.outline.size)
        self.net = StepMaps(dim, hidden, (shape[0], self.outline.times))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, z: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return items ``(n, channels + 1, time)`` of vectors ``(n, dim)``, see `Outline.steps`."""
        added = self.net(z)
        length = added[:, -1].mean(dim=1, keepdim=True)
        outlines = self.linear(z) + torch.cat([added[:, :-1].flatten(1), length], dim=1)
        return self.outline.steps(outlines, lengths)

    def start_at(self, batch: Tensor) -> None:
        """Make what is decoded of a vector of zeros the mean of items."""
        with torch.no_grad():
            self.linear.bias.copy_(self.outline(batch).mean(dim=0))
