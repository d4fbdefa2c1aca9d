"""Tables: one-hot categories and scaled numbers, with missing cells visible."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Table
from nearspace.encoders.base import Encoder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OneHot", "codes", "learn_columns"]


class OneHot(Encoder):
    """Categories one-hot, numbers scaled to mean 0 and variance 1, missing cells as such.

    A column in which cells were missing gets a column of its own that says so; a missing number
    then stands at the mean. A category that was not seen in training, or was too rare, counts as
    "other".

    Parameters
    ----------
    max_categories : int, default=30
        Categories kept of each column, the commonest first.

    Examples
    --------
    >>> from nearspace import load
    >>> customers = load("customers")
    >>> vectors = OneHot().fit_transform(customers.items)
    >>> len(vectors) == len(customers)
    True
    """

    kinds = frozenset({Table})
    learns = "items"
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "max_categories": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, max_categories: int = 30):
        self.max_categories = max_categories

    def _fit(self, items: pd.DataFrame, y: Any) -> None:
        self.columns_ = learn_columns(items, self.max_categories)

    def _transform(self, items: pd.DataFrame) -> np.ndarray:
        blocks = []
        for column in self.columns_:
            values = items[column["name"]]
            missing = values.isna().to_numpy()
            if column["type"] == "number":
                scaled = (_numbers(values, column["mean"]) - column["mean"]) / column["scale"]
                blocks.append(scaled[:, None])
            else:
                code, other = _category_codes(values, column), len(column["categories"])
                code = np.where((code < 0) & ~missing, other, code)
                blocks.append(code[:, None] == np.arange(other + 1))
            if column["missing"]:
                blocks.append(missing[:, None])
        return np.hstack(blocks).astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every dimension, such as ``"species=Adelie"`` or ``"mass"``."""
        check_is_fitted(self)
        names: list[str] = []
        for column in self.columns_:
            name = column["name"]
            if column["type"] == "number":
                names.append(name)
            else:
                names += [f"{name}={category}" for category in (*column["categories"], "other")]
            if column["missing"]:
                names.append(f"{name} missing")
        return np.array(names, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.get_feature_names_out())


def learn_columns(frame: pd.DataFrame, max_categories: int | None) -> list[dict[str, Any]]:
    """Return what is to be known of each column: mean and scale, or categories; missing cells."""
    learnt = []
    for name, kind in Table.infer(frame).columns:
        values = frame[name]
        column: dict[str, Any] = {"name": name, "type": kind, "missing": bool(values.isna().any())}
        if kind == "number":
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            present = numbers[~np.isnan(numbers)]
            column["mean"] = float(present.mean()) if len(present) else 0.0
            scale = float(present.std()) if len(present) else 0.0
            column["scale"] = scale if scale > 0 else 1.0
        else:
            text = values.dropna().astype(str)
            categories = text.unique() if max_categories is None else text.value_counts().index
            column["categories"] = [str(category) for category in categories[:max_categories]]
        learnt.append(column)
    return learnt


def codes(frame: pd.DataFrame, columns: list[dict[str, Any]]) -> np.ndarray:
    """Return one number a cell: numbers as they are, categories counted from 0, missing -1."""
    return np.column_stack(
        [
            _numbers(frame[column["name"]], column["mean"])
            if column["type"] == "number"
            else _category_codes(frame[column["name"]], column)
            for column in columns
        ]
    ).astype(np.float32)


def _numbers(values: pd.Series, fill: float) -> np.ndarray:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), fill, numbers)


def _category_codes(values: pd.Series, column: dict[str, Any]) -> np.ndarray:
    """Return the position of each category, -1 where it is missing or not among the column's."""
    positions = {category: index for index, category in enumerate(column["categories"])}
    text = values.astype(str).where(values.notna(), None)
    return text.map(positions).fillna(-1).to_numpy(dtype=np.int64)
