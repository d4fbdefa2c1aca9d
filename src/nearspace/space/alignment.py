"""An old space led into that of a new encoder, by the items that both have, and how well."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from nearspace.encoders.affine import procrustes
from nearspace.encoders.combine import piped
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.metrics.directions import has_direction
from nearspace.space.search.searcher import Searcher
from nearspace.space.space import Space, check_space

__all__ = ["Alignment", "align"]

K = 10
HELD_OUT = 5  # one in so many items that both spaces have shows how well it goes
FEWEST = 60  # items that both have: of twelve held out each has ten neighbours and one that is none
MOST_HELD_OUT = 2000
MOST_NUMBERS = 2**26  # of a map


@dataclasses.dataclass(frozen=True)
class Alignment:
    """How well vectors were led into another space, measured on items that had no part in it.

    Attributes
    ----------
    items : int
        How many both spaces have, by id.
    held_out : int
        How many of them it is measured on, by a map that is made of the others.
    recall_10 : float
        Of the ten nearest that an item has among them in the new space, the share that its new
        vector finds among the aligned ones.
    chance : float
        The share that any order finds.
    cosine : float
        Between the aligned and the new vector of an item, on average.
    """

    items: int
    held_out: int
    recall_10: float
    chance: float
    cosine: float

    def __str__(self) -> str:
        return (
            f"Made of {self.items:,} items that both have. Of {self.held_out:,} without part in "
            f"it, new vectors find {self.recall_10:.0%} of their ten nearest among the aligned, "
            f"{self.chance:.0%} by chance; the cosine of aligned and new is {self.cosine:.2f}."
        )


@called_as("align(old, to=new)")
def align(space: Space, to: Space, random_state: int = 0) -> tuple[Space, Alignment]:
    """Return the vectors of a space led into that of another encoder, and how well it went.

    For when the model changes and the items are gone, or are too many: of some of them both spaces
    have vectors, by which the rotation is found that leads the old ones nearest to the new. What
    the old encoder has not told apart no rotation does, so that what comes out is worse than new
    vectors of all items; how much worse is measured, and kept in the recipe.

    The space has a fingerprint of its own: it embeds new items by the old encoder and the rotation,
    if the old one is there, and is searched by vectors of the new one too.

    Parameters
    ----------
    space : Space
        The old one.
    to : Space
        Vectors that the new encoder made of some of its items, 60 at least, under the same ids.
    random_state : int, default=0
        Of the draw of what is held out.

    Returns
    -------
    space : Space
        All items of the old space, with ids, labels, metadata and thumbnails.
    alignment : Alignment
        How well it went.

    Raises
    ------
    NearspaceError
        If the spaces have too few ids in common, the new vectors are sparse, or a map between so
        many dimensions is too large.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> old, new = embed(wine, "raw | scale | pca(dim=6)"), embed(wine, "raw | scale | pca(dim=8)")
    >>> aligned, how = align(old, to=new[:100])
    >>> aligned.shape, how.held_out, how.recall_10 > 0.5
    ((178, 8), 20, True)
    """
    for each in (space, to):
        check_space(each, "align")
    _check_sizes(space, to)
    if space.recipe.fingerprint == to.recipe.fingerprint:
        raise NearspaceError(
            f"Both spaces are of {space.recipe.maker}, of one fingerprint: their vectors are "
            "comparable as they are."
        )
    ours, theirs = _shared(space, to)
    old, new = space.vectors[ours], _as_compared(to, theirs)
    metric, unit = to.recipe.metric, space.recipe.metric == "cosine"
    drawn = np.random.default_rng(random_state).permutation(len(ours))
    test, train = np.split(drawn, [min(len(ours) // HELD_OUT, MOST_HELD_OUT)])
    led = procrustes(old[train], new[train], metric, unit).transform(old[test])
    how = _measured(led, new[test], metric, len(ours))
    rotation = procrustes(old, new, metric, unit)
    recipe = dataclasses.replace(
        space.recipe,
        metric=metric,
        aligned={
            "to": to.recipe.maker,
            "fingerprint": to.recipe.fingerprint,
            **dataclasses.asdict(how),
        },
    )
    encoder = None if space.encoder is None else piped(space.encoder, rotation)
    if encoder is not None:
        recipe = dataclasses.replace(recipe, spec=encoder.spec, fingerprint=encoder.fingerprint)
    else:
        marks = f"{space.recipe.fingerprint} {rotation.fingerprint}".encode()
        recipe = dataclasses.replace(
            recipe,
            spec="vectors",
            fingerprint=hashlib.blake2b(marks, digest_size=8).hexdigest(),
            made_by=f"{space.recipe.maker}, aligned to {to.recipe.maker}",
        )
    return dataclasses.replace(
        space,
        vectors=rotation.transform(space.vectors),
        recipe=recipe,
        made_by=encoder,
        parts={},
        stored_words=None,
    ), how


def _check_sizes(space: Space, to: Space) -> None:
    """Raise where vectors are sparse, or too long for a map between them."""
    if sparse.issparse(to.vectors):
        raise DataError(
            f"align: vectors are led to dense ones, and those of {to.recipe.maker} are sparse: "
            f"make them dense, as '{to.recipe.spec} | svd(dim=256)' does."
        )
    wide, long = space.vectors.shape[1], to.vectors.shape[1]
    if wide * long > MOST_NUMBERS:
        raise DataError(
            f"align: a map from {wide:,} dimensions to {long:,} is of {wide * long:,} numbers, and "
            f"may be of {MOST_NUMBERS:,}: embed the items anew."
        )


def _shared(space: Space, to: Space) -> tuple[np.ndarray, np.ndarray]:
    """Return where the items stand that two spaces have, in both, but those without direction."""
    places = {str(name): place for place, name in enumerate(to.ids.tolist())}
    pairs = [
        (at, places[str(name)]) for at, name in enumerate(space.ids.tolist()) if str(name) in places
    ]
    ours, theirs = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    directed = has_direction(space.vectors[ours]) & has_direction(to.vectors[theirs])
    if directed.sum() < FEWEST:
        raise DataError(
            f"align: expected {FEWEST} items with vectors in both spaces, by id, got "
            f"{directed.sum()}; embed more of the items by the new encoder, under the same ids."
        )
    return ours[directed], theirs[directed]


def _as_compared(space: Space, rows: np.ndarray) -> np.ndarray:
    """Return dense vectors as the metric of their space sees them."""
    vectors = np.asarray(space.vectors[rows], dtype=np.float64)
    return normalize(vectors) if space.recipe.metric == "cosine" else vectors


def _measured(led: np.ndarray, new: np.ndarray, metric: str, items: int) -> Alignment:
    """Return how well items are found that had no part in the map."""
    nearest = []
    for vectors in (new.astype(np.float32), led):
        searched = Searcher(vectors, {})
        positions, *_ = searched.search(new.astype(np.float32), K + 1, metric)
        rows = [
            [at for at in row if at != query][:K] for query, row in enumerate(positions.tolist())
        ]
        nearest.append(rows)
    same = [len({*one} & {*other}) / K for one, other in zip(*nearest, strict=True)]
    cosines = (normalize(led) * normalize(new)).sum(axis=1)
    return Alignment(
        items,
        len(new),
        round(float(np.mean(same)), 4),
        round(K / (len(new) - 1), 4),
        round(float(cosines.mean()), 4),
    )
