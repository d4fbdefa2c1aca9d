"""`Table`: rows of numbers and categories, as a DataFrame; missing cells are legal and visible."""

from __future__ import annotations

import dataclasses
import html
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.duplicates import equal_rows, near_rows, numbers_scaled, plain_form
from nearspace.data.kinds.kind import ItemsRead, Kind, Wanted, is_frame
from nearspace.data.numerals import LARGEST_EXACT
from nearspace.data.rounding import rounding_notes
from nearspace.data.traits import Trait, name_traits
from nearspace.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Table"]

CELLS_SHOWN = 8
FEWEST_NAMED = 20  # rows, from which on a text of its own in every row looks like a name


@dataclasses.dataclass(frozen=True)
class Table(Kind):
    """Rows of a table: a DataFrame of the named columns, ``"number"`` or ``"category"`` each.

    A number is float64 with NaN where it is missing, a category is ``str`` with None where it is
    missing. A table has no raw form: scaling numbers and coding categories is an encoder's work.

    Examples
    --------
    >>> import pandas as pd
    >>> Table.infer(pd.DataFrame({"age": [31, 47], "city": ["Oslo", "Rome"]}))
    Table(columns=(('age', 'number'), ('city', 'category')))
    """

    name: ClassVar[str] = "table"
    form: ClassVar[str] = "a DataFrame"
    columns: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"a table of {len(self.columns)} columns"

    @property
    def column_kinds(self) -> dict[str, str]:
        """What each column is, ``"number"`` or ``"category"``."""
        return dict(self.columns)

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like a table: a DataFrame is one, whatever its columns hold."""
        if not is_frame(items):
            return None
        kinds = [kind for _, kind in cls.infer(items).columns]
        counts = {kind: kinds.count(kind) for kind in ("number", "category")}
        plurals = {"number": "numbers", "category": "categories"}
        told = " and ".join(f"{n} of {plurals[kind]}" for kind, n in counts.items() if n)
        return f"{len(kinds)} {'column' if len(kinds) == 1 else 'columns'}, {told or 'all empty'}"

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of a DataFrame: numeric columns are numbers, all else categories."""
        frame = _as_frame(items, "Tables")
        if not len(frame.columns):
            raise DataError("Tables: expected at least one column, got none.")
        kinds = tuple((str(name), _kind_of(frame[name])) for name in frame.columns)
        return cls(kinds)

    @classmethod
    def coerce(cls, items: Any) -> Any:
        """Return a matrix as a DataFrame whose columns are numbered."""
        import pandas as pd

        if is_frame(items):
            return items
        array = np.asarray(items)
        if array.ndim != 2:
            raise DataError(f"expected rows and columns for a table, got shape {array.shape}.")
        return pd.DataFrame(array, columns=[f"column {index}" for index in range(array.shape[1])])

    def check(self, items: Any, who: str = "Tables") -> pd.DataFrame:
        """Return the rows with the columns in order, numbers as float64, categories as ``str``.

        Raises
        ------
        DataError
            On a column that is missing or too many, a number that is text, and on infinity.
        """
        import pandas as pd

        frame = _as_frame(items, who)
        expected = [name for name, _ in self.columns]
        frame = frame.set_axis(frame.columns.map(str), axis=1)
        for name in expected:
            if name not in frame.columns:
                raise DataError(
                    f"{who}: the column '{name}' is missing. {did_you_mean(name, frame.columns)}"
                )
        if extra := sorted(set(frame.columns) - set(expected)):
            raise DataError(
                f"{who}: the column '{extra[0]}' is not one of the {len(expected)} columns "
                "expected; leave it out."
            )
        columns = {
            name: _numbers(frame[name], who) if kind == "number" else _categories(frame[name])
            for name, kind in self.columns
        }
        return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return the rows checked, and tell of columns that name rows rather than describe them."""
        read = super().convert(items, who, wanted)
        codes = tuple(
            f"The column '{name}' holds whole numbers of more than 15 digits: they were taken for "
            "codes, not for amounts, which would have to be rounded."
            for name in items.columns
            if _is_code(items[name])
        )
        numbers = [name for name, of in self.columns if of == "number"]
        values = read.items[numbers].to_numpy()
        middle = read.items[numbers].median().to_numpy()
        notes = codes + rounding_notes(
            np.where(np.isnan(values), middle, values), [f"the column '{name}'" for name in numbers]
        )
        if len(items) < FEWEST_NAMED:
            return dataclasses.replace(read, notes=notes)
        notes += tuple(
            f"The column '{name}' holds another text in every row: name it by ids= or time= if "
            "that is what it is, or read it as texts by column=."
            for name, of in self.columns
            if of == "category" and read.items[name].nunique() == len(items)
        )
        return dataclasses.replace(read, notes=notes)

    def select(self, items: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return the rows without columns that the table does not have, where it has all others."""
        wanted = [name for name, _ in self.columns]
        beside = [name for name in items.columns if name not in wanted]
        if not beside or len(beside) + len(wanted) > len(items.columns):
            return items, []  # what is missing is told by the check
        return items[wanted], [f"Not of the table, and left out: {', '.join(beside)}."]

    def blank(self) -> pd.DataFrame:
        """Return one row in which every cell is missing."""
        import pandas as pd

        cells = {"number": np.full(1, np.nan), "category": np.array([None], dtype=object)}
        return pd.DataFrame({name: cells[kind] for name, kind in self.columns})

    def join(self, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
        """Return rows followed by others."""
        import pandas as pd

        return pd.concat([first, second], ignore_index=True)

    def hashes(self, items: pd.DataFrame) -> np.ndarray:
        """Return the content hash of every row; -0.0 is 0.0, and a missing number is missing."""
        import pandas as pd

        numbers = [name for name, of in self.columns if of == "number"]
        cells = items[numbers].to_numpy(dtype=np.float64)
        values = pd.DataFrame(np.where(np.isnan(cells), np.nan, cells + 0.0), columns=numbers)
        rows = items.reset_index(drop=True).assign(**values)
        hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
        return np.array([f"{value:016x}" for value in hashes.tolist()], dtype="S16")

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
        """Return numbers scaled, and the number of each category and of what is missing."""
        import pandas as pd

        names = [name for name, of in self.columns if of == "number"]
        numbers = items[names].to_numpy(dtype=np.float64)
        codes = [np.isnan(column).astype(np.int64) for column in numbers.T]
        for name in dict(self.columns).keys() - set(names):
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
        cells = {}
        for name, of in self.columns:
            values = columns[name].to_pylist()
            if of == "number":
                cells[name] = np.array([np.nan if each is None else each for each in values], float)
            else:
                texts = [None if each is None else str(each) for each in values]
                cells[name] = np.array(texts, dtype=object)
        return pd.DataFrame(cells)

    def traits(self, items: pd.DataFrame, rows: np.ndarray) -> list[Trait]:
        """Return every column, and words and numbers in those that hold names."""
        traits = []
        for name, of in self.columns:
            values = items[name].to_numpy()[rows]
            traits.append(Trait(f"the column '{name}'", values, name))
            if of == "category" and items[name].nunique() > max(FEWEST_NAMED, len(rows) / 2):
                parts = name_traits(values.tolist(), f"the column '{name}'")
                traits += [dataclasses.replace(part, column=name) for part in parts]
        return traits

    def item(self, items: pd.DataFrame, index: int) -> pd.Series:
        """Return the row at a position."""
        return items.iloc[index]

    def draw(self, item: pd.Series | pd.DataFrame) -> str:
        """Return one row as a small table, missing cells shown as such."""
        row = item.iloc[0] if item.ndim == 2 else item
        cells = [
            f"<tr><th>{html.escape(str(name))}</th><td>{_shown(value)}</td></tr>"
            for name, value in list(row.items())[:CELLS_SHOWN]
        ]
        if len(row) > CELLS_SHOWN:
            cells.append(f'<tr><td colspan="2">and {len(row) - CELLS_SHOWN} more</td></tr>')
        return f'<table class="row">{"".join(cells)}</table>'


def _as_frame(items: Any, who: str) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(items, pd.DataFrame):
        raise DataError(f"{who}: expected a DataFrame, got {type(items).__name__}.")
    names = items.columns.map(str)
    if names.has_duplicates:
        twice = names[names.duplicated()][0]
        raise DataError(f"{who}: the column '{twice}' stands twice; rename one of the two.")
    return items


def _kind_of(column: pd.Series) -> str:
    from pandas.api import types

    if types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column):
        raise DataError(
            f"Tables: the column '{column.name}' holds dates; name it as the time of the rows, "
            "leave it out, or turn it into a number."
        )
    # A column of dtype object may hold nothing but numbers.
    if column.dtype == object:
        column = column.infer_objects()
    if _is_code(column):
        return "category"
    numeric = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    return "number" if numeric else "category"


