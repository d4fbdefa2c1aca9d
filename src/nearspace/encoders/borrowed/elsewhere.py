"""What comes from elsewhere: finished vectors in a file, and any scikit-learn transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import StrOptions

from nearspace.data import Dataset, Kind, load
from nearspace.data.pairs import Pairs
from nearspace.data.readers.arrays import open_archive
from nearspace.data.rounding import MERGED, large_offsets, merged_share
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import make
from nearspace.errors import DataError, SpecError
from nearspace.recipe import METRICS

__all__ = ["FromSklearn", "Vectors", "as_encoder"]


class Vectors(Encoder):
    """Vectors made elsewhere, one a row of a file; items are recognised by their content.

    `fit` is given the items that the rows stand for, all of them and in the rows' order.

    Parameters
    ----------
    path : str
        A ``.npy`` file, or a ``.npz`` file with the vectors and, if wanted, ``ids``.
    metric : {"cosine", "dot", "euclidean"}, default="cosine"
        By what they are meant to be compared.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = str(Path(folder) / "mine.npy")
    ...     np.save(path, np.eye(3))
    ...     encoder = Vectors(path).fit(["red", "green", "blue"])
    >>> encoder.transform(["blue"])
    array([[0., 0., 1.]], dtype=float32)
    """

    kinds = Kind.registry.values()
    needs_all_items = True
    hashes_: NDArray[np.uint64]
    rows_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "path": [str],
        "metric": [StrOptions(set(METRICS))],
    }

    def __init__(self, path: str, *, metric: str = "cosine"):
        self.path = path
        self.metric = metric

    @property
    def is_reproducible(self) -> bool:
        """Never: the spec says which file, and not what is in it."""
        return False

    def check_whole(self) -> None:
        """Raise an error unless there is a row for each hash; no other item has a vector."""
        self._check_kind()
        if self.rows_.ndim != 2 or self.hashes_.shape != self.rows_.shape[:1]:
            raise ValueError(f"there are vectors {self.rows_.shape} for items {self.hashes_.shape}")
        if not len(self.hashes_) or (self.hashes_[1:] <= self.hashes_[:-1]).any():
            raise ValueError("the items of the vectors are not in order")

    def fit_on(self, dataset: Dataset | Pairs) -> Self:
        """Match rows to all items of a dataset, by id where the file has ids, else by position."""
        dataset = dataset.together() if isinstance(dataset, Pairs) else dataset
        items, _ = self.begin_fit(dataset.items, None, dataset.kind)
        self._fit(items, None, np.asarray(dataset.ids))
        return self

    def _fit(self, items: Any, y: Any, ids: np.ndarray | None = None) -> None:
        """Match rows to items, by id where the file and the caller have ids, else by position.

        Raises
        ------
        DataError
            If rows and items do not match.
        """
        if not Path(self.path).exists():
            raise DataError(f"vectors: there is no file {self.path}.")
        rows = load(self.path, kind="vector")
        order = np.arange(len(rows))
        if ids is not None and _has_ids(self.path):
            position = {str(key): i for i, key in enumerate(np.asarray(rows.ids).tolist())}
            absent = [key for key in map(str, ids.tolist()) if key not in position]
            if absent:
                raise DataError(
                    f"vectors: {self.path} has no row for {len(absent)} of {len(ids)} ids, such as "
                    f"'{absent[0]}'."
                )
            order = np.array([position[key] for key in map(str, ids.tolist())])
        elif len(rows) != len(items):
            raise DataError(
                f"vectors: expected {len(items)} rows in {self.path}, one for each item in order, "
                f"got {len(rows)}."
            )
        self.hashes_, first = np.unique(_content(self.kind_.hashes(items)), return_index=True)
        offset = large_offsets(rows.items)
        moved = rows.items if offset is None else rows.items - offset
        self.rows_ = np.asarray(moved, dtype=np.float32)[order[first]]

    def _transform(self, items: Any) -> np.ndarray:
        wanted = _content(self.kind_.hashes(items))
        places = np.searchsorted(self.hashes_, wanted).clip(max=len(self.hashes_) - 1)
        strange = self.hashes_[places] != wanted
        if strange.any():
            raise DataError(
                f"vectors: {strange.sum()} of {len(wanted)} items are not among those that "
                f"{self.path} has rows for; vectors made elsewhere cannot embed new items."
            )
        return self.rows_[places]

    @property
    def _n_features_out(self) -> int:
        return self.rows_.shape[1]


class FromSklearn(Encoder):
    """Any scikit-learn transformer as an encoder, for comparisons; it cannot be saved.

    Images reach it as flat pixels in [0, 1], texts as lists of ``str``, tables as DataFrames.

    Parameters
    ----------
    estimator : transformer
        An unfitted scikit-learn transformer; it is given the labels where there are any.
    metric : {"cosine", "dot", "euclidean"}, default="euclidean"
        By what its vectors are meant to be compared.

    Examples
    --------
    >>> from sklearn.decomposition import NMF
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> FromSklearn(NMF(4, max_iter=1000)).fit_transform(digits).shape
    (1797, 4)
    """

    kinds = Kind.registry.values()
    takes_sparse = True
    takes_labels = True
    estimator_: Any
    _parameter_constraints: ClassVar[dict[str, list]] = {"metric": [StrOptions(set(METRICS))]}

    def __init__(self, estimator: BaseEstimator, *, metric: str = "euclidean"):
        self.estimator = estimator
        self.metric = metric

    @property
    def learns(self) -> str:  # type: ignore[override]
        """``"labels"`` where the estimator's tags require them, else ``"items"``."""
        return "labels" if self.estimator.__sklearn_tags__().target_tags.required else "items"

    @property
    def spec(self) -> str:
        """The ``repr`` of the estimator, in one line, and the metric unless it is Euclidean."""
        text = " ".join(repr(self.estimator).split())
        return text if self.metric == "euclidean" else f"{text} by {self.metric}"

    def _fit(self, items: Any, y: Any) -> None:
        labels = None if y is None else y.values
        self.estimator_ = clone(self.estimator).fit(self.kind_.to_sklearn(items), labels)
        self.width_ = self._transform(items[:1]).shape[1]

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        out = self.estimator_.transform(self.kind_.to_sklearn(items))
        if sparse.issparse(out):
            return sparse.csr_array(out, dtype=np.float32)
        out = np.asarray(out)
        merged = merged_share(out) if out.ndim == 2 else np.zeros(0)
        if merged.max(initial=0.0) > MERGED:
            raise DataError(
                f"{type(self.estimator).__name__} gives numbers of which float32, in which vectors "
                f"are kept, makes {merged.max():.0%} of those that differ in column "
                f"{merged.argmax()} equal: put a scaler behind it."
            )
        return out.astype(np.float32)


