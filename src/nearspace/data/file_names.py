"""`with_fields`: what the names of files tell by a pattern, as roles and as columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nearspace.data.columns import typed_columns
from nearspace.data.frames import role_of_column
from nearspace.data.patterns import FIELD_ROLES, NamePattern
from nearspace.data.sources import Source
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["with_fields"]

NAMED = 3  # files that do not fit, in an error


def with_fields(source: Source, pattern: NamePattern, roles: Mapping[str, str]) -> Source:
    """Return a source of files with what a pattern tells of their names.

    Fields that are roles take the places of what folders tell; where the pattern is one of paths,
    folders are no labels but by it. Files whose names do not fit are left out, and named.

    Parameters
    ----------
    source : Source
        Whose items are files.
    pattern : NamePattern
        What their names look like.
    roles : dict of str to str
        The field of the labels, groups, time, ids and split where one is named.

    Raises
    ------
    DataError
        If the items are no files, no name fits, or a column has the name of a field.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from nearspace.data.patterns import read_pattern
    >>> files = [Path("a_ann.wav"), Path("b_bob.wav")]
    >>> source = Source(files, "speech", "2 files", names=np.array(["a_ann.wav", "b_bob.wav"]))
    >>> named = with_fields(source, read_pattern("{label}_{speaker}.wav"), {})
    >>> named.roles["labels"].tolist(), named.meta["speaker"].tolist()
    (['a', 'b'], ['ann', 'bob'])
    """
    if source.names is None:
        raise DataError(
            f"{source.name}: pattern= reads the names of files of an item each, and there are none."
        )
    source, frame = _matched(source, pattern)
    named = {role: field for field, role in FIELD_ROLES.items() if field in frame} | dict(roles)
    values, notes = dict(source.roles), list(source.notes)
    if pattern.of_path and values.pop("labels", None) is not None and "labels" not in named:
        notes.append("Folders are no labels, since the pattern says what they are.")
    for role, field in named.items():
        values[role], told = role_of_column(frame[field], role, True, ".", source.name)
        notes += told
    columns = frame.drop(columns=[field for field in FIELD_ROLES if field in frame])
    typed = typed_columns(columns, written=True, words={*named.values()}, who=source.name)
    columns = typed.frame.assign(**{field: values[role] for role, field in roles.items()})
    said = [f"{role} {{{field}}}" for role, field in named.items()]
    said += [f"{{{field}}}" for field in columns if field not in roles.values()]
    notes += [*typed.notes, f"Names of files tell, by '{pattern.text}': {', '.join(said)}."]
    return dataclasses.replace(source, roles=values, notes=notes, meta=_beside(source, columns))


def _matched(source: Source, pattern: NamePattern) -> tuple[Source, pd.DataFrame]:
    """Return the source of the files whose names fit, and what stands in each field, as text."""
    import pandas as pd

    names: Any = source.names
    matches = [pattern.match(name) for name in names.tolist()]
    odd = [row for row, match in enumerate(matches) if match is None]
    if len(odd) == len(matches):
        shown = ", ".join(f"'{name}'" for name in names[:NAMED].tolist())
        raise DataError(
            f"{source.name}: no name of a file fits the pattern '{pattern.text}'; the first "
            f"{'is' if len(matches) == 1 else 'are'} {shown}."
        )
    source.roles.setdefault("ids", names)
    why = "whose name does not fit the pattern"
    source = source.without(dict.fromkeys(odd, why), "file", why)
    rows = [match for match in matches if match is not None]
    return source, pd.DataFrame(rows, columns=[*pattern.fields], dtype=object)


def _beside(source: Source, columns: pd.DataFrame) -> pd.DataFrame | None:
    """Return what is known of the files beside their items, with columns of the pattern."""
    import pandas as pd

    if source.meta is None or not len(columns.columns):
        return columns if source.meta is None and len(columns.columns) else source.meta
    for field in columns:
        if field in source.meta:
            raise DataError(
                f"{source.name}: '{field}' is a column and a field of the pattern; give the field "
                "another name."
            )
    return pd.concat([source.meta, columns], axis=1)
