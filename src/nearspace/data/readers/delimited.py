"""Read delimited text: the dialect is found once over the first lines, and every line must fit."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearspace.data.sources import left_out
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Delimited", "read_delimited"]

SEPARATORS = (",", ";", "\t", "|")
NAMES = {"\t": "a tab", " ": "a blank"}
SAMPLE_BYTES = 1_000_000
SAMPLE_CHARACTERS = 100_000  # fewer than `csv` allows in a field
BLOCK = 2**20  # bytes that are cut at once; a longer line takes a larger one
SAMPLE_RECORDS = 500
LARGEST_FIELD = 2**31 - 1
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
NUMBER = re.compile(r"[^\w\s]*\s?[+-]?\d[\d.,' ]*([eE][+-]?\d+)?\s?[^\w\s]*", re.ASCII)


@dataclasses.dataclass(frozen=True, eq=False)
class Delimited:
    """What a file of delimited text holds.

    Attributes
    ----------
    frame : DataFrame
        Every cell as text, as it stands in the file; missing where it is empty.
    notes : list of str
        What there is to say of its form.
    decimal : {".", ","}
        The decimal mark to take where each number could be read with either.
    """

    frame: pd.DataFrame
    notes: list[str]
    decimal: str


@dataclasses.dataclass
class _Layout:
    """Where in a text the records begin, and how they are cut."""

    separator: str
    names: list[str]
    start: int  # the first byte of the data
    lines: int  # how many lines stand before it
    notes: list[str]
    unnamed: tuple[str, ...] = ()  # names that stand in for none
    blanks: bool = False  # whether a blank follows each separator
    trailing: bool = False  # whether a separator ends each line


def read_delimited(path: Path) -> Delimited:
    r"""Return the cells of a ``.csv`` or ``.tsv`` file, plain or gzipped, as text.

    The separator is a comma, a semicolon, a tab or a bar, whichever cuts nearly all of the first
    lines, the header among them, into the same number of fields, quotes respected; a line
    ``sep=;``, as Excel writes it, settles it. Lines of comment begin with ``#``. A line with
    another number of fields is refused, and nothing is shifted.

    Parameters
    ----------
    path : Path
        The file, in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises
    ------
    DataError
        If it is empty, a name of a column stands twice, or a line does not fit.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.csv"
    ...     _ = path.write_text("name, EUR;size\nbig;1,5\nsmall;0,5\n")
    ...     read = read_delimited(path)
    >>> read.frame.to_dict("list"), read.notes
    ({'name, EUR': ['big', 'small'], 'size': ['1,5', '0,5']}, ["Separated by ';'."])
    """
    data, notes = _utf8(path)
    # The form of the whole is found in its beginning, which ends with a line.
    head = data if len(data) <= SAMPLE_BYTES else data[: data.rfind(b"\n", 0, SAMPLE_BYTES) + 1]
    layout = _layout((head or data).decode(), path)
    table, more = _table(data[layout.start :], layout, path)
    return Delimited(
        table.to_pandas(), [*notes, *layout.notes, *more], "," if layout.separator == ";" else "."
    )


def _utf8(path: Path) -> tuple[bytes, list[str]]:
    """Return the text of a file in UTF-8, and what there is to say of its encoding."""
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        data = gzip.decompress(data)
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "")
    if not encoding and data[:1000].count(0) > 0.3 * len(data[:1000]):
        # Every other byte of plain text is zero.
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if encoding:
        data = data.decode(encoding).encode()
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise DataError(
            f"{path.name} is no text: line {line} holds a zero byte; write the file again."
        )
    notes = [] if encoding in ("", "utf-8-sig") else [f"In {encoding[:6].upper()}."]
    return data, notes


def _layout(text: str, path: Path) -> _Layout:
    """Return where the data of a text begins, and how it is cut."""
    separator, notes = "", []
    start = 0
    before: list[str] = []  # comments
    for line in _lines(text):
        sep = re.fullmatch(r"\"?sep=(.|\\t)\"?\s*", line, re.IGNORECASE)
        if sep and not before and not separator:
            separator = "\t" if sep[1] == "\\t" else sep[1]
        elif line.strip() and not line.startswith("#"):
            break
        elif line.startswith("#"):
            before.append(line)
        start += len(line)
    sample = text[start : start + SAMPLE_CHARACTERS]
    if not sample.strip() and before:  # a header alone, or a comment
        start -= len(before[-1])
        sample, before = text[start:], before[:-1]
    if not sample.strip():
        raise DataError(f"{path.name} is empty; expected a line of column names and rows.")
    whole = len(sample) == len(text) - start
    separator = separator or _separator(sample, path, whole)
    if separator != ("\t" if path.name.lower().split(".")[-1 - _zipped(path)] == "tsv" else ","):
        notes.append(f"Separated by {_named(separator)}.")
    records = _records(sample, separator, whole)
    blanks = _blank_follows(records)
    cells = [[cell.strip() for cell in record] for record in records]
    # Where the data begins: after the header and as many lines as it takes.
    layout = _Layout(separator, [], start, text.count("\n", 0, start), notes, blanks=blanks)
    width = Counter(map(len, cells[1:])).most_common(1)[0][0] if len(cells) > 1 else len(cells[0])
    above = _names_above(before, separator, width)
    if above and any(map(NUMBER.fullmatch, cells[0])):
        before = before[:-1]
        layout.names = above
        notes.append("The names of the columns stand in the line of comment above the data.")
    elif _no_header(cells):
        layout.names = [f"column {number}" for number in range(width)]
        layout.unnamed = tuple(layout.names)
        notes.append(
            f"The first line holds values ({', '.join(cells[0][:3])}{', …' * (width > 3)}), not "
            f"names: the columns are called 'column 0'{f' to {layout.names[-1]!r}' * (width > 1)}."
        )
    else:
        skipped = _first_lines(text[start:], separator)
        layout.start, layout.lines = start + len(skipped), layout.lines + skipped.count("\n")
        _name(layout, records[0], cells[1:], width, path)
    if before:
        notes.append(left_out(len(before), "line", "of comment"))
    layout.start = len(text[: layout.start].encode())
    return layout


def _zipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _named(separator: str) -> str:
    return NAMES.get(separator, f"'{separator}'")


def _lines(text: str) -> io.StringIO:
    """Return the lines of a text with their ends, of which no other mark than these is one."""
    return io.StringIO(text, newline="")


def _records(sample: str, separator: str, whole: bool) -> list[list[str]]:
    """Return the first records of a sample cut by a separator, without blank lines and comments."""
    reader = csv.reader(
        (line for line in _lines(sample) if not line.startswith("#")), delimiter=separator
    )
    records = [record for record in itertools.islice(reader, SAMPLE_RECORDS) if any(record)]
    # The end of a sample is in the midst of a line.
    return records if whole or len(records) in (1, SAMPLE_RECORDS) else records[:-1]


def _separator(sample: str, path: Path, whole: bool) -> str:
    """Return the separator that cuts nearly all lines of a sample alike, and the header with them.

    Of several that do, it is the one whose fields are the most like numbers and words: those of
    the wrong one hold the right one.
    """
    usual = "\t" if path.name.lower().split(".")[-1 - _zipped(path)] == "tsv" else ","
    order = [usual, *(each for each in SEPARATORS if each != usual)]
    fitting: dict[str, float] = {}
    headers = {}
    for separator in order:
        records = _records(sample, separator, whole)
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
    reader = csv.reader(_lines(text), delimiter=separator)
    while not any(next(reader)):
        pass
    return "".join(itertools.islice(_lines(text), reader.line_num))


def _name(
    layout: _Layout, header: list[str], records: list[list[str]], width: int, path: Path
) -> None:
    """Set the names of the columns, each its own, and whether a separator ends every line."""
    names = [" ".join(name.split()) for name in header]
    layout.trailing = width == len(names) + 1 and not any(
        record[-1] for record in records if len(record) == width
    )
    if width == len(names) + 1 and not layout.trailing:
        raise DataError(
            f"{path.name}: the header has {len(names)} name{'s' * (len(names) > 1)}, but the lines "
            f"below it have {width} fields, cut by {_named(layout.separator)}; give every column a "
            "name, also that of row names, and put a field that holds the separator in quotes."
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


def _table(data: bytes, layout: _Layout, path: Path) -> tuple[pa.Table, list[str]]:
    """Return the records of a file as columns of text, and what was left out."""
    import pyarrow as pa

    names = layout.names + [""] * layout.trailing
    if not data.strip():
        return pa.table({name: pa.array([], pa.string()) for name in layout.names}), []
    quoted = b'"' in data
    if quoted and data.count(b'"') % 2:
        _check_quotes(data, layout, path)
    misfits = _Misfits()
    try:
        table = _cut(data, layout, names, quoted, misfits)
        if misfits.first is not None:  # which has a number only without threads
            misfits = _Misfits()
            _cut(data, layout, names, quoted, misfits, threads=False)
    except pa.ArrowInvalid:
        data.decode()  # which tells the byte that is no text
        raise
    if misfits.first is not None:
        raise DataError(_misfit(data, layout, path, misfits))
    return _cleaned(table, layout, path, misfits.comments)


@dataclasses.dataclass
class _Misfits:
    """The lines that have another number of fields than the others."""

    first: Any = None  # pyarrow.csv.InvalidRow
    count: int = 0
    comments: int = 0

    def __call__(self, row: Any) -> str:
        if row.text.startswith("#"):
            self.comments += 1
        elif row.text.strip():
            self.first, self.count = self.first or row, self.count + 1
        return "skip"


def _cut(
    data: bytes,
    layout: _Layout,
    names: list[str],
    quoted: bool,
    misfits: _Misfits,
    threads: bool = True,
) -> pa.Table:
    """Return the fields of data as columns of text; lines that do not fit are handed over."""
    import pyarrow as pa
    import pyarrow.csv as arrow

    codes = [f"{at}" for at in range(len(names))]
    longest = BLOCK
    while True:
        try:
            return arrow.read_csv(
                pa.BufferReader(data),
                read_options=arrow.ReadOptions(
                    use_threads=threads,
                    column_names=codes,
                    block_size=longest,
                ),
                parse_options=arrow.ParseOptions(
                    delimiter=layout.separator,
                    newlines_in_values=quoted,
                    invalid_row_handler=misfits,
                ),
                convert_options=arrow.ConvertOptions(
                    column_types=dict.fromkeys(codes, pa.string()),
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or longest > len(data):
                raise
            longest *= 16
            misfits.first, misfits.count, misfits.comments = None, 0, 0


def _cleaned(
    table: pa.Table, layout: _Layout, path: Path, comments: int
) -> tuple[pa.Table, list[str]]:
    """Return a table without rows and columns that hold nothing, and what was left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    notes = [left_out(comments, "line", "of comment")] if comments else []
    names, columns = layout.names, [column.combine_chunks() for column in table.columns]
    if layout.trailing:
        last = columns.pop()
        if last.null_count < len(last):
            row = pc.index(pc.is_valid(last), value=True).as_py()
            raise DataError(
                f"{path.name}: row {row} has one field more than there are names; give every "
                "column a name."
            )
    if layout.blanks:
        columns = [pc.utf8_ltrim_whitespace(column) for column in columns]
    keep = None
    for column in columns:
        there = pc.is_valid(column)
        keep = there if keep is None else pc.or_(keep, there)
    columns, empty = _only(columns, keep)
    if empty:
        notes.append(left_out(empty, "line", "without a value"))
    again = None
    for column, name in zip(columns, names, strict=True):
        same = pc.fill_null(pc.equal(column, name), False)
        again = same if again is None else pc.and_(again, same)
    if len(names) > 1:
        columns, repeated = _only(columns, pc.invert(again))
        if repeated:
            notes.append(left_out(repeated, "line", "that repeats the names of the columns"))
    whole = dict(zip(names, columns, strict=True))
    for name in layout.unnamed if len(whole) > 1 else ():
        if whole[name].null_count == len(whole[name]):
            del whole[name]
            notes.append("A column without a name and without values was left out.")
        elif name == names[0] and _counts(whole[name]):
            # The index that pandas and R write along: no property of the rows.
            del whole[name]
            notes.append("The first column, without a name, counts the rows and was left out.")
        elif len(layout.unnamed) < len(names):
            notes.append(f"A column without a name is called '{name}'.")
    return pa.table(whole), notes


