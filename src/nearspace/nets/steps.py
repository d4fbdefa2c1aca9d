"""Steps of series and sounds inside networks: layers that padding cannot touch, and pooling.

What goes into a layer and comes out of it is a tensor ``(items, width + 1, time)``, whose last
channel is the mask: 1 where an item has a step and 0 behind its end, where the others are 0 as
well. So the output of any layer tells where items end, however much a stride has shortened time.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

__all__ = [
    "AlsoCentred",
    "ConvSteps",
    "GRUSteps",
    "StepNorm",
    "StepPool",
    "hidden_stretches",
    "pool_steps",
]

MOMENTUM = 0.1  # of running statistics, as torch has it
EPSILON = 1e-5  # of a variance
POOLS = {"flatten": ("mean", "max"), "mean": ("mean",), "max": ("max",)}


class StepNorm(nn.Module):
    """Batch normalisation over the steps that are there (Ioffe & Szegedy, 2015).

    Parameters
    ----------
    width : int
        How many channels there are beside the mask.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return values ``(n, width, time)`` normalised, those behind the ends too.

        Parameters
        ----------
        values : Tensor of shape (n, width, time)
            Zero where ``mask`` is.
        mask : Tensor of shape (n, 1, time)
            1 where there is a step.
        """
        mean, variance = self.mean, self.variance
        if self.training:
            # What the fused kernel says of all places, of which those behind the ends are zero.
            share = mask.numel() / mask.sum().clamp(min=1)
            variance, mean = torch.var_mean(values, dim=(0, 2), correction=0)
            square, mean = (variance + mean.square()) * share, mean * share
            variance = (square - mean.square()).clamp(min=0)
            with torch.no_grad():
                self.mean.lerp_(mean.float(), MOMENTUM)
                self.variance.lerp_(variance.float(), MOMENTUM)
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        return torch.addcmul((self.bias - mean * scale)[:, None], values, scale[:, None])


class AlsoCentred(nn.Module):
    """Items, and beside each channel the same less its mean over the steps of the item.

    The mean of a band of a sound tells who speaks and into what, but also which vowel it is: so a
    network is given both, with it and without.

    Examples
    --------
    >>> batch = torch.tensor([[[3.0, 5.0, 0.0], [1.0, 1.0, 0.0]]])
    >>> AlsoCentred()(batch)[0, :, :2].tolist()
    [[3.0, 5.0], [-1.0, 1.0], [1.0, 1.0]]
    """

    def forward(self, steps: Tensor) -> Tensor:
        """Return items ``(n, 2 * width + 1, time)`` of items ``(n, width + 1, time)``."""
        values, mask = steps[:, :-1], steps[:, -1:]
        mean = pool_steps(steps, "mean")[:, :, None]
        return torch.cat([values, (values - mean) * mask, mask], dim=1)


class ConvSteps(nn.Module):
    """Convolution over time, normalisation over the steps that are there, GELU.

    Parameters
    ----------
    inputs, outputs : int
        Channels beside the mask, which is an input of the convolution as well: by it the beginning
        and the end of an item are told from values of zero.
    kernel : int
        Steps that a convolution sees, an odd number.
    stride : int, default=1
        Every how many steps there is an output; at least one for an item.

    Examples
    --------
    >>> batch = torch.tensor([[[3.0, 5.0, 7.0, 0.0], [1.0, 1.0, 1.0, 0.0]]])
    >>> ConvSteps(1, 8, kernel=3, stride=2)(batch)[0, -1].tolist()
    [1.0, 1.0]
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv1d(inputs + 1, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = StepNorm(outputs)

    def forward(self, steps: Tensor) -> Tensor:
        """Return steps ``(n, outputs + 1, time)`` of steps ``(n, inputs + 1, time)``."""
        mask = steps[:, -1:, :: self.stride]
        values = F.gelu(self.norm(self.conv(steps) * mask, mask))
        return torch.cat([values * mask, mask], dim=1)


class GRUSteps(nn.Module):
    """A layer of gated recurrent units (Cho et al., 2014) over the steps that are there.

    Parameters
    ----------
    inputs, outputs : int
        Channels beside the mask.
    both : bool, default=False
        Whether half of the units read from the end to the beginning.

    Examples
    --------
    >>> GRUSteps(1, 8, both=True)(torch.ones(2, 2, 5)).shape
    torch.Size([2, 9, 5])
    """

    def __init__(self, inputs: int, outputs: int, both: bool = False):
        super().__init__()
        self.both = both
        units = outputs // 2 if both else outputs
        self.gru = nn.GRU(inputs, units, batch_first=True, bidirectional=both)

    def forward(self, steps: Tensor) -> Tensor:
        """Return steps ``(n, outputs + 1, time)`` of steps ``(n, inputs + 1, time)``."""
        mask, values = steps[:, -1:], steps[:, :-1].transpose(1, 2)
        if self.both:  # what reads backwards has to begin at the end of each item
            lengths = mask.sum(dim=(1, 2)).long().cpu()
            packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
            told, _ = pad_packed_sequence(
                self.gru(packed)[0], batch_first=True, total_length=steps.shape[2]
            )
        else:
            told, _ = self.gru(values)
        return torch.cat([told.transpose(1, 2) * mask, mask], dim=1)


class StepPool(nn.Module):
    """Steps to one vector an item: the means of equal parts of its time, and the maxima of all.

    Parameters
    ----------
    parts : int, default=1
        Of how many parts there is a mean. Of an item of fewer steps, parts share them.

    Examples
    --------
    >>> batch = torch.tensor([[[1.0, 2.0, 6.0, 0.0], [1.0, 1.0, 1.0, 0.0]]])
    >>> StepPool()(batch).tolist(), StepPool(2)(batch)[0, :2].tolist()
    ([[3.0, 6.0]], [1.3333333730697632, 4.666666507720947])
    """

    def __init__(self, parts: int = 1):
        super().__init__()
        self.parts = parts

    def forward(self, steps: Tensor) -> Tensor:
        """Return vectors ``(n, (parts + 1) * width)`` of steps ``(n, width + 1, time)``."""
        if self.parts == 1:
            return pool_steps(steps, "flatten")
        length = steps[:, -1].sum(dim=1)[:, None, None]
        ends = torch.arange(self.parts + 1, device=steps.device)[:, None] / self.parts * length
        at = torch.arange(steps.shape[2], device=steps.device)
        # How much of each step lies in each part, (n, parts, time).
        inside = torch.minimum(ends[:, 1:], at + 1.0) - torch.maximum(ends[:, :-1], at.float())
        weights = inside.clamp(min=0) * (self.parts / length)
        means = torch.einsum("nwt,npt->nwp", steps[:, :-1], weights.to(steps.dtype)).flatten(1)
        return torch.cat([means, pool_steps(steps, "max")], dim=1)


def pool_steps(steps: Tensor, pool: str) -> Tensor:
    """Return one vector an item, of the steps that are there.

    Parameters
    ----------
    steps : Tensor of shape (n, width + 1, time)
        What a layer puts out, its mask last.
    pool : {"flatten", "mean", "max"}
        The mean over the steps, the maximum, or both side by side, for ``"flatten"``: steps of
        several numbers cannot stand in a row.

    Returns
    -------
    Tensor of shape (n, width) or (n, 2 * width)

    Examples
    --------
    >>> batch = torch.tensor([[[-1.0, -3.0, 0.0], [1.0, 1.0, 0.0]]])
    >>> pool_steps(batch, "flatten")
    tensor([[-2., -1.]])
    """
    values, mask = steps[:, :-1], steps[:, -1:]
    pooled = {
        "mean": lambda: values.sum(dim=2) / mask.sum(dim=2).clamp(min=1),
        "max": lambda: values.masked_fill(mask == 0, -torch.inf).amax(dim=2),
    }
    return torch.cat([pooled[name]() for name in POOLS[pool]], dim=1)


def hidden_stretches(
    mask: Tensor, stretch: int, ratio: float, generator: torch.Generator
) -> Tensor:
    """Return which steps of items are hidden, stretch by stretch.

    Parameters
    ----------
    mask : Tensor of shape (n, time)
        1 where an item has a step.
    stretch : int
        How many steps of an item are hidden or seen together.
    ratio : float
        The share of the stretches of each item that is hidden; at least one of them is seen.
    generator : Generator
        Where the random numbers come from, on the device of the mask.

    Returns
    -------
    Tensor of shape (n, time), bool

    Examples
    --------
    >>> hidden_stretches(torch.ones(3, 8), 2, 0.5, torch.Generator().manual_seed(0)).sum(dim=1)
    tensor([4, 4, 4])
    """
    there = mask[:, ::stretch]
    drawn = torch.rand(there.shape, generator=generator, device=mask.device)
    ranks = drawn.masked_fill(there == 0, 2.0).argsort(dim=1).argsort(dim=1)
    stretches = there.sum(dim=1, keepdim=True)
    hidden = ranks < (ratio * stretches).floor().minimum(stretches - 1)
    return hidden.repeat_interleave(stretch, dim=1)[:, : mask.shape[1]] & (mask > 0)
