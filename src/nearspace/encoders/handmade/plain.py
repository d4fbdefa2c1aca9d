"""Representations that nobody has to learn: raw input, oriented gradients, colours."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from nearspace.data import Image, Kind, Table
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import FlatDecoder
from nearspace.encoders.handmade.categorical import codes, learn_columns
from nearspace.errors import DataError

__all__ = ["HOG", "ColourHistogram", "Raw"]

PIXELS_AT_ONCE = 2**22


class Raw(Encoder):
    """The input itself: the floor that every other encoder has to beat.

    Images are their pixels in [0, 1], vectors themselves, texts the shares of their UTF-8 bytes.
    Tables are their numbers, unscaled, and the number of each category in order of appearance; a
    missing number takes the training mean and a missing category is -1.

    Examples
    --------
    >>> from nearspace import load
    >>> Raw().fit_transform(load("digits").items).shape
    (1797, 64)
    """

    kinds = Kind.registry.values()
    decodes = True

    def _fit(self, items: Any, y: Any) -> None:
        table = isinstance(self.kind_, Table)
        self.columns_ = learn_columns(items, None) if table else None
        self.width_ = self._transform(items[:1]).shape[1]

    def _transform(self, items: Any) -> np.ndarray:
        if self.columns_ is not None:
            return codes(items, self.columns_)
        return self.kind_.features(items)

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
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "bins": [Interval(Integral, 2, 16, closed="both")],
    }

    def __init__(self, bins: int = 4):
        self.bins = bins

    def _fit(self, items: np.ndarray, y: Any) -> None:
        self.width_ = self.bins ** (2 if items.shape[3] == 1 else 3)

    def _transform(self, items: np.ndarray) -> np.ndarray:
        counts = np.empty((len(items), self.width_), np.float32)
        at_once = max(1, PIXELS_AT_ONCE // (items.shape[1] * items.shape[2]))
        for start in range(0, len(items), at_once):
            counts[start : start + at_once] = self._counts(items[start : start + at_once])
        return np.sqrt(counts / (items.shape[1] * items.shape[2]))

    def _counts(self, items: np.ndarray) -> np.ndarray:
        n, n_colours = len(items), self.width_
        if items.shape[3] == 1:
            colours = items[..., 0].astype(np.int64) * n_colours >> 8
        else:
            bins = round(n_colours ** (1 / 3))  # as in `fit`, whatever has been set since
            red, green, blue = np.moveaxis(items.astype(np.int64) * bins >> 8, 3, 0)
            colours = (red * bins + green) * bins + blue
        places = colours.reshape(n, -1) + n_colours * np.arange(n)[:, None]
        return np.bincount(places.ravel(), minlength=n * n_colours).reshape(n, n_colours)
