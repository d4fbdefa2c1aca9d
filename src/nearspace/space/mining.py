"""`mine`: what belongs together of two piles in which nobody has said so, and how sure that is."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data.kinds.kind import described
from nearspace.errors import NearspaceError
from nearspace.metrics.ranking import VectorArray
from nearspace.metrics.retrieval import nearest
from nearspace.space.arrays import is_finite

__all__ = ["MARGIN_NEIGHBOURS", "Calibration", "Mined", "calibrate", "mine"]

MARGIN_NEIGHBOURS = 4  # of an item, as Artetxe & Schwenk take them
PARTED = 3  # one of so many held-out pairs stays whole; of the others one side each is taken away
RESAMPLES = 2000
TAIL = 0.025  # on either side of an interval


@dataclasses.dataclass(frozen=True, eq=False)
class Mined:
    """Items of two piles that seem to belong together, each of them in one pair at most.

    Attributes
    ----------
    positions : ndarray of shape (m, 2), int64
        Where the items stand, left and right; the surest pair comes first.
    scores : ndarray of shape (m,), float64
        The margin of a pair: its cosine by the mean cosine of either item with its neighbours.
    """

    positions: np.ndarray
    scores: np.ndarray

    def above(self, threshold: float) -> Mined:
        """Return the pairs whose margin is at least a threshold."""
        enough = self.scores >= threshold
        return Mined(self.positions[enough], self.scores[enough])

    def __len__(self) -> int:
        return len(self.scores)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A threshold, and how good what lies above it is on held-out pairs.

    Attributes
    ----------
    threshold : float
        Of the margin.
    precision, recall : tuple of float
        The share of mined pairs that are right, and of right pairs that are mined: the value, and
        its 95 % interval by bootstrap over the held-out pairs; where all or none are right, in
        which all draws agree, the exact one of a binomial share.
    pairs : int
        How many held-out pairs it was worked out on.
    """

    threshold: float
    precision: tuple[float, float, float]
    recall: tuple[float, float, float]
    pairs: int


def mine(
    left: VectorArray,
    right: VectorArray,
    k: int = MARGIN_NEIGHBOURS,
    copies: np.ndarray | None = None,
) -> Mined:
    """Return the pairs of two piles that are nearer to each other than to what else is there.

    A pair is scored by the ratio margin [1]_: the cosine of the two by the mean of the cosines of
    either with its ``k`` nearest of the other pile. So an item that is near to everything does not
    belong to everything. From each item the best of its ``k`` is a candidate; of candidates the
    surest are taken first, and no item twice. Work grows by the product of the two sizes, memory by
    their sum.

    Parameters
    ----------
    left, right : ndarray or csr_array of shape (n, d) and (m, d)
        Vectors of one space. An item whose vector is zero is in no pair.
    k : int, default=4
        How many neighbours of an item count.
    copies : ndarray of int of shape (n,), optional
        For each item on the left where its copy stands on the right, -1 for none. Of sentences that
        is a line nobody has translated: the two are no pair, and no neighbours of each other.

    Returns
    -------
    Mined
        At most ``min(n, m)`` pairs.

    Raises
    ------
    NearspaceError
        If these are no vectors of one space, ``k`` is below 1, or a copy stands nowhere.

    References
    ----------
    .. [1] M. Artetxe, H. Schwenk, "Margin-based parallel corpus mining with multilingual sentence
       embeddings", 2019.

    Examples
    --------
    >>> left = np.array([[1.0, 0.1, 0.0], [0.0, 1.0, 0.2]])
    >>> right = np.array([[0.1, 1.0, 0.1], [0.9, 0.0, 0.1], [0.5, 0.5, 0.5]])
    >>> mine(left, right, k=2).positions.tolist()
    [[0, 1], [1, 0]]
    """
    if not isinstance(k, Integral) or k < 1:
        raise NearspaceError(f"mine: expected k of at least 1, a whole number, got {k!r}.")
    left, right = _checked(left, "left"), _checked(right, "right")
    if left.shape[1] != right.shape[1]:
        raise NearspaceError(
            f"mine: expected vectors of one space, got {left.shape[1]:,} dimensions on the left "
            f"and {right.shape[1]:,} on the right."
        )
    if copies is None:
        copies = np.full(left.shape[0], -1)
    if copies.shape != (left.shape[0],) or (copies >= right.shape[0]).any():
        raise NearspaceError(
            f"mine: expected copies as a position below {right.shape[0]:,}, or -1, for each of "
            f"{left.shape[0]:,} items on the left, got shape {copies.shape}, "
            f"{copies.max(initial=-1)} at most."
        )
    if not (left.shape[0] and right.shape[0]):
        return Mined(np.empty((0, 2), np.int64), np.empty(0))
    back = np.full(right.shape[0], -1)
    copied = np.flatnonzero(copies >= 0)
    back[copies[copied]] = copied
    ways = [_neighbours(left, right, k, copies), _neighbours(right, left, k, back)]
    means = [
        np.where(near >= 0, cosines, 0).sum(axis=1) / np.maximum((near >= 0).sum(axis=1), 1)
        for near, cosines in ways
    ]
    candidates = []
    for (near, cosines), own, other, turned in (
        (ways[0], means[0], means[1], False),
        (ways[1], means[1], means[0], True),
    ):
        middle = (own[:, None] + other[near]) / 2
        margins = np.full(near.shape, -np.inf)
        # By the side of neighbours that are not alike at all a ratio says nothing.
        np.divide(cosines, middle, out=margins, where=(near >= 0) & (middle > 0))
        best = margins.argmax(axis=1)
        rows = np.flatnonzero(np.isfinite(margins[np.arange(len(best)), best]))
        pairs = np.stack([rows, near[rows, best[rows]]], axis=1)
        candidates.append((pairs[:, ::-1] if turned else pairs, margins[rows, best[rows]]))
    positions = np.concatenate([pairs for pairs, _ in candidates])
    scores = np.concatenate([margins for _, margins in candidates])
    order = np.lexsort((positions[:, 1], positions[:, 0], -scores))
    taken: tuple[set[int], set[int]] = set(), set()
    chosen = []
    for at in order.tolist():
        one, other_one = positions[at].tolist()
        if one not in taken[0] and other_one not in taken[1]:
            chosen.append(at)
            taken[0].add(one)
            taken[1].add(other_one)
    return Mined(positions[chosen], scores[chosen])


