"""What stands out on a map: clusters with names, outliers, items that are nearly the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from nearspace.metrics.retrieval import nearest
from nearspace.space.search.scores import rescored

if TYPE_CHECKING:
    from nearspace.space.space import Space

__all__ = [
    "Alike",
    "Cluster",
    "Outlier",
    "classes",
    "clusters",
    "numbers_of",
    "outliers_and_duplicates",
]

K = 10
MOST_CLUSTERED = 20_000  # items that HDBSCAN is given: its time grows with their square
SMALLEST = 8  # items of a cluster; more where there are many: the square root of their number
DENSITY = 5  # neighbours by which density is told
FAR = 3.0  # robust standard deviations of the logarithm of distances, beyond which one stands out
NEAR = 0.1  # share of the typical distance to the nearest
FARTHEST = 1e6  # typical lengths, beyond which float32 would lose the others
MOST = 0.6  # of a cluster's items, which the labels in its name have together
NAMED = 3  # labels in a name
WORDS = 3
COMMON = 0.5  # share of the names of files beyond which a word tells nothing, as "IMG" does


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A crowd on the map.

    Attributes
    ----------
    size : int
        How many items it holds.
    labels : tuple of (str, float)
        The commonest labels with their shares, so many that they are most of its items but three
        at most; empty where items have none.
    words : tuple of str
        The words by which its texts differ most from the others; those of the ids, which may be
        names of files, where items have neither texts nor labels.
    """

    size: int
    labels: tuple[tuple[str, float], ...] = ()
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The words, and the labels with their shares; "" where nothing is known."""
        labels = ", ".join(f"{label} ({100 * share:.0f} %)" for label, share in self.labels)
        return " · ".join(part for part in (", ".join(self.words), labels) if part)

    @property
    def title(self) -> str:
        """The words, or else the labels: what there is room for on a map."""
        return ", ".join(self.words or (label for label, _ in self.labels))


@dataclasses.dataclass(frozen=True)
class Outlier:
    """An item far from all others: its position, and how many times as far as is typical."""

    position: int
    times: float


@dataclasses.dataclass(frozen=True)
class Alike:
    """Items whose vectors are equal (distance 0) or nearly so, by position."""

    positions: tuple[int, ...]
    distance: float


def clusters(
    space: Space, places: np.ndarray, most: int = MOST_CLUSTERED
) -> tuple[np.ndarray, list[Cluster]]:
    """Return the clusters of a map (HDBSCAN, Campello et al. 2013) and each item's among them.

    They are found on the map, not in the original dimensions, where density says little: what
    looks like a crowd is one.

    Parameters
    ----------
    space : Space
        Labels and texts, or ids, which give the names.
    places : ndarray of shape (n, 2)
        The map.
    most : int, default=20,000
        Of more items so many, drawn at random, are clustered; each other one goes with the nearest.

    Returns
    -------
    codes : ndarray of shape (n,), int64
        The number of each item's cluster, largest first; -1 for items in none.
    found : list of Cluster
        One a number.
    """
    codes = _codes(places, most)
    sizes = np.bincount(codes[codes >= 0])
    numbered = space.labels is None or numbers_of(space.labels) is not None
    labels = _commonest(codes, None if numbered else space.labels, len(sizes))
    words = _words(codes, *_texts(space), len(sizes))
    named = zip(sizes.tolist(), labels, words, strict=True)
    return codes, [Cluster(size, of, by) for size, of, by in named]


def _codes(places: np.ndarray, most: int) -> np.ndarray:
    from scipy.spatial import KDTree
    from sklearn.cluster import HDBSCAN

    n = len(places)
    if n < 2 * SMALLEST or not np.ptp(places):
        return np.full(n, -1)
    chosen = np.arange(n)
    if n > most:
        chosen = np.sort(np.random.default_rng(0).choice(n, most, replace=False))
    smallest = max(SMALLEST, math.isqrt(len(chosen)))
    method = HDBSCAN(min_cluster_size=smallest, min_samples=DENSITY, copy=True)
    codes = method.fit_predict(places[chosen])
    if n > most:  # the others go with the nearest of those
        codes = codes[KDTree(places[chosen]).query(places)[1]]
    sizes = np.bincount(codes[codes >= 0])
    rank = np.empty(len(sizes) + 1, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    rank[-1] = -1
    return rank[codes]


def _commonest(
    codes: np.ndarray, labels: np.ndarray | None, count: int
) -> list[tuple[tuple[str, float], ...]]:
    if labels is None:
        return [()] * count
    names, of = classes(labels)
    counted = (codes >= 0) & (of >= 0)
    table = np.zeros((count, len(names)), dtype=np.int64)
    np.add.at(table, (codes[counted], of[counted]), 1)
    shares = []
    for row in table / np.bincount(codes[codes >= 0], minlength=count)[:, None]:
        order = np.argsort(-row, kind="stable")[:NAMED]
        needed = 1 + int(np.searchsorted(row[order].cumsum(), MOST))
        shares.append(tuple((str(names[i]), float(row[i])) for i in order[:needed] if row[i] > 0))
    return shares


def classes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that there are as text, sorted, and which each item has: -1 for none.

    Examples
    --------
    >>> names, codes = classes(np.array(["dog", None, "cat"], dtype=object))
    >>> names.tolist(), codes.tolist()
    (['cat', 'dog'], [1, -1, 0])
    """
    values = labels.tolist()
    there = np.array([value is not None and value == value for value in values], dtype=bool)
    texts = np.array([str(value) for value in values], dtype=object)
    codes = np.full(len(labels), -1)
    names, codes[there] = np.unique(texts[there], return_inverse=True)
    return names, codes


