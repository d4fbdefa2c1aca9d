"""Files of word vectors: the text of GloVe, word2vec and fastText, and the binary of word2vec."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nearspace.data.memory import check_memory
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.texts import opened, plain_name
from nearspace.errors import DataError

__all__ = ["WordVectors", "is_word_vectors", "read_word_vectors"]

ENDINGS = (".txt", ".vec", ".bin", ".w2v", ".glove")
LONGEST_LINE = 2**22  # bytes of a word and its vector
AT_ONCE = 4096  # lines that are turned into numbers together
PIECE = 2**20  # bytes that are read at once: what a header says may be any number
NUMBER = 4  # bytes of a float32
LARGEST = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and a vector of each.

    Attributes
    ----------
    words : list of str
        Each once, in the order of the file, which is that of how common they are as a rule.
    vectors : ndarray of shape (words, d), float32
        One a word.
    notes : tuple of str
        What was left out, and why.
    """

    words: list[str]
    vectors: NDArray[np.float32]
    notes: tuple[str, ...]


def is_word_vectors(path: Path) -> bool:
    """Return whether there is a file at a path whose name is of word vectors.

    Examples
    --------
    >>> is_word_vectors(Path("nowhere/glove.txt"))
    False
    """
    return path.is_file() and plain_name(path.name).endswith(ENDINGS)


def read_word_vectors(path: str | Path, most: int | None = None) -> WordVectors:
    r"""Return the words of a file and their vectors.

    Text has a word and its numbers a line, with blanks between, behind a line that says how many
    words and numbers there are (word2vec, fastText) or not (GloVe). Binary has that line, and then
    of each word its text, a blank and its numbers as float32 (word2vec). A file may be packed as
    ``.gz``, ``.bz2`` or ``.xz``. No more is read than is asked for.

    Parameters
    ----------
    path : str or Path
        The file.
    most : int, optional
        Only the first so many words.

    Raises
    ------
    DataError
        If the file is no such file, ends early, has vectors of several lengths or numbers that are
        not finite, whose line or word is named, or says of itself what is not so.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.txt"
    ...     _ = path.write_text("near 0.5 1\nfar -0.5 1\nnear 7 7\n")
    ...     read = read_word_vectors(path)
    >>> read.words, read.vectors.tolist()
    (['near', 'far'], [[0.5, 1.0], [-0.5, 1.0]])
    >>> read.notes
    ("1 word of the file stands there again, such as 'near': its first vector is used.",)
    """
    path = Path(path).expanduser()
    with told_of_file(path.name), opened(path) as file:
        first = file.readline(LONGEST_LINE)
        header = _header(first)
        if header is not None and header[1] * NUMBER > LONGEST_LINE:
            raise DataError(
                f"{path.name}: its first line says that vectors have {header[1]:,} numbers, which "
                "is no file of word vectors."
            )
        if header is None:
            rows = _text_rows(file, first, path.name, None)
        elif _is_binary(file, header[1]):
            rows = _binary_rows(file, path.name, header)
        else:
            rows = _text_rows(file, b"", path.name, header)
        return _gathered(rows, path.name, most)


