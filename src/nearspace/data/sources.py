"""`Source`: what a file, a folder or a frame holds, before it is decoded, and how it is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.kinds.kind import Kind, count_items, kind_of_file, take_items
from nearspace.data.members import FILES
from nearspace.data.roles import is_missing, plain_values, role_notes, value_array
from nearspace.data.target import check_length
from nearspace.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NAMED",
    "SPLITS",
    "Asked",
    "Source",
    "check_columns",
    "check_names",
    "is_split",
    "left_out",
    "no_names",
    "one_each",
    "with_clean_roles",
]

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


NAMED = 5  # of what is left out, in a note
SHOWN = 200  # characters of what pandas says


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked for by name of a table, or of an archive of arrays.

    Attributes
    ----------
    columns : tuple of str
        Those that hold the items; none where they are to be found.
    roles : mapping of str to str
        The column of the labels, groups, time, ids and split, as far as named.
    without : tuple of str
        Columns that are no features; arrays that are no role.
    types : mapping of str to str
        What columns of a table are to be, see `nearspace.data.column_types.TYPES`.
    like : Kind or None
        The kind of others that these are to be like: of a table, columns of the same name.
    ratios : tuple of str
        Columns of a table to make of two others, such as ``"loans/income"``.
    kind : str or None
        What kind of data the items are to be.
    fields : tuple of str
        What a pattern tells of the names of files, see `nearspace.data.patterns`.
    """

    columns: tuple[str, ...] = ()
    roles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    without: tuple[str, ...] = ()
    types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    like: Kind | None = None
    ratios: tuple[str, ...] = ()
    kind: str | None = None
    fields: tuple[str, ...] = ()

    @property
    def names(self) -> list[tuple[str, str]]:
        """Every name, with the parameter that gave it."""
        columns = [("column", name) for name in self.columns]
        others = [("without", name) for name in self.without]
        others += [("types", name) for name in self.types]
        return [*columns, *self.roles.items(), *others]

    def check_names(self, who: str, noun: str, present: Collection[str]) -> None:
        """Raise if one of the names is not that of a column, or an array, of those present."""
        check_names(who, noun, [name for _, name in self.names], present)


@dataclasses.dataclass
class Source:
    """What a source holds, before it is checked and, where it is files of an item each, read.

    Attributes
    ----------
    items : ndarray, list of str, DataFrame or list of Path or Member
        The items as they came; paths of files that are still to be read.
    name : str
        What to call the data.
    seen : str
        What it was seen to be, in words.
    roles : dict of str to ndarray
        ``"labels"``, ``"groups"``, ``"time"``, ``"ids"`` and ``"split"``, as far as known.
    notes : list of str
        What came up.
    meta : DataFrame or None
        Columns that are neither items nor ids.
    left_out : dict of str to str
        The reason by the name of each item that is not among them, though it was there.
    kind : Kind or None
        Of what the items are, where the source tells: the columns of a table and their types.
    names : ndarray of str or None
        Of items that are files, their paths within what they lie in.
    """

    items: Any
    name: str
    seen: str
    roles: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    meta: pd.DataFrame | None = None
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    kind: Kind | None = None
    names: np.ndarray | None = None

    def __len__(self) -> int:
        return count_items(self.items)

    @property
    def kind_of_files(self) -> type[Kind] | None:
        """The kind whose files the items are paths of; None where they are read already."""
        if isinstance(self.items, list) and self.items and isinstance(self.items[0], FILES):
            return kind_of_file(self.items[0].name)
        return None

    def take(self, indices: np.ndarray) -> Source:
        """Return the source of the items at the positions ``indices``."""
        roles = {role: values[indices] for role, values in self.roles.items()}
        meta = None if self.meta is None else take_items(self.meta, indices)
        names = None if self.names is None else self.names[indices]
        items = take_items(self.items, indices)
        return dataclasses.replace(self, items=items, roles=roles, meta=meta, names=names)

    def without(self, reasons: dict[int, str], noun: str, rest: str) -> Source:
        """Return the source without some items, with a note of how many, and which.

        Parameters
        ----------
        reasons : dict of int to str
            Why, by the position of each.
        noun, rest : str
            What they are called, and the rest of the sentence: ``"file"``, ``"that could not be
            read"``.
        """
        if not reasons:
            return self
        names = [str(name) for name in self.roles["ids"][list(reasons)]]
        whole = dict(zip(names, reasons.values(), strict=True))
        named = [name if why == rest else f"{name} ({why})" for name, why in whole.items()][:NAMED]
        if len(whole) > NAMED:
            named.append(f"and {len(whole) - NAMED:,} more")
        source = self.take(np.setdiff1d(np.arange(len(self)), list(reasons)))
        note = left_out(len(whole), noun, rest, ", ".join(named))
        return dataclasses.replace(
            source, notes=[*self.notes, note], left_out={**self.left_out, **whole}
        )


def check_columns(columns: Collection[Any]) -> None:
    """Raise unless what is to hold the items are names, each of them once."""
    for name in columns:
        if not isinstance(name, str):
            raise DataError(
                f"load: column= names the columns that hold the items, got {name!r:.60}; give the "
                "items themselves as the data."
            )
        if list(columns).count(name) > 1:
            raise DataError(f"load: the column '{name}' is named twice; name each once.")


