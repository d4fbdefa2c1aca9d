"""Principal axes of items whose features would not fit into memory together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import linalg
from sklearn.utils import check_random_state
from sklearn.utils.extmath import svd_flip

from nearspace.data import Kind
from nearspace.encoders.blocks import row_blocks
from nearspace.metrics.exact import in_range

__all__ = ["CentredFeatures", "principal_axes"]

NARROW = 1000  # features, whose products with each other are soon known
EXTRA = 10  # axes that are looked for beside those that are wanted


class CentredFeatures:
    """The features of items less their mean, as a matrix of which some rows are there at a time.

    Attributes
    ----------
    shape : (int, int)
        Number of items, and of their features.
    mean : ndarray of shape (d,), float64
        Of the features.
    factor : float
        A power of two by which all numbers are multiplied, so that their squares are sound.
    """

    def __init__(self, kind: Kind, items: Any):
        self.kind, self.items, self.factor = kind, items, 1.0
        sums, low, high = [], [], []
        for _, features in self._features():
            sums.append(features.sum(axis=0, dtype=np.float64))
            low.append(features.min(axis=0))
            high.append(features.max(axis=0))
        self.shape = len(items), len(sums[0])
        self.mean = np.sum(sums, axis=0) / len(items)
        self.factor = in_range(np.min(low, axis=0) - self.mean, np.max(high, axis=0) - self.mean)[2]

    def _features(self) -> Iterator[tuple[slice, np.ndarray]]:
        for rows in row_blocks(self.items):
            yield rows, self.kind.features(self.items[rows])

    def __iter__(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the rows of the matrix, some at a time, and where they stand."""
        mean = self.mean.astype(np.float32)
        rest = (self.mean - mean).astype(np.float32)
        for rows, features in self._features():
            centred = features - mean
            centred -= rest  # what rounding took off the mean
            yield rows, centred if self.factor == 1 else centred * np.float64(self.factor)

    def times(self, right: np.ndarray) -> np.ndarray:
        """Return the matrix times another."""
        product = np.empty((self.shape[0], right.shape[1]), right.dtype)
        for rows, centred in self:
            product[rows] = centred @ right
        return product

    def transposed_times(self, right: np.ndarray) -> np.ndarray:
        """Return the transposed matrix times another."""
        product = np.zeros((self.shape[1], right.shape[1]))
        for rows, centred in self:
            product += centred.T @ right[rows]
        return product.astype(right.dtype)


def principal_axes(
    features: CentredFeatures, count: int, random_state: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first principal axes, ``(count, d)``, and the share of the variance along each.

    Few features are multiplied with each other; of many the axes are found by random projection
    and power iterations (Halko, Martinsson & Tropp, 2011), as scikit-learn does with a matrix.

    Examples
    --------
    >>> from nearspace.data import Vector
    >>> rows = np.outer([-3, -1, 1, 3], [0.6, 0.8]).astype(np.float32)
    >>> axes, shares = principal_axes(CentredFeatures(Vector(2), rows), 1, 0)
    >>> np.round([*axes[0], *shares], 3).tolist()
    [0.6, 0.8, 1.0]
    """
    if features.shape[1] <= NARROW:
        products = np.zeros((features.shape[1],) * 2)
        for _, centred in features:
            products += centred.T @ centred
        variances, vectors = linalg.eigh(products)
        axes, variances = vectors.T[::-1], np.maximum(variances[::-1], 0)
        total = variances.sum()
    else:
        total = sum(np.square(centred).sum(dtype=np.float64) for _, centred in features)
        axes, lengths = _random_axes(features, count, check_random_state(random_state))
        variances = lengths.astype(np.float64) ** 2
    axes = svd_flip(None, axes[:count], u_based_decision=False)[1]
    return axes.astype(np.float32), variances[:count] / (total or 1.0)


def _random_axes(
    features: CentredFeatures, count: int, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return right singular vectors of a matrix and its singular values."""
    shorter, longer = features.times, features.transposed_times
    wide = features.shape[0] < features.shape[1]
    if wide:
        shorter, longer = longer, shorter
    size = min(count + EXTRA, *features.shape)
    basis = random.normal(size=(min(features.shape), size)).astype(np.float32)
    for _ in range(7 if count < 0.1 * min(features.shape) else 4):
        basis = linalg.lu(shorter(basis), permute_l=True, check_finite=False)[0]
        basis = linalg.lu(longer(basis), permute_l=True, check_finite=False)[0]
    basis = linalg.qr(shorter(basis), mode="economic", check_finite=False)[0]
    left, lengths, right = linalg.svd(longer(basis).T, full_matrices=False)
    return (basis @ left).T if wide else right, lengths
