"""`Transfer`: what `transfer` found, as rows, as a frame, as JSON, and in a sentence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.judge.finetune import Way
from nearspace.judge.scores import SCORES, Score
from nearspace.judge.statistics import Estimate, bootstrap_means, interval
from nearspace.judge.task import ItemTask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Transfer", "TransferRow", "assemble"]

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
    score : Estimate
        Share of test items labelled rightly, or R² of their numbers, with an interval over draws
        and test items.
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
    """

    labels: int
    way: str
    varied: bool
    seeds: int
    score: Estimate
    difference: Estimate | None
    over_plain: Estimate | None
    learning_rate: float | None
    seconds: float
    predictions: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Transfer:
    """What `transfer` found.

    Attributes
    ----------
    rows : tuple of TransferRow
        By number of labels; within one, as they are before varied.
    protocol : dict
        All that is needed to repeat it.
    notes : tuple of str
        Warnings and remarks.
    seconds : dict of str to float
        Where the time went.
    interrupted : bool
        Whether Ctrl-C ended it before every fit was done.
    """

    rows: tuple[TransferRow, ...]
    protocol: dict[str, Any]
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    interrupted: bool = False

    @property
    def measured(self) -> Score:
        """What is measured."""
        return SCORES[self.protocol.get("rank_by", "knn")]

    @property
    def label(self) -> str:
        """What is measured, in words."""
        return self.measured.label.removeprefix("k-NN ")

    def best(self, labels: int, varied: bool = False) -> TransferRow | None:
        """Return the best row that transfers anything and has a network from scratch beside it."""
        rows = [
            row
            for row in self.rows
            if (row.labels, row.varied) == (labels, varied)
            and row.difference is not None
            and not row.way.startswith(FLOOR)
        ]
        return max(rows, key=lambda row: row.score.value, default=None)

    def verdicts(self) -> list[str]:
        """Return in a sentence each what pretraining brought.

        Without a network, what the encoder brought over the plain representation.
        """
        cases = dict.fromkeys((row.labels, row.varied) for row in self.rows)
        found = [self.best(labels, varied) for labels, varied in cases]
        if any(found):
            return [_sentence(row, self.measured) for row in found if row is not None]
        plain = next((row.way for row in self.rows if row.way.startswith(FLOOR)), "")
        spec = self.protocol["encoder"]
        return [
            _linear_sentence(row, self.measured, spec, plain) for row in self.rows if row.over_plain
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return one line a row, with the ends of its intervals as columns."""
        import pandas as pd

        return pd.DataFrame([_flat(row) for row in self.rows])

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all but the predictions as JSON text; write it where asked."""
        value = {
            "protocol": self.protocol,
            "rows": [_flat(row) for row in self.rows],
            "verdicts": self.verdicts(),
            "notes": self.notes,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
        }
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text


def assemble(
    task: ItemTask, spec: str, done: Runs, rates: dict[tuple[int, Way], float], last: list[str]
) -> Transfer:
    """Return the rows of what was done, each held against its network from scratch."""
    correct = {key: _correct(task, runs) for key, runs in done.items()}
    rows = []
    for n, way in sorted(done, key=lambda key: (key[0], key[1].varied)):
        base = correct.get((n, Way("scratch", way.varied)))
        compared = base is not None and way.name != "scratch"
        # Every way beside scratch is a difference of its own; they should hold together.
        family = sum(key[0] == n and key[1].name != "scratch" for key in done)
        runs = done[n, way]
        rows.append(
            TransferRow(
                labels=n,
                way=str(way),
                varied=way.varied,
                seeds=len(runs),
                score=_score(task, correct[n, way]),
                difference=_difference(task, correct[n, way], base, family) if compared else None,
                over_plain=_over_plain(task, correct, n, way),
                learning_rate=rates.get((n, way)),
                seconds=float(np.mean([seconds for _, seconds in runs])),
                predictions=np.stack([found for found, _ in runs]),
            )
        )
    return Transfer(tuple(rows), _protocol(task, spec, last))


def _correct(task: ItemTask, runs: list[tuple[np.ndarray, float]]) -> np.ndarray:
    target, test = task.targets
    return np.stack([target.score(test.values, found) for found, _ in runs])


def _difference(task: ItemTask, found: np.ndarray, base: Any, family: int) -> Estimate:
    """Return the mean of the differences, draw by draw and item by item."""
    draws = min(len(found), len(base))  # fewer where it was interrupted
    level = 1 - (1 - LEVEL) / family
    return _score(task, found[:draws] - base[:draws], level, differences=True)


def _over_plain(
    task: ItemTask, correct: dict[tuple[int, Way], np.ndarray], n: int, way: Way
) -> Estimate | None:
    """Return what the linear head has over that on the plain representation."""
    plain = [
        found for (m, other), found in correct.items() if m == n and other.name.startswith(FLOOR)
    ]
    if way.name != "linear head" or not plain:
        return None
    return _difference(task, correct[n, way], plain[0], family=1)


def _score(
    task: ItemTask, values: np.ndarray, level: float = LEVEL, differences: bool = False
) -> Estimate:
    """Return the mean of values ``(draws, items)``, which are resampled along both axes."""
    groups = task.groups
    stacked = values[None]
    replicates = bootstrap_means(stacked, groups, random_state=task.protocol.random_state)
    bounded = task.tells[0].bounded
    low, high = interval(stacked, replicates, groups, level, differences and bounded, bounded)
    ends = (float(low[0]), float(high[0])) if np.isfinite(low[0]) else (None, None)
    return Estimate(float(values.mean()), *ends)


def _protocol(task: ItemTask, spec: str, last: list[str]) -> dict[str, Any]:
    told = task.describe()
    kept = (
        *("name", "kind", "items", "train", "test", "classes", "labels", "split", "rank_by"),
        *("seeds", "random_state", "training fingerprint", "test fingerprint", "versions"),
    )
    units = "items" if task.groups is None else "groups"
    return {
        "encoder": spec,
        "last part": last,
        **{name: told[name] for name in kept if name in told},
        "intervals": f"95 %, bootstrap over test {units} and draws of labelled items; differences "
        "are paired by both and hold for all rows of one number of labels at once",
        "scope": "this one fit of the encoder",
    }


def _flat(row: TransferRow) -> dict[str, Any]:
    flat = {
        field.name: getattr(row, field.name)
        for field in dataclasses.fields(row)
        if field.name != "predictions"
    }
    for name in ("score", "difference", "over_plain"):
        estimate = flat[name]
        for end in ("value", "low", "high"):
            key = name if end == "value" else f"{name}_{end}"
            flat[key] = None if estimate is None else getattr(estimate, end)
    return flat


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
    if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high:
        return f"whether {what} helped cannot be told"
    return f"{what} {'helped' if gap.low > 0 else 'did not help'}"


def _gap(gap: Estimate, score: Score, other: str) -> str:
    """Return a difference in words, with its interval."""
    side = "above" if gap.value >= 0 else "below"
    interval = score.parts(gap, signed=True)[1]
    return f"{score.gap(gap.value)} {side} {other} {interval}".rstrip() + "."
