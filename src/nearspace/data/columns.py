"""What the columns of a table hold: numbers and dates in whatever form they arrive, and the rest.

Each decision is taken over a whole column, and over all columns where one alone cannot tell.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nearspace.data.dates import Dates, parse_dates
from nearspace.data.numerals import (
    AGREE,
    Numerals,
    Undecided,
    count_cells,
    parse_numbers,
)
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "check_unique",
    "frame_of_arrow",
    "holds_texts",
    "holds_vectors",
    "named",
    "nested",
    "plain_columns",
    "typed_columns",
]

NAMED = 5  # columns, or words, that a note names
LOOKED_AT = 1000  # cells, spread over a column
# Letters of scripts that put no blanks between words.
UNCUT = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
# fmt: off
NUMBER_WORDS = frozenset((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
))
# fmt: on
# Words that stand for a missing category, as pandas reads them too.
NO_CATEGORY = ("NA", "N/A", "n/a", "#N/A", "nan", "NaN", "-nan", "NULL", "null", "None", "<NA>")


class Typed(NamedTuple):
    """A table whose columns are what they hold, what was decided, and the decimal mark it has."""

    frame: pd.DataFrame
    notes: list[str]
    decimal: str


@dataclasses.dataclass
class _Told:
    """What was decided, by what it is that was decided, and for which columns."""

    ways: defaultdict[str, list[str]]
    sentences: list[str]

    def notes(self) -> list[str]:
        """Return what was decided in sentences, alike columns together."""
        return [
            sentence.format(names=named(names)) for sentence, names in self.ways.items()
        ] + self.sentences


def typed_columns(
    frame: pd.DataFrame,
    *,
    written: bool,
    words: Collection[str] = (),
    types: Mapping[str, str] | None = None,
    decimal: str = ".",
    who: str = "data",
) -> Typed:
    """Return a table with its columns of text read as numbers, dates and truth values.

    Parameters
    ----------
    frame : DataFrame
        The table.
    written : bool
        Whether all of it is text because it stood in a text file. Columns of text of other
        tables are text where nothing but plain whole numbers are in them.
    words : collection of str
        Columns to leave as they are: texts, and names of things.
    types : dict of str to str, optional
        What columns are to be, whatever they look like: numbers and dates are read as such, all
        else is left as text.
    decimal : {".", ","}
        The decimal mark where neither a column nor another one shows which it is.
    who : str
        Whose table it is, for errors.

    Returns
    -------
    Typed
        The table with int64, float64, bool, datetime64 and text; what was decided, in sentences;
        and the decimal mark.

    Raises
    ------
    DataError
        If a column that is to be numbers, or dates, holds something else; the cell is named.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"price": ["1,5", "2,25"], "sold": ["31.05.2024", "01.06.2024"]})
    >>> typed = typed_columns(table, written=True)
    >>> typed.frame["price"].tolist(), typed.notes[0]
    ([1.5, 2.25], "Numbers with a decimal comma: 'price'.")
    """
    types = types or {}
    told = _Told(defaultdict(list), [])
    columns: dict[str, Any] = {}
    texts = [name for name in frame.columns if name not in words and _is_text(frame[name])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # more would only take memory
        tried = [name for name in texts if types.get(name) in (None, "number")]
        parsed = pool.map(_read, [frame[name] for name in tried], map(types.get, tried))
        read = dict.fromkeys(texts) | dict(zip(tried, parsed, strict=True))
    marks = [each.decimal for each in read.values() if isinstance(each, Numerals)]
    shown = {mark: marks.count(mark) for mark in (".", ",")}
    if shown["."] != shown[","]:
        decimal = "." if shown["."] > shown[","] else ","
    for name in texts:
        numbers = read[name]
        if isinstance(numbers, Numerals) and numbers.ambiguous:
            numbers = _read(frame[name], types.get(name), decimal)
            if isinstance(numbers, Numerals) and not shown["."] + shown[","]:
                mark = "thousands" if "thousands" in numbers.way else "decimals"
                told.ways[f"Numbers such as 1.234 or 1,234 were read as {mark}: {{names}}."].append(
                    name
                )
        if not written and name not in types and _only_whole(numbers):
            continue
        columns[name] = _column(frame[name], numbers, types.get(name), written, told, who)
    return Typed(_with_columns(frame, columns), told.notes(), decimal)


def _with_columns(frame: pd.DataFrame, columns: dict[str, Any]) -> pd.DataFrame:
    """Return a table with some of its columns in another form.

    It is made anew, since to replace columns one by one takes a time that grows with their square.
    """
    import pandas as pd

    if not columns:
        return frame
    whole = {name: columns.get(name, frame[name]) for name in frame.columns}
    return pd.DataFrame(whole, index=frame.index, copy=False)


def _only_whole(numbers: Numerals | Undecided | None) -> bool:
    """Return whether text is nothing but plain whole numbers."""
    if not isinstance(numbers, Numerals) or numbers.way or numbers.missing or numbers.wrong:
        return False
    return bool((numbers.values[np.isfinite(numbers.values)] % 1 == 0).all())


def _is_text(column: pd.Series) -> bool:
    from pandas.api import types

    if types.is_string_dtype(column.dtype) and not types.is_object_dtype(column.dtype):
        return True
    if not types.is_object_dtype(column.dtype):
        return False
    kinds = {*map(type, column.dropna())}
    return kinds == {str} or (str in kinds and kinds <= {str, int, float, np.float64, np.int64})


def _read(
    column: pd.Series, wanted: str | None, decimal: str | None = None
) -> Numerals | Undecided | None:
    if column.dtype == object:  # texts, and maybe numbers among them
        column = column.map(str, na_action="ignore")
    return parse_numbers(column, decimal, 0.0 if wanted == "number" else AGREE)


def _column(
    column: pd.Series,
    numbers: Numerals | Undecided | None,
    wanted: str | None,
    written: bool,
    told: _Told,
    who: str,
) -> Any:
    """Return a column of text as what it holds, and tell what is not plain."""
    name = str(column.name)
    if isinstance(numbers, Numerals):
        count = sum(numbers.wrong.values())
        if count > (1 - AGREE) * column.notna().sum():
            texts = column.map(lambda cell: str(cell).strip())
            row = int(np.flatnonzero(texts == next(iter(numbers.wrong)))[0])
            raise DataError(
                f"{who}: row {row}, column '{name}' is {column.iloc[row]!r}, expected a finite "
                "number or a missing cell."
            )
        if numbers.way:
            told.ways[f"Numbers with {numbers.way}: {{names}}."].append(name)
        elif not written:
            told.ways["Text that was read as numbers: {names}."].append(name)
        if numbers.missing or numbers.wrong:
            told.sentences.append(_missing(name, {**numbers.missing, **numbers.wrong}))
        return numbers.values
    if wanted == "number":
        return column
    dates = parse_dates(column) if numbers is None and wanted in (None, "date") else None
    if wanted == "date" and not isinstance(dates, Dates):
        reason = "holds no dates" if dates is None else dates.reason
        raise DataError(f"{who}: the column '{name}' {reason}; write them as 2024-05-31.")
    if dates is not None and not isinstance(dates, Undecided):
        if dates.way:
            told.ways[f"Dates with the {dates.way}: {{names}}."].append(name)
        if dates.missing:
            told.sentences.append(_missing(name, dates.missing))
        return dates.values
    for undecided in (numbers, dates):
        if isinstance(undecided, Undecided) and wanted is None:
            told.sentences.append(f"'{name}' {undecided.reason}: read as text.")
    few = column.iloc[:: -(-len(column) // LOOKED_AT) or 1].dropna()
    tried = {cell.strip().lower() for cell in few if isinstance(cell, str)}
    if numbers is None and wanted is None and tried and tried <= NUMBER_WORDS:
        told.sentences.append(
            f"'{name}' holds numbers in words, such as '{min(tried)}': read as categories, which "
            "have no order."
        )
    return _category(column, told) if written else column


def _category(column: pd.Series, told: _Told) -> Any:
    """Return text without the words for none, and as truth values where it holds nothing else."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pa.array(column, from_pandas=True)
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if cells.null_count == len(cells):
        return np.full(len(cells), np.nan)
    absent = pc.is_in(cells, value_set=pa.array(NO_CATEGORY, cells.type))
    words = count_cells(cells.filter(absent))
    if words:
        told.sentences.append(_missing(str(column.name), words))
        cells = pc.if_else(absent, None, cells)
    different = pc.unique(pc.utf8_lower(cells)).drop_null().to_pylist()
    if different and {*different} <= {"true", "false"}:
        truth = pc.equal(pc.utf8_lower(cells), "true")
        return truth.to_pandas() if not truth.null_count else truth.to_pandas().astype("boolean")
    return cells.to_pandas() if words else column