def check_names(
    who: str, noun: str, wanted: Iterable[str | None], present: Collection[str]
) -> None:
    """Raise if one of the names wanted is not that of a column, or an array, of those present."""
    for name in filter(None, wanted):
        if name not in present:
            raise DataError(f"{who}: there is no {noun} '{name}'. {did_you_mean(name, present)}")


def no_names(what: str, asked: Asked) -> None:
    """Raise if a column is named, for a source whose columns have no names."""
    for option, name in asked.names:
        if asked.fields and option in asked.roles:
            hint = did_you_mean(name, asked.fields)
            raise DataError(f"{what}: the pattern has no field '{name}' ({option}=). {hint}")
        raise DataError(
            f"{what} has no named columns, so {option}='{name}' finds nothing; give an array, or "
            "leave it out."
        )


def left_out(count: int, noun: str, rest: str, names: str = "") -> str:
    """Return the note that so many were left out, and which."""
    many = "" if count == 1 else "s"
    names = f": {names}" if names else ""
    return f"{count:,} {noun}{many} {rest} {'was' if count == 1 else 'were'} left out{names}."


def is_split(values: np.ndarray) -> bool:
    """Return whether all values are names of parts of a published split."""
    return all(isinstance(value, str) and value.lower() in SPLITS for value in values.tolist())


def with_clean_roles(source: Source) -> Source:
    """Return the source with its roles as one-dimensional arrays without a missing value.

    But for labels: None stands for one that is missing, and a note says how many are. A missing
    group, time or id is an error.
    """
    count, who = len(source), source.name
    roles = {role: one_each(values, role, count, who) for role, values in source.roles.items()}
    roles.setdefault("ids", np.arange(len(source)))
    source = dataclasses.replace(source, roles=roles, notes=list(source.notes))
    for role in ("labels", "groups", "ids"):
        if role in source.roles:
            source.notes += role_notes(source.roles[role], role)
    labels = roles.pop("labels", None)
    source.roles = {role: CLEAN[role](v, source.name) for role, v in roles.items()}
    if labels is not None:
        source.roles |= _with_gaps(labels, source)
    return source


def _with_gaps(labels: np.ndarray, source: Source) -> dict[str, np.ndarray]:
    """Return labels as the role of a source, None where one is missing; no role if all are."""
    missing = is_missing(labels)
    count = int(missing.sum())
    if count:
        none = count == len(labels)
        of = "None" if none else f"{count:,}"
        have = "has a label" if none else "has no label" if count == 1 else "have no label"
        source.notes.append(f"{of} of the {len(labels):,} items {have}.")
    if count == len(labels):
        return {}
    clean = CLEAN["labels"](labels[~missing], source.name)
    if not count:
        return {"labels": clean}
    whole = np.full(len(labels), None, dtype=object)
    whole[~missing] = clean.tolist()
    return {"labels": whole}


def one_each(values: Any, role: str, count: int, who: str) -> np.ndarray:
    """Return values of a role as an array of one for each of ``count`` items.

    Raises
    ------
    DataError
        If they are none, of another length, or rows.
    """
    array = value_array(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0:
        raise DataError(
            f"{who}: expected {role} as a list, an array or a column of one value for each item, "
            f"got one {type(values).__name__}."
        )
    if array.ndim != 1:
        hint = "; data come first, labels after them" if role == "labels" else ""
        if (
            array.ndim == 2
            and array.dtype.kind in "fiub"
            and (np.sum(array != 0, axis=1) == 1).all()
        ):
            hint = f"; the classes of one-hot rows are {role}.argmax(axis=1)"
        raise DataError(
            f"{who}: expected {role} as one value for each item, got an array of shape "
            f"{array.shape}{hint}."
        )
    check_length(array, count, role, who)
    return array


def _labels(values: np.ndarray, who: str) -> np.ndarray:
    return plain_values(values, "labels", who)


def _groups(values: np.ndarray, who: str) -> np.ndarray:
    return plain_values(_complete(values, "group", who), "groups", who)


def _ids(values: np.ndarray, who: str) -> np.ndarray:
    return plain_values(_complete(values, "id", who), "ids", who)


def _time(values: np.ndarray, who: str) -> np.ndarray:
    values = _complete(values, "time", who)
    if values.dtype.kind in "iufM":
        return values
    import pandas as pd

    # As text, too, a file has seconds, or years.
    if all(isinstance(value, str | int | float) for value in values.tolist()):
        numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy()
        if np.isfinite(numbers).all():
            return numbers
    try:
        dates = pd.to_datetime(values, format="ISO8601", utc=True)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{who}: expected numbers or dates such as 2024-05-31 as the time of the items; "
            f"{str(error).split('. ')[0][:SHOWN]}."
        ) from None
    return dates.tz_localize(None).to_numpy()


def _split(values: np.ndarray, who: str) -> np.ndarray:
    names = [str(value).lower() for value in values.tolist()]
    for name in dict.fromkeys(names):
        if name and name not in SPLITS:
            raise DataError(
                f"{who}: '{name}' is no part of a published split. {did_you_mean(name, SPLITS)}"
            )
    return np.array([SPLITS.get(name, "") for name in names])


def _complete(values: np.ndarray, what: str, who: str) -> np.ndarray:
    missing = np.flatnonzero(is_missing(values))
    if len(missing):
        raise DataError(
            f"{who}: items without a {what}: {len(missing)}, the first in row {missing[0]}; give "
            f"each its {what}, or leave those rows out."
        )
    return values


CLEAN = {"labels": _labels, "groups": _groups, "ids": _ids, "time": _time, "split": _split}
