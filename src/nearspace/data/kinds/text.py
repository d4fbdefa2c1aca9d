"""`Text`: strings, as a list of ``str``."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.duplicates import near_texts, normal_form
from nearspace.data.encodings import utf8_of
from nearspace.data.kinds.kind import ItemsRead, Kind, Wanted, content_hash
from nearspace.data.members import File, size_of
from nearspace.data.memory import check_memory
from nearspace.data.parts import ItemParts, runs_of
from nearspace.data.spans import CHUNK, Cut, chunk_spans, whole_numbers
from nearspace.data.traits import Trait
from nearspace.data.words import word_spans
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LONGEST", "Text", "is_unicode"]

ENDINGS = ".txt .text .md .markdown .rst .log .tex .adoc"
SHOWN = 200
LONGEST = 5000  # characters of a text whose parts are looked at
COUNTED = 2**20  # bytes of a text that are counted at once
WIDEST = 4  # bytes of a character
COPIES = 6  # of texts in files that are in memory at once, as bytes and as text


@dataclasses.dataclass(frozen=True)
class Text(Kind):
    """Texts: a list of ``str``.

    Examples
    --------
    >>> Text.infer(["near means alike", "far means other"])
    Text()
    >>> Text().features(["aaab"])[0, [97, 98]].tolist()
    [0.75, 0.25]
    """

    name: ClassVar[str] = "text"
    plural: ClassVar[str] = "texts"
    form: ClassVar[str] = "a list of str"
    metric = "cosine"
    endings: ClassVar[tuple[str, ...]] = tuple(ENDINGS.split())
    part: ClassVar[str] = "word"
    unit: ClassVar[str] = "word"
    compares_pairs: ClassVar[bool] = False

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like texts: the first of a list, an array or a Series is one."""
        if isinstance(items, list | tuple):
            return "list of str" if items and isinstance(items[0], str) else None
        if getattr(items, "ndim", 0) != 1 or not hasattr(items, "dtype"):
            return None
        text = getattr(items.dtype, "kind", "O") == "U" or isinstance(next(iter(items), None), str)
        return "array of str" if text else None

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of a list of ``str``."""
        cls().check(items)
        return cls()

    @classmethod
    def read(cls, paths: Sequence[File], wanted: Wanted) -> ItemsRead:
        """Return the texts in files, a text a file."""
        check_memory(COPIES * sum(map(size_of, paths)), f"The text of {len(paths):,} files")
        texts, failed = [], {}
        for index, path in enumerate(paths):
            try:
                text = utf8_of(path.read_bytes()).decode()
            except (OSError, ValueError) as error:
                failed[index] = getattr(error, "strerror", None) or str(error)
            else:
                if text.strip():
                    texts.append(text)
                else:
                    failed[index] = "without a text"
            if wanted.progress is not None:
                wanted.progress(index + 1, len(paths))
        if not texts:
            raise DataError(
                f"None of the {len(paths):,} texts can be read; the first is {paths[0].name}: "
                f"{failed[0]}."
            )
        return ItemsRead(texts, cls(), (), failed)

    def check(self, items: Any, who: str = "Texts") -> list[str]:
        """Return the texts as a list of ``str``.

        Raises
        ------
        DataError
            On one string in place of a list, and on an item that is no text, whose row is named.
        """
        if isinstance(items, str) or not np.iterable(items) or getattr(items, "ndim", 1) != 1:
            raise DataError(f"{who}: expected a list of str, got {type(items).__name__}.")
        texts = list(items)
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise DataError(
                    f"{who}: row {row} is {text!r} of type {type(text).__name__}, expected str; "
                    "remove the row or put a text there."
                )
            if not text.isascii() and not is_unicode(text):
                raise DataError(
                    f"{who}: row {row} holds half of a surrogate pair; repair the text."
                )
        return [str(text) for text in texts]

    def blank(self) -> list[str]:
        """Return one text without a word."""
        return [""]

    def query(self, text: str) -> list[str]:
        """Return the text itself, as items."""
        return [text]

    def join(self, first: list[str], second: list[str]) -> list[str]:
        """Return texts followed by others."""
        return first + second

    def same(self, items: list[str]) -> np.ndarray:
        """Return one number for texts that differ by blanks, case or how characters are written."""
        return np.unique(content_hash([*map(normal_form, items)]), return_inverse=True)[1]

    def near(self, items: list[str], asked: np.ndarray) -> np.ndarray:
        """Return pairs of texts that have most of their runs of eight characters in common."""
        pairs = near_texts(items)
        both = np.concatenate([pairs, pairs[:, ::-1]])
        return both[np.isin(both[:, 0], asked)]

    def to_columns(self, items: list[str]) -> dict[str, list[str]]:
        """Return the texts as the column ``text``."""
        return {"text": items}

    def from_columns(self, columns: pa.Table) -> list[str] | None:
        """Return the column ``text``, if it is there and nothing in it is missing."""
        if "text" not in columns.column_names or columns["text"].null_count:
            return None
        return self.check(columns["text"].to_pylist())

    def features(self, items: list[str]) -> np.ndarray:
        """Return how often each of the 256 bytes stands in the UTF-8 text, as a share of it.

        This is the floor of texts: what can be told without knowing what a word is.
        """
        counts = np.zeros((len(items), 256), dtype=np.float32)
        for row, text in enumerate(items):
            data = np.frombuffer(text.encode(), dtype=np.uint8)
            for start in range(0, len(data), COUNTED):  # each byte as a number of eight
                counts[row] += np.bincount(data[start : start + COUNTED], minlength=256)
            counts[row] /= max(len(data), 1)
        return counts

    def traits(self, items: list[str], rows: np.ndarray) -> list[Trait]:
        """Return how long texts are, their first and last words, and how much is in capitals."""
        texts = [items[row] for row in rows]
        words = [text.split() or [""] for text in texts]
        capitals = [sum(map(str.isupper, text)) / max(len(text), 1) for text in texts]
        return [
            Trait("the length of the texts", np.array(list(map(len, texts)), dtype=np.float64)),
            Trait("the number of words", np.array(list(map(len, words)), dtype=np.float64)),
            Trait("the share of capitals in the texts", np.array(capitals)),
            Trait("the first word of the texts", np.array([w[0] for w in words], dtype=object)),
            Trait("the last word of the texts", np.array([w[-1] for w in words], dtype=object)),
        ]

    def parts(self, items: list[str], index: int, most: int) -> ItemParts:
        """Return the words of a text, and the text without each; of a long one its beginning."""
        text = items[index][:LONGEST]
        runs = runs_of(word_spans(text), most)
        spans = [(run[0][0], run[-1][1]) for run in runs]
        return ItemParts(text, spans, [text, *(_without(text, *span) for span in spans)])

    def cut(self, items: list[str], size: float, overlap: float, who: str) -> Cut:
        """Return texts in chunks of so many words; the last one ends its text."""
        size, overlap = whole_numbers(size, overlap, self.unit)
        spans = [chunk_spans(text, size, overlap) for text in items]
        where = np.concatenate(spans)
        nbytes = WIDEST * int((where[:, 1] - where[:, 0]).sum()) + CHUNK * len(where)
        check_memory(nbytes, f"{who} in {len(where):,} chunks")
        rows = np.repeat(np.arange(len(items)), [len(each) for each in spans])
        chunks = [
            items[row][start:end] for row, (start, end) in zip(rows, where.tolist(), strict=True)
        ]
        return Cut(chunks, rows, where[:, 0])

    def draw(self, item: str) -> str:
        """Return the beginning of the text."""
        shown = item if len(item) <= SHOWN else item[: SHOWN - 1] + "…"
        return f"<q>{html.escape(shown)}</q>"


def is_unicode(text: str) -> bool:
    """Return whether a text can be written as UTF-8: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without(text: str, start: int, end: int) -> str:
    """Return a text without a part, and without the blanks that then would stand twice."""
    before, after = text[:start], text[end:]
    return before + (after.lstrip() if not before or before[-1].isspace() else after)
