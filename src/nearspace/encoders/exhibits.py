"""What can be shown of an encoder, a space or a study, as values: how it looks is for a report."""

from __future__ import annotations

import dataclasses
from typing import Any

from nearspace.data import Kind

__all__ = ["Strip"]


@dataclasses.dataclass(frozen=True, eq=False)
class Strip:
    """Items in a row.

    Attributes
    ----------
    kind : Kind
        What draws them.
    items : sequence of n items
        In the kind's container, or as an encoder decodes them.
    """

    kind: Kind
    items: Any

    def __len__(self) -> int:
        return len(self.items)
