"""`across`: the items on one side of a space, to be searched by what stands on the other."""

from __future__ import annotations

import dataclasses

import numpy as np

from nearspace.data.kinds.sides import Sides
from nearspace.data.sided import SIDES
from nearspace.errors import NearspaceError, did_you_mean
from nearspace.space.space import Space, check_space

__all__ = ["across", "is_sided"]


def is_sided(space: Space) -> bool:
    """Return whether a space is one of items on two sides."""
    return space.recipe.kind is not None and space.recipe.kind.get("kind") == Sides.name


def across(space: Space, side: str | None) -> Space:
    """Return the items on a side of a space of pairs, which items of the other side search.

    What it embeds is of the other side, and all its items are of this one: a sentence in German
    finds English ones, a sentence finds pictures.

    Parameters
    ----------
    space : Space
        Of items on two sides, as `embed` makes one by an encoder of pairs.
    side : {"left", "right"}
        On which side the items stand that are to be found.

    Returns
    -------
    Space
        The items of that side alone.

    Raises
    ------
    NearspaceError
        If it is no space of two sides, or there is no such side.

    Examples
    --------
    >>> from nearspace import embed, load_pairs, make, neighbours
    >>> pairs = load_pairs((["das Museum", "ein Hund"], ["the museum", "a dog"]))
    >>> space = embed(pairs, make("shared(tfidf(analyzer='char'))"))
    >>> english = across(space, "right")
    >>> near = neighbours(english, english.encoder.transform(["Museum"]), k=1)
    >>> english.meta["text"][int(near.positions[0, 0])].as_py()
    'the museum'
    """
    check_space(space, "across")
    kind, encoder = space.kind, space.encoder
    if not is_sided(space):
        of = "vectors" if kind is None else kind
        raise NearspaceError(
            f"The space is one of {of}, with no two sides: leave side= out; an encoder of pairs, "
            "such as linear_pair, makes one that has some."
        )
    if side is None:
        raise NearspaceError(
            f"The space has items on two sides, {kind}: say by side= which of them, left or right, "
            "is to be searched by what stands on the other."
        )
    if not isinstance(side, str) or side not in SIDES:
        raise NearspaceError(f"There is no side '{side!s:.40}'. {did_you_mean(str(side), SIDES)}")
    if encoder is None or space.meta is None:
        raise NearspaceError("The space has no encoder, so that nothing else can be embedded.")
    rows = np.array([name == side for name in space.meta["side"].to_pylist()])
    other = encoder.side(SIDES[1 - SIDES.index(side)])
    recipe = dataclasses.replace(
        space.recipe,
        spec=other.spec,
        fingerprint=other.fingerprint,
        kind=other.kind_.to_json(),
    )
    return dataclasses.replace(space[rows], recipe=recipe, made_by=other)
