"""The index of words in the file of a space: made with the file, and kept right by every change."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing

from nearspace.errors import NearspaceError
from nearspace.space.file.database import Columns, Header, has_words, words_checksum
from nearspace.space.file.rows import Rows
from nearspace.space.search.words import (
    TEXT,
    WORDS,
    add_texts,
    instances,
    memory_index,
    take_text_out,
)

__all__ = ["NOT_AS_WRITTEN", "change_words", "index_words", "is_as_written", "wrong_words"]

NOT_AS_WRITTEN = "The index of words does not match its checksum."


def index_words(db: sqlite3.Connection, columns: Columns) -> None:
    """Index the words of all texts in a file that has some, and has no index yet.

    A SQLite without FTS5 writes a file without, which is searched as well, if not by it.
    """
    if columns.meta.get(TEXT) != "text" or has_words(db):
        return
    try:
        memory_index([]).close()  # what fails in a new file, which has no journal, stays in it
    except NearspaceError:
        return
    db.execute(WORDS["words"])
    add_texts(db, ((row, _text(meta)) for row, meta in db.execute("SELECT row, meta FROM items")))


def change_words(db: sqlite3.Connection, row: int, old: str | None, new: str | None) -> None:
    """Bring the index of words, if there is one, from the metadata that a row had to the new."""
    before, after = _text(old), _text(new)
    if before == after or not has_words(db):
        return
    if before is not None:
        take_text_out(db, row, before)
    if after is not None:
        add_texts(db, [(row, after)])


def _text(meta: str | None) -> str | None:
    """Return the text in the metadata of an item."""
    return json.loads(meta).get(TEXT) if meta else None


def is_as_written(db: sqlite3.Connection, header: Header) -> bool:
    """Return whether the index of words, if there is one, matches its checksum."""
    return words_checksum(db) == header.words


def wrong_words(db: sqlite3.Connection, header: Header, rows: Rows) -> list[str]:
    """Return that the index of words is not that of the texts, by every place of every word."""
    if not is_as_written(db, header):
        return [NOT_AS_WRITTEN]
    if not has_words(db) or rows.damaged or rows.lying or rows.doubles:
        return []  # of rows that are lost nobody knows what it should hold
    texts = [None] * len(rows.ids)
    if rows.meta is not None and TEXT in rows.meta.column_names:
        texts = rows.meta[TEXT].to_pylist()
    with closing(memory_index(zip(rows.rows.tolist(), texts, strict=True))) as made:
        pairs = itertools.zip_longest(instances(db), instances(made))
        if all(one == other for one, other in pairs):
            return []
    return ["The index of words is not that of the texts."]
