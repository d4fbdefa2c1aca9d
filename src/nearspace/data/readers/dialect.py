"""The dialect of delimited text: its separator, its names, and where its data begin."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import AnyStr

from nearspace.data.members import File
from nearspace.data.readers.texts import plain_name
from nearspace.data.sources import left_out
from nearspace.errors import DataError

__all__ = [
    "Layout",
    "beginning",
    "cut_by_blanks",
    "cut_by_colons",
    "find_layout",
    "lines_of",
    "long_fields",
    "separator_words",
    "usual_separator",
    "with_tabs",
    "with_tabs_for_colons",
]

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_CHARACTERS = 100_000
SAMPLE_RECORDS = 500
SAMPLE_LINES = 10  # at least, however long they are
MOST_COLUMNS = 100_000  # each of which is read for itself, in about a thousandth of a second
MOST_SAMPLED = 2**24  # characters: of names of columns, and of the first lines
MOST_DIGITS = 18  # of a number that counts columns
FIELD = re.compile(rb'"[^"\n]*"|\S+')
NUMBER = re.compile(r"[^\w\s]*\s?[+-]?\d[\d.,' ]*([eE][+-]?\d+)?\s?[^\w\s]*", re.ASCII)


@dataclasses.dataclass
class Layout:
    """Where in a text the records begin, and how they are cut."""

    separator: str
    names: list[str]
    start: int  # the first byte of the data
    lines: int  # how many lines stand before it
    notes: list[str]
    unnamed: tuple[str, ...] = ()  # names that stand in for none
    blanks: bool = False  # whether a blank follows each separator
    trailing: bool = False  # whether a separator ends each line


def find_layout(text: str, path: File, complete: bool) -> Layout:
    """Return where the data of a text begins, and how it is cut.

    Parameters
    ----------
    text : str
        The beginning of a file.
    path : Path or Member
        The file.
    complete : bool
        Whether the last line of `text` is whole.

    Raises
    ------
    DataError
        If it is empty, or its names or the separator cannot be told.
    """
    if not complete and "\n" not in text and "\r" not in text:
        raise DataError(
            f"{path.name}: its first line is longer than {MOST_SAMPLED:,} characters; expected a "
            "line of column names."
        )
    separator = ""
    notes: list[str] = []
    start = 0
    before: list[str] = []  # comments
    for line in lines_of(text):
        sep = re.fullmatch(r"\"?sep=(.|\\t)\"?\s*", line, re.IGNORECASE)
        if sep and not before and not separator:
            separator = "\t" if sep[1] == "\\t" else sep[1]
        elif line.strip() and not line.startswith("#"):
            break
        elif line.startswith("#"):
            before.append(line)
        start += len(line)
    sample = beginning(text[start:], SAMPLE_CHARACTERS)
    if not sample.strip() and before:  # a header alone, or a comment
        start -= len(before[-1])
        sample, before = text[start:], before[:-1]
    if not sample.strip():
        raise DataError(f"{path.name} is empty; expected a line of column names and rows.")
    whole = complete and len(sample) == len(text) - start
    separator = separator or _separator(sample, path, whole)
    records = _records(sample, separator, whole, path)
    blanks = _blank_follows(records)
    cells = [[cell.strip() for cell in record] for record in records]
    # Where the data begins: after the header and as many lines as it takes.
    layout = Layout(separator, [], start, text.count("\n", 0, start), notes, blanks=blanks)
    width = Counter(map(len, cells[1:])).most_common(1)[0][0] if len(cells) > 1 else len(cells[0])
    above = _names_above(before, separator, width)
    if above and any(map(NUMBER.fullmatch, cells[0])):
        before = before[:-1]
        layout.names = above
        notes.append("The names of the columns stand in the line of comment above the data.")
    elif _no_header(cells):
        layout.names = [f"column {number}" for number in range(width)]
        layout.unnamed = tuple(layout.names)
        shown = ", ".join(cell[:20] for cell in cells[0][:3])
        notes.append(
            f"The first line holds values ({shown}{', …' * (width > 3)}), not names: the columns "
            f"are called 'column 0'{f' to {layout.names[-1]!r}' * (width > 1)}."
        )
    else:
        skipped = _first_lines(text[start:], separator)
        layout.start, layout.lines = start + len(skipped), layout.lines + skipped.count("\n")
        _name(layout, records[0], cells[1:], width, path)
    if len(layout.names) > MOST_COLUMNS:
        raise DataError(
            f"{path.name} has {len(layout.names):,} columns, and a table is read with at most "
            f"{MOST_COLUMNS:,}; save its numbers as an array (.npy), to be read as vectors."
        )
    if before:
        notes.append(left_out(len(before), "line", "of comment"))
    layout.start = len(text[: layout.start].encode())
    return layout


def usual_separator(path: File) -> str:
    """Return the separator that the ending of a file stands for."""
    return "\t" if plain_name(path.name).endswith(".tsv") else ","


@contextlib.contextmanager
def long_fields() -> Iterator[None]:
    """Let `csv` read fields of any length inside the ``with`` block."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def beginning(text: AnyStr, least: int) -> AnyStr:
    """Return the lines at the beginning of a text: some, and so many characters at least.

    Where they are longer than anybody looks at, they end in the midst of one.
    """
    text = text[:MOST_SAMPLED]
    newline, end = (b"\n" if isinstance(text, bytes) else "\n"), -1
    for _ in range(SAMPLE_LINES):
        end = text.find(newline, end + 1)
        if end < 0:
            return text
    end = max(end, text.find(newline, least))
    return text[: end + 1] if end >= least or len(text) > least else text


