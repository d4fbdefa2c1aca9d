"""`frame_source`: what of a table is items, what is a role, and what is only known of the items."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
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
from nearspace.data.columns_of_files import (
    are_items,
    folder_of_column,
    holds_items,
    spread_column,
    with_files,
)
from nearspace.data.dates import Dates, parse_dates
from nearspace.data.kinds.kind import is_frame
from nearspace.data.kinds.series import Series
from nearspace.data.kinds.table import Table
from nearspace.data.kinds.text import Text
from nearspace.data.numerals import LARGEST_EXACT, Numerals, Undecided, parse_numbers
from nearspace.data.roles import as_written, lost_digits_notes
from nearspace.data.series_rows import series_source
from nearspace.data.sources import Asked, Source, is_split
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_frame", "frame_source", "role_of_column"]

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
    asked: Asked,
    name: str,
    *,
    written: bool = False,
    decimal: str = ".",
    notes: Sequence[str] = (),
    table: Path | None = None,
) -> Source:
    """Return the texts or vectors in columns of a table, or the table of all without a role.

    Parameters
    ----------
    frame : DataFrame
        The table.
    asked : Asked
        Which columns hold the texts or vectors, by default one of long texts, and which are roles.
    name : str
        What to call the data.
    written : bool, default=False
        Whether the table is the text of a file, of which every cell is still to be read.
    decimal : {".", ","}
        The decimal mark where the table does not show which it is.
    notes : sequence of str
        What there is to say already.
    table : Path, optional
        Its file, by which files are looked for that a column names, see
        `nearspace.data.paths.folder_of`.

    Raises
    ------
    DataError
        If there is no such column, none is left for the items, or one holds no single values.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"price": ["1,5", "2,5"], "sold": ["2024-05-31", "2024-06-01"]})
    >>> source = frame_source(table, Asked(), "data")
    >>> source.kind.columns
    (('price', 'number'), ('sold', 'date'))
    """
    if not len(frame):
        raise DataError(f"{name}: expected at least one row, got an empty table.")
    frame, said = _with_index(frame, {name for _, name in asked.names})
    check_unique(frame.columns, name)
    frame = frame.set_axis(frame.columns.map(str), axis=1)
    asked.check_names(name, "column", frame.columns)
    names, frame = dict(asked.roles), plain_columns(frame)
    columns, more = _items_columns(frame, asked, names, name, table)
    said += more
    free = "split" in frame.columns and "split" not in {*columns, *names, *asked.without}
    if free and is_split(_values(frame["split"])):
        names["split"] = "split"
        said.append("The column 'split' was taken for the published split.")
    things = {*names.values(), *columns}
    like = {} if asked.like is None else asked.like.column_kinds
    types = {**asked.types, **like}
    typed = typed_columns(
        frame, written=written, words=things, types=types, decimal=decimal, who=name
    )
    roles, meta = {}, typed.frame
    for role, wanted in names.items():
        values, told = role_of_column(frame[wanted], role, written, typed.decimal, name)
        roles[role] = values
        said += told
        meta = meta.assign(**{wanted: values})
    for each in () if written else meta.columns.difference(list(names.values())):
        if meta[each].dtype.kind == "f":
            said += lost_digits_notes(meta[each].to_numpy(), f"The column '{each}'")
    others = _others(meta, columns, names)
    said = [*notes, *typed.notes, *said]
    if asked.kind == Series.name:
        beside = {*names.values(), *asked.without}
        steps = typed.frame[columns or [str(each) for each in frame if each not in beside]]
        others = _others(meta, [*steps.columns, names.get("time")], names)
        return series_source(steps, roles, name, said, others)
    if len(columns) > 1:
        where = f"columns {named(columns)}, joined by blank lines"
        return _of_texts(_joined(frame[columns], name), where, name, roles, said, others)
    if columns:
        column, far = frame[columns[0]], bool(asked.columns)
        files = None if asked.kind == Text.name else folder_of_column(column, table, far)
        if files is None and asked.columns and asked.kind != Text.name:
            column, files = spread_column(column, table, name)
        return _of_column(column, name, roles, said, others, files)
    beside = {*things, *asked.without}
    items, told = _features(typed.frame[[each for each in frame if each not in beside]], name)
    if asked.kind not in (None, Table.name):
        return Source(items, name, "", roles, [*said, *told], _others(meta, items.columns, names))
    kind, more = _table(items, asked, types, beside, name)
    items = items.drop(columns=kind.of("id"))
    kind = dataclasses.replace(kind, columns=tuple(c for c in kind.columns if c[1] != "id"))
    others = _others(meta, items.columns, names)
    return Source(items, name, "", roles, [*said, *told, *more], others, kind=kind)


def _table(
    items: pd.DataFrame, asked: Asked, types: Mapping[str, str], beside: set[str], name: str
) -> tuple[Table, list[str]]:
    """Return what the columns of a table are, and what to say of those that name the rows."""
    if not len(items.columns):
        raise DataError(f"{name}: no column is left for the items beside {sorted(beside)}.")
    try:
        kind = Table.infer(items, types, asked.ratios)
    except DataError as error:
        raise DataError(f"{name}: {str(error).removeprefix('Tables: ')}") from None
    like: Any = asked.like  # a table too, or these would not be read as one
    if like is not None:  # what cuts cells is not told anew by those of a few rows
        signs = [each for each in kind.signs if each[0] not in like.column_kinds]
        signs += [each for each in like.signs if each[0] in items]
        kind = dataclasses.replace(kind, signs=tuple(signs))
    if not (ids := kind.of("id")):
        return kind, []
    if len(ids) == len(kind.columns):
        raise DataError(
            f"{name}: no column is left for the items: {named(ids)} "
            f"{'names' if len(ids) == 1 else 'name'} the rows, each by another value; say by "
            "types= what it is if it tells of them."
        )
    guessed = [each for each in ids if each not in asked.types]
    if not guessed:
        return kind, []
    has = "has" if len(guessed) == 1 else "have"
    return kind, [
        f"{named(guessed)} {has} another value in every row, which names the rows and tells "
        "nothing of them: only known of the items (say by ids= or time= what it is, or by types= "
        "that it is a feature)."
    ]


def _with_index(frame: pd.DataFrame, wanted: set[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return a table with its index as columns where one of them is wanted by name."""
    names = [str(name) for name in frame.index.names if name is not None]
    if not names:
        return frame, []
    if wanted & ({*names} - {*map(str, frame.columns)}):
        return frame.reset_index(), []
    return frame, [f"The index {named(names)} was left out; name it by ids= where it is one."]


