"""Scores of telling numbers: R² of the k-NN mean and of ridge regression, and the mean error."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.judge.evidence import Evidence
from nearspace.judge.scores.labels import guess, knn, probe, right
from nearspace.judge.scores.score import Score

__all__ = ["SCORES"]


def _error(evidence: Evidence) -> np.ndarray:
    return np.abs(evidence.targets[1].values - evidence.votes)


def _error_of_guessing(task: Any) -> np.ndarray:
    target, test = task.targets
    return np.abs(test.values - target.guess())


NUMBERS = frozenset({"numbers"})
SCORES = (
    Score(
        name="knn_r2",
        label="k-NN R²",
        better="higher",
        meaning="1 - the squared error of the mean of the k nearest training items over that of "
        "the training mean: 1 is perfect, 0 is guessing.",
        needs=NUMBERS,
        measure=knn,
        guess=guess,
    ),
    Score(
        name="ridge_r2",
        label="ridge R²",
        better="higher",
        meaning="The same of a ridge regression fitted on the training vectors.",
        needs=NUMBERS,
        measure=probe,
        guess=guess,
    ),
    Score(
        name="knn_mae",
        label="k-NN MAE",
        better="lower",
        meaning="Mean absolute error of the mean of the k nearest training items, in the units of "
        "the labels.",
        needs=NUMBERS,
        measure=_error,
        guess=_error_of_guessing,
    ),
    Score(
        name="r2",
        label="R²",
        better="higher",
        meaning="1 - the squared error of what was told over that of the training mean.",
        needs=NUMBERS | {"told"},
        measure=right,
        guess=guess,
    ),
)
