"""The part of a page that shows where in other images the nearest patch of an image lies."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Dataset, Kind
from nearspace.judge.studies.layers import LayerBoard
from nearspace.judge.studies.places import Place, board_places
from nearspace.report.base import Section, section

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["places_sections"]

# Images are drawn side by side, and a page with photographs in full would be many megabytes.
LARGEST_SIDE = 96


def places_sections(board: LayerBoard) -> list[Section]:
    """Return the part of a page with the places that each layer of a network finds alike.

    Parameters
    ----------
    board : LayerBoard
        What `compare_layers` found.

    Returns
    -------
    list of Section
        One; none where the items are no images or no layer has locations.
    """
    layers, queries, gallery = board_places(board)
    if not layers:
        return []
    rows = [
        [
            (layer, _shown(queries, [layer.queries[q]]) + _shown(gallery, layer.found[q]))
            for layer in layers
        ]
        for q in range(len(queries))
    ]
    return [section("places", queries=rows, searched=len(gallery))]


def _shown(images: Dataset, places: Sequence[Place]) -> list[tuple[Markup, str]]:
    """Return images with places outlined, and their labels."""
    labels = None if images.target is None else images.target.texts
    return [(_drawn(images, at), "" if labels is None else labels[at.image]) for at in places]


def _drawn(images: Dataset, place: Place) -> Markup:
    """Return an image with the cell of a place outlined, and what it sees where that is less."""
    from markupsafe import Markup

    height, width = images.items.shape[1:3]
    boxes: list[tuple[str, Any]] = [("cell", place.cell)]
    if place.field not in (place.cell, (0, 0, height, width)):
        boxes.insert(0, ("field", place.field))
    rectangles = "".join(
        f'<rect class="{name}" x="{left}" y="{top}" width="{right - left}" '
        f'height="{bottom - top}"/>'
        for name, (top, left, bottom, right) in boxes
    )
    return Markup(
        f'<span class="place">{_small(images.kind, images.items[place.image])}'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f"{rectangles}</svg></span>"
    )


def _small(kind: Kind, item: np.ndarray) -> str:
    """Return an image as an ``<img>``, at most `LARGEST_SIDE` pixels wide and high."""
    from PIL import Image as Pillow

    data = kind.picture(item, LARGEST_SIDE) or b""
    picture = Pillow.open(io.BytesIO(data))
    width, height = picture.size
    style = ' class="pixelated"' if max(width, height) < 32 else ""
    return (
        f'<img{style} width="{width}" height="{height}" alt="image of {width} × {height} pixels" '
        f'src="data:{picture.get_format_mimetype()};base64,{base64.b64encode(data).decode()}">'
    )
