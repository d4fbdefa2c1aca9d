"""`NamePattern`: what names of files tell, such as ``"{label}_{speaker}_{}.wav"``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import Any

from nearspace.errors import DataError

__all__ = ["FIELD_ROLES", "NamePattern", "read_pattern"]

# The role that a field of this name is; any other is a column of what else is known.
FIELD_ROLES = {
    "label": "labels",
    "group": "groups",
    "id": "ids",
    "time": "time",
    "split": "split",
}
FIELD = re.compile(r"\{([^{}]*)\}")
NAME = re.compile(r"\w[\w .-]*(?<! )|")


@dataclasses.dataclass(frozen=True)
class NamePattern:
    """A pattern of names of files: literal text, and fields in braces.

    Attributes
    ----------
    text : str
        The pattern as it was written.
    parts : tuple of (tuple of str, tuple of str)
        For each folder, and last the name: the literal texts, and the field after each but the
        last; one without a name is ``""``.

    Examples
    --------
    >>> pattern = read_pattern("{label}_{speaker}_{}.wav")
    >>> pattern.fields
    ('label', 'speaker')
    >>> pattern.match("recordings/7_theo_12.wav")
    {'label': '7', 'speaker': 'theo'}
    >>> pattern.match("notes.wav")
    """

    text: str
    parts: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in order."""
        return tuple(name for _, names in self.parts for name in names if name)

    @property
    def of_path(self) -> bool:
        """Whether it is one of paths rather than of names alone."""
        return len(self.parts) > 1

    def match(self, path: str) -> dict[str, str] | None:
        """Return what stands in each field of a path; None where it does not fit.

        A field holds one character at least, no more than up to where the text that follows it
        stands first, and no slash. A pattern without a slash is that of the last part of a path,
        any other of all of it.
        """
        names = path.split("/") if self.of_path else [path.rpartition("/")[2]]
        if len(names) != len(self.parts):
            return None
        values: dict[str, str] = {}
        for name, (literals, fields) in zip(names, self.parts, strict=True):
            cells = _cells(name, literals)
            if cells is None:
                return None
            values |= dict(zip(fields, cells, strict=True))
        values.pop("", None)
        return values


def _cells(name: str, literals: tuple[str, ...]) -> list[str] | None:
    """Return what stands between literal texts in a name; None where they do not stand there."""
    first, *between = literals
    if not between:
        return [] if name == first else None
    *between, last = between
    if not (name.startswith(first) and name.endswith(last)):
        return None
    cells, place = [], len(first)
    for literal in between:
        at = name.find(literal, place + 1)
        if at < 0:
            return None
        cells.append(name[place:at])
        place = at + len(literal)
    rest = name[place : len(name) - len(last)]
    return [*cells, rest] if rest else None


def read_pattern(text: Any, given: Collection[str] = ()) -> NamePattern:
    """Return a pattern of names of files from how it is written.

    Parameters
    ----------
    text : str
        Literal text with fields in braces: ``{label}``, ``{group}``, ``{id}``, ``{time}`` and
        ``{split}`` are roles, ``{}`` is anything, and any other name is that of a column.
    given : collection of str
        Roles that are given in another way, which then cannot be fields.

    Raises
    ------
    DataError
        If its braces do not pair, a name stands in it twice, or nothing tells two fields apart.

    Examples
    --------
    >>> read_pattern("{group}/{label}-{}.flac").fields
    ('group', 'label')
    >>> read_pattern("{label_{}.wav")
    Traceback (most recent call last):
        ...
    nearspace.errors.DataError: load: the pattern '{label_{}.wav' has a brace without its other ...
    """
    who = f"load: the pattern {text!r:.200}"
    if not isinstance(text, str) or not text:
        raise DataError(
            f"load: pattern= is what names of files look like, such as '{{label}}_{{}}.wav', got "
            f"{text!r:.60}."
        )
    if set("{}") & set(FIELD.sub("", text)):
        raise DataError(
            f"{who} has a brace without its other one; a field is a name in braces, as {{label}}, "
            "or {} for anything."
        )
    if "" in text.split("/"):
        raise DataError(
            f"{who} has a slash with nothing before or after it; write the path below the folder, "
            "as {label}/{}.wav."
        )
    parts = []
    for part in text.split("/"):
        pieces = FIELD.split(part)
        parts.append((tuple(pieces[::2]), tuple(pieces[1::2])))
    if any("" in literals[1:-1] for literals, _ in parts):
        raise DataError(
            f"{who} has two fields with nothing between them, which cannot be told apart; write "
            "what stands between, or make one field of them."
        )
    pattern = NamePattern(text, tuple(parts))
    _check_fields(pattern, who)
    for field, role in FIELD_ROLES.items():
        if field in pattern.fields and role in given:
            raise DataError(f"{who} has a {{{field}}}, and {role}= is given too; leave one out.")
    return pattern


def _check_fields(pattern: NamePattern, who: str) -> None:
    """Raise unless the names of fields can be those of columns, each of them once."""
    fields = pattern.fields
    if not fields:
        raise DataError(
            f"{who} has no field with a name, such as {{label}} or {{speaker}}, and tells nothing."
        )
    for name in fields:
        if NAME.fullmatch(name) is None:
            raise DataError(
                f"{who} has the field {{{name}}}, expected a name of letters, digits and _ alone; "
                "fields have no format."
            )
        if fields.count(name) > 1:
            raise DataError(f"{who} has the field {{{name}}} twice; {{}} is anything, any number.")
        role = name.lower().removesuffix("s")
        if role in FIELD_ROLES and name not in FIELD_ROLES:
            raise DataError(f"{who} has the field {{{name}}}; write {{{role}}}.")
