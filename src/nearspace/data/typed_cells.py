"""The cells of a column in the form that their type has, whatever they arrive as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.column_types import SIGNS
from nearspace.data.dates import Dates, parse_dates
from nearspace.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_numbers", "missing_cells", "ratio_cells", "typed_cells"]

DATE = "a date such as 2024-05-31"


def as_numbers(dates: pd.Series) -> np.ndarray:
    """Return dates as days since 1970, float64 with NaN where one is missing; numbers as such.

    Examples
    --------
    >>> import pandas as pd
    >>> as_numbers(pd.Series(pd.to_datetime(["1970-01-02", None]))).tolist()
    [1.0, nan]
    """
    values = dates.to_numpy()
    if values.dtype.kind != "M":
        return values.astype(np.float64)
    since = (values - np.datetime64(0, "us")) / np.timedelta64(1, "D")
    return np.where(np.isnat(values), np.nan, since)


def ratio_cells(frame: pd.DataFrame, name: str, over: str, under: str, who: str) -> Any:
    """Return what one column is over another: missing where that is 0, or one of them missing."""
    if name in frame.columns:  # it was made before
        return _numbers(frame[name], who)
    if not {over, under} <= {*frame.columns}:
        missing = over if over not in frame.columns else under
        raise DataError(
            f"{who}: the column '{missing}' is missing, of which '{name}' is made. "
            f"{did_you_mean(missing, frame.columns)}"
        )
    above, below = (np.asarray(_numbers(frame[name], who)) for name in (over, under))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(below == 0, np.nan, above / below)
    if not np.isfinite(ratio[~np.isnan(ratio)]).all():
        row = int(np.flatnonzero(np.isinf(ratio))[0])
        raise DataError(f"{who}: row {row}, '{name}' is too large a number to be reckoned with.")
    return ratio


def missing_cells(of: str, n: int) -> np.ndarray:
    """Return so many missing cells of a type."""
    if of == "number":
        return np.full(n, np.nan)
    if of == "date":
        return np.full(n, np.datetime64("NaT", "us"))
    return np.full(n, None, dtype=object)


def typed_cells(column: pd.Series, of: str, sign: str = SIGNS[0], who: str = "Tables") -> Any:
    """Return a column in the form that its type has.

    Parameters
    ----------
    column : Series of n cells
        As they arrive.
    of : str
        The type, a key of `TYPES`.
    sign : str, default="|"
        What cuts several categories in a cell.
    who : str
        Whose column it is, for errors.

    Returns
    -------
    Series or ndarray of shape (n,)
        float64 of numbers, datetime64[us] of dates, else objects: ``str``, and None for none.

    Raises
    ------
    DataError
        If a cell is no number, or no date, where it is to be one; the row is named.

    Examples
    --------
    >>> import pandas as pd
    >>> typed_cells(pd.Series(["b; a", None]), "categories", ";").tolist()
    ['a|b', None]
    """
    if of == "number":
        return _numbers(column, who)
    if of == "date":
        return _dates(column, who)
    if of == "categories":
        return _several(column, sign, who)
    return _categories(column)


def _numbers(column: pd.Series, who: str) -> pd.Series | np.ndarray:
    import pandas as pd

    if column.dtype == np.float64 and not np.isinf(column.to_numpy()).any():
        return column
    if column.dtype.kind == "m":
        column = column.dt.total_seconds()
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero((np.isnan(values) & column.notna().to_numpy()) | np.isinf(values))
    if len(wrong):
        raise _unfit(column, int(wrong[0]), "a finite number", who)
    return values


def _dates(column: pd.Series, who: str) -> np.ndarray:
    """Return dates, in UTC where they have a zone."""
    import pandas as pd

    if pd.api.types.infer_dtype(column) == "string":  # whose day and month only the whole tells
        read = parse_dates(column)
        if not isinstance(read, Dates) or read.missing:
            wrong = None if not isinstance(read, Dates) else np.isnat(read.values) & column.notna()
            raise _unfit(column, 0 if wrong is None else int(np.argmax(wrong)), DATE, who)
        return read.values
    dates = pd.Series(pd.to_datetime(column, errors="coerce", utc=True))
    wrong = np.flatnonzero((dates.isna() & column.notna()).to_numpy())
    if len(wrong) or (column.dtype.kind in "biufc" and column.notna().any()):
        raise _unfit(column, int(wrong[0]) if len(wrong) else 0, DATE, who)
    return dates.dt.tz_localize(None).to_numpy().astype("datetime64[us]")


def _unfit(column: pd.Series, row: int, wanted: str, who: str) -> DataError:
    cell = column.iloc[row]
    shown = cell.item() if isinstance(cell, np.generic) else cell
    return DataError(
        f"{who}: row {row}, column '{column.name}' is {shown!r}, expected {wanted} or a missing "
        "cell."
    )


def _categories(column: pd.Series) -> pd.Series:
    """Return a column as ``str``, None where it is missing; 3 and 3.0 are the same category."""
    import pandas as pd

    if column.dtype == object:  # values that are equal may be of several types, as 1 and True
        values = column.to_numpy()
        missing = pd.isna(values)
        if pd.api.types.infer_dtype(values) != "string":
            values = np.array([*map(_category, values.tolist())], dtype=object)
        elif all(each is None for each in values[missing]):
            return column
        values = values.copy()
        values[missing] = None
        return pd.Series(values, dtype=object)
    # Each value is made once, however many cells hold it: of strings of Arrow that is the memory.
    codes, different = pd.factorize(column)
    named = [*map(_category, pd.Series(different).astype(object).tolist()), None]
    return pd.Series(np.array(named, dtype=object)[codes], dtype=object)


def _category(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _several(column: pd.Series, sign: str, who: str) -> pd.Series:
    """Return cells of several categories, each once and in order, cut by ``|``; None where none."""
    import pandas as pd

    if len(column) and isinstance(next(iter(column.dropna()), None), list | tuple | np.ndarray):
        cells = [None if cell is None else _of_list(cell, column.name, who) for cell in column]
    else:
        whole = _categories(column)
        forms = {cell: _in_order(cell, sign) for cell in whole.dropna().unique()}
        cells = [None if cell is None else forms[cell] for cell in whole]
    return pd.Series(np.array([each or None for each in cells], dtype=object), dtype=object)


def _of_list(cell: Any, name: Any, who: str) -> str | None:
    if not isinstance(cell, list | tuple | np.ndarray):
        return None  # a missing one
    parts = [text for each in cell if (text := _category(each))]
    if any(SIGNS[0] in part for part in parts):
        raise DataError(
            f"{who}: the column '{name}' holds lists, and one of its categories has a "
            f"'{SIGNS[0]}', which stands between them here: {parts!r:.60}; write it otherwise."
        )
    return SIGNS[0].join(sorted({*parts}))


def _in_order(cell: str, sign: str) -> str:
    """Return the different parts of a cell, in order."""
    parts = {part.strip() for part in cell.replace(sign, SIGNS[0]).split(SIGNS[0])}
    return SIGNS[0].join(sorted(parts - {""}))
