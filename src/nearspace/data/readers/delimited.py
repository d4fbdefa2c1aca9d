"""Read delimited text: the dialect is found once over the first lines, and every line must fit."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nearspace.data.members import File
from nearspace.data.memory import release_arrow
from nearspace.data.readers.dialect import (
    Layout,
    beginning,
    cut_by_blanks,
    cut_by_colons,
    find_layout,
    long_fields,
    separator_words,
    usual_separator,
    with_tabs,
    with_tabs_for_colons,
)
from nearspace.data.readers.texts import plain_name, read_text
from nearspace.data.sources import left_out
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Delimited", "read_delimited"]

SAMPLE_BYTES = 1_000_000
BLOCK = 2**20  # bytes that are cut at once; a longer line takes a larger one
LARGEST_BLOCK = 2**31 - 1  # bytes, more than which Arrow does not cut at once
OLD = (".data", ".dat")  # files whose columns may be aligned by blanks
COPIES = 5  # of a file that are in memory at once while it is cut and read, about


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


def read_delimited(path: File) -> Delimited:
    r"""Return the cells of a file of delimited text, plain or packed, as text.

    The separator is a comma, a semicolon, a tab or a bar, in ``.data`` and ``.dat`` files also
    blanks, as many as there are, or ``::``, whichever cuts nearly all of the first lines, the
    header among them, into the same number of fields, quotes respected; a line ``sep=;``, as Excel
    writes it, settles it. Lines of comment begin with ``#``. A line with
    another number of fields is refused, and nothing is shifted.

    Parameters
    ----------
    path : Path or Member
        The file, in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises
    ------
    DataError
        If it is empty, a name of a column stands twice, or a line does not fit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "a.csv"
    ...     _ = path.write_text("name, EUR;size\nbig;1,5\nsmall;0,5\n")
    ...     read = read_delimited(path)
    >>> read.frame.to_dict("list"), read.notes
    ({'name, EUR': ['big', 'small'], 'size': ['1,5', '0,5']}, ["Separated by ';'."])
    """
    import pyarrow as pa

    data, notes = read_text(path, COPIES)
    is_old = plain_name(path.name).endswith(OLD)
    colons = is_old and cut_by_colons(beginning(data, SAMPLE_BYTES))
    aligned = is_old and not colons and cut_by_blanks(beginning(data, SAMPLE_BYTES))
    data = with_tabs(data) if aligned else with_tabs_for_colons(data) if colons else data
    # The form of the whole is found in its beginning, which may end within a letter.
    sample = beginning(data, SAMPLE_BYTES)
    text = codecs.getincrementaldecoder("utf-8")().decode(sample)
    layout = find_layout(text, path, len(sample) == len(data) or sample.endswith(b"\n"))
    if aligned or colons:
        notes.append("Separated by blanks." if aligned else "Separated by '::'.")
    elif layout.separator != usual_separator(path):
        notes.append(f"Separated by {separator_words(layout.separator)}.")
    data = data[layout.start :]
    more: list[str] = []
    if data.strip():
        table, comments = _table(data, layout, path)
        del data  # as large as all columns together
        table, more = _cleaned(table, layout, path, comments)
    else:
        table = pa.table({name: pa.array([], pa.string()) for name in layout.names})
    frame = table.to_pandas()
    del table
    release_arrow()
    return Delimited(frame, [*notes, *layout.notes, *more], "," if layout.separator == ";" else ".")


def _table(data: bytes, layout: Layout, path: File) -> tuple[pa.Table, int]:
    """Return the records of a file as columns of text, and how many lines are comments."""
    names = layout.names + [""] * layout.trailing
    quoted = b'"' in data
    if quoted and data.count(b'"') % 2:
        _check_quotes(data, layout, path)
    misfits = _Misfits()
    table = _cut(data, layout, names, quoted, misfits, path)
    if misfits.first is not None:  # which has a number only without threads
        misfits = _Misfits()
        _cut(data, layout, names, quoted, misfits, path, threads=False)
    if misfits.first is not None:
        raise DataError(_misfit(data, layout, path, misfits))
    return table, misfits.comments


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
    layout: Layout,
    names: list[str],
    quoted: bool,
    misfits: _Misfits,
    path: File,
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
            if longest == LARGEST_BLOCK:
                raise DataError(
                    f"{path.name} holds a row of more than {LARGEST_BLOCK / 2**30:.0f} GiB; cut "
                    "its longest text into several rows."
                ) from None
            longest = min(16 * longest, LARGEST_BLOCK)
            misfits.first, misfits.count, misfits.comments = None, 0, 0


def _cleaned(
    table: pa.Table, layout: Layout, path: File, comments: int
) -> tuple[pa.Table, list[str]]:
    """Return a table without rows and columns that hold nothing, and what was left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    notes = [left_out(comments, "line", "of comment")] if comments else []
    names, columns = layout.names, list(table.columns)
    if layout.trailing:
        last = columns.pop()
        if last.null_count < len(last):
            row = pc.index(pc.is_valid(last), value=True).as_py()
            raise DataError(
                f"{path.name}: row {row} has one field more than there are names; give every "
                "column a name."
            )
    if layout.blanks:
        trimmed = [pc.utf8_ltrim_whitespace(column) for column in columns]
        columns = [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]
    columns, empty = _without(columns, pc.is_null)
    if empty:
        notes.append(left_out(empty, "line", "without a value"))
    if len(names) > 1:
        of = dict(zip(map(id, columns), names, strict=True))
        columns, repeated = _without(columns, lambda column: pc.equal(column, of[id(column)]))
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


