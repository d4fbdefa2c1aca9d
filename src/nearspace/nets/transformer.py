"""Small vision transformers: patches of images, an encoder of those seen, a decoder of them all."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "MaskToken",
    "PatchDecoder",
    "PatchEncoder",
    "default_patch",
    "from_patches",
    "hidden_pixels",
    "n_patches",
    "to_patches",
    "visible_patches",
]


def default_patch(height: int, width: int) -> int:
    """Return a side of patches of which about eight stand along the shorter side of an image.

    The smallest from there to a quarter of that side by which both sides can be divided, if there
    is one: then no patch sticks out.

    Examples
    --------
    >>> default_patch(8, 8), default_patch(28, 28), default_patch(72, 72), default_patch(13, 31)
    (2, 4, 9, 2)
    """
    side = min(height, width)
    least = max(2, math.ceil(side / 8))
    fitting = [p for p in range(least, side // 4 + 1) if height % p == 0 and width % p == 0]
    return fitting[0] if fitting else least


def n_patches(shape: Sequence[int], patch: int) -> int:
    """Return how many patches cover images ``(channels, height, width)``."""
    return math.prod(_grid(shape, patch))


def _grid(shape: Sequence[int], patch: int) -> tuple[int, int]:
    return -(-shape[1] // patch), -(-shape[2] // patch)


def to_patches(images: Tensor, patch: int) -> Tensor:
    """Return the patches of images row by row; zeros fill what sticks out at the right and below.

    Parameters
    ----------
    images : Tensor of shape (batch, channels, height, width)
        Images.
    patch : int
        Side of a patch.

    Returns
    -------
    Tensor of shape (batch, patches, channels * patch * patch)
        The patches.
    """
    rows, columns = _grid(images.shape[1:], patch)
    batch, channels, height, width = images.shape
    padded = F.pad(images, (0, columns * patch - width, 0, rows * patch - height))
    cut = padded.reshape(batch, channels, rows, patch, columns, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)


def from_patches(patches: Tensor, shape: Sequence[int], patch: int) -> Tensor:
    """Return the images ``(batch, *shape)`` whose patches are given: `to_patches` undone.

    Examples
    --------
    >>> images = torch.rand(2, 3, 5, 7)
    >>> bool((from_patches(to_patches(images, 2), (3, 5, 7), 2) == images).all())
    True
    """
    rows, columns = _grid(shape, patch)
    cut = patches.reshape(len(patches), rows, columns, shape[0], patch, patch)
    padded = cut.permute(0, 3, 1, 4, 2, 5).reshape(
        len(patches), shape[0], rows * patch, columns * patch
    )
    return padded[:, :, : shape[1], : shape[2]]


def visible_patches(n_items: int, n: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Return for each item the positions of the patches left when a share ``ratio`` is hidden.

    Parameters
    ----------
    n_items, n : int
        How many items there are, and how many patches each has.
    ratio : float
        Share that is hidden; at least one patch stays.
    generator : torch.Generator
        Where the random numbers come from, on the device of the result.

    Returns
    -------
    Tensor of shape (n_items, n_visible), int64
        Positions, rising.
    """
    n_visible = max(1, n - round(ratio * n))
    order = torch.rand(n_items, n, generator=generator, device=generator.device).argsort(dim=1)
    return order[:, :n_visible].sort(dim=1).values


def hidden_pixels(visible: Tensor, shape: Sequence[int], patch: int) -> Tensor:
    """Return which pixels lie in patches that are not ``visible``, shape ``(batch, 1, h, w)``."""
    hidden = torch.ones(len(visible), n_patches(shape, patch), device=visible.device)
    hidden.scatter_(1, visible, 0.0)
    pixels = hidden[..., None].expand(-1, -1, patch * patch)
    return from_patches(pixels, (1, *shape[1:]), patch) > 0


