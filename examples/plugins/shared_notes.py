"""A score: how many notes of a chord the nearest training chord has too."""

import numpy as np

from nearspace.judge.score import Score
from nearspace.metrics.retrieval import nearest


def measure(evidence):
    """Return for each test chord the share of its notes that its neighbour has too."""
    train, test = evidence.task.train.items, evidence.task.test.items
    rows, _ = nearest(evidence.test, evidence.train, 1, evidence.metric)
    return np.array([share(c, train[row]) for c, row in zip(test, rows[:, 0], strict=True)])


def guess(task):
    """Return the same of every training chord in place of the nearest."""
    return np.array([np.mean([share(c, t) for t in task.train.items]) for c in task.test.items])


def share(chord, other):
    """Return the share of a chord's notes that another has too."""
    return len(chord & other) / len(chord)


SHARED_NOTES = Score(
    name="shared_notes",
    label="shared notes",
    bounded=True,
    meaning="Share of a chord's notes that the nearest training chord has too.",
    measure=measure,
    guess=guess,
)
