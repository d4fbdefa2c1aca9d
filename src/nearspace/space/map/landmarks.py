"""What stands out on a map: clusters with names, outliers, items that are nearly the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.data.duplicates import near_limits, yardstick_ranks, yardstick_sample
from nearspace.metrics.directions import euclidean_form, has_direction
from nearspace.metrics.retrieval import nearest, subsample
from nearspace.space.map.keywords import keywords
from nearspace.space.space import Space

__all__ = [
    "MOST_NAMED",
    "READ",
    "Alike",
    "Cluster",
    "Landmarks",
    "Outlier",
    "classes",
    "landmarks",
    "numbers_of",
]

K = 10
MOST_CLUSTERED = 20_000  # items that HDBSCAN is given: its time grows with their square
SMALLEST = 8  # items of a cluster; more where there are many: the square root of their number
DENSITY = 5  # neighbours by which density is told
FAR = 3.0  # robust standard deviations of the logarithm of distances, beyond which one stands out
BORDER = 3  # pairs just beyond the limit that are shown
MOST = 0.6  # of a cluster's items, which the labels in its name have together
NAMED = 3  # labels in a name
MOST_NAMED = 40  # classes in a legend
WORDS = 3
READ = 5000  # characters of a text, which tell what it is about


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
        The words by which its texts differ most from the others, see `keywords`; those of the ids,
        which may be names of files, where items have neither texts nor labels.
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
        Groups of items that are nearer to each other than chance would put any of so many, nearest
        first: see `near_limits`.
    nearly : list of Alike
        The pairs just beyond the limit, nearest to it first: whether it is drawn well.
    """

    codes: np.ndarray
    clusters: Sequence[Cluster] = ()
    outliers: Sequence[Outlier] = ()
    alike: Sequence[Alike] = ()
    nearly: Sequence[Alike] = ()


def landmarks(
    space: Space, places: np.ndarray, most: int = MOST_CLUSTERED, metric: str | None = None
) -> Landmarks:
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
    metric : {"cosine", "euclidean"}, optional
        By what vectors are near; by default the space's own. By the cosine, items that are zero
        vectors stand out as nothing: they are in no cluster, no outliers and no duplicates.

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
    metric = metric or space.recipe.metric
    directed = np.flatnonzero(has_direction(space.vectors) | (metric != "cosine"))
    codes = np.full(len(space), -1)
    codes[directed] = _codes(places[directed], most)
    sizes = np.bincount(codes[codes >= 0])
    numbered = space.labels is None or numbers_of(space.labels) is not None
    members = _members(codes, len(sizes))
    labels = _commonest(members, None if numbered else space.labels)
    words = _words(codes, len(sizes), _texts(space))
    named = zip(sizes.tolist(), labels, words, strict=True)
    crowds = [Cluster(size, of, by) for size, of, by in named]
    if len(directed) < 3:
        return Landmarks(codes, crowds)
    vectors = euclidean_form(space.vectors[directed], metric)
    indices, distances = nearest(vectors, vectors, K, exclude_self=True)
    outliers = [
        dataclasses.replace(of, position=int(directed[of.position]))
        for of in _outliers(distances[:, -1])
    ]
    alike, nearly = (
        [
            dataclasses.replace(of, positions=tuple(directed[list(of.positions)].tolist()))
            for of in some
        ]
        for some in _alike(indices, distances, _near_limits(vectors))
    )
    return Landmarks(codes, crowds, outliers, alike, nearly)


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

    Whole numbers are classes, as `load` takes them, but for those that are more than a legend names
    and have gaps, as amounts have and numbers of classes have not.

    Examples
    --------
    >>> numbers_of(np.array([0.5, None, 2], dtype=object)).tolist()
    [0.5, nan, 2.0]
    >>> numbers_of(np.arange(100)) is None, numbers_of(50 * np.arange(100)).max()
    (True, np.float64(4950.0))
    """
    values = [np.nan if value is None else value for value in labels.tolist()]
    if not all(isinstance(value, int | float) for value in values):
        return None
    numbers = np.array(values, dtype=np.float64)
    there = numbers[np.isfinite(numbers)]
    if (there != np.trunc(there)).any():
        return numbers
    different = np.unique(there)
    gaps = len(different) and different[-1] - different[0] >= len(different)
    return numbers if gaps and len(different) > MOST_NAMED else None


def _texts(space: Space) -> list[str] | None:
    """Return what names clusters: texts, or else what the names of files say."""
    if space.meta is not None and "text" in space.meta.column_names:
        return [str(text or "")[:READ] for text in space.meta["text"].to_pylist()]
    if space.labels is not None or not len(space) or not isinstance(space.ids.tolist()[0], str):
        return None
    return [PurePosixPath(name).stem.replace("_", " ") for name in space.ids.tolist()]


def _words(codes: np.ndarray, count: int, texts: list[str] | None) -> list[tuple[str, ...]]:
    """Return the words that tell each cluster from all other items."""
    if texts is None:
        return [()] * count
    told = keywords(texts, [None if code < 0 else code for code in codes.tolist()], WORDS)
    return [tuple(word for word, _ in told.get(code, [])) for code in range(count)]


def _near_limits(vectors: Any) -> np.ndarray:
    """Return how near each item has to have another for the two to be nearly the same."""
    n = vectors.shape[0]
    sample = yardstick_sample(n)
    low, high = yardstick_ranks(len(sample))
    apart = nearest(vectors, vectors[sample], high + 1)[1].astype(np.float64)
    # Those of the sample are their own nearest there.
    own = np.isin(np.arange(n), sample).astype(np.int64)
    near, far = (
        apart[np.arange(n), (rank - 1 + own).clip(max=apart.shape[1] - 1)] for rank in (low, high)
    )
    return near_limits(near, far, n)


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


def _alike(
    indices: np.ndarray, distances: np.ndarray, limits: np.ndarray
) -> tuple[list[Alike], list[Alike]]:
    """Return the groups of items within their limits, and the pairs just beyond."""
    n, inside = len(indices), distances <= limits[:, None]
    beyond = np.divide(
        distances, limits[:, None], out=np.full(distances.shape, np.inf), where=limits[:, None] > 0
    )
    beyond[inside] = np.inf
    nearly: dict[tuple[int, ...], float] = {}
    for at in np.argsort(beyond, axis=None)[: 2 * BORDER].tolist():
        row, column = divmod(at, distances.shape[1])
        if beyond[row, column] < np.inf:
            pair = tuple(sorted((row, int(indices[row, column]))))
            nearly.setdefault(pair, float(distances[row, column]))
    left, column = np.nonzero(inside)
    right, apart = indices[left, column], distances[left, column]
    graph = sparse.csr_array((np.ones(len(left)), (left, right)), shape=(n, n))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    farthest = np.zeros(len(members))
    np.maximum.at(farthest, group[left], apart)
    codes = np.unique(group[left]).tolist()
    groups = [Alike(tuple(members[code].tolist()), float(farthest[code])) for code in codes]
    groups.sort(key=lambda alike: (alike.distance, -len(alike.positions)))
    pairs = [
        Alike(pair, distance)
        for pair, distance in nearly.items()
        if group[pair[0]] != group[pair[1]]
    ]
    return groups, pairs[:BORDER]
