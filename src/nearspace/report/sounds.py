"""Sounds that a page plays, as far as there is room for them."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence

import numpy as np

from nearspace.data.kinds.audio_shown import media_type

__all__ = ["PageSounds", "sounds"]

LARGEST = 30_000_000  # bytes of all sounds; as text in a page they take a third more


@dataclasses.dataclass(frozen=True)
class PageSounds:
    """Sounds of items, in their order.

    Attributes
    ----------
    codes : list of str
        Data URIs; empty for an item without a sound, and for one that is left out.
    left_out : int
        How many have a sound for which there is no room.
    """

    codes: list[str]
    left_out: int


def sounds(shown: Sequence[bytes], largest: int = LARGEST) -> PageSounds | None:
    """Return the sounds among what shows items; None where there is none.

    Of more than there is room for so many are taken as are, spread over all items.

    Examples
    --------
    >>> sounds([b"RIFF....WAVE"] * 4 + [b""], largest=30).codes.count("")
    3
    >>> sounds([b"junk"])
    """
    types = [media_type(data or b"") for data in shown]
    heard = [at for at, name in enumerate(types) if name.startswith("audio/")]
    if not heard:
        return None
    count = min(len(heard), int(len(heard) * largest / sum(len(shown[at]) for at in heard)))
    chosen = [heard[place] for place in np.linspace(0, len(heard) - 1, count).astype(int)]
    codes = [""] * len(shown)
    for at in chosen:
        codes[at] = f"data:{types[at]};base64,{base64.b64encode(shown[at]).decode()}"
    return PageSounds(codes, len(heard) - len(chosen))
