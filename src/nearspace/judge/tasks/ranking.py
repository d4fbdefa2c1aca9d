"""Ranking: users are to find the items that they have later, or that were held back."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import Any, ClassVar, Self

import numpy as np

from nearspace.data import Dataset
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.kinds.kind import content_hash
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError
from nearspace.judge.evidence import Evidence
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.task import GEOMETRY_ITEMS, Task
from nearspace.judge.tasks.links import all_take_part, split_edges
from nearspace.judge.tasks.retrieval import check_no_split, check_rank_by
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["Ranking"]

FEWEST_EDGES = 10
MOST_USERS = 10_000  # that test
POPULAR = 0.01  # of the items, which are the most popular ones


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Ranking(Task):
    """Whether users find, among the first of all items that they had not, those that they get.

    Some interactions are held back. Encoders are fitted without them, and make the vectors of users
    of what is left, so that no held-out interaction is in anybody's reach.

    Attributes
    ----------
    users : ndarray of shape (u,)
        The users that test: those of whom an interaction is held back.
    links : ndarray of shape (m, 2)
        What is held back: positions among these users, and among the items.
    drawn : ndarray of shape (items,)
        The order of items in which those stand that are equally near, drawn at random.
    held_out : str
        How: ``"date"``, ``"random"`` or ``"user"``.
    """

    name = "ranking"
    units = "users"
    mapped = False
    of_items = False
    holds_out: ClassVar[tuple[str, ...]] = ("date", "random", "user")

    users: np.ndarray
    links: np.ndarray
    drawn: np.ndarray
    held_out: str

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether data are users and items."""
        return isinstance(data, Dataset) and data.kind.name == Interactions.name

    @classmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on users and items, of whose interactions some are held back.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, there are no users, or too few interactions.
        """
        protocol.check()
        rank_by = protocol.rank_by or "user_recall_20"
        check_rank_by(cls.name, rank_by)
        settings = ("near_duplicates", "folds")
        check_no_split(cls.name, protocol, "held-out interactions", settings)
        if not cls.suits(data):
            raise DataError(
                f"{data.name} has no users: name the file that holds what each has "
                "(load_interactions(interactions, items), --interactions)."
            )
        nodes = data.items.everyone
        edges, n_users = nodes.edges, nodes.users
        how = protocol.hold_out or ("random" if edges.time is None else "date")
        rest, held = split_edges(edges, protocol.test_size, protocol.random_state, how)
        if len(held) < FEWEST_EDGES or not len(rest):
            raise DataError(
                f"{data.name}: expected at least {FEWEST_EDGES} interactions to be judged on and "
                f"one to learn from, got {len(held):,} and {len(rest):,}."
            )
        everyone = np.unique(held.ends[:, 0])
        users = everyone[subsample(len(everyone), MOST_USERS, protocol.random_state)]
        own = held.ends[np.isin(held.ends[:, 0], users)]
        links = np.stack([np.searchsorted(users, own[:, 0]), own[:, 1] - n_users], axis=1)
        learnt = Dataset(nodes.with_edges(rest), data.kind, ids=nodes.names, name=data.name)
        rng = np.random.default_rng(protocol.random_state)
        task = cls(
            dataset=learnt,
            train=learnt,
            test=learnt,
            sample=subsample(len(nodes), GEOMETRY_ITEMS, protocol.random_state),
            rank_by=rank_by,
            protocol=protocol,
            notes=(),
            users=users,
            links=links,
            drawn=rng.permutation(edges.n - n_users),
            held_out=how,
        )
        told = task._told(len(everyone), len(held), len(edges), edges.time is not None)
        return dataclasses.replace(task, notes=(*data.notes, *all_take_part(data), *told))

    def _told(self, testing: int, held: int, whole: int, dated: bool) -> list[str]:
        """Return what there is to say of the interactions that test."""
        of = {
            "date": "the latest, by one date for all",
            "random": "drawn at random",
            "user": "the latest of each user" if dated else "of each user, drawn at random",
        }
        notes = [
            f"{held:,} of {whole:,} interactions are held back, {of[self.held_out]}; encoders see "
            f"what is left. Each user looks among all {len(self.drawn):,} items but those that "
            "they have already."
        ]
        if dated and self.held_out != "date":
            notes.append(
                "Interactions have a time, and what is learnt from is partly later than what is "
                "told: scores are higher than they would be from one date on (hold_out='date')."
            )
        if len(self.users) < testing:
            notes.append(f"Of {testing:,} users {len(self.users):,} test, drawn at random.")
        if new := int((~self.has_history).sum()):
            notes.append(
                f"{new:,} of {len(self.users):,} users that test have nothing before: they are a "
                "group of their own, to whom popularity alone can tell anything."
            )
        if cold := int(self.is_new_item.sum()):
            notes.append(
                f"{cold:,} of {len(self.links):,} interactions that test are with items that "
                "nobody had before: they count as missed where they are not among the first, and "
                "are judged among such items alone too."
            )
        popular = self.popular[self.links[self.has_history[self.links[:, 0]], 1]]
        if len(popular):
            notes.append(
                f"The {POPULAR:.0%} of items that most users have are {popular.mean():.0%} of what "
                "users have later: what of these an encoder gives beyond that is its bias."
            )
        return notes

    @functools.cached_property
    def has_history(self) -> np.ndarray:
        """Which of the users that test have something that is not held back."""
        return np.diff(self.train.items.interactions.indptr)[self.users] > 0

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How many users have each item, without what is held back."""
        matrix = self.train.items.interactions
        return np.bincount(matrix.indices, minlength=matrix.shape[1])

    @property
    def is_new_item(self) -> np.ndarray:
        """For each interaction that tests, whether nobody had its item before."""
        return self.counts[self.links[:, 1]] == 0

    def evidence(self, encoder: Encoder, reference: Any = None) -> Evidence:
        """Return what a fitted encoder makes of users and items, without what is held back."""
        start = time.perf_counter()
        vectors = encoder.transform(self.train.items)
        seconds = time.perf_counter() - start
        return Evidence(self, encoder, vectors, vectors, reference, seconds)

    @functools.cached_property
    def popular(self) -> np.ndarray:
        """Which of the items are the 1 % that most users have, without what is held back."""
        most = np.zeros(len(self.counts), dtype=bool)
        most[np.argsort(-self.counts, kind="stable")[: max(1, round(POPULAR * len(most)))]] = True
        return most

    @property
    def scores(self) -> list[Score]:
        """Those of what users find."""
        return [score for score in SCORES.values() if score.needs == {self.name}]

    @property
    def groups(self) -> None:
        """None: each user tests for themselves."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """What changes with any user, item or interaction, and with which of them test."""
        parts = (self.users, self.links, self.drawn)
        digest = content_hash([b"".join(part.astype(np.int64).tobytes() for part in parts)])
        return self.train.fingerprint, digest[0].hex()[:16]

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol, share = self.protocol, f"{self.protocol.test_size:.0%}"
        split = {
            "date": f"the latest {share} of interactions test, by one date for all",
            "random": f"{share} of interactions test, at random",
            "user": f"{share} of the interactions of each user test",
        }
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "users": self.train.items.users,
            "items": len(self.drawn),
            "train": len(self.train.items.edges),
            "test": len(self.links),
            "users that test": len(self.users),
            "of these without history": int((~self.has_history).sum()),
            "test interactions with new items": int(self.is_new_item.sum()),
            "units": self.units,
            "split": split[self.held_out],
            "fitted on": "the interactions that are not held back",
            "candidates": "all items but those that the user has already",
            "rank_by": self.rank_by,
            "metric": protocol.metric or "each encoder's own",
            "ties": "of items that are equally near the rank is the mean of theirs",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "training fingerprint": self.train.fingerprint,
            "test fingerprint": self.fingerprints[1],
            "intervals": "95 %, bootstrap over users"
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "versions": versions(),
        }
