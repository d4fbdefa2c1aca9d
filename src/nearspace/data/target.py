"""`Target`: what is to be told from an item, its class or its number, and what follows from it."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.roles import check_numbers, is_missing, plain_values, value_array
from nearspace.errors import DataError
from nearspace.notebook import shortened

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Classes",
    "Numbers",
    "Target",
    "check_length",
    "target_of",
    "without_missing",
]

# Of numbers, so that a split has low and high ones on both sides: at most so many, not smaller.
MOST_BINS, SMALLEST_BIN = 10, 5
NAMED = 4  # values on one line


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Target(ABC):
    """One value an item, and what whoever learns or judges asks of them.

    Attributes
    ----------
    values : ndarray of shape (n,)
        The class or the number of each item.
    name : str
        ``"classes"`` or ``"numbers"``.
    parts, loss_name : str
        What `strata` and `loss` are called.
    """

    values: np.ndarray
    name: ClassVar[str]
    parts: ClassVar[str]
    loss_name: ClassVar[str]
    registry: ClassVar[dict[str, type[Target]]] = {}

    def __init_subclass__(cls) -> None:
        Target.registry[cls.name] = cls

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values))

    def __repr__(self) -> str:
        """Return how many values there are, and the first, on one line."""
        first = ", ".join(shortened(value, 12) for value in self.values[:NAMED].tolist())
        return f"{type(self).__name__}({len(self):,}: {first}{', …' * (len(self) > NAMED)})"

    def __len__(self) -> int:
        return len(self.values)

    @property
    def varies(self) -> bool:
        """Whether not all values are the same."""
        return bool((self.values != self.values[:1]).any())

    def take(self, rows: Any) -> Self:
        """Return the target of the items at ``rows`` (positions, or a mask of bool)."""
        return type(self)(self.values[rows])

    @property
    @abstractmethod
    def strata(self) -> np.ndarray:
        """The part of each item, 0 … p - 1, of which both sides of a split want their share."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many outputs of a network tell the value of an item."""

    @property
    @abstractmethod
    def texts(self) -> tuple[str, ...]:
        """The values as a reader sees them."""

    @property
    @abstractmethod
    def colours(self) -> tuple[np.ndarray, list[str]]:
        """A number an item to colour it by, and the names of the numbers; none on a scale."""

    @abstractmethod
    def guess(self) -> Any:
        """Return the value to guess of an item of which nothing is known."""

    @staticmethod
    @abstractmethod
    def vote(neighbours: np.ndarray) -> np.ndarray:
        """Return what neighbours tell, from their values ``(q, k)``, nearest first."""

    @abstractmethod
    def score(self, truth: np.ndarray, told: np.ndarray) -> np.ndarray:
        """Return how well each of the values ``told`` fits the true ones: 1 where it is right."""

    @abstractmethod
    def linear(self, penalty: float | None = None, start: Any = None) -> Any:
        """Return scikit-learn's linear model that tells the values from scaled vectors, unfitted.

        ``penalty`` is what its squared weights cost; None is the library's or the model's choice.
        ``start`` is a fitted one of the same classes, from which to search the way to this one.
        """

    @staticmethod
    @abstractmethod
    def fit_of(model: Any, vectors: Any, values: np.ndarray) -> float:
        """Return how well a fitted `linear` model fits other items: the higher the better."""

    @abstractmethod
    def from_linear(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights ``(width, d)`` and biases ``(width,)`` of a layer that tells as much.

        Those given are of a fitted `linear` model.
        """

    @abstractmethod
    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return values as `loss` takes them."""

    @abstractmethod
    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return the values that outputs ``(n, width)`` of a network stand for."""

    @staticmethod
    @abstractmethod
    def loss(outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the mean loss of outputs ``(n, width)`` against encoded values ``(n,)``."""

    @abstractmethod
    def split_notes(self, train: np.ndarray, test: np.ndarray) -> list[str]:
        """Return what a side of a split lacks, in sentences."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Classes(Target):
    """The class of each item.

    Examples
    --------
    >>> target = Classes(np.array(["b", "a", "b"]))
    >>> target.strata.tolist(), target.width, str(target.guess())
    ([1, 0, 1], 2, 'b')
    >>> Classes.vote(np.array([["a", "b", "b"], ["c", "a", "b"]])).tolist()
    ['b', 'c']
    """

    name = "classes"
    parts = "classes"
    loss_name = "cross_entropy"

    @functools.cached_property
    def _classes(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(self.values, return_inverse=True)

    @property
    def classes(self) -> np.ndarray:
        """The different classes, sorted."""
        return self._classes[0]

    @property
    def strata(self) -> np.ndarray:
        """The number of each item's class."""
        return self._classes[1]

    @property
    def width(self) -> int:
        """One logit a class."""
        return len(self.classes)

    @property
    def texts(self) -> tuple[str, ...]:
        """The classes as text."""
        return tuple(map(str, self.values))

    @property
    def colours(self) -> tuple[np.ndarray, list[str]]:
        """The number of each item's class, and the classes in their natural order."""
        names = list(map(str, self.classes))
        try:
            order = np.argsort([float(name) for name in names], kind="stable")
        except ValueError:
            order = np.arange(len(names))
        return np.argsort(order)[self.strata], [names[at] for at in order]

    def guess(self) -> Any:
        """Return the commonest class, the first of equally common ones."""
        return self.classes[np.bincount(self.strata).argmax()]

    @staticmethod
    def vote(neighbours: np.ndarray) -> np.ndarray:
        """Return the commonest class of each row; of tied ones that of the nearest."""
        votes = [(neighbours == column[:, None]).sum(1) for column in neighbours.T]
        return neighbours[np.arange(len(neighbours)), np.argmax(votes, axis=0)]

    def score(self, truth: np.ndarray, told: np.ndarray) -> np.ndarray:
        """Return 1.0 where the class is right, else 0.0: the mean is the accuracy."""
        return (told == truth).astype(np.float64)

    def linear(self, penalty: float | None = None, start: Any = None) -> Any:
        """Return a logistic regression; its own penalty is 1."""
        from sklearn.linear_model import LogisticRegression

        # On raw MNIST tol=1e-4 takes 174 steps and 25 s for 92.2 %, 1e-3 39 steps and 6 s for 92.6.
        model = LogisticRegression(C=1 / (penalty or 1.0), tol=1e-3, max_iter=200)
        if start is not None:
            model.set_params(warm_start=True)
            model.coef_, model.intercept_ = start.coef_, start.intercept_
        return model

    @staticmethod
    def fit_of(model: Any, vectors: Any, values: np.ndarray) -> float:
        """Return the mean log probability of the right classes, of which some may not be there."""
        told = model.predict_proba(vectors)
        right = told[np.arange(len(values)), np.searchsorted(model.classes_, values)]
        return float(np.log(np.maximum(right, np.finfo(right.dtype).eps)).mean())

    def from_linear(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a row a class, where scikit-learn has one row for two classes."""
        if len(weight) == 1 and self.width == 2:
            return np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2
        return weight, bias

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers of classes, int64."""
        return np.searchsorted(self.classes, values).astype(np.int64)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return the classes with the largest outputs."""
        return self.classes[outputs.argmax(axis=1)]

    @staticmethod
    def loss(outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the cross entropy of logits."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, encoded)

    def split_notes(self, train: np.ndarray, test: np.ndarray) -> list[str]:
        """Say which classes one of the sides has no item of."""
        notes = []
        for side, other, name in ((train, test, "training"), (test, train, "test")):
            absent = np.setdiff1d(self.values[other], self.values[side])
            if len(absent):
                shown = ", ".join(map(str, absent[:5])) + (", …" if len(absent) > 5 else "")
                notes.append(f"No {name} item has the label{'s' * (len(absent) > 1)} {shown}.")
        return notes


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Numbers(Target):
    """A number for each item, on a scale.

    Raises
    ------
    DataError
        If one of them is not a finite number.

    Examples
    --------
    >>> target = Numbers([1.0, 2.0, 6.0])
    >>> float(target.guess()), target.width, target.texts
    (3.0, 1, ('1', '2', '6'))
    >>> target.decode(target.encode(target.values)[:, None]).round(6).tolist()
    [1.0, 2.0, 6.0]
    """

    name = "numbers"
    parts = "ranges of numbers"
    loss_name = "squared_error"

    def __post_init__(self) -> None:
        try:
            values = np.asarray(self.values, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError("Numbers: expected labels that are numbers, got text.") from None
        check_numbers(values, "Numbers")
        object.__setattr__(self, "values", values)

    @functools.cached_property
    def strata(self) -> np.ndarray:
        """The number of each item's bin between quantiles; equal numbers share a bin."""
        bins = min(MOST_BINS, max(1, len(self) // SMALLEST_BIN))
        edges = np.quantile(self.values, np.arange(1, bins) / bins)
        return np.unique(np.searchsorted(edges, self.values), return_inverse=True)[1]

    @property
    def width(self) -> int:
        """One output."""
        return 1

    @property
    def texts(self) -> tuple[str, ...]:
        """The numbers with four digits."""
        return tuple(f"{value:.4g}" for value in self.values)

    @property
    def colours(self) -> tuple[np.ndarray, list[str]]:
        """The numbers themselves."""
        return self.values, []

    @functools.cached_property
    def _scale(self) -> tuple[float, float]:
        """Mean and standard deviation; a deviation of 1 where all are the same."""
        return float(self.values.mean()), float(self.values.std()) or 1.0

    def guess(self) -> float:
        """Return the mean, of which the mean squared error is the least."""
        return self._scale[0]

    @staticmethod
    def vote(neighbours: np.ndarray) -> np.ndarray:
        """Return the mean of each row."""
        return neighbours.mean(axis=1)

    def score(self, truth: np.ndarray, told: np.ndarray) -> np.ndarray:
        """Return each item's share in R², 1 - error² / mean error² of guessing; the mean is R².

        Guessing is the mean of these numbers, which are those learnt from: R² is 0 for whoever
        tells no more than that, and less for whoever tells worse. What guessing errs by is taken
        over all of ``truth``, and as a given when the shares are resampled.
        """
        guessed = np.square(truth - self.guess()).mean()
        if guessed == 0:
            return np.full(len(truth), np.nan)
        return 1 - np.square(truth - told) / guessed

    def linear(self, penalty: float | None = None, start: Any = None) -> Any:
        """Return a ridge regression; its own penalty is what leaves the least error out of fit."""
        from sklearn.linear_model import Ridge, RidgeCV

        return RidgeCV(np.logspace(-1, 5, 13)) if penalty is None else Ridge(penalty)

    @staticmethod
    def fit_of(model: Any, vectors: Any, values: np.ndarray) -> float:
        """Return minus the mean squared error."""
        return -float(np.square(model.predict(vectors) - values).mean())

    def from_linear(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return one row, which tells standardised numbers."""
        mean, scale = self._scale
        return weight / scale, (bias - mean) / scale

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return numbers standardised by these, float32."""
        mean, scale = self._scale
        return ((values - mean) / scale).astype(np.float32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return the numbers of standardised outputs."""
        mean, scale = self._scale
        return outputs[:, 0].astype(np.float64) * scale + mean

    @staticmethod
    def loss(outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the mean squared error."""
        return (outputs[:, 0] - encoded).square().mean()

    def split_notes(self, train: np.ndarray, test: np.ndarray) -> list[str]:
        """Say nothing: numbers that a side lacks lie between others."""
        return []


def check_length(values: Any, n: int, what: str, who: str) -> None:
    """Raise if there is not one value for each of ``n`` items."""
    if len(values) != n:
        raise DataError(f"{who}: expected {n} {what}, one for each item, got {len(values)}.")


def without_missing(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that there are, and which of all those are: not None, NaN or blank.

    Examples
    --------
    >>> labels, there = without_missing(["a", None, "b"])
    >>> labels.tolist(), there.tolist()
    (['a', 'b'], [True, False, True])
    """
    values = value_array(values)
    there = ~is_missing(values)
    return values[there], there


def target_of(values: Any) -> Target:
    """Return values as a target: numbers where one is not whole, else classes.

    Parameters
    ----------
    values : Target or array-like of shape (n,)
        A target is returned as it is.

    Examples
    --------
    >>> target_of([0.5, 2]).name, target_of([1.0, 2.0]).name, target_of(["a", "b"]).name
    ('numbers', 'classes', 'classes')
    """
    if isinstance(values, Target):
        return values
    values = value_array(values)
    if values.dtype.kind in "OScV":
        missing = np.flatnonzero(is_missing(values))
        if len(missing):
            raise DataError(
                f"Labels: row {missing[0]} has none; give each item its label, or leave it out."
            )
        values = plain_values(values, "labels", "Labels")
    if values.dtype.kind == "f":
        check_numbers(values, "Labels")
    continuous = values.dtype.kind == "f" and (values != np.trunc(values)).any()
    return Numbers(values) if continuous else Classes(values)
