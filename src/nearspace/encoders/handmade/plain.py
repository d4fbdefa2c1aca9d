"""Plain representations: raw input, oriented gradients, colours."""

from __future__ import annotations

import dataclasses
import functools
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Image, Kind, Table
from nearspace.data.rounding import large_offsets
from nearspace.encoders.base import Encoder, fewer
from nearspace.encoders.categories import FIRST_VALUE, Categories
from nearspace.encoders.decoder import FlatDecoder
from nearspace.encoders.handmade.codings import Coding, texts_left_out
from nearspace.encoders.numbers import years
from nearspace.errors import DataError
from nearspace.metrics.exact import in_range

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HOG", "ColourHistogram", "Raw"]


class Raw(Encoder):
    """The input itself: the floor that every other encoder has to beat.

    Images are their pixels in [0, 1], vectors themselves, texts the shares of their UTF-8 bytes.
    Of tables numbers stay as they are, a date is its year with a fraction, and what a cell of
    categories holds is the place it has among all, the commonest first, from 0 on; texts are left
    out. A missing number or date takes the training mean, a missing or new category is -1. Columns
    of numbers that lie so far from zero that float32 would lose what they differ by, such as
    seconds since 1970, are moved to it, which changes no distance.

    Examples
    --------
    >>> from nearspace import load
    >>> Raw().fit_transform(load("digits").items).shape
    (1797, 64)
    """

    kinds = Kind.registry.values()
    decodes = True
    moves = True
    in_blocks = True
    takes_sparse = True
    columns_: list[dict[str, Any]] | None

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the kind: cosine for shares of bytes, Euclidean for pixels and numbers."""
        check_is_fitted(self)
        return self.kind_.metric

    def _fit(self, items: Any, y: Any) -> None:
        self.__dict__.pop("_read", None)
        self.columns_ = None
        if isinstance(self.kind_, Table):
            self.columns_ = [
                {"name": name, "coding": PlainCoding.of(items[name], of).state}
                for name, of in self.kind_.columns
                if of not in ("text", "id")
            ]
            if not self.columns_:
                raise DataError(
                    "Raw: every column is a text or names the rows, and has no number; choose an "
                    "encoder that takes texts, such as onehot(texts='tfidf | svd(dim=16)')."
                )
        self.width_ = self._transform(items[:1]).shape[1]

    def _transform(self, items: Any) -> np.ndarray:
        if self.columns_ is not None:
            return self._numbers(items)
        features = self.kind_.features(items)  # the caller's own array stays the caller's
        return features.copy() if issparse(features) else np.array(features)

    def _numbers(self, items: Any) -> np.ndarray:
        """Return one number a cell of the rows of a table."""
        assert self.columns_ is not None
        if not hasattr(self, "_read"):
            self._read = [PlainCoding.from_state(column["coding"]) for column in self.columns_]
        names = [column["name"] for column in self.columns_]
        values = np.hstack(
            [each.transform(items[n]) for n, each in zip(names, self._read, strict=True)]
        )
        beyond = np.argwhere(np.abs(values) > np.finfo(np.float32).max)
        if len(beyond):
            row, at = beyond[0]
            raise DataError(
                f"Raw: row {items.index[row]}, column '{names[at]}' is {values[row, at]:g}, which "
                "float32 cannot hold; scale the column, or choose onehot, which does."
            )
        return values.astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every dimension: of tables, those of the columns."""
        check_is_fitted(self)
        if self.columns_ is None:
            return super().get_feature_names_out(input_features)
        return np.array([column["name"] for column in self.columns_], dtype=object)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which columns of a table are left out, since they hold texts."""
        columns = self.kind_.columns if isinstance(self.kind_, Table) else ()
        texts = [name for name, of in columns if of == "text"]
        return texts_left_out(texts, "onehot(texts='tfidf | svd(dim=16)')")

    def _decoder(self) -> FlatDecoder | None:
        """Return that of images and vectors, which are only flattened."""
        return FlatDecoder(self.kind_, self.width_) if self.kind_.shape_of_item else None


@dataclasses.dataclass(frozen=True, eq=False)
class PlainCoding(Coding):
    """A number as it is, a date in years, the place of a category among the commonest.

    Attributes
    ----------
    type : {"number", "date", "category", "categories"}
        Of the column.
    middle, offset : float
        Where a missing number stands, and what is then taken off all.
    values : list of str
        What cells of categories hold, the commonest first; one that holds several is one of its
        own.
    """

    type: str
    middle: float
    offset: float
    values: list[str]

    @classmethod
    def of(cls, column: pd.Series, type: str) -> Self:
        """Return the coding of a column of a type."""
        if type in ("category", "categories"):
            return cls(type, 0.0, 0.0, Categories.of(column).values)
        values = _numbers(column, type)
        present = values[~np.isnan(values)]
        offset = large_offsets(present[:, None])
        present, factor = in_range(present)
        middle = present.mean() / factor if len(present) else 0.0
        return cls(type, float(middle), 0.0 if offset is None else float(offset[0]), [])

    def transform(self, column: pd.Series) -> np.ndarray:
        """Return ``(n, 1)`` numbers of ``n`` checked cells."""
        if self.type in ("category", "categories"):
            return np.maximum(self._categories.codes(column) - FIRST_VALUE, -1.0)[:, None]
        values = _numbers(column, self.type)
        return (np.where(np.isnan(values), self.middle, values) - self.offset)[:, None]

    @functools.cached_property
    def _categories(self) -> Categories:
        return Categories(self.values, np.zeros(len(self.values), np.int64))

    def names(self, name: str) -> list[str]:
        """Return a name for each number of a cell of the column of a name."""
        return [name]

    def check(self) -> None:
        """Raise an error unless it is of a type that has numbers, and no category stands twice."""
        if self.type not in ("number", "date", "category", "categories"):
            raise ValueError(f"a column of the type {self.type!r} has no numbers")
        if len(set(self.values)) < len(self.values):
            raise ValueError("a category stands twice")


def _numbers(column: pd.Series, type: str) -> np.ndarray:
    if type == "date":
        return years(column.to_numpy(dtype="datetime64[us]"))
    return column.to_numpy(dtype=np.float64)


class HOG(Encoder):
    """Histograms of oriented gradients (Dalal & Triggs, 2005).

    They are those of ``skimage.feature.hog``, made of many images at once: each pixel has the
    gradient of the channel in which it is largest, and its length counts for its direction, without
    a sign, in one cell. Blocks are brought to length 1, cut at 0.2 and brought to length 1 again.

    Parameters
    ----------
    cells : int, default=4
        Cells along the shorter side of the image; blocks of 2×2 cells are normalised together.
    orientations : int, default=9
        Bins of the gradient's direction.

    Examples
    --------
    >>> from nearspace import load
    >>> HOG().fit_transform(load("digits").items[:5]).shape
    (5, 324)
    """

    kinds = frozenset({Image})
    in_blocks = True
    effort = 10
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "cells": [Interval(Integral, 2, None, closed="left")],
        "orientations": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, cells: int = 4, *, orientations: int = 9):
        self.cells = cells
        self.orientations = orientations

    def _fit(self, items: np.ndarray, y: Any) -> None:
        if min(items.shape[1:3]) < 2:
            raise DataError(
                f"HOG needs images of at least 2 × 2 pixels, got {items.shape[1]} × "
                f"{items.shape[2]}."
            )
        self.width_ = self._transform(items[:1]).shape[1]

    def _transform(self, items: np.ndarray) -> np.ndarray:
        side = max(1, min(items.shape[1:3]) // self.cells)
        return _blocks(_cell_histograms(items, side, self.orientations)).astype(np.float32)

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are fewer cells than asked for, where there are."""
        return fewer(min(self.kind_.shape_of_item[:2]), self.cells, "cells a side")


