"""What a notebook shows of a space: its two principal dimensions, and a few items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from scipy import sparse
from scipy.linalg import eigh

from nearspace.data.kinds.audio_shown import picture_of
from nearspace.errors import NearspaceError
from nearspace.learning.threads import one_thread
from nearspace.metrics.directions import unit_vectors
from nearspace.notebook import card, evenly, pictures_drawn, places_drawn, shortened, table

if TYPE_CHECKING:
    from nearspace.space.space import Space

__all__ = ["space_card", "space_line"]

POINTS, PICTURES, ROWS, COLUMNS = 400, 24, 8, 5  # that are shown
NUMBERS = 30  # different whole numbers, beyond which labels are numbers rather than classes


def space_line(space: Space) -> str:
    """Return how many vectors of what, on one line."""
    rows, dim = space.shape
    spec, data = shortened(space.recipe.spec, 48), shortened(space.recipe.data, 24)
    return f"Space({rows:,} × {dim:,}, {spec}, {data})"


def space_card(space: Space) -> str:
    """Return a space as HTML, see `nearspace.notebook`."""
    n, dim = space.shape
    facts = [f"{n:,} × {dim:,}", space.recipe.spec, f"near by {space.recipe.metric}"]
    if space.recipe.made_by:
        facts.append(f"made by {space.recipe.made_by}")
    body = [_map(space), _items(space)] if n else []
    return card("Space", space.recipe.data or "A space", [fact for fact in facts if fact], body)


def _map(space: Space) -> Markup:
    """Return some items on the plane of the first two principal components."""
    n, rows = len(space), evenly(len(space), POINTS)
    some = f"{len(rows):,} of {n:,} items, " if len(rows) < n else ""
    labels = None if space.labels is None else _colours(space.labels[rows])
    plane = principal_plane(space.vectors[rows], space.recipe.metric)
    return places_drawn(plane, labels, f"{some}first two principal components")


def principal_plane(vectors: Any, metric: str) -> np.ndarray:
    """Return the first two principal components of vectors, shape ``(n, 2)``.

    They come from the inner products of the vectors, so that wide sparse ones stay sparse.
    """
    if metric == "cosine":
        vectors = unit_vectors(vectors)
    vectors = vectors.astype(np.float64)
    products = vectors @ vectors.T
    products = products.toarray() if sparse.issparse(products) else products
    products = products - products.mean(axis=0) - products.mean(axis=1)[:, None] + products.mean()
    n = len(products)
    with one_thread():
        values, directions = eigh(products, subset_by_index=(max(n - 2, 0), n - 1))
    plane = (directions * np.sqrt(np.maximum(values, 0)))[:, ::-1]
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))


def _colours(labels: np.ndarray) -> np.ndarray:
    """Return labels as floats where they are numbers, else as they are."""
    there = [label for label in labels.tolist() if label is not None]
    floats = all(isinstance(label, float) for label in there)
    whole = all(isinstance(label, int) for label in there) and len(set(there)) > NUMBERS
    if there and (floats or whole):
        return np.array([np.nan if label is None else label for label in labels], dtype=float)
    return labels


def _items(space: Space) -> Markup:
    """Return a few items: thumbnails, or what is known of them."""
    if space.thumbnails is not None:
        rows = evenly(len(space), PICTURES)
        try:
            pictures = [picture_of(space.thumbnails[row] or b"") for row in rows.tolist()]
        except NearspaceError as error:  # of a file that is gone since, or damaged
            return Markup("<small>{}</small>").format(shortened(error))
        captions = space.ids if space.labels is None else space.labels
        return pictures_drawn(zip(pictures, captions[rows], strict=True))
    rows = evenly(len(space), ROWS)
    columns = {"id": space.ids[rows].tolist()}
    if space.labels is not None:
        columns["label"] = space.labels[rows].tolist()
    if space.meta is not None:
        names = [name for name in space.meta.column_names if name not in columns]
        some = space.meta.select(names[:COLUMNS]).take(rows)
        columns |= {name: some[name].to_pylist() for name in names[:COLUMNS]}
    return table(list(columns), zip(*columns.values(), strict=True), range(len(columns)))
