"""`frame_source`: what of a table is items, what is a role, and what is only known of the items."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.columns import (
    check_unique,
    frame_of_arrow,
    holds_texts,
    holds_vectors,
    named,
    nested,
    plain_columns,
    typed_columns,
)
from nearspace.data.dates import Dates, parse_dates
from nearspace.data.kinds.kind import is_frame, is_picture, kind_of_file
from nearspace.data.numerals import LARGEST_EXACT, Numerals, Undecided, parse_numbers
from nearspace.data.paths import paths_of
from nearspace.data.roles import as_written, lost_digits_notes
from nearspace.data.sources import Source, check_names, is_split
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_frame", "frame_source"]

LONG = 8  # words, which texts have that are no names and no categories


def as_frame(source: Any) -> Any:
    """Return a table of another library as a DataFrame, and anything else as it is.

    Tables of Polars, Arrow and others are taken through Arrow's C stream, by their own ``to_arrow``
    or ``to_pandas``, or through the dataframe interchange; a column of theirs becomes a list.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_frame(pa.table({"a": [1, 2]})).shape, as_frame([1, 2])
    ((2, 1), [1, 2])
    """
    if is_frame(source) or hasattr(source, "iloc") or isinstance(source, np.ndarray):
        return source
    import pyarrow as pa

    if isinstance(source, pa.Table):
        return frame_of_arrow(source, "data")
    if isinstance(source, pa.RecordBatchReader):
        return frame_of_arrow(source.read_all(), "data")
    if hasattr(source, "__arrow_c_stream__"):
        array = pa.chunked_array(source)
        if pa.types.is_struct(array.type):
            return frame_of_arrow(pa.Table.from_struct_array(array), "data")
        return array.to_pylist()
    for door in ("to_arrow", "to_pandas"):
        if hasattr(source, door):
            return as_frame(getattr(source, door)())
    if hasattr(source, "__dataframe__"):
        return frame_of_arrow(_interchanged(source), "data")
    return source


def _interchanged(source: Any) -> Any:
    """Return a table that speaks the dataframe interchange alone as one of Arrow."""
    from pyarrow.interchange import from_dataframe

    try:
        return from_dataframe(source)
    except Exception as error:  # of another library's own code
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"data: the {type(source).__name__} cannot be read through the dataframe interchange "
            f"({reason:.200}); give it as a table of pandas or Arrow."
        ) from None


def frame_source(
    frame: pd.DataFrame,
    names: dict[str, str],
    name: str,
    *,
    without: Collection[str] = (),
    like: Mapping[str, str] | None = None,
    kind: str | None = None,
    written: bool = False,
    decimal: str = ".",
    notes: Sequence[str] = (),
) -> Source:
    """Return the texts or vectors in one column of a table, or the table of all without a role.

    Parameters
    ----------
    frame : DataFrame
        The table.
    names : dict of str to str
        Columns: ``"column"`` is that of the texts or vectors, the others are of roles.
    name : str
        What to call the data.
    without : collection of str
        Columns that are no features; they stay known of the items.
    like : dict of str to {"number", "category"}, optional
        What features are to be, whatever they look like.
    kind : str, optional
        What kind of data the items are to be; by default texts where one column holds long ones.
    written : bool, default=False
        Whether the table is the text of a file, of which every cell is still to be read.
    decimal : {".", ","}
        The decimal mark where the table does not show which it is.
    notes : sequence of str
        What there is to say already.

    Raises
    ------
    DataError
        If there is no such column, none is left for the items, or one holds no single values.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"price": ["1,5", "2,5"], "sold": ["2024-05-31", "2024-06-01"]})
    >>> source = frame_source(table, {}, "data")
    >>> list(source.items.columns), list(source.meta.columns)
    (['price'], ['sold'])
    """
    if not len(frame):
        raise DataError(f"{name}: expected at least one row, got an empty table.")
    frame, said = _with_index(frame, {*names.values(), *without})
    check_unique(frame.columns, name)
    frame = frame.set_axis(frame.columns.map(str), axis=1)
    check_names(name, "column", [*names.values(), *without], frame.columns)
    names, frame = dict(names), plain_columns(frame)
    column, more = _items_column(frame, names, without, name, kind)
    said += more
    free = "split" in frame.columns and "split" not in {column, *names, *without}
    if free and is_split(_values(frame["split"])):
        names["split"] = "split"
        said.append("The column 'split' was taken for the published split.")
    things = {*names.values()} | ({column} if column is not None else set())
    kinds = dict(like or {})
    typed = typed_columns(
        frame, written=written, words=things, like=kinds, decimal=decimal, who=name
    )
    roles, meta = {}, typed.frame
    for role, wanted in names.items():
        values, told = _role(frame[wanted], role, written, typed.decimal, name)
        roles[role] = values
        said += told
        meta = meta.assign(**{wanted: values})
    for each in () if written else meta.columns.difference(list(names.values())):
        if meta[each].dtype.kind == "f":
            said += lost_digits_notes(meta[each].to_numpy(), f"The column '{each}'")
    others = _others(meta, [] if column is None else [column], names)
    said = [*notes, *typed.notes, *said]
    if column is not None:
        return _of_column(frame[column], name, roles, said, others)
    beside = {*things, *without}
    items = typed.frame[[each for each in frame.columns if each not in beside]]
    items, told = _features(items, kinds, name)
    if not len(items.columns):
        used = sorted({*things, *without})
        dates = " and dates" if told else ""
        raise DataError(f"{name}: no column is left for the items beside {used}{dates}.")
    return Source(items, name, "", roles, [*said, *told], _others(meta, items.columns, names))


def _with_index(frame: pd.DataFrame, wanted: set[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return a table with its index as columns where one of them is wanted by name."""
    names = [str(name) for name in frame.index.names if name is not None]
    if not names:
        return frame, []
    if wanted & ({*names} - {*map(str, frame.columns)}):
        return frame.reset_index(), []
    return frame, [f"The index {named(names)} was left out; name it by ids= where it is one."]


