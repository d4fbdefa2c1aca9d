"""Which items of a space meet conditions such as ``label=cat`` and ``age>=30``."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.numerals import LARGEST_EXACT
from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.space.arrays import is_date
from nearspace.space.columns import looks_like_number, number_in
from nearspace.space.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_of", "matching"]

SIGN = re.compile(r"!=|<=|>=|==|=|<|>|~")
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
ORDERS, EQUALITIES = ("<", "<=", ">", ">="), ("=", "==", "!=")
DATE = re.compile(r"\d{4}(-\d\d){0,2}([T ][\d:.]+)?", re.ASCII)
DAY_FIRST = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", re.ASCII)  # or the month
WHOLE = re.compile(r"([+-]?\d+)(\.0*)?", re.ASCII)
LOOKED_AT = 1000  # texts, to know whether they say numbers
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
        (those with a time zone in UTC), all else as text, in which ``true`` is ``True``; ``~`` asks
        whether a text contains another, in whatever case. A list meets a condition if something in
        it does, and ``!=`` if nothing in it is equal. A missing value meets no condition.

    Returns
    -------
    ndarray of shape (n,), bool
        True for each item that meets them all.

    Raises
    ------
    NearspaceError
        On a condition that cannot be read, a column that does not exist, a value that is none of
        its column, and where texts that say numbers or dates would be ordered by the alphabet, or
        hold the number of the value, but written in another way.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("customers"), "onehot")
    >>> [int(matching(space, where).sum()) for where in (["age>=40"], ["age>=40", "plan=plus"])]
    [291, 99]
    """
    allowed = np.ones(len(space), dtype=bool)
    for condition in where:
        name, sign, value = _parts(condition, column_names(space))
        allowed &= _compared(column_of(space, name), name, sign, value)
    return allowed


def _parts(condition: str, names: Sequence[str]) -> tuple[str, str, str]:
    """Return the column, the sign and the value of a condition.

    The first sign parts them, unless what stands before a later one is the name of a column.
    """
    parts = [
        (condition[: sign.start()].strip(), sign[0], condition[sign.end() :].strip())
        for sign in SIGN.finditer(condition)
        if condition[: sign.start()].strip()
    ]
    if not parts:
        raise DataError(
            f"The condition '{condition}' cannot be read; expected a column, one of = != < <= "
            "> >= ~, and a value, such as 'age>=30'."
        )
    return next((part for part in parts if part[0] in names), parts[0])


def column_names(space: Space) -> list[str]:
    """Return under which names something is known of the items."""
    own = {"id": space.ids, "label": space.labels}
    names = [name for name, values in own.items() if values is not None]
    return names + ([] if space.meta is None else space.meta.column_names)


def column_of(space: Space, name: str) -> np.ndarray:
    """Return what is known of every item under a name: ``id``, ``label`` or a column of `meta`."""
    own = {"id": space.ids, "label": space.labels}
    if own.get(name) is not None:
        return np.asarray(own[name])
    if space.meta is not None and name in space.meta.column_names:
        return _array(space.meta[name])
    hint = did_you_mean(name, column_names(space))
    raise NearspaceError(f"The space has no column '{name}'. {hint}")


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
            there[there] = _texts_compared(
                [str(each) for each in itertools.compress(values, there)], name, sign, value
            )
            return there
        filled = [value if is_there else 0 for value, is_there in zip(values, there, strict=True)]
        column = np.array(filled, dtype=_dtype(kinds, filled))
    if sign == "~":
        raise DataError(f"'{name}~{value}': '~' looks into texts; the column '{name}' holds none.")
    return there & COMPARES[sign](column, _value(value, column, name))


def _dtype(kinds: set[type], numbers: list[Any]) -> type:
    """Return as what numbers of some types are compared; as they are where NumPy would round."""
    if kinds == {bool}:
        return bool
    if Decimal in kinds or int not in kinds:
        return float
    fit = kinds == {int} and all(abs(number) < 2**63 for number in (min(numbers), max(numbers)))
    return np.int64 if fit else object


def _texts_compared(texts: list[str], name: str, sign: str, value: str) -> list[bool]:
    """Return which texts stand to another as a sign says, one by one.

    Raises
    ------
    DataError
        If they, or the value, are numbers or dates whose order is not that of the alphabet.
    """
    if value.lower() in TRUTH and sign != "~" and all(text.lower() in TRUTH for text in texts):
        value, texts = value.lower(), [text.lower() for text in texts]
    for of, looks_like in (("numbers", looks_like_number), ("dates", DAY_FIRST.fullmatch)):
        if sign not in ORDERS:
            break
        some = texts[:LOOKED_AT]
        alike = [text for text in some if looks_like(text)]
        if looks_like(value) or (some and 2 * len(alike) >= len(some)):
            such = f", such as '{(alike or texts)[0]:.40}'" if texts else ""
            how = "numbers" if of == "numbers" else "dates such as 2024-05-31"
            raise DataError(
                f"The column '{name}' holds text{such}, and the order of the alphabet is not that "
                f"of {of}, so that '{name}{sign}{value}' would find the wrong items: make a space "
                f"of data in which the column holds {how}."
            )
    if sign in EQUALITIES and looks_like_number(value) and value not in texts:
        number = number_in(value)
        for text in texts:
            if looks_like_number(text) and number_in(text) == number:
                raise DataError(
                    f"The column '{name}' holds text, none of which is '{value}'; write the number "
                    f"as it stands there: '{name}{sign}{text}'."
                )
    return [COMPARES[sign](text, value) for text in texts]


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
        number = int(whole[1]) if whole else float(text)
        if number != number:
            raise ValueError(text)
    except (KeyError, ValueError):
        expected = {"b": "true or false", "M": "a date such as 2024-05-31"}.get(kind, "a number")
        raise DataError(
            f"The column '{name}' is compared with '{text}'; expected {expected}."
        ) from None
    if kind == "f" and isinstance(number, int) and abs(number) > LARGEST_EXACT:
        raise DataError(
            f"The column '{name}' holds float64 numbers, which keep 15 digits, so that several "
            f"whole numbers could be '{text}': make a space of data in which such codes are whole "
            "numbers or text, or write an amount as 1e18 is written."
        )
    return number
