"""How the row of a table is shown: cell by cell, those that are unusual marked, without each."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UsualCells", "cell_text", "drawn_row", "usual_cells"]

SHOWN, LONGEST = 8, 40  # cells of a row, and characters of one
LOOKED_AT = 200  # columns, the first: of many more a few cells of any row are unusual
TAIL = 0.01  # of the rows, beyond which numbers and values are unusual
# Where fewer rows than these have a common value, a rare one is nothing unusual.
COMMON = 0.5
MARKS = {"low": ("▼", "below 99 %"), "high": ("▲", "above 99 %"), "rare": ("◆", "unlike 99 %")}


@dataclasses.dataclass(frozen=True, eq=False)
class UsualCells:
    """What is usual in the columns of some rows.

    Attributes
    ----------
    ends : mapping of str to (number, number)
        Of numbers and dates the 1st and the 99th percentile.
    common : mapping of str to frozenset
        Of categories the values, None for a missing cell, that at least one row in a hundred has;
        of no column whose values are mostly rarer. Of a table of more than 200 columns the first
        are looked at.
    """

    ends: Mapping[str, tuple[Any, Any]]
    common: Mapping[str, frozenset[str | None]]

    def mark(self, name: str, value: Any) -> str:
        """Return ``"low"``, ``"high"`` or ``"rare"`` for a cell that is unusual, else nothing."""
        if _is_missing(value):
            return "rare" if None not in self.common.get(name, {None}) else ""
        if name in self.ends:
            low, high = self.ends[name]
            return "low" if value < low else "high" if value > high else ""
        if name in self.common:
            return "" if {*str(value).split("|")} <= self.common[name] else "rare"
        return ""


def usual_cells(items: pd.DataFrame, types: Mapping[str, str]) -> UsualCells:
    """Return what is usual in the columns of rows, by their types.

    Examples
    --------
    >>> import pandas as pd
    >>> import numpy as np
    >>> rows = pd.DataFrame({"age": np.arange(101.0), "city": ["Oslo"] * 100 + ["Rome"]})
    >>> usual = usual_cells(rows, {"age": "number", "city": "category"})
    >>> [usual.mark("age", age) for age in (0.5, 50.0, 99.5)], usual.mark("city", "Rome")
    (['low', '', 'high'], 'rare')
    """
    ends, common = {}, {}
    for name, of in list(types.items())[:LOOKED_AT]:
        column = items[name]
        if of in ("number", "date") and column.notna().any():
            low, high = column.quantile([TAIL, 1 - TAIL], interpolation="nearest")
            ends[name] = (low, high)
        if of in ("category", "categories"):
            cells = column.str.split("|").explode() if of == "categories" else column
            counts = cells.value_counts()
            least = TAIL * len(items)
            often = counts[counts >= least]
            if often.sum() < COMMON * counts.sum():
                continue
            gaps = {None} if column.isna().sum() >= least else set()
            common[name] = frozenset({*often.index, *gaps})
    return UsualCells(ends, common)


def cell_text(value: Any) -> str:
    """Return what a cell holds, shortened."""
    if _is_missing(value):
        return "–missing–"
    if isinstance(value, float):
        return f"{value:.6g}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ")).removesuffix(" 00:00:00")
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def drawn_row(row: pd.Series, usual: UsualCells | None = None) -> str:
    """Return a row as a small table in HTML, with unusual cells marked, and among those shown."""
    names, values = row.index[:LOOKED_AT].map(str).tolist(), row.iloc[:LOOKED_AT].tolist()
    marks = ["" if usual is None else usual.mark(*cell) for cell in zip(names, values, strict=True)]
    shown = sorted(sorted(range(len(marks)), key=lambda at: (not marks[at], at))[:SHOWN])
    cells = [_cell(names[at], values[at], marks[at]) for at in shown]
    if len(row) > SHOWN:
        cells.append(f'<tr><td colspan="2">and {len(row) - SHOWN} more</td></tr>')
    return f'<table class="row">{"".join(cells)}</table>'


def _cell(name: str, value: Any, mark: str) -> str:
    text = html.escape(cell_text(value))
    if mark:
        sign, what = MARKS[mark]
        title = f"{what} of the rows that encoders were fitted on"
        text = f'<strong class="unusual" title="{title}">{sign} {text}</strong>'
    return f"<tr><th>{html.escape(name)}</th><td>{text}</td></tr>"


def _is_missing(value: Any) -> bool:
    return value is None or value != value
