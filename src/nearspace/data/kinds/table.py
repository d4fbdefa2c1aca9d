"""`Table`: rows of numbers, categories, dates and texts, in a DataFrame; cells may be missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.column_types import (
    FEWEST_NAMED,
    SIGNS,
    TYPES,
    column_type,
    is_code,
    sign_of,
)
from nearspace.data.columns import NAMED, named
from nearspace.data.duplicates import equal_rows, near_rows, numbers_scaled, plain_form
from nearspace.data.kinds.cells import UsualCells, cell_text, drawn_row, usual_cells
from nearspace.data.kinds.kind import ItemsRead, Kind, Wanted, is_frame
from nearspace.data.parts import ItemParts, runs_of
from nearspace.data.rounding import LOOKED_AT, rounding_notes
from nearspace.data.traits import Trait, name_traits
from nearspace.data.typed_cells import as_numbers, missing_cells, ratio_cells, typed_cells
from nearspace.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Table"]

ALL_NAMED = 24  # columns, of which each is named with its type


@dataclasses.dataclass(frozen=True)
class Table(Kind):
    """Rows of a table: a DataFrame of the named columns, each of one of the types of `TYPES`.

    A number is float64 with NaN where it is missing, a date datetime64. A category, a text and a
    name of the row (``"id"``, at which no encoder looks) are ``str`` with None where they are
    missing; of several categories in a cell the different ones stand in order, cut by ``|``. A
    table has no raw form: scaling numbers and coding categories is an encoder's work.

    Attributes
    ----------
    columns : tuple of (str, str)
        The name and the type of each column.
    signs : tuple of (str, str)
        What cuts several categories in a cell of a column, where it is not ``|``.
    ratios : tuple of (str, str, str)
        Columns of numbers that are made of two others: their name, numerator and denominator. Where
        the denominator is zero there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> Table.infer(pd.DataFrame({"age": [31, 47], "city": ["Oslo", "Rome"]})).columns
    (('age', 'number'), ('city', 'category'))
    """

    name: ClassVar[str] = "table"
    plural: ClassVar[str] = "tables"
    form: ClassVar[str] = "a DataFrame"
    part: ClassVar[str] = "column"
    columns: tuple[tuple[str, str], ...]
    signs: tuple[tuple[str, str], ...] = ()
    ratios: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        return f"a table of {len(self.columns)} columns"

    @property
    def column_kinds(self) -> dict[str, str]:
        """What each column is, one of `TYPES`."""
        return dict(self.columns)

    def of(self, *types: str) -> list[str]:
        """Return the names of the columns that are of some types.

        Examples
        --------
        >>> Table((("age", "number"), ("city", "category"))).of("number")
        ['age']
        """
        return [name for name, of in self.columns if of in types]

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like a table: a DataFrame is one, whatever its columns hold."""
        return cls.infer(items).described if is_frame(items) else None

    @property
    def described(self) -> str:
        """How many columns there are, and which of each type."""
        most = len(self.columns) if len(self.columns) <= ALL_NAMED else NAMED
        told = [f"{TYPES[of]} ({named(names, most)})" for of in TYPES if (names := self.of(of))]
        return f"{len(self.columns):,} {'column' if len(self.columns) == 1 else 'columns'}: " + (
            "; ".join(told)
        )

    @classmethod
    def infer(
        cls, items: Any, types: Mapping[str, str] | None = None, ratios: Sequence[str] = ()
    ) -> Self:
        """Return the kind of a DataFrame, by what its columns hold, see `column_type`.

        Parameters
        ----------
        items : DataFrame
            The rows.
        types : mapping of str to str, optional
            What columns are, whatever they look like.
        ratios : sequence of str
            Columns to make of two others, such as ``"loans/income"``.
        """
        frame = _as_frame(items, "Tables")
        if not len(frame.columns):
            raise DataError("Tables: expected at least one column, got none.")
        types = types or {}
        kinds = {str(each): types.get(str(each)) or column_type(frame[each]) for each in frame}
        signs = {name: _sign(frame[name]) for name, of in kinds.items() if of == "categories"}
        parts = tuple(_ratio(each, kinds) for each in ratios)
        kinds |= {name: "number" for name, _, _ in parts}
        others = tuple((name, sign) for name, sign in signs.items() if sign != SIGNS[0])
        return cls(tuple(kinds.items()), others, parts)

    @classmethod
    def coerce(cls, items: Any, rate: float | None = None) -> Any:
        """Return a matrix as a DataFrame whose columns are numbered."""
        import pandas as pd

        if is_frame(items):
            return items
        array = np.asarray(items)
        if array.ndim != 2:
            raise DataError(f"expected rows and columns for a table, got shape {array.shape}.")
        return pd.DataFrame(array, columns=[f"column {index}" for index in range(array.shape[1])])

    def check(self, items: Any, who: str = "Tables") -> pd.DataFrame:
        """Return the rows with the columns in order, in the form that each type has.

        Raises
        ------
        DataError
            On a column that is missing or too many, a number or a date that is text, and on
            infinity.
        """
        import pandas as pd

        frame = _as_frame(items, who)
        made = {name: (over, under) for name, over, under in self.ratios}
        expected = [name for name, _ in self.columns if name not in made]
        frame = frame.set_axis(frame.columns.map(str), axis=1).reset_index(drop=True)
        for name in expected:
            if name not in frame.columns:
                raise DataError(
                    f"{who}: the column '{name}' is missing. {did_you_mean(name, frame.columns)}"
                )
        parts = {part for pair in made.values() for part in pair}
        if extra := sorted({*frame.columns} - {*expected} - made.keys() - parts):
            raise DataError(
                f"{who}: the column '{extra[0]}' is not one of the {len(expected)} columns "
                "expected; leave it out."
            )
        signs = dict(self.signs)
        columns = {
            name: ratio_cells(frame, name, *made[name], who)
            if name in made
            else typed_cells(frame[name], of, signs.get(name, SIGNS[0]), who)
            for name, of in self.columns
        }
        # Columns that are as they have to be are shared, until somebody writes into one.
        return pd.DataFrame(columns, index=frame.index, copy=False)

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return the rows checked, and tell of what is missing and what was rounded."""
        read = super().convert(items, who, wanted)
        codes = tuple(
            f"The column '{name}' holds whole numbers of more than 15 digits: they were taken for "
            "codes, not for amounts, which would have to be rounded."
            for name in items.columns
            if is_code(items[name])
        )
        numbers = self.of("number")
        some = read.items[numbers]
        if len(some) > LOOKED_AT:  # enough to see how far from zero they lie, and how near together
            some = some.iloc[np.random.default_rng(0).choice(len(some), LOOKED_AT, replace=False)]
        values = some.to_numpy()
        there = ~np.isnan(values).all(axis=0)
        middle = np.zeros(len(numbers))
        middle[there] = np.nanmedian(values[:, there], axis=0)
        notes = codes + rounding_notes(
            np.where(np.isnan(values), middle, values), [f"the column '{name}'" for name in numbers]
        )
        return dataclasses.replace(read, notes=(*notes, *self._on_gaps(read.items, items)))

    def _on_gaps(self, checked: pd.DataFrame, items: pd.DataFrame) -> list[str]:
        """Return what to say of columns all of which is missing, and of ratios over nothing."""
        notes = []
        if empty := [name for name, _ in self.columns if checked[name].isna().all()]:
            tell = "it tells" if len(empty) == 1 else "they tell"
            notes.append(f"No cell holds anything of {named(empty)}: {tell} nothing.")
        for name, over, under in self.ratios:
            if name not in items and {over, under} <= {*items.columns}:
                zero = int((typed_cells(items[under], "number") == 0).sum())
                if zero:
                    rows = f"{zero:,} row has" if zero == 1 else f"{zero:,} rows have"
                    notes.append(
                        f"{rows} '{under}' 0: '{name}' is missing there, and counts as missing "
                        "cells do."
                    )
        return notes

    def select(self, items: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return the rows without columns that the table does not have, where it has all others."""
        made = {name for name, _, _ in self.ratios}
        parts = {part for _, *pair in self.ratios for part in pair}
        own = {name for name, _ in self.columns} - made
        beside = [name for name in items.columns if name not in own | made | parts]
        if not beside or not own <= {*items.columns}:
            return items, []  # what is missing is told by the check
        rest = [name for name in items.columns if name not in beside]
        return items[rest], [f"Not of the table, and left out: {named(beside)}."]

    def blank(self) -> pd.DataFrame:
        """Return one row in which every cell is missing."""
        import pandas as pd

        return pd.DataFrame({name: missing_cells(of, 1) for name, of in self.columns})

    def empty(self) -> pd.DataFrame:
        """Return no rows."""
        return self.blank().iloc[:0]

    def join(self, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
        """Return rows followed by others."""
        import pandas as pd

        return pd.concat([first, second], ignore_index=True)

    def hashes(self, items: pd.DataFrame) -> np.ndarray:
        """Return the content hash of every row, without names of rows.

        -0.0 is 0.0, and a missing number is missing.
        """
        import pandas as pd

        numbers = self.of("number")
        cells = items[numbers].to_numpy(dtype=np.float64)
        values = pd.DataFrame(np.where(np.isnan(cells), np.nan, cells + 0.0), columns=numbers)
        rows = items[self.seen_columns].reset_index(drop=True).assign(**values)
        hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
        return np.array([f"{value:016x}" for value in hashes.tolist()], dtype="S16")

    @property
    def seen_columns(self) -> list[str]:
        """The columns at which encoders look: all but names of rows."""
        return [name for name, of in self.columns if of != "id"]

    def same(self, items: pd.DataFrame) -> np.ndarray:
        """Return one number for rows whose numbers differ by rounding, categories by blanks."""
        _, first, of = np.unique(self.hashes(items), return_index=True, return_inverse=True)
        numbers, codes = self._cells(items)
        return equal_rows(np.concatenate([numbers, codes], axis=1)[first])[of]

    def near(self, items: pd.DataFrame, asked: np.ndarray) -> np.ndarray:
        """Return pairs of rows of equal categories, whose numbers are nearer than by chance."""
        numbers, codes = self._cells(items)
        # Categories have no distance, and one that differs is no small change.
        pairs = near_rows(numbers, asked)
        return pairs[(codes[pairs[:, 0]] == codes[pairs[:, 1]]).all(axis=1)]

    def _cells(self, items: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers and dates scaled, and the number of each category and what is missing."""
        import pandas as pd

        numbers = np.empty((len(items), 0))
        if names := self.of("number", "date"):
            numbers = np.column_stack([as_numbers(items[name]) for name in names])
        codes = [np.isnan(column).astype(np.int64) for column in numbers.T]
        for name in self.of("category", "categories", "text"):
            texts = items[name].map(plain_form, na_action="ignore")
            codes.append(pd.factorize(texts, use_na_sentinel=False)[0])
        return numbers_scaled(numbers), np.stack(codes, axis=1)

    def to_columns(self, items: pd.DataFrame) -> dict[str, pd.Series]:
        """Return the columns of the table; categories that are true and false as such."""
        truth = {"True": True, "False": False}
        columns = {}
        for name, of in self.columns:
            column = items[name]
            if of == "category" and column.notna().any() and column.dropna().isin(truth).all():
                column = column.map(truth)
            columns[name] = column
        return columns

    def from_columns(self, columns: pa.Table) -> pd.DataFrame | None:
        """Return the table of columns, if all of its own are there."""
        import pandas as pd

        if not {name for name, _ in self.columns} <= {*columns.column_names}:
            return None
        cells: dict[str, Any] = {}
        for name, of in self.columns:
            values = columns[name].to_pylist()
            if of == "number":
                cells[name] = np.array([np.nan if each is None else each for each in values], float)
            elif of == "date":
                cells[name] = np.array(values, dtype="datetime64[us]")
            else:
                texts = [None if each is None else str(each) for each in values]
                cells[name] = np.array(texts, dtype=object)
        return pd.DataFrame(cells)

    def traits(self, items: pd.DataFrame, rows: np.ndarray) -> list[Trait]:
        """Return every column, and words and numbers in those that hold names."""
        traits = []
        for name, of in self.columns:
            seen = of != "id"
            values = as_numbers(items[name]) if of == "date" else items[name].to_numpy()
            traits.append(Trait(f"the column '{name}'", values[rows], name, seen))
            few = of in ("number", "date") or items[name].nunique() <= max(
                FEWEST_NAMED, len(rows) / 2
            )
            if not few:
                parts = name_traits(values[rows].tolist(), f"the column '{name}'")
                traits += [dataclasses.replace(part, column=name, seen=seen) for part in parts]
        return traits

    def item(self, items: pd.DataFrame, index: int) -> pd.Series:
        """Return the row at a position."""
        return items.iloc[index]

    def parts(self, items: pd.DataFrame, index: int, most: int) -> ItemParts:
        """Return the columns of a row, and the row with the cells of each missing."""
        import pandas as pd

        types, row = self.column_kinds, items.iloc[index]
        runs = runs_of(self.seen_columns, most)
        rows = items.iloc[np.full(1 + len(runs), index)]
        cells = {name: rows[name].to_numpy(copy=True) for name in rows.columns}
        text, spans = "", []
        for at, run in enumerate(runs, start=1):
            shown = ", ".join(f"{name}: {cell_text(row[name])}" for name in run)
            text += "; " * bool(text)
            spans.append((len(text), len(text) + len(shown)))
            text += shown
            for name in run:
                cells[name][at : at + 1] = missing_cells(types[name], 1)
        return ItemParts(text, spans, pd.DataFrame(cells))

    def usual(self, items: pd.DataFrame) -> UsualCells:
        """Return what is usual in the columns of rows."""
        return usual_cells(items, self.column_kinds)

    def draw(self, item: pd.Series | pd.DataFrame, usual: UsualCells | None = None) -> str:
        """Return one row as a small table, missing cells shown as such, and unusual ones marked."""
        row: Any = item.iloc[0] if item.ndim == 2 else item
        return drawn_row(row, usual)


def _as_frame(items: Any, who: str) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(items, pd.DataFrame):
        raise DataError(f"{who}: expected a DataFrame, got {type(items).__name__}.")
    names = items.columns.map(str)
    if names.has_duplicates:
        twice = names[names.duplicated()][0]
        raise DataError(f"{who}: the column '{twice}' stands twice; rename one of the two.")
    return items


def _sign(column: pd.Series) -> str:
    """Return the sign between several categories: of those that stand in cells, the likeliest."""
    if sign := sign_of(column):
        return sign
    texts = [cell for cell in column if isinstance(cell, str)]
    return next((sign for sign in SIGNS if any(sign in cell for cell in texts)), SIGNS[0])


def _ratio(ratio: str, kinds: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the name of a ratio such as ``"loans/income"``, and the two columns that make it."""
    if "/" in ratio and ratio in kinds:
        raise DataError(
            f"Tables: there is a column '{ratio}' already, which ratio= would make; leave out one "
            "of the two."
        )
    numbers = [name for name, of in kinds.items() if of == "number"]
    cuts = [at for at, sign in enumerate(ratio) if sign == "/"]
    pairs = [(ratio[:at].strip(), ratio[at + 1 :].strip()) for at in cuts]
    fitting = [pair for pair in pairs if {*pair} <= {*numbers}]
    if len(fitting) == 1:
        return ratio, *fitting[0]
    if not pairs:
        raise DataError(f"Tables: expected a ratio such as 'loans/income', got '{ratio}'.")
    over, under = pairs[0]
    wrong = next((part for part in (over, under) if part not in kinds), None)
    if len(fitting) > 1:
        told = f"the ratio '{ratio}' can be cut in several ways; rename a column."
    elif wrong is not None:
        told = f"there is no column '{wrong}' for ratio='{ratio}'. {did_you_mean(wrong, numbers)}"
    else:
        wrong = over if kinds[over] != "number" else under
        told = (
            f"ratio='{ratio}' needs numbers, and the column '{wrong}' holds "
            f"{TYPES[kinds[wrong]]}; say by types= that it is a number, if its cells are."
        )
    raise DataError(f"Tables: {told}")
