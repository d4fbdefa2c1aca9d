"""Likeness: pairs that were judged to be more alike are to be nearer."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Self

import numpy as np

from nearspace.data import Dataset
from nearspace.data.duplicates import components
from nearspace.data.pairs import Pairs
from nearspace.errors import DataError
from nearspace.judge.evidence import Evidence
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import FEWEST_UNITS
from nearspace.judge.task import GEOMETRY_ITEMS, Task
from nearspace.judge.tasks.retrieval import check_no_split, check_rank_by
from nearspace.metrics.correlation import spearman_parts
from nearspace.metrics.directions import has_direction
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["Likeness"]

FEWEST_PAIRS = 10
LARGEST_SHARE = 0.2  # of the pairs, that may hang together before they are taken one by one


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Likeness(Task):
    """How well the likeness of two vectors goes with what was judged of the two items.

    Encoders are fitted on the items of all pairs, or of other pairs where some are given apart, and
    never see what was judged.

    Attributes
    ----------
    links : ndarray of shape (pairs, 2)
        For each pair the positions of its items among the test items.
    judged : ndarray of shape (pairs,)
        How alike the two were judged to be.
    group : ndarray of int of shape (pairs,) or None
        Which pairs share items, where some do.
    apart : bool
        Whether encoders are fitted on the items of other pairs.
    """

    name = "likeness"
    units = "pairs"
    mapped = False
    of_items = False

    links: np.ndarray
    judged: np.ndarray
    group: np.ndarray | None
    apart: bool

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether there are pairs, and somebody has judged how alike they are."""
        return isinstance(data, Pairs) and data.scores is not None

    @classmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on pairs; where they bring a split, it says which are to learn from.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, or there are too few pairs, or nothing to tell.
        """
        protocol.check()
        rank_by = protocol.rank_by or "spearman"
        check_rank_by(cls.name, rank_by)
        check_no_split(
            cls.name, protocol, "encoders never see what was judged of their items, and all pairs"
        )
        if not isinstance(data, Pairs) or data.scores is None:
            raise DataError(
                f"{data.name} has no pairs of which it was judged how alike they are: name two "
                "columns and that of the scores (load_pairs(…, scores=…), --pairs, "
                "--scores)."
            )
        if data.left.kind != data.right.kind:
            raise DataError(
                f"{data.name}: one encoder makes vectors of both sides, so both are to be of one "
                f"kind; got {data.left.kind} and {data.right.kind}."
            )
        tested = data.scores if data.split is None else data.scores[data.split == "test"]
        if len(tested) < FEWEST_PAIRS or (tested == tested[0]).all():
            one = f", all with the score {tested[0]:g}" * (len({*tested}) == 1)
            raise DataError(
                f"{data.name}: expected at least {FEWEST_PAIRS} pairs with scores that differ, got "
                f"{len(tested)}{one}."
            )
        notes = list(data.notes)
        group = _groups(data, notes)
        everything = np.arange(len(data))
        learn = test = everything
        if data.split is not None:
            learn, test = (np.flatnonzero(data.split == part) for part in ("train", "test"))
        else:
            notes.append(
                "Encoders are fitted on the items of all pairs, and never see what was judged of "
                "them; for items that they have not seen, give pairs to judge on apart (test=)."
            )
        (learnt, _), (asked, links) = (_items(data.take(rows)) for rows in (learn, test))
        task = cls(
            dataset=learnt,
            train=learnt,
            test=asked,
            sample=subsample(len(asked), GEOMETRY_ITEMS, protocol.random_state),
            rank_by=rank_by,
            protocol=protocol,
            notes=(),
            judged=data.scores[test],
            links=links,
            group=None if group is None else group[test],
            apart=data.split is not None,
        )
        return dataclasses.replace(task, notes=(*notes, *_too_few(task)))

    @property
    def scores(self) -> list[Score]:
        """Those of likeness."""
        return [score for score in SCORES.values() if score.needs == {self.name}]

    @property
    def groups(self) -> np.ndarray | None:
        """Which of the pairs share items, where some do."""
        return self.group

    def told_of(self, evidence: Evidence) -> list[str]:
        """Return how many pairs have a direction on both sides, where some have not."""
        if evidence.metric != "cosine":
            return []
        covered = has_direction(evidence.test)[self.links].all(axis=1)
        if covered.all():
            return []
        alone = spearman_parts(evidence.likeness[covered], self.judged[covered])
        of_them = f"; of these pairs alone it is {alone.mean():.3g}" if len(alone) else ""
        return [
            f"It has vectors for both sides of {covered.mean():.1%} of the pairs; for Spearman's "
            f"correlation the others count as not alike, with a cosine of 0{of_them}."
        ]

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of both sides, and of which items are judged to be how alike."""
        digest = hashlib.blake2b(self.links.tobytes() + self.judged.tobytes(), digest_size=8)
        return (*super().fingerprints, digest.hexdigest())

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol, judged = self.protocol, self.judged
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "pairs": len(judged),
            "units": self.units,
            "judged": f"from {judged.min():.4g} to {judged.max():.4g}",
            "fitted on": f"{len(self.train):,} items of "
            + ("other pairs" if self.apart else "these pairs"),
            "rank_by": self.rank_by,
            "metric": protocol.metric or "each encoder's own",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "fingerprints of both sides and the scores": list(self.fingerprints),
            "intervals": "95 %, by the influence of each "
            + ("pair" if self.groups is None else "group of pairs that share items")
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "versions": versions(),
        }


def _items(pairs: Pairs) -> tuple[Dataset, np.ndarray]:
    """Return the items of both sides, each once, and the positions of each pair's two."""
    if pairs.left is pairs.right:
        return pairs.left, pairs.links
    kind, left, right = pairs.left.kind, pairs.left, pairs.right
    both = Dataset(kind.join(left.items, right.items), kind, name=pairs.name)
    return both, pairs.links + np.array([0, len(left)])


def _groups(pairs: Pairs, notes: list[str]) -> np.ndarray | None:
    """Return which pairs share items, where some do; where most hang together, the left item."""
    items, links = _items(pairs)
    same = items.kind.same(items.items)[links]
    left = same[:, 0]
    group = components(int(same.max()) + 1, same)[left]
    counts = np.bincount(group)
    if counts.max() == 1:
        return None
    if counts.max() <= LARGEST_SHARE * len(pairs):
        return group
    notes.append(
        f"{counts.max():,} of the {len(pairs):,} pairs hang together by items that recur, so that "
        "only pairs with the same item on the left are taken as a group: intervals may be too "
        "narrow."
    )
    return np.unique(left, return_inverse=True)[1]


def _too_few(task: Likeness) -> list[str]:
    """Return that so few pairs test, or groups of them, that nothing can be told apart."""
    units = len(task.judged) if task.groups is None else len(np.unique(task.groups))
    if units >= FEWEST_UNITS:
        return []
    return [
        f"Of fewer than {FEWEST_UNITS} pairs, or groups of pairs that share items, no difference "
        f"is taken for real; there are {units}."
    ]
