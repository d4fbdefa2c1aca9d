"""Mined pairs and calibrated thresholds, against loops over all of them."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.space.mining import calibrate, mine


def looped(left, right, k):
    """Return mined pairs and their margins, by loops over all cosines."""
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right)]
    cosines = units[0] @ units[1].T
    near = [np.sort(cosines, axis=1)[:, -k:].mean(axis=1)]
    near.append(np.sort(cosines, axis=0)[-k:].mean(axis=0))
    margins = np.array(
        [
            [2 * cosines[i, j] / (near[0][i] + near[1][j]) for j in range(len(right))]
            for i in range(len(left))
        ]
    )
    candidates = set()
    for i in range(len(left)):
        some = np.argsort(-cosines[i])[:k]
        candidates.add((i, int(some[margins[i, some].argmax()])))
    for j in range(len(right)):
        some = np.argsort(-cosines[:, j])[:k]
        candidates.add((int(some[margins[some, j].argmax()]), j))
    chosen = []
    for i, j in sorted(candidates, key=lambda pair: -margins[pair]):
        if all(i != one and j != other for one, other in chosen):
            chosen.append((i, j))
    return chosen, [margins[pair] for pair in chosen]


@pytest.fixture
def piles():
    """Return 40 and 60 vectors, of which 25 belong together."""
    random = np.random.default_rng(0)
    left, right = random.normal(size=(40, 6)) + 2, random.normal(size=(60, 6)) + 2
    right[10:35] = left[:25] + 0.3 * random.normal(size=(25, 6))
    return left, right


@pytest.mark.parametrize("k", [2, 4, 40])
def test_mined_pairs_are_those_of_loops(piles, k):
    pairs, margins = looped(*piles, k)
    for given in (piles, [sparse.csr_array(rows) for rows in piles]):
        mined = mine(*given, k=k)
        assert mined.positions.tolist() == [list(pair) for pair in pairs]
        np.testing.assert_allclose(mined.scores, margins, rtol=1e-6)
    assert mined.above(margins[4]).positions.tolist() == mined.positions[:5].tolist()


def test_what_has_no_direction_or_is_not_there_is_in_no_pair(piles):
    left, right = piles[0].copy(), piles[1]
    left[3] = 0
    mined = mine(left, right)
    assert 3 not in mined.positions[:, 0]
    assert np.isfinite(mined.scores).all()
    assert len(mine(left[:0], right)) == len(mine(left, right[:0])) == 0
    assert len(mine(left[:1], right[:1])) == 1
    # Vectors with nothing in common have neighbours, and are near to none of them.
    assert len(mine(np.eye(6)[:3], np.eye(6)[3:])) == 0


def test_a_copy_is_no_partner_and_no_neighbour():
    """Left 0 stands on the right too, where it would be the best, and its translation is there."""
    random = np.random.default_rng(4)
    left, right = random.normal(size=(30, 6)), random.normal(size=(40, 6))
    right[5] = left[0] + 0.2 * random.normal(size=6)
    copied = np.concatenate([right, left[:1]])
    copies = np.full(30, -1)
    copies[0] = 40
    for given in (left, copied), (sparse.csr_array(left), sparse.csr_array(copied)):
        assert [0, 40] in mine(*given).positions.tolist()
        mined = mine(*given, copies=copies)
        assert [0, 40] not in mined.positions.tolist()
        assert [0, 5] in mined.positions.tolist()
        # The margin is that without the copy, as far as the copy is no neighbour of another one.
        at = mined.positions.tolist().index([0, 5])
        alone = mine(left, right)
        own = alone.positions.tolist().index([0, 5])
        assert mined.scores[at] == pytest.approx(alone.scores[own])
    assert len(mine(left[:1], left[:1], copies=np.array([0]))) == 0
    with pytest.raises(NearspaceError, match="a position below 40, or -1"):
        mine(left, right, copies=copies)


def test_the_threshold_has_the_precision_and_recall_of_a_count():
    random = np.random.default_rng(1)
    left = random.normal(size=(300, 20))
    right = left + 1.2 * random.normal(size=left.shape)
    piles = random.normal(size=(200, 20)), random.normal(size=(150, 20))
    told = calibrate(left, right, piles, random_state=3)
    part = np.random.default_rng(3).permutation(300) % 3
    sides = [np.flatnonzero(part != 1), np.flatnonzero(part != 2)]
    mined = mine(
        *(
            np.concatenate([own[at], pile])
            for own, at, pile in zip((left, right), sides, piles, strict=True)
        )
    ).above(told.threshold)
    judged = right_ones = 0
    for i, j in mined.positions:
        ends = [at[n] if n < len(at) else -1 for at, n in zip(sides, (i, j), strict=True)]
        judged += max(ends) >= 0
        right_ones += ends[0] == ends[1] >= 0
    assert told.precision[0] == pytest.approx(right_ones / judged)
    assert told.recall[0] == pytest.approx(right_ones / 100)
    for value, low, high in (told.precision, told.recall):
        assert low < value < high
    surer = calibrate(left, right, piles, precision=0.9, random_state=3)
    assert surer.precision[0] >= 0.9 > told.precision[0]
    assert surer.threshold > told.threshold
    assert surer.recall[0] < told.recall[0]


def test_a_precision_that_is_not_reached_and_wrong_pairs_are_refused():
    random = np.random.default_rng(2)
    left, right = random.normal(size=(2, 90, 4))
    with pytest.raises(NearspaceError, match="no threshold reaches a precision of 1"):
        calibrate(left, right, precision=1.0)
    with pytest.raises(NearspaceError, match="30 held-out pairs or more, got 29"):
        calibrate(left[:29], left[:29])
    with pytest.raises(NearspaceError, match="got 90 and 89"):
        calibrate(left, right[:89])
    with pytest.raises(NearspaceError, match="at most 1, got 90"):
        calibrate(left, right, precision=90)


def test_where_all_mined_pairs_are_right_the_interval_is_that_of_a_binomial_share():
    from scipy.stats import binomtest

    rows = np.random.default_rng(5).normal(size=(90, 8))
    told = calibrate(rows, rows + 0.01)
    mined = round(30 * told.recall[0])
    exact = binomtest(mined, mined).proportion_ci(method="exact")
    assert told.precision[:2] == (1.0, pytest.approx(exact.low))
