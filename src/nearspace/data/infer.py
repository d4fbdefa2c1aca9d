"""See of which kind items are, and bring them into the container of their kind."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data import decode
from nearspace.data.images import Image
from nearspace.data.kinds import Kind, Vector
from nearspace.data.sources import Source, left_out
from nearspace.data.tables import Table
from nearspace.data.texts import Text
from nearspace.errors import DataError

__all__ = ["converted", "decoded", "infer_kind"]

FILES_NAMED = 5
FEWEST_NAMED = 20


def infer_kind(items: Any) -> tuple[Kind, str]:
    """Return the kind that items look like, and the reason in words.

    Raises
    ------
    DataError
        If they look like nothing known.

    Examples
    --------
    >>> import numpy as np
    >>> infer_kind(np.zeros((10, 28, 28), dtype=np.uint8))
    (Image(shape=(28, 28, 1)), 'uint8 array of shape (n, 28, 28)')
    """
    if _is_frame(items):
        table = Table.infer(items)
        kinds = [kind for _, kind in table.columns]
        numbers, categories = kinds.count("number"), kinds.count("category")
        return table, f"{numbers} number and {categories} category columns"
    if isinstance(items, list | tuple) and items and isinstance(items[0], str):
        return Text.infer(items), "list of str"
    try:
        array = np.asarray(items)
    except ValueError:
        raise DataError("Items: expected rows of one shape, got several shapes.") from None
    shape = f"{array.dtype} array of shape ({', '.join(['n', *map(str, array.shape[1:])])})"
    if array.ndim == 1 and (array.dtype.kind == "U" or isinstance(next(iter(array), None), str)):
        return Text.infer(array), "array of str"
    if array.dtype.kind in "fiub":
        if array.ndim == 2:
            return Vector.infer(array), shape
        if array.ndim in (3, 4):
            return Image.infer(array), shape
    raise DataError(
        "Items: expected a list of str, a DataFrame, a numeric array of shape (n, d), or images of "
        f"shape (n, height, width) or (n, height, width, channels), got {_described(items, array)}."
    )


def converted(
    source: Source, kind: str | None, size: int | None, like: Kind | None
) -> tuple[Source, Kind]:
    """Return a source with its items checked, in the container of their kind.

    The kind is ``kind`` if given, and else what the items look like. Images are brought to
    ``size``, or to the size of ``like``, the kind of the training items.
    """
    try:
        if kind is None:
            found, reason = infer_kind(source.items)
            items = source.items
        else:
            items, reason = _reshaped(source.items, kind), "as asked"
            found = Kind.registry[kind].infer(items)
    except DataError as error:
        raise DataError(f"{source.name}: {error}") from None
    reason = f"{source.seen}, {reason}" if source.seen else reason
    notes = [f"Read as {found.name}: {reason}.", *source.notes]
    if isinstance(found, Image):
        if np.asarray(items).dtype.kind == "f":
            notes.append("Float images are kept as uint8, in 256 grey values.")
        items = found.check(items, source.name)
        height, width = like.shape[:2] if isinstance(like, Image) else (size, size)
        if height is not None and width is not None and (height, width) != found.shape[:2]:
            items = decode.resize_images(items, (height, width))
            found = Image((height, width, found.shape[2]))
            notes.append(f"Images were brought to {width} × {height} pixels.")
    elif size is not None:
        raise DataError(f"{source.name}: size= is for images, and these items are {found.name}s.")
    else:
        items = found.check(items, source.name)
        notes += _names_of_rows(found, items)
    return dataclasses.replace(source, items=items, notes=notes), found


def decoded(
    source: Source,
    kind: str | None,
    size: int | None,
    like: Kind | None,
    progress: decode.Progress | None,
) -> tuple[Source, Kind]:
    """Return a source of image files with its images decoded, at the shape of ``like`` if given."""
    if kind not in (None, "image"):
        raise DataError(f"{source.name}: {source.seen} is read as images, not as kind '{kind}'.")
    if isinstance(like, Image):
        read = decode.read_images(source.items, like.shape[:2], like.shape[2], progress)
    else:
        read = decode.read_images(source.items, size, None, progress)
    height, width, channels = read.images.shape[1:]
    colour = "grey" if channels == 1 else "RGB"
    notes = [
        f"Read as image: {source.seen}.",
        f"Images are {width} × {height} pixels, {colour}: {read.why}.",
        *source.notes,
    ]
    if read.failed:
        ids = source.roles["ids"][np.setdiff1d(np.arange(len(source)), read.kept)]
        named = [f"{name} ({reason})" for name, (_, reason) in zip(ids, read.failed, strict=True)]
        if len(named) > FILES_NAMED:
            named[FILES_NAMED:] = [f"and {len(named) - FILES_NAMED} more"]
        count = len(read.failed)
        notes.append(left_out(count, "file", "that could not be read", ", ".join(named)))
    kept = source.take(read.kept)
    return dataclasses.replace(kept, items=read.images, notes=notes), Image(
        (height, width, channels)
    )


def _names_of_rows(kind: Kind, items: Any) -> list[str]:
    """Return notes on the columns of a table that name its rows rather than describe them."""
    if not isinstance(kind, Table) or len(items) < FEWEST_NAMED:
        return []
    return [
        f"The column '{name}' holds another text in every row: name it by ids= or time= if that is "
        "what it is, or read it as texts by column=."
        for name, of in kind.columns
        if of == "category" and items[name].nunique() == len(items)
    ]


def _is_frame(items: Any) -> bool:
    return hasattr(items, "iloc") and hasattr(items, "columns")


def _reshaped(items: Any, kind: str) -> Any:
    """Return items in the form that a kind asked for can be read from."""
    if kind == "vector":
        if _is_frame(items):
            return _matrix(items)
        array = np.asarray(items)
        return array.reshape(len(array), -1) if array.ndim > 2 else array
    if kind == "table" and not _is_frame(items):
        import pandas as pd

        array = np.asarray(items)
        if array.ndim != 2:
            raise DataError(f"expected rows and columns for a table, got shape {array.shape}.")
        return pd.DataFrame(array, columns=[f"column {index}" for index in range(array.shape[1])])
    return items


def _matrix(frame: Any) -> np.ndarray:
    """Return the numbers of a frame as a matrix without a gap."""
    for name, kind in Table.infer(frame).columns:
        if kind != "number":
            raise DataError(
                f"the column '{name}' holds no numbers, which a vector needs; leave the column "
                "out, or read a table."
            )
    numbers = Table.infer(frame).check(frame)
    gaps = np.argwhere(numbers.isna().to_numpy())
    if len(gaps):
        row, column = gaps[0]
        raise DataError(
            f"row {row}, column '{numbers.columns[column]}' is missing; fill it, leave the row "
            "out, or read a table."
        )
    return numbers.to_numpy()


def _described(items: Any, array: np.ndarray) -> str:
    if array.ndim == 0:
        return f"a {type(items).__name__}"
    return f"an array of {array.dtype} of shape {array.shape}"
