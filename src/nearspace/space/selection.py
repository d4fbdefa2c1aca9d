"""The best of many scores."""

from __future__ import annotations

import numpy as np

__all__ = ["best", "hide", "top"]

GROUP = 20  # only the best of so many scores takes part in the first round of the selection


def hide(scores: np.ndarray, allowed: np.ndarray | None, own: np.ndarray | None) -> None:
    """Set to minus infinity what may not be found: scores (q, n), allowed (n,), own (q,)."""
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    if own is not None:
        rows = np.flatnonzero((own >= 0) & (own < scores.shape[1]))
        scores[rows, own[rows]] = -np.inf


def top(scores: np.ndarray, m: int) -> np.ndarray:
    """Return the columns of the ``m`` best of every row, in no order; all where there are fewer."""
    n = scores.shape[1]
    if n <= m:
        return np.broadcast_to(np.arange(n), scores.shape)
    stride = n // GROUP
    if stride < 2 * m:
        return np.argpartition(scores, -m, axis=1)[:, -m:]
    # The m best lie in the m groups with the best maxima. A group is every stride-th column, so
    # that its maximum is one of vectors, not inside one; what is left over is looked at anyway.
    maxima = scores[:, : GROUP * stride].reshape(-1, GROUP, stride).max(axis=1)
    groups = np.argpartition(maxima, -m, axis=1)[:, -m:]
    columns = (groups[:, :, None] + np.arange(GROUP) * stride).reshape(len(scores), -1)
    rest = np.arange(GROUP * stride, n)
    columns = np.hstack([columns, np.broadcast_to(rest, (len(scores), len(rest)))])
    chosen = np.argpartition(np.take_along_axis(scores, columns, 1), -m, axis=1)[:, -m:]
    return np.take_along_axis(columns, chosen, 1)


def best(alike: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the ``k`` largest values stand, the largest first, equals in their order."""
    candidates = np.arange(len(alike))
    if k < len(alike):
        candidates = np.flatnonzero(alike >= np.partition(alike, -k)[-k])
    best = candidates[np.argsort(-alike[candidates], kind="stable")[:k]]
    return best, alike[best]
