"""Boosted trees on the columns of a table: what a model tells of labels that makes no space."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Classes, Dataset, Target
from nearspace.encoders.categories import FIRST_VALUE, Categories
from nearspace.errors import NearspaceError
from nearspace.judge.budget import Budget, OutOfTime
from nearspace.judge.predictor import Predictor, Telling, check_amounts
from nearspace.judge.task import Task
from nearspace.learning.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TREES", "boosted_trees", "raw_columns"]

TREES = "boosted trees"
# Columns times trees a round (one for each of three classes or more) times fits, and each of these
# times the rows, or the bins and leaves, which are as much as some more rows.
MOST_WORK, BINS_AND_LEAVES = 200_000_000, 30_000
MOST_VALUES = 255  # of a category, that trees take as such; each has a bin
SEVERAL = 32  # of the values of which a row has several, those that get a column each
TEXT_NUMBERS = 30  # that stand for a text
MANY_ROWS = 10_000  # from which on scikit-learn holds a tenth back, and stops when that is best
PILOT = 5000  # rows, by the time of which that of all is told


def _check_work(task: Task) -> None:
    """Raise unless the columns, rows, classes and fits are such as trees see in minutes at most."""
    target, n, columns = task.train.target, len(task.train), len(task.train.kind.column_kinds)
    trees = target.width if isinstance(target, Classes) and target.width > 2 else 1
    fits = len(task.folds) or task.protocol.seeds
    check_amounts(
        columns * trees * fits * (n + BINS_AND_LEAVES), MOST_WORK,
        f"{columns:,} columns", f"{n:,} rows", f"{trees:,} trees a round" * (trees > 1),
        f"{fits} fits" * (fits > 1),
    )  # fmt: skip


def _tell(
    task: Task, random_state: int, budget: Budget, share_done: Callable[[float], object]
) -> Telling:
    """Return what trees tell of the test items, and how surely of two classes; and their cost.

    They are scikit-learn's histogram gradient boosting (Ke et al., 2017) with its own settings.

    Raises
    ------
    OutOfTime
        If there is no time for them.
    NearspaceError
        If there is no column to tell from.
    """
    target, _ = task.targets  # type: ignore[attr-defined]  # of items with labels
    with one_thread():
        _pilot(task.train, random_state, budget)
        start = time.perf_counter()
        columns, wanted, categorical, notes = raw_columns(task.train, task.test)
        model = _model(target, categorical, random_state).fit(columns, target.values)
        fitted = time.perf_counter()
        told = model.predict(wanted)
        spent = time.perf_counter() - fitted
        two = isinstance(target, Classes) and target.width == 2
        margin = model.decision_function(wanted) if two else None
    rate = len(task.test) / max(spent, 1e-9)
    return Telling(told, margin, fitted - start, rate, tuple(notes))


def _pilot(train: Dataset, random_state: int, budget: Budget) -> None:
    """Raise `OutOfTime` unless there is time for a fit, by that of one on some of the rows."""
    left = budget.left
    if left <= 0:
        raise OutOfTime(budget.expected)
    if left == math.inf or len(train) <= PILOT:
        return
    some = train.take(np.linspace(0, len(train) - 1, PILOT).astype(int))
    assert some.target is not None
    start = time.perf_counter()
    columns, _, categorical, _ = raw_columns(some, some)
    if some.target.varies:
        _model(some.target, categorical, random_state).fit(columns, some.target.values)
    expected = (time.perf_counter() - start) * len(train) / PILOT
    if expected > left:
        raise OutOfTime(expected)


def _model(target: Target, categorical: np.ndarray, random_state: int) -> Any:
    from sklearn import ensemble

    settings: dict[str, Any] = {"categorical_features": categorical, "random_state": random_state}
    if not isinstance(target, Classes):
        return ensemble.HistGradientBoostingRegressor(**settings)
    # What is held back is drawn by class, which a class of one item cannot be.
    alone = np.bincount(target.strata).min() < 2
    stops = len(target) > MANY_ROWS and not alone
    return ensemble.HistGradientBoostingClassifier(early_stopping=stops, **settings)


def raw_columns(
    train: Dataset, test: Dataset
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Return the columns of two sides of a table as trees take them.

    Numbers and what is missing are as they are, dates are seconds; a category is the place of its
    value by falling count among the training rows, as such where there are at most 255, else as a
    number; of several values at once the 32 commonest are a column each; a text is 30 numbers,
    those of ``tfidf | svd``. A value that no training row has is missing.

    Parameters
    ----------
    train, test : Dataset
        Rows of one table.

    Returns
    -------
    columns, wanted : ndarray of shape (n, d) and (m, d), float64
        Of the training and of the test rows; NaN is missing.
    categorical : ndarray of shape (d,), bool
        Which are categories.
    notes : list of str
        What there is to say of them.

    Raises
    ------
    NearspaceError
        If no column is left.

    Examples
    --------
    >>> from nearspace import load
    >>> rows = load("customers")
    >>> columns, _, categorical, _ = raw_columns(rows, rows)
    >>> columns.shape[1], int(categorical.sum())
    (7, 3)
    """
    sides: list[tuple[np.ndarray, np.ndarray, bool]] = []
    notes = []
    for name, of in train.kind.column_kinds.items():
        if of == "id":
            continue
        cells = train.items[name], test.items[name]
        if of == "category":
            sides.append((*_places(*cells), cells[0].nunique() <= MOST_VALUES))
        elif of == "categories":
            sides += [(*pair, False) for pair in _each_of_several(*cells)]
        elif of == "text":
            sides += [(*pair, False) for pair in _of_texts(*cells)]
            notes.append(
                f"Of the texts in the column '{name}' trees see {TEXT_NUMBERS} numbers, those of "
                f"tfidf | svd(dim={TEXT_NUMBERS})."
            )
        else:
            sides.append((_numbers(cells[0]), _numbers(cells[1]), False))
    sides = [side for side in sides if np.isfinite(side[0]).any()]  # what none has cannot be split
    if not sides:
        raise NearspaceError("There is no column to tell from but such as name the rows.")
    own, others, categorical = zip(*sides, strict=True)
    return np.column_stack(own), np.column_stack(others), np.array(categorical), notes


