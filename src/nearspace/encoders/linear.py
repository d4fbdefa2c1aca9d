"""Linear encoders: principal and singular axes, random projection, columns at one scale."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Image, Vector
from nearspace.encoders.axes import CentredFeatures, principal_axes
from nearspace.encoders.base import Encoder, fewer
from nearspace.encoders.blocks import row_blocks
from nearspace.encoders.decoder import AffineDecoder, ScaledDecoder
from nearspace.errors import DataError
from nearspace.metrics.exact import in_range

__all__ = ["PCA", "SVD", "Projection", "RandomProjection", "Scaled"]

LARGE = 2**24  # numbers, beyond which features are not all made at once
QUARTILES_APART = 1.3489795  # of a normal distribution, in standard deviations


class Projection(Encoder):
    """Items along the rows of a matrix, ``components_``."""

    kinds = frozenset({Image, Vector})
    moves = True
    in_blocks = True
    components_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, dim: int = 32, *, random_state: Any = 0):
        self.dim = dim
        self.random_state = random_state

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the items, whose distances and angles are kept as far as dimensions go."""
        check_is_fitted(self)
        return self.kind_.metric

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)


class PCA(Projection):
    """Principal component analysis, by scikit-learn.

    Parameters
    ----------
    dim : int, default=32
        Number of components; as many as items and values allow where they are fewer.
    random_state : int, RandomState instance or None, default=0
        Of the randomised solver that large inputs use; the largest are gone through in blocks.

    Attributes
    ----------
    components_ : ndarray of shape (dim, d)
        Principal axes, by falling variance.
    mean_ : ndarray of shape (d,)
        Mean of the training items.
    explained_variance_ratio_ : ndarray of shape (dim,)
        Share of the variance along each axis.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> pca = PCA(dim=8).fit(digits)
    >>> pca.transform(digits[:3]).shape
    (3, 8)
    >>> pca.inverse_transform(pca.transform(digits[:3])).shape
    (3, 8, 8, 1)
    """

    learns = "items"
    decodes = True
    takes_sparse = True
    min_items = 2
    mean_: NDArray[np.float32]
    explained_variance_ratio_: NDArray[np.floating]

    def _fit(self, items: Any, y: Any) -> None:
        if not hasattr(items, "tocsr") and len(items) * self.kind_.size > LARGE:
            rows = CentredFeatures(self.kind_, items)
            count = min(self.dim, *rows.shape)
            axes = principal_axes(rows, count, self.random_state)
            self.components_, self.explained_variance_ratio_ = axes
            self.mean_ = rows.mean.astype(np.float32)
            return
        from sklearn.decomposition import PCA as SklearnPCA

        features, mean = self._features(items), 0.0
        if not hasattr(features, "tocsr"):  # the library squares numbers before it centres them
            mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
            features = features - mean
        features, factor = in_range(features)
        limit = min(features.shape)
        if hasattr(features, "tocsr"):
            limit -= 1  # the solver for sparse input finds all but one
        pca = SklearnPCA(min(self.dim, max(1, limit)), copy=False, random_state=self.random_state)
        pca.fit(features)
        self.components_ = pca.components_.astype(np.float32)
        self.mean_ = np.asarray(mean + pca.mean_ / factor, dtype=np.float32).reshape(-1)
        self.explained_variance_ratio_ = pca.explained_variance_ratio_

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are fewer axes than asked for, where there are."""
        return fewer(len(self.components_), self.dim, "dimensions")

    def _features(self, items: Any) -> Any:
        return items if hasattr(items, "tocsr") else self.kind_.features(items)

    def _transform(self, items: Any) -> np.ndarray:
        axes = self.components_.T  # in order, lest how many rows there are changes the last bit
        if hasattr(items, "tocsr"):  # taking the mean off first would make it dense
            return np.asarray(items @ axes - self.mean_ @ axes, dtype=np.float32)
        return (self._features(items) - self.mean_) @ np.ascontiguousarray(axes)

    def _decoder(self) -> AffineDecoder:
        """Return the axes, from coordinates along them back to items."""
        return AffineDecoder(self.kind_, len(self.components_), self.components_, self.mean_)


class SVD(Projection):
    """Truncated singular value decomposition, by scikit-learn: of weighted words, latent semantics.

    It is what `PCA` does without taking the mean off first, which keeps what zero means, and so
    the angles between counts: ``tfidf | svd(dim=128)`` is latent semantic analysis (Deerwester et
    al., 1990). Sparse vectors stay sparse while it is fitted, however many columns they have.

    Parameters
    ----------
    dim : int, default=32
        Number of axes; as many as items and values allow where they are fewer.
    random_state : int, RandomState instance or None, default=0
        Of the randomised solver.

    Attributes
    ----------
    components_ : ndarray of shape (dim, d)
        Right singular vectors, by falling singular value.

    Examples
    --------
    >>> from nearspace import make
    >>> texts = ["near means alike", "alike is near", "far means other"]
    >>> make("tfidf | svd(dim=2)").fit_transform(texts).shape
    (3, 2)
    """

    kinds = frozenset({Vector})
    learns = "items"
    decodes = True
    takes_sparse = True
    moves = False

    def _fit(self, items: Any, y: Any) -> None:
        from sklearn.decomposition import TruncatedSVD

        rows, _ = in_range(items)
        svd = TruncatedSVD(min(self.dim, *rows.shape), random_state=self.random_state)
        with np.errstate(divide="ignore", invalid="ignore"):  # of shares of no variance at all
            svd.fit(rows)
        self.components_ = svd.components_.astype(np.float32)

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are fewer axes than asked for, where there are."""
        return fewer(len(self.components_), self.dim, "dimensions")

    def _transform(self, items: Any) -> np.ndarray:
        return np.asarray(items @ self.components_.T, dtype=np.float32)

    def _decoder(self) -> AffineDecoder:
        """Return the axes, from coordinates along them back to vectors."""
        middle = np.zeros(self.components_.shape[1], np.float32)
        return AffineDecoder(self.kind_, len(self.components_), self.components_, middle)


