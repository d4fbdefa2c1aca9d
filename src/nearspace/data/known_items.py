"""`known_items`: queries made from texts, each of which is to find the rest of its own text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.kind import content_hash
from nearspace.data.lots import keys_of, lots
from nearspace.data.pairs import Pairs
from nearspace.errors import DataError

__all__ = ["known_items"]

MOST_QUERIES = 2000
SHORTEST = 12  # characters of a query, and of what is left of its text
TITLES = ("title", "subject", "headline")
# The end of a sentence before a blank, of one in a script that has none, or of a line.
ENDS = re.compile(r"[.!?…؟।]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』]?|\n")


def known_items(dataset: Dataset, random_state: int = 0, most: int = MOST_QUERIES) -> Pairs:
    """Return queries made from the texts of a dataset, linked to what is left of their texts.

    The query is the title of a text where there is a column of titles, else its first sentence, and
    the rest of the text is the document to be found. Texts of one sentence are documents too, to
    be told from the others, but no query.

    Parameters
    ----------
    dataset : Dataset
        Texts.
    random_state : int, default=0
        Of the draw of the queries.
    most : int, default=2000
        How many queries there are at most.

    Returns
    -------
    Pairs
        Queries on the left, documents on the right. Equal documents are one, found by the queries
        of each.

    Raises
    ------
    DataError
        If the items are no texts, or no query can be made.

    Examples
    --------
    >>> from nearspace import load
    >>> pairs = known_items(load(["Cats are animals. They sleep all day long.", "A ship."]))
    >>> pairs.left.items, pairs.right.items
    (['Cats are animals.'], ['They sleep all day long.', 'A ship.'])
    """
    if dataset.kind.query("") is None:
        raise DataError(
            f"{dataset.name}: queries can be made from texts, got {dataset.kind.plural}; expected "
            "pairs of two columns (load_pairs(…), --pairs), or queries and which items "
            "are relevant (load_retrieval(…), --queries and --qrels)."
        )
    texts, how = list(dataset.items), "the first sentence of a text"
    titles = _titles(dataset)
    if titles is not None:
        how = f"the {titles[0]} of a text"
        parts = [
            (title, text) if _is_long(title) and _is_long(text) else None
            for title, text in zip(titles[1], texts, strict=True)
        ]
    else:
        parts = [_parts(text) for text in texts]
    able = np.array([at for at, part in enumerate(parts) if part is not None], dtype=int)
    if not len(able):
        raise DataError(
            f"{dataset.name}: expected texts of several sentences, or with titles, to make queries "
            f"of; none of {len(texts):,} texts is, such as '{texts[0]:.40}'."
        )
    names = content_hash([texts[at] for at in able])
    drawn = np.sort(able[np.argsort(lots(keys_of(names), random_state), kind="stable")[:most]])
    rest = [text if part is None else part[1] for part, text in zip(parts, texts, strict=True)]
    documents, of_document = _different(dataset, rest, np.arange(len(rest)))
    queries, of_query = _different(dataset, [parts[at][0] for at in drawn], drawn)
    links = np.unique(np.stack([of_query, of_document[drawn]], axis=1), axis=0)
    few = "" if len(drawn) == len(able) else f"; {len(drawn):,} of {len(able):,} were drawn"
    notes = [
        f"The queries are made from the texts, since there are none: {how} is to find what is left "
        f"of it{few}. People ask in other words, so that this tells less than queries of theirs."
    ]
    if len(texts) > len(able):
        short = len(texts) - len(able)
        are, they = ("text is", "it") if short == 1 else ("texts are", "they")
        notes.append(
            f"{short:,} {are} too short to be parted: {they} can be found, and no query is made of "
            "such."
        )
    return Pairs(
        queries,
        documents,
        links,
        name=dataset.name,
        notes=(*dataset.notes, *notes),
        made_by=how,
        searched=True,
    )


def _titles(dataset: Dataset) -> tuple[str, list[str]] | None:
    """Return a column of titles, and what it is called, where there is one."""
    columns = [] if dataset.meta is None else dataset.meta.column_names
    named = {name.lower(): name for name in columns}
    name = next((named[name] for name in TITLES if name in named), None)
    if name is None or dataset.meta is None:
        return None
    titles = ["" if title is None else str(title) for title in dataset.meta[name].to_pylist()]
    return (name, titles) if any(map(_is_long, titles)) else None


def _parts(text: str) -> tuple[str, str] | None:
    """Return the first sentence of a text and the rest; None where it cannot be parted."""
    for end in ENDS.finditer(text):
        first, rest = text[: end.end()].strip(), text[end.end() :].strip()
        if _is_long(first):
            return (first, rest) if _is_long(rest) else None
    return None


def _is_long(text: str) -> bool:
    return len(text.strip()) >= SHORTEST


def _different(dataset: Dataset, texts: list[str], rows: np.ndarray) -> tuple[Dataset, np.ndarray]:
    """Return different texts as a dataset, with ids and groups of the rows, and their places."""
    import pandas as pd

    places, different = pd.factorize(np.array(texts, dtype=object))
    first = rows[np.unique(places, return_index=True)[1]]
    of_rows: dict[str, Any] = {
        name: None if values is None else np.asarray(values)[first]
        for name, values in (("ids", dataset.ids), ("groups", dataset.groups))
    }
    made = Dataset(list(different), dataset.kind, name=dataset.name, **of_rows)
    return made, places
