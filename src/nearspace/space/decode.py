"""Ways through a space: what stands between two vectors."""

from __future__ import annotations

import numpy as np

__all__ = ["interpolate"]


def interpolate(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Return ``n`` vectors on the straight way from ``a`` to ``b``, ends included.

    Parameters
    ----------
    a, b : ndarray of shape (d,)
        The ends.
    n : int
        How many, at least 2.

    Returns
    -------
    ndarray of shape (n, d)
        The way.

    Examples
    --------
    >>> interpolate(np.array([0.0]), np.array([1.0]), 3).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    weights = np.linspace(0.0, 1.0, n, dtype=np.float32)[:, None]
    return (1 - weights) * a + weights * b
