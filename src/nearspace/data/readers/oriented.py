"""The forms in which pandas writes a table as one object of JSON: split, table, index, columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from nearspace.data.columns import check_unique, named
from nearspace.errors import DataError

__all__ = ["oriented"]

Rows = list[dict[str, Any]]
Columns = dict[str, list[Any]]
ALIKE = {int: float}  # types of cells that one column may hold


def oriented(
    document: dict[str, Any], who: str, told: list[str]
) -> tuple[Rows | Columns, list[Any]] | None:
    """Return rows or columns of an object that is a table, and the names of its rows.

    There are no names where rows are numbered from 0. None stands for an object of another form.
    What is to be said of it is added to ``told``.

    Raises
    ------
    DataError
        If rows and columns cannot be told apart, or rows are not as long as there are columns.

    Examples
    --------
    >>> oriented({"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}, "a.json", [])
    ([{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}], [])
    >>> oriented({"ann": {"age": 31, "of": "x"}, "bob": {"age": 44, "of": "y"}}, "a.json", [])
    ([{'age': 31, 'of': 'x'}, {'age': 44, 'of': 'y'}], ['ann', 'bob'])
    >>> oriented({"age": {"ann": 31, "bob": 44}, "of": {"ann": "x", "bob": "y"}}, "a.json", [])
    ({'age': [31, 44], 'of': ['x', 'y']}, ['ann', 'bob'])
    """
    names = set(document)
    if {"columns", "data"} <= names <= {"columns", "data", "index"}:
        return _split(document, who)
    if names == {"schema", "data"} and isinstance(document["schema"], dict):
        return _table(document)
    if document and all(isinstance(cells, dict) and cells for cells in document.values()):
        return _crossed(document, who, told)
    return None


def _split(document: dict[str, Any], who: str) -> tuple[Rows, list[Any]] | None:
    """Return the rows of an object of names of columns and lists of cells."""
    heads, data, index = document["columns"], document["data"], document.get("index", [])
    lists = isinstance(heads, list) and isinstance(data, list) and isinstance(index, list)
    if not (lists and data and all(isinstance(row, list) for row in data)):
        return None
    columns = [_joined(head) for head in heads]
    check_unique(columns, who)
    odd = next((at for at, row in enumerate(data) if len(row) != len(columns)), None)
    if odd is not None:
        raise DataError(
            f"{who}: row {odd} of its 'data' has {len(data[odd]):,} cells, and there are "
            f"{len(columns):,} 'columns'; write the file again."
        )
    if index and len(index) != len(data):
        raise DataError(
            f"{who}: its 'index' names {len(index):,} rows, and there are {len(data):,} in 'data'; "
            "write the file again."
        )
    rows = [dict(zip(columns, row, strict=True)) for row in data]
    return rows, [] if _are_numbered(index) else [*map(_joined, index)]


def _table(document: dict[str, Any]) -> tuple[Rows, list[Any]] | None:
    """Return the rows of an object with a schema, without the index that they repeat."""
    rows, keys = document["data"], document["schema"].get("primaryKey")
    if not (isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)):
        return None
    if keys != ["index"] or not all("index" in row for row in rows):
        return rows, []
    index = [row["index"] for row in rows]
    rows = [{name: cell for name, cell in row.items() if name != "index"} for row in rows]
    return rows, [] if _are_numbered(index) else index


def _crossed(
    document: dict[str, dict[str, Any]], who: str, told: list[str]
) -> tuple[Rows | Columns, list[Any]] | None:
    """Return the rows or the columns of objects by name, whichever their names or types tell."""
    inner = {name: None for cells in document.values() for name in cells}
    if any(cells.keys() != inner.keys() for cells in document.values()):
        # Of records one may lack a key; what shares none is no table.
        shared = set.intersection(*map(set, document.values()))
        return _rows(document) if shared and len(document) > 1 else None
    numbered = _are_numbers(document), _are_numbers(inner)
    of_rows, of_columns = numbered
    if of_rows == of_columns:
        across = [[cells[name] for cells in document.values()] for name in inner]
        of_rows = any(_differ(cells.values()) for cells in document.values())
        of_columns = any(map(_differ, across))
    if of_rows == of_columns and all(numbered):
        of_rows = False
        told.append("Its rows and columns are numbers: read column by column, as pandas writes.")
    elif of_rows == of_columns:
        raise DataError(
            f"{who}: under each of its names, {named(document)}, may stand a row or a column; "
            "write it as a list of objects, one a row (pandas: to_json(orient='records'))."
        )
    if of_rows:
        return _rows(document)
    index = [*inner]
    columns = {name: [cells[row] for row in index] for name, cells in document.items()}
    return columns, [] if _are_numbered(index) else index


def _rows(document: dict[str, dict[str, Any]]) -> tuple[Rows, list[Any]]:
    return [*document.values()], [] if _are_numbered([*document]) else [*document]


def _are_numbers(names: Collection[str]) -> bool:
    """Return whether names are whole numbers, as those of rows are by default."""
    return all(name.isascii() and name.removeprefix("-").isdigit() for name in names)


def _are_numbered(index: list[Any]) -> bool:
    """Return whether rows are numbered from 0."""
    return [*map(str, index)] == [*map(str, range(len(index)))]


def _differ(cells: Iterable[Any]) -> bool:
    """Return whether cells are of several types."""
    return len({ALIKE.get(type(cell), type(cell)) for cell in cells if cell is not None}) > 1


def _joined(name: Any) -> str:
    """Return the name of a column; one of several levels with dots between them."""
    return ".".join(map(str, name)) if isinstance(name, list) else str(name)
