"""`Index`: which of many cells each vector of a space lies in, as it is kept in a file."""

from __future__ import annotations

import dataclasses

import numpy as np

from nearspace.errors import NearspaceError
from nearspace.space.exact import WIDE

__all__ = ["Index", "unsound"]


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
    """An inverted file (Sivic & Zisserman, 2003): which of many cells each vector lies in.

    It holds plain arrays and none of the vectors: what is read from a file is checked, and no
    content of it can do more than make a search slow or incomplete.

    Attributes
    ----------
    metric : str
        What it searches by.
    centroids : ndarray of shape (c, d), float32
        The middle of each cell, by k-means.
    cells : ndarray of shape (n,), int32
        The cell of each vector.
    checksums : ndarray of shape (n,), uint32
        Of each vector: one that has changed or come since belongs to another cell.
    probes : int
        How many cells are searched for a query.
    recall : float
        Share of the ten nearest that were found, over queries that stand for new items: they had no
        part in k-means or in the choice of `probes`, and were not among what may be found.
    """

    metric: str
    centroids: np.ndarray
    cells: np.ndarray
    checksums: np.ndarray
    probes: int
    recall: float

    def to_bytes(self) -> bytes:
        """Return the index as a safetensors file."""
        from safetensors.numpy import save

        numbers = {"probes": np.array([self.probes]), "recall": np.array([self.recall])}
        arrays = {name: getattr(self, name) for name in ("centroids", "cells", "checksums")}
        return save({**arrays, **numbers})

    @classmethod
    def from_bytes(cls, data: bytes, metric: str) -> Index:
        """Return the index that `to_bytes` wrote.

        Raises
        ------
        NearspaceError
            If it is none.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            read = load(data)
            index = cls(
                metric,
                np.ascontiguousarray(read["centroids"], dtype=np.float32),
                read["cells"].astype(np.int32),
                read["checksums"].astype(np.uint32),
                int(read["probes"][0]),
                float(read["recall"][0]),
            )
        except (SafetensorError, KeyError, IndexError, TypeError, ValueError, OverflowError):
            raise unsound() from None
        if not index._is_sound():
            raise unsound()
        return index

    def _is_sound(self) -> bool:
        if self.centroids.ndim != 2 or self.cells.ndim != 1 or not self.centroids.size:
            return False
        count = len(self.centroids)
        return (
            bool((np.abs(self.centroids) < WIDE[1]).all())
            and self.cells.shape == self.checksums.shape
            and bool(((self.cells >= 0) & (self.cells < count)).all())
            and 1 <= self.probes <= count
            and 0 <= self.recall <= 1
        )


def unsound() -> NearspaceError:
    """Return the error for what is no index, or none of these vectors."""
    return NearspaceError("The index is damaged, or of other vectors; build it anew.")
