"""What labels, groups and ids may be: texts and numbers as they came, of which no two merge."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from nearspace.data.tensors import array_of_tensor, is_tensor
from nearspace.errors import DataError

__all__ = [
    "as_written",
    "check_numbers",
    "is_missing",
    "lost_digits_notes",
    "plain_values",
    "role_notes",
    "value_array",
]

WHOLE = re.compile(r"0|-?[1-9]\d*", re.ASCII)  # as `str` writes a whole number
POINT_ZERO = re.compile(r"(0|-?[1-9]\d*)\.0*", re.ASCII)  # as a column with gaps is written
NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?)", re.ASCII | re.IGNORECASE)
CODE = re.compile(r"[+-]?0\d", re.ASCII)  # 007 and 00.5 are no numbers
# What stands for a missing number; among texts each is a word, and may be the name of a class.
MARKERS = {"na", "n/a", "#n/a", "nan", "<na>", "null", "none", "nil", "-", "?"}
# What has several values in it, or none that can be written.
NO_VALUES = (complex, list, tuple, dict, set, frozenset, np.ndarray)
EXAMPLES = 3
MOST_DIGITS = 400  # of a number; none that float64 holds has more before the point
ONE = {"labels": "label", "groups": "group", "ids": "id"}


def as_written(cells: Sequence[Any] | np.ndarray, role: str) -> tuple[np.ndarray, list[str]]:
    """Return the cells of a text file as the values that they are written for, and what to tell.

    Cells become whole numbers where every one is written as Python would write it, and labels
    become numbers where all are and one is not whole; all else stays text, so that ``007`` and
    ``07``, ``1`` and ``1.0``, ``10e3`` and ``1_000`` are what they look like.

    Parameters
    ----------
    cells : sequence of str
        As they stand in the file; blank, or no text at all, where there is none.
    role : {"labels", "groups", "ids"}
        What they are.

    Returns
    -------
    values : ndarray of shape (n,)
        Numbers, or objects: texts, whole numbers, None where there is none.
    notes : list of str
        What was taken for a missing number.

    Examples
    --------
    >>> as_written(["1", "2", "", "NA"], "labels")[0].tolist()
    [1, 2, None, None]
    >>> as_written(["007", "07", "NA"], "labels")[0].tolist()
    ['007', '07', 'NA']
    """
    values = _objects([cell if isinstance(cell, str) and cell.strip() else None for cell in cells])
    different = Counter(value for value in values.tolist() if value is not None)
    markers = [text for text in different if text.lower() in MARKERS and role == "labels"]
    texts = [text for text in different if text not in markers]
    numbers = _numbers(texts) if role == "labels" or all(map(WHOLE.fullmatch, texts)) else None
    if not numbers:
        return values, []
    notes = []
    if markers:
        count = sum(different[text] for text in markers)
        notes.append(
            f"The {role} are numbers; {_quoted(markers)} ({count:,} of {len(values):,}) "
            f"{'was' if len(markers) == 1 else 'were'} taken for missing ones."
        )
    if all(type(number) is int for number in numbers.values()):
        return _objects([numbers.get(value) for value in values.tolist()]), notes
    return np.array([numbers.get(value, np.nan) for value in values.tolist()]), notes


def _numbers(texts: list[str]) -> dict[str, Any] | None:
    """Return the number that each different text stands for; None where they are no numbers."""
    if any(len(text) > MOST_DIGITS for text in texts):
        return None
    if all(map(WHOLE.fullmatch, texts)):
        return {text: int(text) for text in texts}
    if not all(map(NUMBER.fullmatch, texts)) or any(map(CODE.match, texts)):
        return None
    numbers = {text: float(text) for text in texts}
    if any(not number.is_integer() for number in numbers.values()):
        return numbers
    if all(map(POINT_ZERO.fullmatch, texts)):
        whole = {text: int(text.partition(".")[0]) for text in texts}
        return whole if len({*whole.values()}) == len(texts) else None
    return None


def is_missing(values: np.ndarray) -> np.ndarray:
    """Return which values are none: None, NaN, no date, a text of blanks.

    Examples
    --------
    >>> is_missing(np.array(["a", None, float("nan"), " ", "None"], dtype=object)).tolist()
    [False, True, True, True, False]
    """
    if values.dtype.kind == "O":
        import pandas as pd

        return pd.isna(values) | np.array([_is_blank(value) for value in values], dtype=bool)
    if values.dtype.kind in "fcmM":
        return np.isnan(values)
    if values.dtype.kind == "U":
        return np.strings.str_len(np.strings.strip(values)) == 0
    return np.zeros(len(values), dtype=bool)


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def value_array(values: Any) -> np.ndarray:
    """Return a value for each item as an array that has lost nothing of them.

    NumPy makes texts of ``[1, "1"]``, and rounds whole numbers of Arrow and pandas with gaps.

    Examples
    --------
    >>> value_array([1, "1", None]).tolist()
    [1, '1', None]
    """
    if is_tensor(values):
        return np.asarray(array_of_tensor(values, "labels"))
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()  # None where one is masked
    if hasattr(values, "to_arrow"):
        values = values.to_arrow()
    if hasattr(values, "to_pylist"):
        values = values.to_pylist()
    if isinstance(values, list | tuple) and not all(map(_is_row_of_one, values)):
        return _objects(values)
    if hasattr(values, "dtype") and not isinstance(values.dtype, np.dtype):
        return np.asarray(values, dtype=object)  # of pandas, with gaps of its own
    return np.asarray(values)


def _is_row_of_one(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray) and len(value) == 1


def _objects(values: Any) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = array_of_tensor(value).item() if _is_number(value) else value
    return array


def _is_number(value: Any) -> bool:
    return is_tensor(value) and value.numel() == 1


def plain_values(values: np.ndarray, role: str, who: str) -> np.ndarray:
    """Return values of which none is missing as whole numbers, numbers or ``str``.

    Two that differ as numbers or as texts differ in what is returned.

    Parameters
    ----------
    values : ndarray of shape (n,)
        As they came.
    role : {"labels", "groups", "ids"}
        What they are; labels alone may be numbers on a scale.
    who : str
        Whose they are, for the error.

    Raises
    ------
    DataError
        If one is no single value, or no number that can be told from others.

    Examples
    --------
    >>> mixed = np.array([3, 4.0, 2**60 + 1], dtype=object)
    >>> plain_values(mixed, "labels", "Labels").tolist()
    [3, 4, 1152921504606846977]
    """
    kind = values.dtype.kind
    if kind == "O":
        values = _of_objects(values, role, who)
    elif kind in "cV":
        raise DataError(_no_value(role, who, 0, values[0]))
    elif kind == "S":
        values = np.array([_text(value, row, role, who) for row, value in enumerate(values)])
    elif kind == "M":
        days = (values == values.astype("datetime64[D]")).all()
        values = np.datetime_as_string(values, unit="D" if days else "auto")
    elif kind not in "iufU":
        values = values.astype(str)
    return _of_floats(values, role, who) if values.dtype.kind == "f" else values


def _of_objects(values: np.ndarray, role: str, who: str) -> np.ndarray:
    """Return objects as numbers where all are, exactly, else as texts."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    for row, value in enumerate(plain):
        if isinstance(value, NO_VALUES):
            raise DataError(_no_value(role, who, row, value))
    if not all(isinstance(value, Real | Decimal) and type(value) is not bool for value in plain):
        return np.array([_text(value, row, role, who) for row, value in enumerate(plain)])
    infinite = next((row for row, value in enumerate(plain) if abs(value) == np.inf), None)
    if infinite is not None or any(value % 1 for value in plain):
        return np.array(plain, dtype=np.float64)
    whole = [int(value) for value in plain]
    lowest, highest = min(whole), max(whole)
    if lowest >= -(2**63) and highest < 2**63:
        return np.array(whole, dtype=np.int64)
    if any(isinstance(value, float) for value in plain):
        return np.array(plain, dtype=np.float64)
    return np.array(whole, dtype=np.uint64) if lowest >= 0 and highest < 2**64 else _texts(whole)