def named(names: Iterable[str], most: int = NAMED) -> str:
    """Return the names of columns in quotes, the first few of many."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"'{name}'" for name in names[:most]) + more


def _missing(name: str, words: Mapping[str, int]) -> str:
    """Return which words of a column count as missing, in a sentence."""
    shown = ", ".join(f"'{word[:40]}' ({count:,})" for word, count in list(words.items())[:NAMED])
    left = list(words.values())[NAMED:]
    more = f" and {len(left):,} other texts ({sum(left):,})" if left else ""
    return f"'{name}': {shown}{more} {'counts' if len(words) == 1 else 'count'} as missing."


def plain_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose numbers, dates and truth values are NumPy's or pandas' own.

    Decimals and lengths of time (in seconds) become float64; dates and times with a zone become
    datetime64 in UTC; text of any type becomes text.

    Examples
    --------
    >>> import pandas as pd, datetime, decimal
    >>> table = pd.DataFrame({"a": [decimal.Decimal("1.5")], "b": [datetime.date(2024, 5, 31)]})
    >>> plain_columns(table).dtypes.astype(str).tolist()
    ['float64', 'datetime64[us]']
    """
    import pandas as pd
    import pyarrow as pa
    from pandas.api import types

    columns = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.PeriodDtype):
            column = columns[name] = column.dt.to_timestamp()
        if column.dtype == np.float16:  # too narrow to be reckoned with
            column = columns[name] = column.astype(np.float32)
        odd = isinstance(column.dtype, pd.ArrowDtype | pd.DatetimeTZDtype)
        if not (odd or column.dtype.kind == "m" or types.is_object_dtype(column.dtype)):
            continue
        try:
            array = pa.array(column, from_pandas=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            continue  # of several types
        if odd or not (pa.types.is_string(array.type) or pa.types.is_nested(array.type)):
            columns[name] = _plain(array)
    return _with_columns(frame, columns)


def frame_of_arrow(table: pa.Table, who: str) -> pd.DataFrame:
    """Return an Arrow table as a DataFrame with columns as `plain_columns` has them.

    Raises
    ------
    DataError
        If two columns have one name.

    Examples
    --------
    >>> import pyarrow as pa
    >>> frame_of_arrow(pa.table({"a": pa.array([1, None])}), "data")["a"].dtype
    Int64Dtype()
    """
    import pandas as pd

    check_unique(table.column_names, who)
    columns = dict(zip(table.column_names, map(_plain, table.columns), strict=True))
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(table)))
    indexes = {each for each in _pandas_indexes(table.schema) if each in columns}
    return frame.drop(columns=[name for name in indexes if name.startswith("__index_level")])


