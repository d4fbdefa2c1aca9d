"""Taps: the outputs of inner layers of any network, and how they become vectors."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from nearspace.errors import DataError, did_you_mean

__all__ = ["POOLS", "as_vectors", "layer_names", "list_layers", "output_of", "tap"]

POOLS = ("flatten", "mean", "max", "cls", "last", "none")
# By how much a row may differ from what the item gives alone, as a share of its length: the
# arithmetic of a GPU rounds to ten bits, that of half precision to as few as seven.
ROW_TOLERANCE, HALF_TOLERANCE = 0.01, 0.05


def layer_names(net: nn.Module) -> list[str]:
    """Return the names of a network's top-level layers, without the reshaping of its input.

    A part whose own parts have names is no layer but a row of them.

    Examples
    --------
    >>> from nearspace.nets.perceptron import perceptron
    >>> layer_names(perceptron((4,), (8,), 2, last="logits"))
    ['fc1', 'logits']
    """
    names: list[str] = []
    for name, part in net.named_children():
        named = not any(inner.isdigit() for inner, _ in part.named_children())
        inner = layer_names(part) if isinstance(part, nn.Sequential) and named else []
        names += [f"{name}.{layer}" for layer in inner] or [name] * (name != "input")
    return names


def list_layers(net: nn.Module, batch: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the shape of what each layer puts out for an item, if it can be tapped, at any depth.

    Parameters
    ----------
    net : nn.Module
        Any network that takes one tensor.
    batch : Tensor of shape (n, ...)
        At least two items: the output of a layer that can be tapped has one row an item, and the
        same row when the item comes alone.

    Returns
    -------
    dict of str to tuple of int
        By the name in ``net.named_modules()``, in the order in which they finish: ``(d,)``,
        ``(tokens, d)`` or ``(channels, height, width)``. Those that put out something else, such
        as a layer that moves the batch axis, are left out.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> list_layers(net, torch.rand(2, 4))
    {'0': (3,), '1': (3,)}
    """
    modules = dict(net.named_modules())
    del modules[""]
    outputs, alone = _run(net, modules, batch), _run(net, modules, batch[-1:])
    return {
        name: tuple(output.shape[1:])
        for name, output in outputs.items()
        if output is not None and not _moved(output, alone[name], len(batch))
    }


def tap(net: nn.Module, names: Sequence[str], batch: Tensor) -> dict[str, Tensor]:
    """Return what layers put out while a network runs on a batch, in eval mode without gradients.

    Parameters
    ----------
    net : nn.Module
        Any network that takes one tensor; its train or eval mode is afterwards what it was.
    names : sequence of str
        Names of ``net.named_modules()``, such as ``"conv2"`` or ``"features.0"``.
    batch : Tensor of shape (n, ...)
        The input of ``net``.

    Returns
    -------
    dict of str to Tensor of shape (n, ...)
        Each layer's output, before it is made a vector; of a tuple the first tensor, of a layer
        that runs several times the last output.

    Raises
    ------
    DataError
        If there is no such layer, it did not run, or its rows are not the items: its first axis
        has another length, or a row is not what the item gives alone.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> tap(net, ["0"], torch.rand(2, 4))["0"].shape
    torch.Size([2, 3])
    """
    chosen = dict(_named(net, names))
    outputs = _run(net, chosen, batch)
    alone = _run(net, chosen, batch[-1:]) if len(batch) > 1 else outputs
    for name in names:
        output = outputs.get(name)
        if output is None:
            raise DataError(f"The layer '{name}' puts out no tensor when the network runs.")
        if _moved(output, alone[name], len(batch)):
            raise DataError(
                f"The layer '{name}' puts out shape {tuple(output.shape)} for a batch of "
                f"{len(batch)}, and its rows are not the items: its first axis is not the batch, "
                "or it mixes items."
            )
    return {name: outputs[name] for name in names}  # type: ignore[misc]


def output_of(net: nn.Module, name: str, batch: Any) -> Tensor:
    """Return what one layer puts out for a batch, with the gradients that lead to it.

    The network runs in the mode in which it is, and nothing is checked but that there is such a
    layer: see `tap`.

    Raises
    ------
    DataError
        If there is no such layer, or it puts out no tensor.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> output_of(net, "1", torch.rand(2, 4)).requires_grad
    True
    """
    outputs: list[Tensor | None] = []
    module = dict(_named(net, [name]))[name]
    handle = _listen(module, lambda output: outputs.append(_first_tensor(output)))
    try:
        net(batch)
    finally:
        handle.remove()
    if not outputs or outputs[-1] is None:
        raise DataError(f"The layer '{name}' puts out no tensor when the network runs.")
    return outputs[-1]