class MaskToken(nn.Module):
    """A learnt picture that stands where an image is hidden, for networks that see every pixel."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(*shape))

    def forward(self, images: Tensor, hidden: Tensor) -> Tensor:
        """Return images with the token where ``hidden``, of shape ``(batch, 1, h, w)``, is true."""
        return torch.where(hidden, self.value, images)


def sine_positions(rows: int, columns: int, width: int) -> Tensor:
    """Return sines and cosines of the row and column of each patch, ``(rows * columns, width)``.

    As in the masked autoencoder of He et al. (2022): half the width for each coordinate.
    """
    # On the CPU even where networks are built without values, to be given weights of a file.
    steps, *sides = (torch.arange(n, device="cpu") for n in (width // 4, rows, columns))
    rate = 10_000.0 ** -(steps / (width // 4))
    row, column = torch.meshgrid(*sides, indexing="ij")
    angles = [place.reshape(-1, 1) * rate for place in (row, column)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


class Block(nn.Module):
    """A transformer block with the normalisation first: attention, then a perceptron."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens ``(batch, tokens, width)`` after they looked at each other."""
        tokens = tokens + self.out(self._attend(self.norm1(tokens)))
        return tokens + self.mlp(self.norm2(tokens))

    def _attend(self, tokens: Tensor) -> Tensor:
        batch, n, width = tokens.shape
        parts = self.queries_keys_values(tokens).reshape(batch, n, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (batch, heads, tokens, per head)
        seen = F.scaled_dot_product_attention(query, key, value)
        return seen.transpose(1, 2).reshape(batch, n, width)


def blocks(width: int, depth: int) -> nn.Sequential:
    """Return ``depth`` blocks with heads of 16 numbers, and the normalisation of what comes out."""
    named = [(f"block{index}", Block(width, width // 16)) for index in range(1, depth + 1)]
    return nn.Sequential(OrderedDict([*named, ("norm", nn.LayerNorm(width))]))


class PatchEncoder(nn.Module):
    """A vision transformer (Dosovitskiy et al., 2021) that may see only some patches.

    Parameters
    ----------
    shape : (channels, height, width)
        Shape of one image.
    patch : int
        Side of a patch.
    width : int
        Length of a token, a multiple of 16.
    depth : int
        Number of blocks.
    outputs : int
        Length of the vectors: a linear map of the mean token.
    """

    places: Tensor

    def __init__(self, shape: Sequence[int], patch: int, width: int, depth: int, outputs: int):
        super().__init__()
        self.patch = patch
        self.register_buffer("places", sine_positions(*_grid(shape, patch), width), False)
        self.embedding = nn.Linear(shape[0] * patch * patch, width)
        self.blocks = blocks(width, depth)
        self.latent = nn.Linear(width, outputs)

    def forward(self, images: Tensor, visible: Tensor | None = None) -> Tensor:
        """Return vectors of images, of which patches that are not ``visible`` are not looked at."""
        # About as large as the places, which would drown it.
        patches = 4 * to_patches(images, self.patch) - 2
        tokens = self.embedding(patches) + self.places
        if visible is not None:
            tokens = tokens.gather(1, visible[..., None].expand(-1, -1, tokens.shape[2]))
        return self.latent(self.blocks(tokens).mean(dim=1))


class PatchDecoder(nn.Module):
    """A light transformer from vectors to all patches of images: each token knows its place.

    Parameters
    ----------
    dim : int
        Length of the vectors that come in.
    shape, patch, width, depth
        As of `PatchEncoder`; pixels are unbounded (logits).
    """

    places: Tensor

    def __init__(self, dim: int, shape: Sequence[int], patch: int, width: int, depth: int):
        super().__init__()
        self.shape, self.patch = tuple(shape), patch
        self.register_buffer("places", sine_positions(*_grid(shape, patch), width), False)
        # Vectors of an untrained encoder hardly differ; normalised they do, and training sets out.
        self.tokens = nn.Sequential(
            nn.BatchNorm1d(dim), nn.Linear(dim, n_patches(shape, patch) * width)
        )
        self.blocks = blocks(width, depth)
        self.pixels = nn.Linear(width, shape[0] * patch * patch)

    def forward(self, z: Tensor) -> Tensor:
        """Return images ``(batch, *shape)`` of vectors ``(batch, dim)``."""
        tokens = self.tokens(z).reshape(len(z), *self.places.shape) + self.places
        return from_patches(self.pixels(self.blocks(tokens)), self.shape, self.patch)
