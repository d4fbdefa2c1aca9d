"""`Trained`: what all encoders share whose networks the one training loop trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

__all__ = ["Trained"]


class Trained(ABC):
    """An encoder whose networks the one training loop trains.

    Attributes
    ----------
    epochs : int or None
        Passes over the items at most; None for about as many as come to `default_steps` steps.
    default_steps : int
        Steps of training when `epochs` is absent.
    history_ : dict
        The fields of `nearspace.learning.train.History`.
    """

    epochs: int | None
    default_steps: ClassVar[int]
    history_: dict[str, Any]

    @abstractmethod
    def batch_size_for(self, n_items: int) -> int:
        """Return the items a step."""