def as_vectors(output: Tensor, pool: str) -> Tensor:
    """Return a layer's output as vectors.

    Parameters
    ----------
    output : Tensor of shape (n,), (n, d), (n, tokens, d) or (n, channels, height, width)
        Vectors stay as they are; a number an item is a vector of one.
    pool : {"flatten", "mean", "max", "cls", "last", "none"}
        What becomes of the places of a feature map or of the tokens of a sequence: all in a row,
        their mean, their maximum, the first token (the class token of a transformer), the last one,
        or none of this: one vector a place.

    Returns
    -------
    Tensor of shape (n, d)
        For ``"none"`` of shape ``(n, height, width, channels)`` or ``(n, tokens, d)``.

    Raises
    ------
    DataError
        If the first or last token of a feature map is asked for, or the pool does not exist.
    """
    if output.ndim <= 2:
        return output.reshape(len(output), -1)
    if pool not in POOLS:
        raise DataError(f"There is no pool '{pool}'. {did_you_mean(pool, POOLS)}")
    if pool == "flatten":
        return output.flatten(1)
    # (n, places..., channels)
    places = output if output.ndim == 3 else output.movedim(1, -1)
    if pool == "none":
        return places
    if pool in ("cls", "last"):
        if output.ndim != 3:
            shape, token = tuple(output.shape[1:]), "class token" if pool == "cls" else "last token"
            raise DataError(f"A feature map of shape {shape} has no {token}; use pool='mean'.")
        return output[:, 0 if pool == "cls" else -1]
    places = places.flatten(1, -2)
    return places.mean(dim=1) if pool == "mean" else places.amax(dim=1)


def _named(net: nn.Module, names: Sequence[str]) -> Iterator[tuple[str, nn.Module]]:
    """Yield layers behind their names; a name that is none is told."""
    modules = dict(net.named_modules())
    for name in names:
        if not name or name not in modules:
            near = did_you_mean(name, [*filter(None, modules)] if "." in name else layer_names(net))
            raise DataError(f"The network has no layer '{name}'. {near}")
        yield name, modules[name]


def _run(
    net: nn.Module, modules: Mapping[str, nn.Module], batch: Tensor
) -> dict[str, Tensor | None]:
    """Return the output of each module that ran, None where it is no tensor."""
    outputs: dict[str, Tensor | None] = {}

    def keep(name: str, output: Any) -> None:
        outputs.pop(name, None)  # the order is that of the last runs
        first = _first_tensor(output)
        outputs[name] = None if first is None else first.detach()

    handles = [_listen(module, functools.partial(keep, name)) for name, module in modules.items()]
    try:
        with _eval_mode(net), torch.no_grad():
            net(batch)
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _listen(module: nn.Module, tell: Callable[[Any], None]) -> RemovableHandle:
    """Tell what a module puts out when this thread runs it, and not when others do meanwhile."""
    own = threading.get_ident()

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if threading.get_ident() == own:
            tell(output)

    return module.register_forward_hook(hook)


@contextlib.contextmanager
def _eval_mode(net: nn.Module) -> Iterator[None]:
    trained = [module for module in net.modules() if module.training]
    for module in trained:
        module.training = False
    try:
        yield
    finally:
        for module in trained:
            module.training = True


def _first_tensor(output: Any) -> Tensor | None:
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, list | tuple):
        output = next((part for part in output if isinstance(part, Tensor)), None)
    # A copy: the next layer may work in place, and would overwrite what was found.
    return output.clone() if isinstance(output, Tensor) and output.ndim else None


def _moved(output: Tensor, alone: Tensor | None, n: int) -> bool:
    """Return whether the rows of an output are not the items."""
    if alone is None or len(output) != n or len(alone) != 1 or output.shape[1:] != alone.shape[1:]:
        return True
    tolerance = HALF_TOLERANCE if output.element_size() < 4 else ROW_TOLERANCE
    error = (output[-1:].float() - alone.float()).norm()
    return bool(error > tolerance * alone.float().norm() + 1e-6)