def as_encoder(what: Any) -> Encoder:
    """Return the encoder that a spec makes, or a transformer is, if its parameters are right.

    Raises
    ------
    SpecError
        If a spec cannot be read, a parameter is wrong, or it is neither.

    Examples
    --------
    >>> as_encoder("pca(dim=2)").spec
    'pca(dim=2)'
    """
    if isinstance(what, str):
        what = make(what)
    elif isinstance(what, type):
        raise SpecError(f"{what.__name__} is a class; give one of it, {what.__name__}().")
    elif not isinstance(what, Encoder) and hasattr(what, "fit") and hasattr(what, "transform"):
        what = FromSklearn(what)
    if not isinstance(what, Encoder):
        raise SpecError(
            "An encoder is a spec, an Encoder or a scikit-learn transformer, and comes after the "
            f"data; got {type(what).__name__}. Network(module) makes one of a network of torch."
        )
    try:
        what._validate_params()
    except ValueError as error:
        raise SpecError(f"Cannot use '{what.spec}': {error}") from error
    return what


def _has_ids(path: str) -> bool:
    """Return whether a file says which row is whose."""
    if path.endswith(".npz"):
        with open_archive(Path(path)) as archive:
            return "ids" in archive.names
    return path.endswith(".parquet")


def _content(hashes: np.ndarray) -> np.ndarray:
    """Return 16-byte hashes as 64-bit numbers, which NumPy sorts fast and files can hold."""
    return np.frombuffer(hashes.tobytes(), dtype=np.uint64)[::2].copy()
