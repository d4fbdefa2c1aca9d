"""The layout of a map: t-SNE by openTSNE, on exact neighbours, whatever the vectors are."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.metrics.directions import euclidean_form, has_direction
from nearspace.metrics.retrieval import nearest

__all__ = ["CORNER", "FEWEST", "tsne", "tsne_facts"]

PERPLEXITY = 30.0
FEWEST = 8  # vectors that t-SNE can be asked about
FEW = 2000  # vectors up to which threads cost more than they bring
TREE = 7000  # vectors up to which a tree (Barnes-Hut) is quicker than interpolation on a grid
COARSENESS = 0.8  # of the tree, Barnes-Hut's theta; the library's 0.5 takes half as much again
EXAGGERATED = 250  # steps with which the library begins
FEWEST_STEPS, MOST_STEPS = 250, 550  # that follow those
# Vectors up to which a fifth of the library's steps keeps as many neighbours (of 449 digits 0.723
# and 0.724, of 12 clusters 0.573 and 0.564), and the steps of both phases.
HUNDREDS, STEPS_OF_HUNDREDS = 500, (50, 100)
STEPS_PER_VECTOR = 1 / 35
TOLD = 50  # steps from one report of progress to the next
MOMENT = 0.1  # seconds
HEARD = 25  # steps until it is noticed that nobody waits any more
CORNER = (-1.0, -1.0)  # where vectors stand that have no direction, by the cosine
ROUNDING = 1e-6  # share of the largest number below which differences are none


def tsne(
    vectors: np.ndarray | sparse.csr_array,
    metric: str = "euclidean",
    random_state: int = 0,
    progress: Callable[[float], object] | None = None,
) -> np.ndarray:
    """Return a place on a plane for every vector, by t-SNE (van der Maaten & Hinton, 2008).

    The neighbours, which the library would approximate, are found exactly.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        Up to about 100,000.
    metric : {"euclidean", "cosine"}
        By what vectors are near. By the cosine zero vectors, which are near to none, stand in a
        corner.
    random_state : int, default=0
        Of the first places.
    progress : callable, optional
        Called every 50 steps with the share of the steps that are done.

    Returns
    -------
    ndarray of shape (n, 2), float32
        Centred, within [-1, 1]; on a circle where vectors are fewer than eight, all zero where
        they are all the same.

    Raises
    ------
    NearspaceError
        By the inner product, which is no distance.

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
    directed = has_direction(vectors)
    if metric == "cosine" and directed.any() and not directed.all():
        places = np.full((n, 2), CORNER, dtype=np.float32)
        places[directed] = tsne(vectors[directed], metric, random_state, progress)
        return places
    vectors = euclidean_form(vectors, metric)
    if n < FEWEST:
        return _circle(n)
    scaled = _scaled(vectors)
    if scaled is None:
        return np.zeros((n, 2), dtype=np.float32)
    threads = 1 if n <= FEW else torch.get_num_threads()
    indices, distances = nearest(
        scaled, scaled, min(n - 1, int(3 * _perplexity(n))), exclude_self=True
    )
    affinities = PerplexityBasedNN(
        perplexity=_perplexity(n),
        knn_index=PrecomputedNeighbors(indices, distances),
        n_jobs=threads,
    )
    exaggerated, following = _steps(n)
    ended = threading.Event()
    method = TSNE(
        early_exaggeration_iter=exaggerated,
        n_iter=following,
        negative_gradient_method=_method(n),
        theta=COARSENESS,
        n_jobs=threads,
        random_state=random_state,
        callbacks=_callback(progress, exaggerated + following, ended),
        callbacks_every_iters=HEARD,
    )
    first = _first_places(scaled, random_state)
    # In a thread, since signals are handled in the main one: an exception of a handler, as Ctrl-C
    # raises, in the midst of the library's tree ends the process with a segmentation fault.
    with ThreadPoolExecutor(1) as thread:
        fitted = thread.submit(method.fit, affinities=affinities, initialization=first)
        try:
            while not wait([fitted], timeout=MOMENT).done:
                pass  # some systems hear no signal while they wait without end
            places = np.asarray(fitted.result())
        finally:
            ended.set()
    places = places - places.mean(axis=0)
    return (places / max(np.abs(places).max(), 1e-12)).astype(np.float32)


def tsne_facts(n: int, metric: str, random_state: int) -> dict[str, Any]:
    """Return the library, its version and the parameters with which `tsne` lays ``n`` out."""
    return {
        "metric": metric,
        "library": "openTSNE",
        "version": version("openTSNE"),
        "perplexity": _perplexity(n),
        "method": _method(n),
        "steps": list(_steps(n)),
        "random_state": random_state,
    }


def _circle(n: int) -> np.ndarray:
    angle = 2 * np.pi * np.arange(n) / max(n, 1)
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (places - places.sum(axis=0) / max(n, 1)).astype(np.float32)


def _callback(
    progress: Callable[[float], object] | None, steps: int, ended: threading.Event
) -> Callable[..., bool]:
    """Return what the library calls, which counts the steps of its two phases apart."""
    calls = itertools.count(1)

    def called(*_: Any) -> bool:
        step = next(calls) * HEARD
        if progress is not None and step % TOLD == 0:
            progress(step / steps)
        return ended.is_set()  # which ends it

    return called


def _perplexity(n: int) -> float:
    return min(PERPLEXITY, (n - 1) / 3)


def _method(n: int) -> str:
    """Return how the library sums what pushes vectors apart.

    The cost of the grid grows with the extent of the map, hardly with the number of vectors.
    """
    return "bh" if n <= TREE else "fft"


def _steps(n: int) -> tuple[int, int]:
    """Return how many steps there are with exaggerated affinities, and how many follow."""
    if n <= HUNDREDS:
        return STEPS_OF_HUNDREDS
    # The library takes 500 for all. Of few, the last hundreds win less than a hundredth of the
    # neighbours and cost the most, since the map has grown. Of many, exact neighbours are found in
    # less time than its own take: 50 steps more use what is left.
    following = TOLD * round(n * STEPS_PER_VECTOR / TOLD)
    return EXAGGERATED, min(max(FEWEST_STEPS, following), MOST_STEPS)


def _scaled(vectors: np.ndarray | sparse.csr_array) -> Any:
    """Return the vectors with numbers up to 1, centred if dense; None if they are all the same."""
    given: Any = vectors
    largest = np.abs(given.data if sparse.issparse(given) else given).max(initial=0.0)
    if largest == 0:
        return None
    if sparse.issparse(given):
        scaled = (given / float(largest)).astype(np.float32)
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
