"""What stands out on a map: clusters with names, outliers, items that are nearly the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.metrics.retrieval import nearest, subsample
from nearspace.space.search.exact import rescored
from nearspace.space.space import Space

__all__ = ["Alike", "Cluster", "Landmarks", "Outlier", "classes", "landmarks", "numbers_of"]

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


@dataclasses.dataclass(frozen=True, eq=False)
class Landmarks:
    """What stands out on a map.

    Attributes
    ----------
    codes : ndarray of shape (n,), int64
        The number of each item's cluster, largest first; -1 for items in none.
    clusters : list of Cluster
        One a number.
    outliers : list of Outlier
        Items whose distance to the tenth neighbour is far above the typical, farthest first.
    alike : list of Alike
        Groups of items at less than a tenth of the typical distance to the nearest, nearest first.
    """

    codes: np.ndarray
    clusters: Sequence[Cluster] = ()
    outliers: Sequence[Outlier] = ()
    alike: Sequence[Alike] = ()


def landmarks(space: Space, places: np.ndarray, most: int = MOST_CLUSTERED) -> Landmarks:
    """Return the clusters of a map (HDBSCAN, Campello et al. 2013), and what is odd in a space.

    Clusters are found on the map, not in the original dimensions, where density says little: what
    looks like a crowd is one. Outliers and near-duplicates are found in the original dimensions,
    in which distances are what the encoder made them.

    Parameters
    ----------
    space : Space
        Vectors; and labels and texts, or ids, which give the clusters their names.
    places : ndarray of shape (n, 2)
        The map.
    most : int, default=20,000
        Of more items so many, drawn at random, are clustered; each other one goes with the nearest.

    Returns
    -------
    Landmarks
        Clusters, outliers and near-duplicates.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("digits").take(range(500)), "pca(dim=8)")
    >>> len(landmarks(space, space.vectors[:, :2]).codes)
    500
    """
    if space.labels is not None and len(classes(space.labels)[0]) < 2:
        space = dataclasses.replace(space, labels=None)  # one label for all tells none apart
    codes = _codes(places, most)
    sizes = np.bincount(codes[codes >= 0])
    numbered = space.labels is None or numbers_of(space.labels) is not None
    members = _members(codes, len(sizes))
    labels = _commonest(members, None if numbered else space.labels)
    words = _words(members, *_texts(space))
    named = zip(sizes.tolist(), labels, words, strict=True)
    crowds = [Cluster(size, of, by) for size, of, by in named]
    if len(space) < 3:
        return Landmarks(codes, crowds)
    indices, distances = _neighbours(space.vectors)
    return Landmarks(codes, crowds, _outliers(distances[:, -1]), _alike(indices, distances))


def _codes(places: np.ndarray, most: int) -> np.ndarray:
    from scipy.spatial import KDTree
    from sklearn.cluster import HDBSCAN

    n = len(places)
    if n < 2 * SMALLEST or not np.ptp(places):
        return np.full(n, -1)
    chosen = subsample(n, most, 0)
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


def _members(codes: np.ndarray, count: int) -> Any:
    """Return which items have each of some codes, shape ``(count, n)``, sparse."""
    inside = np.flatnonzero(codes >= 0)
    entries = (np.ones(len(inside)), (codes[inside], inside))
    return sparse.csr_array(entries, shape=(count, len(codes)))


def _commonest(members: Any, labels: np.ndarray | None) -> list[tuple[tuple[str, float], ...]]:
    """Return the commonest labels of each cluster with their shares."""
    if labels is None:
        return [()] * members.shape[0]
    names, of = classes(labels)
    shares = []
    for row in (members @ _members(of, len(names)).T).toarray() / members.sum(axis=1)[:, None]:
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


def _words(members: Any, texts: Sequence[str] | None, common: float) -> list[tuple[str, ...]]:
    """Return the words whose share in a cluster is largest for how common they are (c-TF-IDF)."""
    from sklearn.feature_extraction.text import CountVectorizer

    count = members.shape[0]
    if texts is None or not count:
        return [()] * count
    pattern = r"(?u)\b[^\W\d_]{3,}\b"
    counter = CountVectorizer(stop_words="english", token_pattern=pattern, min_df=2, max_df=common)
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no word stands in two texts, or all in most
        return [()] * count
    often = (members @ counts).toarray()
    share = often / np.maximum(often.sum(axis=1, keepdims=True), 1)
    score = share * np.log1p(often.sum() / count / np.maximum(often.sum(axis=0), 1))
    names = counter.get_feature_names_out()
    best = np.argsort(-score, axis=1, kind="stable")[:, :WORDS]
    return [tuple(str(names[i]) for i in row if score[at, i] > 0) for at, row in enumerate(best)]


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
