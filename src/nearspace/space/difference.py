"""Two spaces side by side: how alike they are, and where their neighbourhoods differ."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from nearspace.errors import NearspaceError, called_as
from nearspace.foreign import printable_json
from nearspace.metrics.directions import has_direction
from nearspace.metrics.exact import row_products
from nearspace.metrics.retrieval import check_search, nearest, shared_share, subsample
from nearspace.metrics.similarity import cka
from nearspace.space.space import Space, as_space
from nearspace.writing import write_files

__all__ = ["Change", "Difference", "diff"]

CKA_ITEMS, QUERIES = 3000, 2000
DEEPER = 10  # so many times as many neighbours tell apart the items that have none in common
SAME = 1e-4  # relative error below which two vectors are the same, as in a batch or alone


@dataclasses.dataclass(frozen=True)
class Change:
    """The neighbours of one item in two spaces, nearest first.

    Attributes
    ----------
    id : int or str
        The item, as the first space has it.
    label : int, str or None
        Its class, where the first space has one.
    overlap : float
        Which share of its neighbours it has in both.
    first, second : list of int or str
        The ids of its neighbours in either space, as the first space has them.
    """

    id: Any
    label: Any
    overlap: float
    first: list[Any]
    second: list[Any]


@dataclasses.dataclass(frozen=True)
class Difference:
    """How two spaces differ on the items that both have.

    Attributes
    ----------
    shared, only_first, only_second : int
        How many items are in both, and in one alone.
    same_encoder : bool
        Whether both have the same fingerprint.
    same_vectors : int
        How many of the shared items have the same vector in both, to a relative error of 1e-4.
    cka : float
        Linear centred kernel alignment, debiased: 1 for equal up to rotation, scale and shift,
        about 0 for unrelated; NaN where it is not defined.
    cka_items : int
        On how many of the shared items, drawn at random, it was computed.
    overlap, chance : float
        Mean share of the ``k`` nearest neighbours that an item has in both, and what it would be
        for spaces that have nothing to do with each other.
    k : int
        How many neighbours each item has.
    metrics : (str, str)
        How near is measured in either.
    without_direction : int
        How many of the shared items have a zero vector where near is measured by the cosine: they
        have no neighbours, and are not asked about.
    changes : list of Change
        The items asked about, those whose neighbourhoods changed most first: all that are shared,
        or some drawn at random.
    """

    shared: int
    only_first: int
    only_second: int
    same_encoder: bool
    same_vectors: int
    cka: float
    cka_items: int
    overlap: float
    chance: float
    k: int
    metrics: tuple[str, str]
    without_direction: int
    changes: list[Change]

    def to_frame(self) -> Any:
        """Return one row for every item asked about, neighbours as lists."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(change) for change in self.changes])

    def to_json(self, path: str | Path) -> Path:
        """Write all figures and all items asked about."""
        value = dataclasses.asdict(self)
        if np.isnan(self.cka):
            value["cka"] = None  # JSON has no NaN
        write_files({path: printable_json(value, indent=1)})
        return Path(path)


