"""Which items are copies of others, equal or nearly so, by arrays and texts alone.

A near-duplicate is an item that lies nearer to another than chance would ever put one of so many.
The yardstick of an item is its distance to the nearest of a random sample of all: unlike the
distance to its nearest neighbour, that does not shrink where every item has a copy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from nearspace.data.lots import mixed_bits

__all__ = [
    "components",
    "equal_rows",
    "near_limits",
    "near_rows",
    "near_texts",
    "normal_form",
    "numbers_scaled",
    "plain_form",
    "yardstick_ranks",
    "yardstick_sample",
]

EQUAL = 1e-6  # of a column's spread, below which float32 tells no difference
ROUNDED = 1e-12  # of a number, below which it is what rounding leaves of another
LOOKED_AT = 8  # next ones in an order in which copies stand beside each other
SAMPLE = 1000  # items that give the yardstick
RANK = 25  # of the nearest to it of them, that tells the yardstick: more than an item has copies
FALSE_ALARMS = 0.1  # expected by chance, of all items together
NEAREST = 0.3  # share of the yardstick, beyond which nothing is nearly the same
FEW = 0.5  # different values, as a share of the rows, below which a column repeats itself
DIMENSIONS = 32  # of the random projection by which near rows are searched
STRETCH = 1.5  # of distances by that projection: four standard deviations
ROUNDING = 1e-5  # of squares in float32
BLOCK, CHUNK = 500, 4096  # rows asked about, and others, whose scores are held at once

SHINGLE = 8  # characters of a run
FEWEST, MOST = 13, 1000  # runs of a text that is compared
TEXTS = 20_000  # whose characters are held at once
TABLE = 0x3FFFFF  # places in which runs are counted
MANY = 100  # texts, of fewer than which it is not told how rare a run is
BANDS, PER_BAND = 16, 4
AGREEING = 0.3  # share of a signature, below which a pair is not worth comparing
ALIKE = 0.5  # weighted share of runs that near-duplicates have in common
INVISIBLE = dict.fromkeys([0xAD, 0x200B, 0x2060, 0xFEFF])


def components(n: int, pairs: np.ndarray) -> np.ndarray:
    """Return for each of ``n`` items the number of those that pairs tie together, 0, 1, ….

    Examples
    --------
    >>> components(4, np.array([[0, 2]])).tolist()
    [0, 1, 0, 2]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(edges, directed=False)[1]


def numbers_scaled(numbers: np.ndarray) -> np.ndarray:
    """Return columns of numbers from their medians in units of their spread, outliers drawn in.

    A unit is the power mean, of exponent one half, of the distances from the median of those
    numbers that differ from it: neither an outlier, nor a column of nearly all zeros, nor copies
    that differ from zero by a trace decide. The inverse hyperbolic sine keeps small values and
    turns large ones into their logarithm: a difference in it is one relative to the number, or to
    the spread where that is larger. A missing number is the median.

    Examples
    --------
    >>> numbers_scaled(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))[:, 0].round(2)
    array([-0.88,  0.  ,  0.88], dtype=float32)
    """
    scaled = np.zeros(numbers.shape, dtype=np.float32)
    for column in range(numbers.shape[1]):
        values = np.asarray(numbers[:, column], dtype=np.float64)
        there = np.isfinite(values)
        if not there.any():
            continue
        centre = np.median(values[there])
        apart = np.abs(values[there] - centre)
        apart = apart[apart > ROUNDED * abs(centre)]
        if len(apart):
            scaled[there, column] = np.arcsinh(
                (values[there] - centre) / np.sqrt(apart).mean() ** 2
            )
    return scaled


