"""What the scores are called, which way is better, and how they are written."""

from __future__ import annotations

import dataclasses
import math

__all__ = ["METRICS", "Metric", "Score", "format_score"]


@dataclasses.dataclass(frozen=True)
class Metric:
    """How a score is called and read.

    Attributes
    ----------
    label : str
        The name in a table head.
    better : {"higher", "lower", ""}
        Which way is better; empty where neither is.
    per_item : bool
        Whether the score is a mean over test items: only such a score gets a verdict.
    percent : bool
        Whether it is shown as a percentage.
    meaning : str
        One sentence that a reader can act on.
    """

    label: str
    better: str
    per_item: bool
    percent: bool
    meaning: str


METRICS: dict[str, Metric] = {
    "knn": Metric(
        "k-NN accuracy",
        "higher",
        True,
        True,
        "Share of test items whose k nearest training items vote for the right label.",
    ),
    "probe": Metric(
        "linear probe",
        "higher",
        True,
        True,
        "Accuracy on test items of a logistic regression fitted on the training vectors.",
    ),
    "r_precision": Metric(
        "R-precision",
        "higher",
        True,
        True,
        "Of the R nearest other test items, the share with the query's label, where R is how many "
        "there are in all.",
    ),
    "ami": Metric(
        "AMI",
        "higher",
        False,
        False,
        "Adjusted mutual information between the labels and k-means clusters of the test vectors.",
    ),
    "reconstruction": Metric(
        "reconstruction MSE",
        "lower",
        True,
        False,
        "Mean squared error per value of decoded test items; pixels are scaled to [0, 1].",
    ),
    "preservation": Metric(
        "neighbours kept",
        "higher",
        True,
        True,
        "Share of an item's 10 nearest neighbours in the plain input (pixels, numbers, TF-IDF, "
        "one-hot) that are still among its 10 nearest.",
    ),
    "effective_rank": Metric(
        "effective rank",
        "",
        False,
        False,
        "Number of dimensions in use: exponential of the entropy of the singular values.",
    ),
    "intrinsic_dimension": Metric(
        "intrinsic dim.",
        "",
        False,
        False,
        "Dimension of the surface the vectors lie on, from ratios of neighbour distances.",
    ),
    "hubness": Metric(
        "hubness",
        "lower",
        False,
        False,
        "Skewness of how often an item is a neighbour of others; above 1 a few items are "
        "everyone's neighbour.",
    ),
}


@dataclasses.dataclass(frozen=True)
class Score:
    """A figure with its 95 % interval; ``low`` and ``high`` are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None

    def above(self, level: float) -> bool:
        """Return whether the interval lies above a level; true where there is no interval.

        Examples
        --------
        >>> Score(0.22, 0.13, 0.35).above(0.16)
        False
        """
        return self.low is None or self.low > level


def format_score(metric: str, score: Score | None, interval: bool = True) -> str:
    """Return a score as text: ``"97.1 [96.0, 98.2]"`` in percent, ``"0.0416"`` otherwise."""
    if score is None or not math.isfinite(score.value):
        return ""
    found = [x for x in (score.value, score.low, score.high) if x is not None and math.isfinite(x)]
    numbers = [f"{100 * x:.1f}" if METRICS[metric].percent else f"{x:.3g}" for x in found]
    if interval and len(numbers) == 3:
        return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"
    return numbers[0]