def _is_code(column: pd.Series) -> bool:
    """Return whether a column holds whole numbers of more digits than a float64 has."""
    from pandas.api import types

    if not types.is_integer_dtype(column) or not column.count():
        return False
    return max(int(column.max()), -int(column.min())) > LARGEST_EXACT


def _numbers(column: pd.Series, who: str) -> np.ndarray:
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero((np.isnan(values) & column.notna().to_numpy()) | np.isinf(values))
    if len(wrong):
        row, cell = wrong[0], column.iloc[wrong[0]]
        shown = cell.item() if isinstance(cell, np.generic) else cell
        raise DataError(
            f"{who}: row {row}, column '{column.name}' is {shown!r}, expected a finite "
            "number or a missing cell."
        )
    return values


def _categories(column: pd.Series) -> pd.Series:
    """Return a column as ``str``, None where it is missing; 3 and 3.0 are the same category."""
    import pandas as pd

    values = column.astype(object).where(column.notna(), None).tolist()
    texts = np.array([_category(value) for value in values], dtype=object)
    return pd.Series(texts, dtype=object)


def _category(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _shown(value: Any) -> str:
    if value is None or value != value:
        return "–missing–"
    return html.escape(f"{value:.6g}" if isinstance(value, float) else str(value)[:40])
