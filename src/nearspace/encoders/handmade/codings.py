"""What the cells of one column of a table become: numbers, and a name for each."""

from __future__ import annotations

import dataclasses
import functools
import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone

from nearspace.data import Text
from nearspace.data.columns import named
from nearspace.data.rounding import NOISE
from nearspace.encoders.base import Encoder
from nearspace.encoders.categories import FIRST_VALUE, MISSING, UNSEEN, Categories
from nearspace.encoders.fitted_value import FittedValue
from nearspace.encoders.numbers import (
    CYCLES,
    date_cycles,
    date_features,
    date_names,
    piecewise_linear,
    piecewise_names,
    quantile_edges,
    quantile_transform,
    quantiles,
    years,
)
from nearspace.metrics.exact import in_range

if TYPE_CHECKING:
    import pandas as pd
    from scipy import sparse

__all__ = [
    "NUMBERS",
    "AmountCoding",
    "Coding",
    "DateCoding",
    "HotCoding",
    "NumberCoding",
    "TextCoding",
    "codes_by_row",
    "in_order",
    "share_unseen",
    "texts_left_out",
]

NUMBERS = ("scale", "quantile", "piecewise")  # ways of columns of numbers
BINS = 8  # piecewise-linear, whose variances come to about that of a column that is scaled


@dataclasses.dataclass(frozen=True, eq=False)
class Coding(FittedValue):
    """What the cells of one column become, learnt from those of the training rows."""

    @abstractmethod
    def transform(self, column: pd.Series) -> np.ndarray | sparse.csr_array:
        """Return ``(n, width)`` numbers of ``n`` checked cells."""

    @abstractmethod
    def names(self, name: str) -> list[str]:
        """Return a name for each number of a cell of the column of a name."""


@dataclasses.dataclass(frozen=True, eq=False)
class NumberCoding(Coding):
    """Numbers scaled, by their place among quantiles, or piecewise-linear; one missing is usual.

    Attributes
    ----------
    way : {"scale", "quantile", "piecewise"}
        What becomes of them.
    middle, scale : float
        Mean and standard deviation where they are scaled; else the median, and 1.
    at : ndarray
        Quantiles, or the edges of bins; none where they are scaled.
    """

    way: str
    middle: float
    scale: float
    at: NDArray[np.float64]

    @classmethod
    def of(cls, numbers: np.ndarray, way: str, **more: Any) -> Self:
        """Return the coding of a column of float64 with NaN where a number is missing."""
        present = numbers[~np.isnan(numbers)]
        at = np.empty(0)
        if way == "quantile":
            at = quantiles(numbers)
        elif way == "piecewise":
            at = quantile_edges(numbers, BINS)
            if len(at) < 2:  # no bin: what is the same in all rows only loses its mean
                way, at = "scale", np.empty(0)
        if way != "scale" and len(present):
            return cls(way=way, middle=float(np.median(present)), scale=1.0, at=at, **more)
        present, factor = in_range(present)
        mean, spread = (present.mean(), present.std()) if len(present) else (0.0, 0.0)
        scale = float(spread / factor) if spread > NOISE * abs(mean) else 1.0
        return cls(way="scale", middle=float(mean / factor), scale=scale, at=np.empty(0), **more)

    def transform(self, column: pd.Series) -> np.ndarray:
        """Return ``(n, width)`` numbers of ``n`` checked cells."""
        return self.of_numbers(column.to_numpy(dtype=np.float64))

    def of_numbers(self, values: np.ndarray) -> np.ndarray:
        """Return ``(n, width)`` numbers of ``n`` of float64; NaN stands in the middle."""
        filled = np.where(np.isnan(values), self.middle, values)
        if self.way == "quantile":
            return quantile_transform(filled, self.at, "normal")[:, None]
        if self.way == "piecewise":
            return piecewise_linear(filled, self.at)
        with np.errstate(over="ignore"):
            return ((filled - self.middle) / self.scale)[:, None]

    def names(self, name: str) -> list[str]:
        """Return a name for each number of a cell of the column of a name."""
        return piecewise_names(name, self.at) if self.way == "piecewise" else [name]

    def check(self) -> None:
        """Raise an error unless there are quantiles or rising edges where they are needed."""
        fewest = {"scale": 0, "quantile": 1, "piecewise": 2}
        if self.way not in fewest or not self.scale > 0:
            raise ValueError(f"numbers are no {self.way!r} by {self.scale}")
        steps = np.diff(self.at)
        rising = (steps > 0).all() if self.way == "piecewise" else (steps >= 0).all()
        if self.at.ndim != 1 or len(self.at) < fewest[self.way] or not rising:
            raise ValueError(f"the numbers by which others are told do not rise: {self.way}")
        if self.way == "scale" and len(self.at):
            raise ValueError("what is scaled has no quantiles")


