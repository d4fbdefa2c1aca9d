"""`recommend`: for a user of a space the items that they have not, and by which of theirs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data.kinds.interactions import SORTS, Interactions
from nearspace.encoders.recommender import Recommender
from nearspace.errors import DataError, NearspaceError, count_of, did_you_mean
from nearspace.metrics.exact import rescored
from nearspace.notebook import shortened
from nearspace.space.search.filters import matching
from nearspace.space.search.neighbours import neighbours
from nearspace.space.space import Space, check_space

__all__ = ["Recommendation", "recommend"]

BECAUSE = 3  # items of a user by which one that is recommended is explained


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Recommendation:
    """What is recommended to somebody, the best first.

    Attributes
    ----------
    ids : ndarray of shape (k,)
        The items.
    positions : ndarray of shape (k,), int64
        Where they stand in the space.
    scores : ndarray of shape (k,), float64
        Inner products with the user, or what the space measures by.
    because : ndarray of shape (k, m), int64
        For each the positions of those items of the user that are nearest to it, by the cosine; -1
        where none is.
    had : ndarray of int64
        The positions of all items of the user, which are not recommended.
    notes : tuple of str
        What there is to say of it.
    """

    ids: np.ndarray
    positions: np.ndarray
    scores: np.ndarray
    because: np.ndarray
    had: np.ndarray
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        first = ", ".join(shortened(name, 16) for name in self.ids[:BECAUSE].tolist())
        return f"Recommendation({len(self.ids):,} items: {first})"


def recommend(
    space: Space,
    user: str | None = None,
    *,
    likes: Sequence[str] = (),
    k: int = 10,
    where: str | Sequence[str] | None = None,
) -> Recommendation:
    """Return the items of a space that a user is likeliest to have next, without those they have.

    Parameters
    ----------
    space : Space
        Of users and items, as `embed` makes one by an encoder such as ``als``.
    user : str, optional
        The id of a user of the space; it may be given without its ``user-``.
    likes : sequence of str, optional
        In place of a user the ids of items that somebody has, with or without their ``item-``.
    k : int, default=10
        How many items, at most.
    where : str or sequence of str, optional
        Conditions that an item must meet, see `nearspace.space.search.filters.matching`.

    Returns
    -------
    Recommendation

    Raises
    ------
    NearspaceError
        If it is no space of users and items, there is no such user or item, its encoder makes no
        user of items, or nothing is known by which to recommend.

    Examples
    --------
    >>> from nearspace import embed, load_interactions
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (2, "c"), (3, "a")])
    >>> space = embed(data, "itemknn(shrinkage=0)")
    >>> told = recommend(space, "3", k=1)
    >>> told.ids.tolist(), space.ids[told.because[0, :1]].tolist()
    (['item-b'], ['item-a'])
    >>> recommend(space, likes=["b"], k=1).ids.tolist()
    ['item-a']
    """
    check_space(space, "recommend")
    count_of(k, "recommend", "k")
    if space.recipe.kind is None or space.recipe.kind.get("kind") != Interactions.name:
        of = "vectors" if space.kind is None else space.kind
        raise NearspaceError(
            f"recommend: expected a space of users and items, got one of {of}; embed some that "
            "load_interactions (--interactions) reads."
        )
    if space.meta is None or not {"sort", "history"} <= {*space.meta.column_names}:
        raise NearspaceError(
            "recommend: the space does not say what is a user and what an item, as its columns are "
            "missing; embed the data again."
        )
    if (user is None) == (not likes):
        raise NearspaceError("recommend: expected a user, or items that somebody likes (likes=).")
    if isinstance(likes, str):
        raise NearspaceError(f"recommend: expected likes= as ids of items, got '{likes:.40}'.")
    notes: tuple[str, ...] = ()
    places = {str(name): at for at, name in enumerate(space.ids.tolist())}
    if user is None:
        had = np.unique([_place(each, SORTS[1], places) for each in likes])
        vector, notes = _folded_in(space, had)
    else:
        at = _place(user, SORTS[0], places)
        names = json.loads(space.meta["history"][at].as_py() or "[]")
        had = np.array([places[name] for name in names if name in places], dtype=np.int64)
        vector = space.vectors[[at]]
    values = vector.data if sparse.issparse(vector) else vector
    if not np.any(values):
        who = f"'{user}'" if user is not None else "somebody with these items"
        raise DataError(
            f"recommend: nothing is known of {who} by which {space.recipe.spec} could recommend "
            "anything; what most users have is in a space of popularity."
        )
    is_item = np.array([sort == SORTS[1] for sort in space.meta["sort"].to_pylist()])
    if where is not None:
        is_item &= matching(space, [where] if isinstance(where, str) else where)
    rows = np.flatnonzero(is_item)
    rows = np.setdiff1d(rows, had)
    if not len(rows):
        raise DataError("recommend: there is no item that the user has not and that may be found.")
    near = neighbours(space[rows], vector, k)
    positions = rows[near.positions[0]]
    return Recommendation(
        space.ids[positions], positions, near.scores[0], _because(space, positions, had),
        had, (*notes, *near.notes),
    )  # fmt: skip


def _place(name: str, sort: str, places: dict[str, int]) -> int:
    """Return where a user or an item stands, by its id with or without what it is."""
    for each in (f"{sort}-{name}", str(name)):
        if each in places and each.startswith(f"{sort}-"):
            return places[each]
    own = [each.removeprefix(f"{sort}-") for each in places if each.startswith(f"{sort}-")]
    raise DataError(f"There is no {sort} '{name!s:.60}'. {did_you_mean(str(name), own)}")


def _folded_in(space: Space, had: np.ndarray) -> tuple[Any, tuple[str, ...]]:
    """Return the vector of somebody who has some items, and which of these say nothing."""
    encoder = space.encoder
    if not isinstance(encoder, Recommender):
        raise NearspaceError(
            f"recommend: {space.recipe.spec} makes no user of items that somebody likes (likes=), "
            "as als, ease or two_tower does; name a user of the space."
        )
    columns = {name: at for at, name in enumerate(encoder.names_)}
    names = space.ids[had].tolist()
    there = np.array([columns[name] for name in names if name in columns], dtype=np.int64)
    cells = np.ones(len(there), np.float32), (np.zeros_like(there), there)
    history = sparse.csr_array(cells, shape=(1, len(columns)), dtype=np.float32)
    notes: tuple[str, ...] = ()
    if new := [name for name in names if name not in columns]:
        notes = (
            f"{len(new):,} of {len(names):,} items, as '{new[0]:.60}', came after "
            f"{space.recipe.spec} was fitted, and play no part in what is recommended.",
        )
    return encoder.of_histories(history), notes


def _because(space: Space, positions: np.ndarray, had: np.ndarray) -> np.ndarray:
    """Return which of the items that somebody has are nearest to each of some, by the cosine."""
    most = min(BECAUSE, len(had))
    if not most:
        return np.empty((len(positions), 0), dtype=np.int64)
    every = np.broadcast_to(np.arange(len(had)), (len(positions), len(had)))
    alike = rescored(space.vectors[positions], space.vectors[had], every, "cosine")
    order = np.argsort(-alike, axis=1, kind="stable")[:, :most]
    best = np.take_along_axis(alike, order, axis=1)
    return np.where(best > 0, had[order], -1)
