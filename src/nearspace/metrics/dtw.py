"""Dynamic time warping: how far two series are apart once time may run unevenly in them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from nearspace.errors import DataError

__all__ = ["dtw_distances", "nearest_by_dtw"]

# Numbers of a diagonal of many tables together: what is done with them stays in the cache of a
# core. NumPy, and not torch, since an operation on so few of them costs it a quarter as much.
AT_ONCE = 2**16
FEWEST, MOST = 64, 2048  # pairs whose tables are filled together
ALIKE = math.log(1.25)  # lengths that differ by less are filled up to the longest of them
FIRST = 4  # candidates at least of each query in the first round, which rule others out
QUERIES, BOUNDS = 512, 2**22  # that are looked at together
ROUNDING = 1e-5  # by which a bound may be too high in float32, as a share

Run: TypeAlias = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Stacks:
    """Series, those of about the same length in one array.

    Attributes
    ----------
    lengths, stack, place : ndarray of shape (n,), int64
        Of each series how many steps it has, in which array it is, and where in that.
    arrays : dict of int to ndarray of shape (m, channels, time), float32
        The arrays, filled up with zeros.
    """

    lengths: np.ndarray
    stack: np.ndarray
    place: np.ndarray
    arrays: dict[int, np.ndarray]

    @classmethod
    def of(cls, series: Sequence[np.ndarray], factor: float) -> Stacks:
        """Return series times a factor."""
        lengths = np.array([each.shape[1] for each in series], dtype=np.int64)
        stack = (np.log(lengths) / ALIKE).astype(np.int64)
        place, arrays = np.empty_like(lengths), {}
        for which in np.unique(stack).tolist():
            rows = np.flatnonzero(stack == which)
            place[rows] = np.arange(len(rows))
            shape = (len(rows), len(series[0]), int(lengths[rows].max()))
            arrays[which] = np.zeros(shape, np.float32)
            for at, row in enumerate(rows.tolist()):
                arrays[which][at, :, : lengths[row]] = series[row] * np.float64(factor)
        return cls(lengths, stack, place, arrays)

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the last step of every series, shape ``(n, channels)`` each."""
        rows = zip(self.stack.tolist(), self.place.tolist(), strict=True)
        arrays = [self.arrays[stack][place] for stack, place in rows]
        lasts = [array[:, n - 1] for array, n in zip(arrays, self.lengths.tolist(), strict=True)]
        return np.stack([array[:, 0] for array in arrays]), np.stack(lasts)

    def of_length(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of series of one length, and them, ``(m, channels, length)``."""
        rows = np.flatnonzero(self.lengths == length)
        array = self.arrays[int(self.stack[rows[0]])] if len(rows) else np.empty((0, 1, length))
        return rows, array[self.place[rows], :, :length]


def dtw_distances(
    left: Sequence[np.ndarray],
    right: Sequence[np.ndarray],
    pairs: Any,
    band: float = 1.0,
    run: Run = map,
) -> np.ndarray:
    """Return how far series are from others by dynamic time warping (Sakoe and Chiba, 1978).

    The steps of one series are laid on those of the other, in their order and without leaving any
    out, so that the sum of the squared distances of what lies on one another is least; the root of
    that sum is returned. All channels are warped alike (dependent warping). It is exact but for
    the rounding of float32.

    The tables of many pairs are filled together, diagonal by diagonal, since no cell of a diagonal
    needs another of it.

    Parameters
    ----------
    left, right : sequence of ndarray of shape (channels, time), float32
        Series, each of a length of its own, all with the same channels.
    pairs : array-like of shape (p, 2), int
        Positions of a series on the left and of one on the right.
    band : float
        How many steps at most lie between the places of two steps laid on one another, as a share
        of the longer of both series, rounded up. Where one is longer, it is so many steps more to
        its side. From 0, for none, to 1, for no bound.
    run : callable
        Calls a function for each part of the work, as ``map`` does, which is one after the other.

    Returns
    -------
    ndarray of shape (p,), float64
        Distances, in the unit of the series.

    Raises
    ------
    DataError
        If series have different numbers of channels.

    Examples
    --------
    >>> early, late = np.float32([[0, 1, 0, 0, 0]]), np.float32([[0, 0, 0, 1, 0]])
    >>> [dtw_distances([early], [late], [[0, 0]], band).round(2).tolist() for band in (0, 0.2, 1)]
    [[1.41], [1.41], [0.0]]
    """
    asked, there, factor = _stacked(left, right)
    return np.sqrt(_squares(asked, there, np.asarray(pairs), band, run)) / factor


def nearest_by_dtw(
    queries: Sequence[np.ndarray],
    gallery: Sequence[np.ndarray],
    band: float = 1.0,
    run: Run = map,
    tell: Callable[[int, int], object] = lambda done, total: None,
    exclude_self: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the series of a gallery that is nearest to each query by `dtw_distances`.

    A pair is left out only where a lower bound says that it is further apart than one that was
    looked at: how far first and last steps are apart (Kim et al., 2001), or what of one series lies
    outside of the other's envelope in the band (Keogh, 2002), which holds for equal lengths.

    Parameters
    ----------
    queries, gallery : sequence of ndarray of shape (channels, time), float32
        Series, each of a length of its own, all with the same channels.
    band, run
        As of `dtw_distances`.
    tell : callable
        Called now and then with how many queries are done, and how many there are.
    exclude_self : bool, default=False
        Whether the gallery are the queries, of which none is its own nearest: two at least.

    Returns
    -------
    positions : ndarray of shape (q,), int64
        That of the nearest in the gallery; of several that are as near, the first.
    distances : ndarray of shape (q,), float64
        How far it is.

    Raises
    ------
    DataError
        If series have different numbers of channels.

    Examples
    --------
    >>> gallery = [np.float32([[0, 0, 0, 5]]), np.float32([[0, 1, 0, 0]])]
    >>> nearest_by_dtw([np.float32([[0, 0, 1, 0, 0]])], gallery)
    (array([1]), array([0.]))
    """
    asked, there, factor = _stacked(queries, gallery)
    bounds = _LowerBounds(asked, there, band)
    positions, squares = np.empty(len(queries), np.int64), np.empty(len(queries))
    step = max(1, min(QUERIES, BOUNDS // len(gallery)))
    for start in range(0, len(queries), step):
        rows = np.arange(start, min(start + step, len(queries)))
        lowest = np.stack(list(run(bounds.of, rows.tolist())))
        if exclude_self:
            lowest[rows - start, rows] = np.inf
        positions[rows], squares[rows] = _search(asked, there, rows, lowest, band, run)
        tell(int(rows[-1]) + 1, len(queries))
    return positions, np.sqrt(squares) / factor


def _search(
    asked: Stacks, there: Stacks, rows: np.ndarray, lowest: np.ndarray, band: float, run: Run
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the nearest to the queries at ``rows`` are, and their squared distances.

    The candidates of each come by rising lower bound, in rounds that double, until the bound of
    the next is above the nearest so far.
    """
    order = np.argsort(lowest, axis=1, kind="stable")
    lowest = np.take_along_axis(lowest, order, axis=1)
    positions, squares = np.zeros(len(rows), np.int64), np.full(len(rows), np.inf)
    start, size = 0, max(FIRST, MOST // len(rows))
    while start < lowest.shape[1]:
        bound = lowest[:, start : start + size]
        worth = (bound <= squares[:, None] * (1 + ROUNDING)) & np.isfinite(bound)
        of, at = np.nonzero(worth)
        if not len(of):
            break
        candidates = order[of, start + at]
        own = _squares(asked, there, np.column_stack([rows[of], candidates]), band, run)
        ranked = np.lexsort((candidates, own, of))
        of, firsts = np.unique(of[ranked], return_index=True)
        near, nearest = own[ranked][firsts], candidates[ranked][firsts]
        better = (near < squares[of]) | (near == squares[of]) & (nearest < positions[of])
        squares[of[better]], positions[of[better]] = near[better], nearest[better]
        start, size = start + size, 2 * size
    return positions, squares


class _LowerBounds:
    """What squared distances of queries to a gallery are at least."""

    def __init__(self, asked: Stacks, there: Stacks, band: float):
        self.asked, self.band = asked, band
        self.lengths = there.lengths
        self.ends = list(zip(asked.ends(), there.ends(), strict=True))
        self.of_length = {
            length: self._enveloped(*there.of_length(length))
            for length in np.unique(asked.lengths).tolist()
        }

    def _enveloped(self, rows: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, ...]:
        return rows, series, *_envelopes(series, self.band)

    def of(self, query: int) -> np.ndarray:
        """Return that of each series of the gallery, shape ``(n,)``."""
        length = int(self.asked.lengths[query])
        (one, firsts), (other, lasts) = self.ends
        bounds = np.square(firsts - one[query]).sum(axis=1)
        apart = np.square(lasts - other[query]).sum(axis=1)
        bounds += np.where((self.lengths == 1) & (length == 1), 0, apart)  # one pair, once
        rows, series, low, high = self.of_length[length]
        if len(rows):
            array = self.asked.arrays[int(self.asked.stack[query])]
            own = array[self.asked.place[query], None, :, :length]
            mine = _envelopes(own, self.band)
            outside = np.maximum(_outside(own, low, high), _outside(series, *mine))
            bounds[rows] = np.maximum(bounds[rows], outside)
        return bounds


def _envelopes(series: np.ndarray, band: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest number in the band around each step of series."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    size = 2 * int(_band_steps(series.shape[2], band)) + 1
    low, high = minimum_filter1d, maximum_filter1d
    return low(series, size, mode="nearest"), high(series, size, mode="nearest")


def _outside(series: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the squares, summed, of how far each step of series lies outside of an envelope."""
    apart = series - np.clip(series, low, high)
    return np.einsum("nct,nct->n", apart, apart)


def _band_steps(longest: Any, band: float) -> Any:
    return np.ceil(band * longest - 1e-9).astype(np.int64)  # 0.1 of 150 is no more than 15


def _stacked(
    left: Sequence[np.ndarray], right: Sequence[np.ndarray]
) -> tuple[Stacks, Stacks, float]:
    """Return both sides times a power of two, by which squares neither overflow nor vanish."""
    channels = {len(each) for side in (left, right) for each in side}
    if len(channels) > 1:
        raise DataError(
            f"Time warping: expected series with the same channels, got some with {min(channels)} "
            f"and some with {max(channels)}; bring them to the same channels."
        )
    largest = max((float(np.abs(each).max()) for side in (left, right) for each in side), default=0)
    factor = math.ldexp(1.0, -math.frexp(largest)[1])
    return Stacks.of(left, factor), Stacks.of(right, factor), factor


def _squares(left: Stacks, right: Stacks, pairs: np.ndarray, band: float, run: Run) -> np.ndarray:
    """Return the squared distances of pairs."""
    parts = list(_parts(left, right, pairs, band))
    squares = np.empty(len(pairs))
    filled = run(lambda part: _filled(left, right, pairs[part], band), parts)
    for part, own in zip(parts, filled, strict=True):
        squares[part] = own
    return squares


def _parts(left: Stacks, right: Stacks, pairs: np.ndarray, band: float) -> Iterator[np.ndarray]:
    """Yield which pairs have their tables filled together: those of alike lengths."""
    one, other = pairs.T
    stacks = left.stack[one], right.stack[other]
    order = np.lexsort((right.lengths[other], left.lengths[one], *stacks))
    keys = np.column_stack(stacks)[order]
    changes = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
    for alike in np.split(order, changes) if len(order) else []:
        array = left.arrays[int(left.stack[one[alike[0]]])]
        longest = max(array.shape[2], int(right.lengths[other[alike]].max()))
        cells = min(array.shape[2], int(_band_steps(longest, band)) + 1) * array.shape[1]
        step = max(FEWEST, min(MOST, AT_ONCE // cells))
        yield from (alike[start : start + step] for start in range(0, len(alike), step))


def _filled(left: Stacks, right: Stacks, pairs: np.ndarray, band: float) -> np.ndarray:
    """Return the squared distances of pairs whose tables are filled together.

    Step ``i`` of one series meets step ``j`` of the other on diagonal ``i + j``; those of a
    diagonal lie under one another by ``i``, from row 1 on, and what is around them is infinite.
    """
    one, other = pairs.T
    n, m = left.lengths[one], right.lengths[other]
    rows = left.arrays[int(left.stack[one[0]])][left.place[one]][..., : n.max()]
    columns = right.arrays[int(right.stack[other[0]])][right.place[other]][..., m.max() - 1 :: -1]
    x, y = (np.ascontiguousarray(side.transpose(2, 1, 0)) for side in (rows, columns))
    longest = _band_steps(np.maximum(n, m), band)
    below, above = longest + np.maximum(m - n, 0), longest + np.maximum(n - m, 0)  # of i - j
    even = (n == n[0]).all() and (m == m[0]).all()
    ends = n + m - 2
    last, squares = set(ends.tolist()), np.empty(len(pairs))
    tables = [np.full((len(x) + 2, len(pairs)), np.inf, np.float32) for _ in range(3)]
    tables[1][0] = 0  # before the first diagonal
    apart = np.empty_like(x)
    for k in range(max(last) + 1):
        low = max(0, k - len(y) + 1, (k - int(below.max()) + 1) // 2)
        high = min(k, len(x) - 1, (k + int(above.max())) // 2) + 1
        here, before, twice = (tables[(k - back) % 3] for back in range(3))
        shift = len(y) - 1 - k
        some = apart[: high - low]
        np.subtract(x[low:high], y[low + shift : high + shift], out=some)
        np.multiply(some, some, out=some)
        cost = some[:, 0] if some.shape[1] == 1 else some.sum(axis=1)
        cells = here[low + 1 : high + 1]
        np.minimum(before[low:high], before[low + 1 : high + 1], out=cells)
        np.minimum(cells, twice[low:high], out=cells)
        cells += cost
        if not even:
            off = (2 * np.arange(low, high) - k)[:, None]
            cells[(off < -below) | (off > above)] = np.inf
        here[low], here[high + 1] = np.inf, np.inf
        if k in last:
            done = np.flatnonzero(ends == k)
            squares[done] = here[n[done], done]
    return squares