def _items_column(
    frame: pd.DataFrame,
    names: dict[str, str],
    without: Collection[str],
    name: str,
    kind: str | None,
) -> tuple[str | None, list[str]]:
    """Return the column that holds the items, if one does; `names` then are those of roles."""
    column = names.pop("column", None)
    if column is not None:
        return column, []
    beside = {*names.values(), *without}
    free = [str(each) for each in frame if each not in beside]
    pictures = [each for each in free if _holds_pictures(frame[each])]
    vectors = [each for each in free if holds_vectors(frame[each])]
    several = pictures or vectors
    if len(several) > 1 and "vector" not in several:
        what = "pictures" if pictures else "vectors"
        raise DataError(
            f"{name} holds several columns of {what}, {', '.join(several)}: say by column= which "
            "holds the items."
        )
    if pictures:
        return pictures[0], []
    if not vectors:
        return (None, []) if kind == "table" else _texts_column(frame[free], name, kind)
    notes = []
    if "vector" in vectors:  # as `Space.export` writes it
        for role, usual in (("ids", "id"), ("labels", "label")):
            if usual in frame and role not in names and usual not in without:
                names[role] = usual
                notes.append(f"The column '{usual}' was taken for the {role}.")
    return "vector" if "vector" in vectors else vectors[0], notes


def _texts_column(frame: pd.DataFrame, name: str, kind: str | None) -> tuple[str | None, list[str]]:
    """Return the column whose texts are the items, if one is, and what there is to say of it.

    It is the one that holds long texts; of a table that is to be texts it may be the only one that
    holds any.
    """
    chosen = [str(each) for each in frame if holds_texts(frame[each], LONG)]
    if not chosen and kind == "text":
        chosen = [str(each) for each in frame if holds_texts(frame[each], 1)]
    if len(chosen) > 1:
        table = "" if kind == "text" else ", or by kind='table' that all of it is the items"
        raise DataError(
            f"{name} holds several columns of {'long ' * (kind != 'text')}texts, {named(chosen)}: "
            f"say by column= which holds the items{table}."
        )
    if not chosen or kind == "text":
        return next(iter(chosen), None), []
    beside = " and the other columns are only known of them" if len(frame.columns) > 1 else ""
    return chosen[0], [
        f"The column '{chosen[0]}' holds long texts: they are the items{beside}; the whole table "
        "is read by kind='table'."
    ]


def _role(
    column: pd.Series, role: str, written: bool, decimal: str, name: str
) -> tuple[np.ndarray, list[str]]:
    """Return what a column says as a role, and what there is to say of it.

    Names of things stay as they are written, such as 007; labels are numbers where one is not
    whole; a time is a date or a number.
    """
    if role == "time" and column.dtype.kind in "OU":
        numbers, dates = parse_numbers(column, decimal), parse_dates(column)
        if isinstance(dates, Undecided):
            raise DataError(
                f"{name}: the time '{column.name}' {dates.reason}; write it as 2024-05-31."
            )
        if isinstance(dates, Dates):
            return dates.values, [f"Dates with the {dates.way}: '{column.name}'."] * bool(dates.way)
        return (numbers.values if isinstance(numbers, Numerals) else _values(column)), []
    if role == "labels":
        typed = typed_columns(column.to_frame(), written=written, decimal=decimal, who=name)
        values = typed.frame[column.name].to_numpy()
        parsed = column.dtype.kind != values.dtype.kind and values.dtype.kind in "fi"
        numbers = parse_numbers(column, decimal) if parsed else None
        if isinstance(numbers, Numerals):
            fractions = bool((values[np.isfinite(values)] % 1).any())
            if (fractions and (written or numbers.way)) or "thousands" in numbers.way:
                return values, typed.notes
    if written and role != "split" and role != "time":
        return as_written(column.to_numpy(dtype=object), role)
    return _values(column), []