def _texts(values: list[int]) -> np.ndarray:
    return np.array([str(value) for value in values])


def _of_floats(values: np.ndarray, role: str, who: str) -> np.ndarray:
    """Return numbers on a scale as they are, and whole ones as whole numbers."""
    if role == "labels":
        check_numbers(values, who)
    if (values != np.trunc(values)).any() or not np.isfinite(values).all():
        return values if role != "ids" else values.astype(str)
    large = np.flatnonzero(np.abs(values) >= 2.0**63)
    if not len(large):
        return values.astype(np.int64)
    raise DataError(
        f"{who}: the {ONE[role]} of row {large[0]} is {values[large[0]]:g}, too large a number to "
        "be told from its neighbours; give such names as text, and amounts in a larger unit."
    )


def check_numbers(values: np.ndarray, who: str) -> None:
    """Raise if a label is no finite number."""
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DataError(
            f"{who}: the label of row {wrong[0]} is {values[wrong[0]]}, expected a finite number; "
            "leave the row out. (Input y contains NaN or infinity.)"
        )


def _text(value: Any, row: int, role: str, who: str) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise DataError(_no_value(role, who, row, value)) from None


def _no_value(role: str, who: str, row: int, value: Any) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    return (
        f"{who}: the {ONE[role]} of row {row} is {shown}, of type {type(value).__name__}; expected "
        "one text, one whole number or one real number for each item."
    )


