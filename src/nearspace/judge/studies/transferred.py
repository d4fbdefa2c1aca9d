"""`Transfer`: what `transfer` found, in rows and in sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from nearspace.judge.board import HIDDEN, Board
from nearspace.judge.evidence import Told
from nearspace.judge.scores import Score
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.finetune import Way
from nearspace.judge.table import ScoreTable, beside
from nearspace.judge.task import ItemTask

__all__ = ["Transfer", "TransferRow", "assemble", "sentences", "strongest"]

LEVEL = 0.95
FLOOR = "linear head on"  # the plain representation: nothing is transferred

Runs = dict[tuple[int, Way], list[tuple[np.ndarray, float]]]


@dataclasses.dataclass(frozen=True, eq=False)
class TransferRow:
    """One number of labels, used in one way.

    Attributes
    ----------
    labels : int
        How many training items had a label.
    way : str
        How they were used.
    varied : bool
        Whether a network saw random variations of the labelled items.
    seeds : int
        Draws of labelled items.
    scores : dict of str to Estimate
        The accuracy, or R² where numbers are told, with an interval over draws and test items.
    difference : Estimate or None
        Score minus that of the same network from scratch, varied or not as here, paired by
        draw and test item; the intervals hold for all rows of one number of labels at once.
    over_plain : Estimate or None
        Score of the linear head minus that of the linear head on the plain representation,
        paired likewise; None for other ways.
    learning_rate : float or None
        The rate chosen; None for a linear head.
    seconds : float
        Mean wall time of a fit and of labelling the test items.
    predictions : ndarray of shape (seeds, test items)
        The labels given.
    verdict : str
        ``"better"``, ``"worse"`` or ``"tied"`` beside the network from scratch; else empty.
    """

    labels: int
    way: str
    varied: bool
    seeds: int
    scores: dict[str, Estimate]
    difference: Estimate | None
    over_plain: Estimate | None
    learning_rate: float | None
    seconds: float
    predictions: np.ndarray = dataclasses.field(metadata=HIDDEN)
    verdict: str = ""

    @property
    def score(self) -> Estimate:
        """The only score."""
        return next(iter(self.scores.values()))


@dataclasses.dataclass(frozen=True, eq=False)
class Transfer(Board):
    """What `transfer` found: a `Board` by number of labels, items as they are before varied.

    Attributes
    ----------
    verdicts : tuple of str
        What pretraining brought, in a sentence each: see `sentences`.
    """

    verdicts: tuple[str, ...] = ()


def strongest(rows: Sequence[TransferRow], labels: int, varied: bool = False) -> TransferRow | None:
    """Return the best row that transfers anything and has a network from scratch beside it."""
    beside = [
        row
        for row in rows
        if (row.labels, row.varied) == (labels, varied)
        and row.difference is not None
        and not row.way.startswith(FLOOR)
    ]
    return max(beside, key=lambda row: row.score.value, default=None)


def sentences(rows: Sequence[TransferRow], score: Score, spec: str) -> list[str]:
    """Return in a sentence each what pretraining brought.

    Without a network, what the encoder brought over the plain representation.
    """
    cases = dict.fromkeys((row.labels, row.varied) for row in rows)
    found = [strongest(rows, labels, varied) for labels, varied in cases]
    if any(found):
        return [_sentence(row, score) for row in found if row is not None]
    plain = next((row.way for row in rows if row.way.startswith(FLOOR)), "")
    return [_linear_sentence(row, score, spec, plain) for row in rows if row.over_plain]


def assemble(
    task: ItemTask, spec: str, done: Runs, rates: dict[tuple[int, Way], float], last: list[str]
) -> Transfer:
    """Return the rows of what was done, each held against its network from scratch."""
    target, test = task.targets
    values = {
        key: np.stack([task.told.measure(Told((target, test), told)) for told, _ in runs])
        for key, runs in done.items()
    }

    def table(key: tuple[int, Way]) -> ScoreTable:
        seed, score = task.protocol.random_state, task.told
        return ScoreTable(values[key][None], task.groups, seed, score.bounded, score.sign)

    rows = []
    for n, way in sorted(done, key=lambda key: (key[0], key[1].varied)):
        scratch = n, Way("scratch", way.varied)
        plain = next((k for k in done if k[0] == n and k[1].name.startswith(FLOOR)), None)
        difference = over_plain = None
        if scratch in values and way.name != "scratch":
            # Every way beside scratch is a difference of its own; they should hold together.
            family = sum(key[0] == n and key[1].name != "scratch" for key in done)
            difference = table((n, way)).minus(values[scratch], 1 - (1 - LEVEL) / family)
        if way.name == "linear head" and plain is not None:
            over_plain = table((n, way)).minus(values[plain])
        runs = done[n, way]
        rows.append(
            TransferRow(
                labels=n,
                way=str(way),
                varied=way.varied,
                seeds=len(runs),
                scores={task.told.name: table((n, way)).estimates()[0]},
                difference=difference,
                over_plain=over_plain,
                learning_rate=rates.get((n, way)),
                seconds=float(np.mean([seconds for _, seconds in runs])),
                predictions=np.stack([told for told, _ in runs]),
                verdict=beside(difference) if difference is not None else "",
            )
        )
    verdicts = sentences(rows, task.told, spec)
    return Transfer(tuple(rows), _protocol(task, spec, last), verdicts=tuple(verdicts))


def _protocol(task: ItemTask, spec: str, last: list[str]) -> dict[str, Any]:
    told = task.describe()
    kept = (
        *("name", "kind", "items", "train", "test", "classes", "labels", "split"),
        *("seeds", "random_state", "training fingerprint", "test fingerprint", "versions"),
    )
    units = "items" if task.groups is None else "groups"
    return {
        "encoder": spec,
        "last part": last,
        **{name: told[name] for name in kept if name in told},
        "rank_by": task.told.name,
        "intervals": f"95 %, bootstrap over test {units} and draws of labelled items; differences "
        "are paired by both and hold for all rows of one number of labels at once",
        "scope": "this one fit of the encoder",
    }


def _sentence(row: TransferRow, score: Score) -> str:
    """Return in words whether the best way is above the same network from scratch."""
    assert row.difference is not None
    how = "varied" if row.varied else "as they are"
    text = f"{row.labels:,} labels, items {how}: {_helped(row.difference, 'pretraining')}: "
    text += f"the best way, {row.way.removesuffix(', varied')}, is "
    return text + _gap(row.difference, score, "the same network from scratch")


def _linear_sentence(row: TransferRow, score: Score, spec: str, plain: str) -> str:
    """Return in words whether the linear head is above that on the plain representation."""
    assert row.over_plain is not None
    text = f"{row.labels:,} labels: {_helped(row.over_plain, spec)}: the linear head on it is "
    return text + _gap(row.over_plain, score, f"the {plain}")


def _helped(gap: Estimate, what: str) -> str:
    words = {"better": "{} helped", "worse": "{} did not help"}
    return words.get(beside(gap), "whether {} helped cannot be told").format(what)


def _gap(gap: Estimate, score: Score, other: str) -> str:
    """Return a difference in words, with its interval."""
    side = "above" if gap.value >= 0 else "below"
    interval = score.parts(gap, signed=True)[1]
    return f"{score.gap(gap.value)} {side} {other} {interval}".rstrip() + "."