def cut_by_blanks(sample: bytes) -> bool:
    """Return whether blanks cut nearly all lines of a sample alike, and into the most fields."""
    lines = [line for line in sample.splitlines() if line.strip() and not line.startswith(b"#")]
    lines = lines[:SAMPLE_RECORDS]
    if not lines:
        return False
    counts = Counter(len(FIELD.findall(line)) for line in lines)
    width, count = counts.most_common(1)[0]
    others = max(line.count(mark.encode()) for line in lines for mark in SEPARATORS)
    return count >= 0.95 * len(lines) and width > others + 1


def cut_by_colons(sample: bytes) -> bool:
    r"""Return whether ``::`` cuts all lines of a sample alike, as MovieLens' files have it.

    Examples
    --------
    >>> cut_by_colons(b"1::Alien: a film::Horror\n2::Brazil::\n"), cut_by_colons(b"a::b\nc\n")
    (True, False)
    """
    lines = [line for line in sample.splitlines() if line.strip()][:SAMPLE_RECORDS]
    counts = {line.count(b"::") for line in lines}
    return len(counts) == 1 and counts != {0} and b"\t" not in sample


def with_tabs_for_colons(data: bytes) -> bytes:
    """Return text with tabs in place of ``::``, and fields with quotation marks in such."""
    if b'"' not in data:
        return data.replace(b"::", b"\t")

    def quoted(line: bytes) -> bytes:
        cells = [b'"%b"' % cell.replace(b'"', b'""') for cell in line.split(b"::")]
        return b"\t".join(cells)

    lines = data.splitlines()
    return b"\n".join(quoted(line) if line.strip() else line for line in lines) + b"\n"


def with_tabs(data: bytes) -> bytes:
    """Return text with one tab in place of blanks and tabs, but for those in quotes."""
    data = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", data)
    if b'"' not in data:
        return re.sub(rb"[ \t]+", b"\t", data)
    return re.sub(rb'("[^"\n]*")|[ \t]+', lambda found: found[1] or b"\t", data)


def separator_words(separator: str) -> str:
    """Return a separator as a sentence names it."""
    return {"\t": "a tab", " ": "a blank"}.get(separator, f"'{separator}'")


def lines_of(text: str) -> io.StringIO:
    """Return the lines of a text with their ends, of which no other mark than these is one."""
    return io.StringIO(text, newline="")


def _records(sample: str, separator: str, whole: bool, path: File) -> list[list[str]]:
    """Return the first records of a sample cut by a separator, without blank lines and comments.

    At least one is returned; where there is none, `DataError` is raised.
    """
    reader = csv.reader(
        (line for line in lines_of(sample) if not line.startswith("#")), delimiter=separator
    )
    with long_fields():
        records = [record for record in itertools.islice(reader, SAMPLE_RECORDS) if any(record)]
    if not records:
        raise DataError(
            f"{path.name} begins with separators and quotation marks alone; expected a line of "
            "column names and rows."
        )
    # The end of a sample is in the midst of a line.
    return records if whole or len(records) in (1, SAMPLE_RECORDS) else records[:-1]


def _separator(sample: str, path: File, whole: bool) -> str:
    """Return the separator that cuts nearly all lines of a sample alike, and the header with them.

    Of several that do, it is the one whose fields are the most like numbers and words: those of
    the wrong one hold the right one.
    """
    usual = usual_separator(path)
    order = [usual, *(each for each in SEPARATORS if each != usual)]
    fitting: dict[str, float] = {}
    headers = {}
    for separator in order:
        records = _records(sample, separator, whole, path)
        header, counts = len(records[0]), Counter(map(len, records[1:]))
        headers[separator] = header
        width, lines = counts.most_common(1)[0] if counts else (header, 1)
        share = lines / max(1, sum(counts.values()))
        if width > 1 and share >= 0.8 and abs(width - header) <= 1 and header > 1:
            cells = [cell for record in records for cell in record if len(record) == width]
            like = sum(_is_clean(cell) for cell in cells) / max(1, len(cells))
            fitting[separator] = share * like * (1.0 if width == header else 0.9)
    if fitting:
        return max(fitting, key=fitting.__getitem__)
    return max(order, key=headers.__getitem__)


