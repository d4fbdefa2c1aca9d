"""Plain representations: raw input, one-hot categories, oriented gradients, colours."""

from __future__ import annotations

import functools
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import sparse
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Image, Kind, Table, Text
from nearspace.data.rounding import NOISE, large_offsets
from nearspace.encoders.base import Encoder, fewer
from nearspace.encoders.decoder import FlatDecoder
from nearspace.encoders.vocabulary import UNITS, UNKNOWN, Vocabulary
from nearspace.errors import DataError
from nearspace.metrics.exact import in_range

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HOG", "ColourHistogram", "OneHot", "Raw"]


WIDEST = 2**31  # columns of sparse vectors


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


class OneHot(Encoder):
    """Cells of tables, and tokens of texts, one-hot.

    Of tables categories are one-hot, numbers scaled to mean 0 and variance 1. A column in which
    cells were missing gets a column of its own that says so; a missing number then stands at the
    mean. A category that was not seen in training, or was too rare, counts as "other".

    Of texts each token is one-hot at its place: a sparse vector has a column for each place and
    each token of the vocabulary, and for others one a place.

    Parameters
    ----------
    max_categories : int, default=30
        Categories kept of each column, the commonest first.
    tokens : {"word", "char", "bpe"}, default="word"
        What is a token of a text, as of `Vocabulary`.
    max_features : int, default=10000
        Size of the vocabulary of texts, the commonest tokens first.
    length : int, optional
        Places of a text that count, from its beginning; by default those of the longest that it is
        fitted on.

    Examples
    --------
    >>> from nearspace import load
    >>> customers = load("customers")
    >>> vectors = OneHot().fit_transform(customers.items)
    >>> len(vectors) == len(customers)
    True
    >>> encoder = OneHot().fit(["near far", "near"])
    >>> encoder.get_feature_names_out().tolist()
    ['0=other', '0=near', '0=far', '1=other', '1=near', '1=far']
    >>> encoder.transform(["near far", "so near"]).toarray()
    array([[0., 1., 0., 0., 0., 1.],
           [1., 0., 0., 0., 1., 0.]], dtype=float32)
    """

    kinds = frozenset({Table, Text})
    learns = "items"
    in_blocks = True
    zero_means = "no token"
    columns_: list[dict[str, Any]]
    vocabulary_: dict[str, Any] | None
    length_: int
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "tokens": [StrOptions(set(UNITS))],
        "max_features": [Interval(Integral, 1, None, closed="left")],
        "length": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        max_categories: int = 30,
        *,
        tokens: str = "word",
        max_features: int = 10_000,
        length: int | None = None,
    ):
        self.max_categories = max_categories
        self.tokens = tokens
        self.max_features = max_features
        self.length = length

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the kind: Euclidean for tables, cosine for texts."""
        check_is_fitted(self)
        return self.kind_.metric

    def _fit(self, items: Any, y: Any) -> None:
        self.__dict__.pop("_read", None)
        self.columns_, self.vocabulary_, self.length_ = [], None, 0
        if isinstance(self.kind_, Table):
            self.columns_ = learn_columns(items, self.max_categories)
            return
        vocabulary = Vocabulary.of(items, self.tokens, self.max_features)
        self.vocabulary_ = vocabulary.state
        longest = int(np.diff(vocabulary.ids(items)[1]).max())
        self.length_ = longest if self.length is None else min(self.length, longest)
        if self.length_ * (len(vocabulary) - 1) >= WIDEST:
            raise DataError(
                f"OneHot: {self.length_:,} places of {len(vocabulary) - 1:,} tokens are too many "
                "columns; set a smaller length= or max_features=."
            )

    @property
    def vocabulary(self) -> Vocabulary:
        """The numbers of the tokens of texts."""
        if not hasattr(self, "_read"):
            assert self.vocabulary_ is not None
            self._read = Vocabulary.from_state(self.vocabulary_)
        return self._read

    @property
    def notes(self) -> tuple[str, ...]:
        """What the vocabulary of texts left out, and how much memory their vectors take dense."""
        if self.vocabulary_ is None:
            return ()
        dense = 4 * self.n_samples_fit_ * self._n_features_out / 2**20
        told = f"Dense, the vectors of the {self.n_samples_fit_:,} texts take {dense:,.1f} MiB."
        return (*self.vocabulary.notes, told)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return which share of the tokens of texts is unknown, and how many texts are cut."""
        if self.vocabulary_ is None:
            return ()
        items = self._check(X, reset=False)
        n_cut = int((np.diff(self.vocabulary.ids(items)[1]) > self.length_).sum())
        cut = f"{n_cut:,} of {len(items):,} texts are longer than {self.length_:,} tokens, and cut."
        return (*self.vocabulary.notes_on(items), *([cut] * (n_cut > 0)))

    def _texts(self, items: list[str]) -> sparse.csr_array:
        """Return the vectors of texts."""
        numbers, ends = self.vocabulary.ids(items)
        lengths = np.diff(ends)
        places = np.arange(len(numbers)) - np.repeat(ends[:-1], lengths)
        within = places < self.length_
        columns = places * (len(self.vocabulary) - 1) + numbers - UNKNOWN
        ends = np.append(0, np.cumsum(np.minimum(lengths, self.length_)))
        shape = (len(items), self._n_features_out)
        ones = np.ones(int(within.sum()), np.float32)
        return sparse.csr_array((ones, columns[within], ends), shape=shape)

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        if self.vocabulary_ is not None:
            return self._texts(items)
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
        """Return a name for every dimension, such as ``"mass"``, ``"kind=cat"``, ``"0=the"``."""
        check_is_fitted(self)
        if self.vocabulary_ is not None:
            tokens = ["other", *self.vocabulary.tokens]
            return np.array([f"{n}={token}" for n in range(self.length_) for token in tokens])
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
        if self.vocabulary_ is not None:
            return self.length_ * (len(self.vocabulary) - 1)
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
