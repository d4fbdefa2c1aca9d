"""Decoding in double precision, so that machines do not differ by it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.data import Image
from nearspace.encoders.base import Decodes, check_half
from nearspace.encoders.linear import PCA

__all__ = ["double_decoder", "pixels"]


def double_decoder(encoder: Decodes) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that decodes vectors ``(n, d)`` on the CPU in double precision.

    Machines round differently, and single precision shows it: of ten thousand images a few pixels
    come out otherwise. In double precision that takes a value within about 1e-13 of a boundary.

    Parameters
    ----------
    encoder : Encoder
        Fitted, one that decodes.

    Returns
    -------
    callable
        Gives float64 items; of an encoder that is neither ``pca`` nor a network, what its
        `inverse_transform` gives.

    Examples
    --------
    >>> from nearspace import load, make
    >>> digits = load("digits").items
    >>> pca = make("pca(dim=8)").fit(digits)
    >>> items = double_decoder(pca)(pca.transform(digits[:3]))
    >>> items.shape, items.dtype.name
    ((3, 8, 8, 1), 'float64')
    """
    if isinstance(encoder, PCA):
        check_half(encoder, "decoder")
        axes, mean = encoder.components_.astype(np.float64), encoder.mean_.astype(np.float64)
        shape = getattr(encoder.kind_, "shape", (-1,))
        return lambda vectors: (vectors @ axes + mean).reshape(len(vectors), *shape)
    from nearspace.encoders.learned import DecodesByNetwork, Learned

    if not isinstance(encoder, DecodesByNetwork) or not isinstance(encoder, Learned):
        return encoder.inverse_transform
    import torch

    learned = encoder
    decoder = copy.deepcopy(encoder.nets_["decoder"]).cpu().double()

    def decode(vectors: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            items = decoder(torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float64)))
            return learned._to_items(learned.kind_.values(items))

    return decode


def pixels(decoded: np.ndarray, kind: Any) -> np.ndarray:
    """Return decoded items as they are unpacked: images as uint8, vectors as float32."""
    if isinstance(kind, Image):
        return np.rint(np.clip(np.nan_to_num(decoded), 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(decoded, dtype=np.float32)
