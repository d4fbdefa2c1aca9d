"""`Evidence`: what an encoder made of the items that are judged, for scores to measure."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import Dataset, Target
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.metrics.labels import knn_votes
from nearspace.metrics.retrieval import VectorArray

__all__ = ["Evidence", "Told", "reconstructs"]


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """The vectors of the two sides of a dataset, and what they are held against.

    Attributes
    ----------
    train_items, test_items : Dataset
        The two sides.
    encoder : Encoder
        Fitted; asked to decode where it can.
    train, test : ndarray or csr_array
        Their vectors.
    reference : ndarray or csr_array or None
        Vectors of the ``sample`` whose neighbourhoods should be kept; None for the reference
        itself, and where it failed.
    sample : ndarray
        Positions of the test items on which geometry is measured.
    k : int
        Neighbours that vote.
    random_state : int
        Of what is drawn.
    seconds : float
        Wall time of embedding the test side.

    Raises
    ------
    NearspaceError
        If a vector is not finite.
    """

    train_items: Dataset
    test_items: Dataset
    encoder: Any
    train: VectorArray
    test: VectorArray
    reference: VectorArray | None
    sample: np.ndarray
    k: int
    random_state: int
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for side, vectors in (("training", self.train), ("test", self.test)):
            values = vectors.data if sparse.issparse(vectors) else vectors
            if not np.isfinite(values).all():
                raise NearspaceError(f"Some {side} vectors are not finite.")

    @property
    def has(self) -> frozenset[str]:
        """What of the things is there that a score may need."""
        target = self.test_items.target
        there = {
            "" if target is None else target.name: target is not None,
            "decoder": reconstructs(self.encoder) and not sparse.issparse(self.test),
            "reference": self.reference is not None,
        }
        return frozenset(name for name, has in there.items() if has)

    @property
    def targets(self) -> tuple[Target, Target]:
        """What is to be told of the items of the two sides, where anything is."""
        assert self.train_items.target is not None
        assert self.test_items.target is not None
        return self.train_items.target, self.test_items.target

    @functools.cached_property
    def votes(self) -> np.ndarray:
        """What the nearest training items tell of each test item."""
        return knn_votes(self.train, self.targets[0], self.test, self.k)

    @functools.cached_property
    def sampled(self) -> Any:
        """The vectors of the test items on which geometry is measured."""
        return self.test[self.sample]

    def spread(self, values: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return values at their positions among all test items, NaN elsewhere."""
        spread = np.full(len(self.test_items), np.nan)
        spread[positions] = values
        return spread


@dataclasses.dataclass(frozen=True, eq=False)
class Told:
    """What was told of test items.

    Attributes
    ----------
    targets : (Target, Target)
        What there is to tell of the items of the two sides.
    told : ndarray of shape (n,)
        What was told of the test items.
    """

    targets: tuple[Target, Target]
    told: np.ndarray


def reconstructs(encoder: Encoder) -> bool:
    """Return whether an encoder decodes what it learned to; raw input is only given its shape."""
    return encoder.decodes and encoder.learns != "nothing" and encoder.decoder is not None
