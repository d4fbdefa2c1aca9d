"""Which columns make the distances of raw input, where a few do so by their unit."""

from __future__ import annotations

import numpy as np

from nearspace.data import Dataset
from nearspace.encoders.handmade.plain import Raw
from nearspace.errors import DataError
from nearspace.judge.usual import USUAL
from nearspace.metrics.retrieval import subsample

__all__ = ["dominance_notes", "variance_shares"]

MOST, FEW = 0.9, 0.25  # share of the distances that so small a share of the columns makes
NAMED = 3
WITH_COLUMNS = ("vector", "table")  # kinds whose columns may have units
MOST_ROWS = 10_000


def variance_shares(values: np.ndarray) -> np.ndarray:
    """Return which share of all squared Euclidean distances between rows each column makes.

    The mean squared difference of two rows in a column is twice its variance, so that no pair has
    to be looked at.

    Examples
    --------
    >>> variance_shares(np.array([[0.0, 0.0], [1.0, 3.0]])).round(9).tolist()
    [0.1, 0.9]
    """
    middle = values.mean(axis=0, dtype=np.float64)
    spread = np.abs(values - middle).max(axis=0, initial=0.0)
    largest = spread.max(initial=0.0) or 1.0  # the squares of large numbers overflow
    variances = np.square((values - middle) / largest).mean(axis=0)
    return variances / (variances.sum() or 1.0)


def dominance_notes(train: Dataset) -> list[str]:
    """Return a note where few columns of vectors or of a table make most of the raw distances.

    Examples
    --------
    >>> from nearspace import load
    >>> dominance_notes(load("wine"))[0].partition(":")[0]
    'Column 12 makes 99.8 % of the squared Euclidean distances between raw items'
    """
    if train.kind.name not in WITH_COLUMNS or train.kind.metric != "euclidean":
        return []
    train = train.take(subsample(len(train), MOST_ROWS, 0))
    try:
        raw = Raw().fit_on(train)
        values = raw.transform(train.items)
    except DataError:  # which the row of the raw input tells
        return []
    shares = variance_shares(values)
    order = np.argsort(-shares, kind="stable")
    needed = 1 + int(np.searchsorted(np.cumsum(shares[order]), MOST))
    if needed > max(1, FEW * len(shares)) or len(shares) < 2:
        return []
    names = [str(at) for at in range(len(shares))]
    if train.kind.name == "table":  # not all columns of which are numbers
        names = [f"'{name}'" for name in raw.get_feature_names_out()]
    shown = [names[at] for at in order[: min(needed, NAMED)]]
    rest = f" and {needed - NAMED} more" if needed > NAMED else ""
    who = f"Column {shown[0]} makes" if needed == 1 else f"Columns {', '.join(shown)}{rest} make"
    scaled = next(spec for spec in USUAL[train.kind.name].rows(train.kind)[::-1] if spec != "raw")
    percent = 100 * shares[order[:needed]].sum()
    share = f"{percent:.1f} %" if percent < 99.95 else "all but 0.05 %"
    return [
        f"{who} {share} of the squared Euclidean distances between raw items: where that comes of "
        f"units, {scaled} gives every column its say."
    ]
