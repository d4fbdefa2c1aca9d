"""Which item is meant by a name that is not written in full."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nearspace.errors import NearspaceError
from nearspace.foreign import printable
from nearspace.space.space import Space

__all__ = ["id_meant"]

CANDIDATES = 5  # ids that are named where several are meant


def id_meant(space: Space, name: str) -> Any:
    """Return the id that a name stands for: in full, by how it ends, or by a word in it.

    An id in full comes first, then one that ends so, its file ending left out or not, then one that
    has the name in it as a word, in whatever case.

    Parameters
    ----------
    space : Space
        In which the item is.
    name : str
        The id, or a part of it that no other item has.

    Returns
    -------
    str or int
        The id.

    Raises
    ------
    NearspaceError
        If several items are meant, which are named, or none.

    Examples
    --------
    >>> import dataclasses
    >>> import numpy as np
    >>> from nearspace import embed, load
    >>> ids = np.array(["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"])
    >>> space = dataclasses.replace(embed(load("wine", limit=3), "raw"), ids=ids)
    >>> id_meant(space, "2.jpg"), id_meant(space, "dog")
    ('cat/2.jpg', 'dog/1.jpg')
    >>> id_meant(space, "1.jpg")
    Traceback (most recent call last):
    nearspace.errors.NearspaceError: '1.jpg' could be cat/1.jpg or dog/1.jpg; write more of the id.
    """
    try:
        return space.ids[space.position(name)].item()
    except NearspaceError:
        if space.ids.dtype.kind in "iu" or not name.strip():
            raise
        ids = list(map(str, space.ids.tolist()))
        part = rf"(?<![^\W_]){re.escape(name.strip())}"
        for pattern in (rf"{part}\Z", rf"{part}\.\w{{1,5}}\Z", rf"{part}(?![^\W_])"):
            meant = re.compile(pattern, re.IGNORECASE)
            matches = [each for each in ids if meant.search(each)]
            if len(matches) > 1:
                raise NearspaceError(
                    f"'{name}' could be {_either(matches)}; write more of the id."
                ) from None
            if matches:
                return matches[0]
        raise


def _either(ids: Iterable[str]) -> str:
    """Return some ids as one of which a name may be meant."""
    *some, last = ids
    if len(some) >= CANDIDATES:
        listed = ", ".join(map(printable, some[:CANDIDATES]))
        return f"{listed} or {len(some) + 1 - CANDIDATES:,} others"
    return f"{', '.join(map(printable, some))} or {printable(last)}"
