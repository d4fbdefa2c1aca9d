"""`Pace`: how long a transfer takes, first by a pilot, then by the fits that are done."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
from sklearn.base import clone

from nearspace.encoders.base import Encoder
from nearspace.encoders.trainable import Schedule, Trainable
from nearspace.encoders.trained import Trained
from nearspace.judge.cost import Expected, expect, is_small
from nearspace.judge.studies.finetune import TRAINED, Way
from nearspace.judge.task import ItemTask

__all__ = ["Pace", "Step"]

HEAD_SECONDS = 0.3  # of a linear head, until one is fitted
PILOT = 32  # items that a network trained elsewhere embeds, to see how long it takes
BACK_AND_FORTH = 3  # times as long as to embed an item takes it to train on it


@dataclasses.dataclass(frozen=True)
class Step:
    """One fit on labels: how many there are, in which draw, used in which way."""

    labels: int
    seed: int
    way: Way


class Pace:
    """How long the fits of a transfer take, and how far it is.

    Parameters
    ----------
    encoder : Encoder
        What is fitted without labels.
    task : ItemTask
        The data.
    schedule : Schedule
        How long networks are trained on labels.
    fitted : bool
        Whether the encoder is fitted already, as one in the cache is.
    """

    def __init__(self, encoder: Encoder, task: ItemTask, schedule: Schedule, fitted: bool = False):
        self.schedule = schedule
        self.times: dict[Way, tuple[float, float]] = {}  # seconds, and the work they went into
        expected = _expected(encoder, task)
        items = len(task.train) * sum(expected.epochs)
        self.item_seconds = expected.training / items if items else _step_seconds(encoder, task)
        self.pretraining = 0.0 if fitted else expected.seconds
        self.began, self.told = time.monotonic(), 0.0

    def seconds(self, steps: Sequence[Step]) -> float:
        """Return about how long fits take: like those that are done, else as a pilot says."""
        return sum(self._work(step) * self._each(step.way) for step in steps)

    def first(self, after: float) -> float:
        """Return how much of all pretraining is, where so many seconds come after it."""
        self.told = self.pretraining / max(self.pretraining + after, 1e-9)
        return self.told

    def share(self, left: float) -> float:
        """Return how much of all is done when so many seconds are left; it never falls."""
        spent = time.monotonic() - self.began
        self.told = max(self.told, spent / max(spent + left, 1e-9))
        return self.told

    def add(self, step: Step, seconds: float) -> None:
        """Take note of how long a fit took."""
        before, work = self.times.get(step.way, (0.0, 0.0))
        self.times[step.way] = before + seconds, work + self._work(step)

    def _work(self, step: Step) -> float:
        """Return the items that a network learns from, those of choosing its rate too."""
        if step.way.name not in TRAINED:
            return 1.0
        fits = 1 + len(self.schedule.rates) * (step.seed == 0)
        return fits * self.schedule.items(step.labels)

    def _each(self, way: Way) -> float:
        """Return the seconds of an item that a network learns from, or of a linear head."""
        if way not in self.times and way.name not in TRAINED:
            return HEAD_SECONDS
        alike = [way] if way in self.times else [own for own in self.times if own.name in TRAINED]
        if not alike:
            return self.item_seconds
        seconds, work = np.sum([self.times[own] for own in alike], axis=0)
        return float(seconds / work)


def _expected(encoder: Encoder, task: ItemTask) -> Expected:
    """Return what a pilot says of fitting an encoder, where that takes more than a moment."""
    trains = any(isinstance(part, Trained) for part in encoder.parts)
    if not trains and is_small(task):
        return Expected(0.0, 0.0)
    try:
        return expect(encoder, task)
    except Exception:  # fitting it on all items says what is wrong with it, if anything is
        return Expected(0.0, 0.0)


def _step_seconds(encoder: Encoder, task: ItemTask) -> float:
    """Return about how long an item takes on which a network trained elsewhere is trained on."""
    if not isinstance(encoder, Trainable):
        return 0.0
    try:
        some = task.train.take(np.arange(min(PILOT, len(task.train))))
        fitted = clone(encoder).fit_on(some)
        fitted.transform(some.items[:1])  # which reads its weights
        start = time.perf_counter()
        fitted.transform(some.items)
    except Exception:  # as in `_expected`
        return 0.0
    return BACK_AND_FORTH * (time.perf_counter() - start) / len(some)
