"""A space embedded anew by another encoder: the same items, and all that is known of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data import Dataset, Text
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.space.file.growing import TellItems, grow_by_parts, is_unfinished, mark_of
from nearspace.space.formats import open_space
from nearspace.space.search.filters import column_of
from nearspace.space.space import Space, check_space, dataset_for, embed

__all__ = ["items_of", "re_embed", "re_embed_file"]

NAMED = 3  # items that an error names


def items_of(space: Space, source: Dataset | None = None) -> Dataset:
    """Return the items of a space, in their order, with ids, labels, groups, time and split.

    Parameters
    ----------
    space : Space
        One of texts or tables, which it keeps, where there is no source.
    source : Dataset, optional
        Where to find the items by their ids.

    Raises
    ------
    DataError
        If the space does not keep its items, or the source lacks some.

    Examples
    --------
    >>> items_of(embed(["near", "far"], "tfidf")).items
    ['near', 'far']
    """
    kind, name = space.kind or Text(), space.recipe.data
    if source is not None:
        kind = source.kind
        places = {str(each): at for at, each in enumerate(np.asarray(source.ids).tolist())}
        missing = [each for each in space.ids.tolist() if str(each) not in places]
        if missing:
            named = ", ".join(map(str, missing[:NAMED])) + ", …" * (len(missing) > NAMED)
            raise DataError(
                f"{source.name} has no item of {len(missing):,} of the {len(space):,} ids of the "
                f"space ({named}): give all that it was made of, read in the same way."
            )
        items = source.take(np.array([places[str(each)] for each in space.ids.tolist()])).items
    else:
        items = None if space.meta is None else kind.from_columns(space.meta)
        if items is None:
            what = space.kind or "of a kind that is not known, and without texts"
            raise DataError(
                f"The space of {name} is {what}, and keeps of its items no more than can be shown: "
                "give what it was made of by items=, or lead its vectors into the new space by "
                "align, which needs some items in both."
            )
    columns = [] if space.meta is None else space.meta.column_names
    roles: dict[str, Any] = {
        role: column_of(space, column)
        for role, column in space.recipe.roles.items()
        if column in columns
    }
    labels: Any = space.labels
    return Dataset(items, kind, space.ids, labels, name=name, **roles)


@called_as("re_embed(space, 'pca(dim=8)')")
def re_embed(space: Space, encoder: Any, items: Dataset | None = None) -> Space:
    """Return a space with the vectors of another encoder, and all else that is known of its items.

    Ids, labels, metadata and thumbnails stay; what was computed from the old vectors, as a map is,
    is left behind.

    Parameters
    ----------
    space : Space
        The old one.
    encoder : Encoder, str or transformer
        Fitted or not, a spec, or a scikit-learn transformer; see `embed`.
    items : Dataset, optional
        What the space was made of, where it does not keep its items whole: it does with texts and
        tables, and does not with images and vectors.

    Returns
    -------
    Space
        The new one.

    Raises
    ------
    NearspaceError
        If the items are not known, or the encoder does not take them.

    Examples
    --------
    >>> old = embed(["near means alike", "far means other"], "raw", labels=["a", "b"])
    >>> new = re_embed(old, "tfidf")
    >>> new.labels.tolist(), new.recipe.spec, new.shape
    (['a', 'b'], 'tfidf', (2, 5))
    """
    check_space(space, "re_embed")
    return _renewed(space, items_of(space, items), as_encoder(encoder))


def re_embed_file(
    source: Path,
    encoder: Any,
    path: Path,
    tell: TellItems,
    items: Dataset | None = None,
    anew: bool = False,
) -> Space:
    """Embed the items of a space anew into another file, some at a time; see `re_embed`.

    The new file holds all that is done, whenever it is interrupted, and grows on from there when
    the same is asked for again. The encoder is fitted on all items, before any is embedded.

    Parameters
    ----------
    source, path : Path
        The old file, which stays as it is, and the new one.
    encoder, items
        As of `re_embed`.
    tell : callable
        Is told how many items are done, of all.
    anew : bool, default=False
        Whether to begin again where it was interrupted.
    """
    old = open_space(source)
    if not len(old):
        raise DataError(f"{source} is empty; expected items to embed anew.")
    if is_unfinished(source):
        raise NearspaceError(
            f"{source} is unfinished: let the command that was interrupted end it first."
        )
    dataset, encoder = items_of(old, items), as_encoder(encoder)
    if encoder.needs_all_items:
        raise NearspaceError(
            f"{encoder.spec} looks vectors up that others have made: nearspace import makes a "
            "space of them."
        )
    return grow_by_parts(
        dataset_for(encoder, dataset),
        encoder,
        path,
        lambda: mark_of(source),
        lambda rows, by: _renewed(old[rows], dataset.take(rows), by),
        tell,
        anew,
    )


def _renewed(space: Space, dataset: Dataset, encoder: Encoder) -> Space:
    """Return a space with the vectors that an encoder makes of its items."""
    new = embed(dataset, encoder)
    old = space.recipe
    recipe = dataclasses.replace(new.recipe, data=old.data, roles=old.roles, chunks=old.chunks)
    return dataclasses.replace(
        space,
        vectors=new.vectors,
        recipe=recipe,
        made_by=new.made_by,
        thumbnails=space.thumbnails if space.thumbnails is not None else new.thumbnails,
        parts={},
        stored_words=None,
    )