def _checked(vectors: Any, side: str) -> VectorArray:
    """Return vectors that are such."""
    rows = sparse.csr_array(vectors) if sparse.issparse(vectors) else np.asarray(vectors)
    if rows.ndim != 2 or rows.dtype.kind not in "fiu" or not is_finite(rows):
        raise NearspaceError(
            f"mine: expected vectors on the {side}, finite numbers of shape (n, d), got "
            f"{described(vectors)}."
        )
    return rows


def _neighbours(
    items: VectorArray, others: VectorArray, k: int, copies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the nearest that are no copies, -1 for none, and their cosines."""
    copied = (copies >= 0).any()
    near, distances = nearest(items, others, k + 1 if copied else k, "cosine")
    near[(near == copies[:, None])] = -1
    first = np.argsort(near < 0, axis=1, kind="stable")[:, :k]  # the others keep their order
    near, distances = (np.take_along_axis(rows, first, axis=1) for rows in (near, distances))
    return near, 1 - np.where(near >= 0, distances, 1.0)


def calibrate(
    left: VectorArray,
    right: VectorArray,
    piles: tuple[VectorArray, VectorArray] | None = None,
    *,
    precision: float | None = None,
    k: int = MARGIN_NEIGHBOURS,
    random_state: int = 0,
) -> Calibration:
    """Return from which margin on mined pairs are to be taken, by pairs that belong together.

    How many sentences of a pile have a partner in the other is not known, and where all have,
    whatever is mined is likely right. So a third of the held-out pairs stay whole; of a third the
    left item is taken away, of a third the right one, and half of the items on either side have a
    partner, as in the data of BUCC [1]_. They are put among the piles, since the margin depends on
    what else is there. A mined pair counts if it holds a held-out item, and is right if it is a
    held-out pair: where the piles themselves hold a translation of a held-out item, precision is
    told too low.

    Parameters
    ----------
    left, right : ndarray or csr_array of shape (n, d)
        The vectors of held-out pairs: row i of one belongs to row i of the other.
    piles : tuple of ndarray or csr_array, optional
        The vectors of the piles that are to be mined.
    precision : float, optional
        The share of mined pairs that is to be right, above 0 and at most 1. The least threshold
        that reaches it is taken; where none is asked for, the one of the best F1.
    k : int, default=4
        How many neighbours of an item count.
    random_state : int, default=0
        Of which pairs stay whole, and of the bootstrap.

    Raises
    ------
    NearspaceError
        If there are fewer than 30 pairs, the sides are not equally many, or no threshold reaches
        the precision.

    References
    ----------
    .. [1] P. Zweigenbaum, S. Sharoff, R. Rapp, "Overview of the third BUCC shared task: spotting
       parallel sentences in comparable corpora", 2018.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(90, 8))
    >>> calibrate(rows, rows + 0.01).precision[0]
    1.0
    """
    left, right = _checked(left, "left"), _checked(right, "right")
    n = left.shape[0]
    if n != right.shape[0]:
        raise NearspaceError(
            f"calibrate: expected as many held-out items on the right as on the left, got {n:,} "
            f"and {right.shape[0]:,}."
        )
    if n < 10 * PARTED:
        raise NearspaceError(
            f"calibrate: expected {10 * PARTED} held-out pairs or more, got {n:,}."
        )
    if precision is not None and not 0 < precision <= 1:
        raise NearspaceError(
            f"calibrate: expected a precision above 0 and at most 1, got {precision:g}."
        )
    random = np.random.default_rng(random_state)
    part = random.permutation(n) % PARTED
    sides = [np.flatnonzero(part != 1), np.flatnonzero(part != 2)]  # of which pairs it is there
    vectors = [
        own[at] if piles is None else _beside(own[at], piles[which])
        for which, (own, at) in enumerate(zip((left, right), sides, strict=True))
    ]
    mined = mine(vectors[0], vectors[1], k)
    # Which held-out pair the items of a mined pair are of; those of the piles of none.
    of_pair = np.full(mined.positions.shape, -1)
    for which, at in enumerate(sides):
        own = mined.positions[:, which] < len(at)
        of_pair[own, which] = at[mined.positions[own, which]]
    judged = (of_pair >= 0).any(axis=1)
    of_pair, scores = of_pair[judged], mined.scores[judged]
    right_ones = (of_pair[:, 0] == of_pair[:, 1]) & (of_pair[:, 0] >= 0)
    whole = int((part == 0).sum())
    threshold = _threshold(scores, right_ones, whole, precision)
    above = scores >= threshold
    # What every held-out pair adds: mined pairs, right ones, and whether it could be mined.
    units = np.zeros((3, n))
    units[2] = part == 0
    for items, good in zip(of_pair[above], right_ones[above], strict=True):
        held = np.unique(items[items >= 0])
        units[0, held] += 1 / len(held)
        units[1, held] += good / len(held)
    draws = random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) @ units.T
    return Calibration(
        threshold=float(threshold),
        precision=_with_interval(units[1], units[0], (draws[:, 1], draws[:, 0])),
        recall=_with_interval(units[1], units[2], (draws[:, 1], draws[:, 2])),
        pairs=n,
    )


def _beside(held_out: VectorArray, pile: VectorArray) -> VectorArray:
    if sparse.issparse(held_out) or sparse.issparse(pile):
        return sparse.csr_array(sparse.vstack([held_out, pile]))
    return np.concatenate([np.asarray(held_out), np.asarray(pile)])


def _threshold(scores: np.ndarray, good: np.ndarray, whole: int, precision: float | None) -> float:
    """Return the score of the last pair to take, of scores that fall."""
    if not len(scores):
        raise NearspaceError("calibrate: no held-out item was mined; the vectors are no use here.")
    hits, taken = good.cumsum(), np.arange(1, len(scores) + 1)
    ends = np.flatnonzero(np.append(scores[1:] < scores[:-1], True))  # equal scores go together
    precisions, recalls = (hits / taken)[ends], (hits / whole)[ends]
    if precision is None:
        sums = np.maximum(precisions + recalls, 1e-12)
        return scores[ends[(2 * precisions * recalls / sums).argmax()]]
    reached = np.flatnonzero(precisions >= precision)
    if not len(reached):
        raise NearspaceError(
            f"calibrate: no threshold reaches a precision of {precision:g}: the highest is "
            f"{precisions.max():.2f}; ask for less, or pair more sentences."
        )
    return scores[ends[reached[-1]]]


def _with_interval(
    over: np.ndarray, under: np.ndarray, draws: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float, float]:
    """Return a share, a sum by another one, and its interval by what was drawn of both."""
    count = under.sum()
    value = float(over.sum() / count)
    if value in (0.0, 1.0):
        bound = (TAIL ** (1 / count)).item()
        return (1.0, bound, 1.0) if value else (0.0, 0.0, 1 - bound)
    shares = draws[0][draws[1] > 0] / draws[1][draws[1] > 0]
    low, high = np.quantile(shares, (TAIL, 1 - TAIL))
    return value, float(low), float(high)
