"""Which items of a space meet conditions such as ``label=cat`` and ``age>=30``."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.space.arrays import is_date
from nearspace.space.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_of", "matching"]

CONDITION = re.compile(r"\s*(.+?)\s*(!=|<=|>=|==|=|<|>|~)\s*(.*?)\s*", re.DOTALL)
COMPARES: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~": lambda text, part: part.lower() in text.lower(),
}
DATE = re.compile(r"\d{4}(-\d\d){0,2}([T ][\d:.]+)?", re.ASCII)
WHOLE = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)
TRUTH = {"true": True, "false": False}


def matching(space: Space, where: Sequence[str]) -> np.ndarray:
    """Return which items meet all of some conditions.

    Parameters
    ----------
    space : Space
        The items.
    where : sequence of str
        Conditions ``COLUMN OPERATOR VALUE``. A column is ``id``, ``label`` or one of `meta`; an
        operator one of ``=  !=  <  <=  >  >=  ~``. Numbers are compared as numbers, dates as dates
        (those with a time zone in UTC), all else as text; ``~`` asks whether a text contains
        another, in whatever case. A list meets a condition if something in it does, and ``!=`` if
        nothing in it is equal. A missing value meets no condition.

    Returns
    -------
    ndarray of shape (n,), bool
        True for each item that meets them all.

    Raises
    ------
    NearspaceError
        On a condition that cannot be read, a column that does not exist, or a value that is none of
        its column.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("customers"), "onehot")
    >>> [int(matching(space, where).sum()) for where in (["age>=40"], ["age>=40", "plan=plus"])]
    [291, 99]
    """
    allowed = np.ones(len(space), dtype=bool)
    for condition in where:
        read = CONDITION.fullmatch(condition)
        if read is None:
            raise DataError(
                f"The condition '{condition}' cannot be read; expected a column, one of = != < <= "
                "> >= ~, and a value, such as 'age>=30'."
            )
        name, sign, value = read.groups()
        allowed &= _compared(column_of(space, name), name, sign, value)
    return allowed


def column_of(space: Space, name: str) -> np.ndarray:
    """Return what is known of every item under a name: ``id``, ``label`` or a column of `meta`."""
    own = {"id": space.ids, "label": space.labels}
    if own.get(name) is not None:
        return np.asarray(own[name])
    if space.meta is not None and name in space.meta.column_names:
        return _array(space.meta[name])
    names = [each for each, values in own.items() if values is not None]
    names += [] if space.meta is None else space.meta.column_names
    raise NearspaceError(f"The space has no column '{name}'. {did_you_mean(name, names)}")


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """Return numbers and dates as such, whole numbers with gaps and all else as objects."""
    import pyarrow as pa

    kind = column.type
    if is_date(kind):
        return column.cast(pa.timestamp("us"), safe=False).to_numpy()
    whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if pa.types.is_floating(kind) or (whole and not column.null_count):
        return column.to_numpy()
    return np.fromiter(column.to_pylist(), dtype=object, count=len(column))


def _compared(column: np.ndarray, name: str, sign: str, value: str) -> np.ndarray:
    """Return which values of a column are there and stand to another as a sign says."""
    if column.dtype.kind in "biufM":
        there = column == column  # false for NaN and for a date that is missing
    else:
        values = column.tolist()
        there = np.array([value is not None and value == value for value in values], dtype=bool)
        kinds = {type(value) for value in itertools.compress(values, there)}
        if kinds == {list}:
            return there & _any_compared(values, name, sign, value)
        if not kinds or not kinds <= {int, float, bool, Decimal}:
            # One by one: an array of texts is as wide as the longest.
            texts = (str(each) for each in itertools.compress(values, there))
            there[there] = [COMPARES[sign](text, value) for text in texts]
            return there
        filled = [value if is_there else 0 for value, is_there in zip(values, there, strict=True)]
        column = np.array(filled, dtype=float if Decimal in kinds else None)
        column = column.astype(bool) if kinds == {bool} else column
    if sign == "~":
        raise DataError(f"'{name}~{value}': '~' looks into texts; the column '{name}' holds none.")
    return there & COMPARES[sign](column, _value(value, column, name))


def _any_compared(lists: list[Any], name: str, sign: str, value: str) -> np.ndarray:
    """Return which lists hold something that meets a condition, or for != nothing that is equal."""
    lists = [each or [] for each in lists]
    inside = np.fromiter(itertools.chain(*lists), dtype=object)
    of = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    met = _compared(inside, name, "=" if sign == "!=" else sign, value)
    some = np.bincount(of[met], minlength=len(lists)) > 0
    return ~some if sign == "!=" else some


def _value(text: str, column: np.ndarray, name: str) -> Any:
    """Return the value of a condition as one of the column that it is compared with."""
    kind = column.dtype.kind
    try:
        if kind == "b":
            return TRUTH[text.lower()]
        if kind == "M":
            if not DATE.fullmatch(text):
                raise ValueError(text)
            return np.datetime64(text)
        whole = WHOLE.fullmatch(text)  # as a float it would be rounded beyond 2^53
        return int(whole[1]) if whole else float(text)
    except (KeyError, ValueError):
        expected = {"b": "true or false", "M": "a date such as 2024-05-31"}.get(kind, "a number")
        raise DataError(
            f"The column '{name}' is compared with '{text}'; expected {expected}."
        ) from None
