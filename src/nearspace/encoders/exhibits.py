"""What can be shown of an encoder, a space or a study, as values: how it looks is for a report."""

from __future__ import annotations

import dataclasses
from typing import Any

from nearspace.data import Kind, Text

__all__ = ["NO_ITEMS", "Strip"]


@dataclasses.dataclass(frozen=True, eq=False)
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

    def __len__(self) -> int:
        return len(self.items)


NO_ITEMS = Strip(Text(), ())
