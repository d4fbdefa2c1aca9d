"""Whether values are of the types that a class declares: what is read from a file has to be."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_declared", "declared", "is_of"]


def declared(cls: type, is_wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Return the types that a class and its bases declare for attributes of some names.

    Examples
    --------
    >>> class Counts:
    ...     words_: list[str]
    ...     limit: int
    >>> declared(Counts, lambda name: name.endswith("_"))
    {'words_': list[str]}
    """
    return {
        name: hint
        for name, hint in get_type_hints(cls).items()
        if is_wanted(name) and get_origin(hint) is not ClassVar
    }


def check_declared(values: Mapping[str, Any], hints: Mapping[str, Any], who: str) -> None:
    """Raise `TypeError` if values have another name or type than is declared.

    Examples
    --------
    >>> check_declared({"width_": "nine"}, {"width_": int}, "Raw")
    Traceback (most recent call last):
    TypeError: Raw declares 'width_' as int, got str
    """
    for name, value in values.items():
        if name not in hints:
            raise TypeError(f"{who} declares no '{name}'")
        if not is_of(value, hints[name]):
            got = (
                f"array of {value.dtype}" if isinstance(value, np.ndarray) else _words(type(value))
            )
            raise TypeError(f"{who} declares '{name}' as {_words(hints[name])}, got {got}")


def is_of(value: Any, hint: Any) -> bool:
    """Return whether a value is of a type: of arrays that of their numbers counts too.

    Examples
    --------
    >>> is_of(np.zeros(3), np.typing.NDArray[np.float32]), is_of([1, 2], list[int] | None)
    (False, True)
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if hint in (int, float):
        return not isinstance(value, bool) and isinstance(value, (int, hint))
    if origin in (Union, types.UnionType):
        return any(is_of(value, each) for each in inner)
    if (number := _number_of(hint)) is not None:
        return isinstance(value, np.ndarray) and issubclass(value.dtype.type, number)
    if origin is tuple and inner[-1] is not Ellipsis:
        return (
            isinstance(value, tuple)
            and len(value) == len(inner)
            and all(is_of(part, each) for part, each in zip(value, inner, strict=True))
        )
    if origin in (tuple, list, Sequence):
        sort = list | tuple if origin is Sequence else origin
        return isinstance(value, sort) and all(is_of(part, inner[0]) for part in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            is_of(key, inner[0]) and is_of(part, inner[1]) for key, part in value.items()
        )
    return isinstance(value, origin or hint)


def _number_of(hint: Any) -> Any:
    """Return the type of an array's numbers; None of what is no array."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is np.ndarray:
        return get_args(inner[1])[0]
    # From Python 3.12 and NumPy 2.5 on it is an alias that is its own origin.
    return inner[0] if origin is NDArray else None


def _words(hint: Any) -> str:
    """Return a type as a reader would say it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_words, inner))
    if (number := _number_of(hint)) is not None:
        return f"array of {number.__name__}"
    if hint is type(None):
        return "None"
    return hint.__name__ if isinstance(hint, type) and not inner else str(hint)
