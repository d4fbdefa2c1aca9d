"""An index: approximate search by cells, for spaces too large to look at every vector; by faiss."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.errors import MissingExtra, NearspaceError
from nearspace.metrics.directions import has_direction, unit_vectors
from nearspace.metrics.exact import as_scores, rescored
from nearspace.metrics.retrieval import VectorArray, check_search
from nearspace.space.arrays import read_arrays, vector_checksums
from nearspace.space.search.exact import SPARE, WIDE, Exact, Hidden

__all__ = ["LARGEST_K", "RECALL", "Index", "Opened", "build_index", "part_name"]

ARRAYS = {"centroids": "f4", "cells": "i4", "checksums": "u4", "probes": "i8", "recall": "f8"}
RECALL = 0.95  # below it there is a warning
AIM = 0.96  # what the effort is chosen for, on other queries than the recall is measured on
JUDGED = 10  # neighbours by which the recall is measured
LARGEST_K = 100  # beyond it the search is exact: the effort was chosen for ten neighbours
QUERIES = 500  # to choose the effort by, and as many to measure the recall by
TRAINED_ON = 32  # vectors for each cell
ROUNDS = 8  # of k-means
MOST_PROBED = 4  # at most one cell in so many is searched: more takes as long as looking at all
STEP = 1 << 17  # vectors that are copied at once
LEAST = 1000  # vectors that an index needs


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
    """An inverted file (Sivic & Zisserman, 2003): which of many cells each vector lies in.

    It holds plain arrays and none of the vectors: what is read from a file is checked, and no
    content of it can do more than make a search slow or incomplete.

    Attributes
    ----------
    metric : str
        What it searches by.
    centroids : ndarray of shape (c, d), float32
        The middle of each cell, by k-means.
    cells : ndarray of shape (n,), int32
        The cell of each vector.
    checksums : ndarray of shape (n,), uint32
        Of each vector: one that has changed or come since belongs to another cell.
    probes : int
        How many cells are searched for a query.
    recall : float
        Share of the ten nearest that were found, over queries that stand for new items: they had no
        part in k-means or in the choice of `probes`, and were not among what may be found.
    """

    metric: str
    centroids: np.ndarray
    cells: np.ndarray
    checksums: np.ndarray
    probes: int
    recall: float

    def to_bytes(self) -> bytes:
        """Return the index as a safetensors file."""
        from safetensors.numpy import save

        return save({of: np.atleast_1d(getattr(self, of)).astype(ARRAYS[of]) for of in ARRAYS})

    @classmethod
    def from_bytes(cls, data: bytes, metric: str) -> Index:
        """Return the index that `to_bytes` wrote.

        Raises
        ------
        NearspaceError
            If it is none.
        """
        try:
            centroids, cells, checksums, probes, recall = read_arrays(data, ARRAYS)
        except ValueError:
            raise _unsound() from None
        count = len(centroids) if centroids.ndim == 2 and centroids.size else 0
        sound = (
            (np.abs(centroids) < WIDE[1]).all()
            and cells.ndim == 1
            and cells.shape == checksums.shape
            and ((cells >= 0) & (cells < count)).all()
            and probes.shape == recall.shape == (1,)
            and 1 <= probes[0] <= count
            and 0 <= recall[0] <= 1
        )
        if not sound:
            raise _unsound()
        return cls(metric, centroids, cells, checksums, int(probes[0]), float(recall[0]))


def _unsound() -> NearspaceError:
    """Return the error for what is no index, or none of these vectors."""
    return NearspaceError("The index is damaged, or of other vectors; build it anew.")


class Opened:
    """An index over the vectors of a space, ready for search.

    Parameters
    ----------
    index : Index
        Which may be older than the vectors, and these in another order: those that are new or
        changed get the cell that is theirs now, so that none is missing.
    vectors : ndarray of shape (n, d)
        The vectors, of which the library holds a copy in the order of the cells.
    """

    def __init__(self, index: Index, vectors: VectorArray):
        dim = index.centroids.shape[1]
        if sparse.issparse(vectors) or dim != vectors.shape[1]:
            raise _unsound()
        faiss, vectors = _faiss(), np.asarray(vectors)
        _check_lengths(vectors, index.metric)
        from faiss.contrib.ivf_tools import add_preassigned

        self.index, self.vectors = index, vectors
        product = index.metric != "euclidean"
        quantizer = faiss.IndexFlatIP(dim) if product else faiss.IndexFlatL2(dim)
        quantizer.add(index.centroids)
        kind = faiss.METRIC_INNER_PRODUCT if product else faiss.METRIC_L2
        self.lists = faiss.IndexIVFFlat(quantizer, dim, len(index.centroids), kind)
        self.lists.is_trained = True
        places = _places(index.checksums, vector_checksums(vectors))
        cells = np.empty(len(vectors), dtype=np.int64)
        cells[places >= 0] = index.cells[places[places >= 0]]
        changed = np.flatnonzero(places < 0)
        cells[changed] = _cells(index.centroids, vectors, changed, index.metric)
        if cells.min(initial=0) < 0:  # the library would leave them out
            raise _unsound()
        directed = _directed(vectors, index.metric)  # what is zero is nobody's neighbour
        for start in range(0, len(directed), STEP):
            rows = directed[start : start + STEP]
            points = _points(vectors[rows], index.metric)
            add_preassigned(self.lists, points, cells[rows], rows)
        self.changed = len(changed)

    def search(
        self, queries: np.ndarray, k: int, own: np.ndarray | None, probes: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions and scores, both ``(q, k)``, and for which queries they are too few."""
        points = _points(queries, self.index.metric)
        far = ~(np.linalg.norm(points.astype(np.float64), axis=1) < WIDE[1])
        points = np.where(far[:, None], np.float32(0), points)  # their scores would overflow
        effort = _faiss().SearchParametersIVF(nprobe=probes)  # of this search alone
        most = min(k + SPARE, len(self.vectors))
        positions = self.lists.search(points, most, params=effort)[1]
        alike = rescored(queries, self.vectors, positions.clip(0), self.index.metric)
        alike[positions < 0] = -np.inf  # there was nothing more in the cells
        if own is not None:
            alike[positions == own[:, None]] = -np.inf
        order = np.lexsort((positions, -alike))[:, :k]
        positions, alike = (np.take_along_axis(x, order, 1) for x in (positions, alike))
        short = np.asarray(far | np.isneginf(alike).any(axis=1))
        return positions, as_scores(alike, self.index.metric), short


