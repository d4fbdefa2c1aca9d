"""Which items of a space meet conditions such as ``label=cat`` and ``age>=30``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.space.space import Space

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
}
TRUTH = {"true": True, "false": False}


def matching(space: Space, where: Sequence[str]) -> np.ndarray:
    """Return which items meet all of some conditions.

    Parameters
    ----------
    space : Space
        The items.
    where : sequence of str
        Conditions ``COLUMN OPERATOR VALUE``. A column is ``id``, ``label`` or one of `meta`; an
        operator one of ``=  !=  <  <=  >  >=  ~``. Numbers are compared as numbers, dates as dates,
        all else as text; ``~`` asks whether a text contains another, in whatever case. A missing
        value meets no condition.

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
        allowed &= _meets(space, condition)
    return allowed


def column_of(space: Space, name: str) -> np.ndarray:
    """Return what is known of every item under a name: ``id``, ``label`` or a column of `meta`."""
    known: dict[str, Any] = {"id": space.ids}
    if space.labels is not None:
        known["label"] = space.labels
    names = [*known, *(space.meta.column_names if space.meta is not None else [])]
    if name in known:
        return np.asarray(known[name])
    if name not in names:
        raise NearspaceError(f"The space has no column '{name}'. {did_you_mean(name, names)}")
    assert space.meta is not None
    return space.meta[name].to_pandas().to_numpy()


def _meets(space: Space, condition: str) -> np.ndarray:
    read = CONDITION.fullmatch(condition)
    if read is None:
        raise DataError(
            f"The condition '{condition}' cannot be read; expected a column, one of = != < <= > >= "
            "~, and a value, such as 'age>=30'."
        )
    name, sign, value = read.groups()
    column = column_of(space, name)
    if column.dtype.kind == "O":
        column, there = _plain(column)
    else:
        there = column == column  # false for NaN and for a date that is missing
    if sign == "~":
        if column.dtype.kind not in "US":
            raise DataError(f"'{condition}': '~' looks into texts; the column '{name}' holds none.")
        return there & (np.char.find(np.char.lower(column), value.lower()) >= 0)
    return there & COMPARES[sign](column, _value(value, column, name))


def _plain(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a column of objects as text, or as what its values all are, and which are there."""
    values = column.tolist()
    there = np.array([value is not None and value == value for value in values], dtype=bool)
    kinds = {type(value) for value, is_there in zip(values, there, strict=True) if is_there}
    if kinds and kinds <= {int, float, bool}:
        filled = [value if is_there else 0 for value, is_there in zip(values, there, strict=True)]
        return np.array(filled, dtype=bool if kinds == {bool} else None), there
    texts = [str(value) if is_there else "" for value, is_there in zip(values, there, strict=True)]
    return np.array(texts, dtype=str), there


def _value(text: str, column: np.ndarray, name: str) -> Any:
    """Return the value of a condition as one of the column that it is compared with."""
    kind = column.dtype.kind
    try:
        if kind == "b":
            return TRUTH[text.lower()]
        if kind in "iuf":
            return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
        if kind == "M":
            return np.datetime64(text)
    except (KeyError, ValueError):
        expected = {"b": "true or false", "M": "a date such as 2024-05-31"}.get(kind, "a number")
        raise DataError(
            f"The column '{name}' is compared with '{text}'; expected {expected}."
        ) from None
    return text
