"""What kinds of data there are: a kind knows how its items are checked, batched, varied, drawn."""

from __future__ import annotations

import dataclasses
import hashlib
import html
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.errors import DataError

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Kind", "Vector", "content_hash", "kind_from_json", "take_items"]


@dataclasses.dataclass(frozen=True)
class Kind(ABC):
    """A kind of data, as a value: ``Image((28, 28, 1))``, ``Text()``, ``Vector(32)``.

    A subclass is one file in ``nearspace.data``. Items are a plain sequence of the kind's own
    container (an array, a list of ``str``, a DataFrame); the methods take such a sequence.
    """

    name: ClassVar[str]
    registry: ClassVar[dict[str, type[Kind]]] = {}

    def __init_subclass__(cls) -> None:
        Kind.registry[cls.name] = cls

    @classmethod
    @abstractmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind that describes ``items``, or raise `DataError`."""

    @abstractmethod
    def check(self, items: Any, who: str = "Items") -> Any:
        """Return ``items`` in the kind's own container; raise `DataError` where they do not fit."""

    @abstractmethod
    def hashes(self, items: Any) -> np.ndarray:
        """Return the content hash of every item, shape ``(n,)``, dtype ``S16``."""

    @abstractmethod
    def draw(self, item: Any) -> str:
        """Return a small piece of HTML that shows one item."""

    def item(self, items: Any, index: int) -> Any:
        """Return the item at a position, in the form that `draw` takes."""
        return items[index]

    def to_columns(self, items: Any) -> dict[str, Any]:
        """Return what of the items can be read, as columns: nothing of images and vectors."""
        return {}

    def features(self, items: Any) -> np.ndarray:
        """Return the raw input as a matrix, shape ``(n, d)``, float32."""
        raise DataError(f"{self.name} items have no raw form that is a matrix of numbers.")

    def tensor(self, items: Any) -> Tensor:
        """Return all items as one tensor in the form in which they wait in memory."""
        raise DataError(f"{self.name} items cannot be put into a batch for a network.")

    def to_float(self, batch: Tensor) -> Tensor:
        """Return a batch of `tensor` rows as the float input of a network."""
        return batch.float()

    def views(self, batch: Tensor, generator: Generator) -> Tensor:
        """Return one random variation of every item of a float batch, on the batch's device."""
        raise DataError(f"{self.name} items have no views, which contrastive learning needs.")

    def __str__(self) -> str:
        """Return the kind as a reader would say it."""
        return f"{self.name}s"

    def to_json(self) -> dict[str, Any]:
        """Return the kind as a JSON object that `kind_from_json` reads."""
        return {"kind": self.name, **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True)
class Vector(Kind):
    """Vectors of ``dim`` numbers: a float array of shape ``(n, dim)``.

    Examples
    --------
    >>> Vector.infer([[0.0, 1.0], [2.0, 3.0]])
    Vector(dim=2)
    """

    name: ClassVar[str] = "vector"
    dim: int

    def __str__(self) -> str:
        return f"vectors of {self.dim} numbers"

    @classmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind of a two-dimensional array."""
        array = np.asarray(items)
        if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "fiub":
            raise DataError(
                f"Vectors are a numeric array of shape (n, d); got shape {array.shape} of "
                f"{array.dtype}."
            )
        return cls(array.shape[1])

    def check(self, items: Any, who: str = "Vectors") -> np.ndarray:
        """Return the items as a float array of shape ``(n, dim)``.

        Raises
        ------
        DataError
            On another shape, and on NaN or infinity, whose row and column are named.
        """
        array = np.asarray(items)
        if array.ndim != 2 or array.shape[1] != self.dim or array.dtype.kind not in "fiub":
            raise DataError(
                f"{who}: expected a numeric array of shape (n, {self.dim}), got {array.shape} of "
                f"{array.dtype}."
            )
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float32)
        usable = np.abs(array) <= np.finfo(np.float32).max  # false for NaN too
        if not usable.all():
            row, column = np.argwhere(~usable)[0]
            raise DataError(
                f"{who}: row {row}, column {column} is {array[row, column]}, expected a finite "
                "number that float32 can hold; remove the row, fill the cell or scale the column."
            )
        return array

    def hashes(self, items: np.ndarray) -> np.ndarray:
        """Return the content hash of every row."""
        return content_hash(np.ascontiguousarray(items))

    def features(self, items: np.ndarray) -> np.ndarray:
        """Return the vectors themselves, as float32."""
        return np.array(items, dtype=np.float32)

    def tensor(self, items: np.ndarray) -> Tensor:
        """Return the vectors as a float32 tensor."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(items, dtype=np.float32))

    def draw(self, item: np.ndarray) -> str:
        """Return the first numbers of the vector."""
        shown = ", ".join(f"{value:.3g}" for value in item[:6])
        return f"<code>{html.escape(shown)}{', …' if len(item) > 6 else ''}</code>"


def kind_from_json(value: dict[str, Any]) -> Kind:
    """Return the kind that `Kind.to_json` wrote."""
    fields = dict(value)
    cls = Kind.registry[fields.pop("kind")]
    return cls(**{name: _tuples(field) for name, field in fields.items()})


def content_hash(rows: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return a 16-byte BLAKE2 hash of every row of an array, or of every ``str`` or ``bytes``."""
    digests = np.empty(len(rows), dtype="S16")
    for index, row in enumerate(rows):
        data = row.encode() if isinstance(row, str) else row
        # A trailing zero byte would be stripped by NumPy's S type: make the last byte odd.
        digest = bytearray(hashlib.blake2b(data, digest_size=16).digest())
        digest[-1] |= 1
        digests[index] = bytes(digest)
    return digests


def take_items(items: Any, indices: np.ndarray) -> Any:
    """Return the items at ``indices`` in the container in which they came."""
    if hasattr(items, "iloc"):
        return items.iloc[indices].reset_index(drop=True)
    if isinstance(items, list | tuple):
        return [items[index] for index in indices]
    return items[indices]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list | tuple) else value
