"""Maps: places of vectors on a plane, kept while items are added, with how far to trust them."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError
from nearspace.metrics.geometry import neighbour_ranks, trustworthiness
from nearspace.metrics.retrieval import nearest
from nearspace.space.placement import Placer
from nearspace.space.space import vector_checksums

if TYPE_CHECKING:
    from nearspace.space.space import Space

__all__ = ["Map", "layout", "parse_map", "placer", "tsne"]

PERPLEXITY = 30.0
FEWEST = 8  # vectors that t-SNE can be asked about
FEW = 2000  # up to here fewer steps do, and threads cost more than they bring
K = 10  # neighbours by which a map is judged
QUERIES = 2000
ROUNDING = 1e-6  # share of the largest number below which differences are none


@dataclasses.dataclass(frozen=True, eq=False)
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
        ``library``, ``version`` and the parameters.
    trustworthiness, preservation : float
        Whether the `K` nearest on the map are near in the original dimensions, and which share of
        them are the `K` nearest there: means over `queries` items, each against all others.
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

    def to_bytes(self) -> bytes:
        """Return the map as safetensors, for the part ``map`` of a space."""
        from safetensors.numpy import save

        facts = {
            "made_by": self.made_by,
            "trustworthiness": self.trustworthiness,
            "preservation": self.preservation,
            "queries": self.queries,
        }
        ids = json.dumps(self.ids.tolist(), ensure_ascii=False).encode()
        arrays: dict[str, np.ndarray] = {
            "checksums": self.checksums.astype(np.uint32),
            "places": self.places.astype(np.float32),
            "laid_out": self.laid_out.astype(np.uint8),
            "ids": np.frombuffer(ids, dtype=np.uint8),
        }
        return save(arrays, metadata={"map": json.dumps(facts)})


def parse_map(data: bytes) -> Map:
    """Return the map that `Map.to_bytes` wrote.

    Raises
    ------
    NearspaceError
        If it is something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    broken = (SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        facts = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["map"])
        ids = np.array(json.loads(arrays["ids"].tobytes()))
        places, checksums = arrays["places"], arrays["checksums"]
        laid_out = arrays["laid_out"].astype(bool)
        found = Map(
            ids,
            checksums,
            places,
            laid_out,
            dict(facts["made_by"]),
            float(facts["trustworthiness"]),
            float(facts["preservation"]),
            int(facts["queries"]),
        )
    except broken as error:
        raise NearspaceError(f"The map kept with the space cannot be read ({error}).") from error
    n = len(ids)
    shapes = (ids.shape, places.shape, checksums.shape, laid_out.shape)
    types = (places.dtype, checksums.dtype)
    if shapes != ((n,), (n, 2), (n,), (n,)) or types != (np.float32, np.uint32):
        raise NearspaceError("The map kept with the space is not one place for each of its items.")
    if not np.isfinite(places).all():
        raise NearspaceError("The map kept with the space has a place that is not finite.")
    return found


def layout(space: Space, again: bool = False, random_state: int = 0) -> Map:
    """Return the map of a space.

    Where the space keeps a map already, items that are on it keep their place, and those that are
    new or have changed are placed among them; so an item's place is the same whether it was added
    alone or with thousands.

    Parameters
    ----------
    space : Space
        Vectors, dense or sparse, up to about 100,000.
    again : bool, default=False
        Lay all items out anew, whatever map there is.
    random_state : int, default=0
        Of the layout.

    Returns
    -------
    Map
        One place an item, in the order of the space.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> found = layout(embed(load("wine"), "pca(dim=3)"))
    >>> found.places.shape, round(found.trustworthiness, 1)
    ((178, 2), 1.0)
    """
    kept = None if again or "map" not in space.parts else parse_map(space.parts["map"])
    checksums = vector_checksums(space.vectors)
    if kept is not None and len(kept):
        places, laid_out = _extend(kept, space, checksums)
        if laid_out.any():
            if laid_out.all() and np.array_equal(kept.ids, space.ids):
                return kept
            return _judged(space, checksums, places, laid_out, kept.made_by)
    places = tsne(space.vectors, random_state)
    everything = np.ones(len(space), dtype=bool)
    return _judged(space, checksums, places, everything, _made_by(len(space), random_state))


def placer(space: Space, found: Map) -> Placer:
    """Return what places new vectors among the items of a space that were laid out."""
    return Placer(space.vectors[found.laid_out], found.places[found.laid_out])


