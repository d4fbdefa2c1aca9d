"""Plain representations: raw input, one-hot categories, oriented gradients, colours."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Image, Kind, Table
from nearspace.data.rounding import NOISE, large_offsets
from nearspace.encoders.base import Encoder, fewer
from nearspace.encoders.decoder import FlatDecoder
from nearspace.errors import DataError
from nearspace.metrics.exact import in_range

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HOG", "ColourHistogram", "OneHot", "Raw"]


class Raw(Encoder):
    """The input itself: the floor that every other encoder has to beat.

    Images are their pixels in [0, 1], vectors themselves, texts the shares of their UTF-8 bytes.
    Tables are their numbers, unscaled, and the number of each category in order of appearance; a
    missing number takes the training mean and a missing category is -1. Columns of numbers that lie
    so far from zero that float32 would lose what they differ by, such as seconds since 1970, are
    moved to it, which changes no distance.

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
        table = isinstance(self.kind_, Table)
        self.columns_ = learn_columns(items, None) if table else None
        self.width_ = self._transform(items[:1]).shape[1]

    def _transform(self, items: Any) -> np.ndarray:
        if self.columns_ is not None:
            return codes(items, self.columns_)
        features = self.kind_.features(items)  # the caller's own array stays the caller's
        return features.copy() if issparse(features) else np.array(features)

    def _decoder(self) -> FlatDecoder | None:
        """Return that of images and vectors, which are only flattened."""
        return FlatDecoder(self.kind_, self.width_) if self.kind_.shape_of_item else None


class HOG(Encoder):
    """Histograms of oriented gradients (Dalal & Triggs, 2005), by scikit-image.

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
        from skimage.feature import hog

        side = max(1, min(items.shape[1:3]) // self.cells)
        return np.stack(
            [
                hog(
                    image,
                    orientations=self.orientations,
                    pixels_per_cell=(side, side),
                    cells_per_block=(2, 2),
                    channel_axis=2,
                )
                for image in items
            ]
        ).astype(np.float32)

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are fewer cells than asked for, where there are."""
        return fewer(min(self.kind_.shape_of_item[:2]), self.cells, "cells a side")


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


class OneHot(Encoder):
    """Categories one-hot, numbers scaled to mean 0 and variance 1, missing cells as such.

    A column in which cells were missing gets a column of its own that says so; a missing number
    then stands at the mean. A category that was not seen in training, or was too rare, counts as
    "other".

    Parameters
    ----------
    max_categories : int, default=30
        Categories kept of each column, the commonest first.

    Examples
    --------
    >>> from nearspace import load
    >>> customers = load("customers")
    >>> vectors = OneHot().fit_transform(customers.items)
    >>> len(vectors) == len(customers)
    True
    """

    kinds = frozenset({Table})
    learns = "items"
    in_blocks = True
    columns_: list[dict[str, Any]]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "max_categories": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, max_categories: int = 30):
        self.max_categories = max_categories

    def _fit(self, items: pd.DataFrame, y: Any) -> None:
        self.columns_ = learn_columns(items, self.max_categories)

    def _transform(self, items: pd.DataFrame) -> np.ndarray:
        blocks = []
        for column in self.columns_:
            values = items[column["name"]]
            missing = values.isna().to_numpy()
            if column["type"] == "number":
                scaled = (_numbers(values, column["mean"]) - column["mean"]) / column["scale"]
                blocks.append(scaled[:, None])
            else:
                code, other = _category_codes(values, column), len(column["categories"])
                code = np.where((code < 0) & ~missing, other, code)
                blocks.append(code[:, None] == np.arange(other + 1))
            if column["missing"]:
                blocks.append(missing[:, None])
        return np.hstack(blocks).astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every dimension, such as ``"species=Adelie"`` or ``"mass"``."""
        check_is_fitted(self)
        names: list[str] = []
        for column in self.columns_:
            name = column["name"]
            if column["type"] == "number":
                names.append(name)
            else:
                names += [f"{name}={category}" for category in (*column["categories"], "other")]
            if column["missing"]:
                names.append(f"{name} missing")
        return np.array(names, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.get_feature_names_out())


def learn_columns(frame: pd.DataFrame, max_categories: int | None) -> list[dict[str, Any]]:
    """Return what is to be known of each column: mean and scale, or categories; missing cells."""
    learnt = []
    for name, kind in Table.infer(frame).columns:
        values = frame[name]
        column: dict[str, Any] = {"name": name, "type": kind, "missing": bool(values.isna().any())}
        if kind == "number":
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            present = numbers[~np.isnan(numbers)]
            offset = large_offsets(present[:, None])
            column["offset"] = 0.0 if offset is None else float(offset[0])
            present, factor = in_range(present)
            mean, scale = (present.mean(), present.std()) if len(present) else (0.0, 0.0)
            column["mean"] = float(mean / factor)
            column["scale"] = float(scale / factor) if scale > NOISE * abs(mean) else 1.0
        else:
            text = values.dropna().astype(str)
            categories = text.unique() if max_categories is None else text.value_counts().index
            column["categories"] = [str(category) for category in categories[:max_categories]]
        learnt.append(column)
    return learnt


def codes(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> np.ndarray:
    """Return one number a cell: numbers less their offset, categories from 0, missing -1."""
    values = np.column_stack(
        [
            _numbers(frame[column["name"]], column["mean"]) - column["offset"]
            if column["type"] == "number"
            else _category_codes(frame[column["name"]], column)
            for column in columns
        ]
    ).astype(np.float64, copy=False)
    beyond = np.argwhere(np.abs(values) > np.finfo(np.float32).max)
    if len(beyond):
        row, at = beyond[0]
        raise DataError(
            f"Raw: row {frame.index[row]}, column '{columns[at]['name']}' is {values[row, at]:g}, "
            "which float32 cannot hold; scale the column, or choose onehot, which does."
        )
    return values.astype(np.float32)


def _numbers(values: pd.Series, fill: float) -> np.ndarray:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), fill, numbers)


def _category_codes(values: pd.Series, column: dict[str, Any]) -> np.ndarray:
    """Return the position of each category, -1 where it is missing or not among the column's."""
    positions = {category: index for index, category in enumerate(column["categories"])}
    text = values.astype(str).where(values.notna(), None)
    return text.map(positions).fillna(-1).to_numpy(dtype=np.int64)
