"""`Space`: vectors joined to ids, labels and the recipe that made them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.encoders.elsewhere import Vectors
from nearspace.encoders.spec import make, spec_of
from nearspace.errors import NearspaceError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Space", "embed", "versions"]

LARGEST_DENSE = 2**31  # bytes


@dataclasses.dataclass(frozen=True, eq=False)
class Space:
    """Vectors and what is known of the item behind each.

    Attributes
    ----------
    vectors : ndarray or csr_array of shape (n, d), float32
        One a row.
    ids : ndarray of shape (n,)
        The identity of each item.
    labels : ndarray of shape (n,) or None
        The class of each item.
    recipe : dict
        Spec, fingerprint and versions: what made the vectors.
    encoder : Encoder or None
        The fitted encoder.
    """

    vectors: np.ndarray | sparse.csr_array
    ids: np.ndarray
    labels: np.ndarray | None
    recipe: dict[str, Any]
    encoder: Encoder | None

    def __len__(self) -> int:
        return self.vectors.shape[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one row an item with the columns ``id``, ``label`` (if any) and ``vector``."""
        import pandas as pd

        frame = pd.DataFrame({"id": self.ids})
        if self.labels is not None:
            frame["label"] = self.labels
        frame["vector"] = list(self._dense())
        return frame

    def export(self, path: str | Path) -> Path:
        """Write vectors, ids and labels for other tools.

        Parameters
        ----------
        path : str or Path
            ``.npz`` (arrays ``vectors``, ``ids``, ``labels``, ``recipe`` as JSON) or ``.parquet``
            (columns ``id``, ``label``, ``vector``; the recipe in the file's metadata).

        Returns
        -------
        Path
            The file.

        Raises
        ------
        NearspaceError
            If the ending is another, or sparse vectors are too wide to be written in full.
        """
        path = Path(path)
        recipe = json.dumps(self.recipe)
        if path.suffix not in (".npz", ".parquet"):
            raise NearspaceError(
                f"Cannot write vectors to '{path}': the ending must be .npz or .parquet."
            )
        dense = self._dense()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            columns = {"vectors": dense, "ids": _plain(self.ids), "recipe": np.array(recipe)}
            if self.labels is not None:
                columns["labels"] = _plain(self.labels)
            np.savez(path, **columns)  # type: ignore[arg-type]
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq

            table = pa.Table.from_pandas(self.to_frame(), preserve_index=False)
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(dense.ravel()), dense.shape[1])
            table = table.set_column(table.num_columns - 1, "vector", vectors)
            metadata = {**(table.schema.metadata or {}), b"nearspace.recipe": recipe.encode()}
            pq.write_table(table.replace_schema_metadata(metadata), path)
        return path

    def _dense(self) -> np.ndarray:
        if not sparse.issparse(self.vectors):
            return np.asarray(self.vectors)
        vectors: Any = self.vectors
        rows, columns = vectors.shape
        if 4 * rows * columns > LARGEST_DENSE:
            raise NearspaceError(
                f"{rows} sparse vectors of {columns} dimensions are too many to write in full; "
                f"pipe them through pca: '{self.recipe['spec']} | pca(dim=256)'."
            )
        return vectors.toarray()


def embed(dataset: Dataset, encoder: Encoder | str) -> Space:
    """Return the space of a dataset under an encoder.

    Parameters
    ----------
    dataset : Dataset
        The items.
    encoder : Encoder or str
        Fitted or not, or a spec. One that is not fitted is fitted on the items, on the training
        part of a published split where there is one.

    Returns
    -------
    Space
        One vector an item, in the items' order.

    Raises
    ------
    NearspaceError
        If a vector is not finite; its item's id is named.

    Examples
    --------
    >>> from nearspace import load
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> space.vectors.shape, space.recipe["spec"]
    ((1797, 8), 'pca(dim=8)')
    """
    encoder = make(encoder) if isinstance(encoder, str) else encoder
    try:
        check_is_fitted(encoder)
    except NotFittedError:
        encoder = _fit(encoder, dataset)
    vectors: Any = encoder.transform(dataset.items)
    ids = np.asarray(dataset.ids)
    values = vectors.data if sparse.issparse(vectors) else vectors
    if not np.isfinite(values).all():
        dense = vectors.toarray() if sparse.issparse(vectors) else vectors
        row = np.flatnonzero(~np.isfinite(dense).all(axis=1))[0]
        raise NearspaceError(
            f"{spec_of(encoder)} gave the item '{ids[row]}' a vector that is not finite."
        )
    recipe = {
        "spec": spec_of(encoder),
        "fingerprint": _fingerprint(encoder),
        "data": dataset.name,
        "versions": versions(),
    }
    return Space(vectors, ids, dataset.labels, recipe, encoder)


def versions() -> dict[str, str]:
    """Return the versions of what figures depend on; "" for a library that is not installed."""
    needed = ("nearspace", "numpy", "scikit-learn", "torch", "pillow")
    names = (*needed, "scikit-image", "transformers")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _fit(encoder: Encoder, dataset: Dataset) -> Encoder:
    encoder = clone(encoder)
    if isinstance(encoder, Vectors):
        encoder.begin_fit(dataset.items, None)
        encoder.align(dataset.items, dataset.ids)
        return encoder
    train = dataset
    if dataset.split is not None and (dataset.split == "train").any():
        train = dataset.take(dataset.split == "train")
    return encoder.fit(train.items, train.labels)


def _fingerprint(encoder: Encoder) -> str:
    """Return sixteen hexadecimal digits of the spec and of every fitted array."""
    digest = hashlib.blake2b(spec_of(encoder).encode(), digest_size=8)
    for name, value in sorted(vars(encoder).items()):
        if hasattr(value, "state_dict"):
            for tensor in value.state_dict().values():
                digest.update(tensor.cpu().numpy().tobytes())
        elif name == "encoders_":
            for part in value:
                digest.update(_fingerprint(part).encode())
        elif isinstance(value, np.ndarray) and name.endswith("_"):
            digest.update(np.ascontiguousarray(value).tobytes() if value.dtype != object else b"")
        elif isinstance(value, list) and name.endswith("_"):
            digest.update(json.dumps(value, default=str).encode())
    return digest.hexdigest()


def _plain(values: np.ndarray) -> np.ndarray:
    """Return text as fixed-width text, since a file of Python objects would need pickle."""
    return values.astype(str) if values.dtype == object else values