def numbers_of(labels: np.ndarray) -> np.ndarray | None:
    """Return labels as numbers on a scale, NaN where one is missing; None where they are classes.

    Whole numbers are classes, as `load` takes them.

    Examples
    --------
    >>> numbers_of(np.array([0.5, None, 2], dtype=object)).tolist()
    [0.5, nan, 2.0]
    """
    values = [np.nan if value is None else value for value in labels.tolist()]
    if not all(isinstance(value, int | float) for value in values):
        return None
    numbers = np.array(values, dtype=np.float64)
    there = numbers[np.isfinite(numbers)]
    return numbers if (there != np.trunc(there)).any() else None


def _texts(space: Space) -> tuple[Sequence[str] | None, float]:
    """Return what names clusters, and the share of items beyond which a word says nothing."""
    if space.meta is not None and "text" in space.meta.column_names:
        return ["" if t is None else str(t) for t in space.meta["text"].to_pylist()], 1.0
    if space.labels is not None or not len(space) or not isinstance(space.ids.tolist()[0], str):
        return None, 1.0
    return [PurePosixPath(name).stem.replace("_", " ") for name in space.ids.tolist()], COMMON


def _words(
    codes: np.ndarray, texts: Sequence[str] | None, common: float, count: int
) -> list[tuple[str, ...]]:
    """Return the words whose share in a cluster is largest for how common they are (c-TF-IDF)."""
    from sklearn.feature_extraction.text import CountVectorizer

    if texts is None or not count:
        return [()] * count
    pattern = r"(?u)\b[^\W\d_]{3,}\b"
    counter = CountVectorizer(stop_words="english", token_pattern=pattern, min_df=2, max_df=common)
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no word stands in two texts, or all in most
        return [()] * count
    member = sparse.csr_array(
        (np.ones((codes >= 0).sum()), (codes[codes >= 0], np.flatnonzero(codes >= 0))),
        shape=(count, len(texts)),
    )
    often = (member @ counts).toarray()
    share = often / np.maximum(often.sum(axis=1, keepdims=True), 1)
    score = share * np.log1p(often.sum() / count / np.maximum(often.sum(axis=0), 1))
    names = counter.get_feature_names_out()
    best = np.argsort(-score, axis=1, kind="stable")[:, :WORDS]
    return [tuple(str(names[i]) for i in row if score[at, i] > 0) for at, row in enumerate(best)]


def outliers_and_duplicates(
    vectors: np.ndarray | sparse.csr_array,
) -> tuple[list[Outlier], list[Alike]]:
    """Return items far from all others, and groups of nearly equal ones, by their vectors.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        In the original dimensions, in which distances are what the encoder made them.

    Returns
    -------
    outliers : list of Outlier
        Items whose distance to the tenth neighbour is far above the typical, farthest first.
    alike : list of Alike
        Groups of items at less than a tenth of the typical distance to the nearest, nearest first.
    """
    if vectors.shape[0] < 3:
        return [], []
    indices, distances = _neighbours(vectors)
    return _outliers(distances[:, -1]), _alike(indices, distances)


def _neighbours(vectors: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest others and their distances in float64, at whatever scale."""
    if sparse.issparse(vectors):
        largest = np.abs(vectors.data).max(initial=0.0) or 1.0
        scaled = (vectors / largest).astype(np.float32)
        indices, distances = nearest(scaled, scaled, K, exclude_self=True)
        return indices, distances * float(largest)
    lengths = np.abs(vectors).max(axis=1, initial=0.0)
    typical = np.median(lengths[lengths > 0]) if lengths.any() else np.float32(1)
    with np.errstate(over="ignore"):
        scaled = (vectors / typical).clip(-FARTHEST, FARTHEST)
    indices, _ = nearest(scaled, scaled, K, exclude_self=True)
    distances = -rescored(vectors, vectors, indices, "euclidean")
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1)


def _outliers(distances: np.ndarray) -> list[Outlier]:
    positive = distances > 0
    if not positive.any():
        return []
    logs = np.log(distances[positive])
    middle = np.median(logs)
    spread = (np.quantile(logs, 0.75) - middle) / 0.6745  # of the upper half, the side asked about
    limit = np.exp(middle + FAR * max(spread, 0.05))
    far = np.flatnonzero(distances > limit)
    far = far[np.argsort(-distances[far], kind="stable")]
    return [Outlier(int(i), float(distances[i] / np.exp(middle))) for i in far]


def _alike(indices: np.ndarray, distances: np.ndarray) -> list[Alike]:
    typical = distances[distances[:, 0] > 0, 0]  # most of the items may have equals
    limit = NEAR * np.median(typical) if len(typical) else 0.0
    left, column = np.nonzero(distances <= limit)
    if not len(left):
        return []
    n, right, apart = len(indices), indices[left, column], distances[left, column]
    graph = sparse.csr_array((np.ones(len(left)), (left, right)), shape=(n, n))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    farthest = np.zeros(len(members))
    np.maximum.at(farthest, group[left], apart)
    codes = np.unique(group[left]).tolist()
    groups = [Alike(tuple(members[code].tolist()), float(farthest[code])) for code in codes]
    return sorted(groups, key=lambda alike: (alike.distance, -len(alike.positions)))
