"""Maps: places of vectors on a plane, kept while items are added, with how far to trust them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.metrics.directions import euclidean_form, has_direction
from nearspace.metrics.geometry import neighbour_ranks, trustworthiness
from nearspace.notebook import card, evenly, places_drawn, shortened
from nearspace.recipe import check_metric
from nearspace.space.arrays import plain_array, read_arrays, vector_checksums
from nearspace.space.map.tsne import CORNER, FEWEST, tsne, tsne_facts
from nearspace.space.search.exact import Exact
from nearspace.space.space import Space, as_space

__all__ = ["K", "Map", "Placer", "layout", "parse_map"]

K = 10  # neighbours by which a map is judged
QUERIES = 2000
POINTS = 2000  # that a notebook shows
ARRAYS = {"ids": "u1", "checksums": "u4", "places": "f4", "laid_out": "u1"}
FACTS = ("made_by", "trustworthiness", "preservation", "queries")
TOLD = ("library", "version", "metric")  # of what made a map
NEIGHBOURS = 15  # by which a new point is placed
SHARPNESS = 8
STEPS = 60  # of Weiszfeld's iteration; all points take the same number, so that none sees another
EDGE = 1.001  # beyond which no place lies, rounding included


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Map:
    """Places of the items of a space on a plane.

    Near places mean near vectors; distances between far clusters, and the axes, mean nothing.

    Attributes
    ----------
    ids : ndarray of shape (n,)
        The items.
    checksums : ndarray of shape (n,), uint32
        Of the vectors that were placed, as `vector_checksums` computes them.
    places : ndarray of shape (n, 2), float32
        Where they stand; what was laid out is centred, within [-1, 1].
    laid_out : ndarray of shape (n,), bool
        Whether an item was there when the map was made, or was placed among the others since.
    made_by : dict
        ``library``, ``version``, ``metric`` and the parameters.
    trustworthiness, preservation : float
        Whether the `K` nearest on the map are near in the original dimensions, and which share of
        them are the `K` nearest there: means over `queries` items, each against all others. Items
        without direction, by the cosine, have no part.
    queries : int
        How many items were asked about.
    """

    ids: np.ndarray
    checksums: np.ndarray
    places: np.ndarray
    laid_out: np.ndarray
    made_by: dict[str, Any]
    trustworthiness: float
    preservation: float
    queries: int

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        """Return how many items are on the map, and how far to trust it, on one line."""
        return f"Map({', '.join(self._facts())})"

    def _repr_html_(self) -> str:
        rows = evenly(len(self), POINTS)
        values = None
        if not self.laid_out.all():
            values = np.where(self.laid_out[rows], "laid out", "placed since")
        told = f"{len(rows):,} of {len(self):,} items" if len(rows) < len(self) else ""
        facts = self._facts()
        made_by = f"laid out by {self.made_by.get('library', 'another tool')}"
        if math.isfinite(self.preservation):
            facts.append(f"{100 * self.preservation:.0f} % of the {K} nearest preserved")
        return card(
            "Map", facts[0], [*facts[1:], made_by], [places_drawn(self.places[rows], values, told)]
        )

    def _facts(self) -> list[str]:
        facts = [f"{len(self):,} items", f"near by {shortened(self.made_by['metric'], 20)}"]
        if math.isfinite(self.trustworthiness):
            facts.append(f"trustworthiness {self.trustworthiness:.3f}")
        placed = len(self) - int(self.laid_out.sum())
        return [*facts, f"{placed:,} placed since"] if placed else facts

    def to_bytes(self) -> bytes:
        """Return the map as safetensors, for the part ``map`` of a space."""
        from safetensors.numpy import save

        facts = {name: getattr(self, name) for name in FACTS}
        ids = json.dumps(self.ids.tolist(), ensure_ascii=False).encode()
        fields = {**vars(self), "ids": np.frombuffer(ids, dtype=np.uint8)}
        arrays = {name: fields[name].astype(dtype) for name, dtype in ARRAYS.items()}
        return save(arrays, metadata={"map": json.dumps(facts)})


def parse_map(data: bytes) -> Map:
    """Return the map that `Map.to_bytes` wrote.

    Raises
    ------
    NearspaceError
        If it is something else.
    """
    broken = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
    try:
        ids, checksums, places, laid_out = read_arrays(data, ARRAYS)
        size = int.from_bytes(data[:8], "little")
        facts = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["map"])
        parsed = Map(
            _ids(json.loads(ids.tobytes())),
            checksums,
            places,
            laid_out.astype(bool),
            {**facts["made_by"], **{name: str(facts["made_by"][name]) for name in TOLD}},
            float(facts["trustworthiness"]),
            float(facts["preservation"]),
            int(facts["queries"]),
        )
    except broken as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise NearspaceError(f"The map kept with the space cannot be read ({reason}).") from error
    n = len(parsed.ids)
    if (places.shape, checksums.shape, laid_out.shape) != ((n, 2), (n,), (n,)):
        raise NearspaceError("The map kept with the space is not one place for each of its items.")
    if parsed.made_by["metric"] not in ("cosine", "euclidean"):
        raise NearspaceError("The map kept with the space does not say by what metric it is.")
    if not (np.abs(places) <= EDGE).all():
        raise NearspaceError("The map kept with the space has a place that is not on it.")
    return parsed


def _ids(names: Any) -> np.ndarray:
    """Return ids as an array; raise TypeError where they are not all text or all whole numbers."""
    types = {type(name) for name in names} if isinstance(names, list) else {None}
    if not (types <= {str} or types <= {int}):
        raise TypeError("its ids are neither all text nor all whole numbers")
    return plain_array(names)


def layout(
    space: Space,
    again: bool = False,
    random_state: int = 0,
    progress: Callable[[float], object] | None = None,
    metric: str | None = None,
) -> Map:
    """Return the map of a space.

    Where the space keeps a map already, items that are on it keep their place, and those that are
    new or have changed are placed among them; so an item's place is the same whether it was added
    alone or with thousands. Where fewer than eight were laid out, or all at one point, there is
    nothing to place others among, and all are laid out anew.

    Parameters
    ----------
    space : Space, or vectors that `load` reads
        Dense or sparse, up to about 100,000.
    again : bool, default=False
        Lay all items out anew, whatever map there is.
    random_state : int, default=0
        Of the layout.
    progress : callable, optional
        Called now and then with the share of the layout that is done.
    metric : {"cosine", "euclidean"}, optional
        By what vectors are near; by default that of the map that is kept, or else the space's own.
        Where the map that is kept goes by another one, all items are laid out anew.

    Returns
    -------
    Map
        One place an item, in the order of the space. By the cosine, items that are zero vectors
        stand in a corner.

    Raises
    ------
    NearspaceError
        If there is no such metric, or it is the inner product, which is no distance.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> found = layout(embed(load("wine"), "pca(dim=3)"))
    >>> found.places.shape, round(found.trustworthiness, 1)
    ((178, 2), 1.0)
    """
    space = as_space(space, "layout")
    n, checksums = len(space), vector_checksums(space.vectors)
    earlier = None if again or "map" not in space.parts else parse_map(space.parts["map"])
    metric = metric or (space.recipe.metric if earlier is None else earlier.made_by["metric"])
    check_metric(metric)
    directed = has_direction(space.vectors) | (metric != "cosine")
    if earlier is not None and earlier.made_by["metric"] != metric:
        earlier = None
    if earlier is not None:
        rows, laid_out = _rows(earlier, space, checksums)
        if np.array_equal(rows, np.arange(len(earlier))):
            return earlier
        known = laid_out & directed
        placed = earlier.places[rows[known]]
        if len(placed) < FEWEST or not np.ptp(placed, axis=0).any():
            earlier = None
    if earlier is None:
        places = tsne(space.vectors, metric, random_state, progress)
        laid_out, made_by = np.ones(n, dtype=bool), tsne_facts(n, metric, random_state)
    else:
        places, new, made_by = earlier.places[rows], rows < 0, earlier.made_by
        places[new & ~directed] = CORNER
        new &= directed
        if new.any():  # by those that were laid out alone: the order of additions does not matter
            placer = Placer(euclidean_form(space.vectors[known], metric), placed)
            places[new] = placer.place(euclidean_form(space.vectors[new], metric))
    compared, count = euclidean_form(space.vectors[directed], metric), int(directed.sum())
    ranks = neighbour_ranks(compared, places[directed], K, QUERIES)
    return Map(
        space.ids,
        checksums,
        places,
        laid_out,
        made_by,
        trustworthiness(ranks, count),
        float((ranks <= K).mean()) if count > K + 1 else float("nan"),
        len(ranks),
    )


def _rows(earlier: Map, space: Space, checksums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each item's row on a map, -1 where it is new or has changed, and who is laid out."""
    there = {name: row for row, name in enumerate(earlier.ids.tolist())}
    rows = np.array([there.get(name, -1) for name in space.ids.tolist()], dtype=np.int64)
    same = np.append(earlier.checksums, np.uint32(0))[rows] == checksums  # the last is for -1
    rows = np.where(same, rows, -1)
    return rows, (rows >= 0) & np.append(earlier.laid_out, False)[rows]


