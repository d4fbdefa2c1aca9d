"""Matching: items of one side are to find what belongs to them on the other."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from nearspace.data.pair_split import linked_components, split_pairs
from nearspace.data.pairs import Pairs
from nearspace.encoders.base import Encoder
from nearspace.encoders.paired import Shared
from nearspace.errors import DataError
from nearspace.judge.evidence import Evidence
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import FEWEST_UNITS
from nearspace.judge.task import GEOMETRY_ITEMS, Task
from nearspace.judge.tasks.retrieval import check_no_split, check_rank_by
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["Matching"]

FEWEST_PAIRS = 10
SMALL_POOL = 1000  # candidates, below which figures are higher than those that papers state
# Of so many of the items one candidate is the nearest, and so many times as often as by chance.
LARGE_HUB, HUB_TIMES = 0.02, 10


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Matching(Task):
    """Whether what belongs together is nearest to each other, from either side.

    Encoders are fitted on pairs none of whose items, nor copies of them, test. Every item of the
    test pairs looks for its own among all of the other side.

    Attributes
    ----------
    group : ndarray of int of shape (items,)
        Which test items hang together.
    sizes : (int, int)
        How many candidates there are on the left and on the right.
    names : (str, str)
        What the sides are called.
    """

    name = "matching"
    units = "items of both sides"
    mapped = False
    of_items = False

    group: np.ndarray
    sizes: tuple[int, int]
    names: tuple[str, str]

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return whether there are pairs that belong together, and nothing else is said of them."""
        return isinstance(data, Pairs) and data.scores is None and not data.searched

    @classmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on pairs, of which some are held back.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, or there are too few pairs.
        """
        protocol.check()
        rank_by = protocol.rank_by or "precision_1"
        check_rank_by(cls.name, rank_by)
        why = "what hangs together is kept on one side, and the pairs held back"
        check_no_split(cls.name, protocol, why, ("near_duplicates", "folds"))
        if not isinstance(data, Pairs):
            raise DataError(
                f"{data.name} has no pairs that belong together: give two sources, item n of one "
                "to item n of the other (load_pairs((left, right))), or two columns (load_pairs)."
            )
        train, test = split_pairs(data, protocol.test_size, protocol.random_state)
        if len(test) < FEWEST_PAIRS or len(train) < 1:
            raise DataError(
                f"{data.name}: expected at least {FEWEST_PAIRS} pairs to be judged on and one to "
                f"learn from, got {len(test):,} and {len(train):,}."
            )
        learnt, asked = train.together(), test.together()
        group = _of_items(test)
        names = tuple(
            own.name if own.name not in ("data", data.name) else side
            for own, side in ((data.left, "left"), (data.right, "right"))
        )
        task = cls(
            dataset=learnt,
            train=learnt,
            test=asked,
            sample=subsample(len(asked), GEOMETRY_ITEMS, protocol.random_state),
            rank_by=rank_by,
            protocol=protocol,
            notes=(),
            group=group,
            sizes=(len(test.left), len(test.right)),
            names=(names[0], names[1]),
        )
        return dataclasses.replace(task, notes=(*data.notes, *task._told(train, test)))

    def _told(self, train: Pairs, test: Pairs) -> list[str]:
        """Return what there is to say of the pairs that test."""
        left, right = self.sizes
        small = f"; among fewer than {SMALL_POOL:,}, figures are higher"
        notes = [
            f"Every item looks for its own among {right:,} on the right, or {left:,} on the left"
            f"{small * (min(left, right) < SMALL_POOL)}."
        ]
        share = len(test) / (len(train) + len(test))
        if self.train.split is None and not 0.5 < share / self.protocol.test_size < 2:
            notes.append(
                f"{len(test):,} of the {len(train) + len(test):,} pairs test, {share:.0%} where "
                f"{self.protocol.test_size:.0%} were asked for: many hang together by items that "
                "recur or by groups."
            )
        if test.left.kind == test.right.kind:
            kind = test.left.kind
            both = kind.same(kind.join(test.left.items, test.right.items))
            one, other = both[: len(test.left)], both[len(test.left) :]
            equal = int((one[test.links[:, 0]] == other[test.links[:, 1]]).sum())
            if equal:
                notes.append(
                    f"{equal:,} of the {len(test):,} test pairs have the same item on both sides, "
                    "which any encoder finds: it flatters."
                )
        seen = _seen(train, test)
        if seen:
            notes.append(
                f"{seen:,} of the {len(test):,} test pairs have an item that is learnt from too: "
                "it flatters what learns from pairs."
            )
        if len(np.unique(self.group)) < FEWEST_UNITS:
            notes.append(
                f"Of fewer than {FEWEST_UNITS} test pairs that do not hang together no difference "
                "is taken for real."
            )
        return notes

    def ready(self, encoder: Encoder) -> Encoder:
        """Return an encoder of pairs as it is, and any other as one that both sides share."""
        return encoder if encoder.learns == "pairs" else Shared(encoder)

    @property
    def scores(self) -> list[Score]:
        """Those of matching."""
        return [score for score in SCORES.values() if score.needs == {self.name}]

    @property
    def groups(self) -> np.ndarray:
        """Which of the test items hang together."""
        return self.group

    def told_of(self, evidence: Evidence) -> list[str]:
        """Return what one item that is near to very many does, and what the correction changes."""
        matched, _ = evidence.matches
        if matched.largest_hub < max(LARGE_HUB, HUB_TIMES / self.sizes[1]):
            return []
        return [
            f"One item on the right is the nearest to {matched.largest_hub:.0%} of those on the "
            "left, a hub; the column CSLS is corrected for such."
        ]

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol = self.protocol
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "sides": list(self.names),
            "candidates on the left": self.sizes[0],
            "candidates on the right": self.sizes[1],
            "train": len(self.train.items.links),
            "test": len(self.test.items.links),
            "units": self.units,
            "fitted on": f"{len(self.train.items.links):,} pairs, none of whose items test",
            "rank_by": self.rank_by,
            "metric": protocol.metric or "each encoder's own",
            "ties": "of items that are equally near the rank is the mean of theirs",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "training fingerprint": self.train.fingerprint,
            "test fingerprint": self.test.fingerprint,
            "intervals": "95 %, bootstrap over items that hang together"
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "versions": versions(),
        }


def _of_items(pairs: Pairs) -> np.ndarray:
    """Return which items of both sides, those of the left first, hang together."""
    component = linked_components(pairs)
    whole = []
    for which, side in enumerate((pairs.left, pairs.right)):
        own = np.full(len(side), -1)
        own[pairs.links[:, which]] = component
        whole.append(own)
    return np.concatenate(whole)


def _seen(train: Pairs, test: Pairs) -> int:
    """Return how many test pairs have an item whose copy is learnt from, as in a given split."""
    hits = np.zeros(len(test), dtype=bool)
    for which, (learnt, asked) in enumerate(((train.left, test.left), (train.right, test.right))):
        kind = asked.kind
        if kind != learnt.kind:
            continue
        same = kind.same(kind.join(learnt.items, asked.items))
        old = np.isin(same[len(learnt) :], same[: len(learnt)])
        hits |= old[test.links[:, which]]
    return int(hits.sum())
