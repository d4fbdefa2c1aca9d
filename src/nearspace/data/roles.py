"""What is known of each item beside its content: labels, groups, time, ids, published split."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data.sources import SPLITS, Source, left_out
from nearspace.errors import DataError, did_you_mean

__all__ = ["with_clean_roles"]


def with_clean_roles(source: Source) -> Source:
    """Return the source with its roles as one-dimensional arrays without a missing value.

    Items without a label are left out, which a note says; a missing group, time or id is an error.
    """
    roles = {role: _column(values, role, source) for role, values in source.roles.items()}
    roles.setdefault("ids", np.arange(len(source)))
    source = dataclasses.replace(source, roles=roles, notes=list(source.notes))
    if "labels" in roles:
        present = np.flatnonzero(~_is_missing(roles["labels"]))
        if not len(present):
            raise DataError(f"{source.name}: every label is missing.")
        if len(present) < len(source):
            note = left_out(len(source) - len(present), "row", "without a label")
            source = source.take(present)
            source.notes.append(note)
    source.roles = {role: CLEAN[role](v, source.name) for role, v in source.roles.items()}
    return source


def _column(values: Any, role: str, source: Source) -> np.ndarray:
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{source.name}: expected {role} as one value for each item, got an array of shape "
            f"{array.shape}."
        )
    if len(array) != len(source):
        raise DataError(
            f"{source.name}: expected {len(source)} {role}, one for each item, got {len(array)}."
        )
    return array


def _is_missing(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "O":
        import pandas as pd

        empty = [isinstance(value, str) and not value for value in values]
        return pd.isna(values) | np.array(empty, dtype=bool)
    if values.dtype.kind in "fM":
        return np.isnan(values)
    return values == "" if values.dtype.kind == "U" else np.zeros(len(values), dtype=bool)


def _labels(values: np.ndarray, who: str) -> np.ndarray:
    values = _plain(values)
    if values.dtype.kind != "f":
        return values.astype(str) if values.dtype.kind not in "iuU" else values
    wrong = np.flatnonzero(np.isinf(values))
    if len(wrong):
        raise DataError(
            f"{who}: the label of row {wrong[0]} is {values[wrong[0]]}, expected a finite number."
        )
    return values if (values != np.trunc(values)).any() else values.astype(np.int64)


def _groups(values: np.ndarray, who: str) -> np.ndarray:
    return _plain(_complete(values, "group", who))


def _ids(values: np.ndarray, who: str) -> np.ndarray:
    values = _plain(_complete(values, "id", who))
    return values if values.dtype.kind in "iuU" else values.astype(str)


def _time(values: np.ndarray, who: str) -> np.ndarray:
    values = _complete(values, "time", who)
    if values.dtype.kind in "iufM":
        return values
    import pandas as pd

    try:
        dates = pd.to_datetime(values, format="ISO8601", utc=True)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{who}: expected numbers or dates such as 2024-05-31 as the time of the items; "
            f"{str(error).split('. ')[0]}."
        ) from None
    return dates.tz_localize(None).to_numpy()


def _split(values: np.ndarray, who: str) -> np.ndarray:
    names = [str(value).lower() for value in values.tolist()]
    for name in dict.fromkeys(names):
        if name not in SPLITS:
            raise DataError(
                f"{who}: '{name}' is no part of a published split. {did_you_mean(name, SPLITS)}"
            )
    return np.array([SPLITS[name] for name in names])


def _complete(values: np.ndarray, what: str, who: str) -> np.ndarray:
    missing = np.flatnonzero(_is_missing(values))
    if len(missing):
        raise DataError(
            f"{who}: items without a {what}: {len(missing)}, the first in row {missing[0]}; give "
            f"each its {what}, or leave those rows out."
        )
    return values


def _plain(values: np.ndarray) -> np.ndarray:
    """Return an array of objects as one of numbers where all are, else of ``str``."""
    if values.dtype.kind != "O":
        return values
    if all(isinstance(value, int | float) for value in values) and bool not in map(type, values):
        return np.array(values.tolist())
    return np.array([str(value) for value in values])


CLEAN = {"labels": _labels, "groups": _groups, "ids": _ids, "time": _time, "split": _split}
