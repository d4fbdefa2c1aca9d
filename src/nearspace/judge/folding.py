"""Few items: into how many folds they go, how what was measured is joined, what cannot be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Dataset
from nearspace.data.folds import Folds
from nearspace.errors import NearspaceError
from nearspace.judge.statistics import FEWEST_UNITS

if TYPE_CHECKING:
    from nearspace.judge.protocol import Protocol
    from nearspace.judge.score import Score
    from nearspace.judge.task import ItemTask

__all__ = [
    "BY_GROUP",
    "Fold",
    "averaged",
    "choose_folds",
    "each_group",
    "in_folds",
    "joined",
    "of_one_part",
    "overlap_of",
    "too_few",
]

BY_GROUP = "groups"  # what `Protocol.folds` is where each group is left out once
FOLDS = 5
# Of fewer items nothing is told apart anyhow; of more a quarter tells enough.
FEWEST_FOLDED, MOST_FOLDED = 20, 1000
MOST_REPEATED = 100  # up to so many items the folds are dealt twice
MOST_NUMBERS_FOLDED = 2_000_000  # of all items: of more than that one fit takes its time
# Without labels the ten nearest among the items of a fold are asked for: it takes some to be far.
FEWEST_UNLABELLED = 30
NEIGHBOURS_KEPT = 10
OVERLAP = 1.2  # chosen by simulation: benchmarks/folds.py


@dataclasses.dataclass(frozen=True, eq=False)
class Fold:
    """One fold: the task whose test side it is.

    Attributes
    ----------
    task : ItemTask
        The items of the other folds train.
    train, at : ndarray of int
        Positions of its training and its test items among all items.
    turn : int
        In which round.
    """

    task: ItemTask
    train: np.ndarray
    at: np.ndarray
    turn: int


def overlap_of(folds: int) -> float:
    """Return by what the variance over items is multiplied where they test in so many folds.

    Most training items of two folds are the same, so that what their fits got wrong goes together.
    Where the figures are of these very fits on new items, the variance over items is nearly right
    as it is (Bayle, Bayle, Janson and Mackey 2020); where they are of any fits on other training
    items, it is too small, and Nadeau and Bengio's (2003) correction, which is for means of folds,
    too large. What it is here lies between: intervals hold for either in 93 to 97 % of most
    simulated data (``benchmarks/folds.py``).

    Examples
    --------
    >>> overlap_of(5)
    1.3
    """
    return 1 + OVERLAP / (folds - 1)


def choose_folds(dataset: Dataset, protocol: Protocol) -> tuple[int, int]:
    """Return into how many folds the items go, and how often.

    One fold is a held-out part, 0 stands for one of every group.

    Raises
    ------
    NearspaceError
        If folds are asked for where a published split, or the time, says which items test.
    """
    fixed = "published split" if dataset.split is not None else "time"
    if dataset.split is not None or dataset.time is not None:
        if protocol.folds not in (None, 1):
            raise NearspaceError(
                f"{dataset.name} has a {fixed}, which says which items test; folds= is "
                f"for data without one: leave it away, or read the data without their {fixed}."
            )
        return 1, 1
    n, folds = len(dataset), protocol.folds
    if folds == BY_GROUP:
        if protocol.near_duplicates == "together":
            raise NearspaceError(
                "Items that are nearly the same stay in their groups where each group is a fold: "
                "leave near_duplicates='together' out, or ask for a number of folds (folds=5)."
            )
        return 0, protocol.seeds
    if folds is None:
        folds = FOLDS if _are_few(dataset) else 1
    if folds == 1:
        return 1, 1
    rounds = 2 if n <= MOST_REPEATED else 1
    assert isinstance(folds, int)
    return folds, protocol.seeds if protocol.seeds > 1 else rounds


def _are_few(dataset: Dataset) -> bool:
    """Return whether items are so few, and so small, that all of them test in turn."""
    fewest = FEWEST_FOLDED if dataset.target is not None else FEWEST_UNLABELLED * FOLDS
    n = len(dataset)
    units = n if dataset.groups is None else len(np.unique(dataset.groups))
    return fewest <= n <= MOST_FOLDED and units >= FOLDS and not _are_large(dataset)


def _are_large(dataset: Dataset) -> bool:
    return len(dataset) * dataset.kind.size > MOST_NUMBERS_FOLDED


def of_one_part(dataset: Dataset, protocol: Protocol) -> list[str]:
    """Return that few items test in one part only as they are large, if that is so."""
    given = dataset.split is not None or dataset.time is not None
    few = len(dataset) <= MOST_FOLDED and _are_large(dataset)
    if protocol.folds is not None or given or not few:
        return []
    return [
        f"The {len(dataset):,} items are few, but large, so that one part of them tests: in "
        f"{FOLDS} folds all would, which takes {FOLDS} times as long (folds={FOLDS})."
    ]


def in_folds(folds: int, rounds: int, n: int, tested: int) -> str:
    """Return how items were judged in folds, as a sentence.

    Examples
    --------
    >>> in_folds(5, 2, 90, 90)[:64]
    'Every one of the 90 items tests, in 5 folds that are dealt twice'
    """
    every = f"Every one of the {n:,} items tests"
    if tested < n:
        every = f"{tested:,} of the {n:,} items test"
    often = (
        "" if rounds == 1 else f" that are dealt {'twice' if rounds == 2 else f'{rounds} times'}"
    )
    return (
        f"{every}, in {folds} folds{often}: an encoder is fitted {folds * rounds} times, each time "
        "on the items of the other folds; intervals allow for what these fits have in common. "
        "Maps, neighbours and decoded items are of the first fit. One held-out part is quicker and "
        "tells less (folds=1)."
    )


def each_group(dealt: Folds, groups: np.ndarray) -> str:
    """Return how items were judged that tested with their groups, as a sentence."""
    number, rounds = int(dealt.fold.max()) + 1, len(dealt.fold)
    whole = len(np.unique(groups))
    which = f"Each of the {whole} groups" if number == whole else f"{number} of the {whole} groups"
    often = "" if rounds == 1 else f" in each of {rounds} rounds"
    return (
        f"{which} {'tests' if number == whole else 'test'} once{often}, judged by what was fitted "
        f"on the others: {number * rounds} fits of each encoder that learns. Maps, neighbours and "
        f"decoded items are of the first."
    )


def joined(
    folds: Sequence[Fold], parts: Sequence[dict[str, Any]], scores: dict[str, Score], n: int
) -> dict[str, np.ndarray]:
    """Return what was measured in each fold as scores ``(rounds, n)``, by name.

    A score that is no mean over items is the mean of those of the folds, ``(rounds, 1)``.
    """
    rounds = max(fold.turn for fold in folds) + 1
    turns = np.array([fold.turn for fold in folds])
    whole = {}
    for name in [name for name in parts[0] if all(name in part for part in parts)]:
        values = [np.atleast_1d(np.asarray(part[name], dtype=np.float64)) for part in parts]
        if not scores[name].per_unit:
            means = [
                [v[0] for v, t in zip(values, turns, strict=True) if t == turn]
                for turn in range(rounds)
            ]
            whole[name] = np.array([[_mean(np.array(some))] for some in means])
            continue
        if scores[name].relative:
            values = _on_one_scale(folds, values)
        table = np.full((rounds, n), np.nan)
        for fold, value in zip(folds, values, strict=True):
            table[fold.turn, fold.at] = value
        whole[name] = table
    return whole


def averaged(values: np.ndarray) -> np.ndarray:
    """Return the mean over rounds, ``(1, n)``, of those in which an item has a value."""
    there = np.isfinite(values)
    sums = np.where(there, values, 0.0).sum(axis=0)
    return np.where(there.any(axis=0), sums / np.maximum(there.sum(axis=0), 1), np.nan)[None]


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _on_one_scale(folds: Sequence[Fold], values: list[np.ndarray]) -> list[np.ndarray]:
    """Return shares of R² by what guessing errs by in all folds of a round, not in each alone."""
    errors, sizes = [], [len(fold.at) for fold in folds]
    for fold in folds:
        train, test = fold.task.targets
        errors.append(float(np.square(test.values - train.guess()).mean()))
    turns = np.array([fold.turn for fold in folds])
    scaled = []
    for fold, value, error in zip(folds, values, errors, strict=True):
        same = turns == fold.turn
        whole = np.average(np.array(errors)[same], weights=np.array(sizes)[same])
        # Where all numbers of a fold are equal, its shares are not known.
        scaled.append(1 - (1 - value) * error / whole if whole > 0 else value)
    return scaled


def too_few(test: Dataset, groups: np.ndarray | None = None) -> list[str]:
    """Return what cannot be measured on so few test items; ``groups`` are those of all folds."""
    notes = []
    if len(test) <= NEIGHBOURS_KEPT + 1:
        notes.append(
            f"Neighbours kept cannot be measured: it takes more than {NEIGHBOURS_KEPT} test "
            "items beside the item itself, which does not count, and there are "
            f"{len(test) - 1}."
        )
    of = test.groups if groups is None else groups
    if of is not None and (few := len(np.unique(of))) < FEWEST_UNITS:
        wide = "" if few < 2 else " Intervals over so few hold, but say little, as they are wide."
        notes.append(
            f"The test side has {few} group{'s' * (few > 1)}, and of fewer than {FEWEST_UNITS} no "
            f"difference is taken for real: bring more groups, or a larger share of them to test."
            f"{wide}"
        )
    return notes
