"""The two halves of an encoder that decodes: one to send items with, one to receive them with."""

from __future__ import annotations

import copy

from torch import nn

from nearspace.encoders.base import Decodes, Encoder
from nearspace.encoders.learned import Absent, DecodesByNetwork, Learned
from nearspace.encoders.linear import PCA
from nearspace.errors import NearspaceError

__all__ = ["halve"]


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
        raise NearspaceError(f"'{encoder.spec}' does not decode, so it has no half that does.")
    if not isinstance(encoder, PCA | DecodesByNetwork):
        raise NearspaceError(f"'{encoder.spec}' cannot be split into halves.")
    if getattr(encoder, "half_", None):
        raise NearspaceError(f"This is one half of '{encoder.spec}' already.")
    whole, width = encoder.fingerprint, encoder._n_features_out
    halves = copy.copy(encoder), copy.copy(encoder)
    for name, half in zip(("encoder", "decoder"), halves, strict=True):
        half.half_ = {"keeps": name, "whole": whole, "dim": width}
        if isinstance(half, Learned):
            nets = {key: net if key == name else Absent(key) for key, net in half.nets_.items()}
            half.nets_ = nn.ModuleDict(nets)
    return halves
