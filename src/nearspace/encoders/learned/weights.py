"""Networks built around the weights of a file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from nearspace.encoders.state import Weights

__all__ = ["build_with"]


def build_with(build: Callable[[], nn.ModuleDict], weights: Weights) -> nn.ModuleDict:
    """Return networks that have given weights, in eval mode.

    They are built on PyTorch's meta device, where nothing is computed or drawn. A buffer that is
    not of the ``state_dict`` has to be made on a device of its own choice.

    Parameters
    ----------
    build : callable
        Gives the networks, and others that are not wanted.
    weights : Weights
        Those wanted, and their weights, which are not copied where that can be helped.

    Raises
    ------
    ValueError
        If weights are missing, too many, or of another shape.

    Examples
    --------
    >>> like = nn.ModuleDict({"map": nn.Linear(2, 1)})
    >>> arrays = {name: tensor.numpy() for name, tensor in like.state_dict().items()}
    >>> build = lambda: nn.ModuleDict({"map": nn.Linear(2, 1)})
    >>> again = build_with(build, Weights(["map"], arrays))
    >>> bool((again["map"].weight == like["map"].weight).all())
    True
    """
    with torch.device("meta"):
        nets = build()
    nets = nn.ModuleDict({name: nets[name] for name in weights.names})
    empty = nets.state_dict()
    # A single number was written as an array of one.
    wanted = {name: tuple(tensor.shape) or (1,) for name, tensor in empty.items()}
    given = {name: array.shape for name, array in weights.arrays.items()}
    for name in [*wanted, *given]:
        if wanted.get(name) != given.get(name):
            raise ValueError(
                f"the weights '{name}' have shape {given.get(name, 'none')}, expected "
                f"{wanted.get(name, 'none')}"
            )
    for name, like in empty.items():
        dtype = torch.from_numpy(weights.arrays[name]).dtype
        if dtype != like.dtype:
            raise ValueError(f"the weights '{name}' are of {dtype}, expected {like.dtype}")
    laid_out = {name: _laid_out(weights.arrays[name], like) for name, like in empty.items()}
    nets.load_state_dict(laid_out, assign=True)
    return nets.eval()


def _laid_out(array: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Return an array as a tensor of the type and memory layout of one on the meta device."""
    tensor = torch.from_numpy(array).reshape(like.shape)
    if (tensor.dtype, tensor.stride()) == (like.dtype, like.stride()):
        return tensor
    return torch.empty_like(like, device="cpu").copy_(tensor)
