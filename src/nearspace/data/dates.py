"""Dates that arrive as text: ISO dates, and days, months and years in either order."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.numerals import AGREE, MISSING_WORDS, Undecided, cells_of, count_cells, spread

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Dates", "parse_dates"]

CLOCK = r"(?:[T ]+\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?)?"
ZONE = r"(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
YEAR_FIRST = rf"^\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}{CLOCK}{ZONE}$"
DOTTED = rf"^\d{{1,2}}\.\d{{1,2}}\.\d{{4}}{CLOCK}$"
SLASHED = rf"^\d{{1,2}}[-/]\d{{1,2}}[-/]\d{{4}}{CLOCK}$"
SHORT = r"^(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.]\d\d$"
NAMED = rf"^\d{{1,2}}[- ](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[- ]\d{{4}}{CLOCK}$"
# How the parts of a date stand, in words, and in the letters of `strptime`.
ORDERS = {
    YEAR_FIRST: (("", "%Y-%m-%d"),),
    DOTTED: (("day first", "%d-%m-%Y"),),
    SLASHED: (("day first", "%d-%m-%Y"), ("month first", "%m-%d-%Y")),
    f"(?i){NAMED}": (("", "%d-%b-%Y"),),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Dates:
    """The dates that a column of text holds.

    Attributes
    ----------
    values : ndarray of shape (n,)
        datetime64, in UTC where there is a time zone; no date where a cell is none.
    way : str
        How they are written, where that was to be decided; else nothing.
    missing : dict of str to int
        Cells that are no date and count as missing, and how often.
    """

    values: np.ndarray
    way: str = ""
    missing: dict[str, int] = dataclasses.field(default_factory=dict)


def parse_dates(
    column: pd.Series | pa.Array | list[str | None], agree: float = AGREE
) -> Dates | Undecided | None:
    """Read a column of text as dates.

    Read are dates with the year first, and those with the day or the month first where the whole
    column tells which it is; a time and a time zone may follow. Two-digit years are not read.

    Parameters
    ----------
    column : Series, Array or list
        Cells of ``str``; None or NaN where there is none.
    agree : float, default=0.95
        The share of cells that have to be dates, of those that are there and no word for missing.

    Returns
    -------
    Dates, Undecided or None
        The dates; why it is text all the same; or None for any other text.

    Examples
    --------
    >>> read = parse_dates(["13/02/2024", "01/03/2024"])
    >>> read.values.astype("datetime64[D]").tolist()[1], read.way
    (datetime.date(2024, 3, 1), 'day first')
    >>> parse_dates(["02/03/2024"]).reason
    "holds dates of which day and month cannot be told apart, such as '02/03/2024'"
    """
    import pyarrow.compute as pc

    cells = cells_of(column)
    tried = spread(cells)
    if not tried or sum(map(_like_date, tried)) < 0.5 * len(tried):
        return None
    cells = pc.utf8_trim_whitespace(cells)
    cells = pc.if_else(pc.is_in(pc.utf8_lower(cells), value_set=_words()), None, cells)
    present = len(cells) - cells.null_count
    fits = {order: pc.match_substring_regex(cells, order) for order in ORDERS}
    order = max(fits, key=lambda each: pc.sum(fits[each]).as_py() or 0)
    # Of each order the one in which most cells are days of the calendar.
    dates = {way: _read(cells, fits[order], form) for way, form in ORDERS[order]}
    counts = {way: int((~np.isnat(values)).sum()) for way, values in dates.items()}
    way = max(counts, key=counts.__getitem__)
    if not counts[way] or counts[way] < agree * present:
        return _unread(cells, list(dates.values()), agree * present) or _several(cells, fits, agree)
    if list(counts.values()).count(counts[way]) > 1 and _differ(dates):
        example = cells.filter(fits[order])[0].as_py()
        return Undecided(
            f"holds dates of which day and month cannot be told apart, such as '{example}'"
        )
    wrong = np.isnat(dates[way]) & ~cells_of(column).is_null().to_numpy(zero_copy_only=False)
    return Dates(dates[way], way, count_cells(cells_of(column).filter(_mask(wrong))))


def _unread(cells: pa.Array, dates: list[np.ndarray], wanted: float) -> Undecided | None:
    """Return why cells are no dates though they look like some."""
    import pyarrow.compute as pc

    if wanted and (~np.isnat(dates)).any(axis=0).sum() >= wanted:
        return Undecided("holds dates, some with the day first and some with the month first")
    if wanted and (pc.sum(pc.match_substring_regex(cells, SHORT)).as_py() or 0) >= wanted:
        return Undecided("holds what may be dates with two-digit years, which are not read")
    return None


def _several(cells: pa.Array, fits: dict[str, pa.Array], agree: float) -> Undecided | None:
    """Return that cells are dates written in several ways, where nearly all are in one of them."""
    import pyarrow.compute as pc

    written = {form: cells.filter(of) for form, of in fits.items() if pc.any(of).as_py()}
    total = sum(len(some) for some in written.values())
    if len(written) < 2 or total < agree * (len(cells) - cells.null_count):
        return None
    first, second = (some[0].as_py() for some in list(written.values())[:2])
    return Undecided(
        f"holds dates written in {len(written)} ways, such as '{first}' and '{second}', which are "
        "not read"
    )


def _read(cells: pa.Array, fits: pa.Array, form: str) -> np.ndarray:
    """Return the cells that fit as dates of a form; of others, and days that are none, no date."""
    import pandas as pd
    import pyarrow.compute as pc

    cells = pc.if_else(fits, cells, None)
    day = pc.replace_substring_regex(cells, r"^(\S+?)[-/. ](\S+?)[-/. ](\d+)", r"\1-\2-\3")
    day = pc.replace_substring_regex(day, r"[T ]+(\d{1,2}:)", r" \1")
    clock = bool(pc.any(pc.match_substring(cells, ":")).as_py())
    half = bool(pc.any(pc.match_substring_regex(cells, "[AaPp][Mm]")).as_py())
    if clock and form == "%Y-%m-%d" and not half:
        day = pc.replace_substring_regex(day, " ?UTC$", "Z")
        day = pc.replace_substring_regex(day, r"^(\d+)-(\d)-", r"\1-0\2-")
        day = pc.replace_substring_regex(day, r"^(\d+-\d+)-(\d)( |$)", r"\1-0\2\3")
        series = pd.to_datetime(day.to_pandas(), format="ISO8601", utc=True, errors="coerce")
        return series.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    if not clock:
        return _parsed(day, form)
    values = np.full(len(cells), np.datetime64("NaT", "us"), dtype="datetime64[us]")
    for time in (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", ""):
        left = np.isnat(values)
        values[left] = _parsed(day.filter(_mask(left)), form + time)
    return values


def _parsed(cells: pa.Array, form: str) -> np.ndarray:
    import pandas as pd

    dates = pd.to_datetime(cells.to_pandas(), format=form, errors="coerce")
    return dates.to_numpy().astype("datetime64[us]")


def _differ(dates: dict[str, np.ndarray]) -> bool:
    first, *others = dates.values()
    return any((first[~np.isnat(first)] != other[~np.isnat(first)]).any() for other in others)


def _like_date(cell: str) -> bool:
    return cell.strip().lower() in MISSING_WORDS or (
        cell[:1].isdigit() and 6 <= len(cell) <= 40 and any(mark in cell for mark in "-/. ")
    )


def _words() -> Any:
    import pyarrow as pa

    return pa.array(MISSING_WORDS)


def _mask(rows: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.array(rows)
