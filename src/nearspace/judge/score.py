"""`Score`: how a score is called, measured and written, which way is better, what guessing gets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nearspace.judge.statistics import Estimate

__all__ = ["Score"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score:
    """A score, as a row of `SCORES`.

    Attributes
    ----------
    name : str
        By which it is asked for, stored and ranked.
    label : str
        The name in a table head.
    better : {"higher", "lower", ""}
        Which way is better; empty where neither is.
    bounded : bool
        Whether it is a share, which always lies in [0, 1]: it is written in percent, and an
        interval may be Wilson's.
    per_unit : bool
        Whether it is a mean over test units: only such a score has an interval and a verdict.
    by_class : bool
        Whether the numbers of the units are to be averaged within each class, and then over
        classes, which weigh the same however many items they have.
    meaning : str
        One sentence that a reader can act on.
    needs : frozenset of str
        What must be there: ``"classes"`` or ``"numbers"`` to tell, ``"two classes"``, a
        ``"decoder"``, a ``"reference"``.
    measure : callable
        Returns of evidence one number a test unit, shape ``(n,)`` with NaN where a unit has none,
        or one number where it is not ``per_unit``.
    guess : callable, optional
        Returns of a task, in the same form, what guessing gets.
    relative : bool
        Whether the number of a test unit is 1 minus its error over what guessing errs by on the
        whole test side, so that those of several sides are put on one scale before they are joined.
    of_model : bool
        Whether it is of what a model tells, so that it can be measured of one that makes no space.
    """

    name: str
    label: str
    better: str = "higher"
    bounded: bool = False
    per_unit: bool = True
    by_class: bool = False
    meaning: str
    needs: frozenset[str] = frozenset()
    measure: Callable[[Any], np.ndarray | float]
    guess: Callable[[Any], np.ndarray | float] | None = None
    relative: bool = False
    of_model: bool = False

    @property
    def unit(self) -> str:
        """``"%"`` for a share."""
        return "%" if self.bounded else ""

    @property
    def scale(self) -> int:
        """By what numbers are multiplied before they are written."""
        return 100 if self.bounded else 1

    @property
    def sign(self) -> int:
        """What numbers are multiplied by so that higher is better."""
        return 1 if self.better == "higher" else -1

    def text(self, estimate: Estimate | None, interval: bool = True, signed: bool = False) -> str:
        """Return an estimate as text: ``"97.1 [96.0, 98.2]"`` in percent, ``"0.0416"`` otherwise.

        It is empty where there is no estimate, or no finite one.
        """
        if estimate is None or not math.isfinite(estimate.value):
            return ""
        ends = (estimate.value, estimate.low, estimate.high)
        numbers = [self._number(x, signed) for x in ends if x is not None and math.isfinite(x)]
        if interval and len(numbers) == 3:
            return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"
        return numbers[0]

    def parts(self, estimate: Estimate | None, signed: bool = False) -> tuple[str, str]:
        """Return an estimate and its interval as two texts, either of which may be empty."""
        number, _, interval = self.text(estimate, signed=signed).replace("-", "−").partition(" [")
        return number, f"[{interval}" if interval else ""

    def gap(self, difference: float) -> str:
        """Return the size of a difference with its unit; of shares, in points."""
        return self._number(abs(difference)) + " points" * self.bounded

    def _number(self, value: float, signed: bool = False) -> str:
        plus = "+" if signed else ""
        if self.bounded:
            # Adding 0 makes of a -0.0 that rounding left a plain zero.
            text = f"{round(100 * value, 1) + 0.0:{plus}.1f}"
        else:
            value = 0.0 if abs(value) < 1e-12 else value  # what rounding left
            text = f"{value:{plus},.0f}" if abs(value) >= 1000 else f"{value:{plus}.3g}"
        return text.removeprefix("+") if float(text.replace(",", "")) == 0 else text
