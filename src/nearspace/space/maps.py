"""Maps: a layout of vectors in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["layout"]

PCA_FIRST = 50  # dimensions that are kept before the layout, as is usual for t-SNE


def layout(vectors: np.ndarray | sparse.csr_array, random_state: int = 0) -> np.ndarray:
    """Return a place on a plane for every vector, by t-SNE (van der Maaten & Hinton, 2008).

    Near places mean near vectors; distances between far clusters, and the axes, mean nothing.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        A few hundred to a few thousand vectors.
    random_state : int, default=0
        Of the layout.

    Returns
    -------
    ndarray of shape (n, 2), float32
        Centred, within [-1, 1].

    Examples
    --------
    >>> layout(np.eye(12, dtype=np.float32)).shape
    (12, 2)
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    given: Any = vectors
    dense = given.toarray() if sparse.issparse(given) else np.asarray(given)
    dense = dense.astype(np.float64)
    largest = np.abs(dense).max(initial=0.0)
    dense = dense - dense.mean(axis=0)
    scale = np.abs(dense).max(initial=0.0)
    # What rounding leaves of equal vectors is no spread; t-SNE does not survive being given it.
    if len(dense) < 8 or scale <= 1e-6 * largest:
        return np.zeros((len(dense), 2), dtype=np.float32)
    dense = (dense / scale).astype(np.float32)
    if min(dense.shape) > PCA_FIRST:
        dense = PCA(PCA_FIRST, random_state=random_state).fit_transform(dense)
    init = "pca" if dense.shape[1] >= 2 else "random"
    tsne = TSNE(
        perplexity=min(30.0, (len(dense) - 1) / 3),
        init=init,
        max_iter=500,
        random_state=random_state,
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # identical items have no spread
        places = tsne.fit_transform(dense)
    places = np.nan_to_num(places - places.mean(axis=0))
    return (places / max(np.abs(places).max(), 1e-12)).astype(np.float32)
