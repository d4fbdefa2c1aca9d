"""`LinearPair`: two encoders whose vectors linear maps lead into one space."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from nearspace.data import Kind
from nearspace.data.kinds.sides import Sides
from nearspace.data.sided import SIDES, Sided
from nearspace.encoders.affine import Affine, procrustes
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import piped
from nearspace.encoders.paired import Paired
from nearspace.encoders.spec import make
from nearspace.errors import DataError

__all__ = ["LinearPair", "canonical_maps", "fitted_towers", "towers_of"]

# What a side is encoded by when nobody says how: small dense vectors of what needs no training.
TOWERS = {
    "text": "tfidf(analyzer='char') | svd(dim=1024)",
    "image": "hog | pca(dim=128)",
    "table": "onehot | pca(dim=64)",
    "audio": "mfcc | scale",
    "series": "statistics | scale",
    "vector": "raw | scale",
}
TEXTS = "tfidf(analyzer='char')"  # where sparse vectors are taken as they are
COLOURED = "(hog | l2) + (colour_histogram | l2) | pca(dim=256)"  # of images that have colours
MOST_DIMENSIONS = 8192  # of a side: its covariance is a matrix of so many rows


class LinearPair(Paired):
    """Canonical correlations, or a rotation, between the vectors of two encoders.

    Either side is encoded for itself. By ``method="cca"`` both are led to the directions in which
    the vectors of pairs go together most [1]_, regularised, each weighted by a power of its
    correlation [2]_: what hardly goes together hardly counts. By ``method="procrustes"`` the left
    vectors are turned to where the right ones lie [3]_, which changes no angle among them.

    Parameters
    ----------
    left, right : Encoder, optional
        Of the items on either side, with dense vectors; by default one that suits their kind.
    dim : int, default=512
        How many directions there are at most; of ``"cca"`` alone.
    method : {"cca", "procrustes"}, default="cca"
        How the two are led together.
    regularization : float, default=0.1
        What is added to the variances of either side, as a share of their mean.
    weight : float, default=2.0
        The power of its correlation by which a direction counts.

    References
    ----------
    .. [1] H. Hotelling, "Relations between two sets of variates", 1936.
    .. [2] Y. Gong et al., "A multi-view embedding space for modeling internet images, tags, and
       their semantics", 2014.
    .. [3] P. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966.

    Examples
    --------
    >>> from nearspace import load, make
    >>> from nearspace.data.pairs import Pairs
    >>> wine = load("wine").items
    >>> pair = make("linear_pair(raw | scale, right=raw | scale, dim=4)")
    >>> links = np.arange(len(wine))[:, None].repeat(2, axis=1)
    >>> pair = pair.fit_on(Pairs(load(wine[:, :6]), load(wine[:, 6:]), links))
    >>> pair.side("left").transform(wine[:2, :6]).shape
    (2, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "left": [Encoder, None],
        "right": [Encoder, None],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions({"cca", "procrustes"})],
        "regularization": [Interval(Real, 0, None, closed="neither")],
        "weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        left: Encoder | None = None,
        right: Encoder | None = None,
        *,
        dim: int = 512,
        method: str = "cca",
        regularization: float = 0.1,
        weight: float = 2.0,
    ):
        self.left = left
        self.right = right
        self.dim = dim
        self.method = method
        self.regularization = regularization
        self.weight = weight

    def _fit_sides(self, items: Sided, kind: Sides) -> tuple[Encoder, Encoder]:
        if not len(items.links):
            raise DataError(f"{self.spec}: expected pairs to learn from, got none.")
        towers, sides = towers_of((self.left, self.right), items, kind, self.spec)
        if self.method == "procrustes":
            unit = [side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
                    for side in sides]  # fmt: skip
            turned = procrustes(unit[0], unit[1] - unit[1].mean(axis=0), "cosine", unit=True)
            width = sides[1].shape[1]
            still = Affine.of(np.eye(width), -unit[1].mean(axis=0), "cosine", unit=True)
            maps = [turned, still]
        else:
            matrices = canonical_maps(
                sides[0], sides[1], self.dim, self.regularization, self.weight
            )
            maps = [
                Affine.of(matrix, -side.mean(axis=0) @ matrix, "cosine")
                for matrix, side in zip(matrices, sides, strict=True)
            ]
        left, right = (piped(encoder, to) for encoder, to in zip(towers, maps, strict=True))
        return left, right


