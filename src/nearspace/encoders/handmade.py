"""Representations that nobody has to learn: the raw input, and oriented gradients."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from nearspace.data import Image, Table, Text, Vector
from nearspace.encoders.base import Encoder
from nearspace.encoders.categorical import codes, learn_columns

__all__ = ["HOG", "Raw"]


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

    kinds = frozenset({Image, Table, Text, Vector})

    def _fit(self, items: Any, y: Any) -> None:
        table = isinstance(self.kind_, Table)
        self.columns_ = learn_columns(items, None) if table else None
        self.width_ = self._transform(items[:1]).shape[1]

    def _transform(self, items: Any) -> np.ndarray:
        if self.columns_ is not None:
            return codes(items, self.columns_)
        return self.kind_.features(items)

    @property
    def _n_features_out(self) -> int:
        return self.width_


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
    def _n_features_out(self) -> int:
        return self.width_