class RandomProjection(Projection):
    """Gaussian random projection (Johnson & Lindenstrauss, 1984): what any linear map keeps.

    Parameters
    ----------
    dim : int, default=32
        Length of the vectors.
    random_state : int, RandomState instance or None, default=0
        Of the matrix.

    Attributes
    ----------
    components_ : ndarray of shape (dim, d)
        The random matrix; its entries have variance ``1 / dim``.

    Examples
    --------
    >>> RandomProjection(dim=2).fit_transform([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).shape
    (2, 2)
    """

    def _fit(self, items: Any, y: Any) -> None:
        width = self.kind_.features(items[:1]).shape[1]
        normal = check_random_state(self.random_state).standard_normal((self.dim, width))
        self.components_ = (normal / np.sqrt(self.dim)).astype(np.float32)

    def _transform(self, items: Any) -> np.ndarray:
        return self.kind_.features(items) @ np.ascontiguousarray(self.components_.T)


class Scaled(Encoder):
    """Every column to mean 0 and variance 1, so that none outweighs the others by its unit.

    A column that is the same in all training items only loses its mean. Sparse vectors stay sparse:
    their columns are divided and keep their zeros.

    Parameters
    ----------
    robust : bool, default=False
        Take off the median, and divide by the range between the quartiles over 1.35 (the standard
        deviation of normal numbers), which a few extreme numbers do not move; by the standard
        deviation where both quartiles are the same.

    Attributes
    ----------
    middle_, scale_ : ndarray of shape (d,)
        What is taken off each column, and by what it is then divided.

    Examples
    --------
    >>> Scaled().fit_transform([[1.0, 5000.0], [3.0, 9000.0]])
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """

    kinds = frozenset({Image, Vector})
    learns = "items"
    decodes = True
    takes_sparse = True
    moves = True
    in_blocks = True
    middle_: NDArray[np.float64]
    scale_: NDArray[np.float64]
    _parameter_constraints: ClassVar[dict[str, list]] = {"robust": ["boolean"]}

    def __init__(self, *, robust: bool = False):
        self.robust = robust

    def _fit(self, items: Any, y: Any) -> None:
        from sklearn.preprocessing import StandardScaler

        if sparse.issparse(items):
            if self.robust:
                raise DataError(
                    "Scaled: robust=True needs dense vectors, since of sparse ones most quartiles "
                    "are 0; leave it out, or make them dense by pca first."
                )
            self.scale_ = StandardScaler(with_mean=False).fit(items).scale_
            self.middle_ = np.zeros(len(self.scale_))
            return
        scaler = StandardScaler()
        for rows in row_blocks(items):
            scaler.partial_fit(self.kind_.features(items[rows]))
        self.middle_, self.scale_ = scaler.mean_, scaler.scale_
        if self.robust:
            low, self.middle_, high = self._quartiles(items)
            apart = (high - low) / QUARTILES_APART
            self.scale_ = np.where(apart > 0, apart, self.scale_)

    def _quartiles(self, items: Any) -> np.ndarray:
        """Return the quartiles of each column, of a few columns at a time."""
        features = self.kind_.features(items)
        quartiles = np.empty((3, features.shape[1]))
        for columns in row_blocks(features.T):
            some = features[:, columns].astype(np.float64)
            quartiles[:, columns] = np.quantile(some, [0.25, 0.5, 0.75], axis=0)
        return quartiles

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        if sparse.issparse(items):
            return sparse.csr_array(items.multiply(1 / self.scale_), dtype=np.float32)
        scaled = (self.kind_.features(items) - self.middle_) / self.scale_
        beyond = np.flatnonzero((np.abs(scaled) > np.finfo(np.float32).max).any(axis=0))
        if len(beyond):
            raise DataError(
                f"Scaled: column {beyond[0]} has a number so far from those it was fitted on that "
                "float32 cannot hold how far; remove its row, or fit on it too."
            )
        return scaled.astype(np.float32)

    @property
    def _n_features_out(self) -> int:
        return len(self.scale_)

    def _decoder(self) -> ScaledDecoder:
        """Return the columns multiplied and moved back."""
        return ScaledDecoder(self.kind_, len(self.scale_), self.scale_, self.middle_)
