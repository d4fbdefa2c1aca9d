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

from nearspace.data import Audio, Image, Series, Vector
from nearspace.data.batches import Batches, Stacked
from nearspace.encoders.exhibits import Restores
from nearspace.encoders.learned.learned import Learned
from nearspace.errors import DataError
from nearspace.learning.losses import ends_nll, step_errors
from nearspace.nets.bodies import BODIES, autoencoder_bodies, start_at_pca
from nearspace.nets.steps import hidden_stretches
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
STRETCHES = 8  # of the longest item, where nobody says how long they are
SHOWN_HIDDEN = 0.5  # grey, which stands out from dark and from light
ENDS = 0.1  # what a mean over places of not knowing where items end weighs beside squared errors


class Autoencodes(Learned):
    """An encoder that learns with a mirror decoder to say items in few numbers."""

    kinds = frozenset({Image, Vector, Series, Audio})
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

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make what is decoded over time the mean of items drawn at random."""
        if self.over_time:
            decoder: Any = nets["decoder"]
            decoder.start_at(self._drawn(batches))

    def decoded(self, nets: nn.ModuleDict, codes: Tensor, batch: Tensor) -> Tensor:
        """Return what the decoder makes of the codes of a batch.

        Over time it is told how long the items are: so what it says of their steps and of their
        length is learnt apart.
        """
        if self.over_time:
            return nets["decoder"](codes, batch[:, -1].sum(dim=1, keepdim=True))
        return nets["decoder"](codes)

    def _drawn(self, batches: Batches) -> Tensor:
        """Return items drawn at random, as many as there is memory for."""
        most = max(1, min(ROWS_FOR_PCA, VALUES_FOR_PCA // batches.blank(1).numel()))
        return batches[torch.randperm(len(batches))[:most]]

    def squared_error(self, decoded: Tensor, batch: Tensor) -> Tensor:
        """Return the mean squared error of what a decoder put out.

        Over time it is that of the steps that are there, and to it comes how badly their end is
        told.
        """
        if self.over_time:
            ends = ends_nll(decoded, batch) / decoded.shape[2]
            return step_errors(decoded, batch).mean() + ENDS * ends
        return F.mse_loss(self.kind_.values(decoded), batch)


class StartsAtPCA(Autoencodes):
    """An autoencoder with a linear path beside both networks, which is PCA before training.

    Of items over time it is that of their outlines: of values at as many times, and their length.
    """

    def build(self) -> nn.ModuleDict:
        """Return the encoder and its mirror decoder, each with a linear path beside it."""
        return self.bodies(self.dim, linear_path=True)

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make the networks the principal component analysis of items drawn at random."""
        start_at_pca(nets, self._drawn(batches))


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(StartsAtPCA):
    """An autoencoder trained on squared error (Hinton & Salakhutdinov, 2006).

    The bottleneck is linear, the output of images goes through a sigmoid. Principal component
    analysis stands as a fixed linear path beside both networks, which start at zero: training
    begins where that ends. Of series and sounds, of many lengths, it is that of their values at 256
    times at most between beginning and end, and of their length.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn", "gru"}, default="auto"
        Perceptrons or convolutions; of themselves very large images, series and sounds get
        convolutions. Or gated units, which read series and sounds step by step.
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
        decoded = self.decoded(nets, nets["encoder"](batch), batch)
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
        Normal noise on every value; values set to the lowest or the highest (where values have no
        bounds two deviations from the mean); or values set to zero (there the mean).
    amount : float, default=0.3
        Standard deviation of the Gaussian noise, where pixels are in [0, 1] and other values have
        deviation 1; otherwise the share of values that is set.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them.
    body : {"auto", "mlp", "cnn", "gru"}, default="auto"
        Perceptrons or convolutions; of themselves very large images, series and sounds get
        convolutions. Or gated units, which read series and sounds step by step.
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
        codes = nets["encoder"](self._corrupt(batch, generator))
        decoded = self.decoded(nets, codes, batch)
        return {"reconstruction": self.squared_error(decoded, batch)}

    def _corrupt(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a float batch with noise on it, random numbers being of the batch's device."""
        if self.over_time:
            return torch.cat(
                [self._noisy(batch[:, :-1], generator) * batch[:, -1:], batch[:, -1:]], 1
            )
        return self._noisy(batch, generator)

    def _noisy(self, batch: Tensor, generator: torch.Generator) -> Tensor:
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
    ) -> tuple[Any, Any]:
        """Return items with noise on them, and what the network makes of those."""
        noisy = self._corrupt(*self.batch_and_random(X, random_state))
        vectors = self._run(lambda some: self.embed(self.nets_, some), Stacked(noisy))
        given = self._to_items(noisy)
        given = given if self.offset_ is None else given + self.offset_
        return given, self._decoded(vectors.numpy())


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class MaskedAutoencoder(Restores, StartsAtPCA):
    """A masked autoencoder (He et al., 2022) with a bottleneck: items are rebuilt from parts.

    Patches of each image are hidden, of series and sounds stretches of time. As in the paper a
    vision transformer sees only the others; other bodies see in their place what is learnt to stand
    there. Unlike in the paper the decoder is given nothing but the vector, and its error is taken
    over the whole item: the vector has to say all, and items can be decoded from it. Vectors come
    of whole items, so each batch hides another share, from none up: with a fixed one no whole item
    would ever have been seen.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    ratio : float, default=0.75
        The largest share of the patches that is hidden; at least one stays.
    patch : int, optional
        Side of a patch in pixels, or steps of a stretch; about an eighth of the shorter side of the
        image, or of the longest item, when absent.
    hidden : tuple of int, default=(512, 256, 128)
        Widths of the hidden layers of the encoder; the decoder mirrors them. Not of ``"vit"``.
    body : {"auto", "mlp", "cnn", "gru", "vit"}, default="auto"
        As of `Autoencoder`, or a small vision transformer, for images alone.
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

    kinds = frozenset({Image, Series, Audio})
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
        if self.body == "vit" and self.over_time:
            raise DataError(
                f"MaskedAutoencoder: the body 'vit' takes images, got {self.kind_}; use body='cnn'."
            )
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
        nets["token"] = MaskToken((self.shape_[0], 1) if self.over_time else self.shape_)
        return nets

    @property
    def _patch(self) -> int:
        if self.over_time:
            return self.patch or max(1, self.shape_[1] // STRETCHES)
        return self.patch or default_patch(*self.shape_[1:])

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Make the networks the principal component analysis of the images, the token their mean.

        A vision transformer has no linear path, and starts at random. Of items over time a token of
        zero is the mean.
        """
        if "token" in nets:
            super().start(nets, batches)
        if "token" in nets and not self.over_time:
            mean = nets["decoder"].get_parameter("linear.bias").reshape(self.shape_)
            nets["token"].load_state_dict({"value": mean})

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean squared error of items made of some of their parts."""
        share = self.ratio * float(torch.rand((), generator=generator, device=batch.device))
        parts = self._drawn_parts(batch, share, generator)
        decoded = self.decoded(nets, self._encode_but(nets, batch, parts), batch)
        return {"reconstruction": self.squared_error(decoded, batch)}

    def _drawn_parts(self, batch: Tensor, ratio: float, generator: torch.Generator) -> Tensor:
        """Return the patches of images that are seen, or which steps of other items are not."""
        if self.over_time:
            return hidden_stretches(batch[:, -1], self._patch, ratio, generator)
        return visible_patches(len(batch), n_patches(self.shape_, self._patch), ratio, generator)

    def _hidden(self, parts: Tensor) -> Tensor:
        """Return which values are hidden, as it broadcasts to a batch."""
        if not self.over_time:
            return hidden_pixels(parts, self.shape_, self._patch)
        channels = torch.arange(self.shape_[0], device=parts.device)[:, None]
        return parts[:, None] & (channels < self.shape_[0] - 1)  # the mask is not hidden

    def _encode_but(self, nets: nn.ModuleDict, batch: Tensor, parts: Tensor) -> Tensor:
        if "token" not in nets:
            return nets["encoder"](batch, parts)
        return nets["encoder"](nets["token"](batch, self._hidden(parts)))

    def restore(
        self, X: Any, random_state: int | np.random.RandomState | None = None
    ) -> tuple[Any, Any]:
        """Return items with parts hidden, and what the network makes of the rest.

        Hidden patches of images are grey, hidden steps the mean of all.
        """
        batch, generator = self.batch_and_random(X, random_state)
        parts = self._drawn_parts(batch, self.ratio, generator)

        def vectors(rows: Tensor) -> Tensor:
            some, device = rows.cpu(), rows.device
            return self._encode_but(self.nets_, batch[some].to(device), parts[some].to(device))

        codes = self._run(vectors, Stacked(torch.arange(len(batch)), Tensor.long))
        shown = 0.0 if self.over_time else SHOWN_HIDDEN
        return self._to_items(batch.masked_fill(self._hidden(parts), shown)), self._decoded(
            codes.numpy()
        )
