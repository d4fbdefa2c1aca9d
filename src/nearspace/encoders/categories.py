"""`Categories`: the values of one column of a table, each with a number."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from nearspace.data.column_types import SIGNS
from nearspace.encoders.fitted_value import FittedValue

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIRST_VALUE", "MISSING", "SIGN", "UNSEEN", "Categories"]

MISSING, UNSEEN, FIRST_VALUE = 0, 1, 2  # codes; what is below the last is no value's
SIGN = SIGNS[0]  # between the values of a cell that holds several


@dataclasses.dataclass(frozen=True, eq=False)
class Categories(FittedValue):
    """The values of a column, each with a code; 0 is a missing cell and 1 any other value.

    Attributes
    ----------
    values : list of str
        What has the codes from 2 on: the commonest first, equally common ones by their text.
    counts : ndarray of shape (values,), int64
        How many cells hold each.
    seen : (int, int)
        How many different values the column had, and how many in all cells together.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.Series(["Rome", "Oslo", None, "Rome", "Bonn"], dtype=object)
    >>> towns = Categories.of(cells, most=2)
    >>> towns.values, towns.counts.tolist()
    (['Rome', 'Bonn'], [2, 1])
    >>> towns.codes(pd.Series(["Bonn", None, "Oslo"], dtype=object)).tolist()
    [3, 0, 1]
    >>> towns.note_on("town")
    ("Of 'town' it has the 2 commonest of 3 values; the others are 25.0 % of all.",)
    """

    values: list[str]
    counts: NDArray[np.int64]
    seen: tuple[int, int] = (0, 0)

    @classmethod
    def of(
        cls,
        column: pd.Series,
        most: int | None = None,
        at_least: int = 1,
        several: bool = False,
    ) -> Self:
        """Return the values of a column.

        Parameters
        ----------
        column : Series of n str or None
            A checked column of the type ``"category"`` or ``"categories"``.
        most : int, optional
            How many values there are at most, the commonest first.
        at_least : int, default=1
            How many cells hold a value.
        several : bool, default=False
            Whether a cell holds several values, with ``"|"`` between them.
        """
        import pandas as pd

        cells = column.to_numpy(dtype=object)
        if several:
            cells = _taken_apart(cells)[0]
        codes, named = pd.factorize(cells)
        counts = np.bincount(codes[codes >= 0], minlength=len(named)).astype(np.int64)
        by_text = np.argsort(named, kind="stable")
        order = by_text[np.argsort(-counts[by_text], kind="stable")]
        order = order[counts[order] >= at_least][:most]
        return cls(named[order].tolist(), counts[order], (len(named), int(counts.sum())))

    def __len__(self) -> int:
        """Return how many codes there are, the two of no value among them."""
        return FIRST_VALUE + len(self.values)

    def codes(self, column: pd.Series) -> NDArray[np.int64]:
        """Return the code of every cell that holds one value.

        Parameters
        ----------
        column : Series of n str or None
            A checked column of the type ``"category"``.

        Returns
        -------
        ndarray of shape (n,), int64
            From 0 to ``len(self) - 1``.
        """
        return self._codes_of(column.to_numpy(dtype=object))

    def codes_of_each(self, column: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the codes of all values of every cell, one cell after the other.

        Parameters
        ----------
        column : Series of n str or None
            A checked column of the type ``"categories"``.

        Returns
        -------
        flat : ndarray of shape (values in all cells,), int64
            The codes, in the order of the values in a cell; none of a missing cell.
        offsets : ndarray of shape (n + 1,), int64
            Where each cell begins: that in row i is ``flat[offsets[i]:offsets[i + 1]]``.
        """
        import pandas as pd

        # Few combinations are in many rows: each is taken apart and looked up once.
        rows, different = pd.factorize(column.to_numpy(dtype=object))
        values, lengths = _taken_apart(different)
        flat, starts = self._codes_of(values), np.cumsum(lengths) - lengths
        present = rows >= 0
        own = np.zeros(len(rows), np.int64)
        own[present] = lengths[rows[present]]
        offsets = np.append(0, np.cumsum(own))
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], own)
        return flat[np.repeat(starts[rows[present]], own[present]) + within], offsets

    def note_on(self, name: str) -> tuple[str, ...]:
        """Return what of the column of a name was left out, where something was."""
        different, total = self.seen
        if different == len(self.values):
            return ()
        share = 100 * (1 - self.counts.sum() / total)
        return (
            f"Of '{name}' it has the {len(self.values):,} commonest of {different:,} values; the "
            f"others are {share:.1f} % of all.",
        )

    def check(self) -> None:
        """Raise an error unless the values differ, and each has a count."""
        n = len(self.values)
        if len(set(self.values)) < n or self.counts.shape != (n,):
            raise ValueError("they are no different values, each with its count")

    @functools.cached_property
    def _index(self) -> pd.Index:
        import pandas as pd

        return pd.Index(np.array(self.values, dtype=object), dtype=object)

    def _codes_of(self, cells: NDArray[np.object_]) -> NDArray[np.int64]:
        import pandas as pd

        codes = self._index.get_indexer(pd.Index(cells, dtype=object)) + FIRST_VALUE
        codes[codes < FIRST_VALUE] = UNSEEN
        codes[pd.isna(cells)] = MISSING
        return codes.astype(np.int64, copy=False)


def _taken_apart(cells: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the values of cells that are not missing, and how many each of those has."""
    import pandas as pd

    present = cells[pd.notna(cells)].tolist()
    signs = np.fromiter(map(str.count, present, itertools.repeat(SIGN)), np.int64, len(present))
    flat = SIGN.join(present).split(SIGN) if present else []
    values = np.empty(len(flat), dtype=object)
    values[:] = flat
    return values, signs + 1
