"""Queries as people put them, a text or a file of items, and answers with all that is known."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import load
from nearspace.data.chunks import chunked
from nearspace.data.kinds.kind import kind_of_file
from nearspace.data.readers.files import suffix_of
from nearspace.errors import DataError
from nearspace.foreign import printable_json
from nearspace.space.arrays import free_name
from nearspace.space.search.neighbours import Neighbours, encoder_of
from nearspace.space.search.words import TEXT
from nearspace.space.space import Space

__all__ = [
    "RANKS",
    "Queries",
    "answer_notes",
    "answer_rows",
    "answers_json",
    "item_rows",
    "items_named",
    "items_with_ids",
    "read_queries",
    "read_texts",
    "texts_of",
]

# What an answer calls the ranks of `Neighbours.ranks`.
RANKS = {"words": "rank_by_words", "vectors": "rank_by_vectors"}
ANSWER = ("query", "rank", "score", *RANKS.values(), "id", "label")  # what an answer says of itself


@dataclasses.dataclass(frozen=True, eq=False)
class Queries:
    """What a space is searched by.

    Attributes
    ----------
    names : list of str
        What to call each query: the text, the file, or the file and the item in it.
    vectors : ndarray or csr_array of shape (q, d), or None
        What `neighbours` takes as its queries.
    notes : tuple of str
        What there is to say of them.
    texts : list of str
        The queries themselves, where they are texts; else none.
    items : sequence, optional
        The queries themselves, in the container of the kind of the space, where they are at hand.
    """

    names: list[str]
    vectors: Any
    notes: tuple[str, ...] = ()
    texts: list[str] = dataclasses.field(default_factory=list)
    items: Any = None


def read_queries(
    space: Space, queries: Iterable[str], column: str | Sequence[str] | None = None
) -> Queries:
    """Return what texts and files stand for, embedded by the encoder of a space.

    Parameters
    ----------
    space : Space
        Of a known kind, with its encoder.
    queries : iterable of str
        At least one: a text where the space is one of texts, or the path of a file: an image, a
        table of rows, an archive. Words alone, none of which is a file, are one text.
    column : str or sequence of str, optional
        The column of a table that holds texts, those that are joined, or the array of an archive.

    Returns
    -------
    Queries
        One or several a file, in order.

    Raises
    ------
    NearspaceError
        If the space has no encoder, or a file is not there or holds no such items.

    Examples
    --------
    >>> from nearspace import embed
    >>> space = embed(load("sentences"), "tfidf | pca(dim=4)")
    >>> asked = read_queries(space, ["the sea", "qwertyuiop"])
    >>> asked.vectors.shape, asked.notes
    ((2, 4), ("No word of 'qwertyuiop' is known to the encoder; what is found means nothing.",))
    """
    encoder, are_texts = encoder_of(space), _holds_texts(space)
    names: list[str] = []
    vectors: list[Any] = []
    notes: list[str] = []
    texts: list[str] = []
    every: list[Any] = []
    for query in _phrases(list(queries), are_texts):
        called, items, told = _items(space, query, column)
        names += called
        notes += told
        every.append(items)
        texts += items if are_texts else []
        vectors.append(encoder.transform_queries(items))
        notes += encoder.notes_on(items)
        if isinstance(items, list) and (encoder.first is not encoder or encoder.metric == "dot"):
            # By the cosine of a single encoder it is a zero vector, which the search itself tells.
            counts = abs(encoder.first.transform_queries(items)).sum(axis=1)
            notes += [
                f"No word of '{name}' is known to the encoder; what is found means nothing."
                for name, count in zip(called, counts, strict=True)
                if not count
            ]
    are_sparse = sparse.issparse(vectors[0])
    joined = sparse.vstack(vectors, format="csr") if are_sparse else np.concatenate(vectors)
    kind: Any = space.kind
    own = functools.reduce(kind.join, every) if kind.part else None
    return Queries(names, joined, tuple(notes), texts, own)


def read_texts(
    space: Space, queries: Sequence[str], column: str | Sequence[str] | None = None
) -> Queries:
    """Return queries by whose words alone to search, which needs no encoder.

    In a space of texts a query may be a file of them, as for `read_queries`; in any other, as one
    of pictures with captions, it is a text.

    Examples
    --------
    >>> from nearspace import embed
    >>> read_texts(embed(load("sentences"), "hashing"), ["the", "sea"]).texts
    ['the sea']
    """
    phrases = _phrases(list(queries))
    if not _holds_texts(space):
        return Queries(phrases, None, (), phrases)
    names, texts = list[str](), list[str]()
    for query in phrases:
        called, items, _ = _items(space, query, column)
        names += called
        texts += items
    return Queries(names, None, (), texts, texts)


def items_named(space: Space, queries: Queries) -> Space:
    """Return queries as the items of the space that are named like their files.

    Raises
    ------
    DataError
        If none is.
    """
    own = set(space.ids.tolist())
    ids = []
    for name in queries.names:
        parts = Path(name).parts
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        end = next((end for end in ends if end in own), None)
        if end is None:
            raise DataError(
                "exclude_self= leaves out the item that is the query, and none is named like "
                f"'{name}': search by its id."
            )
        ids.append(end)
    return Space(queries.vectors, np.array(ids), None, space.recipe)


def texts_of(space: Space, ids: Iterable[Any]) -> list[str]:
    """Return the texts of items of a space that has some; "" for one that is missing."""
    texts: Any = space.meta[TEXT]  # type: ignore[index]
    return [str(texts[space.position(name)].as_py() or "") for name in ids]


def items_with_ids(space: Space, ids: Sequence[Any]) -> Any:
    """Return items of a space that keeps all that they are made of; None of one that does not."""
    if space.meta is None or space.kind is None:
        return None
    rows = np.array([space.position(name) for name in ids], dtype=np.int64)
    if space.kind.part == "word":
        return texts_of(space, ids) if TEXT in space.meta.column_names else None
    return space.kind.from_columns(space.meta.take(rows))


def _holds_texts(space: Space) -> bool:
    """Return whether the items of a space are texts, so that a text is a query."""
    return space.kind is not None and space.kind.query("") is not None


def _phrases(queries: list[str], are_texts: bool = True) -> list[str]:
    """Return queries with words that no quotes hold together as the one text that they are."""
    words = len(queries) > 1 and not any(" " in query or os.path.exists(query) for query in queries)
    return [" ".join(queries)] if words and are_texts else queries


def _items(
    space: Space, query: str, column: str | Sequence[str] | None
) -> tuple[list[str], Any, list[str]]:
    """Return the items that a query stands for, their names, and what there is to say of them.

    It stands for itself, or for what a file holds, whose long texts are cut as those of the space.
    """
    kind: Any = space.kind
    # These take any text, however long.
    items, path = kind.query(query), Path(query)
    # A word that ends as files do that are read is meant as one, there or not.
    is_file = suffix_of(query) and (" " not in query or os.path.isfile(query))
    if items is not None and not is_file:
        return [query], items, []
    if not os.path.exists(query):
        raise DataError(f"There is no file '{query}'; the space is one of {kind}.")
    is_item = kind_of_file(path.name) is type(kind) and not suffix_of(path.name)
    source: Any = [path] if is_item else query
    dataset = load(source, like=kind, column=column)
    # That a picture is one, and was brought to the size of the others, goes without saying.
    notes = [f"{query}: {note}" for note in dataset.notes[2:]] if is_item else []
    if space.recipe.cut is not None:
        cut = chunked(dataset, *space.recipe.cut)
        if len(cut) > len(dataset):
            notes += [f"{query}: {note}" for note in cut.notes[len(dataset.notes) :]]
            dataset = cut
    if len(dataset) == 1:
        return [query], dataset.items, notes
    names = [f"{query}: {name}" for name in np.asarray(dataset.ids).tolist()]
    return names, dataset.items, notes


def answer_rows(space: Space, neighbours: Neighbours) -> list[list[dict[str, Any]]]:
    """Return what was found for each query, a row a neighbour.

    Parameters
    ----------
    space : Space
        The one that was searched.
    neighbours : Neighbours
        What was found in it.

    Returns
    -------
    list of list of dict
        ``rank``, ``score`` and ``id`` of each, its ``label`` where there are labels, and whatever
        else is known of it; see `answer_notes` for columns of these names. Where words and vectors
        searched together, also ``rank_by_words`` and ``rank_by_vectors``, None where one of them
        has not found it.

    Examples
    --------
    >>> from nearspace import embed, load, neighbours
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> answer_rows(space, neighbours(space, 17, k=1))
    [[{'rank': 1, 'score': 0.0, 'id': 17, 'label': 7}]]
    """
    answers, columns = [], _answer_columns(space)
    for query, positions in enumerate(neighbours.positions):
        positions = positions[positions >= 0]  # a query without direction has no neighbours
        scores = neighbours.scores[query, : len(positions)].tolist()
        ids = neighbours.ids[query, : len(positions)].tolist()
        rows: list[dict[str, Any]] = [
            {"rank": rank, "score": score, "id": name}
            for rank, (score, name) in enumerate(zip(scores, ids, strict=True), start=1)
        ]
        for by, ranks in neighbours.ranks.items():
            for row, rank in zip(rows, ranks[query].tolist(), strict=False):
                row[RANKS[by]] = rank or None
        _tell_all(rows, space, positions, columns)
        answers.append(rows)
    return answers


def item_rows(space: Space, positions: np.ndarray) -> list[dict[str, Any]]:
    """Return what is known of some items of a space, a row an item, named as in `answer_rows`.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> item_rows(embed(load("digits"), "pca(dim=8)"), np.array([17]))
    [{'id': 17, 'label': 7}]
    """
    rows = [{"id": name} for name in space.ids[positions].tolist()]
    _tell_all(rows, space, positions, _answer_columns(space))
    return rows


def _tell_all(
    rows: list[dict[str, Any]], space: Space, positions: np.ndarray, columns: dict[str, str]
) -> None:
    """Add to the rows of items what else is known of each."""
    if space.labels is not None:
        for row, label in zip(rows, space.labels[positions].tolist(), strict=True):
            row["label"] = label
    if space.meta is not None:
        for row, meta in zip(rows, space.meta.take(positions).to_pylist(), strict=True):
            row.update({columns[name]: value for name, value in meta.items()})


def answer_notes(space: Space) -> tuple[str, ...]:
    """Return which columns of a space have other names in answers, whose own names they have."""
    return tuple(
        f"The column '{name}' of the space is '{shown}' in the answers."
        for name, shown in _answer_columns(space).items()
        if name != shown
    )


def _answer_columns(space: Space) -> dict[str, str]:
    """Return what each column of a space is called in answers; names of ours come first."""
    columns: dict[str, str] = {}
    for name in space.meta.column_names if space.meta is not None else ():
        columns[name] = free_name(name, {*ANSWER, *columns.values()})
    return columns


def answers_json(
    names: list[str], answers: list[list[dict[str, Any]]], neighbours: Neighbours
) -> str:
    """Return the answers to queries as JSON text, dates among them as text, `printable`."""
    how = {"metric": neighbours.metric, "recall": neighbours.recall}
    queries = [
        {"query": name, **how, "neighbours": rows}
        for name, rows in zip(names, answers, strict=True)
    ]
    return printable_json(queries, indent=1, default=str)
