"""`Vector`: rows of numbers, as a float array."""

from __future__ import annotations

import dataclasses
import html
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.duplicates import equal_rows, near_rows, numbers_scaled
from nearspace.data.kinds.kind import (
    ItemsRead,
    Kind,
    Scaling,
    Wanted,
    are_pictures,
    array_words,
    content_hash,
    is_frame,
    is_sparse,
    number_array,
)
from nearspace.data.kinds.table import Table
from nearspace.data.rounding import rounding_notes
from nearspace.data.traits import Trait
from nearspace.errors import DataError

if TYPE_CHECKING:
    from nearspace.data.batches import Stacked

__all__ = ["Vector", "check_range"]

# Share of its mean below which the spread of a column is one of rounding.
NOISE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-13}
NOISE_OF_WIDEST = 1e-7  # share of the widest column: what principal components that are none have
SCALED_AT_ONCE = 2**20  # numbers

CODED_ROWS, MOST_CODES = 500, 50  # so few different numbers among so many rows are codes
MOST_SEARCHED = 1000  # columns of a sparse matrix, among which a label is looked for


@dataclasses.dataclass(frozen=True)
class Vector(Kind):
    """Vectors of ``dim`` numbers, to be compared by ``metric``: a float array ``(n, dim)``.

    A sparse matrix stays one. Of its rows the equal ones are known, not the nearly equal ones.

    Examples
    --------
    >>> Vector.infer([[0.0, 1.0], [2.0, 3.0]])
    Vector(dim=2)
    """

    name: ClassVar[str] = "vector"
    plural: ClassVar[str] = "vectors"
    form: ClassVar[str] = "a numeric array of shape (n, d)"
    dim: int
    metric: str = dataclasses.field(default="euclidean", repr=False)

    def __str__(self) -> str:
        return f"vectors of {self.dim} numbers"

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like vectors: rows of numbers."""
        if is_sparse(items):
            return f"sparse {array_words(items)}"
        array = number_array(items)
        return array_words(array) if array is not None and array.ndim == 2 else None

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of a two-dimensional array."""
        return cls(_rows(items, "Vectors").shape[1])

    @classmethod
    def coerce(cls, items: Any, rate: float | None = None) -> Any:
        """Return the numbers of a frame as a matrix without a gap, and other items flat."""
        if is_frame(items):
            return _matrix(items)
        if are_pictures(items):
            raise DataError("pictures are no vectors; read them as images, raw makes them vectors.")
        array = items if is_sparse(items) else np.asarray(items)
        return array.reshape(len(array), -1) if array.ndim > 2 else array

    def check(self, items: Any, who: str = "Vectors") -> np.ndarray:
        """Return the items as a float array of shape ``(n, dim)``.

        Raises
        ------
        DataError
            On another shape, and on NaN or infinity, whose row and column are named.
        """
        array = _rows(items, who, self.dim)
        if array.dtype not in (np.float32, np.float64):
            # Whole numbers of 32 bits and more need float64.
            wide = np.promote_types(array.dtype, np.float32) != np.float32
            array = array.astype(np.float64 if wide else np.float32)
        if is_sparse(array):
            _check_entries(array, who)
        else:
            check_range(array, who)
        return array

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return the vectors checked, and tell of columns in which float32 loses differences."""
        read = super().convert(items, who, wanted)
        if is_sparse(read.items):
            return read
        names = [f"column {at}" for at in range(self.dim)]
        return dataclasses.replace(read, notes=rounding_notes(read.items, names))

    def features(self, items: np.ndarray) -> np.ndarray:
        """Return the vectors themselves, float32 or float64 as they came."""
        return items

    def hashes(self, items: Any) -> np.ndarray:
        """Return the content hash of every row: of its numbers, whatever type holds them."""
        if is_sparse(items):
            bounds = zip(items.indptr[:-1], items.indptr[1:], strict=True)
            values, places = items.data.astype(np.float64), items.indices.astype(np.int64)
            return content_hash([places[a:b].tobytes() + values[a:b].tobytes() for a, b in bounds])
        # Adding zero turns -0.0 into 0.0.
        return content_hash(np.ascontiguousarray(items, dtype=np.float64) + 0.0)

    def same(self, items: np.ndarray) -> np.ndarray:
        """Return one number for rows that differ by a millionth of a column's spread at most."""
        if is_sparse(items):
            return super().same(items)
        _, first, of = np.unique(self.hashes(items), return_index=True, return_inverse=True)
        return equal_rows(numbers_scaled(items)[first])[of]

    def near(self, items: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return pairs of rows that are nearer to each other than chance would put them."""
        if is_sparse(items):
            return super().near(items, asked)
        return near_rows(numbers_scaled(items), asked)

    def join(self, first: Any, second: Any) -> Any:
        """Return vectors followed by others."""
        if is_sparse(first) or is_sparse(second):
            from scipy import sparse

            return sparse.csr_array(sparse.vstack([first, second], format="csr"))
        return super().join(first, second)

    def item(self, items: Any, index: int) -> np.ndarray:
        """Return one vector, dense."""
        return items[[index]].toarray()[0] if is_sparse(items) else items[index]

    def batches(self, items: np.ndarray, scaling: Scaling | None = None) -> Stacked:
        """Return the vectors as one float32 tensor, scaled in float64."""
        import torch

        from nearspace.data.batches import Stacked

        rows = np.ascontiguousarray(items, dtype=None if scaling else np.float32)
        if scaling is not None:
            mean, scale = (np.asarray(part, dtype=np.float64) for part in scaling)
            scaled, step = np.empty(rows.shape, np.float32), max(1, SCALED_AT_ONCE // self.dim)
            for start in range(0, len(rows), step):
                scaled[start : start + step] = (rows[start : start + step] - mean) / scale
            rows = scaled
        return Stacked(torch.from_numpy(rows))

    def scaling(self, items: np.ndarray) -> Scaling:
        """Return mean and deviation of each column.

        Where a column varies by no more than rounding, it is the deviation of the widest.
        """
        mean = items.mean(axis=0, dtype=np.float64)
        scale: np.ndarray = np.asarray(items.std(axis=0, dtype=np.float64))
        widest = scale.max(initial=0.0)
        noise = np.maximum(NOISE[items.dtype] * np.abs(mean), NOISE_OF_WIDEST * widest)
        scale[scale <= noise] = widest or 1.0
        return mean.astype(items.dtype), scale.astype(items.dtype)

    @property
    def shape_of_item(self) -> tuple[int, ...]:
        """How many numbers a vector has."""
        return (self.dim,)

    def traits(self, items: Any, rows: np.ndarray) -> list[Trait]:
        """Return the numbers that take few values, as a label does that was left in."""
        if is_sparse(items):
            if self.dim > MOST_SEARCHED:
                return []
            items = items.toarray()
        some = items[rows[:CODED_ROWS]]
        few = [at for at, each in enumerate(some.T) if len(np.unique(each)) <= MOST_CODES]
        return [
            Trait(f"number {at} of the vectors", np.asarray(items[rows, at], dtype=np.float64))
            for at in few
        ]

    def draw(self, item: np.ndarray) -> str:
        """Return the first numbers of the vector."""
        shown = ", ".join(f"{value:.3g}" for value in item[:6])
        return f"<code>{html.escape(shown)}{', …' if len(item) > 6 else ''}</code>"


def check_range(array: np.ndarray, who: str) -> None:
    """Raise `DataError` where a number is not finite, or too large for float32."""
    largest = np.finfo(np.float32).max
    if array.size and array.min() >= -largest and array.max() <= largest:  # false for NaN too
        return
    unusable = np.argwhere(~(np.abs(array) <= largest))
    if len(unusable):
        row, column = unusable[0]
        raise DataError(
            f"{who}: row {row}, column {column} is {array[row, column]}, expected a finite "
            "number that float32 can hold; remove the row, fill the cell or scale the column."
        )


def _check_entries(rows: Any, who: str) -> None:
    """Raise `DataError` where an entry of a sparse matrix is not finite, or too large."""
    entries = rows.tocoo()
    unusable = np.flatnonzero(~(np.abs(entries.data) <= np.finfo(np.float32).max))
    if len(unusable):
        row, column = (int(places[unusable[0]]) for places in entries.coords)
        raise DataError(
            f"{who}: row {row}, column {column} is {entries.data[unusable[0]]}, expected a finite "
            "number that float32 can hold; remove the row, fill the cell or scale the column."
        )


def _rows(items: Any, who: str, dim: int | None = None) -> Any:
    """Return items as an array of rows of numbers, of ``dim`` where that is given."""
    array = items if is_sparse(items) else np.asarray(items)
    fits = array.ndim == 2 and array.shape[1] and array.shape[1] == (dim or array.shape[1])
    if not fits or array.dtype.kind not in "fiub":
        raise DataError(
            f"{who}: expected a numeric array of shape (n, {dim or 'd'}), got {array.shape} of "
            f"{array.dtype}."
        )
    return array


def _matrix(frame: Any) -> np.ndarray:
    """Return the numbers of a frame as a matrix without a gap."""
    # Numbers that number the rows are numbers here.
    numeric = {str(name): "number" for name in frame if frame[name].dtype.kind in "iuf"}
    table = Table.infer(frame, numeric)
    for name, kind in table.columns:
        if kind != "number":
            raise DataError(
                f"the column '{name}' holds no numbers, which a vector needs; leave the column "
                "out, or read a table."
            )
    numbers = table.check(frame)
    gaps = np.argwhere(numbers.isna().to_numpy())
    if len(gaps):
        row, column = gaps[0]
        raise DataError(
            f"row {row}, column '{numbers.columns[column]}' is missing; fill it, leave the row "
            "out, or read a table."
        )
    return numbers.to_numpy()