def _numbers(column: pd.Series) -> np.ndarray:
    """Return numbers as they are, dates as seconds; NaN is missing."""
    if column.dtype.kind != "M":
        return column.to_numpy(dtype=np.float64)
    seconds = column.to_numpy().astype("datetime64[us]").astype(np.float64) / 1e6
    return np.where(column.isna(), np.nan, seconds)


def _places(train: pd.Series, test: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of each value among those of the training rows, the commonest first."""
    values = Categories.of(train)
    codes = (values.codes(side) - FIRST_VALUE for side in (train, test))
    own, others = (np.where(side < 0, np.nan, side) for side in codes)
    return own, others


def _each_of_several(train: pd.Series, test: pd.Series) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each of the commonest values which rows have it; NaN where cells are missing."""
    values = Categories.of(train, most=SEVERAL, several=True)
    sides = []
    for side in (train, test):
        flat, offsets = values.codes_of_each(side)
        rows = np.repeat(np.arange(len(side)), np.diff(offsets))
        hot = np.zeros((len(side), len(values)))
        hot[rows, flat] = 1.0
        sides.append(np.where(side.isna().to_numpy()[:, None], np.nan, hot[:, FIRST_VALUE:]))
    own, others = sides
    return list(zip(own.T, others.T, strict=True))


def _of_texts(train: pd.Series, test: pd.Series) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return numbers that stand for texts, NaN where there is none."""
    from nearspace.encoders.spec import make

    texts = [side.fillna("").tolist() for side in (train, test)]
    words = make("tfidf").fit(texts[0])
    width = min(TEXT_NUMBERS, words.transform(texts[0][:1]).shape[1], len(train) - 1)
    if width < 1:
        return []
    svd = make(f"tfidf | svd(dim={width})").fit(texts[0])
    own, others = (
        np.where(side.isna().to_numpy()[:, None], np.nan, svd.transform(some))
        for side, some in zip((train, test), texts, strict=True)
    )
    return list(zip(own.T, others.T, strict=True))


boosted_trees = Predictor(
    name=TREES,
    summary="gradient-boosted trees on the columns as they are, which make no space",
    effort=100,
    draws=True,
    check_work=_check_work,
    tell=_tell,
)
