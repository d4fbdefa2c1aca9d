"""Autoencoders: they learn to say an item in few numbers, and to read it back, or make it whole."""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Image, Vector
from nearspace.data.batches import Batches, Stacked
from nearspace.encoders.exhibits import Restores
from nearspace.encoders.learned.learned import Learned
from nearspace.errors import DataError
from nearspace.nets.bodies import BODIES, autoencoder_bodies, start_at_pca
from nearspace.nets.transformer import (
    MaskToken,
    PatchDecoder,
    PatchEncoder,
    default_patch,
    hidden_pixels,
    n_patches,
    visible_patches,
)

__all__ = ["Autoencoder", "Autoencodes", "DenoisingAutoencoder", "MaskedAutoencoder"]

ROWS_FOR_PCA, VALUES_FOR_PCA = 10_000, 2**27
CORRUPTIONS = ("gaussian", "masking", "salt_and_pepper")
FAR = 2.0  # standard deviations: what salt and pepper are where values have no bounds
MOST_PATCHES = 2**16
WIDTH, DEPTH, DECODER_DEPTH = 64, 3, 1
SHOWN_HIDDEN = 0.5  # grey, which stands out from dark and from light


class Autoencodes(Learned):
    """An encoder that learns with a mirror decoder to say items in few numbers."""

    kinds = frozenset({Image, Vector})
    learns = "items"
    mirrored = True
    effort = 12
    default_steps = 5000
    dim: int
    hidden: tuple[int, ...]
    body: str

    def bodies(self, latent: int, linear_path: bool = False) -> nn.ModuleDict:
        """Return the encoder, which puts out ``latent`` numbers, and its mirror decoder."""
        return autoencoder_bodies(
            self.shape_, self.hidden, latent, self.dim, self.body, linear_path
        )

    def squared_error(self, decoded: Tensor, batch: Tensor) -> Tensor:
        """Return the mean squared error of what a decoder put out."""
        return F.mse_loss(self.kind_.values(decoded), batch)


class StartsAtPCA(Autoencodes):
    """An autoencoder with a linear path beside both networks, which is PCA before training."""

    def build(self) -> nn.ModuleDict:
        """Return the encoder and its mirror decoder, each with a linear path beside it."""
        return self.bodies(self.dim, linear_path=True)

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make the networks the principal component analysis of items drawn at random."""
        most = min(ROWS_FOR_PCA, VALUES_FOR_PCA // batches.blank(1).numel())
        start_at_pca(nets, batches[torch.randperm(len(batches))[:most]])


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(StartsAtPCA):
    """An autoencoder trained on squared error (Hinton & Salakhutdinov, 2006).

    The bottleneck is linear, the output of images goes through a sigmoid. Principal component
    analysis stands as a fixed linear path beside both networks, which start at zero: training
    begins where that ends.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn"}, default="auto"
        Perceptrons or convolutions; of themselves very large images get convolutions.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> encoder = Autoencoder(dim=8, epochs=2).fit(digits)
    >>> encoder.inverse_transform(encoder.transform(digits[:3])).shape
    (3, 8, 8, 1)
    """

    dim: int = 32
    hidden: tuple[int, ...] = (512, 256, 128)
    body: str = "auto"

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of the reconstruction."""
        decoded = nets["decoder"](nets["encoder"](batch))
        return {"reconstruction": self.squared_error(decoded, batch)}


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class DenoisingAutoencoder(Restores, StartsAtPCA):
    """A denoising autoencoder (Vincent et al., 2010): noise is put on each item, and to be undone.

    The network is given the corrupted item; its error is taken against the clean one. Vectors
    come of clean items.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    corruption : {"gaussian", "salt_and_pepper", "masking"}, default="gaussian"
        Normal noise on every value; values set to the lowest or the highest (of vectors two
        deviations from the mean); or values set to zero (of vectors to the mean).
    amount : float, default=0.3
        Standard deviation of the Gaussian noise, where pixels are in [0, 1] and the columns of
        vectors have deviation 1; otherwise the share of values that is set.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn"}, default="auto"
        Perceptrons or convolutions; of themselves very large images get convolutions.
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> encoder = DenoisingAutoencoder(corruption="salt_and_pepper", epochs=2).fit(digits)
    >>> given, restored = encoder.restore(digits[:3], random_state=0)
    >>> given.shape, restored.shape
    ((3, 8, 8, 1), (3, 8, 8, 1))
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "corruption": [StrOptions(set(CORRUPTIONS))],
        "amount": [Interval(Real, 0, None, closed="neither")],
    }

    dim: int = 32
    corruption: str = "gaussian"
    amount: float = 0.3
    hidden: tuple[int, ...] = (512, 256, 128)
    body: str = "auto"

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of what was made of corrupted items."""
        decoded = nets["decoder"](nets["encoder"](self._corrupt(batch, generator)))
        return {"reconstruction": self.squared_error(decoded, batch)}

    def _corrupt(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a float batch with noise on it, random numbers being of the batch's device."""
        low, high = self.kind_.bounds or (-FAR, FAR)

        def random(draw: str) -> Tensor:
            return getattr(torch.empty_like(batch), draw)(generator=generator)

        if self.corruption == "gaussian":
            noisy = batch + self.amount * random("normal_")
            # Where the lowest value is 0, noise leaves no value outside.
            return noisy.clamp(low, high) if low == 0 else noisy
        chosen = random("uniform_") < self.amount
        if self.corruption == "masking":
            return batch.masked_fill(chosen, 0.0)
        ends = torch.where(random("uniform_") < 0.5, low, high)
        return torch.where(chosen, ends, batch)

    def restore(
        self, X: Any, random_state: int | np.random.RandomState | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return items with noise on them, and what the network makes of those."""
        noisy = self._corrupt(*self.batch_and_random(X, random_state))
        vectors = self._run(lambda some: self.embed(self.nets_, some), Stacked(noisy))
        given = self._to_items(noisy)
        given = given if self.offset_ is None else given + self.offset_
        return given, self._decoded(vectors.numpy())


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class MaskedAutoencoder(Restores, StartsAtPCA):
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
    layer, pool, side, epochs, batch_size, learning_rate, random_state, kind, device, …
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
        if self.body == "vit":
            count = n_patches(self.shape_, self._patch)
            if count > MOST_PATCHES:
                raise DataError(
                    f"MaskedAutoencoder: expected at most {MOST_PATCHES:,} patches, got {count:,} "
                    f"of side {self._patch}; give a larger patch."
                )
            encoder = PatchEncoder(self.shape_, self._patch, WIDTH, DEPTH, self.dim)
            decoder = PatchDecoder(self.dim, self.shape_, self._patch, WIDTH, DECODER_DEPTH)
            return nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        nets = super().build()
        nets["token"] = MaskToken(self.shape_)
        return nets

    @property
    def _patch(self) -> int:
        return self.patch or default_patch(*self.shape_[1:])

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make the networks the principal component analysis of the images, the token their mean.

        A vision transformer has no linear path, and starts at random.
        """
        if "token" in nets:
            super().start(nets, batches)
            mean = nets["decoder"].get_parameter("linear.bias").reshape(self.shape_)
            nets["token"].load_state_dict({"value": mean})

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
        return self._to_items(given), self._decoded(codes.numpy())