def role_notes(values: np.ndarray, role: str) -> list[str]:
    """Return what is odd about labels, groups or ids as they came, in sentences.

    Told are names that differ only in how they are written, numbers and texts that look the same,
    words that usually stand for a missing value, and whole numbers that have lost their last
    digits.

    Examples
    --------
    >>> role_notes(np.array(["elm", "elm ", "oak"]), "labels")[0]
    "The labels 'elm' and 'elm ' differ only by blanks; if they are one, write them alike."
    """
    if values.dtype.kind == "O" and {*map(type, values[~is_missing(values)])} == {float}:
        values = values.astype(np.float64)
    if values.dtype.kind == "f":
        return lost_digits_notes(values, f"The {role}")
    if values.dtype.kind not in "OU" or role == "ids":
        return []
    notes = []
    different = Counter(values.tolist()) if values.dtype.kind == "U" else _counted(values)
    numbers = {str(value): value for value in different if not isinstance(value, str)}
    both = [text for text in different if isinstance(text, str) and text in numbers]
    if both:
        notes.append(
            f"The {role} {both[0]} (a number) and '{both[0]}' (a text) were taken for one"
            f"{_and_more(len(both))}."
        )
    notes += _alike([text for text in different if isinstance(text, str)], role)
    words = [text for text in different if isinstance(text, str) and text.lower() in MARKERS]
    if words:
        count = sum(different[text] for text in words)
        notes.append(
            f"{_quoted(words)} {'was' if len(words) == 1 else 'were'} taken for "
            f"{role} of that name ({count:,} of {len(values):,} items); where they mean that there "
            "is none, leave them empty."
        )
    return notes


def _counted(values: np.ndarray) -> Counter[Any]:
    """Return how often each text and each number stands among objects."""
    return Counter(
        value if isinstance(value, str | int | float) else str(value)
        for value in values[~is_missing(values)].tolist()
    )


def _alike(texts: list[str], role: str) -> list[str]:
    """Return which texts differ only in how they are written, in a sentence for each way."""
    ways: list[tuple[str, Callable[[str], Any]]] = [
        ("only by blanks", _without_blanks),
        ("only by case or blanks", _folded),
        ("as texts, not as numbers", _as_number),
    ]
    pairs: dict[str, list[tuple[str, str]]] = {way: [] for way, _ in ways}
    told: set[frozenset[str]] = set()
    for way, key in ways:
        groups: dict[Any, list[str]] = defaultdict(list)
        for text in texts:
            if (of := key(text)) is not None:
                groups[of].append(text)
        for group in groups.values():
            first, *others = sorted(group)
            for other in others:
                if frozenset((first, other)) not in told:
                    told.add(frozenset((first, other)))
                    pairs[way].append((first, other))
    return [
        f"The {role} "
        + ", ".join(f"'{first}' and '{other}'" for first, other in some[:EXAMPLES])
        + _and_more(len(some) - EXAMPLES + 1)
        + f" differ {way}; if they are one, write them alike."
        for way, some in pairs.items()
        if some
    ]


def _quoted(texts: list[str]) -> str:
    """Return texts in quotes, in words."""
    *first, last = (f"'{text}'" for text in texts)
    return f"{', '.join(first)} and {last}" if first else last


def _and_more(count: int) -> str:
    """Return how many there are beside one; nothing where there is no other."""
    return f", and {count - 1:,} more," if count > 1 else ""


def _without_blanks(text: str) -> str:
    return " ".join(text.split())


def _folded(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFKC", _without_blanks(text)).casefold()


def _as_number(text: str) -> Decimal | None:
    plain = text.strip().replace("_", "")
    return Decimal(plain) if NUMBER.fullmatch(plain) else None


def lost_digits_notes(values: np.ndarray, what: str) -> list[str]:
    """Return that whole numbers came in a type that has not digits enough for them, where they did.

    Examples
    --------
    >>> lost_digits_notes(np.array([1.5, np.nan]), "The ids")
    []
    >>> lost_digits_notes(np.array([2.0**60]), "The ids")[0][:54]
    'The ids came as float64, which rounds whole numbers be'
    """
    limit = 2.0 ** (np.finfo(values.dtype).nmant + 1)
    present = values[np.isfinite(values)]
    large = present[(np.abs(present) >= limit) & (np.abs(present) < 2.0**64)]
    if not len(large) or (present != np.trunc(present)).any():
        return []
    return [
        f"{what} came as {values.dtype}, which rounds whole numbers beyond {limit:,.0f} such as "
        f"{large[0]:.0f}, so that different ones may have become one; give codes as whole numbers "
        "(int64) or as text."
    ]
