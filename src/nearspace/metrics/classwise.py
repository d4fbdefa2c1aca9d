"""Scores of classes that are no mean over items, shared out among the items.

Each item gets the score plus what the score would change by if there were more like it, so scaled
that the mean of the classes' means is the score, and that what varies within classes is its error:
the infinitesimal jackknife (Efron 1981), for as many items of each class as there are. Of the area
under the curve this is DeLong's (1988).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

__all__ = ["auc_shares", "f1_shares", "precision_shares"]


def f1_shares(truth: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Return the share of each item in the macro F1: the mean over classes of F1.

    Parameters
    ----------
    truth, told : ndarray of shape (n,)
        The class of each item, and which was told. A class that was told and none has counts too.

    Examples
    --------
    >>> shares = f1_shares(np.array(["a", "a", "b"]), np.array(["a", "b", "b"]))
    >>> round(float((shares[:2].mean() + shares[2]) / 2), 3)
    0.667
    """
    classes, codes = np.unique(np.concatenate([truth, told]), return_inverse=True)
    true, said = codes[: len(truth)], codes[len(truth) :]
    size = np.bincount(true, minlength=len(classes)) + np.bincount(said, minlength=len(classes))
    right = true == said
    f1 = 2 * np.bincount(true, right, len(classes)) / size
    change = (2 * right - f1[true]) / size[true] - f1[said] / size[said]
    return _shares(float(f1.mean()), change / len(classes), true)


def auc_shares(positive: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """Return the share of each item in the area under the receiver operating characteristic.

    Parameters
    ----------
    positive : ndarray of shape (n,), bool
        Which items are of the class that is looked for: some, and not all.
    margin : ndarray of shape (n,)
        How surely each is said to be. Of two that are equal either may come first.

    Examples
    --------
    >>> shares = auc_shares(np.array([True, True, False]), np.array([0.9, 0.2, 0.4]))
    >>> float((shares[:2].mean() + shares[2]) / 2)
    0.5
    """
    counts = np.where(positive, positive.sum(), (~positive).sum())
    own = np.where(positive, rankdata(margin), rankdata(-margin))
    within = np.empty(len(margin))
    for side in (positive, ~positive):
        within[side] = rankdata(margin[side] if side is positive else -margin[side])
    before = (own - within) / (len(margin) - counts)
    area = before[positive].mean()
    return _shares(float(area), (before - area) / counts, positive)


def precision_shares(positive: np.ndarray, margin: np.ndarray) -> np.ndarray:
    """Return the share of each item in the average precision, see `auc_shares`.

    That is the mean over the items looked for of the precision among those said as surely to be.

    Examples
    --------
    >>> shares = precision_shares(np.array([True, True, False]), np.array([0.9, 0.2, 0.4]))
    >>> round(float((shares[:2].mean() + shares[2]) / 2), 3)
    0.833
    """
    levels, at = np.unique(-margin, return_inverse=True)  # the surest first
    above = np.cumsum(np.bincount(at, minlength=len(levels)))
    hits = np.bincount(at, positive, len(levels))
    precision = np.cumsum(hits) / above
    wanted = positive.sum()
    average = float(precision[at[positive]].mean())
    # One more item changes the precision at every level that is not surer than its own.
    lower = [np.cumsum((hits * part / above)[::-1])[::-1] for part in (np.ones(1), precision)]
    change = (positive * lower[0][at] - lower[1][at]) / wanted
    change += np.where(positive, precision[at] - average, 0.0) / wanted
    return _shares(average, change, positive)


def _shares(score: float, change: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return numbers whose means of classes have the score as their mean."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    return score + len(counts) * counts[codes] * change
