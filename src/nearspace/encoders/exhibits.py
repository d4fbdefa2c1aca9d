"""What can be shown of an encoder, a space or a study, as values: how it looks is for a report."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nearspace.data import Kind, Text

__all__ = ["NO_ITEMS", "MarkedPair", "MarkedText", "Restores", "Samples", "Strip", "Writes"]

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
    usual : object
        What is usual where unusual parts of them are to be marked, see `Kind.usual`.
    """

    kind: Kind
    items: Any
    title: str = ""
    lead: str = ""
    label: str = ""
    of_queries: bool = False
    score: str = ""
    usual: Any = None

    def __repr__(self) -> str:
        return f"Strip({len(self):,} items, {self.kind}{', ' * bool(self.title)}{self.title})"

    def __len__(self) -> int:
        return len(self.items)


NO_ITEMS = Strip(Text(), ())


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MarkedText:
    """An item as a text, and how much each part of it makes it like another.

    Attributes
    ----------
    text : str
        The text, or the cells of a row with the names of their columns.
    spans : sequence of (int, int)
        Where its parts begin and end, in order: words or cells, or several in a row.
    effects : ndarray of shape (parts,)
        How much less alike the two are without each.
    """

    text: str
    spans: Sequence[tuple[int, int]]
    effects: np.ndarray

    def __repr__(self) -> str:
        return f"MarkedText({len(self.spans):,} parts of {len(self.text):,} characters)"

    @property
    def parts(self) -> list[str]:
        """The parts as they stand in the text."""
        return [self.text[start:end] for start, end in self.spans]

    def pieces(self, most: int | None = None) -> Iterator[tuple[str, float | None]]:
        """Yield the text piece by piece, each part with its effect; what is between has None.

        Of more than ``most`` characters there are so many, and an ellipsis.
        """
        end, last = 0, len(self.text) if most is None else most
        for (start, stop), effect in zip(self.spans, self.effects.tolist(), strict=True):
            if start >= last:
                break
            yield self.text[end:start], None
            end = min(stop, last)
            yield self.text[start:end], effect
        yield self.text[end:last] + "…" * (len(self.text) > last), None


@dataclasses.dataclass(frozen=True, eq=False)
class MarkedPair:
    """Two items, what makes them alike, and how alike they are.

    Attributes
    ----------
    left, right : MarkedText
        The two.
    alike : float
        Their cosine, their inner product or their distance.
    metric : {"cosine", "dot", "euclidean"}
        Which of the three.
    part : {"word", "column"}
        What their parts are called.
    """

    left: MarkedText
    right: MarkedText
    alike: float
    metric: str
    part: str = "word"

    @property
    def largest(self) -> float:
        """The largest effect of a part of either, with whichever sign."""
        effects = np.abs(np.concatenate([self.left.effects, self.right.effects]))
        return float(effects.max(initial=0.0))


class Restores(ABC):
    """An encoder that learns by making whole again what was corrupted."""

    @abstractmethod
    def restore(
        self, X: Any, random_state: int | np.random.RandomState | None = None
    ) -> tuple[Any, Any]:
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


class Writes(ABC):
    """An encoder of texts that can go on writing where one ends."""

    @abstractmethod
    def sample(
        self,
        prompt: str = "",
        n: int = 1,
        *,
        length: int = 200,
        temperature: float = 1.0,
        random_state: Any = None,
    ) -> list[str]:
        """Return ``n`` texts that begin with a prompt, written ``length`` tokens on."""
