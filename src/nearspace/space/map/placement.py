"""Places for new points on a map that stays as it is, each found without looking at the others."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.space.search.exact import Exact

__all__ = ["Placer"]

NEIGHBOURS = 15
SHARPNESS = 8
STEPS = 60  # of Weiszfeld's iteration; all points take the same number, so that none sees another


class Placer:
    """Places of new points, by the places of the known ones whose vectors are nearest.

    A point stands at the weighted geometric median of its neighbours' places. Where neighbours lie
    in two clusters, that is in the heavier one, while their mean is in the void between. A weight
    falls to zero at the first neighbour that is left out, so that noise in the order of neighbours
    moves nothing, and grows without bound towards distance zero, so that a known vector finds its
    own place. Neighbours and distances are those of float64, whatever else is asked for at once.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The known vectors.
    places : ndarray of shape (n, 2)
        Where they stand.

    Examples
    --------
    >>> placer = Placer(np.eye(20, dtype=np.float32), np.arange(40.0).reshape(20, 2))
    >>> placer.place(np.eye(20, dtype=np.float32)[[3]]).round(3).tolist()
    [[6.0, 7.0]]
    """

    def __init__(self, vectors: np.ndarray | sparse.csr_array, places: np.ndarray):
        self.places = np.asarray(places, dtype=np.float64)
        self.neighbours = Exact(vectors, "euclidean")

    def place(self, vectors: np.ndarray | sparse.csr_array) -> np.ndarray:
        """Return the places of new vectors, shape ``(m, 2)``, float32.

        Parameters
        ----------
        vectors : ndarray or csr_array of shape (m, d)
            One alone gets the place that it gets among others.

        Raises
        ------
        NearspaceError
            If the vectors are of another length than the known ones, or there are no known ones.
        """
        n, dim = self.neighbours.vectors.shape
        if vectors.shape[1] != dim or not n:
            raise NearspaceError(
                f"The map is of {n:,} vectors of {dim} dimensions; it cannot place vectors of "
                f"{vectors.shape[1]}."
            )
        indices, distances = self.neighbours.search(vectors, min(NEIGHBOURS + 1, n))
        return _median(self.places[indices], _weights(distances**2)).astype(np.float32)


def _weights(squares: np.ndarray) -> np.ndarray:
    """Return the weights of neighbours, nearest first; squares has shape ``(m, k + 1)``."""
    farthest = np.maximum(squares[:, -1:], np.finfo(np.float64).tiny)
    share = squares / farthest
    # The last term counts only where all are equally far: then all count alike.
    return (1 - share) ** SHARPNESS / (share + 1e-12) + 1e-9


def _median(places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted geometric median of places ``(m, k, 2)`` (Weiszfeld, 1937)."""
    x, y = places[..., 0], places[..., 1]
    extent = np.maximum(np.ptp(x, axis=1), np.ptp(y, axis=1))[:, None]
    soft = np.maximum(1e-4 * extent, 1e-12) ** 2  # keeps the step finite upon a neighbour
    across, up = _mean(x, weights), _mean(y, weights)
    for _ in range(STEPS):
        pull = weights / np.sqrt((x - across) ** 2 + (y - up) ** 2 + soft)
        across, up = _mean(x, pull), _mean(y, pull)
    return np.concatenate([across, up], axis=1)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (values * weights).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
