"""Taps: the outputs of inner layers of a network as vectors."""

from __future__ import annotations

from torch import Tensor, nn

from nearspace.errors import DataError, did_you_mean

__all__ = ["as_vectors", "last_width", "layer_names", "tap"]


def layer_names(net: nn.Module) -> list[str]:
    """Return the names of a network's top-level layers, without the reshaping of its input.

    Examples
    --------
    >>> from nearspace.nets.perceptron import perceptron
    >>> layer_names(perceptron((4,), (8,), 2, last="logits"))
    ['fc1', 'logits']
    """
    return [name for name, _ in net.named_children() if name != "input"]


def last_width(net: nn.Module) -> int:
    """Return how many numbers the last, linear layer of a network puts out."""
    widths = [module.out_features for module in net.modules() if isinstance(module, nn.Linear)]
    return widths[-1]


def tap(net: nn.Module, layer: str, batch: Tensor) -> Tensor:
    """Return what ``layer`` puts out while ``net`` runs on ``batch``.

    Parameters
    ----------
    net : nn.Module
        In eval mode already.
    layer : str
        A name of ``net.named_modules()``, such as ``"conv2"`` or ``"conv2.1"``.
    batch : Tensor of shape (n, ...)
        The input of ``net``.

    Returns
    -------
    Tensor of shape (n, ...)
        The layer's output, before it is made a vector.

    Raises
    ------
    DataError
        If there is no such layer, or its first axis is not the batch's.
    """
    modules = dict(net.named_modules())
    if not layer or layer not in modules:
        names = layer_names(net)
        raise DataError(f"The network has no layer '{layer}'. {did_you_mean(layer, names)}")
    found: list[Tensor] = []
    handle = modules[layer].register_forward_hook(lambda _m, _i, output: found.append(output))
    try:
        net(batch)
    finally:
        handle.remove()
    output = found[-1]
    if len(output) != len(batch):
        raise DataError(
            f"The layer '{layer}' puts out shape {tuple(output.shape)} for a batch of "
            f"{len(batch)}: its first axis is not the batch, so it gives no vector an item."
        )
    return output


def as_vectors(output: Tensor, pool: str) -> Tensor:
    """Return a layer's output as one vector an item, shape ``(n, d)``.

    Parameters
    ----------
    output : Tensor of shape (n, d) or (n, channels, height, width)
        Vectors stay as they are.
    pool : {"flatten", "mean", "max"}
        What becomes of the places of a feature map.
    """
    if output.ndim <= 2 or pool == "flatten":
        return output.flatten(1)
    places = output.flatten(2)
    return places.mean(dim=2) if pool == "mean" else places.amax(dim=2)
