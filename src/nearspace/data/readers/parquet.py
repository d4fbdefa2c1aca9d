"""Tables in .parquet files: in parts, whose sizes add up to no more than memory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nearspace.data.columns import check_unique
from nearspace.data.members import File, Member
from nearspace.data.memory import check_memory, free_memory
from nearspace.data.readers.failures import told_of_file
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_parquet"]

ROWS = (1024, 65536)  # at least and at most that are read at once
SHARE = 4  # of the memory that is free the part that rows read at once may take
NUMBER = 8  # bytes, which at least each row takes


def read_parquet(path: File) -> pa.Table:
    """Return the table in a Parquet file.

    A few bytes of a file may stand for any number of rows, so that neither its size nor what it
    declares bounds what it takes: what has been read does.

    Raises
    ------
    DataError
        If it cannot be read, a name of a column stands twice, it holds fewer rows than it says, or
        it is larger than memory.

    Examples
    --------
    >>> import pathlib, pyarrow as pa, pyarrow.parquet as pq, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pq.write_table(pa.table({"a": [1, 2]}), f"{folder}/a.parquet")
    ...     read_parquet(pathlib.Path(folder) / "a.parquet").to_pydict()
    {'a': [1, 2]}
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pa.BufferReader(path.read_bytes()) if isinstance(path, Member) else path
    with told_of_file(path.name), pq.ParquetFile(source) as file:
        names, rows = file.schema_arrow.names, file.metadata.num_rows
        check_unique(names, path.name)
        check_memory(NUMBER * rows, path.name)
        parts, taken, count = [], 0, 0
        try:
            for part in file.iter_batches(_rows_at_once(file)):
                parts.append(part)
                taken, count = taken + part.nbytes, count + len(part)
                who = f"{path.name} ({count:,} of {rows:,} rows)"
                check_memory(taken, who)  # again, as those who use it have it
            table = pa.Table.from_batches(parts, file.schema_arrow)
            table.validate(full=True)  # text is UTF-8, lists are within their values
        except pa.ArrowException as error:  # of several types, some of them Python's
            raise ValueError(str(error)) from error
    if count != rows:
        raise DataError(
            f"{path.name} says that it holds {rows:,} rows, but {count:,} are there; write it "
            "again."
        )
    return table


def _rows_at_once(file: Any) -> int:
    """Return how many rows can be read at once, each of them as long as it may be.

    A text that is stored once may stand in every row, and so may a list; a number is a number.
    """
    columns = map(file.schema.column, range(len(file.schema)))
    if not any(each.physical_type == "BYTE_ARRAY" or each.max_repetition_level for each in columns):
        return ROWS[1]
    # Of the columns of a group nothing is asked: where it is damaged, pyarrow ends the process.
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    longest = max((group.total_byte_size for group in groups), default=1)
    return max(ROWS[0], min(ROWS[1], free_memory() // SHARE // max(longest, 1)))
