"""Where in other images the patch lies that a layer finds most like a patch of an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nearspace.data import Dataset, Image
from nearspace.judge.exhibits import pick_queries
from nearspace.judge.studies.layers import LayerBoard
from nearspace.judge.taps import MEMORY, RAW, Memory, layer_batches

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Fields",
    "LayerPlaces",
    "Place",
    "Window",
    "board_places",
    "busy_points",
    "grids",
    "nearest_places",
    "receptive_fields",
]

# Tokens that stand before those of the patches: none, a class token, one more for distillation, or
# four registers.
EXTRA_TOKENS = (0, 1, 2, 5)
STRIPS = 64
# A location that changes by a smaller share of the layer's largest number has not seen the change.
UNCHANGED = 1e-4

Window: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right
Fields: TypeAlias = list[list[tuple[Window, Window]]]


def grids(encoder: Any, images: np.ndarray, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the outputs of layers that have locations, ``(n, height, width, channels)``.

    Tokens have locations where there are as many as square patches of the network's input, and
    perhaps a class token, one for distillation, or a class token and four registers before them.
    """
    return _as_grids(encoder, images, encoder.layer_outputs(images, list(names)))


def _as_grids(encoder: Any, images: np.ndarray, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    sides = getattr(encoder, "input_sides", images.shape[1:3])
    shaped = {name: _grid(output, sides) for name, output in outputs.items()}
    return {name: grid.float().cpu() for name, grid in shaped.items() if grid is not None}


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


def receptive_fields(
    encoder: Any, names: list[str], shape: tuple[int, ...], memory: Memory = MEMORY
) -> dict[str, Fields]:
    """Return cell and field of every location of layers, by row and column.

    The cell is the part of the image that a location stands over, the image divided by the grid;
    the field is the part that it is found to see. That is measured, not derived: strips of one
    image of noise are turned to their negative one by one, and the field reaches from the first to
    the last strip that changes the location by a ten-thousandth of the layer's largest number. What
    acts on other images alone, or less, is not found; a location that no strip changes gets the
    whole image.
    """
    noise = np.random.default_rng(0).integers(256, size=(1, *shape)).astype(np.uint8)
    base = grids(encoder, noise, names)
    ends: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in names}
    for axis in (0, 1):
        bounds = np.linspace(0, shape[axis], min(shape[axis], STRIPS) + 1).astype(int)
        strips = np.repeat(noise, len(bounds) - 1, axis=0)
        for strip, start, stop in zip(strips, bounds, bounds[1:], strict=False):
            part = strip[start:stop] if axis == 0 else strip[:, start:stop]
            part[:] = 255 - part
        sees: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for _, outputs in layer_batches(encoder, strips, names, memory):
            for name, grid in _as_grids(encoder, strips, outputs).items():
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


QUERIES, FOUND = 4, 3
GALLERY, MOST_LAYERS = 2000, 8


@dataclasses.dataclass(frozen=True)
class Place:
    """A location of a feature map, over an image.

    Attributes
    ----------
    image : int
        Position of the image among those given.
    row, column : int
        Where on the grid of the layer.
    cell : (top, left, bottom, right)
        The part of the image, in pixels, that it stands over: the image divided by the grid.
    field : (top, left, bottom, right)
        The part that it sees, as far as one image of noise tells: see `receptive_fields`.
    distance : float
        From the query's place; 0 for that itself.
    """

    image: int
    row: int
    column: int
    cell: Window
    field: Window
    distance: float = 0.0


@dataclasses.dataclass(frozen=True)
class LayerPlaces:
    """What one layer finds.

    Attributes
    ----------
    layer : str
        Its name.
    grid : (height, width)
        Its locations.
    queries : tuple of Place
        The place asked about in each query.
    nearest : tuple of tuple of Place
        For each query the nearest places, nearest first, each in another image of the gallery.
    """

    layer: str
    grid: tuple[int, int]
    queries: tuple[Place, ...]
    nearest: tuple[tuple[Place, ...], ...]


