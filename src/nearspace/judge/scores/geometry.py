"""Scores of the shape of a space: neighbours kept, dimensions in use, hubs."""

from __future__ import annotations

import numpy as np

from nearspace.judge.evidence import Evidence
from nearspace.judge.scores.score import Score
from nearspace.metrics.geometry import effective_rank, hubness, intrinsic_dimension, preservation

__all__ = ["SCORES"]


def _kept(evidence: Evidence) -> np.ndarray:
    return evidence.spread(preservation(evidence.reference, evidence.sampled), evidence.sample)


SCORES = (
    Score(
        name="preservation",
        label="neighbours kept",
        better="higher",
        unit="%",
        bounded=True,
        meaning="Share of an item's 10 nearest neighbours in the plain input (pixels, numbers, "
        "TF-IDF, one-hot) that are still among its 10 nearest.",
        needs=frozenset({"reference"}),
        measure=_kept,
    ),
    Score(
        name="effective_rank",
        label="effective rank",
        better="",
        per_unit=False,
        meaning="Number of dimensions in use: exponential of the entropy of the singular values.",
        measure=lambda evidence: effective_rank(evidence.sampled),
    ),
    Score(
        name="intrinsic_dimension",
        label="intrinsic dim.",
        better="",
        per_unit=False,
        meaning="Dimension of the surface the vectors lie on, from ratios of neighbour distances.",
        measure=lambda evidence: intrinsic_dimension(evidence.sampled),
    ),
    Score(
        name="hubness",
        label="hubness",
        better="lower",
        per_unit=False,
        meaning="Skewness of how often an item is a neighbour of others; above 1 a few items are "
        "everyone's neighbour.",
        measure=lambda evidence: hubness(evidence.sampled),
    ),
)