def _features(
    items: pd.DataFrame, kinds: dict[str, str], name: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that describe an item, without dates, and what there is to say."""
    notes, dates, columns = [], [], {}
    for each in items.columns:
        column = items[each]
        if column.dtype.kind == "M":
            dates.append(each)
            continue
        held = "complex numbers" if column.dtype.kind == "c" else nested(column)
        if held:
            raise DataError(
                f"{name}: the column '{each}' holds {held}, expected a number or a text in each "
                f"cell; leave it out by without=['{each}']."
            )
        if column.dtype.kind in "iu" and kinds.get(each) != "number" and len(column.dropna()):
            largest = max(abs(int(column.min())), abs(int(column.max())))
            if largest > LARGEST_EXACT:
                column = column.astype("string").astype(object)
                notes.append(
                    f"'{each}' holds whole numbers too large to be exact, such as {largest}: read "
                    "as text."
                )
        columns[each] = column
    if dates:
        notes.append(
            f"Dates are no features, and are only known of the items: {named(dates)}; a split by "
            "time takes the one that time= names."
        )
    import pandas as pd

    return pd.DataFrame(columns, index=items.index), notes


def _of_column(
    cells: pd.Series,
    name: str,
    roles: dict[str, np.ndarray],
    notes: list[str],
    meta: pd.DataFrame | None,
) -> Source:
    """Return the texts or vectors in a column, without the rows that have none."""
    vectors, pictures = holds_vectors(cells), _holds_pictures(cells)
    if pictures:
        seen, noun = f"pictures in column '{cells.name}'", "picture"
    elif vectors:
        seen, noun = f"vectors in column '{cells.name}'", "vector"
    else:
        seen, noun = f"texts in column '{cells.name}'", "text"
        read = parse_numbers(cells) if cells.dtype.kind not in "fiub" else None
        if cells.dtype.kind in "fiub" or (isinstance(read, Numerals) and not read.way):
            raise DataError(
                f"{name}: the column '{cells.name}' holds numbers, expected texts; leave column= "
                "out to read the whole table."
            )
    source = Source(list(cells), name, seen, roles, list(notes), meta)
    source.roles.setdefault("ids", np.arange(len(cells)))
    gaps = np.flatnonzero(cells.isna().to_numpy()).tolist()
    source = source.without(dict.fromkeys(gaps, f"without a {noun}"), "row", f"without a {noun}")
    if vectors:
        source.items = _stacked(source.items, str(cells.name), name)
    elif pictures and isinstance(source.items[0], str):
        source.items = paths_of(source.items, name)
    return source


def _holds_pictures(column: pd.Series) -> bool:
    """Return whether all cells of a column are pictures opened by Pillow, or name such files."""
    cells = column.dropna().tolist() if column.dtype.kind == "O" else []
    if cells and all(map(is_picture, cells)):
        return True
    are_names = bool(cells) and all(isinstance(cell, str) and kind_of_file(cell) for cell in cells)
    # Names of pictures that lie elsewhere are names, and no more.
    return are_names and any(map(os.path.exists, cells))


def _others(frame: pd.DataFrame, items: Any, names: dict[str, str]) -> pd.DataFrame | None:
    """Return the columns that are neither items nor ids, where there are any."""
    used = {*items, names.get("ids")}
    left = [name for name in frame.columns if name not in used]
    return frame[left].reset_index(drop=True) if left else None


def _values(column: pd.Series) -> np.ndarray:
    """Return a column as an array: numbers and dates as they are, all else as objects."""
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    return column.to_numpy() if kind in "fiubM" else column.to_numpy(dtype=object)


def _stacked(cells: list[Any], column: str, name: str) -> np.ndarray:
    try:
        return np.stack([np.asarray(cell) for cell in cells])
    except ValueError:
        raise DataError(f"{name}: the vectors in column '{column}' differ in length.") from None
