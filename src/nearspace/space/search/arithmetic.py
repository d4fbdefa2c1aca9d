"""Arithmetic with the vectors of a space: what is to c as b is to a."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from nearspace.errors import DataError
from nearspace.space.search.neighbours import Neighbours, neighbours

if TYPE_CHECKING:
    from nearspace.space.space import Space

__all__ = ["analogy", "vectors_at"]


def analogy(
    space: Space, a: Any, b: Any, c: Any, k: int = 10, metric: str = "cosine"
) -> Neighbours:
    """Return what is to ``c`` as ``b`` is to ``a``: the items nearest to b − a + c.

    Parameters
    ----------
    space : Space
        Any space.
    a, b, c : id or ndarray of shape (d,)
        Items by their ids, or vectors. Items given are not among those found.
    k : int, default=10
        How many to find.
    metric : {"cosine", "dot", "euclidean"}, default="cosine"
        How near is measured. Under cosine, which knows directions alone, the three vectors are
        brought to length 1 first (Levy & Goldberg, 2014).

    Returns
    -------
    Neighbours
        Of one query: ids, positions and scores of shape ``(1, k)``, the nearest first.

    Raises
    ------
    NearspaceError
        If there is no such item or metric, or a vector is of another dimension.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("wine"), "pca(dim=4)")
    >>> found = analogy(space, 0, 1, 2, k=3, metric="euclidean")
    >>> found.ids.shape, set(found.ids[0].tolist()) & {0, 1, 2}
    ((1, 3), set())
    """
    from sklearn.preprocessing import normalize

    terms = vectors_at(space, [a, b, c])
    if metric == "cosine":
        terms = normalize(terms)
    target: Any = (terms[1] - terms[0] + terms[2])[None].astype(np.float32)
    if sparse.issparse(space.vectors):
        target = sparse.csr_array(target)
    given = {space.position(item) for item in (a, b, c) if not _is_vector(item)}
    nearest = neighbours(space, target, k + len(given), metric)
    others = np.flatnonzero(~np.isin(nearest.positions[0], list(given)))[:k]
    rows = {name: getattr(nearest, name)[:, others] for name in ("ids", "positions", "scores")}
    return dataclasses.replace(nearest, **rows)


def vectors_at(space: Space, items: Sequence[Any]) -> np.ndarray:
    """Return the vectors of items, shape ``(m, d)``, float32.

    Parameters
    ----------
    space : Space
        Where they are.
    items : sequence of id or ndarray of shape (d,)
        Ids; what is a vector already is returned as it is.

    Raises
    ------
    NearspaceError
        If there is no such item, or a vector is of another dimension.
    """
    return np.array([_vector(space, item) for item in items], dtype=np.float32)


def _vector(space: Space, item: Any) -> np.ndarray:
    if not _is_vector(item):
        position = space.position(item)
        row: Any = space.vectors[position : position + 1]
        return row.toarray()[0] if sparse.issparse(row) else row[0]
    vector = np.asarray(item)
    dim = space.vectors.shape[1]
    if vector.shape != (dim,) or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all():
        raise DataError(
            f"Expected an id, or a vector of {dim} finite numbers, got {vector.dtype} of shape "
            f"{vector.shape}."
        )
    return vector


def _is_vector(item: Any) -> bool:
    return isinstance(item, list | tuple) or getattr(item, "ndim", 0) > 0
