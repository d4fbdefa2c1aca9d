"""The columns of a table turned into numbers; categories by their order, or how common they are."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Kind, Table, Target, Text
from nearspace.data.columns import named
from nearspace.encoders.base import Encoder
from nearspace.encoders.blocks import row_blocks, stacked
from nearspace.encoders.handmade.codings import (
    NUMBERS,
    AmountCoding,
    Coding,
    DateCoding,
    HotCoding,
    NumberCoding,
    TextCoding,
    share_unseen,
    texts_left_out,
)
from nearspace.encoders.spec import make
from nearspace.errors import DataError, SpecError

__all__ = ["Cells", "Frequency", "Ordinal"]

MANY_NEW = 0.5  # of the categories in a column, which nobody expects
MOST_CATEGORIES = 30  # of a column that holds several at once, and so has no order


class Cells(Encoder):
    """The columns of a table turned into numbers, side by side.

    A subclass says what becomes of categories. Numbers are scaled, or told by quantiles or bins;
    dates are the year, and sine and cosine of the cycles in which they differ; texts are left out,
    unless there is an encoder for them. A column in which cells were missing in training gets a
    column of its own that says so. Columns that name rows are never looked at.
    """

    kinds = frozenset({Table})
    learns = "items"
    of_categories: ClassVar[dict[str, type[Coding]]] = {}
    columns_: list[dict[str, Any]]
    numbers: str
    texts: Encoder | str | None
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "numbers": [StrOptions(set(NUMBERS))],
        "texts": [Encoder, str, None],
    }

    @abstractmethod
    def _of_categories(self, column: Any, several: bool) -> Coding | None:
        """Return what becomes of the categories of a column; None where nothing is learnt."""

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> tuple[Any, Target | None]:
        """Check that texts go to an encoder of texts, and what `Encoder.begin_fit` checks."""
        self._validate_params()
        encoder = self._text_encoder
        if encoder is not None and (Text not in encoder.kinds or encoder.learns == "labels"):
            fault = "learns from labels" if Text in encoder.kinds else "takes no texts"
            raise SpecError(
                f"{type(self).__name__}: expected texts= as an encoder of texts that needs no "
                f"labels, such as 'tfidf | svd(dim=16)'; '{encoder.spec}' {fault}."
            )
        return super().begin_fit(items, y, kind)

    @property
    def _text_encoder(self) -> Encoder | None:
        return make(self.texts) if isinstance(self.texts, str) else self.texts

    @property
    def _columns(self) -> tuple[tuple[str, str], ...]:
        """The name and the type of each column of the table."""
        return getattr(self.kind_, "columns", ())

    def _fit(self, items: Any, y: Any) -> None:
        self.__dict__.pop("_read", None)
        self.columns_ = []
        for name, of in self._columns:
            coding = self._coding_of(items[name], of)
            if coding is not None:
                missing = bool(items[name].isna().any())
                self.columns_.append(
                    {"name": name, "type": of, "missing": missing, "coding": coding.state}
                )
        if len(self._left_out) == len(self._columns):
            raise DataError(
                f"{type(self).__name__}: every column is a text or names the rows, and these are "
                "left out; set texts= to an encoder of texts, such as 'tfidf | svd(dim=16)'."
            )

    def _coding_of(self, column: Any, of: str) -> Coding | None:
        """Return what becomes of a column of a type; None where it is left out."""
        if of == "number":
            return NumberCoding.of(column.to_numpy(dtype=np.float64), self.numbers)
        if of == "date":
            return DateCoding.of_column(column, self.numbers)
        if of == "text":
            encoder = self._text_encoder
            return None if encoder is None else TextCoding.of(column, encoder)
        return None if of == "id" else self._of_categories(column, several=of == "categories")

    @property
    def _left_out(self) -> list[str]:
        """The columns that nothing becomes of."""
        ignored = {"id"} if self.texts is not None else {"id", "text"}
        return [name for name, of in self._columns if of in ignored]

    @property
    def _codings(self) -> list[tuple[str, bool, Coding]]:
        """The name of each column, whether cells were missing, and what becomes of them."""
        if not hasattr(self, "_read"):
            of_type: dict[str, type[Coding]] = {
                "number": NumberCoding,
                "date": DateCoding,
                "text": TextCoding,
                **self.of_categories,
            }
            self._read = [
                (each["name"], each["missing"], of_type[each["type"]].from_state(each["coding"]))
                for each in self.columns_
            ]
        return self._read

    @property
    def _embedded(self) -> list[TextCoding]:
        """What becomes of columns of texts."""
        return [coding for _, _, coding in self._codings if isinstance(coding, TextCoding)]

    @property
    def in_blocks(self) -> bool:  # type: ignore[override]
        """Whether others may give it some rows after the others: where its vectors are dense."""
        return not any(coding.is_sparse for coding in self._embedded)

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        if self.in_blocks:
            return self._vectors(items)
        blocks = (self._vectors(items.iloc[rows]) for rows in row_blocks(items))
        return stacked(blocks, self._n_features_out)

    def _vectors(self, items: Any) -> np.ndarray | sparse.csr_array:
        """Return the vectors of rows, all at once."""
        blocks = []
        for name, missing, coding in self._codings:
            blocks.append(coding.transform(items[name]))
            if missing:
                blocks.append(items[name].isna().to_numpy()[:, None])
        if not self.in_blocks:
            return sparse.csr_array(sparse.hstack(blocks, format="csr"), dtype=np.float32)
        with np.errstate(over="ignore"):
            vectors = np.hstack(blocks, dtype=np.float32, casting="same_kind")
        beyond = np.argwhere(~np.isfinite(vectors))
        if len(beyond):
            row, at = beyond[0]
            raise DataError(
                f"{type(self).__name__}: row {items.index[row]} has in "
                f"'{self.get_feature_names_out()[at]}' a number so far from those it was fitted on "
                "that float32 cannot hold how far; remove the row, or fit on it too."
            )
        return vectors

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every dimension, such as ``"mass"``, ``"kind=cat"``."""
        check_is_fitted(self)
        names: list[str] = []
        for name, missing, coding in self._codings:
            names += [*coding.names(name), *([f"{name} missing"] if missing else [])]
        return np.array(names, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.get_feature_names_out())

    @property
    def parts(self) -> list[Encoder]:
        """It and the encoders of texts; fitted ones once it is fitted."""
        if hasattr(self, "columns_"):
            inner = [coding.encoder for coding in self._embedded]
        else:
            inner = [encoder for encoder in [self._text_encoder] if encoder is not None]
        return [self, *(part for encoder in inner for part in encoder.parts)]

    @property
    def effort(self) -> float:  # type: ignore[override]
        """One, and that of the encoder of texts."""
        return 1 + sum(part.effort for part in self.parts[1:])

    @property
    def is_reproducible(self) -> bool:
        """Whether the spec of the encoder of texts says all that its vectors depend on."""
        return all(part.is_reproducible for part in self.parts[1:])

    @property
    def notes(self) -> tuple[str, ...]:
        """Which columns are left out, or have fewer categories than there are, and of texts."""
        texts = [name for name, of in self._columns if of == "text" and self.texts is None]
        rare = [
            name
            for name, _, coding in self._codings
            if isinstance(coding, HotCoding) and len(coding.values) < coding.n_seen
        ]
        own = [*texts_left_out(texts, "texts='tfidf | svd(dim=16)'")]
        if rare:
            own.append(f"Rarer categories count as other ones in {named(rare)}.")
        inner = [note for coding in self._embedded for note in coding.encoder.notes]
        return tuple(dict.fromkeys([*own, *inner]))

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return in which columns of rows most categories are new, and what there is of texts."""
        items = self._check(X, reset=False)
        new = [
            name
            for name, _, coding in self._codings
            if isinstance(coding, HotCoding | AmountCoding)
            and share_unseen(coding, items[name]) > MANY_NEW
        ]
        own = [f"Most cells hold categories that were not seen in training: {named(new)}."]
        inner = [
            note
            for name, _, coding in self._codings
            if isinstance(coding, TextCoding)
            for note in coding.notes_on(items[name])
        ]
        return tuple(dict.fromkeys([*(own if new else ()), *inner]))

    def check_whole(self) -> None:
        """Raise an error unless what it learnt is of columns of its table, and they of its kind."""
        self._check_kind()
        learnt = [(each["name"], each["type"]) for each in self.columns_]
        if [each for each in self._columns if each in learnt] != learnt:
            raise ValueError("what was learnt is of other columns than those of the table")
        super().check_whole()


class Ordinal(Cells):
    """One number a column: categories by their place in order.

    Categories that are all numbers stand in the order of these, others in that of their text, in
    which whole numbers count as such: "5 to 9" before "10 to 14". The first is 0; a missing cell
    is -1, and a category that was not seen in training one more than the last. These numbers then
    are what other numbers are too: scaled, or told by quantiles or bins.

    Columns that hold several categories at once have no order: they are one-hot, as of `onehot`.

    Parameters
    ----------
    numbers : {"scale", "quantile", "piecewise"}, default="scale"
        What becomes of numbers: scaled to mean 0 and variance 1, moved to a standard normal
        distribution by their quantiles, or piecewise-linear in eight bins (Gorishniy et al., 2022).
        A missing one stands at the mean, or at the median.
    texts : Encoder or str, optional
        An encoder of texts, or its spec, for columns of texts; without one they are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> ages = pd.DataFrame({"age": ["5 to 9", "10 to 14", "10 to 14", "15 to 19"]})
    >>> Ordinal().fit_transform(ages).round(2)
    array([[-1.41],
           [ 0.  ],
           [ 0.  ],
           [ 1.41]], dtype=float32)
    """

    of_categories: ClassVar[dict[str, type[Coding]]] = {
        "category": AmountCoding,
        "categories": HotCoding,
    }

    def __init__(self, *, numbers: str = "scale", texts: Encoder | str | None = None):
        self.numbers = numbers
        self.texts = texts

    def _of_categories(self, column: Any, several: bool) -> Coding:
        if several:
            return HotCoding.of(column, MOST_CATEGORIES, several)
        return AmountCoding.ranked(column, self.numbers)


class Frequency(Cells):
    """One number a column: how common a category is, as the logarithm of its share of the rows.

    Of ``n`` training rows, ``c`` of which hold it, that is ``log((c + 1) / (n + 1))``, so that one
    that was not seen has a number too. Missing cells count as a category, and a cell that holds
    several has the mean of theirs. These numbers then are what other numbers are too: scaled, or
    told by quantiles or bins. No label is looked at. Categories that are equally common are one.

    Parameters
    ----------
    numbers : {"scale", "quantile", "piecewise"}, default="scale"
        What becomes of numbers: scaled to mean 0 and variance 1, moved to a standard normal
        distribution by their quantiles, or piecewise-linear in eight bins (Gorishniy et al., 2022).
        A missing one stands at the mean, or at the median.
    texts : Encoder or str, optional
        An encoder of texts, or its spec, for columns of texts; without one they are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> towns = pd.DataFrame({"town": ["Oslo", "Oslo", "Oslo", "Rome"]})
    >>> Frequency().fit(towns).transform(towns[2:]).round(2)
    array([[ 0.58],
           [-1.73]], dtype=float32)
    """

    of_categories: ClassVar[dict[str, type[Coding]]] = {
        "category": AmountCoding,
        "categories": AmountCoding,
    }

    def __init__(self, *, numbers: str = "scale", texts: Encoder | str | None = None):
        self.numbers = numbers
        self.texts = texts

    def _of_categories(self, column: Any, several: bool) -> Coding:
        return AmountCoding.counted(column, self.numbers, several)
