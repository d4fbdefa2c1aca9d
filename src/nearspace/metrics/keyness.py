"""How surely a word is commoner in some texts than in the others."""

from __future__ import annotations

import numpy as np

__all__ = ["keyness"]


def keyness(inside: np.ndarray, outside: np.ndarray, prior: float) -> np.ndarray:
    """Return the log-odds of each word in two collections, in standard deviations.

    With an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, equations 15 to 22): before
    anything is counted, each word is as common in both collections as in the two together. What is
    common everywhere then needs no list to be left out by, and what is seen once tells little.

    Parameters
    ----------
    inside, outside : ndarray of shape (words,)
        How often each word stands in the collection, and in the other.
    prior : float
        How many words the prior is worth; above 0.

    Returns
    -------
    ndarray of shape (words,)
        0 for words that stand in neither.

    Examples
    --------
    >>> keyness(np.array([20, 9, 1]), np.array([20, 90, 1]), 30.0).round(1).tolist()
    [4.8, -6.4, 0.7]
    """
    both = inside + outside
    expected = prior * both / max(both.sum(), 1)
    there = both > 0
    variance, difference = np.zeros(len(both)), np.zeros(len(both))
    for counts, sign in ((inside, 1.0), (outside, -1.0)):
        often = counts + expected
        rest = (often.sum() - often)[there]
        # Of one word alone the odds are endless, and no other is.
        difference[there] += sign * np.log(often[there] / np.maximum(rest, 1e-12))
        variance[there] += 1 / often[there]
    return np.divide(difference, np.sqrt(variance), out=np.zeros(len(both)), where=there)
