"""`explain`: which words, or columns, of a query and of what was found make the two alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.encoders.exhibits import MarkedPair
from nearspace.encoders.leave_out import MOST_PARTS, leave_out
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.recipe import METRICS
from nearspace.space.search.neighbours import Neighbours, encoder_of
from nearspace.space.search.queries import items_with_ids
from nearspace.space.space import Space, as_space

__all__ = ["check_explained", "explain"]


@called_as("explain(space, queries, neighbours(space, vectors))")
def explain(
    space: Space,
    queries: Any,
    nearest: Neighbours,
    *,
    asked: bool = True,
    most: int = MOST_PARTS,
) -> list[list[MarkedPair]]:
    """Return how much each part of a query, and of what was found, makes the two alike.

    The parts of texts are words, those of rows of a table columns. The effect of a part is the
    likeness that is lost where it is left out, see `leave_out`. It is asked of the encoder, so
    that any will do. What words have found, alone or beside vectors, is
    explained by how alike the vectors are.

    Parameters
    ----------
    space : Space
        Of texts or rows of a table, with its encoder.
    queries : str, sequence of str, or DataFrame
        The queries.
    nearest : Neighbours
        What was found for each of them in the space.
    asked : bool, default=True
        Whether they were searched for as queries; else as items of the space are.
    most : int, default=200
        How many parts of an item are left out in turn: of one of more they are so many in a row
        each.

    Returns
    -------
    list of list of MarkedPair
        For each query one for each neighbour: the query is on the left.

    Raises
    ------
    NearspaceError
        If the space is none of texts or rows, keeps none, or has no encoder; or there are not as
        many queries as answers.

    Examples
    --------
    >>> from nearspace import embed, load, neighbours
    >>> space = embed(load(["the zip is broken", "a boat at sea"]), "tfidf")
    >>> query = "my zip broke"
    >>> found = neighbours(space, space.encoder.transform_queries([query]), k=1)
    >>> ((pair,),) = explain(space, query, found)
    >>> dict(zip(pair.right.parts, pair.right.effects.round(2).tolist(), strict=True))
    {'the': -0.08, 'zip': 0.5, 'is': -0.08, 'broken': -0.08}
    """
    space = as_space(space, "explain")
    check_explained(space)
    kind: Any = space.kind
    if isinstance(queries, dict):
        raise DataError(f"explain: expected {kind.form}, got dict.")
    asking = kind.check([queries] if isinstance(queries, str) else queries, "explain")
    if not isinstance(nearest, Neighbours):
        raise DataError(
            "explain: expected what neighbours(space, queries) returned, got one "
            f"{type(nearest).__name__}."
        )
    if len(asking) != len(nearest.positions):
        raise DataError(
            f"explain: expected a {kind.name} for each of the {len(nearest.positions):,} queries "
            f"that were answered, got {len(asking):,}."
        )
    rows = [positions[positions >= 0].tolist() for positions in nearest.positions]
    left = kind.take(asking, np.repeat(np.arange(len(rows)), [len(some) for some in rows]))
    positions = np.array([position for some in rows for position in some], dtype=np.int64)
    right = items_with_ids(space, space.ids[positions].tolist())
    # What words find is explained too, by what the vectors say of it.
    metric = nearest.metric if nearest.metric in METRICS else space.recipe.metric
    pairs = iter(leave_out(encoder_of(space), left, right, metric, asked=asked, most=most))
    return [[next(pairs) for _ in some] for some in rows]


def check_explained(space: Space) -> None:
    """Raise `NearspaceError` unless a space keeps items with parts to leave out, and an encoder."""
    if space.kind is None or not space.kind.part:
        of = "vectors made elsewhere" if space.kind is None else f"items of the kind {space.kind}"
        raise NearspaceError(
            "explain: expected a space of texts, whose words can be left out, or of rows of a "
            f"table, whose columns can; this is one of {of}."
        )
    encoder_of(space)
    if items_with_ids(space, space.ids[:1].tolist()) is None:
        raise NearspaceError(
            f"explain: the space keeps no {space.kind.plural} to leave {space.kind.part}s out of; "
            "embed them anew."
        )
