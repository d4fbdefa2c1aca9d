"""Cells of tables, each in the dimension that a hash gives it."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils import murmurhash3_32
from sklearn.utils._param_validation import Interval

from nearspace.encoders.base import Encoder
from nearspace.encoders.blocks import row_blocks, stacked
from nearspace.encoders.categories import FIRST_VALUE, Categories
from nearspace.encoders.handmade.cells import Cells
from nearspace.encoders.handmade.codings import Coding

__all__ = ["Hashed"]


class Hashed(Cells):
    """Cells in the dimensions that a hash gives their names, sparse, for categories without end.

    A category is 1 or -1 in the dimension of ``"column=category"``, a number is its scaled self
    in that of ``"column"``, and a missing cell 1 or -1 in that of ``"column missing"``, with the
    hash and the signs of scikit-learn's ``FeatureHasher`` (Weinberger et al., 2009). No vocabulary
    is kept, so that no category is unknown, and a column with a million of them takes no more
    memory than one with two. What shares a dimension is taken for one another.

    Parameters
    ----------
    n_features : int, default=262144
        Length of the vectors.
    numbers : {"scale", "quantile", "piecewise"}, default="scale"
        What becomes of numbers: scaled to mean 0 and variance 1, moved to a standard normal
        distribution by their quantiles, or piecewise-linear in eight bins (Gorishniy et al., 2022).
        A missing one stands at the mean, or at the median.
    texts : Encoder or str, optional
        An encoder of texts, or its spec, for columns of texts; without one they are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> towns = pd.DataFrame({"town": ["Oslo", "Rome", "Oslo"], "age": [30.0, 40.0, 50.0]})
    >>> vectors = Hashed(n_features=16).fit_transform(towns)
    >>> vectors.shape, vectors.nnz
    ((3, 16), 5)
    """

    n_features: int
    in_blocks = False
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Cells._parameter_constraints,
        "n_features": [Interval(Integral, 1, np.iinfo(np.int32).max, closed="both")],
    }

    def __init__(
        self,
        n_features: int = 2**18,
        *,
        numbers: str = "scale",
        texts: Encoder | str | None = None,
    ):
        self.n_features = n_features
        self.numbers = numbers
        self.texts = texts

    def _of_categories(self, column: Any, several: bool) -> Coding | None:
        return None  # nothing is learnt of them

    def _fit(self, items: Any, y: Any) -> None:
        super()._fit(items, y)
        self.width_ = self.n_features

    @property
    def _n_features_out(self) -> int:
        return self.width_

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a number for every dimension, since several names share one."""
        return Encoder.get_feature_names_out(self, input_features)

    def _transform(self, items: Any) -> sparse.csr_array:
        import pandas as pd

        # Of all rows, since each category is hashed once, however many blocks it stands in.
        hashed = {}
        for name in [name for name, of in self._columns if of == "category"]:
            codes, different = pd.factorize(items[name].to_numpy(dtype=object))
            dimensions, signs = self._dimensions(f"{name}={each}" for each in different)
            # A missing cell has the code -1, and so what stands last: nothing.
            nothing = np.zeros(1, np.int32), np.zeros(1, np.float32)
            hashed[name] = (
                codes.astype(np.int32),
                np.append(dimensions, nothing[0]),
                np.append(signs, nothing[1]),
            )
        blocks = (self._block(items.iloc[rows], rows, hashed) for rows in row_blocks(items))
        return stacked(blocks, self.width_)

    def _block(
        self, items: Any, rows: slice, hashed: dict[str, tuple[Any, Any, Any]]
    ) -> sparse.csr_array:
        """Return the vectors of some rows: what cells are in their dimensions, added up."""
        codings = {name: coding for name, _, coding in self._codings}
        dimensions, values, more = [], [], []  # of as many numbers in every row, or of any number
        for name in [name for name, _ in self._columns if name not in self._left_out]:
            missing = items[name].isna().to_numpy()
            if missing.any():
                at, signs = self._dimensions([f"{name} missing"])
                dimensions.append(np.broadcast_to(at, (len(items), 1)))
                values.append(missing[:, None] * signs)
            if name in hashed:
                codes, at, signs = hashed[name]
                dimensions.append(at[codes[rows], None])
                values.append(signs[codes[rows], None])
            elif name not in codings:
                more.append(self._of_several(name, items[name]))
            else:
                cells: Any = codings[name].transform(items[name])
                at, signs = self._dimensions(codings[name].names(name))
                if sparse.issparse(cells):
                    data = cells.data * signs[cells.indices]
                    more.append(self._rows(data, at[cells.indices], cells.indptr))
                else:
                    dimensions.append(np.broadcast_to(at, cells.shape))
                    values.append(cells * signs)
        if dimensions:
            numbers = np.hstack(values, dtype=np.float32, casting="same_kind")
            there = numbers != 0
            ends = np.append(0, np.cumsum(there.sum(axis=1)))
            more.append(self._rows(numbers[there], np.hstack(dimensions)[there], ends))
        return sum(more[1:], more[0])

    def _rows(self, data: np.ndarray, dimensions: np.ndarray, ends: np.ndarray) -> sparse.csr_array:
        """Return rows of numbers in dimensions, in each of which those of one row are added up."""
        shape = (len(ends) - 1, self.width_)
        rows = sparse.csr_array((data, dimensions, ends.astype(np.int32)), shape=shape)
        rows.sum_duplicates()
        return rows

    def _of_several(self, name: str, column: Any) -> sparse.csr_array:
        """Return the vectors of cells that hold several categories."""
        categories = Categories.of(column, several=True)
        at, signs = self._dimensions(f"{name}={each}" for each in categories.values)
        codes, ends = categories.codes_of_each(column)
        return self._rows(signs[codes - FIRST_VALUE], at[codes - FIRST_VALUE], ends)

    def _dimensions(self, names: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the dimension of each name, and whether it counts there as 1 or as -1.

        They are those of `FeatureHasher`, which takes twelve times as long to hash single names.
        """
        hashes = np.fromiter((murmurhash3_32(name, seed=0) for name in names), np.int64)
        signs = np.where(hashes < 0, -1, 1).astype(np.float32)
        return (np.abs(hashes) % self.width_).astype(np.int32), signs
