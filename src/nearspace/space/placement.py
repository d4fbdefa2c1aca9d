"""Places for new points on a map that stays as it is, each found without looking at the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError

__all__ = ["Placer"]

NEIGHBOURS = 15
CANDIDATES = 64  # found in float32; the nearest of them, by distances in float64, count
SHARPNESS = 8
STEPS = 60  # of Weiszfeld's iteration; all points take the same number, so that none sees another
BLOCK = 500  # points at a time


class Placer:
    """Places of new points, by the places of the known ones whose vectors are nearest.

    A point stands at the weighted geometric median of its neighbours' places. Where neighbours lie
    in two clusters, that is in the heavier one, while their mean is in the void between. A weight
    falls to zero at the first neighbour that is left out, so that noise in the order of neighbours
    moves nothing, and grows without bound towards distance zero, so that a known vector finds its
    own place.

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
        given: Any = vectors
        self.places = np.asarray(places, dtype=np.float64)
        self.known, self.centre = given, np.zeros(given.shape[1], dtype=np.float32)
        if not sparse.issparse(given):  # small numbers cancel well
            self.centre = given.mean(axis=0, dtype=np.float64).astype(np.float32)
            self.known = given - self.centre
            squares = np.einsum("ij,ij->i", self.known, self.known)
        else:
            squares = np.asarray(given.multiply(given).sum(axis=1)).ravel()
        self.half = (0.5 * squares).astype(np.float32)

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
        if vectors.shape[1] != self.known.shape[1] or not len(self.places):
            raise NearspaceError(
                f"The map is of {len(self.places):,} vectors of {self.known.shape[1]} dimensions; "
                f"it cannot place vectors of {vectors.shape[1]}."
            )
        found = [
            self._place(vectors[start : start + BLOCK])
            for start in range(0, vectors.shape[0], BLOCK)
        ]
        return np.concatenate([np.zeros((0, 2)), *found]).astype(np.float32)

    def _place(self, vectors: Any) -> np.ndarray:
        indices, distances = self._neighbours(vectors)
        return _median(self.places[indices], _weights(distances))

    def _neighbours(self, vectors: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest known vectors and their squared distances in float64."""
        if sparse.issparse(vectors):
            scores = (vectors @ self.known.T).toarray() - self.half
        else:
            vectors = np.asarray(vectors, dtype=np.float32) - self.centre
            scores = vectors @ self.known.T - self.half
        count = min(CANDIDATES, len(self.places))
        near = np.argpartition(scores, -count, axis=1)[:, -count:]
        near.sort(axis=1)  # of equally near ones the first count, whatever noise made of them
        squares = np.stack([self._squares(v, k) for v, k in zip(_rows(vectors), near, strict=True)])
        order = np.argsort(squares, axis=1, kind="stable")[:, : NEIGHBOURS + 1]
        return np.take_along_axis(near, order, 1), np.take_along_axis(squares, order, 1)

    def _squares(self, vector: Any, near: np.ndarray) -> np.ndarray:
        rows = self.known[near]
        if sparse.issparse(rows):
            rows, vector = rows.toarray(), vector.toarray()
        difference = rows.astype(np.float64) - vector.astype(np.float64)
        return np.einsum("ij,ij->i", difference, difference)


def _rows(vectors: Any) -> Any:
    return (vectors[[row]] if sparse.issparse(vectors) else vectors[row] for row in _range(vectors))


def _range(vectors: Any) -> range:
    return range(vectors.shape[0])


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