def equal_rows(rows: np.ndarray) -> np.ndarray:
    """Return the number of each row, shape ``(n, d)``, where rows that hardly differ have one.

    Rows are those of `numbers_scaled`; they are equal where no number differs by more than a
    millionth, which is what is left when one of them was rounded to float32.

    Examples
    --------
    >>> equal_rows(np.array([[0.5, 1.0], [0.5, 1.0 + 1e-8], [0.5, 1.1]])).tolist()
    [0, 0, 1]
    """
    # Equal rows stand beside each other in the order of any direction.
    direction = np.random.default_rng(0).standard_normal(rows.shape[1])
    along = rows @ direction
    order = np.argsort(along, kind="stable")
    reach = EQUAL * np.abs(direction).sum()
    pairs = []
    for step in range(1, LOOKED_AT + 1):
        first, second = order[:-step], order[step:]
        close = along[second] - along[first] <= reach
        if not close.any():
            break
        first, second = first[close], second[close]
        equal = _apart(rows, first, second, np.inf) <= EQUAL
        pairs.append(np.stack([first[equal], second[equal]], axis=1))
    return components(len(rows), np.concatenate([*pairs, np.empty((0, 2), dtype=np.int64)]))


def near_rows(rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the pairs of rows that are near-duplicates, of which one is asked about.

    By chance the nearest of n points lies within a share r of the distance to the k-th nearest of
    s of them with a probability of k n / s r^m, where the data has m dimensions. Of these r is
    chosen so that hardly one false alarm is expected; m is told by how distances grow with the
    rank (Levina & Bickel, 2004). Rows that are equal in all columns of few values, as a table has
    them, are compared by the other columns alone, of which chance then brings two near each other.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Rows of one scale.
    asked : ndarray of shape (q,)
        Positions.

    Returns
    -------
    ndarray of shape (p, 2), int64
        Positions: of one asked about, and of another. Equal rows are among them.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(100, 8))
    >>> rows[7] = rows[3] + 0.001
    >>> near_rows(rows, np.arange(5)).tolist()
    [[3, 7]]
    """
    limits = _limits(rows, asked)
    pairs = _within(rows, asked, STRETCH * limits)
    place = np.full(len(rows), -1)
    place[asked] = np.arange(len(asked))
    limit = np.minimum(limits[place[pairs[:, 0]]], _limit_in_cells(rows, pairs))
    return pairs[_apart(rows, pairs[:, 0], pairs[:, 1], 2) <= limit]


def yardstick_sample(n: int) -> np.ndarray:
    """Return the positions of the items, of so many, to which the distances are yardsticks."""
    return np.sort(np.random.default_rng(0).permutation(n)[:SAMPLE])


def yardstick_ranks(sampled: int) -> tuple[int, int]:
    """Return of which ranks the neighbours are, among so many, that `near_limits` takes."""
    low = max(1, min(RANK, sampled // 2))
    return low, max(low, min(3 * low, sampled - 1))


def near_limits(near: np.ndarray, far: np.ndarray, n: int) -> np.ndarray:
    """Return how near each of ``n`` items has to have another that is its near-duplicate.

    Parameters
    ----------
    near, far : ndarray of shape (q,)
        The distances of an item to its neighbours of `yardstick_ranks` in the `yardstick_sample`.
    n : int
        How many items there are in all.
    """
    from scipy.special import digamma

    sampled = min(n, SAMPLE)
    low, high = yardstick_ranks(sampled)
    apart = near > 0
    if low == high or not apart.any():
        return np.zeros(len(near))
    grows = np.median(np.log(far[apart] / near[apart]))
    dimensions = (digamma(high) - digamma(low)) / max(grows, 1e-9)
    share = FALSE_ALARMS / (low * n * n / sampled)
    return near * min(NEAREST, share ** (1 / dimensions))


def _limits(rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return how near each row asked about has to have another that is its near-duplicate."""
    sample = yardstick_sample(len(rows))
    low, high = yardstick_ranks(len(sample))
    points = rows[sample].astype(np.float64)
    squares = np.einsum("ij,ij->i", points, points)
    near, far = np.zeros(len(asked)), np.zeros(len(asked))
    if high < len(sample):
        for start in range(0, len(asked), BLOCK):
            part = slice(start, start + BLOCK)
            queries = rows[asked[part]].astype(np.float64)
            apart = squares + np.einsum("ij,ij->i", queries, queries)[:, None]
            apart -= 2 * queries @ points.T
            apart[sample == asked[part, None]] = np.inf
            apart.partition((low - 1, high - 1), axis=1)
            near[part], far[part] = np.sqrt(np.maximum(apart[:, [low - 1, high - 1]], 0)).T
    return near_limits(near, far, len(rows))


