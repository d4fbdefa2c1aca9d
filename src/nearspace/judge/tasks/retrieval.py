"""Search: queries are to find the documents that are relevant to them."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Self

import numpy as np
from scipy import sparse

from nearspace.data import Dataset
from nearspace.data.duplicates import components
from nearspace.data.kinds.kind import content_hash
from nearspace.data.known_items import known_items
from nearspace.data.lots import keys_of, lots
from nearspace.data.pairs import Pairs
from nearspace.encoders import CATALOGUE
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import FEWEST_UNITS
from nearspace.judge.task import GEOMETRY_ITEMS, Task
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["LEXICAL", "Retrieval", "check_no_split", "check_rank_by"]

LEXICAL = "bm25"  # the encoder that search engines are


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Retrieval(Task):
    """Which documents a query finds, of those that are relevant to it and all others.

    The documents are what encoders are fitted on, and the queries test. Documents that are equally
    near to a query stand in an order that is drawn by their ids.

    Attributes
    ----------
    relevance : csr_array of shape (queries, documents)
        Grades, above 0 where a document is relevant.
    own : ndarray of int of shape (queries,) or None
        The document that is the query itself, by id and content, and is not to be found; -1 where
        none is.
    made_by : str
        What queries were made of, where nobody wrote them.
    """

    name = "retrieval"
    units = "queries"
    mapped = False

    relevance: sparse.csr_array
    own: np.ndarray | None
    made_by: str

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether there are queries, and what is relevant to them."""
        return isinstance(data, Pairs) and data.scores is None and data.searched

    @classmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on queries and documents; on texts, of which queries are made.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, no queries can be made, or pairs are of two kinds.
        """
        protocol.check()
        rank_by = protocol.rank_by or "ndcg_10"
        check_rank_by(cls.name, rank_by)
        check_no_split(cls.name, protocol, "encoders are fitted on the documents, and all queries")
        pairs = known_items(data, protocol.random_state) if isinstance(data, Dataset) else data
        if pairs.scores is not None:
            raise DataError(
                f"{pairs.name} has scores, which say how alike the two of a pair are, where "
                "retrieval asks which documents are relevant: leave scores= out, or ask for "
                "task='likeness'."
            )
        if pairs.left.kind != pairs.right.kind:
            raise DataError(
                f"{pairs.name}: one encoder makes vectors of both queries and documents, so both "
                f"are to be of one kind; got {pairs.left.kind} and {pairs.right.kind}."
            )
        notes = list(pairs.notes)
        asking = np.unique(pairs.links[:, 0])
        queries, documents = pairs.left.take(asking), pairs.right
        if len(asking) < len(pairs.left):
            notes.append(_without_document(len(pairs.left) - len(asking)))
        names = content_hash([str(name) for name in np.asarray(documents.ids).tolist()])
        drawn = np.argsort(lots(keys_of(names), protocol.random_state), kind="stable")
        documents, place = documents.take(drawn), np.argsort(drawn)
        grades = np.ones(len(pairs)) if pairs.grades is None else pairs.grades
        cells = np.searchsorted(asking, pairs.links[:, 0]), place[pairs.links[:, 1]]
        relevance = sparse.csr_array(
            sparse.coo_array((grades, cells), (len(queries), len(documents)))
        )
        if len(documents) < 2:
            raise DataError(
                f"{pairs.name}: expected at least two documents to choose from, got one."
            )
        own = _own(queries, documents, relevance)
        if own is not None:
            notes.append(
                f"{(own >= 0).sum():,} queries are documents too, under the same id: none finds "
                "itself."
            )
        notes += _equal_ones(documents, relevance)
        task = cls(
            dataset=documents,
            train=documents,
            test=queries,
            sample=subsample(len(queries), GEOMETRY_ITEMS, protocol.random_state),
            rank_by=rank_by,
            protocol=protocol,
            notes=(),
            relevance=relevance,
            own=own,
            made_by=pairs.made_by,
        )
        units = len(queries) if task.groups is None else len(np.unique(task.groups))
        if units < FEWEST_UNITS:
            notes.append(
                f"Of fewer than {FEWEST_UNITS} different queries no difference is taken for real; "
                f"there are {units}."
            )
        return dataclasses.replace(task, notes=tuple(notes))

    def asked_of(self, encoder: Encoder) -> Any:
        """Return the vectors of queries, which some encoders make in a way of their own."""
        return encoder.transform_queries(self.test.items)

    @property
    def floor(self) -> list[str]:
        """What search engines do, where it takes such items."""
        return [LEXICAL] if self.train.kind.name in CATALOGUE[LEXICAL].kinds else []

    @property
    def scores(self) -> list[Score]:
        """Those of what queries find."""
        return [score for score in SCORES.values() if score.needs == {self.name}]

    @property
    def groups(self) -> np.ndarray | None:
        """The groups of queries; those that ask the same are one."""
        same = self.test.kind.same(self.test.items)
        of = self.test.groups
        if of is None:
            return same if len(np.unique(same)) < len(same) else None
        together = np.stack([same, same.max() + 1 + np.unique(of, return_inverse=True)[1]], axis=1)
        return components(int(together.max()) + 1, together)[same]

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of both sides, and of which documents are relevant or are queries themselves."""
        digest = hashlib.blake2b(digest_size=8)
        for array in (*self._cells, self.own if self.own is not None else np.empty(0)):
            digest.update(np.ascontiguousarray(array).tobytes())
        return (*super().fingerprints, digest.hexdigest())

    @property
    def _cells(self) -> tuple[np.ndarray, ...]:
        return self.relevance.indptr, self.relevance.indices, self.relevance.data

    def right(self, queries: np.ndarray) -> list[np.ndarray]:
        """Return the documents that are relevant to each of some queries."""
        indptr, indices, _ = self._cells
        return [indices[indptr[query] : indptr[query + 1]] for query in queries]

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol = self.protocol
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "documents": len(self.train),
            "queries": len(self.test),
            "relevant documents": self.relevance.nnz,
            **({"queries made of": self.made_by} if self.made_by else {}),
            "units": self.units,
            "fitted on": "the documents",
            "rank_by": self.rank_by,
            "metric": protocol.metric or "each encoder's own",
            "ties": "documents that are equally near stand in an order drawn by their ids",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "fingerprints of documents, queries and relevance": list(self.fingerprints),
            "intervals": "95 %, bootstrap over "
            + ("queries" if self.groups is None else "groups of queries")
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "versions": versions(),
            **({"left out": self.dataset.left_out} if self.dataset.left_out else {}),
        }