def _header(line: bytes) -> tuple[int, int] | None:
    """Return how many words and numbers a first line says there are; None where it says none."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 19 for field in fields):
        return None
    return int(fields[0]), int(fields[1])


def _is_binary(file: IO[bytes], d: int) -> bool:
    """Return whether what follows the first line is no text, leaving the file there."""
    start = file.tell()
    numbers = file.read(PIECE).partition(b" ")[2][: NUMBER * d]
    file.seek(start)
    line = numbers.partition(b"\n")[0].rstrip()
    return not (line.isascii() and line.decode("ascii").replace("\t", " ").isprintable())


Rows = Iterator[tuple[list[bytes], NDArray[np.float32]]]


def _text_rows(file: IO[bytes], first: bytes, name: str, header: tuple[int, int] | None) -> Rows:
    """Yield words and vectors of lines of text, the first of which may have been read."""
    d = len(first.split()) - 1 if header is None else header[1]
    if d < 1:
        raise DataError(
            f"{name} is no file of word vectors: expected a word and its numbers in line 1, got "
            f"{first[:40]!r}."
        )
    number, lines, n = (0 if header is None else 1), [first] if first else [], 0
    while True:
        while len(lines) < AT_ONCE and (line := file.readline(LONGEST_LINE)):
            lines.append(line)
        if not lines:
            break
        words, vectors = _parsed(lines, number, d, name)
        n += len(words)
        if header is not None and n > header[0]:
            raise DataError(
                f"{name}: its first line says that there are {header[0]:,} words, and there are "
                "more; correct the line."
            )
        yield words, vectors
        number += len(lines)
        lines = []
    if header is not None and n < header[0]:
        raise _ends_early(name, n, header[0])


def _parsed(
    lines: list[bytes], number: int, d: int, name: str
) -> tuple[list[bytes], NDArray[np.float32]]:
    """Return the words and vectors of lines, the first of which has a number, from 0."""
    parts = [line.strip().rsplit(b" ", d) for line in lines]
    at = [row for row, line in enumerate(lines) if line.strip()]
    for row in at:
        # A word may have blanks within, as some of GloVe's have, but no number behind one.
        if len(parts[row]) != d + 1 or any(map(_is_number, parts[row][0].split()[1:])):
            got = max(len(lines[row].split()) - 1, 0)
            raise DataError(
                f"{name}: line {number + row + 1} has a vector of {got} numbers, expected {d} as "
                "in the first one."
            )
    text = b" ".join(field for row in at for field in parts[row][1:])
    with warnings.catch_warnings():  # of what is no number; later versions of NumPy raise
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            numbers = np.fromstring(text, dtype=np.float32, sep=" ")
        except ValueError:
            numbers = np.empty(0, np.float32)
    if len(numbers) != len(at) * d or not np.isfinite(numbers).all():
        for row in at:
            for field in parts[row][1:]:
                if not _is_number(field):
                    raise DataError(
                        f"{name}: line {number + row + 1} holds "
                        f"{field[:40].decode(errors='replace')!r}, expected a finite number, as a "
                        "file of word vectors has behind the word of each line."
                    )
        raise DataError(
            f"{name}: lines {number + 1} to {number + len(lines)} hold what is no number."
        )
    return [parts[row][0] for row in at], numbers.reshape(len(at), d)


def _is_number(field: bytes) -> bool:
    """Return whether a field is a number that float32 holds."""
    try:
        return b"_" not in field and abs(float(field)) <= LARGEST
    except ValueError:
        return False


def _binary_rows(file: IO[bytes], name: str, header: tuple[int, int]) -> Rows:
    """Yield words and vectors of word2vec's binary, some at a time."""
    n, d = header
    width = d * NUMBER
    data, at, done = b"", 0, 0
    words: list[bytes] = []
    vectors = bytearray()
    while done + len(words) < n:
        blank = data.find(b" ", at)
        if blank < 0 or len(data) < blank + 1 + width:
            if not (more := file.read(max(PIECE, width + 1))) or len(data) - at > LONGEST_LINE:
                raise _ends_early(name, done + len(words), n)
            data, at = data[at:] + more, 0
            continue
        words.append(data[at:blank].lstrip(b"\n"))
        vectors += data[blank + 1 : blank + 1 + width]
        at = blank + 1 + width
        if len(words) == AT_ONCE:
            yield words, _numbers(words, vectors, d, name)
            done, words, vectors = done + len(words), [], bytearray()
    yield words, _numbers(words, vectors, d, name)
    if (data[at:] + file.read(2)).strip():
        raise DataError(
            f"{name}: its first line says that there are {n:,} words of {d} numbers, and there is "
            "more; it is damaged, or the line is wrong."
        )


def _numbers(words: list[bytes], data: bytearray, d: int, name: str) -> NDArray[np.float32]:
    vectors = np.frombuffer(data, "<f4").reshape(len(words), d)
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(wrong):
        word = words[wrong[0]].decode(errors="replace")
        raise DataError(f"{name}: the vector of '{word:.40}' holds what is no finite number.")
    return vectors.astype(np.float32, copy=False)


def _gathered(rows: Rows, name: str, most: int | None) -> WordVectors:
    """Return words and vectors that come some at a time, each word once."""
    at: dict[str, int] = {}
    data, d, n_read, again, undecoded = bytearray(), 1, 0, list[str](), 0
    more = False
    for names, vectors in rows:
        d = vectors.shape[1]
        check_memory(2 * vectors.nbytes + len(data) // 8, name)  # a bytearray grows by an eighth
        chosen = []
        for row, word in enumerate(names):
            if more := most is not None and len(at) == most:
                break
            n_read += 1
            try:
                text = word.decode()
            except UnicodeDecodeError:
                undecoded += 1
                continue
            if text in at or not text:
                again.append(text)
                continue
            at[text] = len(at)
            chosen.append(row)
        data += vectors[chosen].tobytes()
        if more:
            break
    if not at:
        raise DataError(f"{name} holds no word vectors.")
    notes = [f"Of the words in {name} the first {len(at):,} were read."] if more else []
    if again:
        stand = "word of the file stands" if len(again) == 1 else "words of the file stand"
        its = "its first vector is" if len(again) == 1 else "their first vectors are"
        notes.append(f"{len(again):,} {stand} there again, such as '{again[0]:.40}': {its} used.")
    if undecoded:
        left = "word is no UTF-8, and was" if undecoded == 1 else "words are not in UTF-8, and were"
        notes.append(f"{undecoded:,} {left} left out.")
    return WordVectors([*at], np.frombuffer(data, np.float32).reshape(len(at), d), tuple(notes))


def _ends_early(name: str, n: int, told: int) -> DataError:
    return DataError(
        f"{name} ends after {n:,} words, and its first line says that there are {told:,}: it is "
        "not whole; take it from where it came from again."
    )
