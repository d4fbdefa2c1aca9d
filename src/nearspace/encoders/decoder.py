"""`Decoder`: from vectors back to items, as a value of its own, for whoever has no encoder."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from nearspace.data import Kind
from nearspace.data.declared import check_declared, declared
from nearspace.data.kinds.saved import LARGEST_ITEM
from nearspace.encoders.state import Keeps, State, check_state, digest, write
from nearspace.errors import DataError
from nearspace.learning.threads import one_thread

__all__ = ["AffineDecoder", "Decoder", "FlatDecoder", "PipedDecoder", "ScaledDecoder"]

MOST_TRIED = 2**20  # numbers of a vector or an item


@dataclasses.dataclass(frozen=True, eq=False)
class Decoder(Keeps):
    """What turns the vectors of a fitted encoder back into items.

    A subclass is a dataclass, whose fields are all that it needs, and implements `_decode`.

    Attributes
    ----------
    kind : Kind
        Of the items.
    dim : int
        Length of the vectors.
    offset : ndarray of shape (d,), float64, or None
        What is added to the items in the end; see `Encoder.offset_`.
    lossless : bool
        Whether vectors hold all that is in an item, so that decoding shows nothing.

    Examples
    --------
    >>> from nearspace import load, make
    >>> digits = load("digits").items
    >>> pca = make("raw | pca(dim=8)").fit(digits)
    >>> vectors = pca.transform(digits[:3])
    >>> pca.decoder.decode(vectors).shape, pca.decoder.decode_double(vectors).dtype.name
    ((3, 8, 8, 1), 'float64')
    """

    files: ClassVar[tuple[str, str]] = ("decoder.json", "decoder.safetensors")
    lossless: ClassVar[bool] = False
    kind: Kind
    dim: int
    offset: NDArray[np.float64] | None = dataclasses.field(default=None, kw_only=True)

    @abstractmethod
    def _decode(self, vectors: np.ndarray) -> np.ndarray:
        """Return items less their offset, of the type of the vectors.

        That is float32, or float64 computed on the CPU.
        """

    def _on_cpu(self, vectors: np.ndarray) -> np.ndarray:
        """Return items less their offset as `_decode` does, but on no other device."""
        return self._decode(vectors)

    def decode(self, Z: Any) -> np.ndarray:
        """Return the items at vectors.

        Parameters
        ----------
        Z : array of shape (n, dim)
            Vectors.

        Returns
        -------
        ndarray of shape (n, …), float32
            Images ``(n, height, width, channels)`` in [0, 1], or vectors in the units of the items;
            float64 where they are too far from zero for float32.

        Raises
        ------
        DataError
            If the vectors are of another length.
        """
        vectors = np.ascontiguousarray(check_array(Z, dtype=np.float32))
        if vectors.shape[1] != self.dim:
            raise DataError(
                f"{type(self).__name__} decodes vectors of {self.dim} numbers, got shape "
                f"{vectors.shape}."
            )
        with one_thread():
            return self._moved_back(self._decode(vectors))

    def decode_double(self, vectors: np.ndarray) -> np.ndarray:
        """Return the items at vectors as float64, computed on the CPU in double precision.

        Machines round differently, and single precision shows it: of ten thousand images a few
        pixels come out otherwise. In double precision that takes a value within about 1e-13 of a
        boundary.
        """
        with one_thread():
            return self._moved_back(self._decode(np.ascontiguousarray(vectors, dtype=np.float64)))

    def decode_stored(self, vectors: np.ndarray) -> np.ndarray:
        """Return the items at vectors as their kind keeps them, the same on every machine.

        They are rounded before an offset is added, which no machine does in another way.
        """
        with one_thread():
            decoded = self._decode(np.ascontiguousarray(vectors, dtype=np.float64))
        return np.ascontiguousarray(self._moved_back(self.kind.stored(decoded)))

    def _moved_back(self, items: np.ndarray) -> np.ndarray:
        return items if self.offset is None else items + self.offset

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that the decoded items depend on."""
        return digest(self)

    def dump(self) -> dict[str, bytes]:
        """Return the files that hold the decoder, by name."""
        return write(self)

    @property
    def state(self) -> State:
        """All that the decoder is made of again."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}, {}

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the decoder of a state."""
        check_state(cls, params, fitted)
        check_declared(params, declared(cls, params.__contains__), cls.__name__)
        return cls(**params)

    def check_whole(self) -> None:
        """Raise an error unless the decoder makes an item of a vector of zeros."""
        shape = self.kind.shape_of_item
        if not 0 <= self.dim <= LARGEST_ITEM:
            raise ValueError(f"it decodes vectors of {self.dim} numbers")
        if max(self.dim, self.kind.size) > MOST_TRIED:
            return
        with one_thread():
            decoded = self._on_cpu(np.zeros((1, self.dim), np.float32))
        if not shape:  # rows of a table, of which the kind knows what they are
            self.kind.check(decoded)
            return
        decoded = self._moved_back(decoded)
        if decoded.dtype.kind != "f" or decoded.shape != (1, *shape):
            raise ValueError(f"it makes {decoded.dtype} of shape {decoded.shape} of one vector")
        if not np.isfinite(decoded).all():
            raise ValueError("it makes items that are not finite")


@dataclasses.dataclass(frozen=True, eq=False)
class FlatDecoder(Decoder):
    """Of vectors that are the numbers of items, which only have to be given their shape."""

    lossless = True

    def _decode(self, vectors: np.ndarray) -> np.ndarray:
        return vectors.reshape(len(vectors), *self.kind.shape_of_item)


@dataclasses.dataclass(frozen=True, eq=False)
class AffineDecoder(Decoder):
    """Of coordinates along axes through a mean.

    Attributes
    ----------
    axes : ndarray of shape (dim, d), float32
        The axes.
    mean : ndarray of shape (d,), float32
        Where the origin stands.
    """

    axes: NDArray[np.float32]
    mean: NDArray[np.float32]

    def _decode(self, vectors: np.ndarray) -> np.ndarray:
        axes, mean = (part.astype(vectors.dtype, copy=False) for part in (self.axes, self.mean))
        return (vectors @ axes + mean).reshape(len(vectors), *self.kind.shape_of_item)


@dataclasses.dataclass(frozen=True, eq=False)
class ScaledDecoder(Decoder):
    """Of vectors whose columns were moved and divided, each by numbers of its own.

    Attributes
    ----------
    scale, middle : ndarray of shape (d,), float64
        What each column is multiplied by, and what is then added to it.
    """

    lossless = True
    scale: NDArray[np.float64]
    middle: NDArray[np.float64]

    def _decode(self, vectors: np.ndarray) -> np.ndarray:
        items = (vectors * self.scale + self.middle).astype(vectors.dtype)
        return items.reshape(len(vectors), *self.kind.shape_of_item)


@dataclasses.dataclass(frozen=True, eq=False)
class PipedDecoder(Decoder):
    """Of a pipe: what its stages made is undone from the last to the first.

    Attributes
    ----------
    stages : tuple of Decoder
        In the order of the pipe.
    """

    stages: tuple[Decoder, ...]

    @property
    def lossless(self) -> bool:  # type: ignore[override]
        """Whether no stage loses anything."""
        return all(stage.lossless for stage in self.stages)

    def _decode(self, vectors: np.ndarray) -> np.ndarray:
        for stage in reversed(self.stages):
            vectors = stage._decode(vectors)
        return vectors