def _limit_in_cells(rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return how near those of each pair have to be that are equal in all columns of few values."""
    limits = np.full(len(pairs), np.inf)
    some = rows[yardstick_sample(len(rows))]
    few = [len(np.unique(column)) < FEW * len(some) for column in some.T]
    together = (rows[pairs[:, 0]][:, few] == rows[pairs[:, 1]][:, few]).all(axis=1)
    if not any(few) or not together.any():
        return limits
    sizes = np.unique(rows[:, few], axis=0, return_counts=True)[1].astype(np.float64)
    share = FALSE_ALARMS / max((sizes * (sizes - 1)).sum() / 2, FALSE_ALARMS)
    dimensions = len(few) - sum(few)
    limits[together] = share ** (1 / dimensions) if dimensions else 0.0
    return limits


def _within(rows: np.ndarray, asked: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return pairs that, by a random projection, are no farther apart than a limit each."""
    projected = rows.astype(np.float32)
    if rows.shape[1] > DIMENSIONS:
        shape = (rows.shape[1], DIMENSIONS)
        random = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        projected = projected @ random / np.float32(np.sqrt(DIMENSIONS))
    squares = np.einsum("ij,ij->i", projected, projected)
    points = np.ascontiguousarray(np.concatenate([projected, -squares[:, None] / 2], axis=1).T)
    # What rounding to float32 may hide is looked at too.
    least = (squares[asked] * (1 - ROUNDING) - limits.astype(np.float32) ** 2) / 2
    queries = np.concatenate([projected[asked], np.ones((len(asked), 1), np.float32)], axis=1)
    pairs = [np.empty((0, 2), dtype=np.int64)]
    scores = np.empty((BLOCK, CHUNK), dtype=np.float32)
    for start in range(0, len(asked), BLOCK):
        part = slice(start, start + BLOCK)
        for first in range(0, len(rows), CHUNK):
            some = points[:, first : first + CHUNK]
            out = scores[: len(queries[part]), : some.shape[1]]
            close = np.matmul(queries[part], some, out=out) >= least[part, None]
            if close.any():
                at, other = np.divmod(np.flatnonzero(close), close.shape[1])
                pairs.append(np.stack([asked[part][at], first + other], axis=1))
    both = np.concatenate(pairs)
    return both[both[:, 0] != both[:, 1]]


def _apart(rows: np.ndarray, first: np.ndarray, second: np.ndarray, order: float) -> np.ndarray:
    """Return the distances between rows at some positions and those at others."""
    apart = np.empty(len(first))
    for start in range(0, len(first), BLOCK):
        part = slice(start, start + BLOCK)
        difference = rows[first[part]].astype(np.float64) - rows[second[part]]
        apart[part] = np.linalg.norm(difference, order, axis=1)
    return apart


def plain_form(text: str) -> str:
    r"""Return a text in one way to write its characters (NFKC), with single blanks.

    Examples
    --------
    >>> plain_form("Near\u00a0 MEANS\r\nalike ")
    'Near MEANS alike'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(INVISIBLE))
    return " ".join(text.split())


def normal_form(text: str) -> str:
    """Return a text without what is not heard: its `plain_form` in lower case."""
    return plain_form(plain_form(text).casefold())


def near_texts(texts: Sequence[str]) -> np.ndarray:
    """Return the pairs of texts that share most of their runs of eight characters.

    Runs count by how rare they are among the texts, so that a sentence that all begin with tells
    nothing. Candidates are found by MinHash (Broder, 1997), and then compared. Punctuation and
    case tell no difference; texts of less than twenty letters are compared with none.

    Parameters
    ----------
    texts : sequence of str
        In any form.

    Returns
    -------
    ndarray of shape (p, 2), int64
        Positions, the smaller first.

    Examples
    --------
    >>> near_texts(["Near means alike, far means other.", "near means alike; far means others",
    ...             "Something else is written here."]).tolist()
    [[0, 1]]
    """
    owners, runs = _runs(texts)
    starts = np.searchsorted(owners, np.arange(len(texts) + 1))
    long = np.flatnonzero(np.diff(starts) >= FEWEST)
    candidates = _candidates(runs, starts, long)
    frequencies = np.bincount(runs & TABLE)
    # Among few texts even a run that only two share would count for little.
    weights = np.log1p(max(len(texts), MANY) / frequencies[runs & TABLE])
    alike = np.empty(len(candidates))
    for index, (first, second) in enumerate(candidates.tolist()):
        left, right = slice(*starts[first : first + 2]), slice(*starts[second : second + 2])
        shared = np.isin(runs[left], runs[right], assume_unique=True)
        common = weights[left][shared].sum()
        alike[index] = common / (weights[left].sum() + weights[right].sum() - common)
    return candidates[alike >= ALIKE]


def _runs(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of the runs of characters in texts, each once a text, and whose they are.

    Of a text with more than a thousand runs those with the smallest hashes stand for it: they are
    the same in a text that is much the same.
    """
    owners, runs = [], []
    for start in range(0, len(texts), TEXTS):
        words = [re.sub(r"[\W_]+", " ", normal_form(text)) for text in texts[start : start + TEXTS]]
        lengths = np.array(list(map(len, words)))
        codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.uint32)
        if len(codes) < SHINGLE:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(codes, SHINGLE)
        hashes = np.zeros(len(windows), dtype=np.uint64)
        for place in range(SHINGLE):
            hashes = mixed_bits(hashes + windows[:, place])
        ends = np.cumsum(lengths)
        owner = np.repeat(np.arange(len(words)), lengths)[: len(windows)]
        inside = np.arange(len(windows)) + SHINGLE <= ends[owner]
        key = np.unique(owner[inside].astype(np.uint64) << 32 | hashes[inside] >> 32)
        owner = (key >> 32).astype(np.int64)
        first = np.searchsorted(owner, np.arange(len(words)))
        chosen = np.arange(len(owner)) - first[owner] < MOST
        owners.append(start + owner[chosen])
        runs.append((key[chosen] & 0xFFFFFFFF).astype(np.uint32))
    if not owners:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint32)
    return np.concatenate(owners), np.concatenate(runs)


