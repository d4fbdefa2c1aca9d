"""`Interactions`: users and the items that each of them has, of which something may be said."""

from __future__ import annotations

import dataclasses
import html
import json
from typing import Any, ClassVar

from nearspace.data.kinds.graph import OfNodes
from nearspace.data.nodes import Nodes

__all__ = ["SORTS", "Interactions", "Party"]

SORTS = ("user", "item")
SHOWN = 5  # items of a user, where one is shown


@dataclasses.dataclass(frozen=True, eq=False)
class Party:
    """One user or one item, to be shown.

    Attributes
    ----------
    name : str
        By which it is told from the others.
    own : object
        What is said of it, in the form that its kind draws; None of a user.
    beside : list
        Of a user the first items that it has, as pairs of the name and of what is said of each.
    degree : int
        How many items a user has, or how many users have an item.
    is_user : bool
    """

    name: str
    own: Any
    beside: list[tuple[str, Any]]
    degree: int
    is_user: bool


@dataclasses.dataclass(frozen=True)
class Interactions(OfNodes):
    """Users and items, as `Nodes` of which users come first; edges lead from users to items.

    Parameters
    ----------
    attributes : Kind or None
        What the things are that are said of items, such as texts; None where nothing is said.

    Examples
    --------
    >>> import numpy as np
    >>> from nearspace.data import Text
    >>> from nearspace.data.nodes import Edges
    >>> edges = Edges(3, np.array([[0, 1], [0, 2]]))
    >>> names = np.array(["user-7", "item-a", "item-b"])
    >>> nodes = Nodes(edges, names, ["Alien", "Brazil"], np.arange(3), users=1)
    >>> kind = Interactions(Text())
    >>> str(kind), kind.draw(kind.item(nodes, 0))
    ('users and items with texts', '<small>user-7, 2 items:</small> <q>Alien</q> <q>Brazil</q>')
    >>> kind.draw(kind.item(nodes, 2)), kind.to_columns(nodes)["history"][0]
    ('<q>Brazil</q> <small>item-b, 1 user</small>', '["item-a", "item-b"]')
    """

    name: ClassVar[str] = "interactions"
    plural: ClassVar[str] = "users and items"
    form: ClassVar[str] = "users and items, as load_interactions returns them"
    has_users: ClassVar[bool] = True
    reader: ClassVar[str] = "load_interactions(interactions, items)"

    def item(self, items: Nodes, index: int) -> Party:
        """Return the user or the item at a position, in the form that `draw` takes."""
        row, beside = int(items.rows[index]), items.neighbours(index)
        is_user = row < items.users
        said = self.attributes
        own = None if is_user or said is None else said.item(items.attributes, row - items.users)
        some = [
            (str(items.names[at]), said and said.item(items.attributes, int(at) - items.users))
            for at in (beside[:SHOWN] if is_user else ())
        ]
        return Party(str(items.names[row]), own, some, len(beside), is_user)

    def draw(self, item: Party, usual: Any = None) -> str:
        """Return a small piece of HTML that shows a user by its items, or an item."""
        beside = [] if usual is None else [usual]

        def shown(name: str, own: Any) -> str:
            return html.escape(name) if self.attributes is None else self.attributes.draw(
                own, *beside
            )  # fmt: skip

        of = SORTS[item.is_user]
        name, count = html.escape(item.name), f"{item.degree:,} {of}{'s' * (item.degree != 1)}"
        if not item.is_user:
            own = "" if self.attributes is None else f"{shown(item.name, item.own)} "
            return f"{own}<small>{name}, {count}</small>"
        some = " ".join(shown(*each) for each in item.beside)
        more = " …" * (item.degree > len(item.beside))
        return f"<small>{name}, {count}{':' * bool(some)}</small> {some}{more}".rstrip()

    def to_columns(self, items: Nodes) -> dict[str, Any]:
        """Return which rows are users, what each has, and what can be read of the items."""
        matrix, users = items.edges.symmetric, items.users
        counts = matrix.indptr[items.rows + 1] - matrix.indptr[items.rows]
        names = items.names
        beside = [names[items.neighbours(at)].tolist() if row < users else None
                  for at, row in enumerate(items.rows.tolist())]  # fmt: skip
        is_item = items.rows >= users
        columns: dict[str, Any] = {
            "sort": [SORTS[one] for one in is_item.tolist()],
            "degree": counts.tolist(),
            "history": [None if own is None else json.dumps(own) for own in beside],
        }
        if self.attributes is not None:
            for name, values in self.attributes.to_columns(items.own).items():
                told = iter(values)
                columns[name] = [next(told) if one else None for one in is_item.tolist()]
        return columns

    def __str__(self) -> str:
        """Return what is said of the items."""
        return self.plural if self.attributes is None else f"{self.plural} with {self.attributes}"