@called_as("diff(first, second)")
def diff(
    first: Any,
    second: Any,
    k: int = 10,
    metric: str | None = None,
    queries: int = QUERIES,
    random_state: int = 0,
) -> Difference:
    """Return how two spaces differ on the items that both have, in their own dimensions.

    Parameters
    ----------
    first, second : Space, or vectors that `load` reads
        Of any dimensions, dense or sparse. Ids are compared as text; items without a counterpart
        are counted and not looked at. Vectors without ids go by their positions.
    k : int, default=10
        How many neighbours of an item are looked at.
    metric : {"cosine", "dot", "euclidean"}, optional
        How near is measured, in both; by default in each by its own.
    queries : int, default=2000
        The neighbours of at most so many items are looked for, among all shared ones.
    random_state : int, default=0
        Of the items drawn where there are more.

    Returns
    -------
    Difference
        Figures, and the items whose neighbourhoods changed most.

    Raises
    ------
    NearspaceError
        If they share too few items for ``k`` neighbours.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> found = diff(embed(wine, "raw"), embed(wine, "pca(dim=13)"))
    >>> found.shared, round(found.cka, 3), found.overlap > 0.99
    (178, 1.0, True)
    """
    first, second = as_space(first, "diff"), as_space(second, "diff")
    metrics = (metric or first.recipe.metric, metric or second.recipe.metric)
    for each in metrics:
        check_search(each, k)
    here, there = _shared(first, second, k)
    a, b = first.vectors[here], second.vectors[there]
    n = len(here)
    random = np.random.default_rng(random_state)
    some = subsample(n, CKA_ITEMS, random)
    directed = np.ones(n, dtype=bool)
    for x, by in zip((a, b), metrics, strict=True):
        directed &= has_direction(x) | (by != "cosine")
    pool = np.flatnonzero(directed)
    if len(pool) < k + 2:
        raise _too_few(f"{len(pool)} items whose vectors are not zero in either", len(pool), k)
    asked = pool[subsample(len(pool), queries, random)]
    deep = min(DEEPER * k, len(pool) - 1)
    nearby = [_neighbours(x, asked, deep, by) for x, by in zip((a, b), metrics, strict=True)]
    shares = shared_share(nearby[0][:, :k], nearby[1][:, :k])
    order = np.lexsort((asked, shared_share(*nearby), shares))
    ids, labels = first.ids[here].tolist(), None
    if first.labels is not None:
        labels = first.labels[here].tolist()
    return Difference(
        shared=n,
        only_first=len(first) - n,
        only_second=len(second) - n,
        same_encoder=first.recipe.fingerprint == second.recipe.fingerprint,
        same_vectors=_count_same(a, b),
        cka=cka(a[some], b[some]),
        cka_items=len(some),
        overlap=float(shares.mean()),
        chance=k / (len(pool) - 1),
        k=k,
        metrics=metrics,
        without_direction=n - len(pool),
        changes=[
            Change(
                ids[asked[at]],
                None if labels is None else labels[asked[at]],
                float(shares[at]),
                *([ids[one] for one in neighbours[at, :k]] for neighbours in nearby),
            )
            for at in order
        ],
    )


def _shared(first: Space, second: Space, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the items that both spaces have stand in either."""
    places = {str(name): position for position, name in enumerate(second.ids.tolist())}
    pairs = [
        (position, places[str(name)])
        for position, name in enumerate(first.ids.tolist())
        if str(name) in places
    ]
    if not pairs:
        one, other = (f"such as '{x.ids[0]}'" if len(x) else "none" for x in (first, second))
        raise NearspaceError(
            f"The spaces share no id: the first has {one}, the second has {other}."
        )
    if len(pairs) < k + 2:  # all others would be neighbours
        raise _too_few(f"{len(pairs)} item{'s' if len(pairs) > 1 else ''}", len(pairs), k)
    here, there = np.array(pairs).T
    return here, there


def _too_few(what: str, n: int, k: int) -> NearspaceError:
    hint = f"; lower k to at most {n - 2}" if n > 2 else ""
    return NearspaceError(
        f"The spaces share {what}, too few to look at {k} neighbours of each{hint}."
    )


def _neighbours(vectors: Any, asked: np.ndarray, k: int, metric: str) -> np.ndarray:
    """Return the ``k`` nearest of some items among all, without themselves."""
    nearby, _ = nearest(vectors[asked], vectors, k + 1, metric)
    own = nearby == asked[:, None]
    own[~own.any(axis=1), -1] = True  # many equal vectors crowded the item itself out
    return nearby[~own].reshape(len(asked), k)


def _count_same(a: Any, b: Any) -> int:
    """Return how many rows are the same, to a relative error of 1e-4."""
    if a.shape[1] != b.shape[1]:
        return 0
    if sparse.issparse(a) != sparse.issparse(b):
        a, b = sparse.csr_array(a), sparse.csr_array(b)
    gap, size = (row_products(x, x) for x in (a - b, a))
    return int((gap <= SAME**2 * size).sum())
