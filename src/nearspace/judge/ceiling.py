"""How much can be told at best, where equal items have different labels."""

from __future__ import annotations

import numpy as np

from nearspace.data import Classes, Dataset

__all__ = ["ceiling_notes"]


def ceiling_notes(dataset: Dataset, content: np.ndarray) -> list[str]:
    """Return how many items equal one of another label, and what that leaves to be told.

    Parameters
    ----------
    dataset : Dataset
        Items and their labels.
    content : ndarray of shape (n,)
        A number for each item, 0, 1, …, the same where encoders see the same.

    Examples
    --------
    >>> from nearspace import load
    >>> texts = load(["near", "near", "far", "off"], labels=["a", "b", "b", "b"])
    >>> print(ceiling_notes(texts, np.array([0, 0, 1, 2]))[0].partition(", such")[0])
    2 of 4 items equal another one of another label
    """
    target = dataset.target
    if target is None:
        return []
    labels, strata = np.unique(target.values, return_inverse=True)
    pairs, counts = np.unique(content * len(labels) + strata, return_counts=True)
    differ = np.bincount(pairs // len(labels), minlength=content.max() + 1) > 1
    rows = np.flatnonzero(differ[content])
    if not len(rows):
        return []
    first = rows[0]
    other = next(
        row for row in rows if content[row] == content[first] and strata[row] != strata[first]
    )
    if isinstance(target, Classes):
        best = np.zeros(content.max() + 1)
        np.maximum.at(best, pairs // len(labels), counts)
        most = f"an accuracy above {100 * best.sum() / len(target):.1f} %"
    else:
        mean = np.bincount(content, target.values) / np.bincount(content)
        left = np.square(target.values - mean[content]).sum()
        most = f"an R² above {1 - left / np.square(target.values - target.values.mean()).sum():.3f}"
    ids, texts = np.asarray(dataset.ids), target.texts
    return [
        f"{len(rows):,} of {len(dataset):,} items equal another one of another label, such as "
        f"'{ids[first]}' ({texts[first]}) and '{ids[other]}' ({texts[other]}): no encoder can have "
        f"{most} on all of them."
    ]