def _only(columns: list[pa.Array], rows: pa.Array) -> tuple[list[pa.Array], int]:
    """Return the columns at the rows that are to be kept, and how many are not."""
    import pyarrow.compute as pc

    gone = len(rows) - (pc.sum(rows).as_py() or 0)
    return ([column.filter(rows) for column in columns] if gone else columns), gone


def _counts(column: pa.Array) -> bool:
    """Return whether a column counts the rows, from 0 or from 1."""
    first = column[0].as_py()
    return first in ("0", "1") and column.to_pylist() == [
        str(number) for number in range(int(first), int(first) + len(column))
    ]


def _numbered(
    data: bytes, layout: _Layout, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Return the records of data, each with the line in the file where it begins."""
    reader = csv.reader(_lines(data.decode()), delimiter=layout.separator, strict=strict)
    limit, line = csv.field_size_limit(LARGEST_FIELD), 0
    try:
        while True:
            line = layout.lines + reader.line_num + 1
            yield line, next(reader)
    except StopIteration:
        return
    except csv.Error as error:
        if "end of data" in str(error):
            raise DataError(
                f"the quote that opens in line {line} is never closed; close it, or write a quote "
                "within a field twice."
            ) from None
    finally:
        csv.field_size_limit(limit)


def _check_quotes(data: bytes, layout: _Layout, path: Path) -> None:
    """Raise if a quote opens a field and none closes it."""
    try:
        for _ in _numbered(data, layout, strict=True):
            pass
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from None


def _misfit(data: bytes, layout: _Layout, path: Path, misfits: _Misfits) -> str:
    """Return what is to be said of the first line that does not fit."""
    records = ((line, record) for line, record in _numbered(data, layout) if record)
    line, _ = next(itertools.islice(records, misfits.first.number - 1, None))
    fields, count = misfits.first.actual_columns, misfits.count
    wanted = len(layout.names)
    cut = f"cut by {_named(layout.separator)}"
    what = (
        f"put a field that holds {_named(layout.separator)} in quotes, or name the column that is "
        "too many"
        if fields > wanted
        else "add what is missing, leaving empty what has no value, or leave the line out"
    )
    return (
        f"{path.name}: line {line} has {fields} field{'s' * (fields != 1)}, {cut}, expected "
        f"{wanted} as in the header{f' ({count:,} such lines)' * (count > 1)}; {what}."
    )
