"""Which items of a space stand in brackets: a position, a slice, a mask, positions, ids."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.errors import NearspaceError

if TYPE_CHECKING:
    from nearspace.space.space import Space

__all__ = ["Chosen", "selected_rows"]

READ = 1024  # thumbnails at a time


def selected_rows(space: Space, index: Any) -> slice | np.ndarray:
    """Return where the items stand that an index selects, see `Space`.

    Raises
    ------
    NearspaceError
        If it cannot be read, selects an item that is not there, or one twice.
    """
    if isinstance(index, tuple):
        # NumPy and scikit-learn write [rows, ...] for rows in full.
        if len(index) != 2 or not (index[1] is Ellipsis or index[1] == slice(None)):
            raise NearspaceError(
                "space[…] selects items; write space.vectors[rows, columns] for single dimensions."
            )
        index = index[0]
    if isinstance(index, slice):
        try:
            index.indices(0)
        except (TypeError, ValueError) as error:
            raise NearspaceError(
                f"space[…]: a slice goes from position to position ({error}); space.position(id) "
                "tells where an item stands."
            ) from error
        return index
    # NumPy would make texts of whatever stands in a list beside a text.
    values = np.array(index, dtype=object) if isinstance(index, list) else np.asarray(index)
    kinds = {values.dtype.kind}
    if values.dtype == object:
        kinds = {np.asarray(value).dtype.kind for value in values.ravel()}
    if not values.size and values.ndim == 1:
        return np.empty(0, dtype=np.int64)
    if kinds == {"b"} and values.ndim == 1:
        return np.flatnonzero(_mask(space, index, values.astype(bool)))
    if kinds <= {"i", "u"} and values.ndim < 2:
        rows = _positions(space, values.ravel())
    elif kinds <= {"U", "T"} and values.ndim < 2:
        rows = np.array([space.position(str(name)) for name in values.ravel()])
    else:
        raise NearspaceError(
            "space[…]: expected a position, a slice, a mask, positions, or ids that are text; got "
            f"{' '.join(reprlib.repr(index).split())}."
        )
    places, counts = np.unique(rows, return_counts=True)
    if len(places) < len(rows):
        raise NearspaceError(
            f"space[…] names the item '{space.ids[places[counts.argmax()]]}' {counts.max()} times, "
            "and a space has each id once: take rows of space.vectors for copies."
        )
    return rows


def _mask(space: Space, index: Any, mask: np.ndarray) -> np.ndarray:
    """Return a mask that is as long as the space, and in its order."""
    if len(mask) != len(space):
        raise NearspaceError(
            f"space[…]: the mask is of {len(mask):,} items, and the space has {len(space):,}."
        )
    # A Series of pandas has an order of its own.
    order = index.index.to_numpy() if hasattr(index, "iloc") else space.ids
    if not (np.array_equal(order, space.ids) or np.array_equal(order, np.arange(len(space)))):
        raise NearspaceError(
            "space[…]: the index of the mask is in another order than the ids of the space; give "
            "mask[space.ids], or mask.to_numpy() if its order is right."
        )
    return mask


def _positions(space: Space, values: np.ndarray) -> np.ndarray:
    """Return positions from 0 on, where those below 0 count from the end."""
    n = len(space)
    outside = (values < -n) | (values >= n)
    if outside.any():
        raise NearspaceError(
            f"space[…]: there is no position {values[outside][0]} among {n:,} items; numbers are "
            "positions, and space.position(id) tells where the item with an id stands."
        )
    rows = values.astype(np.int64)
    return np.where(rows < 0, rows + n, rows)


class Chosen(Sequence[bytes]):
    """Some of other thumbnails, made or read when they are asked for.

    Parameters
    ----------
    of : sequence of bytes
        The others.
    rows : ndarray of int
        Where the chosen ones stand.
    """

    def __init__(self, of: Sequence[bytes], rows: np.ndarray):
        self.of, self.rows = of, rows
        if isinstance(of, Chosen):
            self.of, self.rows = of.of, of.rows[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: Any) -> Any:
        rows = self.rows[position]
        if np.ndim(rows) == 0:
            return self.of[int(rows)]
        read = getattr(self.of, "read", None)  # of a file, which is opened once
        return [self.of[at] for at in rows.tolist()] if read is None else read(rows.tolist())

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self), READ):
            yield from self[start : start + READ]
