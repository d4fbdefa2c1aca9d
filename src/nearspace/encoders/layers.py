"""`Layers`: encoders that are networks, any layer of which can be the space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Layers"]


class Layers(ABC):
    """An encoder with a ``layer`` parameter: any layer of its network can be the space."""

    layers_: list[str]

    def layer_names(self) -> list[str]:
        """Return the names of the layers of the fitted network, from input to output."""
        return list(self.layers_)

    @property
    def own_layer(self) -> str:
        """The layer from which the vectors come when nobody names one."""
        return self.layer_names()[-1]

    @abstractmethod
    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for a batch of items, by name, from one run of the network.

        Each has one row an item and is not yet made a vector: ``(n, d)``, ``(n, tokens, d)`` or
        ``(n, channels, height, width)``.
        """