@dataclasses.dataclass(frozen=True, eq=False)
class DateCoding(NumberCoding):
    """The year as a number, and sine and cosine of the cycles in which dates differ.

    A missing date stands in the middle year, and in the middle of every circle.
    """

    cycles: list[str]

    @classmethod
    def of_column(cls, column: pd.Series, way: str) -> Self:
        """Return the coding of a column of dates."""
        dates = _dates(column)
        return cls.of(years(dates), way, cycles=list(date_cycles(dates)))

    def transform(self, column: pd.Series) -> np.ndarray:
        """Return ``(n, width)`` numbers of ``n`` checked cells."""
        features = date_features(_dates(column), self.cycles)
        circles = np.nan_to_num(features[:, 1:])
        return np.hstack([self.of_numbers(features[:, 0]), circles])

    def names(self, name: str) -> list[str]:
        """Return a name for each number of a cell of the column of a name."""
        year, *circles = date_names(name, self.cycles)
        return [*super().names(year), *circles]

    def check(self) -> None:
        """Raise an error unless its cycles are some that there are."""
        super().check()
        if self.cycles != [cycle for cycle in CYCLES if cycle in self.cycles]:
            raise ValueError(f"dates have no such cycles: {self.cycles}")


@dataclasses.dataclass(frozen=True, eq=False)
class HotCoding(Coding):
    """A column for each category and one for others; 1 where the cell holds it.

    Attributes
    ----------
    values : list of str
        The categories, the commonest first.
    several : bool
        Whether a cell holds several.
    n_seen : int
        How many different ones the training rows hold.
    """

    values: list[str]
    several: bool
    n_seen: int

    @classmethod
    def of(cls, column: pd.Series, most: int | None, several: bool) -> Self:
        """Return the coding of a column of categories, of the commonest of them."""
        categories = Categories.of(column, most, several=several)
        return cls(categories.values, several, categories.seen[0])

    def transform(self, column: pd.Series) -> np.ndarray:
        """Return ``(n, width)`` numbers of ``n`` checked cells."""
        categories, n = self._categories, len(self.values)
        rows, codes = codes_by_row(categories, column, self.several)
        hot = np.zeros((len(column), n + 1), np.float32)
        seen, other = codes >= FIRST_VALUE, codes == UNSEEN
        hot[rows[seen], codes[seen] - FIRST_VALUE] = 1
        hot[rows[other], n] = 1
        return hot

    def names(self, name: str) -> list[str]:
        """Return a name for each number of a cell of the column of a name."""
        return [f"{name}={value}" for value in (*self.values, "other")]

    @functools.cached_property
    def _categories(self) -> Categories:
        return _categories_of(self.values)

    def check(self) -> None:
        """Raise an error unless no category stands twice."""
        if len(set(self.values)) < len(self.values):
            raise ValueError("a category stands twice")


@dataclasses.dataclass(frozen=True, eq=False)
class AmountCoding(NumberCoding):
    """A number for each category, and then what becomes of numbers.

    Attributes
    ----------
    values : list of str
        The categories.
    amounts : ndarray of shape (2 + categories,), float64
        The numbers of a missing cell, of a category that was not seen, and of each.
    several : bool
        Whether a cell holds several categories, whose numbers are then averaged.
    """

    values: list[str]
    amounts: NDArray[np.float64]
    several: bool

    @classmethod
    def ranked(cls, column: pd.Series, way: str) -> Self:
        """Return the coding of categories by their place in order: -1 where one is missing."""
        values = in_order(Categories.of(column).values)
        amounts = np.array([-1, len(values), *range(len(values))], np.float64)
        return cls._of(column, way, values, amounts, several=False)

    @classmethod
    def counted(cls, column: pd.Series, way: str, several: bool) -> Self:
        """Return the coding of categories by the logarithm of the share of rows that hold them."""
        categories = Categories.of(column, several=several)
        counts = np.array([column.isna().sum(), 0, *categories.counts], np.float64)
        amounts = np.log((counts + 1) / (len(column) + 1))
        return cls._of(column, way, categories.values, amounts, several)

    @classmethod
    def _of(
        cls, column: pd.Series, way: str, values: list[str], amounts: np.ndarray, several: bool
    ) -> Self:
        numbers = _averaged(_categories_of(values), column, amounts, several)
        return cls.of(numbers, way, values=values, amounts=amounts, several=several)

    def transform(self, column: pd.Series) -> np.ndarray:
        """Return ``(n, width)`` numbers of ``n`` checked cells."""
        return self.of_numbers(_averaged(self._categories, column, self.amounts, self.several))

    @functools.cached_property
    def _categories(self) -> Categories:
        return _categories_of(self.values)

    def check(self) -> None:
        """Raise an error unless each category has a number."""
        super().check()
        n = len(self.values)
        if len(set(self.values)) < n or self.amounts.shape != (n + FIRST_VALUE,):
            raise ValueError("categories and their numbers do not belong together")


