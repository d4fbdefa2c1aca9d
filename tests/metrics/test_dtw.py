"""Dynamic time warping beside a naive loop and a library, and the search that leaves pairs out."""

import numpy as np
import pytest

from nearspace.errors import DataError
from nearspace.learning.threads import side_by_side
from nearspace.metrics import dtw
from nearspace.metrics.dtw import dtw_distances, nearest_by_dtw


def naive(one, other, band):
    """Return the distance of two series, cell by cell."""
    n, m = one.shape[1], other.shape[1]
    steps = np.ceil(round(band * max(n, m), 6))
    table = np.full((n + 1, m + 1), np.inf)
    table[0, 0] = 0
    for i in range(n):
        for j in range(m):
            if -steps - max(m - n, 0) <= i - j <= steps + max(n - m, 0):
                apart = ((one[:, i].astype(float) - other[:, j]) ** 2).sum()
                table[i + 1, j + 1] = apart + table[[i, i, i + 1], [j, j + 1, j]].min()
    return np.sqrt(table[n, m])


def uneven(n, channels, random, longest=25):
    """Return random walks, each of its own length, some of them alike."""
    lengths = random.integers(1, longest, n)
    return [random.normal(size=(channels, k)).cumsum(1).astype(np.float32) for k in lengths]


@pytest.fixture(scope="module")
def walks():
    random = np.random.default_rng(0)
    walks = random.normal(size=(90, 1, 60)).cumsum(2)
    return list((walks / walks.std(2, keepdims=True)).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("band", [0.0, 0.1, 0.4, 1.0])
def test_distances_and_nearest_are_those_of_a_naive_loop(channels, band):
    random = np.random.default_rng(1)
    queries, gallery = uneven(12, channels, random), uneven(15, channels, random)
    queries[0], gallery[0] = queries[0][:, :1], gallery[0][:, :1]  # of one step
    gallery[9] = gallery[3].copy()  # as near as another
    pairs = np.argwhere(np.ones((12, 15)))
    expected = np.array([naive(queries[i], gallery[j], band) for i, j in pairs])
    own = dtw_distances(queries, gallery, pairs, band)
    np.testing.assert_allclose(own, expected, rtol=2e-6, atol=1e-6)
    positions, distances = nearest_by_dtw(queries, gallery, band)
    table = expected.reshape(12, 15)
    np.testing.assert_array_equal(positions, table.argmin(axis=1))
    np.testing.assert_allclose(distances, table.min(axis=1), rtol=2e-6)


def test_a_pair_is_as_far_apart_alone_as_among_others(walks):
    some = [walk[:, : 30 + at % 31] for at, walk in enumerate(walks)]
    pairs = np.argwhere(np.ones((9, 90)))
    together = dtw_distances(some[:9], some, pairs, 0.1)
    for at in (0, 400, 801):
        assert dtw_distances(some[:9], some, pairs[at : at + 1], 0.1)[0] == together[at]


@pytest.mark.parametrize("scale", [1e-36, 1e30])
def test_any_scale_will_do(walks, scale):
    pairs = np.argwhere(np.ones((3, 3)))
    scaled = [(walk * np.float64(scale)).astype(np.float32) for walk in walks[:3]]
    own = dtw_distances(scaled, scaled, pairs) / scale
    np.testing.assert_allclose(own, dtw_distances(walks, walks, pairs), rtol=1e-5)


def test_lower_bounds_leave_most_pairs_out_and_threads_change_nothing(walks, monkeypatch):
    looked_at = []
    squares = dtw._squares
    monkeypatch.setattr(
        dtw, "_squares", lambda *args: looked_at.append(len(args[2])) or squares(*args)
    )
    monkeypatch.setattr(dtw, "MOST", 64)  # or so few queries were looked at in one round
    told = []
    gallery = [walk + np.float32(0.01) for walk in walks[::-1]]
    positions, _ = nearest_by_dtw(walks, gallery, 0.1, side_by_side, lambda *at: told.append(at))
    assert sum(looked_at) < 0.25 * 90 * 90
    np.testing.assert_array_equal(positions, np.arange(90)[::-1])
    assert told == [(90, 90)]


def test_no_series_is_its_own_nearest(walks):
    pairs = np.argwhere(np.ones((90, 90)))
    apart = dtw_distances(walks, walks, pairs, 0.1).reshape(90, 90)
    np.fill_diagonal(apart, np.inf)
    positions, _ = nearest_by_dtw(walks, walks, 0.1, exclude_self=True)
    np.testing.assert_array_equal(positions, apart.argmin(axis=1))


def test_series_of_other_channels_are_refused():
    one, three = np.ones((1, 5), np.float32), np.ones((3, 5), np.float32)
    with pytest.raises(DataError, match="some with 1 and some with 3"):
        nearest_by_dtw([one], [one, three])


@pytest.mark.parametrize("band", [0.1, 1.0])
def test_distances_are_those_of_a_library(walks, band):
    peer = pytest.importorskip("dtaidistance.dtw", reason="dtaidistance is not installed")
    pairs = np.array(np.triu_indices(12, 1)).T
    window = round(band * 60) + 1  # of which it counts the middle
    rows = np.stack(walks[:12])[:, 0].astype(np.float64)
    theirs = peer.distance_matrix(rows, window=window, compact=True)
    np.testing.assert_allclose(dtw_distances(walks, walks, pairs, band), theirs, rtol=1e-5)