def _items_columns(
    frame: pd.DataFrame, asked: Asked, names: dict[str, str], name: str, table: Path | None
) -> tuple[list[str], list[str]]:
    """Return the columns that hold the items, if any do, and what there is to say of them.

    Roles that the names of columns tell are added to `names`.
    """
    if asked.columns:
        return [*asked.columns], []
    beside = {*names.values(), *asked.without}
    free = [str(each) for each in frame if each not in beside]
    items = [each for each in free if holds_items(frame[each], table)]
    vectors = [each for each in free if holds_vectors(frame[each])]
    several = items or vectors
    if len(several) > 1 and "vector" not in several:
        what = "items, or names of their files" if items else "vectors"
        raise DataError(
            f"{name} holds several columns of {what}, {', '.join(several)}: say by column= which "
            "holds the items."
        )
    if items:
        return items[:1], []
    if not vectors:
        return ([], []) if asked.kind == "table" else _texts_column(frame[free], name, asked.kind)
    notes = []
    if "vector" in vectors:  # as `Space.export` writes it
        for role, usual in (("ids", "id"), ("labels", "label")):
            if usual in frame and role not in names and usual not in asked.without:
                names[role] = usual
                notes.append(f"The column '{usual}' was taken for the {role}.")
    return ["vector"] if "vector" in vectors else vectors[:1], notes


def _texts_column(frame: pd.DataFrame, name: str, kind: str | None) -> tuple[list[str], list[str]]:
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
            f"say by column= which holds the items, or name several to be joined{table}."
        )
    if not chosen or kind == "text":
        return chosen, []
    beside = " and the other columns are only known of them" if len(frame.columns) > 1 else ""
    return chosen, [
        f"The column '{chosen[0]}' holds long texts: they are the items{beside}; the whole table "
        "is read by kind='table'."
    ]


