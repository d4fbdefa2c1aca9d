"""`Around`: encoders that give the vectors of another one, which they hold."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.encoders.trainable import Schedule, Trainable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nearspace.data.batches import Batches

__all__ = ["Around"]


class Around(Trainable, Encoder):
    """An encoder around another, fitted one, which gives the vectors and may be trained on."""

    @property
    @abstractmethod
    def inner(self) -> Any:
        """The fitted encoder that gives the vectors."""

    @property
    def in_blocks(self) -> bool:  # type: ignore[override]
        """Whether it may be given some items after the others."""
        return self.inner.in_blocks

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return what the encoder has to say of items."""
        return self.inner.notes_on(X)

    def _transform(self, items: Any) -> np.ndarray:
        return self.inner._transform(items)

    def _transform_queries(self, items: Any) -> np.ndarray:
        return self.inner._transform_queries(items)

    @property
    def _n_features_out(self) -> int:
        return self.inner._n_features_out

    @property
    def schedule(self) -> Schedule:  # type: ignore[override]
        """That of the encoder."""
        return self.inner.schedule

    @property
    def device(self) -> str:  # type: ignore[override]
        """That of the encoder."""
        return self.inner.device

    @property
    def nets_(self) -> nn.ModuleDict:  # type: ignore[override]
        """The networks of the encoder."""
        return self.inner.nets_

    def batches(self, items: Any) -> Batches:
        """Return checked items as they wait for the networks."""
        return self.inner.batches(items)

    def blank(self, n: int) -> Any:
        """Return a batch of ``n`` items that show nothing."""
        return self.inner.blank(n)

    def vectors(self, nets: nn.ModuleDict, batch: Any) -> Tensor:
        """Return what networks in place of its own make of a batch."""
        return self.inner.vectors(nets, batch)

    def with_nets(self, nets: nn.ModuleDict) -> Any:
        """Return the encoder, without what is around it, with other networks."""
        return self.inner.with_nets(nets)
