"""Arrays of a space: checks of vectors, their checksums, and arrays of text."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data.rounding import MERGED, merged_share
from nearspace.errors import NearspaceError

__all__ = [
    "check_finite",
    "check_rounding",
    "first_row_without",
    "float32",
    "free_name",
    "is_date",
    "is_finite",
    "plain_array",
    "read_arrays",
    "sparse_rows",
    "vector_checksums",
]

LONG = 256  # characters


def vector_checksums(vectors: np.ndarray | sparse.csr_array) -> np.ndarray:
    """Return a CRC-32 of every vector, shape ``(n,)``, uint32: whether it is still the same."""
    if sparse.issparse(vectors):
        return np.array([zlib.crc32(row) for row in sparse_rows(vectors)], dtype=np.uint32)
    rows = np.ascontiguousarray(vectors, dtype=np.float32).ravel().view(np.uint8).data
    width = 4 * vectors.shape[1]
    checksums = (zlib.crc32(rows[i : i + width]) for i in range(0, len(rows), width))
    return np.fromiter(checksums, dtype=np.uint32, count=len(vectors))


def sparse_rows(vectors: Any) -> Iterator[bytes]:
    """Return each row as bytes: its columns as int32, then its values as float32."""
    columns, values = vectors.indices.astype("<i4"), vectors.data.astype("<f4")
    for start, stop in itertools.pairwise(vectors.indptr.tolist()):
        yield columns[start:stop].tobytes() + values[start:stop].tobytes()


def read_arrays(data: bytes, types: Mapping[str, str]) -> list[np.ndarray]:
    """Return arrays that were written as safetensors, each of the type that is named for it.

    Raises
    ------
    ValueError
        If they are not there, or of other types.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
    except SafetensorError as error:
        raise ValueError(error) from error
    for name, dtype in types.items():
        if name not in arrays or arrays[name].dtype != dtype:
            got = arrays[name].dtype if name in arrays else "nothing"
            raise ValueError(f"expected an array '{name}' of {np.dtype(dtype)}, got {got}")
    return [arrays[name] for name in types]


def plain_array(values: Sequence[Any]) -> np.ndarray:
    """Return text or numbers as an array: of Python objects where some are long, or missing.

    An array of text is as wide as the longest, and strips zeros from the end; one of whole numbers
    beyond 2^63, or beside fractions, would be rounded.
    """
    if all(_is_plain(value) for value in values):
        array = np.array(values)
        if array.tolist() == list(values):
            return array
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONG and not value.endswith("\0")
    return value is not None


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name that no column has yet: a feature of that name is another thing."""
    while name in taken:
        name += "_"
    return name


def is_date(of: Any) -> bool:
    """Return whether a type of Arrow's is that of dates or times."""
    from pyarrow import types

    return types.is_timestamp(of) or types.is_date(of)


def float32(vectors: Any) -> Any:
    """Return numbers as float32; what is too large becomes infinite, of which is told."""
    with np.errstate(over="ignore"):
        return vectors.astype(np.float32, copy=False)


def is_finite(vectors: Any) -> bool:
    """Return whether no vector holds NaN or infinity."""
    values = vectors.data if sparse.issparse(vectors) else vectors
    with np.errstate(over="ignore", invalid="ignore"):  # the sum is faster, but may be too large
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


def check_finite(vectors: Any, ids: np.ndarray, who: str) -> None:
    """Raise `NearspaceError` that names the first item whose vector is not finite in float32."""
    vectors = float32(vectors)
    if not is_finite(vectors):
        row = first_row_without(np.isfinite, vectors)
        raise NearspaceError(f"{who} gave the item '{ids[row]}' a vector that is not finite.")


def check_rounding(vectors: np.ndarray, who: str) -> None:
    """Raise `NearspaceError` where float32, in which vectors are kept, loses differences."""
    if vectors.dtype.kind in "iu" and vectors.dtype.itemsize > 2:
        vectors = vectors.astype(np.float64)
    share = merged_share(vectors)
    if share.max(initial=0.0) > MERGED:
        raise NearspaceError(
            f"{who}: vectors are kept in float32, which makes about {share.max():.0%} of the "
            f"different numbers of column {share.argmax()} equal; move its columns to zero and "
            "scale them, or read it as data and embed it with raw, which moves them."
        )


def first_row_without(good: Callable[[np.ndarray], np.ndarray], vectors: Any) -> int | None:
    """Return the first row with a number that is not good; None where there is none."""
    values = vectors.data if sparse.issparse(vectors) else vectors
    bad = ~good(values)
    if not bad.any():
        return None
    first = np.argwhere(bad)[0, 0]
    return int(vectors.tocoo().coords[0][first] if sparse.issparse(vectors) else first)
