"""`Bounds`: encoders that are models of their items, and how well they explain them."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

__all__ = ["Bounds", "Elbo"]


@dataclasses.dataclass(frozen=True)
class Elbo:
    """How well a model explains items, as means over them.

    Attributes
    ----------
    reconstruction : float
        Negative log-likelihood of an item given its code, in nats.
    kl : float
        Divergence of the codes of an item from the prior, in nats: what the code costs.
    elbo : float
        The evidence lower bound in nats: minus the sum of the two.
    bits_per_dimension : float
        The negative bound, in bits a value of the item.
    active_dimensions : int
        Dimensions whose posterior mean varies over the items by more than 0.01 (Burda et al.,
        2016); the others say nothing.
    """

    reconstruction: float
    kl: float
    elbo: float
    bits_per_dimension: float
    active_dimensions: int


class Bounds(ABC):
    """An encoder that is a model of its items and bounds how likely they are."""

    @abstractmethod
    def elbo(self, X: Any, random_state: int | np.random.RandomState | None = None) -> Elbo:
        """Return the evidence lower bound of items and its terms."""
