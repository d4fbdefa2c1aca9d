"""What stands at the vectors of a space, and ways through it: drawn, between two, along one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from nearspace.encoders import CATALOGUE
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.exhibits import Samples, Writes
from nearspace.errors import DataError, NearspaceError, called_as, count_of, did_you_mean
from nearspace.metrics.retrieval import subsample
from nearspace.space.space import Space, as_space, check_space

__all__ = [
    "SOURCES",
    "decode",
    "decoder",
    "interpolate",
    "mixture_size",
    "sample",
    "traverse",
    "writer",
]

WAYS = ("linear", "spherical")
SOURCES = ("mixture", "prior")
FITTED, COMPONENTS, EACH = 20_000, 50, 10  # vectors; Gaussians; vectors a dimension for each
DRAWS = 1000
LOWEST, HIGHEST = 0.025, 0.975  # two deviations to either side of a normal distribution


@called_as("decode(space, vectors)")
def decode(space: Space, Z: np.ndarray) -> np.ndarray:
    """Return the items that stand at vectors.

    Parameters
    ----------
    space : Space
        A space whose encoder decodes.
    Z : ndarray of shape (n, d) or (d,)
        Any vectors of the space's dimension: its own, drawn, on the way between two; or one. The
        vector of an item is ``space.vectors[space.position(id)]``.

    Returns
    -------
    ndarray of shape (n, …), or DataFrame of n rows
        Images ``(n, height, width, channels)`` in [0, 1], vectors in the units of the items, or
        rows of a table; of one vector, one item.

    Raises
    ------
    NearspaceError
        If the encoder does not decode or there is none, or the vectors do not fit.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> decode(space, space.vectors[:3]).shape
    (3, 8, 8, 1)
    """
    check_space(space, "decode")
    decoding, dim = decoder(space), space.vectors.shape[1]
    given: Any = Z.toarray() if sparse.issparse(Z) else np.asarray(Z)  # type: ignore[attr-defined]
    array = np.atleast_2d(given)
    if array.ndim != 2 or array.shape[1] != dim or array.dtype.kind not in "fiu":
        raise DataError(
            f"decode: expected vectors of shape (n, {dim}), as the space has, got {given.dtype} of "
            f"shape {given.shape}; that of an item is space.vectors[space.position(id)]."
        )
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(wrong):
        raise DataError(f"decode: vector {wrong[0]} is not finite; leave it out.")
    items = decoding.decode(array)
    return items if given.ndim == 2 else decoding.kind.item(items, 0)


def decoder(space: Space) -> Decoder:
    """Return the decoder of a space, or raise `NearspaceError` where it has none."""
    if space.decoder is not None:
        return space.decoder
    encoder, spec = space.encoder, space.recipe.spec
    if is_half(encoder):
        raise NearspaceError(
            f"This is one half of a space, the encoder '{spec}' without its decoder; use the other "
            "half, or the whole."
        )
    names = ", ".join(name for name, entry in CATALOGUE.items() if entry.decodes)
    why = "has no encoder" if encoder is None else f"is of '{spec}', which does not decode"
    raise NearspaceError(
        f"The space {why}: nothing decodes its vectors; embed the items with one of {names}."
    )


def is_half(encoder: Encoder | None) -> bool:
    """Return whether an encoder is without the decoder that it was fitted with."""
    return (
        encoder is not None
        and encoder.decodes
        and encoder.decoder is None
        and bool(encoder.kind_.shape_of_item)
    )


@called_as("sample(space, 10)")
def sample(
    space: Space,
    n: int,
    random_state: int | np.random.RandomState | None = None,
    source: str = "mixture",
) -> np.ndarray:
    """Return new vectors, drawn where those of the space lie.

    Parameters
    ----------
    space : Space, or vectors that `load` reads
        Dense vectors.
    n : int
        How many to draw.
    random_state : int, RandomState instance or None, default=None
        Of the fit and the draw.
    source : {"mixture", "prior"}, default="mixture"
        A mixture of Gaussians fitted to at most 20,000 of the vectors; or the prior that the
        encoder was trained to match, where it has one.

    Returns
    -------
    ndarray of shape (n, d), float32
        In random order.

    Raises
    ------
    NearspaceError
        If there is no such source, or nothing to fit a mixture to.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> decode(space, sample(space, 5, random_state=0)).shape
    (5, 8, 8, 1)
    """
    if source not in SOURCES:
        raise DataError(f"sample knows no source '{source}'. {did_you_mean(source, SOURCES)}")
    n, space = count_of(n, "sample", "n"), as_space(space, "sample")
    if source == "prior":
        if not isinstance(space.encoder, Samples):
            raise DataError(
                f"'{space.recipe.spec}' was not trained to match a prior; draw from a mixture "
                "fitted to the vectors."
            )
        return np.asarray(space.encoder.sample(n, random_state), dtype=np.float32)
    if mixture_size(space) == 0:
        rows, dim = space.vectors.shape
        raise DataError(
            f"sample: expected two or more dense vectors to fit a mixture to, got {rows} of {dim}"
            f"{', sparse; pipe them through pca first' * sparse.issparse(space.vectors)}."
        )
    return _from_mixture(np.asarray(space.vectors), n, mixture_size(space), random_state)


def writer(space: Space) -> Writes:
    """Return what writes texts in the space, or raise `NearspaceError` where nothing does."""
    first = None if space.encoder is None else space.encoder.first
    if not isinstance(first, Writes):
        raise NearspaceError(
            f"The encoder of the space, '{space.recipe.spec}', writes no texts: leave out --prompt "
            "and name by -o a file ending .png, .npy or .npz, or embed texts with gru, lstm or "
            "transformer."
        )
    return first


def mixture_size(space: Space) -> int:
    """Return how many Gaussians `sample` fits, each to enough vectors; 0 where it can fit none."""
    rows, dim = space.vectors.shape
    if rows < 2 or sparse.issparse(space.vectors):
        return 0
    return min(COMPONENTS, max(1, min(rows, FITTED) // (EACH * dim)))


def _from_mixture(
    vectors: np.ndarray, n: int, components: int, random_state: int | np.random.RandomState | None
) -> np.ndarray:
    from sklearn.mixture import GaussianMixture
    from sklearn.utils import check_random_state

    random = check_random_state(random_state)
    # In float32 a covariance is no longer one to the last digit, which sampling asks of it.
    wide = vectors[subsample(len(vectors), FITTED, random)].astype(np.float64)
    centre = wide.mean(axis=0)
    scale = (wide - centre).std() or 1.0  # what is added to covariances is no share of them
    mixture = GaussianMixture(
        components, tol=1e-2, reg_covar=1e-4, max_iter=50, random_state=random
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near the best fit is near enough
        mixture.fit((wide - centre) / scale)
    return (random.permutation(mixture.sample(n)[0]) * scale + centre).astype(np.float32)


@called_as("interpolate(a, b, 10)")
def interpolate(a: np.ndarray, b: np.ndarray, n: int, how: str = "linear") -> np.ndarray:
    """Return ``n`` vectors on the way from ``a`` to ``b``, ends included.

    Parameters
    ----------
    a, b : ndarray of shape (d,)
        The ends.
    n : int
        How many, at least 2.
    how : {"linear", "spherical"}, default="linear"
        The straight way; or the arc around the origin (Shoemake, 1985), along which the length
        goes evenly from that of ``a`` to that of ``b``. Draws from N(0, I) all have about the same
        length, and the straight way between two of them leads through shorter vectors than it
        ever gives (White, 2016).

    Returns
    -------
    ndarray of shape (n, d), float32
        The way.

    Raises
    ------
    ValueError
        If there is no such way, fewer than two vectors are asked for, or there is no arc: an end
        is the origin, or the ends are opposite.

    Examples
    --------
    >>> interpolate(np.array([0.0]), np.array([1.0]), 3).ravel().tolist()
    [0.0, 0.5, 1.0]
    >>> arc = interpolate(np.array([3.0, 0.0]), np.array([0.0, 4.0]), 3, how="spherical")
    >>> np.linalg.norm(arc, axis=1).round(3).tolist()
    [3.0, 3.5, 4.0]
    """
    if how not in WAYS:
        raise DataError(f"interpolate knows no way '{how}'. {did_you_mean(how, WAYS)}")
    weights = np.linspace(0.0, 1.0, count_of(n, "interpolate", "n", least=2))[:, None]
    a, b = _end(a), _end(b)
    if len(a) != len(b):
        raise DataError(
            f"interpolate: expected two vectors of one space, got {len(a)} and {len(b)} numbers."
        )
    way = _arc(a, b, weights) if how == "spherical" else (1 - weights) * a + weights * b
    return way.astype(np.float32)


def _end(given: Any) -> np.ndarray:
    """Return one end of a way, or raise `DataError` where it is no vector."""
    end = np.asarray(given)
    if end.ndim != 1 or end.dtype.kind not in "fiu" or not np.isfinite(end).all():
        raise DataError(
            f"interpolate: expected two vectors of finite numbers, got {end.dtype} of shape "
            f"{end.shape}; that of an item is space.vectors[space.position(id)]."
        )
    return end.astype(np.float64)


def _arc(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0:
        raise DataError("interpolate: the origin has no direction, so no arc begins or ends there.")
    start, end = a / lengths[0], b / lengths[1]
    # Of two nearly equal or opposite directions the arccosine of the product is too rough.
    angle = 2 * math.atan2(np.linalg.norm(start - end), np.linalg.norm(start + end))
    if math.pi - angle < 1e-6:
        raise DataError(
            "interpolate: many arcs lead from a vector to its opposite; go by another vector, or "
            "use how='linear'."
        )
    # sin(w x) / sin(x), which tends to w where the directions are the same
    share = [
        np.sinc(w * angle / math.pi) * w / np.sinc(angle / math.pi) for w in (1 - weights, weights)
    ]
    return (share[0] * start + share[1] * end) * ((1 - weights) * lengths[0] + weights * lengths[1])


def traverse(
    around: np.ndarray | Samples,
    dimensions: int | Sequence[int] | np.ndarray,
    values: int | Sequence[float] | np.ndarray = 9,
) -> np.ndarray:
    """Return vectors that differ from one in a single dimension, for each of some dimensions.

    Parameters
    ----------
    around : ndarray of shape (d,) or (m, d), or encoder
        The vector; or vectors, for their mean; or a fitted encoder that samples, for the mean of
        what it draws.
    dimensions : int or sequence of int
        Which dimensions, from 0.
    values : int or sequence of float, default=9
        What to set a dimension to; or how many even steps to take between the quantiles 0.025 and
        0.975 of the vectors, which a single vector does not have.

    Returns
    -------
    ndarray of shape (dimensions, values, d), float32
        One row of vectors a dimension.

    Raises
    ------
    ValueError
        If there is no such dimension, or no range to step through.

    Examples
    --------
    >>> traverse(np.array([5.0, 6.0]), 1, [-1.0, 1.0]).tolist()
    [[[5.0, -1.0], [5.0, 1.0]]]
    """
    vectors = np.atleast_2d(
        around.sample(DRAWS, random_state=0) if isinstance(around, Samples) else around
    )
    chosen = np.atleast_1d(dimensions)
    dim = vectors.shape[1]
    if chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= dim:
        raise DataError(f"traverse: expected dimensions from 0 to {dim - 1}, got {dimensions}.")
    if isinstance(values, int | np.integer):
        if values < 1:
            raise DataError(f"traverse: expected at least one step, got {values}.")
        if len(vectors) == 1:
            raise DataError(
                f"traverse: a single vector gives no range to take {values} steps through; pass "
                "the values themselves, or several vectors."
            )
        low, high = np.quantile(vectors[:, chosen], (LOWEST, HIGHEST), axis=0)
        steps = np.linspace(low, high, int(values), axis=1)
    else:
        steps = np.tile(np.asarray(values, dtype=np.float64), (len(chosen), 1))
    ways = np.tile(vectors.mean(axis=0), (*steps.shape, 1))
    ways[np.arange(len(chosen)), :, chosen] = steps
    return ways.astype(np.float32)
