"""`Evidence`: what an encoder made of the items that are judged, for scores to measure."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from nearspace.data import Target
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.metrics.labels import knn_votes
from nearspace.metrics.retrieval import VectorArray

if TYPE_CHECKING:
    from nearspace.judge.task import ItemTask

__all__ = ["Evidence", "Told", "reconstructs"]


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """The vectors of the two sides of a dataset, and what they are held against.

    Attributes
    ----------
    task : ItemTask
        The items of the two sides, and what is asked of them.
    encoder : Encoder
        Fitted; asked to decode where it can.
    train, test : ndarray or csr_array
        Their vectors.
    reference : ndarray or csr_array or None
        Vectors of the task's ``sample`` whose neighbourhoods should be kept; None for the reference
        itself, and where it failed.
    seconds : float
        Wall time of embedding the test side.

    Raises
    ------
    NearspaceError
        If a vector is not finite.
    """

    task: ItemTask
    encoder: Any
    train: VectorArray
    test: VectorArray
    reference: VectorArray | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for side, vectors in (("training", self.train), ("test", self.test)):
            values = vectors.data if sparse.issparse(vectors) else vectors
            if not np.isfinite(values).all():
                raise NearspaceError(f"Some {side} vectors are not finite.")

    @property
    def has(self) -> frozenset[str]:
        """What of the things is there that a score may need."""
        target = self.task.test.target
        there = {
            "" if target is None else target.name: target is not None,
            "decoder": reconstructs(self.encoder) and not sparse.issparse(self.test),
            "reference": self.reference is not None,
        }
        return frozenset(name for name, has in there.items() if has)

    @property
    def targets(self) -> tuple[Target, Target]:
        """What is to be told of the items of the two sides, where anything is."""
        return self.task.targets

    @functools.cached_property
    def votes(self) -> np.ndarray:
        """What the nearest training items tell of each test item."""
        return knn_votes(self.train, self.targets[0], self.test, self.task.protocol.k)

    @functools.cached_property
    def sampled(self) -> Any:
        """The vectors of the test items on which geometry is measured."""
        return self.test[self.task.sample]

    def spread(self, values: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return values at their positions among all test items, NaN elsewhere."""
        spread = np.full(self.test.shape[0], np.nan)
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