def _without(
    columns: list[pa.ChunkedArray], holds: Callable[[pa.ChunkedArray], pa.ChunkedArray]
) -> tuple[list[pa.ChunkedArray], int]:
    """Return the columns without the rows of which every cell holds something, and their number."""
    import pyarrow.compute as pc

    gone = pc.fill_null(holds(columns[0]), False)
    for column in columns[1:]:
        if not pc.any(gone).as_py():
            return columns, 0
        gone = pc.and_(gone, pc.fill_null(holds(column), False))
    kept = pc.invert(gone)
    count = pc.sum(gone).as_py() or 0
    return ([column.filter(kept) for column in columns] if count else columns), count


def _counts(column: pa.ChunkedArray) -> bool:
    """Return whether a column counts the rows, from 0 or from 1."""
    first = column[0].as_py()
    return first in ("0", "1") and column.to_pylist() == [
        str(number) for number in range(int(first), int(first) + len(column))
    ]


def _numbered(data: bytes, layout: Layout, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Return the records of data, each with the line in the file where it begins."""
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=layout.separator, strict=strict)
    line = 0
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
        raise DataError(f"line {line} cannot be cut: {error}.") from None


def _check_quotes(data: bytes, layout: Layout, path: File) -> None:
    """Raise if a quote opens a field and none closes it."""
    try:
        with long_fields():
            for _ in _numbered(data, layout, strict=True):
                pass
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from None


def _misfit(data: bytes, layout: Layout, path: File, misfits: _Misfits) -> str:
    """Return what is to be said of the first line that does not fit."""
    records = ((line, record) for line, record in _numbered(data, layout) if record)
    with long_fields():
        line, _ = next(itertools.islice(records, misfits.first.number - 1, None))
    fields, count = misfits.first.actual_columns, misfits.count
    wanted = len(layout.names)
    cut = f"cut by {separator_words(layout.separator)}"
    what = (
        "put a field that holds the separator in quotes, or name the column that is too many"
        if fields > wanted
        else "add what is missing, leaving empty what has no value, or leave the line out"
    )
    return (
        f"{path.name}: line {line} has {fields} field{'s' * (fields != 1)}, {cut}, expected "
        f"{wanted} as in the header{f' ({count:,} such lines)' * (count > 1)}; {what}."
    )
