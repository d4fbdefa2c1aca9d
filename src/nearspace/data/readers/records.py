"""Records in JSON, a line each or all in one document, as a table; lists of texts, of vectors."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.columns import frame_of_arrow, named
from nearspace.data.kinds.text import is_unicode
from nearspace.data.members import File
from nearspace.data.memory import check_memory, free_memory
from nearspace.data.readers.oriented import oriented
from nearspace.data.readers.texts import plain_name, read_text
from nearspace.data.sources import SPLITS, left_out
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_records"]

COPIES = 5  # of a file that are in memory at once while it is parsed, about, beside what follows
WEIGHTS = {
    b"{": 250,
    b"[": 100,
    b",": 100,
}  # bytes of Python's objects that each stands for, at most
CELL = 24  # bytes of a cell of a table, whatever it holds, in all copies
MOST_COLUMNS = 100_000
HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # of a surrogate pair
NAMED = 5  # keys, in a note
SHOWN = 40  # characters of a key
MISSING = object()  # where an object has no such key
WORDS = {
    bool: "truth value",
    int: "number",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
}
FORMS = (
    "expected a list of objects, of texts or of vectors, an object of lists of one length, or an "
    "object a line"
)


def read_records(file: File) -> tuple[pd.DataFrame | np.ndarray | list[str], list[str]]:
    r"""Return what a file of JSON holds, and what there is to say of its form.

    It holds objects, a line each or in a list; the list may be the only one in an object. They
    become rows of a table, and objects within them columns such as ``user.name``. So do the tables
    that pandas writes as one object. A list of texts, and one of lists of numbers, are returned as
    such.

    Parameters
    ----------
    file : Path or Member
        Its ending tells what is expected, lines or a document; either is read under both.

    Raises
    ------
    DataError
        If it is no JSON, which line is told, or of another form, or takes more memory than is free.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "a.jsonl"
    ...     _ = path.write_text('{"a": 1, "of": {"b": "x"}}\n{"a": 2}\n')
    ...     frame, notes = read_records(path)
    >>> list(frame), notes[0]
    (['a', 'of.b'], "Objects in objects became columns: 'of.b'.")
    """
    data, notes = read_text(file, COPIES)
    weight = sum(size * data.count(sign) for sign, size in WEIGHTS.items())
    check_memory(COPIES * len(data) + weight, file.name)
    if not data.strip():
        raise DataError(f"{file.name} is empty; {FORMS}.")
    try:
        values, places, told = _parsed(data, file)
        index: list[Any] = []
        if not isinstance(values, dict | list):
            raise DataError(f"{file.name} holds {_written(values)[:SHOWN]} alone; {FORMS}.")
        if isinstance(values, dict):
            table_in_it = oriented(values, file.name, told)
            if table_in_it is not None:
                values, index = table_in_it
            else:
                values, more = _within(values, file.name)
                told += more
        if isinstance(values, list):
            items = _plain_items(values, file.name)
            if items is not None:
                return items, [*notes, *told]
            values, more = _columns(values, places, file.name)
            told += more
        table = {name: _column(name, cells, told) for name, cells in values.items()}
    except RecursionError:
        raise DataError(f"{file.name}: its values are nested too deeply; {FORMS}.") from None
    if HALF.search(data):
        _check_unicode(table, file.name)
    frame = _frame(table, file.name)
    if index:
        frame = frame.set_axis(index).rename_axis("index")
    return frame, [*notes, *told]


def _parsed(data: bytes, file: File) -> tuple[Any, list[str], list[str]]:
    """Return the value of a document or those of all lines, their places, and what is to be said.

    The places are names of lines; of a document there are none.
    """
    if plain_name(file.name).endswith(".json"):
        document, error = _document(data)
        if error is None:
            return document, [], []
        if "Extra data" not in str(error):
            raise DataError(f"{file.name} is no JSON ({_reason(error)}); mend it.")
        told = ["It holds a value a line, as files that end in .jsonl do."]
        values, places, more = _of_lines(data, file)
        return values, places, told + more
    try:
        return _of_lines(data, file)
    except DataError:
        document, error = _document(data)
        if error is not None:
            raise
        return document, [], ["It holds one value, as files that end in .json do, not one a line."]


def _document(data: bytes) -> tuple[Any, ValueError | None]:
    """Return the one value that is the whole of a text, or why there is none."""
    try:
        return DECODER.decode(data.decode()), None
    except ValueError as error:
        return None, error


def _of_lines(data: bytes, file: File) -> tuple[list[Any], list[str], list[str]]:
    """Return the value in each line that is not empty, with its name, and what is to be said."""
    values, places, blank = [], [], 0
    for number, line in enumerate(data.rstrip().split(b"\n"), start=1):
        text = line.decode().strip()
        if not text:
            blank += 1
            continue
        try:
            values.append(DECODER.decode(text))
        except ValueError as error:
            raise DataError(_wrong_line(data, number, error, file)) from None
        places.append(f"line {number}")
    return values, places, [left_out(blank, "line", "that holds nothing")] if blank else []


def _wrong_line(data: bytes, number: int, error: ValueError, file: File) -> str:
    """Return what is to be said of the first line that is no JSON."""
    rest = b"\n".join(data.split(b"\n")[number - 1 :]).decode().lstrip()
    try:
        _, end = DECODER.raw_decode(rest)
    except ValueError:
        end = 0
    more = rest.count("\n", 0, end)
    if more:
        return (
            f"{file.name}: the value that begins in line {number} ends in line {number + more}, "
            "expected one in each line; write each in one line, or all as a list in a .json file."
        )
    return (
        f"{file.name}: line {number} is no JSON ({_reason(error, in_line=True)}); mend it, or "
        "leave it out."
    )


def _reason(error: ValueError, in_line: bool = False) -> str:
    """Return why a text is no JSON, and where."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error).split(";")[0]
    line = "" if in_line else f"line {error.lineno}, "
    reason = error.msg[:1].lower() + error.msg[1:]
    return f"{reason.removesuffix(' at')}, {line}column {error.colno}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, none of whose keys stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key '{twice[:SHOWN]}' stands twice in one object")
    return made


DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _within(document: dict[str, Any], who: str) -> tuple[Any, list[str]]:
    """Return the records, or the columns, that an object holds, and what there is to say."""
    lists = {key: cells for key, cells in document.items() if isinstance(cells, list) and cells}
    records = {
        key: cells for key, cells in lists.items() if all(isinstance(c, dict) for c in cells)
    }
    lengths = {key: len(cells) for key, cells in lists.items()}
    if len(records) < len(lists) == len(document):
        if len({*lengths.values()}) == 1:
            return document, []
        if not records:
            counts = ", ".join(f"'{key}' of {count:,}" for key, count in [*lengths.items()][:NAMED])
            raise DataError(f"{who}: its lists differ in length ({counts}); {FORMS}.")
    if 1 < len(records) == len(document) and all(key.lower() in SPLITS for key in records):
        rows = [{"split": key, **record} for key, part in records.items() for record in part]
        return rows, [f"The lists {named(records)} are the parts of a published split."]
    if len(records) == 1:
        key, rows = next(iter(records.items()))
        beside = [each for each in document if each != key]
        more = f", and what is beside it was left out: {named(beside)}" if beside else ""
        return rows, [f"The records are the list '{key}'{more}."]
    if records:
        raise DataError(
            f"{who} holds several lists of objects, {named(records)}; save the one that is meant "
            "in a file of its own."
        )
    raise DataError(f"{who} holds one object, of {named(document) or 'nothing'}; {FORMS}.")


def _plain_items(values: list[Any], who: str) -> list[str] | np.ndarray | None:
    """Return values that are texts, or lists of numbers of one length, as items; else None."""
    if values and all(isinstance(value, str) for value in values):
        return values
    if values and all(_is_vector(value) for value in values):
        if len({*map(len, values)}) > 1:
            raise DataError(f"{who}: its lists of numbers differ in length; {FORMS}.")
        return np.array(values, dtype=np.float64)
    return None


def _is_vector(value: Any) -> bool:
    """Return whether a value is a list of numbers, at least one."""
    return isinstance(value, list) and bool(value) and {*map(type, value)} <= {int, float}


