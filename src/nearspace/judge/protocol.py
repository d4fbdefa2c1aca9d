"""The protocol: what every encoder of a comparison is measured under."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.data import Dataset, Image, Kind, Target, train_test_split
from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.judge.scores import SCORES, Score
from nearspace.recipe import versions

__all__ = ["DEFAULTS", "REFERENCE", "SUPERVISED", "Protocol", "Task", "floor_of", "set_task"]

# What is compared when nobody says what; the floor is in every table.
FLOOR = {
    "image": ["raw", "hog"],
    "text": ["raw", "tfidf"],
    "table": ["raw", "onehot"],
    "vector": ["raw"],
}
DEFAULTS = {
    "image": [
        *FLOOR["image"],
        "bovw",
        "random",
        "pca",
        "autoencoder",
        "vae",
        "simclr",
        "mlp",
        "cnn",
    ],
    "text": [*FLOOR["text"], "bow", "tfidf | pca", "tfidf | pca(dim=128) | mlp"],
    "table": [
        *FLOOR["table"],
        "onehot | pca(dim=8)",
        "onehot | autoencoder(dim=8)",
        "onehot | mlp",
    ],
    "vector": [*FLOOR["vector"], "random", "pca", "autoencoder", "vae", "mlp"],
}
# Which of these learn from labels; naming them here spares `make` and the libraries it loads.
SUPERVISED = {"mlp", "cnn", "tfidf | pca(dim=128) | mlp", "onehot | mlp"}
# The representation whose neighbourhoods stand for the items' own.
REFERENCE = {"image": "raw", "text": "tfidf", "table": "onehot", "vector": "raw"}

GEOMETRY_ITEMS, NEIGHBOURS_KEPT = 2000, 10


def floor_of(kind: Kind) -> list[str]:
    """Return the specs that stand in every table, among them the colours where there are any.

    Examples
    --------
    >>> floor_of(Image((32, 32, 3)))
    ['raw', 'hog', 'colour_histogram']
    """
    coloured = isinstance(kind, Image) and kind.shape[2] == 3
    return [*FLOOR[kind.name], *(["colour_histogram"] if coloured else [])]


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The settings of a comparison.

    Parameters
    ----------
    k : int
        Neighbours that vote.
    rank_by : str or None
        The score that ranks, by name in `SCORES`; the k-NN vote when None and there are labels,
        ``"preservation"`` when there are none.
    seeds : int
        Fits of each encoder, with different random states.
    test_size : float
        Share of the items that test, where no split is published.
    random_state : int
        Of the split, the subsamples and the bootstrap.
    """

    k: int = 5
    rank_by: str | None = None
    seeds: int = 1
    test_size: float = 0.25
    random_state: int = 0

    def check(self) -> None:
        """Raise `NearspaceError` where a setting makes no sense."""
        ranking = [name for name, score in SCORES.items() if score.per_unit]
        if self.rank_by is not None and self.rank_by not in ranking:
            hint = did_you_mean(self.rank_by, ranking)
            raise NearspaceError(f"Cannot rank by '{self.rank_by}'. {hint}")
        if self.k < 1 or self.seeds < 1:
            raise NearspaceError(f"k and seeds must be at least 1; got {self.k} and {self.seeds}.")
        if self.random_state < 0:
            raise NearspaceError(f"random_state must not be negative; got {self.random_state}.")
        if not 0 < self.test_size < 1:
            raise NearspaceError(f"test_size must be between 0 and 1; got {self.test_size}.")


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """A dataset set up for judgement: its two sides, and what it is ranked by.

    Attributes
    ----------
    dataset, train, test : Dataset
        All items, and the two sides.
    labelled : bool
        Whether there are labels that differ.
    rank_by : str
        The score that ranks.
    sample : ndarray
        Positions of the test items on which geometry is measured.
    notes : tuple of str
        What setting up brought up.
    """

    dataset: Dataset
    train: Dataset
    test: Dataset
    labelled: bool
    rank_by: str
    sample: np.ndarray
    protocol: Protocol
    notes: tuple[str, ...]

    @property
    def targets(self) -> tuple[Target, Target]:
        """The targets of the two sides; only to be asked for where there are labels."""
        assert self.train.target is not None
        assert self.test.target is not None
        return self.train.target, self.test.target

    @property
    def tells(self) -> list[Score]:
        """The scores of telling labels: first of the k-NN vote, then of a linear model."""
        name = self.targets[0].name
        return [score for score in SCORES.values() if name in score.needs]

    def guesses(self) -> dict[str, np.ndarray | float]:
        """Return what guessing gets, by score."""
        return {score.name: score.guess(self) for score in self.tells if score.guess is not None}

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "items": len(self.dataset),
            "train": len(self.train),
            "test": len(self.test),
            **self._labels(),
            "split": self._split_words(),
            "rank_by": self.rank_by,
            "k": self.protocol.k,
            "metric": "euclidean",
            "seeds": self.protocol.seeds,
            "random_state": self.protocol.random_state,
            "training fingerprint": self.train.fingerprint,
            "test fingerprint": self.test.fingerprint,
            "intervals": "95 %, bootstrap over test "
            + ("items" if self.test.groups is None else "groups")
            + ("" if self.protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "scope": "these fitted encoders (one fit each)"
            if self.protocol.seeds == 1
            else f"{self.protocol.seeds} fits of each encoder that has a random state",
            "versions": versions(),
        }

    def _labels(self) -> dict[str, Any]:
        """Return how many classes there are, or between which numbers the labels lie."""
        if not self.labelled:
            return {"classes": None}
        test = self.targets[1]
        if test.name == "classes":
            return {"classes": len(np.unique(test.values))}
        return {"labels": f"numbers from {test.values.min():.4g} to {test.values.max():.4g}"}

    def _split_words(self) -> str:
        if self.dataset.split is not None:
            return "as published"
        if self.dataset.time is not None:
            return f"the latest {self.protocol.test_size:.0%} test"
        kept = "groups and exact duplicates" if self.dataset.groups is not None else "duplicates"
        how = "stratified by label" if self.labelled else "at random"
        return f"{self.protocol.test_size:.0%} test, {how}, {kept} on one side"


