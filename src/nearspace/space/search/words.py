"""Full-text search by SQLite's FTS5: what is a word, an index of words, and what it finds.

An index holds no texts, which stand in the space already, so that what is taken out of it has to be
given as it was put in.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.space.search.exact import NOTHING, Hidden

__all__ = [
    "TEXT",
    "WORDS",
    "Match",
    "Words",
    "add_texts",
    "check_fts5",
    "expression",
    "instances",
    "match",
    "memory_index",
    "take_text_out",
]

TEXT = "text"  # the column of metadata that is searched
# Letters, digits and the marks that are written with letters; accents count for nothing.
TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'"
# What the index is, as `sqlite_schema` has it; FTS5 makes the other four.
WORDS = {
    "words": f"CREATE VIRTUAL TABLE words USING fts5({TEXT}, content='', tokenize=\"{TOKENIZER}\")",
    "words_config": "CREATE TABLE 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID",
    "words_data": "CREATE TABLE 'words_data'(id INTEGER PRIMARY KEY, block BLOB)",
    "words_docsize": "CREATE TABLE 'words_docsize'(id INTEGER PRIMARY KEY, sz BLOB)",
    "words_idx": "CREATE TABLE 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) "
    "WITHOUT ROWID",
}
# Scripts that are written without blanks between words: Thai, Lao, Burmese, Khmer, kana, Chinese.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    r"\u30fc-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
CHARACTER = re.compile(f"[{UNSPACED}]")
# Of a query: runs of such characters, and what stands between blanks or signs of ASCII.
PIECE = re.compile(rf"[{UNSPACED}]+|[^\x00-/:-@\[-`{{-\x7f\s{UNSPACED}]+\*?")

Match: TypeAlias = tuple[np.ndarray, np.ndarray]  # rows in their order, and how well each fits


def spaced(text: str) -> str:
    """Return a text with blanks around the characters of scripts that are written without.

    Examples
    --------
    >>> spaced("zip 拉链").split()
    ['zip', '拉', '链']
    """
    if text.isascii():
        return text
    return CHARACTER.sub(r" \g<0> ", text)


def expression(query: str) -> str:
    """Return what FTS5 is asked for texts with any word of a query; empty where it has none.

    No word or sign means anything but itself, except ``*`` at the end of a word: all words that
    begin so. Of scripts without blanks, any two characters of the query side by side.

    Examples
    --------
    >>> expression('C++ AND "zips" well-known zip*')
    '"C" OR "AND" OR "zips" OR "well" OR "known" OR "zip" *'
    >>> expression("拉链坏")
    '"拉 链" OR "链 坏"'
    """
    phrases: dict[str, str] = {}
    for piece in PIECE.findall(query):
        if CHARACTER.match(piece):
            runs = [" ".join(pair) for pair in itertools.pairwise(piece)] or [piece]
            phrases.update({run: f'"{run}"' for run in runs})
        elif any(letter.isalnum() for letter in piece):
            word, star = piece.removesuffix("*"), " *" * piece.endswith("*")
            phrases.setdefault(word.casefold() + star, f'"{word}"{star}')
    return " OR ".join(phrases.values())


def check_fts5(error: Exception) -> None:
    """Raise `NearspaceError` where it is for the want of FTS5 that SQLite refuses."""
    if "no such module" in str(error):
        raise NearspaceError(
            f"Words are searched by FTS5, which the SQLite {sqlite3.sqlite_version} of this Python "
            "was built without: search by vectors, or use another Python."
        ) from error


def add_texts(db: sqlite3.Connection, texts: Iterable[tuple[int, str | None]]) -> None:
    """Put texts into an index, each with the number of its row; those that are missing are not."""
    rows = ((row, spaced(text)) for row, text in texts if text is not None)
    db.executemany(f"INSERT INTO words (rowid, {TEXT}) VALUES (?, ?)", rows)


def take_text_out(db: sqlite3.Connection, row: int, text: str) -> None:
    """Take the text of a row, as it was put in, out of an index."""
    sql = f"INSERT INTO words (words, rowid, {TEXT}) VALUES ('delete', ?, ?)"
    db.execute(sql, (row, spaced(text)))


def match(db: sqlite3.Connection, query: str) -> Match:
    """Return the rows of an index that have a word of a query, and their BM25, all above 0."""
    asked = expression(query)
    sql = "SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?"
    pairs = db.execute(sql, (asked,)).fetchall() if asked else []
    pairs.sort()
    rows = np.fromiter((row for row, _ in pairs), np.int64, len(pairs))
    return rows, np.fromiter((score for _, score in pairs), np.float64, len(pairs))


def instances(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield each place of each word in an index."""
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.places USING fts5vocab(main, words, instance)"
    )
    return iter(db.execute("SELECT term, doc, offset FROM temp.places"))


def memory_index(texts: Iterable[tuple[int, str | None]]) -> sqlite3.Connection:
    """Return an index of texts in memory.

    Raises
    ------
    NearspaceError
        If SQLite was built without FTS5.
    """
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        db.execute(WORDS["words"])
    except sqlite3.OperationalError as error:
        check_fts5(error)
        raise
    add_texts(db, texts)
    return db


class Stored(Protocol):
    """The index in a file."""

    def match(self, queries: Sequence[str]) -> list[Match] | None:
        """Return what queries find, by positions; None where there is no index of these items."""


class Words:
    """The texts of a space made ready to be searched by their words.

    By the index in the file, while that is of these items, else by one that is made when it is
    first asked for.

    Parameters
    ----------
    texts : sequence of str or None
        A text an item.
    stored : Stored, optional
        The index in the file.

    Examples
    --------
    >>> words = Words(["a broken zip", "a ship", "the zip of a zip file"])
    >>> positions, scores = words.search(["ZIP!"], 2)
    >>> positions.tolist()
    [[2, 0]]
    """

    def __init__(self, texts: Sequence[str | None], stored: Stored | None = None):
        self.texts, self.stored = texts, stored
        self._lock = threading.Lock()
        self._made: sqlite3.Connection | None = None

    def search(
        self, queries: Sequence[str], depth: int, hidden: Hidden = NOTHING
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the texts with the best BM25 for each query, equal ones in their order.

        Returns
        -------
        positions : ndarray of shape (q, depth), int64
            -1 behind the last that has a word of the query.
        scores : ndarray of shape (q, depth), float64
            Their BM25, as FTS5 has it with the sign turned: more is better. NaN behind the last.
        """
        positions = np.full((len(queries), depth), -1, dtype=np.int64)
        scores = np.full((len(queries), depth), np.nan)
        for query, (places, fits) in enumerate(self._matches(queries)):
            may = np.ones(len(places), bool) if hidden.allowed is None else hidden.allowed[places]
            if hidden.own is not None:
                may &= places != hidden.own[query]
            places, fits = places[may], fits[may]
            best = np.argsort(-fits, kind="stable")[:depth]
            positions[query, : len(best)], scores[query, : len(best)] = places[best], fits[best]
        return positions, scores

    def _matches(self, queries: Sequence[str]) -> list[Match]:
        matches = None if self.stored is None else self.stored.match(queries)
        if matches is not None:
            return matches
        with self._lock:
            if self._made is None:
                self._made = memory_index(enumerate(self.texts))
            return [match(self._made, query) for query in queries]