def _pandas_indexes(schema: pa.Schema) -> list[str]:
    """Return which columns pandas wrote as an index, as far as the metadata tells."""
    try:
        told = schema.pandas_metadata
    except (RecursionError, ValueError):  # no JSON, or no text
        return []
    indexes = told.get("index_columns") if isinstance(told, dict) else None
    return [each for each in indexes if isinstance(each, str)] if isinstance(indexes, list) else []


def check_unique(names: Iterable[Any], who: str) -> None:
    """Raise if a name of a column stands twice."""
    seen: set[str] = set()
    for name in map(str, names):
        if name in seen:
            raise DataError(f"{who}: the column '{name}' stands twice; rename one of the two.")
        seen.add(name)


def _plain(array: pa.Array | pa.ChunkedArray) -> Any:
    """Return an Arrow column as one of pandas."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import types

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if types.is_null(kind):
        return np.full(len(array), np.nan)
    if types.is_decimal(kind) or types.is_float16(kind):
        return array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if types.is_timestamp(kind) or types.is_date(kind):
        return array.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)
    if types.is_duration(kind) or types.is_time(kind):
        return _seconds(array)
    if types.is_integer(kind) and array.null_count:
        return array.to_pandas(integer_object_nulls=True).astype(
            "UInt64" if kind == pa.uint64() else "Int64"
        )
    if types.is_boolean(kind) and array.null_count:
        return array.to_pandas().astype("boolean")
    if types.is_large_string(kind) or types.is_string_view(kind):
        array = array.cast(pa.large_string()).cast(pa.string())
    return pd.Series(array.to_pandas())


def _seconds(array: pa.Array) -> np.ndarray:
    """Return lengths of time, and times of day, in seconds."""
    import pyarrow as pa

    unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    whole = pa.int32() if array.type.bit_width == 32 else pa.int64()
    counts = array.cast(whole).cast(pa.int64()).cast(pa.float64(), safe=False)
    return counts.to_numpy(zero_copy_only=False) / unit


def nested(column: pd.Series) -> str:
    """Return what each cell of a column holds where that is no single value; else nothing."""
    if column.dtype != object:
        return ""
    first = next(iter(column.dropna()), None)
    words = {dict: "nested values", bytes: "bytes", complex: "complex numbers"}
    words |= dict.fromkeys((list, tuple, set, frozenset, np.ndarray), "lists")
    return next((word for kind, word in words.items() if isinstance(first, kind)), "")


def holds_vectors(column: pd.Series) -> bool:
    """Return whether the cells of a column are lists of numbers, judged by the first."""
    first = next(iter(column.dropna()), None) if column.dtype == object else None
    if not isinstance(first, list | tuple | np.ndarray) or not len(first):
        return False
    return np.asarray(first).dtype.kind in "fiu"


def holds_texts(column: pd.Series, words: int) -> bool:
    """Return whether the cells of a column are texts of so many words, most of them different.

    Their middle is looked at; where words are not cut by blanks, two letters count as one.

    Examples
    --------
    >>> import pandas as pd
    >>> holds_texts(pd.Series(["a text of some words", "and one of others"]), words=4)
    True
    """
    from pandas.api import types

    if not (types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype)):
        return False
    there = column.dropna()
    cells = there.iloc[:: -(-len(there) // LOOKED_AT) or 1].tolist()
    if not all(isinstance(cell, str) for cell in cells) or 2 * len({*cells}) <= len(cells):
        return False
    lengths = [max(len(cell.split()), len(UNCUT.findall(cell)) / 2) for cell in cells]
    return bool(np.median(lengths) >= words)