def role_of_column(
    column: pd.Series, role: str, written: bool, decimal: str, name: str
) -> tuple[np.ndarray, list[str]]:
    """Return what a column says as a role, shape ``(n,)``, and what there is to say of it.

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


def _features(items: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that describe an item, and what there is to say of them."""
    notes, columns = [], {}
    for each in items.columns:
        column = items[each]
        held = "complex numbers" if column.dtype.kind == "c" else nested(column)
        if held and (held != "lists" or holds_vectors(column)):
            raise DataError(
                f"{name}: the column '{each}' holds {held}, expected a number or a text in each "
                f"cell; leave it out by without=['{each}']."
            )
        if column.dtype.kind in "iu" and len(column.dropna()):
            largest = max(abs(int(column.min())), abs(int(column.max())))
            if largest > LARGEST_EXACT:
                column = column.astype("string").astype(object)
                notes.append(
                    f"'{each}' holds whole numbers too large to be exact, such as {largest}: read "
                    "as text."
                )
        columns[each] = column
    import pandas as pd

    return pd.DataFrame(columns, index=items.index, copy=False), notes


def _of_column(
    cells: pd.Series,
    name: str,
    roles: dict[str, np.ndarray],
    notes: list[str],
    meta: pd.DataFrame | None,
    files: Path | None,
) -> Source:
    """Return the texts, vectors or items in a column, without the rows that have none.

    Where its cells are names of files, these lie in ``files``.
    """
    on_their_own = are_items(cells.dropna())
    if files is None and not on_their_own and not holds_vectors(cells):
        _check_texts(cells, name)
        return _of_texts(cells, f"column '{cells.name}'", name, roles, notes, meta)
    noun = "file" if files is not None else "item" if on_their_own else "vector"
    source = Source(list(cells), name, f"{noun}s in column '{cells.name}'", roles, notes, meta)
    has_ids = "ids" in roles
    source = _without_gaps(source, cells.isna(), noun)
    if files is not None:
        return with_files(source, files, has_ids)
    if not on_their_own:
        source.items = _stacked(source.items, str(cells.name), name)
    return source


def _of_texts(
    cells: pd.Series,
    where: str,
    name: str,
    roles: dict[str, np.ndarray],
    notes: list[str],
    meta: pd.DataFrame | None,
) -> Source:
    """Return texts, without the rows that have none or one of blanks alone."""
    blank = cells.map(lambda cell: isinstance(cell, str) and not cell.strip())
    source = Source(list(cells), name, f"texts in {where}", roles, notes, meta)
    return _without_gaps(source, cells.isna() | blank.astype(bool), "text")


def _without_gaps(source: Source, gaps: pd.Series, noun: str) -> Source:
    """Return the source without the rows that have no item."""
    source.roles.setdefault("ids", np.arange(len(source)))
    reasons = dict.fromkeys(np.flatnonzero(gaps.to_numpy()).tolist(), f"without a {noun}")
    if len(reasons) == len(source):
        raise DataError(f"{source.name}: no row has a {noun}: {source.seen} are all missing.")
    return source.without(reasons, "row", f"without a {noun}")


def _joined(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return the texts of several columns as one a row, with a blank line between any two."""
    for each in frame:
        _check_texts(frame[each], name)
    rows = zip(*(frame[each] for each in frame), strict=True)
    import pandas as pd

    texts = ["\n\n".join(c for c in row if isinstance(c, str) and c.strip()) for row in rows]
    return pd.Series(texts, index=frame.index, dtype=object)


def _check_texts(cells: pd.Series, name: str) -> None:
    """Raise unless the cells of a column that are not missing are texts, and no numbers."""
    others = [cell for cell in cells.dropna() if not isinstance(cell, str)]
    if cells.dtype.kind not in "fiub" and others:
        raise DataError(
            f"{name}: the column '{cells.name}' holds {others[0]!r:.60} of type "
            f"{type(others[0]).__name__}, expected texts."
        )
    read = parse_numbers(cells) if cells.dtype.kind not in "fiub" else None
    if others or (isinstance(read, Numerals) and not read.way):
        raise DataError(
            f"{name}: the column '{cells.name}' holds numbers, expected texts; leave column= out "
            "to read the whole table."
        )


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
