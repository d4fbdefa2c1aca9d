"""Bags of visual words: how often each of the typical pieces of the training images appears."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from nearspace.data import Image
from nearspace.encoders.base import Encoder, fewer
from nearspace.errors import DataError, need

__all__ = ["VisualWords", "grey", "grid_sift"]

CELLS, ORIENTATIONS = 4, 8
WIDTH = CELLS * CELLS * ORIENTATIONS
# A patch whose descriptor is shorter, before it is normalised, shows nothing.
FLAT = 0.1
# The detector finds hardly anything in smaller images.
DETECTABLE = 64
LEARNED_FROM = 100_000
VALUES_AT_ONCE = 2**24
LUMA = np.array([0.2125, 0.7154, 0.0721], np.float32)


class VisualWords(Encoder):
    """A bag of visual words (Csurka et al., 2004) over SIFT descriptors (Lowe, 2004).

    Each descriptor counts for the nearest of the words, which k-means finds among those of the
    training images. The square roots of the counts are brought to length 1: their distances are
    Hellinger's. An image without any gradient is the zero vector. Colour is not looked at.

    Parameters
    ----------
    words : int, default=256
        Size of the codebook; as many as there are descriptors where they are fewer.
    keypoints : {"grid", "detected"}, default="grid"
        Where descriptors are taken: upright on a dense grid at two scales, or turned and scaled
        as the detector of scikit-image finds them. The grid is better by far on small images.
    random_state : int, RandomState instance or None, default=0
        Of the descriptors that k-means looks at, and of its start.

    Attributes
    ----------
    words_ : ndarray of shape (words, 128)
        The codebook.

    Examples
    --------
    >>> from nearspace import load
    >>> VisualWords(words=50).fit_transform(load("digits").items[:100]).shape
    (100, 50)
    """

    kinds = frozenset({Image})
    learns = "items"
    metric = "cosine"
    zero_means = "no gradient"
    effort = 100
    words_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "words": [Interval(Integral, 1, None, closed="left")],
        "keypoints": [StrOptions({"grid", "detected"})],
        "random_state": ["random_state"],
    }

    def __init__(self, words: int = 256, *, keypoints: str = "grid", random_state: Any = 0):
        self.words = words
        self.keypoints = keypoints
        self.random_state = random_state

    def _fit(self, items: np.ndarray, y: Any) -> None:
        from sklearn.cluster import MiniBatchKMeans

        random = check_random_state(self.random_state)
        learnt_from: list[np.ndarray] = []
        for descriptors in self._descriptors(items, random.permutation(len(items))):
            learnt_from.append(descriptors[descriptors.any(axis=2)])
            if sum(map(len, learnt_from)) >= LEARNED_FROM:
                break
        pieces = np.concatenate(learnt_from)
        if not len(pieces):
            raise DataError(
                f"VisualWords found nothing to describe in any of the {len(items)} training "
                f"images of {items.shape[1]} × {items.shape[2]} pixels: they are flat."
            )
        n_words = min(self.words, len(pieces))
        clusters = MiniBatchKMeans(
            n_words, n_init=1, max_iter=3, batch_size=4096, random_state=random
        )
        self.words_ = clusters.fit(pieces).cluster_centers_.astype(np.float32)

    def _transform(self, items: np.ndarray) -> np.ndarray:
        n_words = len(self.words_)
        bias = np.square(self.words_).sum(axis=1) / 2
        counts = np.empty((len(items), n_words), np.float32)
        start = 0
        for descriptors in self._descriptors(items, np.arange(len(items))):
            # One product an image: the numbers do not depend on what else is in the batch.
            word = (descriptors @ self.words_.T - bias).argmax(axis=2)
            places = word + n_words * np.arange(len(word))[:, None]
            told = places[descriptors.any(axis=2)]
            some = np.bincount(told, minlength=len(word) * n_words).reshape(-1, n_words)
            counts[start : start + len(some)] = some
            start += len(some)
        roots = np.sqrt(counts)
        # The squares of the roots are the counts: their sum is the squared length.
        return roots / np.sqrt(np.maximum(counts.sum(axis=1, keepdims=True), 1))

    def _descriptors(self, items: np.ndarray, order: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the descriptors of some images at a time, ``(b, m, 128)``; zero stands for none."""
        if self.keypoints == "detected":
            need("images", "VisualWords(keypoints='detected')")
            for row in order:
                yield _detected_sift(grey(items[row : row + 1])[0])[None]
            return
        height, width = items.shape[1:3]
        points = sum(len(down) * len(across) for down, across in _windows(height, width))
        values = (WIDTH + self.words) * points
        values += 2 * ORIENTATIONS * height * width
        size = max(1, VALUES_AT_ONCE // values)
        for start in range(0, len(order), size):
            yield grid_sift(grey(items[order[start : start + size]]))

    @property
    def _n_features_out(self) -> int:
        return len(self.words_)

    @property
    def notes(self) -> tuple[str, ...]:
        """That there are fewer words than asked for, where there are."""
        return fewer(len(self.words_), self.words, "words")


def grey(items: np.ndarray) -> np.ndarray:
    """Return images ``(n, H, W, C)`` as grey values in [0, 1], shape ``(n, H, W)``, float32."""
    pixels = np.divide(items, 255, dtype=np.float32)
    return pixels[..., 0] if items.shape[3] == 1 else pixels @ LUMA


def grid_sift(images: np.ndarray) -> np.ndarray:
    """Return upright SIFT descriptors on a grid over every image.

    Gradient directions are counted softly in 8 bins and in 4 × 4 cells around each point of the
    grid, under a Gaussian window; the histogram is cut at a fifth of its length and brought to
    length 1. On a regular grid all this is two matrix products, since the window and the shares
    of the cells are products of one factor along each side.

    Parameters
    ----------
    images : ndarray of shape (n, H, W)
        Grey values in [0, 1]. Cells are 3 and 6 pixels wide, narrower in images below 24 pixels.

    Returns
    -------
    ndarray of shape (n, m, 128), float32
        A descriptor for each point of the grids, zero where the image is flat.

    Examples
    --------
    >>> grid_sift(np.eye(28, dtype=np.float32)[None]).shape
    (1, 68, 128)
    """
    maps = _orientation_maps(images)
    parts = []
    for down, across in _windows(*images.shape[1:]):
        cells = down.reshape(-1, down.shape[2]) @ maps @ across.reshape(-1, across.shape[2]).T
        cells = cells.reshape(*cells.shape[:2], len(down), CELLS, len(across), CELLS)
        # axes: image, orientation, grid row, cell row, grid column, cell column
        parts.append(cells.transpose(0, 2, 4, 3, 5, 1).reshape(len(images), -1, WIDTH))
    descriptors = np.concatenate(parts, axis=1)
    length = np.linalg.norm(descriptors, axis=2, keepdims=True)
    np.minimum(descriptors, 0.2 * length, out=descriptors)
    descriptors /= np.maximum(np.linalg.norm(descriptors, axis=2, keepdims=True), 1e-12)
    descriptors[length[..., 0] < FLAT] = 0
    return descriptors


def _orientation_maps(images: np.ndarray) -> np.ndarray:
    """Return how strong the gradient is in each direction at each pixel, ``(n, 8, H, W)``."""
    rise, run = (
        np.gradient(images, axis=axis) if images.shape[axis] > 1 else np.zeros_like(images)
        for axis in (1, 2)
    )
    strength = np.hypot(rise, run)
    turn = np.arctan2(run, rise) * np.float32(ORIENTATIONS / (2 * np.pi)) % ORIENTATIONS
    maps = np.empty((len(images), ORIENTATIONS, *images.shape[1:]), np.float32)
    for direction in range(ORIENTATIONS):
        apart = np.abs(turn - direction)
        apart = np.minimum(apart, ORIENTATIONS - apart)
        np.multiply(strength, np.maximum(1 - apart, 0), out=maps[:, direction])
    return maps


def _windows(height: int, width: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each scale the shares of pixels in cells, down and across; see `_shares`."""
    side = min(height, width)
    step, cell = max(1, round(side / 16)), min(3.0, max(1.0, side / 8))
    return [tuple(_shares(n, size, step) for n in (height, width)) for size in (cell, 2 * cell)]  # type: ignore[misc]


def _shares(length: int, cell: float, step: int) -> np.ndarray:
    """Return the share of every pixel in every cell along one side, ``(points, 4, length)``."""
    margin = min(2 * cell, (length - 1) / 2)
    points = np.arange(margin, length - 1 - margin + 1e-6, step)
    points += (length - 1 - points[0] - points[-1]) / 2
    offset = np.arange(length) - points[:, None]
    centres = (np.arange(CELLS) - (CELLS - 1) / 2) * cell
    cells = np.maximum(0, 1 - np.abs(offset[:, None] - centres[:, None]) / cell)
    window = np.exp(-np.square(offset / (2 * cell)) / 2)
    return (cells * window[:, None]).astype(np.float32)


def _detected_sift(image: np.ndarray) -> np.ndarray:
    """Return the descriptors that scikit-image finds in one grey image, shape ``(m, 128)``."""
    from skimage.feature import SIFT
    from skimage.transform import resize

    scale = DETECTABLE / min(image.shape)
    if scale > 1:
        image = resize(image, [round(scale * side) for side in image.shape], order=1)
    sift = SIFT()
    try:
        with np.errstate(all="ignore"):
            sift.detect_and_extract(image)
    except RuntimeError:  # how it says that there are none
        return np.zeros((0, WIDTH), np.float32)
    descriptors = np.asarray(sift.descriptors, np.float32)
    return descriptors / np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1)