def set_task(dataset: Dataset, protocol: Protocol) -> Task:
    """Split a dataset and decide what it is ranked by.

    Raises
    ------
    NearspaceError
        If a setting makes no sense, or there are too few items for it.
    """
    protocol.check()
    notes = list(dataset.notes)
    labelled = dataset.target is not None
    if dataset.target is not None:
        values = dataset.target.values
        if (values == values[0]).all():
            labelled = False
            notes.append(
                f"All items have the label '{dataset.target.texts[0]}', so it is judged without "
                "labels."
            )
            dataset = dataclasses.replace(dataset, target=None)
    train_at, test_at, split_notes = train_test_split(
        dataset, protocol.test_size, protocol.random_state
    )
    train, test = dataset.take(train_at), dataset.take(test_at)
    if protocol.k >= len(train):
        raise DataError(
            f"{protocol.k} neighbours cannot be found among {len(train)} training items: lower k "
            "or bring more items."
        )
    name = "" if dataset.target is None else dataset.target.name
    usual = next((score.name for score in SCORES.values() if name in score.needs), "preservation")
    rank_by = protocol.rank_by or usual
    wanted = SCORES[rank_by].needs & Target.registry.keys() - {name}
    if wanted:
        what = f"labels that are {', '.join(wanted)}" if name else "labels"
        raise NearspaceError(f"Ranking by {rank_by} needs {what}, and {dataset.name} has none.")
    if not labelled:
        notes.append(
            "There are no labels: encoders are ranked by how many of an item's nearest neighbours "
            f"in {REFERENCE[dataset.kind.name]} they keep, not by how well they tell classes apart."
        )
    if train.target is None or test.target is None:
        pass
    elif name == "classes" and not np.isin(test.target.values, train.target.values).any():
        shown = f"'{test.target.texts[0]}' against '{train.target.texts[0]}'"
        raise DataError(
            f"{dataset.name}: no test item has a label that a training item has (such as {shown})."
        )
    if len(test) <= NEIGHBOURS_KEPT + 1:
        notes.append(
            f"Neighbours kept cannot be measured: it takes more than {NEIGHBOURS_KEPT} test items "
            f"beside the item itself, which does not count, and there are {len(test) - 1}."
        )
    random = np.random.default_rng(protocol.random_state)
    size = min(GEOMETRY_ITEMS, len(test))
    sample = np.sort(random.choice(len(test), size, replace=False))
    return Task(dataset, train, test, labelled, rank_by, sample, protocol, (*notes, *split_notes))
