"""CSV files that commands write, exact for whoever reads them, and told of to who opens them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearspace.cli.terminal import echo
from nearspace.errors import DataError
from nearspace.writing import replacing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_csv"]

# A spreadsheet takes for a formula what begins so, in quotes or not.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(frame: pd.DataFrame, output: Path) -> None:
    """Write a table as CSV, and tell on standard error of text that is a formula in a spreadsheet.

    Nothing is put before such text: other tools would read another id than the item has.
    """
    texts = [frame[name] for name in frame if frame[name].dtype.kind in "OUT"]
    # A carriage return alone is not quoted otherwise, and ends a line where it is read.
    returns = any("\r" in str(cell) for column in (frame.columns, *texts) for cell in column)
    quoting: Any = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    try:
        with replacing(output) as beside:
            frame.to_csv(beside, index=False, quoting=quoting)
    except UnicodeEncodeError as error:
        raise DataError(
            f"{output}: CSV holds text in UTF-8, which {error.object!r:.200} cannot be written in; "
            "rename it."
        ) from None
    where = [str(name) for name in frame.columns if _is_formula(name)]
    cells = 0
    for name, column in frame.items():
        formulas = sum(map(_is_formula, column)) if column.dtype.kind in "OUT" else 0
        cells += formulas
        where += [str(name)] * (formulas > 0)
    if where:
        named = ", ".join(dict.fromkeys(where))
        begin = "cell begins" if cells == 1 else "cells begin"
        told = (
            f"{cells:,} {begin} with =, +, -, @ or a tab ({named}), which a spreadsheet takes for "
            "formulas: import these columns as text there."
        )
        echo(f"note: {output}: {told}", err=True, wrap=True)


def _is_formula(cell: Any) -> bool:
    """Return whether text is a formula in a spreadsheet; a number with a sign is a number."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return cell[0] not in "+-"
