"""Cells of tables, each in the dimension that a hash gives it."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from nearspace.encoders.base import Encoder
from nearspace.encoders.blocks import row_blocks
from nearspace.encoders.categories import FIRST_VALUE, Categories
from nearspace.encoders.handmade.cells import Cells
from nearspace.encoders.handmade.codings import Coding, codes_by_row

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
        parts = [self._hashed(items.iloc[rows]) for rows in row_blocks(items)]
        return sparse.csr_array(sparse.vstack(parts, format="csr"), dtype=np.float32)

    def _hashed(self, items: Any) -> sparse.csr_array:
        """Return the vectors of some rows: what cells are in their dimensions, added up."""
        codings = {name: coding for name, _, coding in self._codings}
        entries = []
        for name, of in self._columns:
            if name in codings:
                cells = sparse.coo_array(codings[name].transform(items[name]))
                dimensions, signs = self._dimensions(codings[name].names(name))
                values = cells.data * signs[cells.col]
                entries.append((cells.row, dimensions[cells.col], values))
            elif of in ("category", "categories"):
                entries.append(self._of_values(name, items[name], of == "categories"))
            else:
                continue
            missing = np.flatnonzero(items[name].isna())
            (dimension,), (sign,) = self._dimensions([f"{name} missing"])
            entries.append((missing, np.full(len(missing), dimension), np.full(len(missing), sign)))
        rows, dimensions, values = map(np.concatenate, zip(*entries, strict=True))
        shape = (len(items), self.width_)
        return sparse.coo_array((values, (rows, dimensions)), shape=shape).tocsr()

    def _of_values(self, name: str, column: Any, several: bool) -> tuple[Any, Any, Any]:
        """Return rows, dimensions and signs of the categories in the cells of a column."""
        import pandas as pd

        if several:
            categories = Categories.of(column, several=True)
            rows, codes = codes_by_row(categories, column, several)
            values, codes = categories.values, codes - FIRST_VALUE
        else:  # in the order in which they come, as sorting many takes its time
            codes, values = pd.factorize(column.to_numpy(dtype=object))
            rows = np.arange(len(codes))
        present = codes >= 0
        dimensions, signs = self._dimensions(f"{name}={value}" for value in values)
        return rows[present], dimensions[codes[present]], signs[codes[present]]

    def _dimensions(self, names: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the dimension of each name, and whether it counts there as 1 or as -1."""
        from sklearn.feature_extraction import FeatureHasher

        each = [[name] for name in names] or [[]]  # of no name it would raise an error
        hasher = FeatureHasher(self.width_, input_type="string", dtype=np.float32)
        hashed = hasher.transform(each)
        return hashed.indices, hashed.data
