"""The vectors of a space as data: to be judged, split and encoded again."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data import Dataset, Vector, load
from nearspace.data.sources import is_split
from nearspace.space.search.filters import column_of
from nearspace.space.space import Space, dense_vectors

__all__ = ["as_dataset"]


def as_dataset(
    space: Space,
    *,
    labels: str | None = None,
    groups: str | None = None,
    time: str | None = None,
    limit: int | None = None,
    random_state: int = 0,
) -> Dataset:
    """Return the vectors of a space as a dataset of vectors, with ids and what is known of each.

    Parameters
    ----------
    space : Space
        Any space that can be written in full.
    labels, groups, time : str, optional
        Columns of `Space.meta`; by default the space's own labels, groups and time, as the recipe
        names them. So is the published split.
    limit : int, optional
        At most so many items, drawn at random.
    random_state : int, default=0
        Of the draw.

    Returns
    -------
    Dataset
        Its notes say what made the vectors, and whether the fit has seen the items.

    Raises
    ------
    NearspaceError
        If there is no such column, or sparse vectors are too wide.

    Examples
    --------
    >>> from nearspace import embed
    >>> vectors = as_dataset(embed(load("wine"), "pca(dim=4)"))
    >>> vectors.kind, len(vectors.target)
    (Vector(dim=4), 178)
    """
    own = [] if space.meta is None else space.meta.column_names
    usual = {role: name for role, name in space.recipe.roles.items() if name in own}
    columns = {role: usual[role] for role in usual if role in ("groups", "time", "split")}
    asked = {"labels": labels, "groups": groups, "time": time}
    columns |= {role: name for role, name in asked.items() if name is not None}
    roles: dict[str, Any] = {role: column_of(space, name) for role, name in columns.items()}
    published = roles.pop("split", None)
    loaded = load(
        dense_vectors(space), kind="vector", ids=space.ids, limit=limit, random_state=random_state,
        **{"labels": space.labels, **roles},
    )  # fmt: skip
    split = None
    # An item that is in no part of the split has an empty text for it.
    parts = np.setdiff1d(np.asarray([] if published is None else published, dtype=str), [""])
    if published is not None and len(parts) and is_split(parts):
        split = published[[space.position(name) for name in np.asarray(loaded.ids).tolist()]]
    spec = space.recipe.spec
    notes = [*loaded.notes[1:], f"Vectors of {space.recipe.data}, made by {spec}."]
    if split is None and spec != "vectors" and getattr(space.encoder, "learns", "") != "nothing":
        notes.append(
            f"{spec} was fitted on these very items, so that what is judged on them flatters it; "
            "to choose an encoder, compare on the data itself."
        )
    name, kind = space.recipe.data, Vector(space.vectors.shape[1], space.recipe.metric)
    return dataclasses.replace(loaded, kind=kind, split=split, notes=tuple(notes), name=name)