def _cell_histograms(images: np.ndarray, side: int, orientations: int) -> np.ndarray:
    """Return of images how much gradient each cell of ``side`` pixels has in each direction.

    The shape is ``(n, rows of cells, columns of cells, orientations)``.
    """
    n, height, width, channels = images.shape
    rows, columns = height // side, width // side
    seen = slice(None), slice(rows * side), slice(columns * side)
    at = np.zeros((n, height, width), np.int32)  # where in the table the steepest gradient stands
    longest = np.zeros((n, height, width), np.int32)
    for channel in range(channels):
        values = images[..., channel].astype(np.int32)
        down, across = np.zeros_like(values), np.zeros_like(values)
        down[:, 1:-1] = values[:, 2:] - values[:, :-2]
        across[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
        squared = down**2 + across**2
        steeper = (squared > longest) | (channel == 0)
        np.copyto(at, (down + 255) * 511 + across + 255, where=steeper)
        np.copyto(longest, squared, where=steeper)
    length, direction = _gradients(orientations)
    cell = np.arange(n)[:, None, None] * rows + (np.arange(rows * side) // side)[:, None]
    cell = cell * columns + np.arange(columns * side) // side
    at = at[seen]
    # What rounding makes 180 degrees of is in no direction: one more, which is left away.
    bins = (cell * (orientations + 1) + direction[at]).ravel()
    sums = np.bincount(bins, length[at].ravel(), n * rows * columns * (orientations + 1))
    return sums.reshape(n, rows, columns, orientations + 1)[..., :-1] / side**2


@functools.cache
def _gradients(orientations: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the length and the direction of every gradient that images of bytes can have.

    They go by the change down a column, then along a row, each from -255 to 255.
    """
    down, across = np.meshgrid(np.arange(-255.0, 256), np.arange(-255.0, 256), indexing="ij")
    angle = np.rad2deg(np.arctan2(down, across)).ravel() % 180
    edges = 180.0 / orientations * np.arange(1, orientations + 1)
    return np.hypot(down, across).ravel(), np.searchsorted(edges, angle, side="right")


def _blocks(cells: np.ndarray) -> np.ndarray:
    """Return the histograms of all 2 × 2 neighbouring cells, normalised together, in a row."""
    n, rows, columns, orientations = cells.shape
    parts = [cells[:, i : rows - 1 + i, j : columns - 1 + j] for i in range(2) for j in range(2)]
    blocks = np.stack(parts, axis=3).reshape(n, rows - 1, columns - 1, 4 * orientations)
    for most in (0.2, np.inf):
        squares = (blocks**2).sum(axis=3, keepdims=True)
        blocks = np.minimum(blocks / np.sqrt(squares + 1e-10), most)
    return blocks.reshape(n, -1)


class ColourHistogram(Encoder):
    """How often each colour appears, wherever it stands (Swain & Ballard, 1991).

    Colours are boxes of red, green and blue together; of grey images it is the brightness. The
    square roots of the shares are the vector: its length is 1, and distances are Hellinger's.

    Parameters
    ----------
    bins : int, default=4
        Steps of red, of green and of blue, hence ``bins**3`` colours; grey has ``bins**2`` steps.

    Examples
    --------
    >>> import numpy as np
    >>> red = np.zeros((1, 5, 5, 3), dtype=np.uint8)
    >>> red[..., 0] = 255
    >>> ColourHistogram(bins=2).fit_transform(red)
    array([[0., 0., 0., 0., 1., 0., 0., 0.]], dtype=float32)
    """

    kinds = frozenset({Image})
    metric = "cosine"
    in_blocks = True
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "bins": [Interval(Integral, 2, 16, closed="both")],
    }

    def __init__(self, bins: int = 4):
        self.bins = bins

    def _fit(self, items: np.ndarray, y: Any) -> None:
        self.width_ = self.bins ** (2 if items.shape[3] == 1 else 3)

    def _transform(self, items: np.ndarray) -> np.ndarray:
        n, n_colours = len(items), self.width_
        if items.shape[3] == 1:
            colours = items[..., 0].astype(np.int64) * n_colours >> 8
        else:
            bins = round(n_colours ** (1 / 3))  # as in `fit`, whatever has been set since
            red, green, blue = np.moveaxis(items.astype(np.int64) * bins >> 8, 3, 0)
            colours = (red * bins + green) * bins + blue
        places = colours.reshape(n, -1) + n_colours * np.arange(n)[:, None]
        counts = np.bincount(places.ravel(), minlength=n * n_colours).reshape(n, n_colours)
        return np.sqrt(counts.astype(np.float32) / (items.shape[1] * items.shape[2]))
