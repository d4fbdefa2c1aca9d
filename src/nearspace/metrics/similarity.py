"""How alike two spaces of the same items are, or two sets of items in the same space."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nearspace.metrics.geometry import own_neighbours, preservation, preserved

if TYPE_CHECKING:
    from nearspace.metrics.retrieval import VectorArray

__all__ = ["cka", "cka_of_all", "frechet_distance", "neighbour_overlap", "overlap_of_all"]


def cka(a: VectorArray, b: VectorArray) -> float:
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
    return float(cka_of_all([a, b])[0, 1])


def cka_of_all(spaces: Sequence[VectorArray]) -> np.ndarray:
    """Return the `cka` of each two spaces of the same items, shape ``(e, e)``.

    It takes memory for a matrix of n x n of each.
    """
    if not spaces or spaces[0].shape[0] < 4:
        return np.where(np.eye(len(spaces)), 1.0, np.nan)
    forms = [_u_centred(vectors) for vectors in spaces]
    norms = [np.linalg.norm(form) for form in forms]

    def alike(i: int, j: int) -> float:
        norm = norms[i] * norms[j]
        return float((forms[i] * forms[j]).sum() / norm) if norm > 0 else float("nan")

    return _of_each_two(len(spaces), alike)


def overlap_of_all(
    spaces: Sequence[VectorArray], metrics: Sequence[str], k: int = 10
) -> np.ndarray:
    """Return the `neighbour_overlap` of each two spaces of the same items, shape ``(e, e)``.

    ``metrics`` are by what neighbours are near in each of them.
    """
    near = [own_neighbours(x, k, metric) for x, metric in zip(spaces, metrics, strict=True)]
    return _of_each_two(len(spaces), lambda i, j: _mean(preserved(near[j], near[i], k)))


def _of_each_two(n: int, measure: Callable[[int, int], float]) -> np.ndarray:
    alike = np.eye(n)
    for i, j in itertools.combinations(range(n), 2):
        alike[i, j] = alike[j, i] = measure(i, j)
    return alike


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the squared Fréchet distance of the Gaussians fitted to two sets of vectors.

    Of what a classifier sees in images it is the usual distance of made from real ones (Heusel et
    al., 2017). It shrinks with the size of the sets: only figures of equal sizes can be compared.

    Parameters
    ----------
    a, b : ndarray of shape (n, d) and (m, d)
        Two sets of items in one space, at least two items each.

    Returns
    -------
    float
        ``|m_a - m_b|² + tr(C_a + C_b - 2 (C_a C_b)^½)`` of means and covariances (Dowson & Landau,
        1982); 0 where they are equal.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.random.default_rng(0).standard_normal((20, 3))
    >>> round(frechet_distance(a, a + np.array([3, 4, 0])), 6)
    25.0
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    between = np.square(a.mean(0) - b.mean(0)).sum()
    # The trace of the root is the sum of the singular values of a product of centred vectors,
    # from triangular factors of the covariances: none is squared and rooted again.
    left, right = (np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1)).R for x in (a, b))
    root = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    spread = np.square(left).sum() + np.square(right).sum() - 2 * root
    return float(between + max(spread, 0.0))


def neighbour_overlap(
    a: VectorArray,
    b: VectorArray,
    k: int = 10,
    metrics: tuple[str, str] = ("euclidean", "euclidean"),
) -> float:
    """Return the mean share of the ``k`` nearest neighbours that items have in both spaces.

    Parameters
    ----------
    a, b : ndarray or csr_array of shape (n, d) and (n, d')
        The same items in two spaces.
    k : int
        How many neighbours each item has.
    metrics : (str, str)
        By what neighbours are near in the one and in the other.

    Returns
    -------
    float
        Over the items that have neighbours in the first; NaN where there are not more than ``k``
        others, as all are neighbours then.
    """
    return _mean(preservation(a, b, k, metrics))


def _mean(shares: np.ndarray) -> float:
    return float("nan") if np.isnan(shares).all() else float(np.nanmean(shares))


def _u_centred(vectors: VectorArray) -> np.ndarray:
    """Return the Gram matrix without diagonal, its rows centred as the unbiased HSIC needs it.

    The unbiased HSIC of two spaces is then their product, entry by entry, up to a constant. Zero
    where all items are the same.
    """
    if isinstance(vectors, np.ndarray):
        centred = vectors - vectors.mean(0, dtype=np.float64)
        gram = centred @ centred.T
    else:
        vectors = vectors.astype(np.float64)
        gram = (vectors @ vectors.T).toarray()
    n = len(gram)
    size = np.linalg.norm(gram)
    np.fill_diagonal(gram, 0.0)
    rows = gram.sum(0) / (n - 2)
    gram += rows.sum() / (n - 1) - rows - rows[:, None]
    np.fill_diagonal(gram, 0.0)
    return gram if np.linalg.norm(gram) > 1e-10 * size else np.zeros_like(gram)
