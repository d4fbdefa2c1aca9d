"""The types of a space's metadata, fixed when it is made, and cells brought to them."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from nearspace.data.numerals import LARGEST_EXACT, MISSING_WORDS
from nearspace.errors import DataError
from nearspace.space.arrays import is_date

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "META_TYPES",
    "arrow_array",
    "fitted_cells",
    "fitted_table",
    "looks_like_number",
    "number_in",
    "plain_cells",
    "type_of",
]

# By name, as in a file's header, and in the words of a sentence; None of a column without a value.
META_TYPES = {
    "text": "text",
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "true or false",
    "date": "dates",
    "other": "lists or records",
    None: "nothing yet",
}
TRUTH = {
    **dict.fromkeys(("true", "yes", "t", "y", "1"), True),
    **dict.fromkeys(("false", "no", "f", "n", "0"), False),
}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d+,(\d{1,2}|\d{4,})", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+|[+-]?\d{1,3}(,\d{3}){2,}", re.ASCII)
SHOWN = 5  # of names in a sentence


def type_of(of: pa.DataType) -> str | None:
    """Return the type of metadata that an Arrow type is.

    Examples
    --------
    >>> import pyarrow as pa
    >>> [type_of(of) for of in (pa.int8(), pa.float32(), pa.date32(), pa.list_(pa.int8()))]
    ['integer', 'number', 'date', 'other']
    """
    from pyarrow import types

    if types.is_dictionary(of):
        of = of.value_type
    if types.is_null(of):
        return None
    if types.is_boolean(of):
        return "boolean"
    if types.is_integer(of):
        return "integer"
    if types.is_floating(of) or types.is_decimal(of):
        return "number"
    return "date" if is_date(of) else "other" if types.is_nested(of) else "text"


def plain_cells(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as Python's values, None for what is missing: NaN is missing too.

    Times of any zone become UTC, decimal numbers floats, and a float32 the shortest number that is
    it: the 0.1 that somebody wrote, and not 0.10000000149.
    """
    import pyarrow as pa

    of = column.type
    if is_date(of):
        column = column.cast(pa.timestamp("us"), safe=False)
    elif pa.types.is_decimal(of):
        column = column.cast(pa.float64())
    elif pa.types.is_float32(of) or pa.types.is_float16(of):
        column = column.cast(pa.float32()).cast(pa.string()).cast(pa.float64())
    cells = column.to_pylist()
    if pa.types.is_floating(column.type):
        return [None if cell != cell else cell for cell in cells]  # NaN is not itself
    if type_of(of) == "text":
        return [cell if cell is None or isinstance(cell, str) else str(cell) for cell in cells]
    return cells


def arrow_array(cells: Sequence[Any], of: str | None) -> pa.Array:
    """Return cells of a type as an Arrow array; dates are given as `datetime`, or as ISO text."""
    import pyarrow as pa

    if of == "date":
        return pa.array(cells).cast(pa.timestamp("us"))
    if of == "integer":
        try:
            return pa.array(cells, pa.int64())
        except (OverflowError, pa.ArrowInvalid):
            return pa.array(cells, pa.uint64())
    arrow = {"text": pa.string(), "number": pa.float64(), "boolean": pa.bool_(), None: pa.null()}
    if of in arrow:
        return pa.array(cells, arrow[of])
    try:
        return pa.array(cells)
    except pa.ArrowException:  # records that agree in no type
        return pa.array([None if cell is None else str(cell) for cell in cells])


def fitted_table(
    table: pa.Table, types: Mapping[str, str | None], ids: Iterable[Any], who: str
) -> tuple[pa.Table, dict[str, str | None], list[str]]:
    """Return metadata that is to be added to a space in the types of its columns.

    Parameters
    ----------
    table : pyarrow.Table
        What is known of each new item.
    types : mapping of str to str
        The type of each column of the space.
    ids : iterable
        The ids of the new items.
    who : str
        The space, in the words of an error.

    Returns
    -------
    table : pyarrow.Table
        The same columns.
    types : dict of str to str
        The types after the addition: columns that are new have one too.
    notes : list of str
        Which columns are new, or missing; which cells are kept missing; which types were widened.

    Raises
    ------
    DataError
        If a cell is not of the type of its column; it is named.
    """
    columns, after, notes = {}, dict(types), []
    for name in table.column_names:
        given, wanted = type_of(table[name].type), types.get(name)
        if wanted is None or given in (wanted, None):
            columns[name] = table[name]
            after[name] = wanted or given
            continue
        cells = plain_cells(table[name])
        if wanted == "integer" and any(map(_is_fraction, cells)):
            after[name] = wanted = "number"
            notes.append(f"The column '{name}' of the space now holds numbers that are not whole.")
        fitting, told = fitted_cells(cells, wanted, ids, f"{who}: the column '{name}'")
        columns[name] = arrow_array(fitting, wanted)
        notes += [f"The column '{name}': {text}" for text in told]
    new = [name for name in table.column_names if name not in types]
    absent = [name for name in types if name not in table.column_names]
    if new:
        notes.append(f"New to the space, and missing in its other items: {_named(new)}.")
    if absent:
        notes.append(f"Missing in what is added, though the space has it: {_named(absent)}.")
    import pyarrow as pa

    return pa.table(columns), after, notes