def towers_of(
    encoders: tuple[Encoder | None, Encoder | None], items: Sided, kind: Sides, who: str
) -> tuple[list[Encoder], list[np.ndarray]]:
    """Return the fitted encoders of both sides, and for each pair its vectors, float64.

    Raises
    ------
    DataError
        If vectors are sparse, or an encoder learns from labels.
    """
    towers, sides = fitted_towers(encoders, items, kind, who)
    pairs = zip(sides, items.links.T, strict=True)
    return towers, [vectors[at].astype(np.float64) for vectors, at in pairs]


def fitted_towers(
    encoders: tuple[Encoder | None, Encoder | None],
    items: Sided,
    kind: Sides,
    who: str,
    takes_sparse: bool = False,
) -> tuple[list[Encoder], list[Any]]:
    """Return the encoders of both sides, fitted on their items, and the vectors of these.

    Raises
    ------
    DataError
        If vectors are sparse and must not be so, or an encoder learns from labels.
    """
    towers, sides = [], []
    for name, given, (own, some) in zip(SIDES, encoders, kind.of(items), strict=True):
        encoder, vectors = _tower(given, some, own, f"{who}, {name}", takes_sparse)
        towers.append(encoder)
        sides.append(vectors)
    return towers, sides


def _tower(
    encoder: Encoder | None, items: Any, kind: Kind, who: str, takes_sparse: bool
) -> tuple[Encoder, Any]:
    """Return the encoder of a side fitted on its items, and their vectors."""
    if encoder is None:
        coloured = kind.pixels and kind.shape_of_item[2] == 3
        texts = TEXTS if takes_sparse and kind.name == "text" else None
        encoder = make(COLOURED if coloured else texts or TOWERS[kind.name])
    if encoder.learns not in ("nothing", "items"):
        raise DataError(
            f"{who}: {encoder.spec} learns from {encoder.learns}, which the items of one side do "
            "not have; choose another encoder."
        )
    fitted = clone(encoder).fit_items(items, None, kind)
    vectors = fitted.transform(items)
    if sparse.issparse(vectors):
        if takes_sparse:
            return fitted, vectors
        raise DataError(
            f"{who}: the vectors of {encoder.spec} are sparse; make them dense, as "
            f"'{encoder.spec} | svd(dim=256)' does."
        )
    if vectors.shape[1] > MOST_DIMENSIONS:
        raise DataError(
            f"{who}: the vectors of {encoder.spec} have {vectors.shape[1]:,} dimensions, and may "
            f"have {MOST_DIMENSIONS:,}; make them shorter, as '{encoder.spec} | pca(dim=256)' does."
        )
    return fitted, vectors


def canonical_maps(
    left: np.ndarray, right: np.ndarray, dim: int, regularization: float, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices that lead rows that belong together to their canonical directions.

    Parameters
    ----------
    left, right : ndarray of shape (m, d) and (m, e), float64
        Row i of one belongs to row i of the other.
    dim : int
        How many directions there are, where the rows have as many.
    regularization : float
        What is added to the variances of either side, as a share of their mean.
    weight : float
        The power of its correlation by which a direction counts.

    Returns
    -------
    ndarray of shape (d, k) and ndarray of shape (e, k), float64
        Applied to rows less the mean of their side.
    """
    white, centred = [], []
    for rows in (left, right):
        moved = rows - rows.mean(axis=0)
        covariance = moved.T @ moved / len(moved)
        covariance[np.diag_indices_from(covariance)] += (
            regularization * np.trace(covariance) / len(covariance) or 1.0
        )
        values, vectors = np.linalg.eigh(covariance)
        white.append(vectors / np.sqrt(values) @ vectors.T)
        centred.append(moved)
    cross = centred[0].T @ centred[1] / len(left)
    one, correlations, other = np.linalg.svd(white[0] @ cross @ white[1], full_matrices=False)
    k = min(dim, len(correlations))
    factors = np.maximum(correlations[:k], 0) ** weight
    return white[0] @ one[:, :k] * factors, white[1] @ other[:k].T * factors
