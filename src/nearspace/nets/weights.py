"""Networks of given weights, built without drawing any at random first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import torch
from torch import nn

__all__ = ["build_with"]


def build_with(
    build: Callable[[], nn.ModuleDict],
    arrays: Mapping[str, np.ndarray],
    names: Collection[str] | None = None,
) -> nn.ModuleDict:
    """Return networks that have given weights, in eval mode.

    They are built on PyTorch's meta device, where nothing is computed or drawn. A buffer that is
    not of the ``state_dict`` has to be made on a device of its own choice.

    Parameters
    ----------
    build : callable
        Gives the networks.
    arrays : mapping of str to ndarray
        Their weights, by the names of the ``state_dict``; not copied where that can be helped.
    names : collection of str, optional
        Those networks that are wanted; all when absent.

    Raises
    ------
    ValueError
        If weights are missing, too many, or of another shape.

    Examples
    --------
    >>> like = nn.ModuleDict({"map": nn.Linear(2, 1)})
    >>> weights = {name: tensor.numpy() for name, tensor in like.state_dict().items()}
    >>> again = build_with(lambda: nn.ModuleDict({"map": nn.Linear(2, 1)}), weights)
    >>> bool((again["map"].weight == like["map"].weight).all())
    True
    """
    with torch.device("meta"):
        nets = build()
    nets = nn.ModuleDict({name: nets[name] for name in (nets if names is None else names)})
    empty = nets.state_dict()
    # A single number was written as an array of one.
    wanted = {name: tuple(tensor.shape) or (1,) for name, tensor in empty.items()}
    given = {name: array.shape for name, array in arrays.items()}
    for name in [*wanted, *given]:
        if wanted.get(name) != given.get(name):
            raise ValueError(
                f"the weights '{name}' have shape {given.get(name, 'none')}, expected "
                f"{wanted.get(name, 'none')}"
            )
    weights = {name: _laid_out(arrays[name], like) for name, like in empty.items()}
    nets.load_state_dict(weights, assign=True)
    return nets.eval()


def _laid_out(array: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """Return an array as a tensor of the type and memory layout of one on the meta device."""
    tensor = torch.from_numpy(array).reshape(like.shape)
    if (tensor.dtype, tensor.stride()) == (like.dtype, like.stride()):
        return tensor
    return torch.empty_like(like, device="cpu").copy_(tensor)
