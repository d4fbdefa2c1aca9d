"""What can be shown of an encoder, a space or a study, as values: how it looks is for a report."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from nearspace.data import Kind, Text

__all__ = ["NO_ITEMS", "Restores", "Samples", "Strip"]

SAMPLES = 10  # that are shown
CORRUPTED = (
    "Corrupted items, made whole",
    "What these networks learn from: the item, what the network was given of it, and what it made "
    "of that.",
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Strip:
    """Items in a row.

    Attributes
    ----------
    kind : Kind
        What draws them.
    items : sequence of n items
        In the kind's container, or as an encoder decodes them.
    title, lead : str
        What strips of several encoders stand under together, and a sentence about it.
    label : str
        What this one is beside others of its encoder.
    of_queries : bool
        Whether each item stands for one of those that were asked about.
    score : str
        The name of a score that tells how good they are.
    """

    kind: Kind
    items: Any
    title: str = ""
    lead: str = ""
    label: str = ""
    of_queries: bool = False
    score: str = ""

    def __repr__(self) -> str:
        return f"Strip({len(self):,} items, {self.kind}{', ' * bool(self.title)}{self.title})"

    def __len__(self) -> int:
        return len(self.items)


NO_ITEMS = Strip(Text(), ())


class Restores(ABC):
    """An encoder that learns by making whole again what was corrupted."""

    @abstractmethod
    def restore(
        self, X: Any, random_state: int | np.random.RandomState | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return corrupted items, and what is made of them: as a decoder returns items."""

    def exhibits(self, X: Any, random_state: int | None = None) -> tuple[Strip, ...]:
        """Return what the network was given of items, and what it made of that, if it decodes."""
        encoder: Any = self
        if encoder.decoder is None:
            return ()
        return tuple(
            Strip(encoder.kind_, items, *CORRUPTED, label=label, of_queries=True)
            for label, items in zip(
                ("was given", "made of it"), self.restore(X, random_state), strict=True
            )
        )


class Samples(ABC):
    """An encoder that can draw new vectors, which its decoder makes into new items."""

    @abstractmethod
    def sample(self, n: int, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Return ``n`` random vectors, shape ``(n, d)``."""

    def exhibits(self, X: Any, random_state: int | None = None) -> tuple[Strip, ...]:
        """Return a few new items, where there is a decoder."""
        encoder: Any = self
        if encoder.decoder is None:
            return ()
        drawn = encoder.decoder.decode(self.sample(SAMPLES, random_state))
        return (Strip(encoder.kind_, drawn, "Samples of the space"),)