def nearest_places(
    encoder: Any,
    names: Sequence[str],
    queries: np.ndarray,
    points: np.ndarray,
    gallery: np.ndarray,
    k: int = FOUND,
    memory: Memory = MEMORY,
) -> list[LayerPlaces]:
    """Return the places of a gallery that layers find most like a point of each query.

    Vectors of locations are compared by Euclidean distance after each channel is divided by its
    standard deviation over the locations of gallery images drawn at random, a batch of them, so
    that no channel counts more for being large, and a blank patch, which has no direction, is still
    near to blank ones.

    Parameters
    ----------
    encoder : Encoder with layers
        Fitted on images.
    names : sequence of str
        Layers; those without locations are left out of what is returned.
    queries, gallery : ndarray of shape (q, h, w, c) and (n, h, w, c), uint8
        The images.
    points : ndarray of shape (q, 2)
        Row and column of a pixel in each query.
    k : int
        Places to find, each in another image.
    memory : Memory, optional
        How much of the layers may stand in memory at once.

    Returns
    -------
    list of LayerPlaces
        One a layer that has locations, in the order of ``names``.
    """
    asked = grids(encoder, queries, names)
    if not asked:
        return []
    fields = receptive_fields(encoder, list(asked), queries.shape[1:], memory)
    starts = {
        name: points * grid.shape[1:3] // np.array(queries.shape[1:3])
        for name, grid in asked.items()
    }
    order = np.arange(len(queries))
    wanted = {name: grid[order, *starts[name].T] for name, grid in asked.items()}
    places = []
    for name, (distances, cells) in _search(encoder, wanted, gallery, memory).items():
        field = fields[name]
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
        places.append(
            LayerPlaces(
                name,
                (len(field), len(field[0])),
                tuple(_place(i, start, 0.0, field) for i, start in enumerate(starts[name])),
                tuple(
                    tuple(
                        _place(i, divmod(cells[q, i], len(field[0])), distances[q, i], field)
                        for i in images
                    )
                    for q, images in enumerate(nearest)
                ),
            )
        )
    return places


def busy_points(images: np.ndarray) -> np.ndarray:
    """Return the pixel of each image about which the most goes on, shape ``(n, 2)``.

    It is the middle of the window, a quarter of the image wide and high, whose grey values vary
    most; windows do not stick out.

    Examples
    --------
    >>> image = np.zeros((1, 12, 12, 1), dtype=np.uint8)
    >>> image[0, 7, 3] = 255
    >>> abs(busy_points(image)[0] - [7, 3]).max() <= 1
    np.True_
    """
    from scipy.ndimage import uniform_filter

    grey = images.mean(axis=3)
    window = [max(1, side // 4) for side in grey.shape[1:]]
    size = (1, *window)
    varies = uniform_filter(grey**2, size) - uniform_filter(grey, size) ** 2
    for axis, width in enumerate(window, 1):
        places = np.arange(grey.shape[axis])
        outside = (places < width // 2) | (places > grey.shape[axis] - 1 - (width - 1) // 2)
        np.moveaxis(varies, axis, 0)[outside] = -1
    rows, columns = np.divmod(varies.reshape(len(grey), -1).argmax(axis=1), grey.shape[2])
    return np.stack([rows, columns], axis=1)


def board_places(board: LayerBoard) -> tuple[list[LayerPlaces], Dataset, Dataset]:
    """Return what judged layers find for a few test images among training images, and both.

    Returns
    -------
    places : list of LayerPlaces
        Of at most eight layers from input to output; empty where the items are no images or no
        layer has locations.
    queries, gallery : Dataset
        The images; of training images at most 2,000, drawn at random.
    """
    task, encoder = board.task, board.encoder
    random = np.random.default_rng(task.protocol.random_state)
    queries = task.test.take(pick_queries(task)[:QUERIES])
    gallery = task.train.take(random.permutation(len(task.train))[:GALLERY])
    names = [row.name for row in board.rows if row.name != RAW and len(row.shape) > 1]
    if not names or not isinstance(task.dataset.kind, Image):
        return [], queries, gallery
    some = np.linspace(0, len(names) - 1, min(len(names), MOST_LAYERS)).round().astype(int)
    places = nearest_places(
        encoder, [names[i] for i in some], queries.items, busy_points(queries.items), gallery.items
    )
    return places, queries, gallery


def _search(
    encoder: Any, wanted: dict[str, Tensor], gallery: np.ndarray, memory: Memory
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each image's least distance to each wanted vector and its location, both (q, n)."""
    import torch

    names = list(wanted)
    shape = (len(next(iter(wanted.values()))), len(gallery))
    best = {name: (np.empty(shape), np.empty(shape, dtype=np.int64)) for name in names}
    scales: dict[str, Tensor] = {}
    order = np.random.default_rng(0).permutation(len(gallery))
    for batch, outputs in layer_batches(encoder, gallery[order], names, memory):
        part = order[batch]
        for name, grid in _as_grids(encoder, gallery, outputs).items():
            if name not in scales:  # in no order, the first images speak for all
                spread = grid.flatten(0, 2).std(dim=0)
                scales[name] = torch.where(spread > 0, spread, torch.ones_like(spread))
            flat = grid.flatten(0, 2) / scales[name]
            distances = torch.cdist(
                wanted[name] / scales[name], flat, compute_mode="donot_use_mm_for_euclid_dist"
            ).reshape(shape[0], len(grid), -1)
            least, where = distances.min(dim=2)
            best[name][0][:, part], best[name][1][:, part] = least.numpy(), where.numpy()
    return best


def _place(image: int, at: Sequence[int], distance: float, fields: Fields) -> Place:
    row, column = map(int, at)
    return Place(int(image), row, column, *fields[row][column], float(distance))
