"""`Sides`: items of two sides, each of a kind of its own, of which some belong together."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from nearspace.data.kinds.kind import Kind, content_hash, count_items
from nearspace.data.sided import SIDES, Sided
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Sides"]


@dataclasses.dataclass(frozen=True)
class Sides(Kind):
    """Items of two sides, as a `Sided`: sentences and their translations, pictures and captions.

    Parameters
    ----------
    left, right : Kind
        Of what the items on either side are.

    Examples
    --------
    >>> from nearspace.data import Text
    >>> both = Sided.of(["Hund", "Katze"], ["dog", "cat"], np.array([[0, 0], [1, 1]]))
    >>> kind = Sides(Text(), Text())
    >>> str(kind), kind.draw(kind.item(both, 3)), kind.to_columns(both)["side"][2:]
    ('texts and texts', '<q>cat</q>', ['right', 'right'])
    """

    name: ClassVar[str] = "sides"
    plural: ClassVar[str] = "pairs"
    form: ClassVar[str] = "items of two sides that belong together, as Pairs hold them"
    composed: ClassVar[bool] = True

    left: Kind
    right: Kind

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return that items are of two sides, where they are."""
        return "items of two sides" if isinstance(items, Sided) else None

    @classmethod
    def infer(cls, items: Any) -> NoReturn:
        """Raise `DataError`: of what the items of either side are, those who pair them say."""
        raise DataError(
            f"Items: expected {cls.form}, with the kinds of both sides; make them by "
            "load_pairs((left, right)) and fit by fit_on(pairs)."
        )

    @property
    def both(self) -> tuple[Kind, Kind]:
        """The kinds of the two sides."""
        return self.left, self.right

    def of(self, items: Sided) -> tuple[tuple[Kind, Any], tuple[Kind, Any]]:
        """Return for either side its kind and its items."""
        return (self.left, items.left), (self.right, items.right)

    def check(self, items: Any, who: str = "Items") -> Sided:
        """Return the items, those of either side checked by its kind."""
        if not isinstance(items, Sided):
            raise DataError(
                f"{who}: expected {self.form}, got one {type(items).__name__}: of the items of one "
                "side ask encoder.side('left') or encoder.side('right')."
            )
        checked = [
            kind.check(own, f"{who}, {side}") if count_items(own) else own
            for side, (kind, own) in zip(SIDES, self.of(items), strict=True)
        ]
        return dataclasses.replace(items, left=checked[0], right=checked[1])

    def query(self, text: str) -> Any:
        """Return None: on which side a text is to stand, it does not say."""
        return None

    def take(self, items: Sided, rows: np.ndarray) -> Sided:
        """Return the items at some positions, and the links between them."""
        return items[np.asarray(rows)]

    def join(self, first: Sided, second: Sided) -> Sided:
        """Return items of two sides followed by others."""
        sizes = np.array([count_items(first.left), count_items(first.right)])
        return Sided(
            self.left.join(first.left, second.left),
            self.right.join(first.right, second.right),
            np.concatenate([first.side, second.side]),
            np.concatenate([first.at, second.at + sizes[second.side]]),
            np.concatenate([first.links, second.links + sizes]),
        )

    def empty(self) -> Sided:
        """Return no items."""
        return Sided.of(self.left.empty(), self.right.empty(), np.empty((0, 2), dtype=np.int64))

    def hashes(self, items: Sided) -> np.ndarray:
        """Return the content hash of every item, which its side is a part of."""
        own = [
            content_hash([side.encode() + digest for digest in kind.hashes(some).tolist()])
            for side, (kind, some) in zip(SIDES, self.of(items), strict=True)
        ]
        return items.spread(*own)

    def linked(self, items: Sided) -> bytes:
        """Return which items belong together."""
        return np.ascontiguousarray(items.links).tobytes()

    def same(self, items: Sided) -> np.ndarray:
        """Return a number for every item: copies on one side have one."""
        left, right = (kind.same(own) for kind, own in self.of(items))
        return items.spread(left, right + left.max(initial=-1) + 1)

    def near(self, items: Sided, asked: np.ndarray) -> np.ndarray:
        """Return pairs of items of one side that are nearly the same."""
        pairs = [np.empty((0, 2), dtype=np.int64)]
        for which, (kind, own) in enumerate(self.of(items)):
            rows = items.rows(which)
            wanted = np.flatnonzero(np.isin(rows, asked))
            pairs.append(rows[kind.near(own, wanted)].reshape(-1, 2))
        return np.concatenate(pairs)

    def item(self, items: Sided, index: int) -> tuple[int, Any]:
        """Return the item at a position: its side, 0 or 1, and itself."""
        side = int(items.side[index])
        kind, own = self.of(items)[side]
        return side, kind.item(own, int(items.at[index]))

    def draw(self, item: tuple[int, Any], usual: tuple[Any, Any] | None = None) -> str:
        """Return a small piece of HTML that shows one item, as the kind of its side draws it."""
        side, own = item
        beside = [] if usual is None or usual[side] is None else [usual[side]]
        return self.both[side].draw(own, *beside)

    @property
    def pictured(self) -> bool:  # type: ignore[override]
        """Whether there are pictures of the items of a side."""
        return self.left.pictured or self.right.pictured

    @property
    def heard(self) -> bool:  # type: ignore[override]
        """Whether the items of a side are played."""
        return self.left.heard or self.right.heard

    def usual(self, items: Sided) -> tuple[Any, Any] | None:
        """Return what is usual among the items of either side; None where neither knows."""
        left, right = (kind.usual(own) for kind, own in self.of(items))
        return None if left is None and right is None else (left, right)

    def picture(
        self, item: tuple[int, Any], side: int = 64, usual: tuple[Any, Any] | None = None
    ) -> bytes | None:
        """Return a picture of one item, where its side has pictures."""
        which, own = item
        return self.both[which].picture(own, side, None if usual is None else usual[which])

    def thumbnail(
        self, item: tuple[int, Any], usual: tuple[Any, Any] | None = None
    ) -> bytes | None:
        """Return what shows an item in a space, where its side has such."""
        which, own = item
        return self.both[which].thumbnail(own, None if usual is None else usual[which])

    def to_columns(self, items: Sided) -> dict[str, Any]:
        """Return on which side each item stands, and what can be read of either side's items."""
        columns: dict[str, Any] = {"side": [SIDES[side] for side in items.side]}
        for which, (kind, own) in enumerate(self.of(items)):
            for name, values in kind.to_columns(own).items():
                cells = columns.setdefault(name, [None] * len(items))
                for row, value in zip(items.rows(which).tolist(), values, strict=True):
                    cells[row] = value
        return columns

    def from_columns(self, columns: pa.Table) -> Sided | None:
        """Return the items of which these are the columns, without links; None where they lack."""
        if "side" not in columns.column_names:
            return None
        names = columns["side"].to_pylist()
        if not set(names) <= set(SIDES):
            return None
        side = np.array([SIDES.index(name) for name in names], dtype=np.int8)
        at, own = np.empty(len(side), dtype=np.int64), []
        for which, kind in enumerate(self.both):
            rows = np.flatnonzero(side == which)
            at[rows] = np.arange(len(rows))
            own.append(kind.from_columns(columns.take(rows)))
        if any(items is None for items in own):
            return None
        return Sided(own[0], own[1], side, at, np.empty((0, 2), dtype=np.int64))

    def numbers(self, items: Sided) -> int:
        """Return how many numbers the items of both sides have in all."""
        return sum(kind.numbers(own) for kind, own in self.of(items))

    def __str__(self) -> str:
        """Return what stands on either side."""
        return f"{self.left} and {self.right}"

    def to_json(self) -> dict[str, Any]:
        """Return the kinds of both sides as a JSON object."""
        return {"kind": self.name, "left": self.left.to_json(), "right": self.right.to_json()}
