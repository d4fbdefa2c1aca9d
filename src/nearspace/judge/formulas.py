"""Which columns of a table give numbers away together: as their sum, product or ratio."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nearspace.data import Dataset, Numbers
from nearspace.judge.leaks import Leak

__all__ = ["find_formula"]

LEAST = 0.9999  # R² of other rows, which no noise leaves
MOST_ROWS, MOST_COLUMNS, FEWEST = 10_000, 200, 20


def find_formula(dataset: Dataset) -> Leak | None:
    """Return the columns of numbers whose weighted sum, or product of powers, the labels are.

    A sum is found by least squares, a product or a ratio by the same of logarithms. Both are
    learnt from every other row and held against the rest; columns that add nothing are left out.
    One column alone is none here.

    Parameters
    ----------
    dataset : Dataset
        Rows with numbers to tell; of anything else there is no formula.

    Examples
    --------
    >>> import pandas as pd
    >>> from nearspace import load
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame(rng.random((100, 3)), columns=["price", "pieces", "weight"])
    >>> data = load(rows, labels=(rows["price"] * rows["pieces"]).to_numpy())
    >>> find_formula(data).name
    "the columns 'price' and 'pieces'"
    """
    names = [name for name, of in dataset.kind.column_kinds.items() if of == "number"]
    if not isinstance(dataset.target, Numbers) or not 2 <= len(names) <= MOST_COLUMNS:
        return None
    columns = dataset.items[names].to_numpy(dtype=np.float64)[:MOST_ROWS]
    labels = dataset.target.values[:MOST_ROWS]
    whole = np.isfinite(columns).all(axis=1)
    columns, labels = columns[whole], labels[whole]
    if len(labels) < max(FEWEST, 4 * len(names)) or not labels.std():
        return None
    for what, some, wanted in _forms(columns, labels):
        own = np.flatnonzero(some.std(axis=0) > 0).tolist()
        score = _told(some[:, own], wanted)
        if score < LEAST:
            continue
        for at in list(own):
            left = [other for other in own if other != at]
            if left and (without := _told(some[:, left], wanted)) >= LEAST:
                own, score = left, without
        if len(own) > 1:
            return _leak([names[at] for at in own], what, score)
    return None


def _forms(columns: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield columns and labels as they are, and where labels are above 0 their logarithms."""
    yield "sum of multiples of them", columns, labels
    above = (columns > 0).all(axis=0)
    if (labels > 0).all():
        logarithms = np.log(np.where(above, columns, 1.0))
        yield "product or ratio of powers of them", logarithms, np.log(labels)


def _told(columns: np.ndarray, labels: np.ndarray) -> float:
    """Return R² of every other row, told by least squares from the rest."""
    asked = labels[1::2]
    spread = np.square(asked - asked.mean()).sum()
    if not columns.shape[1] or not spread:
        return 0.0
    scaled = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    scaled = np.column_stack([scaled, np.ones(len(scaled))])
    weights = np.linalg.lstsq(scaled[::2], labels[::2], rcond=None)[0]
    return float(1 - np.square(asked - scaled[1::2] @ weights).sum() / spread)


def _leak(names: list[str], what: str, score: float) -> Leak:
    listed = " and ".join([", ".join(f"'{name}'" for name in names[:-1]), f"'{names[-1]}'"])
    options = " ".join(f"--without '{name}'" for name in names)
    told = (
        f"The columns {listed} together give the labels, which are a {what} (R² {score:.6f}): the "
        "answer may be made from them, or they from it. If they are not known before the answer "
        f"is, leave them out ({options}, or without={names!r}) and compare again."
    )
    return Leak(f"the columns {listed}", None, score, 0.0, told)
