"""Vectors of one encoder led to where another puts the same items, by a rotation."""

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

__all__ = ["Aligned"]


class Aligned(Encoder):
    """A rotation, one scale and a shift: the orthogonal Procrustes problem (Schönemann, 1966).

    Angles and the proportions of distances stay as they are, unless there are fewer dimensions than
    before. It is made by `between`, of vectors that two encoders made of the same items.

    Parameters
    ----------
    metric : {"cosine", "dot", "euclidean"}, default="cosine"
        By what the vectors that come out are compared.
    unit : bool, default=False
        Whether the vectors that come in are brought to length 1 first, as the cosine does.

    Attributes
    ----------
    matrix_ : ndarray of shape (d, e)
        The rotation times the scale.
    shift_ : ndarray of shape (e,)
        What is added then.

    Examples
    --------
    >>> old = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    >>> new = 2 * old[:, [2, 0, 1]] + 1
    >>> np.allclose(Aligned.between(old, new, "euclidean").transform(old), new, atol=1e-5)
    True
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
    def between(cls, old: Any, new: np.ndarray, metric: str, unit: bool = False) -> Self:
        """Return the map that leads vectors nearest to others of the same items.

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
        """
        self = cls(metric, unit=unit)
        rows, _ = self.begin_fit(old, None, Vector(old.shape[1]))
        rows = self._units(rows)
        middle = np.asarray(rows.mean(axis=0), dtype=np.float64).ravel()
        there = np.asarray(new, dtype=np.float64)
        target = there - there.mean(axis=0)
        # The products with what is centred are those with what is not: the other side is centred.
        left, sizes, right = np.linalg.svd(np.asarray(rows.T @ target), full_matrices=False)
        rotation = left @ right
        turned = np.asarray(rows @ rotation) - middle @ rotation
        square = float((turned * turned).sum())
        matrix = rotation * (sizes.sum() / square if square else 1.0)
        self.matrix_ = matrix.astype(np.float32)
        self.shift_ = (there.mean(axis=0) - middle @ matrix).astype(np.float32)
        return self

    def _units(self, rows: Any) -> Any:
        return normalize(rows) if self.unit else rows

    def _fit(self, items: Any, y: Any) -> None:
        raise NearspaceError(
            "Aligned is made of two spaces, as align(old, to=new) does, and is not fitted on items."
        )

    def _transform(self, items: Any) -> np.ndarray:
        rows = self._units(sparse.csr_array(items) if sparse.issparse(items) else items)
        return np.asarray(rows @ self.matrix_ + self.shift_, dtype=np.float32)

    @property
    def _n_features_out(self) -> int:
        return len(self.shift_)
