"""The two halves of an encoder that decodes: one to send items with, one to receive them with."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from nearspace.encoders.base import Decodes, Encoder
from nearspace.encoders.learned import DecodesByNetwork, Learned
from nearspace.encoders.linear import PCA
from nearspace.encoders.persist import fingerprint
from nearspace.encoders.spec import spec_of
from nearspace.errors import NearspaceError

__all__ = ["Absent", "halve"]


class Absent(nn.Module):
    """Stands in place of a network that the other half holds."""

    def __init__(self, name: str, out_features: int):
        super().__init__()
        self.name, self.out_features = name, out_features

    def forward(self, *batches: Any) -> Any:
        """Refuse: there is nothing to compute with."""
        raise NearspaceError(
            f"This is one half of an encoder, without its {self.name}; use the other half, or the "
            "whole."
        )


def halve(encoder: Encoder) -> tuple[Encoder, Encoder]:
    """Return the half of a fitted encoder that encodes, and the half that decodes.

    Parameters
    ----------
    encoder : Encoder
        One that learned a network each way; or ``pca``, whose axes both halves need.

    Returns
    -------
    tuple of two Encoder
        Each does what it can as the whole did, has the fingerprint of the whole, and refuses the
        rest.

    Raises
    ------
    NearspaceError
        If the encoder does not decode, or has no halves.

    Examples
    --------
    >>> from nearspace import load, make
    >>> digits = load("digits").items
    >>> sender, receiver = halve(make("autoencoder(dim=8, epochs=2)").fit(digits))
    >>> receiver.inverse_transform(sender.transform(digits[:3])).shape
    (3, 8, 8, 1)
    """
    if not isinstance(encoder, Decodes):
        raise NearspaceError(f"'{spec_of(encoder)}' does not decode, so it has no half that does.")
    if not isinstance(encoder, PCA | DecodesByNetwork):
        raise NearspaceError(f"'{spec_of(encoder)}' cannot be split into halves.")
    if getattr(encoder, "half_", None):
        raise NearspaceError(f"This is one half of '{spec_of(encoder)}' already.")
    whole, width = fingerprint(encoder), encoder._n_features_out
    halves = copy.copy(encoder), copy.copy(encoder)
    for name, half in zip(("encoder", "decoder"), halves, strict=True):
        half.half_ = {"keeps": name, "whole": whole, "dim": width}
        if isinstance(half, Learned):
            half.nets_ = nn.ModuleDict(dict(half.nets_.items()))
            remove_networks(half.nets_, half.half_, half.nets_["encoder"])
    return halves


def remove_networks(nets: nn.ModuleDict, half: dict[str, Any], encoder: nn.Module) -> None:
    """Put `Absent` in place of all networks that a half does not keep."""
    from nearspace.nets.layers import last_width

    width = last_width(encoder)
    for name in list(nets):
        if name != half["keeps"]:
            nets[name] = Absent(name, width)
