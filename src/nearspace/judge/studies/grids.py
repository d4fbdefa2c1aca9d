"""Locations of the layers of an encoder of images: their vectors, and what each of them sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nearspace.judge.taps import items_a_batch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Fields", "Window", "batches", "grids", "receptive_fields"]

# Tokens that stand before those of the patches: none, a class token, one more for distillation, or
# four registers.
EXTRA_TOKENS = (0, 1, 2, 5)
STRIPS = 64
# A location that changes by a smaller share of the layer's largest number has not seen the change.
UNCHANGED = 1e-4

Window: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right
Fields: TypeAlias = list[list[tuple[Window, Window]]]


def batches(
    encoder: Any, images: np.ndarray, names: list[str]
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield the grids of a few images at a time, as many as memory is meant for."""
    step = items_a_batch(encoder.layer_outputs(images[:1], names))
    for start in range(0, len(images), step):
        part = slice(start, min(start + step, len(images)))
        yield part, grids(encoder, images[part], names)


def grids(encoder: Any, images: np.ndarray, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the outputs of layers that have locations, ``(n, height, width, channels)``.

    Tokens have locations where there are as many as square patches of the network's input, and
    perhaps a class token, one for distillation, or a class token and four registers before them.
    """
    outputs = encoder.layer_outputs(images, list(names))
    sides = getattr(encoder, "input_sides", images.shape[1:3])
    found = {name: _grid(output, sides) for name, output in outputs.items()}
    return {name: grid.float().cpu() for name, grid in found.items() if grid is not None}


def _grid(output: Tensor, sides: Sequence[int]) -> Tensor | None:
    """Return a feature map with its channels last, or tokens of patches as their grid."""
    if output.ndim == 4:
        grid = output.movedim(1, -1)
    elif output.ndim == 3:
        tokens = output.shape[1]
        shapes = [(extra, _patches(tokens - extra, sides)) for extra in EXTRA_TOKENS]
        extra, shape = next(((extra, shape) for extra, shape in shapes if shape), (0, None))
        if shape is None:
            return None
        grid = output[:, extra:].unflatten(1, shape)
    else:
        return None
    return grid if grid.shape[1] * grid.shape[2] > 1 else None


def _patches(n: int, sides: Sequence[int]) -> tuple[int, int] | None:
    """Return rows and columns of ``n`` square patches of an image, cut off or padded at its end."""
    height, width = sides
    for patch in range(1, max(sides) + 1):
        cut, padded = (height // patch, width // patch), (-(-height // patch), -(-width // patch))
        for rows, columns in (cut, padded):
            if rows * columns == n > 0:
                return rows, columns
    return None


def receptive_fields(encoder: Any, names: list[str], shape: tuple[int, ...]) -> dict[str, Fields]:
    """Return cell and field of every location of layers, by row and column.

    The cell is the part of the image that a location stands over, the image divided by the grid;
    the field is the part that it is found to see. That is measured, not derived: strips of one
    image of noise are turned to their negative one by one, and the field reaches from the first to
    the last strip that changes the location by a ten-thousandth of the layer's largest number. What
    acts on other images alone, or less, is not found; a location that no strip changes gets the
    whole image.
    """
    noise = np.random.default_rng(0).integers(256, size=(1, *shape)).astype(np.uint8)
    (base,) = (found for _, found in batches(encoder, noise, names))
    ends: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in names}
    for axis in (0, 1):
        bounds = np.linspace(0, shape[axis], min(shape[axis], STRIPS) + 1).astype(int)
        strips = np.repeat(noise, len(bounds) - 1, axis=0)
        for strip, start, stop in zip(strips, bounds, bounds[1:], strict=False):
            part = strip[start:stop] if axis == 0 else strip[:, start:stop]
            part[:] = 255 - part
        sees: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for _, found in batches(encoder, strips, names):
            for name, grid in found.items():
                change = (grid - base[name]).abs().amax(dim=(3, 2 - axis))
                sees[name].append((change > UNCHANGED * base[name].abs().max()).numpy())
        for name in names:
            seen = np.concatenate(sees[name])  # (strips, locations along the axis)
            last = len(seen) - 1 - seen[::-1].argmax(axis=0)
            ends[name].append((bounds[seen.argmax(axis=0)], bounds[last + 1]))
    return {name: _boxes(ends[name], shape) for name in names}


def _boxes(ends: list[tuple[np.ndarray, np.ndarray]], shape: tuple[int, ...]) -> Fields:
    """Return cell and field of every location, by row and column."""
    spans = []
    for (starts, stops), side in zip(ends, shape, strict=False):
        cuts = np.rint(np.linspace(0, side, len(starts) + 1)).astype(int).tolist()
        spans.append(list(zip(cuts, cuts[1:], starts.tolist(), stops.tolist(), strict=False)))
    return [
        [
            ((top, left, bottom, right), (up, west, down, east))
            for left, right, west, east in spans[1]
        ]
        for top, bottom, up, down in spans[0]
    ]
