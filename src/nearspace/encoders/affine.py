"""`Affine`: vectors times a matrix, and what is added; among them the rotation of `procrustes`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import StrOptions

from nearspace.data import Vector
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.recipe import METRICS

__all__ = ["Affine", "procrustes"]


class Affine(Encoder):
    """Vectors times a matrix, and then a shift: made by what works out both, never fitted itself.

    Parameters
    ----------
    metric : {"cosine", "dot", "euclidean"}, default="cosine"
        By what the vectors that come out are compared.
    unit : bool, default=False
        Whether the vectors that come in are brought to length 1 first, as the cosine does.

    Attributes
    ----------
    matrix_ : ndarray of shape (d, e)
        What vectors are multiplied by.
    shift_ : ndarray of shape (e,)
        What is added then.

    Examples
    --------
    >>> Affine.of(np.eye(2), np.ones(2), "euclidean").transform([[3.0, 4.0]])
    array([[4., 5.]], dtype=float32)
    """

    kinds = frozenset({Vector})
    learns = "items"
    takes_sparse = True
    metric: str
    matrix_: NDArray[np.float32]
    shift_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "metric": [StrOptions({*METRICS})],
        "unit": ["boolean"],
    }

    def __init__(self, metric: str = "cosine", *, unit: bool = False):
        self.metric = metric
        self.unit = unit

    @classmethod
    def of(cls, matrix: np.ndarray, shift: np.ndarray, metric: str, unit: bool = False) -> Self:
        """Return the map of a matrix of shape (d, e) and a shift of shape (e,)."""
        self = cls(metric, unit=unit)
        self.begin_fit(np.zeros((1, len(matrix)), np.float32), None, Vector(len(matrix)))
        self.matrix_ = np.ascontiguousarray(matrix, dtype=np.float32)
        self.shift_ = np.ascontiguousarray(shift, dtype=np.float32)
        return self

    def _fit(self, items: Any, y: Any) -> None:
        raise NearspaceError(
            "Affine is made of vectors of two encoders, as align(old, to=new) and linear_pair do, "
            "and is not fitted on items."
        )

    def _transform(self, items: Any) -> np.ndarray:
        rows = sparse.csr_array(items) if sparse.issparse(items) else items
        rows = normalize(rows) if self.unit else rows
        return np.asarray(rows @ self.matrix_ + self.shift_, dtype=np.float32)

    @property
    def _n_features_out(self) -> int:
        return len(self.shift_)


def procrustes(old: Any, new: np.ndarray, metric: str, unit: bool = False) -> Affine:
    """Return the rotation, one scale and a shift that lead vectors nearest to others of the same.

    That is the orthogonal Procrustes problem (Schönemann, 1966). Angles and the proportions of
    distances stay as they are, unless there are fewer dimensions than before.

    Parameters
    ----------
    old : ndarray or csr_array of shape (n, d)
        The vectors that are led.
    new : ndarray of shape (n, e)
        Where they are led to, of length 1 where the metric is the cosine.
    metric : {"cosine", "dot", "euclidean"}
        Of the new vectors.
    unit : bool, default=False
        Whether the old ones are compared by the cosine.

    Examples
    --------
    >>> old = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    >>> new = 2 * old[:, [2, 0, 1]] + 1
    >>> np.allclose(procrustes(old, new, "euclidean").transform(old), new, atol=1e-5)
    True
    """
    rows = sparse.csr_array(old) if sparse.issparse(old) else np.asarray(old)
    rows = normalize(rows) if unit else rows
    middle = np.asarray(rows.mean(axis=0), dtype=np.float64).ravel()
    there = np.asarray(new, dtype=np.float64)
    target = there - there.mean(axis=0)
    # The products with what is centred are those with what is not: the other side is centred.
    left, sizes, right = np.linalg.svd(np.asarray(rows.T @ target), full_matrices=False)
    rotation = left @ right
    turned = np.asarray(rows @ rotation) - middle @ rotation
    square = float((turned * turned).sum())
    matrix = rotation * (sizes.sum() / square if square else 1.0)
    return Affine.of(matrix, there.mean(axis=0) - middle @ matrix, metric, unit)
