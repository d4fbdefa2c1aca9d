"""`Budget`: the time that a comparison has, and what of an encoder fits into it."""

from __future__ import annotations

import dataclasses
import math
import time
from numbers import Real

from sklearn.base import clone

from nearspace.encoders.base import Encoder
from nearspace.encoders.trained import Trained
from nearspace.errors import NearspaceError
from nearspace.judge.cost import expect, is_small
from nearspace.judge.task import Task
from nearspace.learning.progress import about

__all__ = ["Budget", "OutOfTime", "Plan"]

FEWEST_EPOCHS = 0.1  # share of an encoder's own: trained for less, it tells nothing of itself
KEPT_FREE = 0.1  # share of the time that no row is given, for what comes after the rows


class OutOfTime(Exception):
    """The time of a comparison is over, or too short for an encoder.

    Parameters
    ----------
    seconds : float
        About how long it would take.
    """

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds


@dataclasses.dataclass(frozen=True)
class Plan:
    """What of an encoder is judged.

    Attributes
    ----------
    encoder : Encoder
        It, or it with fewer epochs.
    seconds : float
        About how long it takes; 0 where nobody has looked.
    notes : tuple of str
        What there is to say of that.
    """

    encoder: Encoder
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


class Budget:
    """The time that a comparison has, counted from now.

    Parameters
    ----------
    minutes : float or None
        How long; None for as long as it takes.

    Raises
    ------
    NearspaceError
        If that is no time.
    """

    def __init__(self, minutes: float | None):
        if minutes is not None and not (isinstance(minutes, Real) and 0 < minutes < math.inf):
            raise NearspaceError(f"minutes= must be a number above 0; got {minutes}.")
        self.seconds = math.inf if minutes is None else 60 * minutes
        self.began, self.expected = time.monotonic(), 0.0

    @property
    def left(self) -> float:
        """The seconds that are left for rows."""
        return self.seconds * (1 - KEPT_FREE) - (time.monotonic() - self.began)

    def plan(self, encoder: Encoder, task: Task) -> Plan:
        """Return what of an encoder fits into the time that is left.

        Raises
        ------
        OutOfTime
            If that is nothing.
        """
        if self.seconds == math.inf and is_small(task):
            return Plan(encoder)
        try:
            expected = expect(encoder, task)
        except Exception:  # its row will say what is wrong with it, if anything is with all items
            return Plan(encoder)
        self.expected = expected.seconds
        left = self.left
        if self.expected <= left:
            return Plan(encoder, self.expected)
        share = (left - expected.rest) / expected.training if expected.training else 0.0
        if share < FEWEST_EPOCHS:
            raise OutOfTime(self.expected)
        shorter: Encoder = clone(encoder)
        epochs = []
        trained = (part for part in shorter.parts if isinstance(part, Trained))
        for part, own in zip(trained, expected.epochs, strict=True):
            part.set_params(epochs=max(1, int(share * own)))
            epochs.append(f"{part.epochs} of {own}")
        note = f"{' and '.join(epochs)} epochs: all would take about {about(self.expected)}."
        return Plan(shorter, left, (note,))

    def check(self) -> None:
        """Raise `OutOfTime` where the time is over."""
        if time.monotonic() - self.began > self.seconds:
            raise OutOfTime(self.expected)