def _columns(
    records: list[Any], places: list[str], who: str
) -> tuple[dict[str, list[Any]], list[str]]:
    """Return objects as columns, MISSING where one has no such key, and what there is to say."""
    columns: dict[str, list[Any]] = {}
    most = min(MOST_COLUMNS, free_memory() // (CELL * max(len(records), 1)))
    for row, record in enumerate(records):
        place = places[row] if places else f"item {row}"
        if not isinstance(record, dict):
            held = "null" if record is None else f"a {WORDS[type(record)]}"
            raise DataError(f"{who}: {place} is {held}, not an object; {FORMS}.")
        for name, cell in _flat(record, ""):
            cells = columns.setdefault(name, [])
            if len(cells) > row:
                raise DataError(
                    f"{who}: {place} has two values for '{name[:SHOWN]}', one by its name and one "
                    "within an object; rename one of the two."
                )
            cells += [MISSING] * (row - len(cells))
            cells.append(cell)
        if len(columns) > most:
            raise DataError(
                f"{who}: its objects have more than {most:,} different keys, which as columns of "
                f"{len(records):,} rows are too many; give lists of the same keys."
            )
    within = [name for name in columns if "." in name and name not in records[0]]
    for cells in columns.values():
        cells += [MISSING] * (len(records) - len(cells))
    # null in place of an object says of each of its keys that it is missing.
    above = {name.rpartition(".")[0] for name in columns}
    for name in above & {*columns}:
        if all(cell is None or cell is MISSING for cell in columns[name]):
            del columns[name]
    return columns, _said_of(columns, within)


def _said_of(columns: dict[str, list[Any]], within: list[str]) -> list[str]:
    """Return what there is to say of columns: which are of objects in objects, what is missing."""
    told = [f"Objects in objects became columns: {named(within)}."] if within else []
    absent = {name: sum(cell is MISSING for cell in cells) for name, cells in columns.items()}
    counts = [f"'{name[:SHOWN]}' ({count:,})" for name, count in absent.items() if count]
    if counts:
        more = f" and {len(counts) - NAMED:,} more" if len(counts) > NAMED else ""
        told.append(
            f"Keys that some objects lack count as missing: {', '.join(counts[:NAMED])}{more}."
        )
    return told


def _flat(record: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield each value of an object by its name, that of one within it as ``outer.inner``."""
    for key, cell in record.items():
        if isinstance(cell, dict) and cell:
            yield from _flat(cell, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", cell if cell != {} else None


def _column(name: str, cells: list[Any], told: list[str]) -> list[Any]:
    """Return the cells of a column, of one type, and tell of what had to become text."""
    counts = Counter(map(type, cells))
    missing = counts.pop(type(MISSING), 0) + counts.pop(type(None), 0)
    plain = [None if cell is MISSING else cell for cell in cells] if missing else cells
    absent = sum(cell != cell for cell in plain) if float in counts else 0
    if absent:
        told.append(f"'{name[:SHOWN]}': NaN ({absent:,}) counts as missing.")
    types = {float if each is int else each for each in counts}
    if types <= {float}:
        whole = [cell for cell in plain if type(cell) is int]
        if all(-(2**63) <= cell < 2**63 for cell in whole):
            return plain
    elif types <= {str} or types == {bool}:
        return plain
    elif types == {list}:
        lists = [cell for cell in plain if cell is not None]
        if all(map(_is_vector, lists)) and len({*map(len, lists)}) == 1:
            return plain
    if types != {float}:
        held = " and ".join(sorted({f"{WORDS[each]}s" for each in types}))
        told.append(f"'{name[:SHOWN]}' holds {held}, which are read as they are written.")
    return [cell if cell is None or isinstance(cell, str) else _written(cell) for cell in plain]


def _written(cell: Any) -> str:
    """Return a value as it stands in a file of JSON."""
    return json.dumps(cell, ensure_ascii=False)


def _check_unicode(table: Mapping[str, Sequence[Any]], who: str) -> None:
    """Raise where a text, or the name of a column, holds half of a surrogate pair."""
    for name, cells in table.items():
        for row, cell in enumerate([name, *cells]):
            if isinstance(cell, str) and not is_unicode(cell):
                where = f"row {row - 1} of" if row else "the name of"
                raise DataError(
                    f"{who}: {where} the column {name[:SHOWN]!a} holds half of a surrogate "
                    "pair; repair the text."
                )


def _frame(table: dict[str, list[Any]], who: str) -> pd.DataFrame:
    """Return columns of cells, None where there is none, as a DataFrame."""
    import pyarrow as pa

    arrays = {name: pa.array(cells, from_pandas=True) for name, cells in table.items()}
    return frame_of_arrow(pa.table(arrays), who)
