"""Analogies: whether what is to c as b is to a stands nearest to b - a + c."""

from __future__ import annotations

import numpy as np

from nearspace.metrics.directions import has_direction
from nearspace.metrics.retrieval import VectorArray, nearest

__all__ = ["analogies_solved"]

GIVEN = 3  # items of a question, which are no answers
AT_ONCE = 4096  # questions


def analogies_solved(vectors: VectorArray, questions: np.ndarray, metric: str) -> np.ndarray:
    """Return which questions are answered rightly: 1 or 0 each, shape ``(m,)``.

    The answer to a, b, c is the nearest to b - a + c that is none of the three (Mikolov et al.,
    2013); under cosine all vectors have length 1 first (Levy & Goldberg, 2014). A question one of
    whose four vectors is zero under cosine is not answered.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        Of all items, each of which may be an answer.
    questions : ndarray of int of shape (m, 4)
        Positions of a, b, c and the right answer.
    metric : {"cosine", "dot", "euclidean"}
        How near is measured.

    Examples
    --------
    >>> vectors = np.array([[1.0, 0], [1, 1], [2, 0], [2, 1], [5, 5]])
    >>> analogies_solved(vectors, np.array([[0, 1, 2, 3], [0, 1, 2, 4]]), "euclidean").tolist()
    [1.0, 0.0]
    """
    from sklearn.preprocessing import normalize

    there = np.ones(vectors.shape[0], dtype=bool)
    if metric == "cosine":
        there, vectors = has_direction(vectors), normalize(vectors)
    solved = np.zeros(len(questions))
    for start in range(0, len(questions), AT_ONCE):
        some = questions[start : start + AT_ONCE]
        a, b, c, right = some.T
        targets = vectors[b] - vectors[a] + vectors[c]
        found = nearest(targets, vectors, min(GIVEN + 1, vectors.shape[0]), metric)[0]
        others = (found[:, :, None] != some[:, None, :GIVEN]).all(axis=2) & (found >= 0)
        first = np.take_along_axis(found, others.argmax(axis=1)[:, None], axis=1)[:, 0]
        answered = others.any(axis=1) & there[some].all(axis=1)
        solved[start : start + AT_ONCE] = answered & (first == right)
    return solved
