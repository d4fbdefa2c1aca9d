"""The masked autoencoder: sees a part of an image, and learns to say the whole of it."""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Image
from nearspace.data.batches import Batches, Stacked
from nearspace.encoders.exhibits import Restores
from nearspace.encoders.learned.autoencoder import Autoencodes, batch_for_pca
from nearspace.encoders.learned.learned import Learned
from nearspace.nets.bodies import BODIES, start_at_pca
from nearspace.nets.transformer import (
    MaskToken,
    PatchDecoder,
    PatchEncoder,
    default_patch,
    hidden_pixels,
    n_patches,
    visible_patches,
)

__all__ = ["MaskedAutoencoder"]

WIDTH, DEPTH, DECODER_DEPTH = 64, 3, 1
SHOWN_HIDDEN = 0.5  # grey, which stands out from dark and from light


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class MaskedAutoencoder(Restores, Autoencodes):
    """A masked autoencoder (He et al., 2022) with a bottleneck: images are rebuilt from patches.

    Patches of each image are hidden. As in the paper a vision transformer sees only the others;
    other bodies see a learnt picture in their place. Unlike in the paper the decoder is given
    nothing but the vector, and its error is taken over the whole image: the vector has to say all,
    and images can be decoded from it. Vectors come of whole images, so each batch hides another
    share, from none up: with a fixed one no whole image would ever have been seen.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    ratio : float, default=0.75
        The largest share of the patches that is hidden; at least one stays.
    patch : int, optional
        Side of a patch in pixels; about an eighth of the shorter side of the image when absent.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them. Not of ``"vit"``.
    body : {"auto", "mlp", "cnn", "vit"}, default="auto"
        Perceptrons, convolutions or a small vision transformer; of themselves very large images
        get convolutions and others perceptrons.
    layer, pool, epochs, batch_size, learning_rate, random_state, kind, device, precision, verbose
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> encoder = MaskedAutoencoder(dim=8, body="vit", epochs=1).fit(digits)
    >>> encoder.inverse_transform(encoder.transform(digits[:3])).shape
    (3, 8, 8, 1)
    """

    kinds = frozenset({Image})
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "ratio": [Interval(Real, 0, 1, closed="neither")],
        "patch": [Interval(Integral, 1, None, closed="left"), None],
        "body": [StrOptions({*BODIES, "vit"})],
    }

    dim: int = 32
    ratio: float = 0.75
    patch: int | None = None
    hidden: tuple[int, ...] = (512, 256, 128)
    body: str = "auto"

    def build(self) -> nn.ModuleDict:
        """Return the encoder, its decoder, and what stands in place of hidden patches."""
        shape = self.shape_
        if self.body == "vit":
            encoder = PatchEncoder(shape, self._patch, WIDTH, DEPTH, self.dim)
            decoder = PatchDecoder(self.dim, shape, self._patch, WIDTH, DECODER_DEPTH)
            return nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        nets = self.bodies(self.dim, linear_path=True)
        nets["token"] = MaskToken(shape)
        return nets

    @property
    def _patch(self) -> int:
        return self.patch or default_patch(*self.shape_[1:])

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make the networks the principal component analysis of the images, the token their mean.

        A vision transformer has no linear path, and starts at random.
        """
        if "token" in nets:
            batch = batch_for_pca(batches)
            start_at_pca(nets, batch)
            nets["token"].load_state_dict({"value": batch.mean(dim=0)})

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of images made of some of their patches."""
        share = float(torch.rand((), generator=generator, device=batch.device))
        visible = self._visible(len(batch), share * self.ratio, generator)
        decoded = nets["decoder"](self._encode_visible(nets, batch, visible))
        return {"reconstruction": self.squared_error(decoded, batch)}

    def _visible(self, n_items: int, ratio: float, generator: torch.Generator) -> Tensor:
        return visible_patches(n_items, n_patches(self.shape_, self._patch), ratio, generator)

    def _encode_visible(self, nets: nn.ModuleDict, batch: Tensor, visible: Tensor) -> Tensor:
        if "token" not in nets:
            return nets["encoder"](batch, visible)
        hidden = hidden_pixels(visible, self.shape_, self._patch)
        return nets["encoder"](nets["token"](batch, hidden))

    def restore(
        self, X: Any, random_state: int | np.random.RandomState | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return images whose hidden patches are grey, and what the network makes of the rest."""
        batch, generator = self.batch_and_random(X, random_state)
        visible = self._visible(len(batch), self.ratio, generator)

        def vectors(rows: Tensor) -> Tensor:
            return self._encode_visible(
                self.nets_, batch[rows.cpu()].to(rows.device), visible[rows.cpu()].to(rows.device)
            )

        codes = self._run(vectors, Stacked(torch.arange(len(batch)), Tensor.long))
        given = batch.masked_fill(hidden_pixels(visible, self.shape_, self._patch), SHOWN_HIDDEN)
        return self._to_items(given), self.inverse_transform(codes.numpy())
