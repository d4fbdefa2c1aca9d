"""Scores of what is decoded from vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.judge.evidence import Evidence
from nearspace.judge.scores.score import Score

__all__ = ["SCORES"]

DECODED_AT_ONCE = 2048  # the decoded images of a large set would fill memory


def _errors(evidence: Evidence) -> np.ndarray:
    """Return the mean squared error of each decoded test item, shape ``(n,)``.

    Pixels are in [0, 1]; the columns of vectors are divided by their training deviation.
    """
    items, kind = evidence.test_items, evidence.test_items.kind
    scaling: Any = kind.scaling(evidence.train_items.items)
    scale = 1.0 if scaling is None else scaling[1]
    errors = np.empty(len(items))
    for start in range(0, len(items), DECODED_AT_ONCE):
        rows = np.arange(start, min(start + DECODED_AT_ONCE, len(items)))
        decoded = evidence.encoder.inverse_transform(evidence.test[rows])
        given = kind.features(kind.take(items.items, rows))
        errors[rows] = np.square((decoded.reshape(given.shape) - given) / scale).mean(axis=1)
    return errors


SCORES = (
    Score(
        name="reconstruction",
        label="reconstruction MSE",
        better="lower",
        meaning="Mean squared error per value of decoded test items; pixels are scaled to [0, 1].",
        needs=frozenset({"decoder"}),
        measure=_errors,
    ),
)
