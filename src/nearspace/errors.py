"""The errors of nearspace: one sentence each, with the nearest name where a name is unknown."""

from __future__ import annotations

import difflib
import functools
import importlib.util
import inspect
import operator
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from nearspace.foreign import printable

__all__ = [
    "DataError",
    "MissingExtra",
    "NearspaceError",
    "ReplacedError",
    "SpecError",
    "called_as",
    "count_of",
    "did_you_mean",
    "each_or_all_errors",
    "need",
    "path_of",
]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

# What each extra brings.
MODULES = {
    "audio": "soundfile", "images": "skimage", "onnx": "onnxruntime", "pretrained": "transformers",
}  # fmt: skip


class NearspaceError(ValueError):
    """Base of every error that nearspace raises on purpose.

    Its text is one sentence that says who complains, what was expected, what came and what to do;
    the command line prints it without a traceback. Names in it are shown `printable`, since a
    traceback stands in a terminal too.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class DataError(NearspaceError):
    """The data given cannot be read, or not be used as asked."""


class ReplacedError(NearspaceError):
    """A file holds something else than when it was opened; whoever opens it again may go on."""


class SpecError(NearspaceError):
    """An encoder spec is misspelt, or names something that does not exist."""


class MissingExtra(NearspaceError):
    """A library that only some encoders need is not installed.

    Parameters
    ----------
    what : str
        The thing that was asked for.
    extra : str
        The name of the extra that brings the library.
    """

    def __init__(self, what: str, extra: str):
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed: "
            f"run  pip install 'nearspace[{extra}]'."
        )


def need(extra: str, what: str) -> None:
    """Raise `MissingExtra` if the library that an extra brings is not installed."""
    if importlib.util.find_spec(MODULES[extra]) is None:
        raise MissingExtra(what, extra)


def did_you_mean(name: object, choices: Iterable[str]) -> str:
    """Return the end of an error sentence about an unknown name: the nearest one, or all of them.

    Parameters
    ----------
    name : object
        The name that is unknown.
    choices : iterable of str
        The names that exist.

    Returns
    -------
    str
        A sentence that begins with a capital letter.

    Examples
    --------
    >>> did_you_mean("autoencodr", ["pca", "autoencoder"])
    "Did you mean 'autoencoder'?"
    >>> did_you_mean("xyz", ["pca", "autoencoder"])
    "There is: 'autoencoder', 'pca'."
    """
    choices = sorted(choices)
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{lowered[close[0]]}'?"
    if not choices:
        return "There is none to choose from."
    return "There is: " + ", ".join(f"'{choice}'" for choice in choices) + "."


def path_of(value: Any, who: str) -> Path:
    """Return a path, or raise `DataError` where something else stands in its place.

    Examples
    --------
    >>> path_of("photos.space", "save").suffix
    '.space'
    >>> path_of(None, "save")
    Traceback (most recent call last):
    nearspace.errors.DataError: save: expected the path of a file or folder, got one NoneType.
    """
    if isinstance(value, os.PathLike) or (isinstance(value, str) and value):
        return Path(os.fsdecode(value))
    got = "an empty text" if isinstance(value, str) else f"one {type(value).__name__}"
    raise DataError(f"{who}: expected the path of a file or folder, got {got}.")


def count_of(value: Any, who: str, name: str, least: int = 1) -> int:
    """Return a whole number of at least so many, or raise `DataError`.

    Examples
    --------
    >>> count_of(3.5, "sample", "n")
    Traceback (most recent call last):
    nearspace.errors.DataError: sample: expected n of at least 1, a whole number, got 3.5.
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = least - 1
    if count < least:
        got = value if isinstance(value, int | float) else f"one {type(value).__name__}"
        raise DataError(f"{who}: expected {name} of at least {least}, a whole number, got {got}.")
    return count


def each_or_all_errors(function: Callable[[T], R], values: Iterable[T]) -> list[R]:
    """Return a function of each value, or raise one error that tells of all that are wrong.

    Examples
    --------
    >>> each_or_all_errors(str.upper, ["a", "b"])
    ['A', 'B']
    """
    results: list[R] = []
    errors: list[NearspaceError] = []
    for value in values:
        try:
            results.append(function(value))
        except NearspaceError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        told = " ".join(f"({at}) {error}" for at, error in enumerate(errors, 1))
        raise NearspaceError(f"{len(errors)} things are wrong: {told}")
    return results


def called_as(example: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function that, called with other arguments, tells how it is called.

    Examples
    --------
    >>> @called_as("area(3, height=2)")
    ... def area(width, *, height):
    ...     return width * height
    >>> area(3, height=2)
    6
    >>> area(3, 2)
    Traceback (most recent call last):
        ...
    nearspace.errors.NearspaceError: area takes 1 value without a name, got 2; write area(3, ...
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **options: P.kwargs) -> R:
            try:
                signature.bind(*args, **options)
            except TypeError as error:
                told = _told_of_call(signature, args, options, error, example)
                raise NearspaceError(f"{function.__name__}{told}") from None
            return function(*args, **options)

        return call

    return decorate


def _told_of_call(
    signature: inspect.Signature, args: Any, options: Any, error: TypeError, example: str
) -> str:
    """Return what is wrong with the arguments of a call, and how it is written."""
    for name in options:
        if name not in signature.parameters:
            return f" has no argument '{name}'. {did_you_mean(name, signature.parameters)}"
    count = sum(each.kind is not each.KEYWORD_ONLY for each in signature.parameters.values())
    if len(args) > count:
        values = "value" if count == 1 else "values"
        return f" takes {count} {values} without a name, got {len(args)}; write {example}."
    return f": {error}; write {example}."
