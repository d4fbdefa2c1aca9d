"""Which body suits which items, and the start of an autoencoder at what is usual among them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nearspace.errors import DataError
from nearspace.nets.convnet import ConvDecoder, convnet
from nearspace.nets.perceptron import PerceptronDecoder, perceptron
from nearspace.nets.temporal import (
    PARTS,
    StepDecoder,
    StepEncoder,
    temporal_convnet,
    temporal_gru,
)

__all__ = ["BODIES", "autoencoder_bodies", "convolutions", "start_at_pca"]

BODIES = ("auto", "mlp", "cnn", "gru")
# Above this many values a perceptron's first layer alone outweighs a convolutional body.
LARGEST_FOR_PERCEPTRON = 4096
# Beside a linear path it learns what is left sooner; then its memory is what bounds it.
LARGEST_BESIDE_LINEAR = 32_768
LEAST_PIXEL = 0.02  # the logit of a pixel of 0 is infinite


def convolutions(shape: Sequence[int], dim: int, outputs: int, last: str) -> nn.Module:
    """Return a convolutional network: over images, or over time where shapes are of two axes.

    Parameters
    ----------
    shape, dim, outputs, last
        As of `convnet` and of `temporal_convnet`.

    Examples
    --------
    >>> for shape in ((1, 8, 8), (4, 30)):
    ...     print([name for name, _ in convolutions(shape, 8, 2, "logits").named_children()])
    ['input', 'conv1', 'conv2', 'fc1', 'logits']
    ['input', 'conv1', 'conv2', 'conv3', 'pool', 'fc1', 'logits']
    """
    return (temporal_convnet if len(shape) == 2 else convnet)(shape, dim, outputs, last)


def autoencoder_bodies(
    shape: Sequence[int],
    hidden: Sequence[int],
    latent: int,
    dim: int,
    body: str = "auto",
    linear_path: bool = False,
) -> nn.ModuleDict:
    """Return an encoder and its mirror decoder: perceptrons, convolutions, or gated units.

    Parameters
    ----------
    shape : sequence of int
        Shape of one item in a batch; of series and sounds ``(channels + 1, time)``.
    hidden : sequence of int
        Widths of the hidden layers; of other bodies than perceptrons only the last is used.
    latent : int
        Width of the encoder's last layer.
    dim : int
        Length of the vectors that the decoder takes.
    body : {"auto", "mlp", "cnn", "gru"}, default="auto"
        Perceptrons, or convolutions, which images, series and sounds can have; or gated units that
        read series and sounds, and convolutions that decode to them. Of themselves series, sounds
        and large images get convolutions.
    linear_path : bool, default=False
        Whether each has a fixed linear map beside it, which `start_at_pca` sets. Those of series
        and sounds have one anyhow, which is trained where it is not fixed.

    Returns
    -------
    nn.ModuleDict
        ``"encoder"`` and ``"decoder"``; the decoder's values are unbounded.

    Raises
    ------
    DataError
        If a body does not take the items.
    """
    if len(shape) == 2:
        return _temporal_bodies(shape, hidden[-1], latent, dim, body, linear_path)
    if body == "gru" or (body == "cnn" and len(shape) != 3):
        takes = "series and sounds" if body == "gru" else "images, series and sounds"
        raise DataError(
            f"The body '{body}' takes {takes}, got items of shape {tuple(shape)}; use body='mlp'."
        )
    largest = LARGEST_BESIDE_LINEAR if linear_path else LARGEST_FOR_PERCEPTRON
    large = len(shape) == 3 and math.prod(shape) > largest
    encoder: nn.Module
    decoder: nn.Module
    if body == "cnn" or (body == "auto" and large):
        encoder = convnet(shape, hidden[-1], latent, last="latent")
        decoder = ConvDecoder(dim, hidden[-1], shape)
    else:
        encoder = perceptron(shape, hidden, latent, last="latent")
        decoder = PerceptronDecoder(dim, hidden, shape)
    if linear_path:
        encoder = LinearPathEncoder(encoder, shape, latent)
        decoder = LinearPathDecoder(decoder, shape, dim)
    return nn.ModuleDict({"encoder": encoder, "decoder": decoder})


def _temporal_bodies(
    shape: Sequence[int], hidden: int, latent: int, dim: int, body: str, linear_path: bool
) -> nn.ModuleDict:
    if body == "mlp":
        raise DataError(
            "The body 'mlp' takes items of one length, got series or sounds; use body='cnn', or "
            "read them resampled (raw | autoencoder)."
        )
    reader = temporal_gru if body == "gru" else temporal_convnet
    net = reader(shape, hidden, latent, last="latent", parts=PARTS)
    encoder, decoder = StepEncoder(net, shape, latent), StepDecoder(dim, hidden, shape)
    for path in (encoder.linear, decoder.linear) if linear_path else ():
        path.requires_grad_(False)
    return nn.ModuleDict({"encoder": encoder, "decoder": decoder})


class LinearPathEncoder(nn.Module):
    """A fixed linear map of the item, and what a network adds to it."""

    def __init__(self, net: nn.Module, shape: Sequence[int], dim: int):
        super().__init__()
        self.linear = _no_map(math.prod(shape), dim, value=0.0)
        self.net = net
        self.code = nn.Identity()  # the sum, as a layer with a name

    def flat(self, batch: Tensor) -> Tensor:
        """Return what the linear map takes."""
        return batch.flatten(1)

    def forward(self, batch: Tensor) -> Tensor:
        """Return vectors ``(batch, dim)`` of items ``(batch, *shape)``."""
        return self.code(self.linear(self.flat(batch)) + self.net(batch))


class LinearPathDecoder(nn.Module):
    """A fixed linear map back to the item, and what a network adds; of images both are logits."""

    def __init__(self, net: nn.Module, shape: Sequence[int], dim: int):
        super().__init__()
        self.net, self.shape = net, tuple(shape)
        self.linear = _no_map(dim, math.prod(shape), value=0.5 if len(shape) == 3 else 0.0)

    def forward(self, z: Tensor) -> Tensor:
        """Return items ``(batch, *shape)`` of vectors ``(batch, dim)``."""
        values = self.linear(z).reshape(len(z), *self.shape)
        if len(self.shape) == 3:
            values = values.clamp(LEAST_PIXEL, 1 - LEAST_PIXEL).logit()
        return values + self.net(z)


def _no_map(inputs: int, outputs: int, value: float) -> nn.Linear:
    """Return a frozen linear map that gives ``value`` for everything, without a random number."""
    linear = nn.utils.skip_init(nn.Linear, inputs, outputs, device=torch.get_default_device())
    nn.init.zeros_(linear.weight)
    nn.init.constant_(linear.bias, value)
    return linear.requires_grad_(False)


def start_at_pca(bodies: nn.ModuleDict, batch: Tensor) -> None:
    """Make an untrained autoencoder with linear paths the principal component analysis of items.

    The linear paths become the principal axes, the last layers of the networks zero: training
    begins where PCA ends.

    Parameters
    ----------
    bodies : nn.ModuleDict
        What `autoencoder_bodies` returned for ``linear_path=True``.
    batch : Tensor of shape (n, ...)
        Items as the encoder takes them.

    Examples
    --------
    >>> bodies = autoencoder_bodies((6,), (16,), latent=6, dim=6, linear_path=True).eval()
    >>> items = torch.rand(20, 6)
    >>> start_at_pca(bodies, items)
    >>> bool((bodies["decoder"](bodies["encoder"](items)) - items).abs().max() < 1e-4)
    True
    """
    encoder, decoder = bodies["encoder"], bodies["decoder"]
    assert isinstance(encoder, LinearPathEncoder | StepEncoder)
    assert isinstance(decoder, LinearPathDecoder | StepDecoder)
    into, out = encoder.linear, decoder.linear
    flat = encoder.flat(batch)
    mean, most = flat.mean(dim=0), min(flat.shape)
    _, spread, axes = torch.pca_lowrank(flat - mean, min(into.out_features + 8, most), center=False)
    axes = axes[:, : into.out_features]
    count = axes.shape[1]
    scale = spread[0] / math.sqrt(len(flat))  # the first dimension varies by 1
    if scale < 1e-6:  # the items are all the same
        scale = torch.ones_like(scale)
    with torch.no_grad():
        into.weight[:count] = axes.T / scale
        into.bias[:count] = -(mean @ axes) / scale
        out.weight[:, :count] = axes * scale
        out.bias.copy_(mean)
        for net in (encoder.net, decoder.net):
            last = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)][
                -1
            ]
            for parameter in last.parameters():
                parameter.zero_()
