"""How alike two spaces of the same items are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nearspace.metrics.geometry import preservation

if TYPE_CHECKING:
    from nearspace.metrics.retrieval import Vectors

__all__ = ["cka", "neighbour_overlap"]


def cka(a: Vectors, b: Vectors) -> float:
    """Return the linear centred kernel alignment of two spaces (Kornblith et al. 2019), debiased.

    The plain form is near 1 for any two spaces with more dimensions than items, so this is always
    the one built on the unbiased HSIC of Song et al. (2012), as Nguyen et al. (2021) proposed: 1
    for spaces that are equal up to rotation, scale and shift, about 0 (of either sign) for
    unrelated ones. It takes memory for two matrices of n x n.

    Parameters
    ----------
    a, b : ndarray or csr_array of shape (n, d) and (n, d')
        The same items in two spaces.

    Returns
    -------
    float
        NaN with fewer than four items, or where all items of a space are the same.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.random.default_rng(0).standard_normal((20, 3))
    >>> round(cka(a, 5 - 2 * a[:, ::-1]), 6)
    1.0
    """
    if a.shape[0] < 4:
        return float("nan")
    left, right = _u_centred(a), _u_centred(b)
    norm = np.linalg.norm(left) * np.linalg.norm(right)
    return float((left * right).sum() / norm) if norm > 0 else float("nan")


def neighbour_overlap(a: Vectors, b: Vectors, k: int = 10) -> float:
    """Return the mean share of the ``k`` nearest neighbours that items have in both spaces.

    Parameters
    ----------
    a, b : ndarray or csr_array of shape (n, d) and (n, d')
        The same items in two spaces.
    k : int
        How many neighbours each item has.

    Returns
    -------
    float
        NaN where there are not more than ``k`` other items, as all are neighbours then.
    """
    return float(preservation(a, b, k).mean())


def _u_centred(vectors: Vectors) -> np.ndarray:
    """Return the Gram matrix without diagonal, its rows centred as the unbiased HSIC needs it.

    The unbiased HSIC of two spaces is then their product, entry by entry, up to a constant. Zero
    where all items are the same.
    """
    if isinstance(vectors, np.ndarray):
        centred = vectors - vectors.mean(0, dtype=np.float64)
        gram = centred @ centred.T
    else:
        gram = (vectors @ vectors.T).toarray().astype(np.float64)
    n = len(gram)
    size = np.linalg.norm(gram)
    np.fill_diagonal(gram, 0.0)
    rows = gram.sum(0) / (n - 2)
    gram += rows.sum() / (n - 1) - rows - rows[:, None]
    np.fill_diagonal(gram, 0.0)
    return gram if np.linalg.norm(gram) > 1e-10 * size else np.zeros_like(gram)
