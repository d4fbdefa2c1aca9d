"""`Graph`: nodes of a graph, of which something may be said, and the edges between them."""

from __future__ import annotations

import dataclasses
import hashlib
import html
import math
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from nearspace.data.kinds.kind import Kind, content_hash, count_items
from nearspace.data.nodes import Edges, Nodes
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Graph", "Node", "OfNodes"]

NAMED = 12  # neighbours of a node, where it is shown
SIDE, RADIUS = 36, 14  # pixels of its picture, and of the circle on which they stand


@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """One node, to be shown.

    Attributes
    ----------
    name : str
        By which it is told from the others.
    own : object
        What is said of it, in the form that its kind draws; None where nothing is.
    neighbours : list of str
        The names of the first of its neighbours.
    degree : int
        How many it has.
    among : list of (int, int)
        Between which of these neighbours there is an edge.
    """

    name: str
    own: Any
    neighbours: list[str]
    degree: int
    among: list[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class OfNodes(Kind):
    """Items that are nodes of a graph, as `Nodes`, which bring along all of its edges.

    Parameters
    ----------
    attributes : Kind or None
        What the things are that are said of nodes, such as texts; None where nothing is said.

    Attributes
    ----------
    has_users : bool
        Whether some of the nodes are users.
    reader : str
        The function that makes such items.
    """

    composed: ClassVar[bool] = True
    transductive: ClassVar[bool] = True
    has_users: ClassVar[bool] = False
    reader: ClassVar[str] = "load_graph(edges, nodes)"

    attributes: Kind | None

    @classmethod
    def recognise(cls, items: Any) -> str | None:
        """Return that items are nodes, where they are."""
        is_such = isinstance(items, Nodes) and bool(items.users) == cls.has_users
        return cls.plural if is_such else None

    @classmethod
    def infer(cls, items: Any) -> NoReturn:
        """Raise `DataError`: of what the attributes of nodes are, those who read them say."""
        raise DataError(
            f"Items: expected {cls.form}, with the kind of what is said of them; make them by "
            f"{cls.reader} and fit by fit_on(dataset)."
        )

    def check(self, items: Any, who: str = "Items") -> Nodes:
        """Return the nodes, what is said of them checked by its kind."""
        if not isinstance(items, Nodes):
            raise DataError(f"{who}: expected {self.form}, got one {type(items).__name__}.")
        if bool(items.users) != self.has_users and items.edges.n:
            got = "users and items" if items.users else "nodes of a graph"
            raise DataError(f"{who}: expected {self.form}, got {got}.")
        if (self.attributes is None) != (items.attributes is None):
            said = "nothing" if items.attributes is None else "something"
            raise DataError(
                f"{who}: expected {self}, got nodes of which {said} is said; bring the same of all."
            )
        n, users = items.edges.n, items.users
        said_of = n - users if self.attributes is None else count_items(items.attributes)
        if n != len(items.names) or said_of != n - users:
            of = f"but of {users:,} users, " if users else ""
            raise DataError(
                f"{who}: expected a name, and what is said, {of}of each of {n:,} nodes, "
                f"got {len(items.names):,} and {said_of:,}."
            )
        if self.attributes is None:
            return items
        return dataclasses.replace(items, attributes=self.attributes.check(items.attributes, who))

    def take(self, items: Nodes, rows: np.ndarray) -> Nodes:
        """Return the nodes at some positions, in the same graph."""
        return items[np.asarray(rows)]

    def join(self, first: Nodes, second: Nodes) -> Nodes:
        """Return nodes followed by others, which must be of the same graph."""
        if first.edges.digest != second.edges.digest or (first.names != second.names).any():
            raise DataError(
                "Nodes of two graphs cannot be items of one dataset: give one list of edges that "
                "holds both, and say by split= which nodes test."
            )
        return dataclasses.replace(first, rows=np.concatenate([first.rows, second.rows]))

    def empty(self) -> Nodes:
        """Return no nodes, of a graph that has none."""
        attributes = None if self.attributes is None else self.attributes.empty()
        none = np.empty(0, dtype=np.int64)
        return Nodes(Edges(0, np.empty((0, 2), np.int64)), none.astype(str), attributes, none)

    def hashes(self, items: Nodes) -> np.ndarray:
        """Return the content hash of every node: of what is said of it, and of its neighbours."""
        matrix = items.edges.adjacency
        rows = [slice(matrix.indptr[row], matrix.indptr[row + 1]) for row in items.rows]
        beside = [
            matrix.indices[part].astype(np.int64).tobytes() + matrix.data[part].tobytes()
            for part in rows
        ]
        if self.attributes is not None:
            said_of = np.flatnonzero(items.rows >= items.users)
            for at, digest in zip(said_of, self.attributes.hashes(items.own).tolist(), strict=True):
                beside[at] = digest + b"\0" + beside[at]
        return content_hash(beside)

    def linked(self, items: Nodes) -> bytes:
        """Return what stands for the whole graph, of which each node sees more than its own."""
        digest = hashlib.blake2b(items.edges.digest, digest_size=16)
        digest.update("\0".join(items.names.tolist()).encode(errors="surrogatepass"))
        digest.update(np.append(items.rows, items.users).astype(np.int64).tobytes())
        if self.attributes is not None:
            digest.update(self.attributes.hashes(items.attributes).tobytes())
        return digest.digest()

    def usual(self, items: Nodes) -> Any:
        """Return what is usual among what is said of nodes."""
        own = items.own
        return self.attributes.usual(own) if self.attributes and count_items(own) else None

    @property
    def pictured(self) -> bool:  # type: ignore[override]
        """Whether there are pictures of what is said of nodes."""
        return self.attributes is not None and self.attributes.pictured

    def picture(self, item: Node, side: int = 64, usual: Any = None) -> bytes | None:
        """Return a picture of what is said of one node, where there is one."""
        return None if self.attributes is None else self.attributes.picture(item.own, side, usual)

    def from_columns(self, columns: pa.Table) -> None:
        """Return None: the edges do not stand in columns."""

    def numbers(self, items: Nodes) -> int:
        """Return how many numbers are said of all nodes, and how many edges there are."""
        own = 0 if self.attributes is None else self.attributes.numbers(items.attributes)
        return own + len(items.edges)

    def to_json(self) -> dict[str, Any]:
        """Return the kind as a JSON object, that of what is said of nodes in it."""
        own = None if self.attributes is None else self.attributes.to_json()
        return {"kind": self.name, "attributes": own}


@dataclasses.dataclass(frozen=True)
class Graph(OfNodes):
    """Nodes of a graph, as `Nodes`, which bring along all of its edges.

    Parameters
    ----------
    attributes : Kind or None
        What the things are that are said of nodes, such as texts; None where nothing is said.

    Examples
    --------
    >>> from nearspace.data import Text
    >>> edges = Edges(2, np.array([[0, 1]]))
    >>> nodes = Nodes(edges, np.array(["a", "b"]), ["red", "blue"], np.arange(2))
    >>> kind = Graph(Text())
    >>> shown = kind.draw(kind.item(nodes, 1))
    >>> str(kind), shown.startswith("<svg"), shown.partition("</svg>")[2]
    ('nodes with texts', True, '<q>blue</q> <small>b, beside a</small>')
    """

    name: ClassVar[str] = "graph"
    plural: ClassVar[str] = "nodes of a graph"
    form: ClassVar[str] = "nodes and the edges between them, as load_graph returns them"

    def item(self, items: Nodes, index: int) -> Node:
        """Return the node at a position, in the form that `draw` takes."""
        row, beside = int(items.rows[index]), items.neighbours(index)
        own = None if self.attributes is None else self.attributes.item(items.attributes, row)
        some = beside[:NAMED]
        names = [str(name) for name in items.names[some]]
        one, other = items.edges.symmetric[some][:, some].nonzero()
        among = [
            pair for pair in zip(one.tolist(), other.tolist(), strict=True) if pair[0] < pair[1]
        ]
        return Node(str(items.names[row]), own, names, len(beside), among)

    def draw(self, item: Node, usual: Any = None) -> str:
        """Return a small piece of HTML that shows one node amid its neighbours, and their names."""
        shown = ""
        if self.attributes is not None:
            shown = self.attributes.draw(item.own, *([] if usual is None else [usual]))
        more = f" and {item.degree - len(item.neighbours):,} more" * (
            item.degree > len(item.neighbours)
        )
        beside = ", ".join(item.neighbours) + more if item.degree else "none"
        words = html.escape(f"{item.name}, beside {beside}")
        return f"{_drawn(item)}{shown} <small>{words}</small>"

    def to_columns(self, items: Nodes) -> dict[str, Any]:
        """Return how many neighbours each node has, and what can be read of what is said of it."""
        counts = np.diff(items.edges.symmetric.indptr)[items.rows]
        columns: dict[str, Any] = {"degree": counts.tolist()}
        if self.attributes is not None:
            columns |= self.attributes.to_columns(items.own)
        return columns

    def __str__(self) -> str:
        """Return what is said of the nodes."""
        return "nodes" if self.attributes is None else f"nodes with {self.attributes}"


def _drawn(item: Node) -> str:
    """Return a node amid the first of its neighbours as SVG, with all edges between them."""
    n, middle = len(item.neighbours), SIDE / 2
    turns = [2 * math.pi * at / max(n, 1) for at in range(n)]
    places = [
        (middle + RADIUS * math.sin(turn), middle - RADIUS * math.cos(turn)) for turn in turns
    ]
    ends = [(places[one], places[other]) for one, other in item.among]
    ends += [((middle, middle), place) for place in places]
    path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in ends)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"><title>{html.escape(name)}</title></circle>'
        for (x, y), name in zip(places, item.neighbours, strict=True)
    )
    return (
        f'<svg width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}" role="img" '
        f'aria-label="{item.degree} neighbours" fill="currentColor" style="vertical-align:middle">'
        f'<path d="{path}" stroke="currentColor" stroke-opacity=".35" fill="none"/>{dots}'
        f'<circle cx="{middle:g}" cy="{middle:g}" r="3"/></svg>'
    )
