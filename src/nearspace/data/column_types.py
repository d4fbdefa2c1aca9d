"""What the columns of a table are: numbers, categories, dates, texts, or names of the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.columns import holds_texts, nested
from nearspace.data.numerals import LARGEST_EXACT
from nearspace.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEWEST_NAMED", "SIGNS", "TYPES", "check_types", "column_type", "is_code", "sign_of"]

# What a column may be, with the word for several of them.
TYPES = {
    "number": "numbers",
    "category": "categories",
    "categories": "several categories a cell",
    "date": "dates",
    "text": "texts",
    "id": "names of rows",
}
SIGNS = ("|", ";", ",")  # between several categories in a cell
INFERRED = ("|", ";")  # a comma stands in names as well
FEWEST_NAMED = 20  # rows, from which on a value of its own in every row looks like a name
LONG = 8  # words, which texts have that are no names and no categories
TRIED = 2000  # cells, spread over a column
SEVERAL_SHARE = 0.02  # of the cells, in which the sign stands at least
# How names of columns end that hold numbers of rows: id, user_id, PassengerId, index; and those
# that files get which give a column no name.
NAMED_AS_ID = re.compile(r"(?i:(?:^|[\W_])(?:id|index|key|uuid|guid))$|[a-z](?:Id|ID)$")
NAMELESS = re.compile(r"|Unnamed: \d+|column 0|__index_level_0__")


def column_type(column: pd.Series) -> str:
    """Return what a column is, a key of `TYPES`, by what its cells hold.

    Numbers are numbers, and dates dates. It is ``"id"`` where each row has another text, or another
    whole number and the name of the column says so, or says nothing and they count on; ``"text"``
    where texts have many words; ``"categories"`` where ``|`` or ``;`` cuts cells into parts that
    come again; else ``"category"``.

    Examples
    --------
    >>> import pandas as pd
    >>> column_type(pd.Series(["drama|crime", "crime", "drama", "crime|drama"]))
    'categories'
    >>> column_type(pd.Series([3.5, None])), column_type(pd.Series(["A", "B"]))
    ('number', 'category')
    """
    from pandas.api import types

    if types.is_datetime64_any_dtype(column):
        return "date"
    if types.is_timedelta64_dtype(column):
        return "number"
    if column.dtype == object:  # which may hold nothing but numbers
        column = column.infer_objects()
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        if is_code(column):
            return "category"
        return "id" if _numbers_rows(column) else "number"
    if nested(column) == "lists":
        return "categories"
    if not (types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype)):
        return "category"
    if holds_texts(column, LONG):
        return "text"
    if _all_differ(column):
        return "id"
    return "categories" if sign_of(column, INFERRED) else "category"


def is_code(column: pd.Series) -> bool:
    """Return whether a column holds whole numbers of more digits than a float64 has."""
    from pandas.api import types

    if not types.is_integer_dtype(column) or not column.count():
        return False
    return max(int(column.max()), -int(column.min())) > LARGEST_EXACT


def _all_differ(column: pd.Series) -> bool:
    """Return whether there are many rows, and each has a value of its own."""
    # A few show it of nearly all columns.
    few = len(column) >= FEWEST_NAMED and column.iloc[:TRIED].is_unique
    return few and not column.hasnans and column.is_unique


def _numbers_rows(column: pd.Series) -> bool:
    """Return whether whole numbers number the rows: none twice, and counting on or named so."""
    from pandas.api import types

    if not types.is_integer_dtype(column) or not _all_differ(column):
        return False
    values = column.to_numpy(dtype=np.int64)
    if NAMELESS.fullmatch(str(column.name)):
        return values[0] in (0, 1) and bool((np.diff(values) == 1).all())
    return NAMED_AS_ID.search(str(column.name)) is not None


def sign_of(column: pd.Series, signs: Iterable[str] = SIGNS) -> str:
    """Return the sign that stands between several categories in a cell; nothing where none does.

    The parts have to come again, as categories do: on average three times among the cells looked
    at, or twice as often as whole cells.

    Examples
    --------
    >>> import pandas as pd
    >>> sign_of(pd.Series(["a;b", "b", "a", "a;b"])), sign_of(pd.Series(["a;b", "c;d"]))
    (';', '')
    """
    cells = [cell for cell in column.iloc[:: -(-len(column) // TRIED) or 1] if _is_text(cell)]
    for sign in signs:
        several = sum(sign in cell for cell in cells)
        if several < max(2, SEVERAL_SHARE * len(cells)):
            continue
        parts = Counter(part.strip() for cell in cells for part in cell.split(sign))
        whole = len(set(cells))
        if sum(parts.values()) >= min(3 * len(parts), 2 * len(parts) * len(cells) / whole):
            return sign
    return ""


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str)


def check_types(types: Mapping[str, str], who: str) -> None:
    """Raise `DataError` if one of the types asked for columns is none."""
    for name, of in types.items():
        if of not in TYPES:
            raise DataError(
                f"{who}: the column '{name}' cannot be of the type '{of}'. "
                f"{did_you_mean(of, TYPES)}"
            )