class Placer:
    """Places of new points, by the places of the known ones whose vectors are nearest.

    A point stands at the weighted geometric median of its neighbours' places. Where neighbours lie
    in two clusters, that is in the heavier one, while their mean is in the void between. A weight
    falls to zero at the first neighbour that is left out, so that noise in the order of neighbours
    moves nothing, and grows without bound towards distance zero, so that a known vector finds its
    own place. Neighbours and distances are those of float64, whatever else is asked for at once.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        The known vectors.
    places : ndarray of shape (n, 2)
        Where they stand.

    Examples
    --------
    >>> placer = Placer(np.eye(20, dtype=np.float32), np.arange(40.0).reshape(20, 2))
    >>> placer.place(np.eye(20, dtype=np.float32)[[3]]).round(3).tolist()
    [[6.0, 7.0]]
    """

    def __init__(self, vectors: np.ndarray | sparse.csr_array, places: np.ndarray):
        self.places = np.asarray(places, dtype=np.float64)
        self.neighbours = Exact(vectors, "euclidean")

    def place(self, vectors: np.ndarray | sparse.csr_array) -> np.ndarray:
        """Return the places of new vectors, shape ``(m, 2)``, float32.

        Parameters
        ----------
        vectors : ndarray or csr_array of shape (m, d)
            One alone gets the place that it gets among others.
        """
        n = len(self.places)
        indices, distances = self.neighbours.search(vectors, min(NEIGHBOURS + 1, n))
        return _median(self.places[indices], _weights(distances**2)).astype(np.float32)


def _weights(squares: np.ndarray) -> np.ndarray:
    """Return the weights of neighbours, nearest first; squares has shape ``(m, k + 1)``."""
    farthest = np.maximum(squares[:, -1:], np.finfo(np.float64).tiny)
    share = squares / farthest
    # The last term counts only where all are equally far: then all count alike.
    return (1 - share) ** SHARPNESS / (share + 1e-12) + 1e-9


def _median(places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted geometric median of places ``(m, k, 2)`` (Weiszfeld, 1937)."""
    x, y = places[..., 0], places[..., 1]
    extent = np.maximum(np.ptp(x, axis=1), np.ptp(y, axis=1))[:, None]
    soft = np.maximum(1e-4 * extent, 1e-12) ** 2  # keeps the step finite upon a neighbour
    across, up = _mean(x, weights), _mean(y, weights)
    for _ in range(STEPS):
        pull = weights / np.sqrt((x - across) ** 2 + (y - up) ** 2 + soft)
        across, up = _mean(x, pull), _mean(y, pull)
    return np.concatenate([across, up], axis=1)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (values * weights).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
