"""Links: nodes between which there is an edge that was held back are to be near to each other."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from nearspace.data import Dataset
from nearspace.data.kinds.graph import Graph
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.kinds.kind import content_hash
from nearspace.data.nodes import Edges
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError
from nearspace.judge.evidence import Evidence
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.task import GEOMETRY_ITEMS, Task
from nearspace.judge.tasks.retrieval import check_no_split, check_rank_by
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["Links", "all_take_part", "split_edges"]

FEWEST_EDGES = 10
MOST_EDGES = 10_000  # that test: each looks for its other end among all nodes


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Links(Task):
    """Whether nodes are near to each other between which there is an edge.

    Some edges are held back. Encoders are fitted on the graph without them and make their vectors
    of it, so that no held-out edge is in anybody's reach.

    Attributes
    ----------
    links : ndarray of shape (m, 2)
        The edges that test: positions of their ends.
    apart : ndarray of shape (m, 2)
        As many pairs of nodes without any edge.
    linked : csr_array of shape (n, n)
        Between which nodes there is an edge, held back or not.
    latest : bool
        Whether those test that came about last.
    """

    name = "links"
    units = "edges"
    mapped = False
    of_items = False
    holds_out: ClassVar[tuple[str, ...]] = ("date", "random")

    links: np.ndarray
    apart: np.ndarray
    linked: sparse.csr_array
    latest: bool

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether data are nodes of a graph, of which nothing else is to be told."""
        return (
            isinstance(data, Dataset)
            and data.kind.name == Graph.name
            and (data.target is None or not data.target.varies)
        )

    @classmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on a graph, of whose edges some are held back.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, there are no edges, or too few.
        """
        protocol.check()
        rank_by = protocol.rank_by or "link_auc"
        check_rank_by(cls.name, rank_by)
        check_no_split(cls.name, protocol, "held-out edges", ("near_duplicates", "folds"))
        if isinstance(data, Dataset) and data.kind.name == Interactions.name:
            raise DataError(
                f"{data.name} has users and items, which are judged by what users have later "
                "(task='ranking'), not by links."
            )
        if not isinstance(data, Dataset) or data.kind.name != Graph.name:
            raise DataError(
                f"{data.name} has no edges: name the file that holds them "
                "(load_graph(edges, nodes), --edges)."
            )
        nodes = data.items.everyone
        how = protocol.hold_out or ("random" if nodes.edges.time is None else "date")
        rest, held = split_edges(nodes.edges, protocol.test_size, protocol.random_state, how)
        if len(held) < FEWEST_EDGES or not len(rest):
            raise DataError(
                f"{data.name}: expected at least {FEWEST_EDGES} edges to be judged on and one to "
                f"learn from, got {len(held):,} and {len(rest):,}."
            )
        rng = np.random.default_rng(protocol.random_state)
        tested = held.ends[subsample(len(held), MOST_EDGES, protocol.random_state)]
        whole = nodes.edges.symmetric
        learnt = Dataset(nodes.with_edges(rest), data.kind, ids=nodes.names, name=data.name)
        task = cls(
            dataset=learnt,
            train=learnt,
            test=learnt,
            sample=subsample(len(nodes), GEOMETRY_ITEMS, protocol.random_state),
            rank_by=rank_by,
            protocol=protocol,
            notes=(),
            links=tested,
            apart=pairs_apart(whole, len(tested), rng),
            linked=whole,
            latest=how == "date",
        )
        return dataclasses.replace(
            task, notes=(*data.notes, *all_take_part(data), *task._told(held))
        )

    def _told(self, held: Edges) -> list[str]:
        """Return what there is to say of the edges that test."""
        how = "the latest" if self.latest else "drawn at random"
        rest = self.train.items.edges
        notes = [
            f"{len(held):,} of {len(held) + len(rest):,} edges are held back, {how}; encoders see "
            "the graph without them. AUC and AP are against as many pairs of nodes without an "
            f"edge, drawn at random; MRR and hits against all {self.train.items.edges.n:,} nodes "
            "but those with another edge."
        ]
        if rest.directed:
            notes.append("Two nodes are alike both ways: which way an edge leads is not judged.")
        if len(self.links) < len(held):
            notes.append(f"Of the edges held back {len(self.links):,} test, drawn at random.")
        degrees = np.diff(rest.symmetric.indptr)
        bare = int((degrees[self.links] == 0).any(axis=1).sum())
        if bare:
            notes.append(
                f"{bare:,} of the {len(self.links):,} edges that test have an end without any edge "
                "that is left, of which only what is said of the node can tell."
            )
        return notes

    def evidence(self, encoder: Encoder, reference: Any = None) -> Evidence:
        """Return what a fitted encoder makes of the nodes of the graph without held-out edges."""
        start = time.perf_counter()
        vectors = encoder.transform(self.train.items)
        seconds = time.perf_counter() - start
        return Evidence(self, encoder, vectors, vectors, reference, seconds)

    @property
    def scores(self) -> list[Score]:
        """Those of links."""
        return [score for score in SCORES.values() if score.needs == {self.name}]

    @property
    def groups(self) -> None:
        """None: each edge tests for itself."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """What changes with any node or edge, and with which of them test."""
        pairs = np.concatenate([self.links, self.apart]).astype(np.int64)
        return self.train.fingerprint, content_hash([pairs.tobytes()])[0].hex()[:16]

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol = self.protocol
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "nodes": self.train.items.edges.n,
            "train": len(self.train.items.edges),
            "test": len(self.links),
            "units": self.units,
            "split": f"the latest {protocol.test_size:.0%} of edges test" if self.latest else
            f"{protocol.test_size:.0%} of edges test, at random",
            "fitted on": "the graph without the edges that are held back",
            "negatives": f"{len(self.apart):,} pairs without an edge, at random, of AUC and AP; "
            "all nodes but those with another edge, of MRR and hits",
            "rank_by": self.rank_by,
            "metric": protocol.metric or "each encoder's own",
            "ties": "of nodes that are equally near the rank is the mean of theirs",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "training fingerprint": self.train.fingerprint,
            "test fingerprint": self.fingerprints[1],
            "intervals": "95 %, bootstrap over edges"
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "versions": versions(),
        }  # fmt: skip


def all_take_part(data: Dataset) -> list[str]:
    """Return that all nodes of a graph are judged, where some of them were asked for."""
    n = data.items.edges.n
    if len(data) == n:
        return []
    return [
        f"Of {n:,} {data.kind.plural} {len(data):,} were asked for, and all take part: none can be "
        "left out without its edges."
    ]


def split_edges(edges: Edges, test_size: float, random_state: int, how: str) -> tuple[Edges, Edges]:
    """Return the edges to learn from and those held back.

    Parameters
    ----------
    edges : Edges
    test_size : float
        Which share is held back, about.
    random_state : int
    how : {"date", "random", "user"}
        The latest, by one date for all: no edge to learn from is later than one that is held back;
        some at random; or some of each first end, its latest where edges have a time.

    Raises
    ------
    DataError
        If edges have no time and are to be held back by it.

    Examples
    --------
    >>> edges = Edges(3, np.array([[0, 1], [1, 2], [0, 2], [2, 3]]), time=np.array([4, 1, 2, 3]))
    >>> rest, held = split_edges(edges, 0.25, 0, "date")
    >>> rest.time.tolist(), held.time.tolist()
    ([1, 2, 3], [4])
    >>> split_edges(edges, 0.5, 0, "user")[1].time.tolist()
    [4]
    """
    count, n = round(test_size * len(edges)), len(edges)
    order = np.random.default_rng(random_state).permutation(n)
    held = np.zeros(n, dtype=bool)
    if how == "date":
        if edges.time is None:
            raise DataError(
                "There is no time by which the latest could be held back: name its column "
                "(load_graph(time=) or load_interactions(time=), --edge-time), or say "
                "hold_out='random'."
            )
        held = edges.time > np.sort(edges.time)[n - count - 1]
    elif how == "random":
        held[order[:count]] = True
    else:
        if edges.time is not None:
            order = order[np.argsort(edges.time[order], kind="stable")]
        order = order[np.argsort(edges.ends[order, 0], kind="stable")]
        first = edges.ends[order, 0]
        sizes = np.bincount(first)
        starts = np.cumsum(sizes) - sizes
        place = np.arange(n) - starts[first]
        # Half up: of two that somebody has one may be held back, of one none.
        most = np.minimum(np.floor(test_size * sizes + 0.5), sizes - 1)
        held[order[place >= (sizes - most)[first]]] = True
    return edges.take(np.flatnonzero(~held)), edges.take(np.flatnonzero(held))


def pairs_apart(linked: sparse.csr_array, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return pairs of different nodes without an edge, drawn at random, none of them twice.

    Raises
    ------
    DataError
        If there are not as many.
    """
    n = linked.shape[0]
    if count > (n * (n - 1) - linked.nnz) // 4:
        raise DataError(
            f"There are too few pairs of nodes without an edge for {count:,} edges that test: "
            "nearly all of the graph is linked."
        )
    coded = np.unique(np.repeat(np.arange(n), np.diff(linked.indptr)) * n + linked.indices)
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < count:
        pairs = np.sort(rng.integers(n, size=(2 * count, 2)), axis=1)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        more = pairs @ np.array([n, 1])
        more = more[~np.isin(more, coded)]
        _, first = np.unique(np.concatenate([drawn, more]), return_index=True)
        drawn = np.concatenate([drawn, more])[np.sort(first)]
    return np.stack(np.divmod(drawn[:count], n), axis=1)
