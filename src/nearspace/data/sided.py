"""`Sided`: items of two sides in one sequence, and which of them belong together."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data.kinds.kind import count_items, take_items

__all__ = ["SIDES", "Sided"]

SIDES = ("left", "right")


@dataclasses.dataclass(frozen=True, eq=False)
class Sided:
    """Items of two sides, in one order.

    Parameters
    ----------
    left, right : sequence
        The items of either side, each in the container of its kind.
    side : ndarray of shape (n,), int8
        For each item on which side it stands: 0 for the left, 1 for the right.
    at : ndarray of shape (n,), int64
        Its position among the items of its side.
    links : ndarray of shape (m, 2), int64
        Which items belong together: positions on the left and on the right.

    Examples
    --------
    >>> both = Sided.of(["Hund", "Katze"], ["dog", "cat"], np.array([[0, 0], [1, 1]]))
    >>> len(both), both[3], both[np.array([1, 3])].links.tolist()
    (4, (1, 'cat'), [[0, 0]])
    """

    left: Any
    right: Any
    side: np.ndarray
    at: np.ndarray
    links: np.ndarray

    @classmethod
    def of(cls, left: Any, right: Any, links: np.ndarray) -> Sided:
        """Return the items of the left side followed by those of the right."""
        sizes = count_items(left), count_items(right)
        side = np.repeat(np.array([0, 1], dtype=np.int8), sizes)
        return cls(left, right, side, np.concatenate([*map(np.arange, sizes)]), links)

    def __len__(self) -> int:
        return len(self.side)

    def __getitem__(self, rows: Any) -> Any:
        """Return the item at a position as its side, 0 or 1, and itself; of several a `Sided`.

        Of an item that is taken twice, the first one keeps its links.
        """
        if isinstance(rows, int | np.integer):
            side = int(self.side[rows])
            return side, (self.left, self.right)[side][self.at[rows]]
        positions = np.arange(len(self))[rows]
        side, at = self.side[positions], self.at[positions]
        own, places, links = [], at.copy(), self.links.copy()
        for which, items in enumerate((self.left, self.right)):
            chosen = at[side == which]
            own.append(take_items(items, chosen))
            places[side == which] = np.arange(len(chosen))
            place = np.full(count_items(items), -1)
            place[chosen[::-1]] = np.arange(len(chosen))[::-1]
            links[:, which] = place[links[:, which]]
        return Sided(own[0], own[1], side, places, links[(links >= 0).all(axis=1)])

    def rows(self, which: int) -> np.ndarray:
        """Return where the items of a side, 0 or 1, stand, in the order that they have there."""
        rows = np.flatnonzero(self.side == which)
        return rows[np.argsort(self.at[rows], kind="stable")]

    def spread(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return values of the items of either side as one array, in the order of all items."""
        whole = np.empty((len(self), *left.shape[1:]), np.result_type(left, right))
        for which, values in enumerate((left, right)):
            mine = self.side == which
            whole[mine] = values[self.at[mine]]
        return whole
