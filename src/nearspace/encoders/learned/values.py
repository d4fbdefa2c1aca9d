"""The vectors of the values of one column, which an encoder of tables has learnt."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nearspace.data import Text
from nearspace.encoders.base import Encoder
from nearspace.encoders.categories import UNSEEN, Categories
from nearspace.encoders.learned.entity import EntityEmbedding
from nearspace.errors import NearspaceError, did_you_mean

__all__ = ["ValueVectors"]

FEW_ROWS = 10  # in which a value has hardly been learnt
NAMED = 3  # values that a note names


class ValueVectors(Encoder):
    """Values of a column, each a text, by the vectors that `EntityEmbedding` learnt of them.

    It is made by `of_column`. What was no value of the column has the vector of unseen values.

    Parameters
    ----------
    column : str
        Its name.

    Attributes
    ----------
    values_ : dict
        The state of the `Categories` of the column.
    table_ : ndarray of shape (codes, d), float32
        The vectors by their codes: of missing cells, of unseen values, of values.

    Examples
    --------
    >>> from nearspace import load, make
    >>> customers = load("customers")
    >>> entity = make("entity(epochs=1)").fit(customers.items, customers.target)
    >>> plans = ValueVectors.of_column(entity, "plan")
    >>> plans.transform(["basic", "plus"]).shape
    (2, 3)
    >>> plans.notes_on(["bsic"])
    ("'bsic' is no value of 'plan', and has the vector of unseen ones. Did you mean 'basic'?",)
    """

    kinds = frozenset({Text})
    learns = "items"
    zero_means = "nothing that was learnt"
    values_: dict[str, Any]
    table_: NDArray[np.float32]

    def __init__(self, column: str = ""):
        self.column = column

    @classmethod
    def of_column(cls, encoder: EntityEmbedding, column: str) -> Self:
        """Return the vectors of the values of a column of categories that a fitted encoder read."""
        self = cls(column)
        at = [*encoder.codes.values].index(column)
        values = encoder.codes.values[column]
        self.begin_fit(values.values or [""], None)
        self.values_ = values.state
        self.n_samples_fit_ = encoder.n_samples_fit_
        table: Any = encoder.nets_["encoder"].get_submodule(f"entities.tables.{at}")
        self.table_ = table.weight.detach().cpu().numpy().copy()
        return self

    @property
    def values(self) -> Categories:
        """The values, by their codes."""
        if "_values" not in self.__dict__:
            self._values = Categories.from_state(self.values_)
        return self._values

    def _fit(self, items: Any, y: Any) -> None:
        raise NearspaceError(
            "ValueVectors is made of a table, as column_space does, and is not fitted on texts."
        )

    def _transform(self, items: list[str]) -> np.ndarray:
        return self.table_[self._codes(items)]

    def _codes(self, items: list[str]) -> NDArray[np.int64]:
        import pandas as pd

        return self.values.codes(pd.Series(items, dtype=object))

    @property
    def _n_features_out(self) -> int:
        return self.table_.shape[1]

    def check_whole(self) -> None:
        """Raise an error unless there is a finite vector for every value."""
        super().check_whole()
        if len(self.values) != len(self.table_):
            raise ValueError("it has not one vector for each value")

    @property
    def notes(self) -> tuple[str, ...]:
        """Which values stand in few rows, and what was left out."""
        counts = self.values.counts
        few = np.flatnonzero(counts < FEW_ROWS)
        notes = self.values.note_on(self.column)
        if not len(few):
            return notes
        names = [f"'{self.values.values[at]}'" for at in few[:NAMED].tolist()]
        more = f", and {len(few) - NAMED:,} more" if len(few) > NAMED else ""
        stand, have = ("stands", "has") if len(few) == 1 else ("stand", "have")
        return (
            *notes,
            f"{len(few):,} of {len(counts):,} values {stand} in fewer than {FEW_ROWS} rows "
            f"({', '.join(names)}{more}), and {have} hardly been learnt.",
        )

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return which texts are no values of the column."""
        items = self._check(X, reset=False)
        unseen = self._codes(items) == UNSEEN
        named = dict.fromkeys(items[at] for at in np.flatnonzero(unseen).tolist())
        return tuple(
            f"{name[:60]!r} is no value of '{self.column}', and has the vector of unseen ones. "
            + did_you_mean(name, self.values.values)
            for name in list(named)[:NAMED]
        )
