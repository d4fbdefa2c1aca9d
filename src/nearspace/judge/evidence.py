"""`Evidence`: what an encoder made of the items that are judged, for scores to measure."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data import Target
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.metrics.analogies import analogies_solved
from nearspace.metrics.directions import has_direction, zeros_told
from nearspace.metrics.exact import rescored
from nearspace.metrics.labels import probe, votes_of
from nearspace.metrics.links import Linked, link_likeness, link_ranks
from nearspace.metrics.matching import Matched, Ranks, match_ranks
from nearspace.metrics.ranking import found_by
from nearspace.metrics.recommending import Recommended, ranks_and_first
from nearspace.metrics.retrieval import VectorArray, nearest
from nearspace.metrics.rotation import rotated
from nearspace.space.search.hybrid import DEPTH

__all__ = ["Evidence", "Modelled", "Ranked", "Told", "reconstructs"]

# A hub is among the neighbours of so large a share of the items, and so many times as often as by
# chance.
HUB_SHARE, HUB_TIMES = 0.1, 10
FIRST = 20  # items that each user gets
MOSTLY_ZERO = 0.05  # of the numbers of users, so few of which are not zero
DIGITS = 12  # of how alike two items are: what is behind them is rounding


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """The vectors of the two sides of a dataset, and what they are held against.

    Attributes
    ----------
    task : Task
        The items of the two sides, and what is asked of them.
    encoder : Encoder
        Fitted; asked to decode where it can.
    train, test : ndarray or csr_array
        Their vectors.
    reference : (ndarray or csr_array, str) or None
        Vectors of the task's ``sample`` whose neighbourhoods should be kept, and their metric; None
        for the reference itself, and where it failed.
    seconds : float
        Wall time of embedding the test side.

    Raises
    ------
    NearspaceError
        If a vector is not finite.
    """

    task: Any
    encoder: Any
    train: VectorArray
    test: VectorArray
    reference: tuple[VectorArray, str] | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for side, vectors in (("training", self.train), ("test", self.test)):
            values = vectors.data if sparse.issparse(vectors) else vectors
            if not np.isfinite(values).all():
                raise NearspaceError(f"Some {side} vectors are not finite.")

    @property
    def has(self) -> frozenset[str]:
        """What of the things is there that a score may need."""
        target, decoded = self.task.test.target, (self.test, self.task.test.items)
        of_numbers = bool(self.task.test.kind.shape_of_item)  # rows of a table are not
        there = {
            "" if target is None else target.name: target is not None,
            "two classes": target is not None and self.task.tells_two,
            "decoder": of_numbers
            and reconstructs(self.encoder)
            and not any(map(sparse.issparse, decoded)),
            "reference": self.reference is not None,
        }
        return frozenset(name for name, has in there.items() if has) | {self.task.name}

    @property
    def targets(self) -> tuple[Target, Target]:
        """What is to be told of the items of the two sides, where anything is."""
        return self.task.targets

    @property
    def metric(self) -> str:
        """By what neighbours are near: what the protocol asks for, else the encoder's own."""
        return self.task.protocol.metric or self.encoder.metric

    @functools.cached_property
    def nearby(self) -> np.ndarray:
        """Positions of the nearest training items of each test item; -1 where it has none."""
        return nearest(self.test, self.train, self.task.protocol.k, self.metric)[0]

    @functools.cached_property
    def votes(self) -> np.ndarray:
        """What the nearest training items tell of each test item."""
        return votes_of(self.nearby, self.targets[0])

    @functools.cached_property
    def probed(self) -> tuple[np.ndarray, np.ndarray | None]:
        """What a linear model tells of each test item, and how surely, see `probe`."""
        return probe(self.train, self.targets[0], self.test)

    @functools.cached_property
    def ranking(self) -> np.ndarray:
        """The training items that each test item finds, best first, as of `found_by`."""
        return found_by(self.test, self.train, DEPTH, self.metric, self.task.own)

    @functools.cached_property
    def likeness(self) -> np.ndarray:
        """How alike the two test items of each link are."""
        left, right = self.task.links.T
        alike = rescored(self.test[left], self.test, right[:, None], self.metric)[:, 0]
        largest = np.abs(alike).max(initial=0.0) or 1.0
        return np.round(alike / largest, DIGITS) * largest

    @functools.cached_property
    def matches(self) -> tuple[Matched, Matched]:
        """At which ranks items of two sides find each other, as they are and by CSLS."""
        items = self.task.test.items
        left, right = (self.test[items.rows(which)] for which in (0, 1))
        plain, corrected = (
            match_ranks(left, right, items.links, self.metric, csls) for csls in (False, True)
        )
        return plain, corrected

    @property
    def matched_items(self) -> np.ndarray:
        """For each test item the rank of what belongs to it, and which is nearest, ``(2, n)``."""
        items, (plain, _) = self.task.test.items, self.matches
        left, right = (items.rows(which) for which in (0, 1))
        ranks = items.spread(plain.left.means, plain.right.means)
        nearest_ones = items.spread(right[plain.nearest[0]], left[plain.nearest[1]])
        return np.stack([ranks, nearest_ones])

    @functools.cached_property
    def linked(self) -> Linked:
        """What is said of the edges of the task, and of pairs without one."""
        task = self.task
        return Linked(
            link_likeness(self.test, task.links, self.metric),
            link_likeness(self.test, task.apart, self.metric),
            link_ranks(self.test, task.links, task.linked, self.metric),
        )

    @functools.cached_property
    def recommended(self) -> Recommended:
        """What users that test find among the items that they have not."""
        task, users = self.task, self.task.train.items.users
        asking, pool = self.test[task.users], self.test[users:]
        if not sparse.issparse(asking) and np.count_nonzero(asking) < MOSTLY_ZERO * asking.size:
            asking = sparse.csr_array(asking)  # histories, by which products are soon worked out
        hidden = task.train.items.interactions[task.users]
        drawn, place = task.drawn, np.argsort(task.drawn)
        links = np.stack([task.links[:, 0], place[task.links[:, 1]]], axis=1)
        ranks, first = ranks_and_first(
            asking, pool[drawn], links, hidden[:, drawn], self.metric, FIRST
        )
        new, fresh = np.flatnonzero(task.counts == 0), task.is_new_item
        new_ranks = Ranks(*np.empty((3, 0)))
        if fresh.any():
            among = [task.links[fresh, 0], np.searchsorted(new, task.links[fresh, 1])]
            new_ranks, _ = ranks_and_first(
                asking, pool[new], np.stack(among, axis=1), hidden[:, new], self.metric
            )
        return Recommended(ranks, new_ranks, np.where(first < 0, -1, drawn[first]))

    @functools.cached_property
    def analogies(self) -> np.ndarray:
        """Which questions of the task are answered rightly."""
        return analogies_solved(self.test, self.task.questions, self.metric)

    @functools.cached_property
    def rotated(self) -> VectorArray:
        """The vectors of the test side for what only looks at distances among them."""
        return rotated(self.test)

    @property
    def sampled(self) -> VectorArray:
        """The vectors of the test items on which geometry is measured, rotated as those are."""
        return self.rotated[self.task.sample]

    def spread(self, values: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return values at their positions among all test items, NaN elsewhere."""
        spread = np.full(self.test.shape[0], np.nan)
        spread[positions] = values
        return spread

    @property
    def notes(self) -> list[str]:
        """What there is to say of the vectors: of those that are zero, and of hubs."""
        notes = [*self._on_zeros(), *self._on_hubs(), *self.task.told_of(self)]
        if self.metric == "dot" and self.task.mapped:
            notes.append("The inner product is no distance: no map, no intrinsic dimension.")
        return notes

    def _on_zeros(self) -> list[str]:
        if self.metric != "cosine":
            return []
        one = self.train is self.test  # where the same items are asked that are learnt from
        sides = (self.test,) if one else (self.train, self.test)
        zeros = [int((~has_direction(side)).sum()) for side in sides]
        if not sum(zeros):
            return []
        test, items = zeros[-1], self.task.test.kind.plural
        n = sum(side.shape[0] for side in sides)
        told = zeros_told(sum(zeros), n, items, self.encoder.first.zero_means)
        if test and self.task.labelled:
            told += f" Of the test items {test:,} {'is' if test == 1 else 'are'} told by guessing."
        return [told]

    def _on_hubs(self) -> list[str]:
        """Return a note on training items that are neighbours of test items far and wide."""
        if not self.task.of_items:
            return []
        k, ids = self.task.protocol.k, np.asarray(self.task.train.ids)
        # Without labels nothing votes, and the neighbours of a sample are enough.
        labelled = self.task.labelled
        sample = self.test[self.task.sample]
        nearby = self.nearby if labelled else nearest(sample, self.train, k, self.metric)[0]
        shares = np.bincount(nearby[nearby >= 0], minlength=len(ids)) / len(nearby)
        hubs = np.flatnonzero(shares > max(HUB_SHARE, HUB_TIMES * k / len(ids)))
        if not len(hubs):
            return []
        most = hubs[shares[hubs].argmax()]
        others = f", and {len(hubs) - 1:,} more are hubs too" * (len(hubs) > 1)
        return [
            f"The item '{ids[most]}' is among the {k} nearest of {shares[most]:.0%} of the "
            f"{self.task.units}{others}: what neighbours tell is distorted."
        ]


@dataclasses.dataclass(frozen=True, eq=False)
class Told:
    """What was told of test items.

    Attributes
    ----------
    targets : (Target, Target)
        What there is to tell of the items of the two sides.
    told : ndarray of shape (n,)
        What was told of the test items.
    """

    targets: tuple[Target, Target]
    told: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Modelled:
    """What a model told of test items that needs no vectors of them.

    Attributes
    ----------
    task : Task
        Of whose test items.
    probed : (ndarray, ndarray or None)
        As of `Evidence.probed`.
    """

    task: Any
    probed: tuple[np.ndarray, np.ndarray | None]

    @property
    def targets(self) -> tuple[Target, Target]:
        """What there is to tell of the items of the two sides."""
        return self.task.targets


@dataclasses.dataclass(frozen=True, eq=False)
class Ranked:
    """What test items find, whatever put it in order.

    Attributes
    ----------
    task : Task
        Whose queries and documents they are.
    ranking : ndarray of shape (q, depth)
        As of `Evidence.ranking`.
    """

    task: Any
    ranking: np.ndarray


def reconstructs(encoder: Encoder) -> bool:
    """Return whether a fitted encoder decodes items of which its vectors do not hold everything."""
    decoder = encoder.decoder if encoder.decodes else None
    return decoder is not None and not decoder.lossless
