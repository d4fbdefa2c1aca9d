"""The scores: a row each, with what measures it and what guessing gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from nearspace.judge.evidence import Evidence, Modelled, Told
from nearspace.judge.score import Score
from nearspace.judge.search_scores import SEARCH_SCORES
from nearspace.metrics.classwise import auc_shares, f1_shares, precision_shares
from nearspace.metrics.geometry import effective_rank, hubness, intrinsic_dimension, preservation
from nearspace.metrics.labels import cluster_ami
from nearspace.metrics.retrieval import r_precision

__all__ = ["SCORES"]

DECODED_AT_ONCE = 2048  # the decoded images of a large set would fill memory


def _knn(evidence: Evidence) -> np.ndarray:
    """Return the score of what the nearest training items tell, see `Target.score`."""
    target, test = evidence.targets
    return target.score(test.values, evidence.votes)


def _probe(evidence: Evidence | Modelled) -> np.ndarray:
    """Return the score of what a linear model tells, or another."""
    target, test = evidence.targets
    return target.score(test.values, evidence.probed[0])


def _f1(evidence: Evidence) -> np.ndarray:
    return f1_shares(evidence.targets[1].values, evidence.votes)


def _f1_of_guessing(task: Any) -> np.ndarray:
    target, test = task.targets
    return f1_shares(test.values, np.full(len(test), target.guess()))


def _looked_for(targets: tuple[Any, Any]) -> tuple[np.ndarray, int]:
    """Return which test items are of the rarer of two classes, and 1 where it is the second."""
    target, test = targets
    counts = np.bincount(target.strata)
    at = int(counts[1] <= counts[0])
    return test.values == target.classes[at], at


def _ranked_by_probe(evidence: Evidence | Modelled) -> tuple[np.ndarray, np.ndarray]:
    """Return which items are of the rarer class, and how surely the linear model says so."""
    positive, second = _looked_for(evidence.targets)
    margin = evidence.probed[1]
    assert margin is not None  # of two classes there is one
    return positive, margin if second else -margin


def _unranked(task: Any) -> tuple[np.ndarray, np.ndarray]:
    positive, _ = _looked_for(task.targets)
    return positive, np.zeros(len(positive))


def _right(evidence: Told) -> np.ndarray:
    """Return the score of what was told."""
    target, test = evidence.targets
    return target.score(test.values, evidence.told)


def _guess(task: Any) -> np.ndarray:
    """Return the score of always guessing the same: the commonest class, or the mean."""
    target, test = task.targets
    return target.score(test.values, np.full(len(test), target.guess()))


def _r_precision(evidence: Evidence) -> np.ndarray:
    labels, seed = evidence.targets[1].values, evidence.task.protocol.random_state
    values, queries = r_precision(
        evidence.rotated, labels, random_state=seed, metric=evidence.metric
    )
    return evidence.spread(values, queries)


def _share_of_others(task: Any) -> np.ndarray:
    """Return which share of the other test items has the label of each."""
    strata = task.targets[1].strata
    others = np.bincount(strata)[strata] - 1
    return np.where(others > 0, others / max(1, len(strata) - 1), np.nan)


def _ami(evidence: Evidence) -> float:
    labels, seed = evidence.targets[1].values, evidence.task.protocol.random_state
    return cluster_ami(evidence.rotated, labels, random_state=seed, metric=evidence.metric)


def _error(evidence: Evidence) -> np.ndarray:
    return np.abs(evidence.targets[1].values - evidence.votes)


def _error_of_guessing(task: Any) -> np.ndarray:
    target, test = task.targets
    return np.abs(test.values - target.guess())


def _errors(evidence: Evidence) -> np.ndarray:
    """Return the mean squared error of each decoded test item, shape ``(n,)``.

    Pixels are in [0, 1]; the columns of vectors are divided by their training deviation.
    """
    items, kind = evidence.task.test, evidence.task.test.kind
    scaling: Any = kind.scaling(evidence.task.train.items)
    scale = 1.0 if scaling is None else scaling[1]
    errors, decoder = np.empty(len(items)), evidence.encoder.decoder
    assert decoder is not None  # or there is nothing to measure
    for start in range(0, len(items), DECODED_AT_ONCE):
        rows = np.arange(start, min(start + DECODED_AT_ONCE, len(items)))
        decoded = decoder.decode(evidence.test[rows])
        given = kind.features(kind.take(items.items, rows))
        errors[rows] = np.square((decoded.reshape(given.shape) - given) / scale).mean(axis=1)
    return errors


def _kept(evidence: Evidence) -> np.ndarray:
    assert evidence.reference is not None  # or there would be no such score
    reference, own = evidence.reference
    kept = preservation(reference, evidence.sampled, metrics=(own, evidence.metric))
    return evidence.spread(kept, evidence.task.sample)


CLASSES, NUMBERS = frozenset({"classes"}), frozenset({"numbers"})
TWO = CLASSES | {"two classes"}
_ROWS = (
    # Telling classes: k-NN vote, linear model, neighbours of one's own class, clusters.
    Score(
        name="knn",
        label="k-NN accuracy",
        bounded=True,
        meaning="Share of test items whose k nearest training items vote for the right label.",
        needs=CLASSES,
        measure=_knn,
        guess=_guess,
    ),
    Score(
        name="probe",
        label="linear probe",
        bounded=True,
        meaning="Accuracy on test items of a logistic regression fitted on the training vectors.",
        needs=CLASSES,
        measure=_probe,
        of_model=True,
        guess=_guess,
    ),
    Score(
        name="r_precision",
        label="R-precision",
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
        per_unit=False,
        meaning="Adjusted mutual information between the labels and k-means clusters of the test "
        "vectors.",
        needs=CLASSES,
        measure=_ami,
        guess=lambda task: 0.0,
    ),
    # Where classes are uneven: each of them weighs the same, or one is looked for.
    Score(
        name="knn_balanced",
        label="k-NN balanced accuracy",
        bounded=True,
        by_class=True,
        meaning="Mean over the classes of the share of their test items whose k nearest training "
        "items vote for the right label.",
        needs=CLASSES,
        measure=_knn,
        guess=_guess,
    ),
    Score(
        name="probe_balanced",
        label="balanced probe",
        bounded=True,
        by_class=True,
        meaning="Mean over the classes of the share of their test items that the linear probe "
        "tells.",
        needs=CLASSES,
        measure=_probe,
        of_model=True,
        guess=_guess,
    ),
    Score(
        name="knn_f1",
        label="k-NN macro F1",
        bounded=True,
        by_class=True,
        meaning="Mean over the classes of F1, the harmonic mean of precision and recall, of the "
        "vote of the k nearest training items.",
        needs=CLASSES,
        measure=_f1,
        guess=_f1_of_guessing,
    ),
    Score(
        name="probe_auc",
        label="probe AUC",
        bounded=True,
        by_class=True,
        meaning="Area under the ROC curve: of how many pairs of an item of either class the linear "
        "probe puts the two in order.",
        needs=TWO,
        measure=lambda evidence: auc_shares(*_ranked_by_probe(evidence)),
        of_model=True,
        guess=lambda task: auc_shares(*_unranked(task)),
    ),
    Score(
        name="probe_ap",
        label="probe AP",
        bounded=True,
        by_class=True,
        meaning="Average precision of the linear probe where the rarer class is looked for: the "
        "mean over its test items of the precision among all that are said as surely to be of it.",
        needs=TWO,
        measure=lambda evidence: precision_shares(*_ranked_by_probe(evidence)),
        of_model=True,
        guess=lambda task: precision_shares(*_unranked(task)),
    ),
    Score(
        name="accuracy",
        label="accuracy",
        bounded=True,
        meaning="Share of test items of which the right label was told.",
        needs=CLASSES | {"told"},
        measure=_right,
        guess=_guess,
    ),
    Score(
        name="balanced_accuracy",
        label="balanced accuracy",
        bounded=True,
        by_class=True,
        meaning="Mean over the classes of the share of their test items of which the right label "
        "was told.",
        needs=CLASSES | {"told"},
        measure=_right,
        guess=_guess,
    ),
    # Telling numbers.
    Score(
        name="knn_r2",
        label="k-NN R²",
        meaning="1 - the squared error of the mean of the k nearest training items over that of "
        "the training mean: 1 is perfect, 0 is guessing.",
        needs=NUMBERS,
        measure=_knn,
        guess=_guess,
        relative=True,
    ),
    Score(
        name="ridge_r2",
        label="ridge R²",
        meaning="The same of a ridge regression fitted on the training vectors.",
        needs=NUMBERS,
        measure=_probe,
        of_model=True,
        guess=_guess,
        relative=True,
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
        meaning="1 - the squared error of what was told over that of the training mean.",
        needs=NUMBERS | {"told"},
        measure=_right,
        guess=_guess,
        relative=True,
    ),
    # Decoding.
    Score(
        name="reconstruction",
        label="reconstruction MSE",
        better="lower",
        meaning="Mean squared error per value of decoded test items; pixels are scaled to [0, 1].",
        needs=frozenset({"decoder"}),
        measure=_errors,
    ),
    # The shape of a space: neighbours kept, dimensions in use, hubs.
    Score(
        name="preservation",
        label="neighbours kept",
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
        measure=lambda evidence: intrinsic_dimension(evidence.sampled, evidence.metric),
    ),
    Score(
        name="hubness",
        label="hubness",
        better="lower",
        per_unit=False,
        meaning="Skewness of how often an item is a neighbour of others; above 1 a few items are "
        "everyone's neighbour.",
        measure=lambda evidence: hubness(evidence.sampled, metric=evidence.metric),
    ),
)
SCORES = {score.name: score for score in (*_ROWS, *SEARCH_SCORES)}