def fitted_cells(
    cells: Sequence[Any], of: str, ids: Iterable[Any], what: str
) -> tuple[list[Any], list[str]]:
    """Return cells in a type, words for missing as None, and what to say of them.

    Raises
    ------
    DataError
        If one cannot be: its item and what it holds are named.

    Examples
    --------
    >>> fitted_cells(["yes", "?", None], "boolean", "abc", "The column 'vip'")
    ([True, None, None], ["1 cell with '?' was kept missing."])
    """
    fitting, missing, foreign = [], Counter[str](), 0
    wrong: list[tuple[Any, Any]] = []
    for cell, name in zip(cells, ids, strict=True):
        fits = cell
        if isinstance(cell, str) and of != "text" and cell.strip().lower() in MISSING_WORDS:
            missing[cell.strip()] += 1
            fits = None
        elif cell is not None:
            try:
                fits = FITTING[of](cell)
            except (ValueError, OverflowError, InvalidOperation):
                wrong.append((name, cell))
            foreign += of == "text" and not isinstance(cell, str)
        fitting.append(fits)
    if wrong:
        name, cell = wrong[0]
        more = f" ({len(wrong) - 1:,} more are alike)" if len(wrong) > 1 else ""
        raise DataError(
            f"{what} holds {META_TYPES[of]}, and the item '{name}' has {_shown(cell)} there{more}; "
            "nothing was added: correct it, or leave it empty."
        )
    notes = []
    if missing:
        count, words = sum(missing.values()), " or ".join(map(repr, list(missing)[:SHOWN]))
        were = "cell with {} was" if count == 1 else "cells with {} were"
        notes.append(f"{count:,} {were.format(words)} kept missing.")
    if foreign:
        are = "cell that is no text was" if foreign == 1 else "cells that are no text were"
        notes.append(f"{foreign:,} {are} written as text.")
    return fitting, notes


def looks_like_number(text: str) -> bool:
    """Return whether a text is written as a number, with a decimal point or comma.

    Examples
    --------
    >>> [looks_like_number(text) for text in ("1e3", "-3,5", "1.234,50", "12 kg", "")]
    [True, True, True, False, False]
    """
    return any(way.fullmatch(text.strip()) for way in (NUMBER, COMMA, THOUSANDS))


def _is_fraction(cell: Any) -> bool:
    try:
        number = number_in(cell)
        return number != number.to_integral_value()
    except (ValueError, InvalidOperation):  # no number at all, or infinity
        return False


def number_in(cell: Any) -> Decimal:
    """Return a number, or that which a text is, without rounding; else raise `ValueError`.

    Examples
    --------
    >>> number_in("1.234,50"), number_in(3)
    (Decimal('1234.50'), Decimal('3'))
    """
    if isinstance(cell, str):
        text = cell.strip()
        if COMMA.fullmatch(text):
            text = text.replace(".", "").replace(",", ".")
        elif THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
        elif not NUMBER.fullmatch(text):
            raise ValueError(cell)
        return Decimal(text)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise ValueError(cell)
    return Decimal(cell)


def _integer(cell: Any) -> int:
    number = number_in(cell)
    inexact = isinstance(cell, float) and abs(cell) > LARGEST_EXACT
    if inexact or number != number.to_integral_value() or abs(number) >= 2**64:
        raise ValueError(cell)
    return int(number)


def _number(cell: Any) -> float:
    if isinstance(cell, float):
        return cell
    number = number_in(cell)
    whole = number == number.to_integral_value()
    if whole and abs(number) > LARGEST_EXACT and Decimal(float(number)) != number:
        raise ValueError(cell)  # digits of a code, which float64 would drop
    return float(number)


def _boolean(cell: Any) -> bool:
    text = cell.strip().lower() if isinstance(cell, str) else f"{cell:g}" if _numeric(cell) else ""
    if isinstance(cell, bool):
        return cell
    if text not in TRUTH:
        raise ValueError(cell)
    return TRUTH[text]


def _numeric(cell: Any) -> bool:
    return isinstance(cell, int | float)


def _date(cell: Any) -> datetime.datetime:
    if isinstance(cell, datetime.datetime):
        return cell
    if not isinstance(cell, str) or re.fullmatch(r"\d*", text := cell.strip()):
        raise ValueError(cell)
    date = datetime.datetime.fromisoformat(text)
    return date if date.tzinfo is None else date.astimezone(datetime.UTC).replace(tzinfo=None)


def _text(cell: Any) -> str:
    if isinstance(cell, list | dict):
        raise ValueError(cell)
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _other(cell: Any) -> Any:
    if not isinstance(cell, list | dict):
        raise ValueError(cell)
    return cell


FITTING: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "other": _other,
}


def _shown(cell: Any) -> str:
    text = repr(cell) if isinstance(cell, str) else str(cell)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:SHOWN]) + more