def _candidates(runs: np.ndarray, starts: np.ndarray, long: np.ndarray) -> np.ndarray:
    """Return the pairs of long texts that agree in some band of their MinHash signatures."""
    if len(long) < 2:
        return np.empty((0, 2), dtype=np.int64)
    inside = np.concatenate([np.arange(*starts[[at, at + 1]]) for at in long])
    first = np.cumsum(np.diff(starts)[long]) - np.diff(starts)[long]
    hashes = runs[inside].astype(np.uint64)
    pairs = []
    signatures = np.empty((len(long), BANDS * PER_BAND), dtype=np.uint32)
    for band in range(BANDS):
        key = np.zeros(len(long), dtype=np.uint64)
        for place in range(band * PER_BAND, (band + 1) * PER_BAND):
            signatures[:, place] = np.minimum.reduceat(
                mixed_bits(hashes + (place << 33)) >> 32, first
            )
            key = mixed_bits(key + signatures[:, place])
        order = np.argsort(key, kind="stable")
        for step in range(1, min(LOOKED_AT, len(long) - 1) + 1):
            same = key[order[:-step]] == key[order[step:]]
            pairs.append(np.stack([order[:-step][same], order[step:][same]], axis=1))
    candidates = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    agree = np.zeros(len(candidates))
    for place in range(signatures.shape[1]):
        agree += signatures[candidates[:, 0], place] == signatures[candidates[:, 1], place]
    return long[candidates[agree >= AGREEING * signatures.shape[1]]]
