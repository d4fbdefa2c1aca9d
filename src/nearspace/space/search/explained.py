"""`explain`: which words of a query, and of what was found, make the two alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nearspace.data import Text
from nearspace.encoders.exhibits import MarkedPair
from nearspace.encoders.leave_out import MOST_PARTS, leave_out
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.recipe import METRICS
from nearspace.space.search.neighbours import Neighbours, encoder_of
from nearspace.space.search.queries import texts_of
from nearspace.space.search.words import TEXT
from nearspace.space.space import Space, as_space

__all__ = ["check_explained", "explain"]


@called_as("explain(space, texts, neighbours(space, queries))")
def explain(
    space: Space,
    texts: str | Sequence[str],
    nearest: Neighbours,
    *,
    asked: bool = True,
    most: int = MOST_PARTS,
) -> list[list[MarkedPair]]:
    """Return how much each word of a query, and of what was found, makes the two alike.

    The effect of a word is the likeness that is lost where it is left out, see `leave_out`. It is
    asked of the encoder, so that any will do. What words have found, alone or beside vectors, is
    explained by how alike the vectors are.

    Parameters
    ----------
    space : Space
        Of texts, with its encoder.
    texts : str or sequence of str
        The queries.
    nearest : Neighbours
        What was found for each of them in the space.
    asked : bool, default=True
        Whether the texts were searched for as queries; else as items of the space are.
    most : int, default=200
        How many parts of a text are left out in turn: of a text of more words they are so many
        words in a row each.

    Returns
    -------
    list of list of MarkedPair
        For each query one for each neighbour: the query is on the left.

    Raises
    ------
    NearspaceError
        If the space is none of texts, keeps none, or has no encoder; or there are not as many
        queries as answers.

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
    if isinstance(texts, dict):
        raise DataError("explain: expected a text or a list of texts, got dict.")
    queries = Text().check([texts] if isinstance(texts, str) else texts, "explain")
    if not isinstance(nearest, Neighbours):
        raise DataError(
            "explain: expected what neighbours(space, queries) returned, got one "
            f"{type(nearest).__name__}."
        )
    if len(queries) != len(nearest.positions):
        raise DataError(
            f"explain: expected a text for each of the {len(nearest.positions):,} queries that "
            f"were answered, got {len(queries):,}."
        )
    rows = [positions[positions >= 0].tolist() for positions in nearest.positions]
    left = [query for query, some in zip(queries, rows, strict=True) for _ in some]
    positions = np.array([position for some in rows for position in some], dtype=np.int64)
    right = texts_of(space, space.ids[positions].tolist())
    # What words find is explained too, by what the vectors say of it.
    metric = nearest.metric if nearest.metric in METRICS else space.recipe.metric
    pairs = iter(leave_out(encoder_of(space), left, right, metric, asked=asked, most=most))
    return [[next(pairs) for _ in some] for some in rows]


def check_explained(space: Space) -> None:
    """Raise `NearspaceError` unless a space is one of texts that are kept, with their encoder."""
    if space.kind is None or not space.kind.worded:
        of = "vectors made elsewhere" if space.kind is None else f"items of the kind {space.kind}"
        raise NearspaceError(
            f"explain: expected a space of texts, whose words can be left out; this is one of {of}."
        )
    encoder_of(space)
    if space.meta is None or TEXT not in space.meta.column_names:
        raise NearspaceError(
            "explain: the space keeps no texts to leave words out of; embed them anew."
        )