def _extend(kept: Map, space: Space, checksums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of a space's items, and which of them still are where they were laid out.

    Only those have a say in where others stand: then the order of additions does not matter.
    """
    known = {name: row for row, name in enumerate(kept.ids.tolist())}
    rows = np.array([known.get(name, -1) for name in space.ids.tolist()])
    same = (rows >= 0) & (kept.checksums[rows] == checksums)
    laid_out = same & kept.laid_out[rows]
    places = np.where(same[:, None], kept.places[rows], np.float32(0))
    if laid_out.any() and not same.all():
        among = Placer(space.vectors[laid_out], places[laid_out])
        places[~same] = among.place(space.vectors[~same])
    return places, laid_out


def _judged(
    space: Space,
    checksums: np.ndarray,
    places: np.ndarray,
    laid_out: np.ndarray,
    made_by: dict[str, Any],
) -> Map:
    n = len(space)
    ranks = neighbour_ranks(space.vectors, places, K, QUERIES)
    return Map(
        space.ids,
        checksums,
        places,
        laid_out,
        made_by,
        trustworthiness(ranks, n),
        float((ranks <= K).mean()) if n > K + 1 else float("nan"),
        len(ranks),
    )


def _made_by(n: int, random_state: int) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "library": "openTSNE",
        "version": version("openTSNE"),
        "perplexity": _perplexity(n),
        "steps": [250, _steps(n)],
        "random_state": random_state,
    }


def tsne(vectors: np.ndarray | sparse.csr_array, random_state: int = 0) -> np.ndarray:
    """Return a place on a plane for every vector, by t-SNE (van der Maaten & Hinton, 2008).

    The neighbours, which the library would approximate, are found exactly.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        Up to about 100,000.
    random_state : int, default=0
        Of the first places.

    Returns
    -------
    ndarray of shape (n, 2), float32
        Centred, within [-1, 1]; all zero where vectors are fewer than eight or all the same.

    Examples
    --------
    >>> tsne(np.eye(12, dtype=np.float32)).shape
    (12, 2)
    """
    import torch
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    n = vectors.shape[0]
    scaled = _scaled(vectors)
    if n < FEWEST or scaled is None:
        return np.zeros((n, 2), dtype=np.float32)
    threads = 1 if n <= FEW else torch.get_num_threads()
    indices, distances = nearest(
        scaled, scaled, min(n - 1, int(3 * _perplexity(n))), exclude_self=True
    )
    affinities = PerplexityBasedNN(
        perplexity=_perplexity(n),
        knn_index=PrecomputedNeighbors(indices, distances.astype(np.float64)),
        n_jobs=threads,
    )
    method = TSNE(n_iter=_steps(n), n_jobs=threads, random_state=random_state)
    first = _first_places(scaled, random_state)
    places = np.asarray(method.fit(affinities=affinities, initialization=first))
    places = places - places.mean(axis=0)
    return (places / max(np.abs(places).max(), 1e-12)).astype(np.float32)


def _perplexity(n: int) -> float:
    return min(PERPLEXITY, (n - 1) / 3)


def _steps(n: int) -> int:
    """Return how many steps follow the 250 with exaggerated affinities."""
    # The library takes 500; exact neighbours are found in less time than its own take, and 50
    # steps more make use of what is left over.
    return 250 if n <= FEW else 550


def _scaled(vectors: np.ndarray | sparse.csr_array) -> Any:
    """Return the vectors with numbers up to 1, centred if dense; None if they are all the same."""
    given: Any = vectors
    largest = np.abs(given.data if sparse.issparse(given) else given).max(initial=0.0)
    if largest == 0:
        return None
    if sparse.issparse(given):
        scaled = (given / largest).astype(np.float32)
        apart = (scaled.max(axis=0) - scaled.min(axis=0)).max()
        return scaled if apart > ROUNDING else None
    centred = given.astype(np.float64) - given.mean(axis=0, dtype=np.float64)
    scale = np.abs(centred).max()
    # What rounding leaves of equal vectors is no spread; t-SNE does not survive being given it.
    return (centred / scale).astype(np.float32) if scale > ROUNDING * largest else None


def _first_places(vectors: Any, random_state: int) -> np.ndarray:
    from openTSNE import initialization

    if min(vectors.shape) < 3:
        return initialization.random(vectors.shape[0], random_state=random_state)
    return initialization.pca(vectors, random_state=random_state)
