"""What a notebook shows of a dataset: a few items, and how often each class comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nearspace.notebook import card, evenly, pictures_drawn, shortened, table

if TYPE_CHECKING:
    from nearspace.data.dataset import Dataset

__all__ = ["dataset_card", "dataset_line"]

PICTURES, ROWS, COLUMNS, CLASSES = 24, 6, 6, 8  # that are shown
COUNTED = 20_000  # items at most, evenly spaced, whose classes are counted
SIDE = 48  # of a picture, in pixels
LARGEST_DRAWN = 4096  # characters


def dataset_line(dataset: Dataset) -> str:
    """Return what a dataset is, on one line."""
    told = [f"{len(dataset):,} items", shortened(dataset.kind, 44), *_told_of_target(dataset)]
    return f"Dataset({shortened(dataset.name, 24)}: {', '.join(told)})"


def dataset_card(dataset: Dataset) -> str:
    """Return a dataset as HTML, see `nearspace.notebook`."""
    facts = [f"{len(dataset):,} items", str(dataset.kind), *_told_of_target(dataset)]
    facts += [role for role in ("groups", "time", "split") if getattr(dataset, role) is not None]
    rows = evenly(len(dataset), PICTURES if dataset.kind.pictured else ROWS)
    body = [_items(dataset, rows), _classes(dataset)] if len(dataset) else []
    return card("Dataset", dataset.name, facts, body, dataset.notes)


def _told_of_target(dataset: Dataset) -> list[str]:
    """Return what labels there are, in a few words."""
    if dataset.target is None:
        return []
    few = evenly(len(dataset.target), COUNTED)
    names = dataset.target.take(few).colours[1]
    sampled = "at least " if len(few) < len(dataset.target) else ""
    told = [f"{sampled}{len(names):,} classes" if names else "labels are numbers"]
    if dataset.labelled is not None:
        told.append(f"{int(dataset.labelled.sum()):,} with a label")
    return told


def _items(dataset: Dataset, rows: np.ndarray) -> Markup:
    """Return the items at some positions: pictures, their columns, or as their kind draws them."""
    kind: Any = dataset.kind
    some, ids = kind.take(dataset.items, rows), np.asarray(dataset.ids)[rows]
    labels = None if dataset.labels is None else dataset.labels[rows]
    if kind.pictured:
        captions = ids if labels is None else labels
        pictures = (kind.picture(kind.item(some, at), SIDE) for at in range(len(rows)))
        return pictures_drawn(zip(pictures, captions, strict=True))
    heads, columns = ["id"], [ids.tolist()]
    if labels is not None:
        heads.append("label")
        columns.append(labels.tolist())
    told = list(kind.to_columns(some).items())
    for name, values in told[:COLUMNS]:
        heads.append(name)
        columns.append(list(values))
    if len(told) > COLUMNS:
        heads.append(f"and {len(told) - COLUMNS} more")
        columns.append([""] * len(rows))
    if not told:
        drawn = [kind.draw(kind.item(some, at)) for at in range(len(rows))]
        heads.append("item")
        columns.append([Markup(text if len(text) < LARGEST_DRAWN else "…") for text in drawn])
    return table(heads, zip(*columns, strict=True), range(len(heads)))


def _classes(dataset: Dataset) -> Markup:
    """Return the share of the commonest classes, with bars."""
    if dataset.target is None:
        return Markup("")
    codes, names = dataset.target.take(evenly(len(dataset.target), COUNTED)).colours
    if not names:
        return Markup("")
    shares = np.bincount(codes, minlength=len(names)) / len(codes)
    ranked = np.argsort(-shares, kind="stable")
    bar = Markup(
        '<svg width="90" height="8"><rect width="{:.1f}" height="8" rx="2" fill="#3f90da"/></svg>'
    )
    rows: list[tuple[object, ...]] = [
        (names[at], bar.format(90 * shares[at] / shares.max()), f"{100 * shares[at]:.1f} %")
        for at in ranked[:CLASSES]
    ]
    if len(names) > CLASSES:
        rest = 100 * shares[ranked[CLASSES:]].sum()
        rows.append((f"{len(names) - CLASSES:,} more", "", f"{rest:.1f} %"))
    return table(("class", "", "share"), rows, (0, 1))
