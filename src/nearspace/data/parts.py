"""`ItemParts`: the parts of an item that can be left out of it, and the item without each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

__all__ = ["ItemParts", "runs_of"]

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, eq=False)
class ItemParts:
    """The parts of an item.

    Attributes
    ----------
    text : str
        The item as a text.
    spans : list of (int, int)
        Where each part begins and ends in it, in order.
    variants : items
        The item, and the item without each part, in the container of its kind.
    """

    text: str
    spans: list[tuple[int, int]]
    variants: Any


def runs_of(parts: Sequence[T], most: int) -> list[Sequence[T]]:
    """Return parts one by one; of many, so many in a row together that they are few.

    Examples
    --------
    >>> runs_of(["a", "b", "c", "d", "e"], most=3)
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    step = -(-len(parts) // most) or 1
    return [parts[start : start + step] for start in range(0, len(parts), step)]