def _is_clean(cell: str) -> bool:
    """Return whether a cell is empty, a number, or text in which no mark cuts words."""
    cell = cell.strip()
    return (
        not cell
        or NUMBER.fullmatch(cell) is not None
        or not any(mark in re.sub(r"[,;] ", "", cell) for mark in SEPARATORS)
    )


def _blank_follows(records: list[list[str]]) -> bool:
    """Return whether a blank stands after nearly every separator."""
    later = [cell for record in records for cell in record[1:] if cell]
    return bool(later) and sum(cell.startswith(" ") for cell in later) >= 0.95 * len(later)


def _no_header(records: list[list[str]]) -> bool:
    """Return whether the first record looks like values rather than names.

    Values are numbers that are no counting or rising ones, such as years, or words that stand
    in the same column again.
    """
    first, others = records[0], [row for row in records[1:] if row != records[0]]
    others = [row for row in others if len(row) == len(first)]
    numbers = [cell for cell in first if NUMBER.fullmatch(cell)]
    columns = list(zip(*others, strict=True)) if others else [()] * len(first)
    words = [at for at, cell in enumerate(first) if cell and not NUMBER.fullmatch(cell)]
    again = sum(first[at] in columns[at] for at in words)
    if not numbers:
        return len(words) > 1 and len(others) > 2 and again > len(words) / 2
    below = [at for at, cell in enumerate(first) if NUMBER.fullmatch(cell)]
    if not all(_mostly_numbers(columns[at]) for at in below):
        return False
    if again or any(not re.fullmatch(r"\d+", cell) for cell in numbers):
        return True
    if any(len(cell) > MOST_DIGITS for cell in numbers):
        return True
    whole = [int(cell) for cell in numbers]
    return any(left >= right for left, right in itertools.pairwise(whole)) or (
        len(whole) == 1 and len(first) == 1
    )


def _mostly_numbers(cells: tuple[str, ...]) -> bool:
    there = [cell for cell in cells if cell]
    return not there or sum(bool(NUMBER.fullmatch(cell)) for cell in there) >= 0.5 * len(there)


def _names_above(comments: list[str], separator: str, width: int) -> list[str]:
    """Return the names in the last line of comment, where there are as many as columns."""
    cells = next(csv.reader([comments[-1][1:]], delimiter=separator)) if comments else []
    names = [name.strip() for name in cells]
    fits = len({*names}) == width and not any(map(NUMBER.fullmatch, names))
    return names if fits else []


def _first_lines(text: str, separator: str) -> str:
    """Return the lines of the first record, with blank ones before it."""
    reader = csv.reader(lines_of(text), delimiter=separator)
    with long_fields():
        while not any(next(reader)):
            pass
    return "".join(itertools.islice(lines_of(text), reader.line_num))


def _name(
    layout: Layout, header: list[str], records: list[list[str]], width: int, path: File
) -> None:
    """Set the names of the columns, each its own, and whether a separator ends every line."""
    names = [" ".join(name.split()) for name in header]
    layout.trailing = width == len(names) + 1 and not any(
        record[-1] for record in records if len(record) == width
    )
    if width == len(names) + 1 and not layout.trailing:
        raise DataError(
            f"{path.name}: the header has {len(names)} name{'s' * (len(names) > 1)}, but the lines "
            f"below it have {width} fields, cut by {separator_words(layout.separator)}; give every "
            "column a name, also that of row names, and put a field that holds the separator in "
            "quotes."
        )
    if layout.trailing:
        layout.notes.append(f"The separator at each line's end ({layout.separator}) was left out.")
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DataError(
            f"{path.name}: the column '{twice[0]}' stands twice; rename one of the two."
        )
    if all(re.fullmatch(r"\d+", name) for name in names) and names[0] not in ("0", "1"):
        layout.notes.append(
            f"The numbers in the first line ({', '.join(names[:3])}) were taken for names; if they "
            "are values, put a line of names above."
        )
    layout.names = [name or f"column {at}" for at, name in enumerate(names)]
    layout.unnamed = tuple(
        chosen for chosen, name in zip(layout.names, names, strict=True) if not name
    )
