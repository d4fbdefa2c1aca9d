"""Scores of telling classes: k-NN vote, linear probe, neighbours of one's own class, clusters."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.judge.evidence import Evidence, Told
from nearspace.judge.scores.score import Score
from nearspace.metrics.labels import cluster_ami, probe_scores
from nearspace.metrics.retrieval import r_precision

__all__ = ["SCORES", "guess", "knn", "probe", "right"]


def knn(evidence: Evidence) -> np.ndarray:
    """Return the score of what the nearest training items tell, see `Target.score`."""
    target, test = evidence.targets
    return target.score(test.values, evidence.votes)


def probe(evidence: Evidence) -> np.ndarray:
    """Return the score of what a linear model tells."""
    target, test = evidence.targets
    return probe_scores(evidence.train, target, evidence.test, test.values)


def right(evidence: Told) -> np.ndarray:
    """Return the score of what was told."""
    target, test = evidence.targets
    return target.score(test.values, evidence.told)


def guess(task: Any) -> np.ndarray:
    """Return the score of always guessing the same: the commonest class, or the mean."""
    target, test = task.targets
    return target.score(test.values, np.full(len(test), target.guess()))


def _r_precision(evidence: Evidence) -> np.ndarray:
    labels = evidence.targets[1].values
    values, queries = r_precision(evidence.test, labels, random_state=evidence.random_state)
    return evidence.spread(values, queries)


def _share_of_others(task: Any) -> np.ndarray:
    """Return which share of the other test items has the label of each."""
    strata = task.targets[1].strata
    others = np.bincount(strata)[strata] - 1
    return np.where(others > 0, others / max(1, len(strata) - 1), np.nan)


def _ami(evidence: Evidence) -> float:
    labels = evidence.targets[1].values
    return cluster_ami(evidence.test, labels, random_state=evidence.random_state)


CLASSES = frozenset({"classes"})
SCORES = (
    Score(
        name="knn",
        label="k-NN accuracy",
        better="higher",
        unit="%",
        bounded=True,
        meaning="Share of test items whose k nearest training items vote for the right label.",
        needs=CLASSES,
        measure=knn,
        guess=guess,
    ),
    Score(
        name="probe",
        label="linear probe",
        better="higher",
        unit="%",
        bounded=True,
        meaning="Accuracy on test items of a logistic regression fitted on the training vectors.",
        needs=CLASSES,
        measure=probe,
        guess=guess,
    ),
    Score(
        name="r_precision",
        label="R-precision",
        better="higher",
        unit="%",
        bounded=True,
        meaning="Of the R nearest other test items, the share with the query's label, where R is "
        "how many there are in all.",
        needs=CLASSES,
        measure=_r_precision,
        guess=_share_of_others,
    ),
    Score(
        name="ami",
        label="AMI",
        better="higher",
        per_unit=False,
        meaning="Adjusted mutual information between the labels and k-means clusters of the test "
        "vectors.",
        needs=CLASSES,
        measure=_ami,
        guess=lambda task: 0.0,
    ),
    Score(
        name="accuracy",
        label="accuracy",
        better="higher",
        unit="%",
        bounded=True,
        meaning="Share of test items of which the right label was told.",
        needs=CLASSES | {"told"},
        measure=right,
        guess=guess,
    ),
)