@dataclasses.dataclass(frozen=True, eq=False)
class TextCoding(Coding):
    """The vectors of texts, by an encoder of their own; a missing cell is an empty text.

    Attributes
    ----------
    encoder : Encoder
        Fitted to the texts of the training rows.
    """

    encoder: Encoder

    @classmethod
    def of(cls, column: pd.Series, encoder: Encoder) -> Self:
        """Return the coding of a column of texts by an encoder, fitted to them."""
        return cls(clone(encoder).fit_items(_texts(column), None, Text()))

    def transform(self, column: pd.Series) -> np.ndarray | sparse.csr_array:
        """Return ``(n, width)`` numbers of ``n`` checked cells."""
        return self.encoder.transform(_texts(column))

    def names(self, name: str) -> list[str]:
        """Return a name for each number of a cell of the column of a name."""
        return [f"{name}: {each}" for each in self.encoder.get_feature_names_out()]

    def notes_on(self, column: pd.Series) -> tuple[str, ...]:
        """Return what there is to say of the texts in checked cells."""
        return self.encoder.notes_on(_texts(column))

    @functools.cached_property
    def is_sparse(self) -> bool:
        """Whether its vectors are."""
        return issparse(self.encoder.transform([""]))

    def check(self) -> None:
        """Raise an error unless the encoder is whole, and of texts."""
        self.encoder.check_whole()
        if self.encoder.kind_.name != "text":
            raise TypeError(f"texts go to an encoder of {self.encoder.kind_.plural}")


def codes_by_row(
    categories: Categories, column: pd.Series, several: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the code of each category in the cells of a column.

    Of a missing cell that is one code, or none where a cell holds several.
    """
    if not several:
        return np.arange(len(column)), categories.codes(column)
    codes, offsets = categories.codes_of_each(column)
    return np.repeat(np.arange(len(column)), np.diff(offsets)), codes


def share_unseen(coding: HotCoding | AmountCoding, column: pd.Series) -> float:
    """Return which share of the categories in the cells of a column was not seen in training.

    It is 0 where not all that were seen are known, since rare ones have no dimension.
    """
    _, codes = codes_by_row(_categories_of(coding.values), column, coding.several)
    present = codes[codes != MISSING]
    if not len(present) or (isinstance(coding, HotCoding) and coding.n_seen > len(coding.values)):
        return 0.0
    return float((present == UNSEEN).mean())


def texts_left_out(names: list[str], instead: str) -> tuple[str, ...]:
    """Return the note that columns of texts are left out, where there are such.

    Examples
    --------
    >>> texts_left_out(["remark"], "texts='tfidf'")
    ("Columns of texts are left out: 'remark'; texts='tfidf' takes them in.",)
    """
    if not names:
        return ()
    return (f"Columns of texts are left out: {named(names)}; {instead} takes them in.",)


def in_order(values: list[str]) -> list[str]:
    """Return categories by their numbers where all are numbers, else as texts.

    Whole numbers within texts count as numbers, so that "5 to 9" stands before "10 to 14".

    Examples
    --------
    >>> in_order(["10", "9.5", "-1"]), in_order(["b", "10 to 14", "5 to 9", "a"])
    (['-1', '9.5', '10'], ['5 to 9', '10 to 14', 'a', 'b'])
    """
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        numbers = [np.nan]
    if np.isfinite(numbers).all():
        return [value for _, value in sorted(zip(numbers, values, strict=True))]
    return sorted(values, key=lambda value: (_natural(value), value))


def _categories_of(values: list[str]) -> Categories:
    """Return the codes of values of which nothing else is wanted."""
    return Categories(values, np.zeros(len(values), np.int64))


def _natural(value: str) -> list[str | int]:
    """Return text and whole numbers by turns, so that like is compared with like."""
    parts = re.split(r"([0-9]{1,18})", value)
    return [int(part) if at % 2 else part for at, part in enumerate(parts)]


def _averaged(
    categories: Categories, column: pd.Series, amounts: np.ndarray, several: bool
) -> np.ndarray:
    """Return the numbers of cells; of several categories in one their mean."""
    rows, codes = codes_by_row(categories, column, several)
    lengths = np.bincount(rows, minlength=len(column))
    sums = np.bincount(rows, amounts[codes], minlength=len(column))
    return np.where(lengths, sums / np.maximum(lengths, 1), amounts[MISSING])


def _dates(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype="datetime64[us]")


def _texts(column: pd.Series) -> list[str]:
    return ["" if text is None else text for text in column.tolist()]
