"""`Means`: mean scores of encoders over test units and fits, and what they vary by.

A mean is over all items, or over the means of classes, which then weigh the same; of these what
varies is what varies within classes.

Draws of them are a multiplier bootstrap: what each unit, and each fit, adds to the error of a mean
is weighted by a standard normal number. Drawing units again comes to the same for many of them; of
six groups or two fits it draws nothing far from the middle, and what lies beyond is then taken for
real too often.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np

__all__ = ["Means"]

DRAWS = 4000
# Of a class of few items even the spread is hardly known: its variance grows by so many squared
# scores over the square of their number and one. By simulation, as in the tests.
UNSEEN = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Means:
    """The mean scores of e encoders, and what they vary by.

    Attributes
    ----------
    values : ndarray of shape (e,)
        The means.
    sums : ndarray of shape (e, units)
        The scores of each unit, over its items and over seeds.
    parts : ndarray of shape (e, units) or (e, units + e)
        What each unit adds to the error of a mean: their squares add up to its variance over
        units. Of means of classes, what each encoder's few items of a class may not have shown
        stands behind.
    seeds : ndarray of shape (e,)
        Its variance over seeds.
    freedom : (float, float)
        Degrees of freedom of the two variances.
    sizes : ndarray of shape (classes,)
        How many independent items of each class there are, or of all where there are no classes;
        fewer, by the overlap, than there are.
    """

    values: np.ndarray
    sums: np.ndarray
    parts: np.ndarray
    seeds: np.ndarray
    freedom: tuple[float, float]
    sizes: np.ndarray

    @classmethod
    def of(
        cls,
        scores: np.ndarray,
        groups: np.ndarray | None,
        classes: np.ndarray | None = None,
        overlap: float = 1.0,
    ) -> Means:
        """Return the means of scores ``(e, s, n)``, of whose items some may be NaN for all.

        With the class of each item they are the means of the means of classes. ``overlap`` is by
        what the variance over units is multiplied, as the same items trained for many of them.
        """
        if classes is not None and np.isfinite(scores).any():
            means = cls._of_classes(scores, groups, classes)
        else:
            means = cls._of_units(scores, groups)
        parts, sizes = math.sqrt(overlap) * means.parts, means.sizes / overlap
        return dataclasses.replace(means, parts=parts, sizes=sizes)

    @classmethod
    def _of_units(cls, scores: np.ndarray, groups: np.ndarray | None) -> Means:
        sums, sizes = _unit_sums(scores, groups)
        n_encoders, n_seeds, n_units = sums.shape
        if n_units == 0:
            none = np.full(n_encoders, np.nan)
            return cls(none, sums.sum(axis=1), sums.mean(axis=1), none, (0.0, 0.0), np.zeros(1))
        total = sums.sum(axis=1)
        values = total.sum(axis=1) / (n_seeds * sizes.sum())
        shares = sizes / sizes.sum()
        # A unit pulls the mean towards itself, a large one more, and so looks too near to it.
        pull = np.sqrt(np.maximum(1 - shares, 1e-12))
        parts = (total / (n_seeds * sizes.sum()) - values[:, None] * shares) / pull
        seeds = np.zeros(n_encoders)
        if n_seeds > 1:
            seeds = (sums.sum(axis=2) / sizes.sum()).var(axis=1, ddof=1) / n_seeds
        freedom = _unit_freedom(shares), max(1.0, n_seeds - 1.0)
        return cls(values, total, parts, seeds, freedom, np.array([n_units]))

    @classmethod
    def _of_classes(
        cls, scores: np.ndarray, groups: np.ndarray | None, classes: np.ndarray
    ) -> Means:
        scored = np.isfinite(scores).any(axis=(0, 1))
        codes = np.unique(classes[scored], return_inverse=True)[1]
        units = np.arange(len(codes))
        if groups is not None:
            units = np.unique(groups[scored], return_inverse=True)[1]
        n_encoders, n_seeds, _ = scores.shape
        n_classes = int(codes.max()) + 1
        # A cell holds the items of one class in one unit; the cells of a unit stand together.
        cells = units * n_classes + codes
        sums, sizes = _unit_sums(scores[:, :, scored], cells)
        unit, of = np.divmod(np.unique(cells), n_classes)
        counts = np.bincount(of, sizes)
        means = np.zeros((n_encoders, n_seeds, n_classes))
        for encoder, seed in np.ndindex(n_encoders, n_seeds):
            means[encoder, seed] = np.bincount(of, sums[encoder, seed], n_classes) / counts
        weights, shares, cell = 1 / (n_classes * counts[of]), sizes / counts[of], sums.mean(axis=1)
        pull = np.sqrt(np.maximum(1 - shares, 1e-12))
        off = weights * (cell - sizes * means.mean(axis=1)[:, of]) / pull
        starts = np.flatnonzero(np.diff(unit, prepend=-1))
        # As many items as would be worth the same if each were a unit (Kish).
        worth = 1 / np.bincount(of, np.square(shares))
        unseen = math.sqrt(UNSEEN * np.square(1 / (n_classes * (worth + 1))).sum())
        parts = np.hstack([np.add.reduceat(off, starts, axis=1), unseen * np.eye(n_encoders)])
        by_seed, seeds = means.mean(axis=2), np.zeros(n_encoders)
        if n_seeds > 1:
            seeds = by_seed.var(axis=1, ddof=1) / n_seeds
        # Satterthwaite's, of classes of which each item varies alike.
        freedom = (1 / worth).sum() ** 2 / (1 / worth**2 / np.maximum(worth - 1, 0.5)).sum()
        return cls(
            by_seed.mean(axis=1),
            np.add.reduceat(weights * cell, starts, axis=1),
            parts,
            seeds,
            (max(1.0, float(freedom)), max(1.0, n_seeds - 1.0)),
            worth,
        )

    @property
    def units(self) -> int:
        """How many units there are."""
        return self.sums.shape[1]

    def take(self, which: np.ndarray) -> Means:
        """Return those of some encoders."""
        return Means(
            self.values[which],
            self.sums[which],
            self.parts[which],
            self.seeds[which],
            self.freedom,
            self.sizes,
        )

    def least(self, tail: float) -> float:
        """Return what the mean of scores of 0 or 1 is at least, where all that were seen are 1."""
        classes = len(self.sizes)
        each = (1 - tail ** (1 / self.sizes)) / classes
        together = tail ** (1 / (classes**2 / (1 / self.sizes).sum()))
        return min(1 - float(each.max()), float(together))

    def within(self, strata: np.ndarray) -> Means:
        """Return the means of as many units of each stratum as there are, single items each."""
        _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
        middles = np.stack([np.bincount(codes, part) / counts for part in self.parts])
        freedom = max(1.0, self.units - len(counts))
        wider = np.sqrt((self.units - 1) / freedom)
        parts = wider * (self.parts - middles[:, codes])
        return dataclasses.replace(self, parts=parts, freedom=(freedom, self.freedom[1]))

    @functools.cached_property
    def _places(self) -> np.ndarray:
        """The parts in as few dimensions as there are encoders, with the same distances."""
        left, scale, _ = np.linalg.svd(self.parts, full_matrices=False)
        return left * scale

    @functools.cached_property
    def variances(self) -> np.ndarray:
        """The two variances of the difference between each two, shape ``(e, e, 2)``."""
        places = self._places
        units = np.stack([np.square(places - place).sum(axis=1) for place in places])
        # What rounding leaves of a difference that is the same on every unit is no variance.
        scale = max(np.square(self.values).max(), np.square(self.parts).sum(axis=1).max())
        seeds = self.seeds[:, None] + self.seeds - 2 * np.diag(self.seeds)
        return np.stack([np.where(units > 1e-24 * scale, units, 0.0), seeds], axis=2)

    def freedom_beside(self, at: int) -> np.ndarray:
        """Return the degrees of freedom of the variances of differences to one, ``(e, 2)``."""
        own, other = self.seeds, np.where(np.arange(len(self.seeds)) == at, 0.0, self.seeds[at])
        square = np.square(own) + np.square(other)  # Welch's, of two rows with noise of their own
        both = np.divide(np.square(own + other), square, out=np.ones_like(own), where=square > 0)
        units, fits = self.freedom
        # Of few groups the covariances of more than two rows are known worse than the variances.
        units = max(1.0, units - (len(own) > 2))
        return np.stack([np.full(len(own), units), fits * both], axis=1)

    def draws(self, random_state: int) -> np.ndarray:
        """Return by how much the means may be off, shape ``(e, draws)``."""
        rng = np.random.default_rng(random_state)
        units = self._places @ rng.standard_normal((self._places.shape[1], DRAWS))
        fits = rng.standard_normal((len(self.seeds), DRAWS))
        return units + np.sqrt(self.seeds)[:, None] * fits


def _unit_sums(scores: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of scores of every unit, shape (e, s, units), and its number of items."""
    scored = np.isfinite(scores).any(axis=(0, 1))
    scores = np.asarray(scores, dtype=np.float64)[:, :, scored]
    if groups is None:
        return scores, np.ones(scores.shape[2])
    _, codes, sizes = np.unique(groups[scored], return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    if len(order) == 0:
        return scores, np.zeros(0)
    starts = np.cumsum(sizes) - sizes
    return np.add.reduceat(scores[:, :, order], starts, axis=2), sizes.astype(np.float64)


def _unit_freedom(shares: np.ndarray) -> float:
    """Return the degrees of freedom of the variance over units that are such shares of the items.

    Bell and McCaffrey's (2002), for units whose items are alike: n - 1 for n of equal size.
    """
    if len(shares) < 2:
        return 1.0
    weights, square = np.square(shares) / (1 - shares), np.square(shares).sum()
    a, b, c = (float(weights @ np.power(shares, power)) for power in range(3))
    trace = a * (1 + square) - 2 * b
    between = (square * a) ** 2 - 4 * square * a * b + 2 * a * c + 2 * b**2
    within = float(np.square(weights) @ (1 + 2 * (square - 2 * shares)))
    return trace**2 / (between + within)