def part_name(metric: str) -> str:
    """Return the name under which a file keeps the index for a metric."""
    return f"index.{metric}"


def build_index(
    vectors: np.ndarray | sparse.csr_array, metric: str, random_state: int = 0
) -> Index:
    """Return an index of vectors, with its recall as measured against exact search.

    A thousand items, drawn at random, stand for new ones: they have no part in k-means, and each is
    searched among all the others. By half of them it is chosen how many cells to search, as few
    as find 96 % of the ten nearest; by the other half the recall is measured.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
        Dense vectors, at least 1,000. It pays from about a million on.
    metric : {"cosine", "dot", "euclidean"}
        What to search by. By the cosine, what is zero cannot be found, and does not count.
    random_state : int, default=0
        Of the draw and of k-means.

    Returns
    -------
    Index
        ``dataclasses.replace(space, parts={**space.parts, part_name(metric): index.to_bytes()})``
        is the space that is searched by it.

    Raises
    ------
    NearspaceError
        If there are too few vectors, or they are sparse; `MissingExtra` without faiss.
    """
    check_search(metric)
    faiss = _faiss()
    directed = np.arange(vectors.shape[0])
    if not sparse.issparse(vectors):
        directed = _directed(np.asarray(vectors), metric)
    if sparse.issparse(vectors) or len(directed) < LEAST:
        got = "sparse ones" if sparse.issparse(vectors) else f"{len(directed):,}"
        raise NearspaceError(
            f"An index needs at least {LEAST:,} dense vectors, got {got}; exact search does "
            "without."
        )
    vectors = np.asarray(vectors)
    _check_lengths(vectors, metric)
    order = np.random.default_rng(random_state).permutation(directed)
    held = min(2 * QUERIES, len(order) // 5)
    queries, others = order[:held], order[held:]
    count = max(1, min(round(4 * len(vectors) ** 0.5), len(others) // TRAINED_ON))
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=ROUNDS, seed=random_state, spherical=metric == "cosine",
        min_points_per_centroid=1, max_points_per_centroid=TRAINED_ON,
    )  # fmt: skip
    means.train(_points(vectors[np.sort(others[: count * TRAINED_ON])], metric))
    cells = _cells(means.centroids, vectors, np.arange(len(vectors)), metric)
    index = Index(
        metric, means.centroids, cells.astype(np.int32), vector_checksums(vectors), 1, 0.0
    )
    opened, exact = Opened(index, vectors), Exact(vectors, metric)
    tuned, judged = queries[: held // 2], queries[held // 2 :]
    probes = _effort(opened, exact, tuned)
    recall = _recall(opened, judged, _worst(exact, judged), probes)
    return dataclasses.replace(index, probes=probes, recall=recall)


def _effort(opened: Opened, exact: Exact, queries: np.ndarray) -> int:
    """Return how few cells have to be searched for the recall aimed at."""
    worst = _worst(exact, queries)
    most = max(1, len(opened.index.centroids) // MOST_PROBED)
    low, high = 0, 1  # too few, and perhaps enough
    while high < most and _recall(opened, queries, worst, high) < AIM:
        low, high = high, min(2 * high, most)
    while high - low > max(1, high // 8):
        middle = (low + high) // 2
        if _recall(opened, queries, worst, middle) < AIM:
            low = middle
        else:
            high = middle
    return high


def _worst(exact: Exact, queries: np.ndarray) -> np.ndarray:
    """Return the score of the tenth nearest of each query, itself left out."""
    return exact.search(exact.vectors[queries], JUDGED, Hidden(own=queries))[1][:, -1:]


def _recall(opened: Opened, queries: np.ndarray, worst: np.ndarray, probes: int) -> float:
    """Return which share of what is found is as near as the true tenth, equals and all."""
    _, scores, _ = opened.search(opened.vectors[queries], JUDGED, queries, probes)
    near = scores <= worst if opened.index.metric == "euclidean" else scores >= worst
    return float(near.mean())


def _places(indexed: np.ndarray, checksums: np.ndarray) -> np.ndarray:
    """Return where each checksum stands among known ones, in its own place if it can; else -1."""
    places = np.full(len(checksums), -1)
    shared = min(len(indexed), len(checksums))
    if shared:
        order = np.argsort(indexed, kind="stable")
        nearest = np.searchsorted(indexed, checksums, sorter=order).clip(max=len(indexed) - 1)
        places = np.where(indexed[order[nearest]] == checksums, order[nearest], -1)
        own = np.flatnonzero(indexed[:shared] == checksums[:shared])
        places[own] = own  # two vectors may have one checksum
    return places


def _cells(
    centroids: np.ndarray, vectors: np.ndarray, positions: np.ndarray, metric: str
) -> np.ndarray:
    """Return the cell of each of some vectors: that with the nearest middle."""
    quantizer = _faiss().IndexFlatL2(centroids.shape[1])
    quantizer.add(centroids)
    cells = np.empty(len(positions), dtype=np.int64)
    for start in range(0, len(positions), STEP):
        part = positions[start : start + STEP]
        cells[start : start + STEP] = quantizer.assign(_points(vectors[part], metric), 1)[:, 0]
    return cells


def _check_lengths(vectors: np.ndarray, metric: str) -> None:
    """Raise `NearspaceError` if squares overflow or vanish in float32, in which faiss computes.

    In k-means it would end the process, or all vectors would be the same.
    """
    largest = max(float(vectors.max(initial=0)), -float(vectors.min(initial=0)))
    if metric != "cosine" and not largest * vectors.shape[1] ** 0.5 < WIDE[1]:
        raise NearspaceError(
            f"An index for {metric} needs vectors shorter than {WIDE[1]:g}; one holds {largest:g}."
        )
    if metric != "cosine" and 0 < largest < WIDE[0]:
        raise NearspaceError(
            f"An index for {metric} needs numbers of at least {WIDE[0]:g}; the largest is "
            f"{largest:g}: multiply them, or search without an index."
        )


def _directed(vectors: np.ndarray, metric: str) -> np.ndarray:
    """Return the positions of the vectors that can be found."""
    return np.flatnonzero(has_direction(vectors) | (metric != "cosine"))


def _points(vectors: np.ndarray, metric: str) -> np.ndarray:
    """Return vectors as the library takes them: float32, for the cosine of length 1."""
    if metric == "cosine":
        vectors = unit_vectors(vectors)
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise MissingExtra("An index", "ann") from None
    return faiss