def check_no_split(
    task: str,
    protocol: Protocol,
    why: str,
    settings: tuple[str, ...] = ("test_size", "near_duplicates", "folds"),
) -> None:
    """Raise `NearspaceError` for settings of a split that a task does not make."""
    usual = {each.name: each.default for each in dataclasses.fields(Protocol)}
    for name in settings:
        if getattr(protocol, name) not in (usual[name], None):
            raise NearspaceError(f"{name}= has no meaning for {task}: {why} test.")


def check_rank_by(task: str, rank_by: str) -> None:
    """Raise `NearspaceError` unless a task has a score."""
    names = [name for name, score in SCORES.items() if task in score.needs]
    if rank_by not in names:
        raise NearspaceError(f"Cannot rank {task} by '{rank_by}'. {did_you_mean(rank_by, names)}")


def _own(queries: Dataset, documents: Dataset, relevance: sparse.csr_array) -> np.ndarray | None:
    """Return the document of the same id and content as each query; None where none has any.

    One that is relevant is what the query is to find.
    """
    places = {
        (str(name), content): place
        for place, (name, content) in enumerate(
            zip(np.asarray(documents.ids).tolist(), documents.hashes.tolist(), strict=True)
        )
    }
    asked = zip(np.asarray(queries.ids).tolist(), queries.hashes.tolist(), strict=True)
    own = np.array([places.get((str(name), content), -1) for name, content in asked])
    for query in np.flatnonzero(own >= 0):
        if own[query] in relevance.indices[relevance.indptr[query] : relevance.indptr[query + 1]]:
            own[query] = -1
    return own if (own >= 0).any() else None


def _equal_ones(documents: Dataset, relevance: sparse.csr_array) -> list[str]:
    """Return a note on relevant documents that equal ones which are not."""
    same = documents.kind.same(documents.items)
    sizes = np.bincount(same)
    of = np.repeat(np.arange(relevance.shape[0]), np.diff(relevance.indptr))
    _, of_group, counts = np.unique(
        np.stack([of, same[relevance.indices]], axis=1),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    doubtful = int((sizes[same[relevance.indices]] > counts[of_group.ravel()]).sum())
    if not doubtful:
        return []
    are = "document equals" if doubtful == 1 else "documents equal"
    return [
        f"{doubtful:,} relevant {are} one that is not relevant to the same query: no encoder can "
        "tell these apart."
    ]


def _without_document(count: int) -> str:
    """Return that queries were left out."""
    if count == 1:
        return "1 query without a relevant document was left out."
    return f"{count:,} queries without a relevant document were left out."
