"""`neighbours`: what stands nearest to an item, a vector or another space."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.encoders.base import Encoder
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.metrics.directions import has_direction, zeros_told
from nearspace.metrics.exact import rows_in_range
from nearspace.metrics.retrieval import VectorArray, check_search
from nearspace.notebook import shortened
from nearspace.space.arrays import first_row_without
from nearspace.space.search.exact import Hidden
from nearspace.space.search.filters import column_of, matching
from nearspace.space.search.hybrid import Fused, find, texts_asked
from nearspace.space.search.of_each import codes_of, count_codes, nearest_of_each
from nearspace.space.space import Space, as_space

__all__ = ["Neighbours", "analogy", "encoder_of", "neighbours", "vectors_at"]

NAMED = 3  # neighbours on one line


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Neighbours:
    """What was found for each of ``q`` queries, the nearest first.

    By the cosine, a query that is the zero vector, which has no direction, finds nothing: its ids
    are None, its positions -1 and its scores NaN.

    Attributes
    ----------
    ids : ndarray of shape (q, k)
        The ids of the found.
    positions : ndarray of shape (q, k), int64
        Where they stand in the space.
    scores : ndarray of shape (q, k), float64
        Cosine similarities, inner products, or Euclidean distances; of words their BM25, of words
        and vectors together the sum of ``1 / (60 + rank)`` in both.
    metric : str
        Which of these: ``"cosine"``, ``"dot"``, ``"euclidean"``, ``"bm25"`` or ``"ranks"``.
    recall : float
        1 where the search was exact. Else the share of the true ten nearest that the index found
        when it was built.
    notes : tuple of str
        What there is to say of the search.
    ranks : dict of str to ndarray of shape (q, k)
        Where words and vectors searched together, the ranks by ``"words"`` and by ``"vectors"``; 0
        where one of the two has not found an item among its first hundred, or first ``k``.
    """

    ids: np.ndarray
    positions: np.ndarray
    scores: np.ndarray
    metric: str
    recall: float = 1.0
    notes: tuple[str, ...] = ()
    ranks: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __repr__(self) -> str:
        """Return of how many queries they are, and those of the first, on one line."""
        queries, k = self.ids.shape
        first = ", ".join(shortened(of, 16) for row in self.ids[:1] for of in row[:NAMED].tolist())
        told = f": {first}{', …' * (k > NAMED or queries > 1)}" * bool(first)
        return f"Neighbours({queries:,} × {k:,} by {self.metric}{told})"


@called_as("neighbours(space, queries)")
def neighbours(
    space: Space,
    queries: Any = None,
    k: int = 10,
    metric: str | None = None,
    where: str | Sequence[str] | None = None,
    exclude_self: bool = False,
    exact: bool = False,
    per: str | None = None,
    words: str | Sequence[str] | None = None,
) -> Neighbours:
    """Return the nearest items of every query.

    The search is exact, to the last bit of float64, unless the space has an index for the metric
    (`build_index`) and there is no ``where``. Items that are equally near stand in their order.

    Parameters
    ----------
    space : Space, or vectors that `load` reads
        What to search.
    queries : array-like of shape (d,) or (q, d), ids, or Space
        Vectors; one id or a list of ids of the space (text or whole numbers); or another space
        that was made by the same encoder. Of items pass ``space.encoder.transform(items)``. May be
        left out where ``words`` are given.
    k : int, default=10
        How many to find. Where fewer may be found, all of them.
    metric : {"cosine", "dot", "euclidean"}, optional
        Cosine similarity, inner product or Euclidean distance, and none in place of another; by
        default what the vectors are meant for, as the recipe of the space says. By the cosine a
        zero vector, which has no direction, is not found and finds nothing.
    where : str or sequence of str, optional
        Conditions that an item must meet to be found, such as ``"label=cat"`` or ``"age>=30"``;
        see `nearspace.space.search.filters.matching`.
    exclude_self : bool, default=False
        An item that is itself the query, by its id, is not found; equal ones with other ids are.
    exact : bool, default=False
        Search all vectors, even where there is an index.
    per : str, optional
        A column of `meta`: of the items that have one value there only the nearest is found, as of
        the chunks of a ``"document"``; with ``exclude_self`` none that has the query's own. An item
        without a value stands for itself.
    words : str or sequence of str, optional
        A text for each query, by the words of which the column ``"text"`` of the space is searched
        too, as search engines do, ranked by BM25. What words and vectors find, a hundred items or
        ``k`` each, is put in one order by reciprocal rank fusion. Without ``queries`` words search
        alone.

    Returns
    -------
    Neighbours
        ``min(k, m)`` for every query, where ``m`` is how many items, or values of ``per``, may be
        found; with ``exclude_self`` one less, if one of the queries is among them. By words as many
        as have a word of the query.

    Raises
    ------
    NearspaceError
        On vectors of another encoder or length or with NaN or infinity, an unknown id, metric or
        column.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> found = neighbours(space, 17, k=3, exclude_self=True)
    >>> found.ids.tolist(), found.scores.round(2).tolist()
    ([[1666, 108, 1649]], [[0.54, 0.57, 0.68]])
    >>> neighbours(space, 17, k=3, where="label!=7").ids.shape
    (1, 3)
    >>> texts = load(["near means alike", "far means other"], chunks=2)
    >>> chunks = embed(texts, "tfidf")
    >>> neighbours(chunks, "0#1", per="document").ids.tolist()
    [['0#1', '1#1']]
    >>> asked = ["far from alike"]
    >>> both = neighbours(chunks, chunks.encoder.transform_queries(asked), 2, words=asked)
    >>> both.ids.tolist(), both.ranks["words"].tolist()
    ([['0#2', '1#1']], [[1, 2]])
    """
    space = as_space(space, "neighbours")
    metric = metric or space.recipe.metric
    check_search(metric, k)
    allowed = matching(space, [where] if isinstance(where, str) else where) if where else None
    if words is None:
        return _nearest(space, queries, k, metric, allowed, exclude_self, exact, per)
    texts = texts_asked(space, words)
    codes = None if per is None else codes_of(column_of(space, per), per)
    if queries is None:
        if exclude_self:
            raise _without_id("text")
        fused = find(space.words, texts, None, k, Hidden(allowed), codes)
        notes = tuple(
            f"No text has a word of '{shortened(text, 40)}'."
            for text in itertools.compress(texts, fused.wordless)
        )
        return _of_fused(space, fused, "bm25", notes)
    vectors, own = _queries(space, queries, exclude_self)
    if len(texts) != vectors.shape[0]:
        raise DataError(
            f"neighbours: expected a text in words= for each of {vectors.shape[0]} queries, got "
            f"{len(texts)}."
        )
    nearest: Any = None

    def by_vectors(depth: int) -> np.ndarray:
        nonlocal nearest
        nearest = _nearest(space, queries, depth, metric, allowed, exclude_self, exact, None)
        return nearest.positions

    fused = find(space.words, texts, by_vectors, k, Hidden(allowed, own), codes)
    alone = ": what is found is near by vectors alone"
    notes = tuple(
        f"No text has a word of '{shortened(text, 40)}'{alone * bool((positions >= 0).any())}."
        for text, positions, wordless in zip(texts, fused.positions, fused.wordless, strict=True)
        if wordless
    )
    return _of_fused(space, fused, "ranks", nearest.notes + notes, nearest.recall)


def _of_fused(
    space: Space, fused: Fused, metric: str, notes: tuple[str, ...], recall: float = 1.0
) -> Neighbours:
    """Return what was found by words, or by words and vectors."""
    ids = space.ids[fused.positions]
    if (gone := fused.positions < 0).any():
        ids = ids.astype(object)
        ids[gone] = None
    return Neighbours(ids, fused.positions, fused.scores, metric, recall, notes, fused.ranks)


def _nearest(
    space: Space,
    queries: Any,
    k: int,
    metric: str,
    allowed: np.ndarray | None,
    exclude_self: bool,
    exact: bool,
    per: str | None,
) -> Neighbours:
    """Return the nearest items of every query by their vectors; see `neighbours`."""
    if queries is None:
        raise DataError("neighbours: expected queries to search by, or a text in words=; got none.")
    vectors, own = _queries(space, queries, exclude_self)
    findable = _findable(space, allowed, metric)
    there = len(space) if findable is None else int(findable.sum())
    if own is not None and (own >= 0 if findable is None else findable[own] & (own >= 0)).any():
        there -= 1
    hidden, asked = Hidden(allowed, own), has_direction(vectors)
    notes = _on_zeros(space, asked, metric) + space.recipe.notes
    notes += _on_items(space, queries, vectors)
    if metric == "cosine" and vectors.dtype == np.float64:  # whose squares may vanish
        vectors = rows_in_range(vectors)

    def search(count: int) -> Any:
        return space.searcher.search(vectors, count, metric, hidden, exact)

    if per is None:
        positions, scores, recall, told = search(max(0, min(k, there)))
    else:
        codes = codes_of(column_of(space, per), per)
        k = max(0, min(k, count_codes(codes, findable, own)))
        positions, scores, recall, told = nearest_of_each(search, there, k, codes, own)
    ids = space.ids[positions]
    if metric == "cosine" and not asked.all():
        ids = ids.astype(object)
        ids[~asked], positions[~asked], scores[~asked] = None, -1, np.nan
    return Neighbours(ids, positions, scores, metric, recall, told + notes)


def _findable(space: Space, allowed: np.ndarray | None, metric: str) -> np.ndarray | None:
    """Return which items may be found, of those that are allowed; None where all may."""
    directed = space.searcher.directed if metric == "cosine" else None
    if allowed is None or directed is None:
        return directed if allowed is None else allowed
    return allowed & directed


def encoder_of(space: Space) -> Encoder:
    """Return the encoder of a space, or raise `NearspaceError` if it has none."""
    if space.encoder is None:
        raise NearspaceError(
            "The space has no encoder, since its vectors were made elsewhere: it cannot embed new "
            "items. Search by the id of an item, or by a vector."
        )
    return space.encoder


def _on_zeros(space: Space, asked: np.ndarray, metric: str) -> tuple[str, ...]:
    """Return notes on queries and items without direction, as texts without a known word are.

    They are told of in a space that is meant for the cosine, by whichever metric it is searched.
    """
    if "cosine" not in (metric, space.recipe.metric):
        return ()
    notes, directed = [], space.searcher.directed
    blank = "nothing to compare" if space.encoder is None else space.encoder.first.zero_means
    zeros, hidden = int((~asked).sum()), 0 if directed is None else int((~directed).sum())
    if zeros:
        which = "The query" if len(asked) == 1 else f"Of {len(asked):,} queries {zeros:,}"
        verb = "are zero vectors" if zeros > 1 else "is the zero vector"
        near = "nothing is near" if metric == "cosine" else "what is near means nothing"
        notes.append(f"{which} {verb} ({blank}): {near}.")
    if hidden and metric == "cosine":
        notes.append(zeros_told(hidden, len(space), "items", blank))
    elif hidden:
        notes.append(f"{hidden:,} of {len(space):,} items are zero, near to all by {metric}.")
    return tuple(notes)


def _on_items(space: Space, queries: Any, vectors: Any) -> tuple[str, ...]:
    """Return a note where what comes are items, whose columns raw has moved, and not vectors."""
    if isinstance(queries, Space) or space.recipe.spec != "raw" or space.encoder is None:
        return ()
    offset = space.encoder.offset_
    if offset is None or not vectors.shape[0]:
        return ()
    near = np.abs(vectors - offset).max(axis=1) < np.abs(vectors).max(axis=1) / 2
    if near.mean() < 0.5:
        return ()
    return (
        "The queries look like items, and vectors are items less an offset: give "
        "space.encoder.transform(items).",
    )


def _queries(
    space: Space, queries: Any, exclude_self: bool
) -> tuple[VectorArray, np.ndarray | None]:
    """Return the vectors of queries and, to leave them out, where they themselves stand or -1."""
    positions: np.ndarray | None = None
    if isinstance(queries, Space):
        ours, theirs = space.recipe, queries.recipe
        comparable = {ours.fingerprint, (ours.aligned or {}).get("fingerprint")}
        if queries is not space and theirs.fingerprint not in comparable:
            raise NearspaceError(
                f"The other space was made by another encoder, '{theirs.spec}' with the "
                f"fingerprint {theirs.fingerprint}, than this one, '{ours.spec}' with "
                f"{ours.fingerprint}: their vectors cannot be compared. Embed its items with the "
                "encoder of this one."
            )
        vectors: Any = queries.vectors
        places = {name: place for place, name in enumerate(space.ids.tolist())}
        positions = np.array([places.get(name, -1) for name in queries.ids.tolist()])
    elif sparse.issparse(queries):
        vectors = sparse.csr_array(queries)
    elif (array := np.asarray(queries)).dtype.kind in "OUSiu" and array.ndim < 2:
        positions = np.array([space.position(name) for name in array.ravel().tolist()])
        vectors = space.vectors[positions]
    else:
        vectors = np.atleast_2d(array)
    if exclude_self and positions is None:
        raise _without_id("vector")
    return _checked(space, vectors), positions if exclude_self else None


def _without_id(what: str) -> DataError:
    """Return the error of a query that is no item, where the item itself is to be left out."""
    return DataError(
        f"exclude_self leaves out the item that is the query; a {what} has no id by which to know "
        "it: search by ids."
    )


def _checked(space: Space, vectors: Any) -> VectorArray:
    """Return vectors as the space has them, dense or sparse, or say what is wrong with them."""
    if vectors.dtype.kind not in "fiub":
        raise DataError(f"Queries: expected numbers, ids or a space, got {vectors.dtype}.")
    if vectors.ndim != 2 or vectors.shape[1] != space.vectors.shape[1]:
        raise DataError(
            f"Queries: expected vectors of {space.vectors.shape[1]} numbers, like the space, got "
            f"an array of shape {vectors.shape}."
        )
    most = np.finfo(np.float32).max  # comparing NaN with it is false too
    row = first_row_without(lambda values: np.abs(values) <= most, vectors)
    if row is not None:
        raise DataError(
            f"Queries: row {row} holds NaN, infinity or what float32 cannot hold; expected finite "
            "numbers."
        )
    if sparse.issparse(space.vectors):
        return sparse.csr_array(vectors)
    return vectors.toarray() if sparse.issparse(vectors) else vectors


@called_as("analogy(space, a, b, c)")
def analogy(
    space: Space, a: Any, b: Any, c: Any, k: int = 10, metric: str | None = None
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
    metric : {"cosine", "dot", "euclidean"}, optional
        How near is measured; by default the space's own way. Under cosine, which knows directions
        alone, the three vectors are brought to length 1 first (Levy & Goldberg, 2014).

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

    space = as_space(space, "analogy")
    metric = metric or space.recipe.metric
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
