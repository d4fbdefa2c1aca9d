"""Series in the rows of a table: a series a row, or a step a row."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from nearspace.data.kinds.series import Series
from nearspace.data.roles import is_missing
from nearspace.data.sources import Source
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["series_source"]

NUMBERED = re.compile(r"(.*?)[\W_]*(\d+)", re.DOTALL)  # x_12: of the channel x the step 12
UNEVEN = 0.01  # of the usual time between steps, by which one may differ from it
NAMED = 5  # columns or series, in a note


def series_source(
    numbers: pd.DataFrame,
    roles: dict[str, np.ndarray],
    name: str,
    notes: list[str],
    meta: pd.DataFrame | None,
) -> Source:
    """Return the series in the rows of a table.

    Where ids come again, a row is a step of the series with its id, and its columns are channels;
    the time, where there is one, orders the steps. Else a row is a series: its columns are steps,
    in the order of the numbers that end their names where all end so, which then begin with the
    name of the channel.

    Parameters
    ----------
    numbers : DataFrame
        The columns that are no roles.
    roles : dict of str to ndarray
        Labels, groups, time, ids and split of each row, as far as there are any.
    name : str
        What to call the data.
    notes : list of str
        What there is to say already.
    meta : DataFrame or None
        What else is known of each row.

    Raises
    ------
    DataError
        If a column holds no numbers, a step stands twice, or the rows of a series have several
        labels.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"x": [1.0, 3.0, 2.0]})
    >>> roles = {"ids": np.array(["a", "b", "a"]), "time": np.array([2, 1, 1])}
    >>> source = series_source(table, roles, "data", [], None)
    >>> [item.tolist() for item in source.items], source.roles["ids"].tolist()
    ([[[2.0, 1.0]], [[3.0]]], ['a', 'b'])
    """
    for each in numbers:
        if numbers[each].dtype.kind not in "fiub":
            raise DataError(
                f"{name}: the column '{each}' holds no numbers, which series need; leave it out by "
                "without=, or say what it is (labels=, groups=, ids=, time=)."
            )
    if not len(numbers.columns):
        raise DataError(f"{name}: no column is left for the series beside {sorted(roles)}.")
    ids = roles.get("ids")
    if ids is not None and len(np.unique(ids.astype(str))) < len(ids):
        return _of_steps(numbers, ids, roles, name, notes, meta)
    return _of_rows(numbers, roles, name, notes, meta)


def _of_rows(
    numbers: pd.DataFrame,
    roles: dict[str, np.ndarray],
    name: str,
    notes: list[str],
    meta: pd.DataFrame | None,
) -> Source:
    """Return a series for each row."""
    channels = _channels([str(each) for each in numbers])
    table = numbers.to_numpy(dtype=np.float64)
    items = list(np.stack([table[:, places] for places in channels.values()], axis=1))
    steps = len(next(iter(channels.values())))
    if len(channels) > 1:
        names = [f"'{each}'" for each in channels]
        named = ", ".join(names[:NAMED]) + ", …" * (len(names) > NAMED)
        notes = [*notes, f"The names of the columns tell {len(names)} channels: {named}."]
    elif "ids" not in roles and steps < 10 * len(numbers):
        notes = [
            *notes,
            f"Each row was read as a series of {steps:,} steps; where a row is one step, say by "
            "ids= to which series it belongs.",
        ]
    kind = Series(len(channels))
    return Source(items, name, "a series a row", dict(roles), notes, meta, kind=kind)


def _channels(names: list[str]) -> dict[str, list[int]]:
    """Return the places of the steps of each channel, as names tell; else one channel of all."""
    matches = [NUMBERED.fullmatch(name) for name in names]
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, match in enumerate(matches):
        if match is not None:
            places[match[1]].append((int(match[2]), at))
    whole = sum(map(len, places.values())) == len(names)
    distinct = all(len({step for step, _ in each}) == len(each) for each in places.values())
    if not whole or not distinct or len({len(each) for each in places.values()}) > 1:
        return {"": [*range(len(names))]}
    return {channel: [at for _, at in sorted(each)] for channel, each in places.items()}


def _of_steps(
    numbers: pd.DataFrame,
    ids: np.ndarray,
    roles: dict[str, np.ndarray],
    name: str,
    notes: list[str],
    meta: pd.DataFrame | None,
) -> Source:
    """Return the series whose steps are the rows."""
    if is_missing(ids).any():
        row = int(is_missing(ids).argmax())
        raise DataError(f"{name}: row {row} has no id, which says to which series it belongs.")
    _, first, of = np.unique(ids.astype(str), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))  # in the order in which they begin
    time = roles.get("time")
    order = np.lexsort((np.arange(len(of)) if time is None else time, rank[of]))
    bounds = np.flatnonzero(np.diff(rank[of][order], prepend=-1))
    notes = [*notes, f"The {len(of):,} rows are steps of {len(first):,} series"]
    notes[-1] += ", in the order of their time." if time is not None else ", as they come."
    if time is not None:
        notes += _on_time(np.asarray(time)[order], bounds, ids[order], name)
    table = numbers.to_numpy(dtype=np.float64)[order]
    items = [part.T for part in np.split(table, bounds[1:])]
    beginning = order[bounds]
    of_series = {role: values for role, values in roles.items() if role != "time"}
    for role, values in of_series.items():
        texts = values.astype(str)
        wrong = np.flatnonzero(texts != texts[first][of])
        if len(wrong):
            raise DataError(
                f"{name}: the rows of series '{ids[wrong[0]]}' have several {role}, "
                f"{texts[first][of][wrong[0]]} and {texts[wrong[0]]}; expected one for all of its "
                "steps."
            )
    alone = {role: values[beginning] for role, values in of_series.items()}
    if meta is not None:
        texts = meta.astype(str).to_numpy()
        alike = (texts == texts[first][of]).all(axis=0)
        constant = [each for each, one in zip(meta, alike, strict=True) if one]
        if gone := [str(each) for each in meta if each not in constant]:
            named = ", ".join(f"'{each}'" for each in gone[:NAMED]) + ", …" * (len(gone) > NAMED)
            notes.append(f"Of a series no more than one value is known: left out were {named}.")
        meta = meta[constant].iloc[beginning].reset_index(drop=True) if constant else None
    kind = Series(len(numbers.columns))
    return Source(items, name, "a step a row", alone, notes, meta, kind=kind)


def _on_time(time: np.ndarray, bounds: np.ndarray, ids: np.ndarray, name: str) -> list[str]:
    """Return which series have steps at uneven times; raise where two are at one."""
    numbers = time.astype("datetime64[us]").astype(np.int64) if time.dtype.kind == "M" else time
    gaps = np.diff(numbers.astype(np.float64))
    within = np.ones(len(gaps), dtype=bool)
    within[bounds[1:] - 1] = False
    if (gaps[within] == 0).any():
        row = int(np.flatnonzero(within & (gaps == 0))[0])
        raise DataError(
            f"{name}: series '{ids[row]}' has two steps at the time {time[row]}; expected one."
        )
    if not within.any():
        return []
    usual = np.median(gaps[within])
    uneven = within & (np.abs(gaps - usual) > UNEVEN * usual)
    if not uneven.any():
        return []
    count = len(np.unique(ids[:-1][uneven].astype(str)))
    return [
        f"The times between steps are uneven in {count:,} series, from {gaps[within].min():g} to "
        f"{gaps[within].max():g}, mostly {usual:g}: steps were taken as if they were even; bring "
        "them to one rate where that matters."
    ]
