"""The part of a page that shows where in other images the nearest patch of an image lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Dataset, Image
from nearspace.judge.layerboard import LayerBoard
from nearspace.judge.places import Place, board_places
from nearspace.report.page import environment

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["places_section"]

# Images are drawn side by side, and a page with photographs in full would be many megabytes.
LARGEST_SIDE = 96


def places_section(board: LayerBoard) -> Markup | str:
    """Return a ``<section>`` with the places that each layer of a network finds alike.

    Parameters
    ----------
    board : LayerBoard
        What `compare_layers` found.

    Returns
    -------
    Markup or str
        HTML to put on a page; empty where the items are no images or no layer has locations.
    """
    from markupsafe import Markup

    layers, queries, gallery = board_places(board)
    if not layers:
        return ""
    rows = [
        [
            (layer, [(_drawn(queries, asked), _label(queries, asked))]
             + [(_drawn(gallery, place), _label(gallery, place)) for place in found])
            for layer, asked, found in (
                (layer, layer.queries[q], layer.found[q]) for layer in layers
            )
        ]
        for q in range(len(queries))
    ]  # fmt: skip
    template = environment().get_template("places.html.j2")
    return Markup(template.render(queries=rows, searched=len(gallery)))


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
        f'<span class="place">{_small(images.items[place.image])}'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f"{rectangles}</svg></span>"
    )


def _small(item: np.ndarray) -> str:
    """Return an image as an ``<img>``, at most `LARGEST_SIDE` pixels wide and high."""
    from PIL import Image as Pillow

    height, width, channels = item.shape
    if max(height, width) > LARGEST_SIDE:
        picture = Pillow.fromarray(item[..., 0] if channels == 1 else item)
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        item = np.asarray(picture).reshape(picture.height, picture.width, channels)
    return Image.infer(item[None]).draw(item)


def _label(images: Dataset, place: Place) -> str:
    return "" if images.target is None else images.target.texts[place.image]
