"""`as_plain`: whatever users hold, in one of the few forms that data are read from."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any

import numpy as np

from nearspace.data.frames import as_frame
from nearspace.data.kinds.kind import are_pictures, count_items, is_frame, is_picture, is_sparse
from nearspace.data.memory import check_memory
from nearspace.data.nodes import Nodes
from nearspace.data.paths import paths_of
from nearspace.data.sided import Sided
from nearspace.data.sound import as_sound, is_sound
from nearspace.data.tensors import array_of_tensor, is_tensor
from nearspace.errors import DataError

__all__ = ["Plain", "as_plain", "plain_items"]

# What stands for a table that is not read yet, for batches, and for an open file.
INSTEAD = {
    "collect": "its .collect()",
    "compute": "its .compute()",
    "dataset": "its .dataset",
    "read": "the path of the file",
}
SCALARS = (str, bytes, bool, int, float, complex, np.generic, type(None))
CHANNELS = (1, 3)


@dataclasses.dataclass
class Plain:
    """What somebody gave as data.

    Attributes
    ----------
    items : ndarray, csr_array, list, Series or DataFrame
        The items; of a table they are still to be told from what is known of them.
    roles : dict of str to str or list
        What the data say of themselves: labels that came with the items, or the names of columns.
    notes : list of str
        What there is to say of it.
    """

    items: Any
    roles: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)


def as_plain(source: Any, *, are_texts: bool = False) -> Plain:
    """Return data in one of the forms that are read, and what they say of themselves.

    Nothing is asked for by the name of a library: tables come through the dataframe protocols,
    data sets by their length and positions, which are trusted. What may have no end is never
    started. The source stays as it is.

    Parameters
    ----------
    source : object
        An array, a tensor, a table, a sequence, a data set.
    are_texts : bool, default=False
        Whether lists of ``str`` are texts even where they name files.

    Raises
    ------
    DataError
        If it is none of these, or may have no end.

    Examples
    --------
    >>> as_plain([("near", 0), ("far", 1), ("wide", 1)]).roles
    {'labels': [0, 1, 1]}
    >>> as_plain([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]).items.shape
    (2, 2)
    """
    if is_frame(source):
        return Plain(source)
    if is_tensor(source):
        return _of_tensor(source)
    if is_sparse(source):
        return Plain(_matrix(source))
    if isinstance(source, np.ndarray):
        return _of_array(source, are_texts)
    if hasattr(source, "features") and hasattr(source, "column_names"):
        return _of_features(source, are_texts)
    source = as_frame(source)
    if is_frame(source):
        return Plain(source)
    if hasattr(source, "iloc"):
        return _of_series(source, are_texts)
    if isinstance(source, Mapping):
        return _of_mapping(source, are_texts)
    if all(hasattr(source, name) for name in ("vectors", "ids", "labels")):  # a space
        roles = {"ids": source.ids, "labels": source.labels}
        roles = {role: values for role, values in roles.items() if values is not None}
        return Plain(as_plain(source.vectors).items, roles)
    if hasattr(source, "__array__") and not is_picture(source):
        return _of_array(np.asarray(source), are_texts)
    return _of_list(_listed(source), are_texts)


def plain_items(items: Any) -> Any:
    """Return items as encoders take them, from whatever is no sequence yet, such as a tensor.

    Examples
    --------
    >>> import torch
    >>> plain_items(torch.ones(1, 2, requires_grad=True))
    array([[1., 1.]], dtype=float32)
    """
    ours = str | list | tuple | np.ndarray | Sided | Nodes
    is_known = isinstance(items, ours) or hasattr(items, "iloc")
    return items if is_known or is_sparse(items) else as_plain(items).items


def _of_tensor(tensor: Any) -> Plain:
    """Return the values of a tensor, with the channels of images last."""
    array = array_of_tensor(tensor)
    if array.ndim == 4 and array.shape[1] in CHANNELS and array.shape[3] not in CHANNELS:
        moved = np.moveaxis(np.asarray(array), 1, 3)
        return Plain(moved, notes=["The channels came first, as torch has them, and stand last."])
    return Plain(array)


def _matrix(matrix: Any) -> Any:
    """Return a sparse matrix as one of rows, without what is stored twice or as zero."""
    from scipy import sparse

    if matrix.ndim != 2:
        raise DataError(f"data: expected a sparse matrix of shape (n, d), got {matrix.shape}.")
    rows = sparse.csr_array(matrix)
    if not (rows.has_canonical_format and rows.data.all()):
        rows = rows.copy()  # the caller's own stays as it is
        rows.sum_duplicates()
        rows.eliminate_zeros()
    return rows


def _of_array(array: np.ndarray, are_texts: bool) -> Plain:
    """Return an array of NumPy: of records as a table, of objects as what they are."""
    import pandas as pd

    if isinstance(array, np.ma.MaskedArray):
        array = _unmasked(array)
    if array.dtype.names and array.ndim == 1:
        return Plain(pd.DataFrame({name: _cells(array[name]) for name in array.dtype.names}))
    if array.ndim == 0:
        raise _refusal(array)
    if array.dtype.kind not in "OUTS":
        return Plain(np.asarray(array))
    if array.ndim == 1:
        plain = _of_list(array.tolist(), are_texts)
        # Texts stay in the array, of which the reason tells.
        return Plain(array) if array.dtype.kind in "UT" and _are_str(plain.items) else plain
    return Plain(_of_rows(array) if array.ndim == 2 else array)


def _unmasked(array: np.ma.MaskedArray) -> np.ndarray:
    """Return an array in which what is masked is missing."""
    if not np.ma.is_masked(array):
        return array.data
    wide = np.promote_types(array.dtype, np.float32) if array.dtype.kind in "fiub" else object
    widened: Any = array.astype(wide)
    return widened.filled(np.nan)


def _of_rows(rows: Any) -> Any:
    """Return rows of single values: numbers as an array, all else as a table."""
    import pandas as pd

    table = pd.DataFrame(rows).infer_objects()
    table.columns = [f"column {at}" for at in range(len(table.columns))]
    are_numbers = all(isinstance(of, np.dtype) and of.kind in "fiub" for of in table.dtypes)
    return table.to_numpy() if are_numbers else table


def _of_series(series: Any, are_texts: bool) -> Plain:
    """Return a column of pandas: of numbers or texts as it is, of objects as what they are."""
    if getattr(series.dtype, "kind", "O") in "fiubcMm":
        return Plain(series.to_numpy())
    plain = _of_list(series.tolist(), are_texts)
    return Plain(series) if _are_str(plain.items) else plain


def _of_mapping(columns: Mapping[Any, Any], are_texts: bool) -> Plain:
    """Return named columns as a table, or the data and target of a mapping that has these."""
    import pandas as pd

    if {"data", "target"} <= set(columns):  # as scikit-learn and others bundle them
        plain = as_plain(columns["data"], are_texts=are_texts)
        labels = {} if columns["target"] is None else {"labels": columns["target"]}
        notes = ["The labels are the 'target' that came with the 'data'."] if labels else []
        return dataclasses.replace(plain, roles=plain.roles | labels, notes=plain.notes + notes)
    names = [*map(str, columns)]
    if any(hasattr(part, "column_names") for part in columns.values()):
        raise DataError(
            f"data: a dict of the parts {', '.join(names[:5])}: read one of them, with another as "
            "the test set where there is one: load(parts['train'], test=parts['test'])."
        )
    parts = {str(name): _part(column) for name, column in columns.items()}
    lengths = {len(part) for part in parts.values() if part is not None}
    if len(lengths) != 1 or any(part is None for part in parts.values()):
        raise DataError(
            f"data: expected a dict of columns of one length, got one of {', '.join(names[:5])}; "
            "give the items as a list, and their names as ids= (load(list(d.values()), "
            "ids=list(d)))."
        )
    return Plain(pd.DataFrame({name: _cells(part) for name, part in parts.items()}))


def _part(column: Any) -> Any:
    """Return a column of a mapping as a sequence; None where it is none."""
    column = array_of_tensor(column) if is_tensor(column) else column
    if isinstance(column, str | bytes | Mapping) or is_frame(column) or is_sparse(column):
        return None
    return column if hasattr(column, "__len__") and getattr(column, "ndim", 1) > 0 else None


def _of_features(source: Any, are_texts: bool) -> Plain:
    """Return a data set that says of each column what it holds, as those of Hugging Face do.

    The only column of class labels is that of the labels, by their names; a lone column of texts
    beside it is that of the items.
    """
    import pandas as pd

    if not hasattr(source, "__len__"):
        raise _refusal(source)
    if hasattr(source, "with_format"):
        source = source.with_format(None)
    columns, classes, texts = {}, [], []
    for name in source.column_names:
        feature, cells = source.features[name], list(source[name])
        if names := getattr(feature, "names", None):
            classes.append(name)
            cells = [None if code is None or code < 0 else names[code] for code in cells]
        elif cells and is_sound(cells[0]):
            cells = [cell and as_sound(cell) for cell in cells]
        elif getattr(feature, "dtype", None) in ("string", "large_string"):
            texts.append(name)
        columns[name] = pd.Series(cells, dtype=object).infer_objects()
    roles, notes = {}, []
    if len(classes) == 1:
        roles["labels"] = classes[0]
        notes.append(f"The column '{classes[0]}' holds classes, and was taken for the labels.")
    if len(texts) == 1 and len(columns) == 1 + len(classes):
        roles["column"] = texts[0]
    return Plain(pd.DataFrame(columns), roles, notes)


def _listed(source: Any) -> list[Any]:
    """Return the items of a sequence or a data set, by its length, as a list."""
    if isinstance(source, tuple) and len(source) == 2:
        _check_no_labels(*source)
    if isinstance(source, KeysView | ValuesView):
        return [*source]
    if isinstance(source, set | frozenset):
        raise DataError("data: a set has no order, which ids and labels need; give a list.")
    if isinstance(source, str | bytes | bytearray) or not hasattr(source, "__getitem__"):
        raise _refusal(source)
    if isinstance(source, Sequence):
        return list(source)
    return [*_by_position(source)]


def _check_no_labels(first: Any, second: Any) -> None:
    """Raise if two things in a tuple are items and their labels rather than two items."""
    if any(isinstance(each, SCALARS) or is_picture(each) for each in (first, second)):
        return
    if not all(hasattr(each, "__len__") or hasattr(each, "shape") for each in (first, second)):
        return
    unlike = getattr(first, "ndim", 1) != getattr(second, "ndim", 1)
    if count_items(first) == count_items(second) and (unlike or _are_str(first)):
        raise DataError(
            "data: a tuple of two may be items and their labels: give these apart, as "
            "load(items, labels=labels)."
        )


def _by_position(source: Any) -> Iterator[Any]:
    """Yield the items of a data set, no more than its length says."""
    try:
        count = len(source)
    except Exception:  # of the user's own code, or of a library that has no length to give
        raise _refusal(source) from None
    for position in range(count):
        try:
            item = source[position]
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
            raise DataError(
                f"data: item {position} of {count:,} of the {type(source).__name__} cannot be "
                f"read ({reason})."
            ) from None
        if not position:
            check_memory(count * _bytes(item), f"data: a {type(source).__name__} of {count:,}")
        yield item


def _bytes(item: Any) -> int:
    """Return about how many bytes an item takes that is read."""
    if isinstance(item, tuple | list):
        return sum(map(_bytes, item[:2]))
    if isinstance(item, Mapping):
        return sum(map(_bytes, item.values()))
    if is_picture(item):
        return item.size[0] * item.size[1] * len(item.getbands())
    return getattr(item, "nbytes", sys.getsizeof(item))


def _of_list(items: list[Any], are_texts: bool) -> Plain:
    """Return what a list holds: files, records, items with labels, rows, or items as they are."""
    import pandas as pd

    paths = None if are_texts else paths_of(items)
    if paths is not None:
        return Plain(paths)
    if not items or _are_str(items) or are_pictures(items):
        return Plain(items)
    if is_sound(items[0]):
        _check_alike(items, is_sound, "sounds")
        return Plain([as_sound(item) for item in items])
    if bytes in {*map(type, items)}:
        raise DataError(
            "data: expected texts or pictures, got bytes: decode texts (item.decode()), and open "
            "pictures (PIL.Image.open(io.BytesIO(item)))."
        )
    if any(map(_is_record, items)):
        _check_alike(items, _is_record, "records of named values")
        return Plain(pd.DataFrame([_record(item) for item in items]))
    if any(map(is_tensor, items)):
        _check_alike(items, is_tensor, "tensors")
        return _of_tensors(items)
    if not isinstance(items[0], list | tuple | np.ndarray):
        return Plain(items)
    if all(isinstance(item, tuple | list) and len(item) == 1 for item in items):
        return _of_list([item[0] for item in items], are_texts)  # of a data set without labels
    if (labelled := _with_labels(items, are_texts)) is not None:
        return labelled
    try:
        array = np.asarray(items)
    except ValueError:
        return Plain(_drawn(items))
    if array.ndim == 2 and array.dtype.kind in "OUS":
        return Plain(_of_rows(items))
    return Plain(array)


def _check_alike(items: list[Any], is_one: Callable[[Any], bool], what: str) -> None:
    """Raise if one of the items is something else than the others."""
    odd = next((row for row, item in enumerate(items) if not is_one(item)), None)
    if odd is not None:
        raise DataError(
            f"data: row {odd} is of type {type(items[odd]).__name__}, among {what}; give all rows "
            "in one form."
        )


def _with_labels(items: list[Any], are_texts: bool) -> Plain | None:
    """Return items that came in pairs with their labels; None where they did not.

    Of two texts the second is a label only where labels stand twice each, on an average.
    """
    if not all(isinstance(item, tuple | list) and len(item) == 2 for item in items):
        return None
    data, labels = [item[0] for item in items], [_scalar(item[1]) for item in items]
    if any(isinstance(item, SCALARS) and not isinstance(item, str) for item in map(_scalar, data)):
        return None
    odd = next((row for row, label in enumerate(labels) if not isinstance(label, SCALARS)), None)
    if odd is not None:
        raise DataError(
            f"data: row {odd} is a pair whose second part is of type {type(items[odd][1]).__name__}"
            ", expected items, or pairs of an item and its label; give the items as a list, and "
            "one class or number for each as labels=."
        )
    plain = _of_list(data, are_texts)
    if _are_str(plain.items) and _are_str(labels) and 2 * len({*labels}) > len(data):
        raise DataError(
            "data: pairs of two texts may be texts with labels, or texts that belong together: "
            "give the items as a list, and the labels as labels=."
        )
    notes = [*plain.notes, "Items came in pairs with their labels."]
    return dataclasses.replace(plain, roles={"labels": labels}, notes=notes)


def _of_tensors(items: list[Any]) -> Plain:
    """Return tensors of one shape as one array, others as a list of arrays."""
    if len({tuple(item.shape) for item in items}) > 1:
        return Plain(_drawn([np.asarray(array_of_tensor(item)) for item in items]))
    import torch

    dense = [item.detach().to_dense() if item.is_sparse else item.detach() for item in items]
    return as_plain(torch.stack(dense))


def _drawn(arrays: list[Any]) -> list[Any]:
    """Return arrays of grey values or colours that differ in size as pictures, others as given."""
    if any(getattr(array, "dtype", None) != np.uint8 for array in arrays):
        return arrays
    shapes = {array.shape for array in arrays}
    if any(len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,), (4,)) for shape in shapes):
        return arrays
    from PIL import Image

    return [
        Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array) for array in arrays
    ]


def _cells(column: Any) -> Any:
    """Return a column of a table, of rows of its own as a list."""
    column = np.asarray(column) if isinstance(column, np.ndarray) else column
    return [*column] if isinstance(column, np.ndarray) and column.ndim > 1 else column


def _record(item: Any) -> dict[str, Any]:
    """Return a record as a dict, without tensors."""
    if dataclasses.is_dataclass(item):
        item = {each.name: getattr(item, each.name) for each in dataclasses.fields(item)}
    item = item._asdict() if hasattr(item, "_asdict") else item
    return {str(name): _scalar(value) for name, value in item.items()}


def _scalar(value: Any) -> Any:
    """Return a tensor or an array of one number as the number, another tensor as an array.

    What a data set has decoded is a sound.
    """
    if is_sound(value):
        return as_sound(value)
    value = array_of_tensor(value) if is_tensor(value) else value
    is_one = isinstance(value, np.ndarray) and value.shape in ((), (1,))
    return value.item() if is_one else value


def _is_record(item: Any) -> bool:
    return isinstance(item, Mapping) or hasattr(item, "_asdict") or dataclasses.is_dataclass(item)


def _are_str(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, str) for item in items)


def _refusal(source: Any) -> DataError:
    """Return what is wrong with a source that is no sequence, or may go on for ever."""
    hint = "" if source is None else "; put it into a list where it is an item"
    if not isinstance(source, str | bytes | bytearray | np.ndarray) and (
        hasattr(source, "__iter__") or hasattr(source, "__getitem__")
    ):
        hint = (
            ", which has no length to trust; make a list of it, or of its beginning where it has "
            "no end (itertools.islice)"
        )
    for name, instead in INSTEAD.items():
        if hasattr(source, name):
            hint = f"; give {instead}"
    return DataError(
        "data: expected a path, an array, a list of str or a DataFrame, got one "
        f"{type(source).__name__}{hint}."
    )
