"""Where in other images the patch lies that a layer finds most like a patch of an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Dataset, Image
from nearspace.judge.exhibits import pick_queries
from nearspace.judge.studies.grids import Fields, Window, batches, grids, receptive_fields
from nearspace.judge.studies.layers import LayerBoard

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LayerPlaces", "Place", "board_places", "busy_points", "nearest_places"]

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
    found : tuple of tuple of Place
        For each query the nearest places, nearest first, each in another image of the gallery.
    """

    layer: str
    grid: tuple[int, int]
    queries: tuple[Place, ...]
    found: tuple[tuple[Place, ...], ...]


def nearest_places(
    encoder: Any,
    names: Sequence[str],
    queries: np.ndarray,
    points: np.ndarray,
    gallery: np.ndarray,
    k: int = FOUND,
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

    Returns
    -------
    list of LayerPlaces
        One a layer that has locations, in the order of ``names``.
    """
    asked = grids(encoder, queries, names)
    if not asked:
        return []
    fields = receptive_fields(encoder, list(asked), queries.shape[1:])
    starts = {
        name: points * grid.shape[1:3] // np.array(queries.shape[1:3])
        for name, grid in asked.items()
    }
    order = np.arange(len(queries))
    wanted = {name: grid[order, *starts[name].T] for name, grid in asked.items()}
    found = []
    for name, (distances, cells) in _search(encoder, wanted, gallery).items():
        field = fields[name]
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
        found.append(
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
    return found


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
    names = [row.name for row in board.rows if len(row.shape) > 1]
    if not names or not isinstance(task.dataset.kind, Image):
        return [], queries, gallery
    some = np.linspace(0, len(names) - 1, min(len(names), MOST_LAYERS)).round().astype(int)
    places = nearest_places(
        encoder,
        [names[i] for i in some],
        queries.items,
        busy_points(queries.items),
        gallery.items,
    )
    return places, queries, gallery


def _search(
    encoder: Any, wanted: dict[str, Tensor], gallery: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each image's least distance to each wanted vector and its location, both (q, n)."""
    import torch

    names = list(wanted)
    shape = (len(next(iter(wanted.values()))), len(gallery))
    best = {name: (np.empty(shape), np.empty(shape, dtype=np.int64)) for name in names}
    scales: dict[str, Tensor] = {}
    order = np.random.default_rng(0).permutation(len(gallery))
    for batch, found in batches(encoder, gallery[order], names):
        part = order[batch]
        for name, grid in found.items():
            if name not in scales:  # in no order, the first images speak for all
                spread = grid.flatten(0, 2).std(dim=0)
                scales[name] = torch.where(spread > 0, spread, torch.ones_like(spread))
            flat = grid.flatten(0, 2) / scales[name]
            distances = torch.cdist(
                wanted[name] / scales[name],
                flat,
                compute_mode="donot_use_mm_for_euclid_dist",
            ).reshape(shape[0], len(grid), -1)
            least, where = distances.min(dim=2)
            best[name][0][:, part], best[name][1][:, part] = least.numpy(), where.numpy()
    return best


def _place(image: int, at: Sequence[int], distance: float, fields: Fields) -> Place:
    row, column = map(int, at)
    return Place(int(image), row, column, *fields[row][column], float(distance))
