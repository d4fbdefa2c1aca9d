"""Two layers as one space: side by side or summed, scaled alike and weighted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nearspace.judge.taps import Tapped
from nearspace.metrics.labels import knn_scores

__all__ = ["WEIGHTS", "hybrid_scores", "pairs_of"]

WEIGHTS = (0.25, 0.5, 0.75)
# Distances held at once.
BLOCK_VALUES = 2**25


def pairs_of(names: Sequence[str], own: str) -> list[tuple[str, str]]:
    """Return each layer with the next, and each with the encoder's own: chosen blindly.

    No score decides which pairs there are, so none is there because the test items favour it.

    Examples
    --------
    >>> pairs_of(["conv1", "conv2", "fc1", "logits"], own="fc1")
    [('conv1', 'conv2'), ('conv1', 'fc1'), ('conv2', 'fc1'), ('fc1', 'logits')]
    """
    adjacent = set(itertools.pairwise(names))
    return [pair for pair in itertools.combinations(names, 2) if pair in adjacent or own in pair]


def hybrid_scores(
    train: Tapped, test: Tapped, own: str, k: int = 5
) -> dict[tuple[str, str, str, float], np.ndarray]:
    """Return the k-NN vote of pairs of layers, item by item.

    Each layer is divided so that two training items are on average equally far apart in all of
    them. A weight ``w`` is the first layer's share of the squared distance: its vectors are
    multiplied by ``sqrt(w)``, those of the second by ``sqrt(1 - w)``, and they are put side by
    side, or, where they are of one length, also added.

    Parameters
    ----------
    train, test : Tapped
        The vectors of each layer, in the order of the network, and what is to be told.
    own : str
        The layer with which every other is paired, see `pairs_of`.
    k : int
        Neighbours that vote.

    Returns
    -------
    dict of (first, second, how, weight) to ndarray of shape (n_test,)
        How well the vote fits, see `Target.score`; ``how`` is ``"side by side"`` or ``"summed"``.
    """
    pairs = pairs_of(list(train.vectors), own)
    target, labels, near, far = train.target, test.target.values, train.vectors, test.vectors
    used = {name for pair in pairs for name in pair}
    middles = {name: near[name].mean(axis=0) for name in used}
    scales = {name: _spread(near[name], middles[name]) for name in used}
    keys = [(*pair, "side by side", weight) for pair in pairs for weight in WEIGHTS]
    told: dict[Any, np.ndarray] = {key: np.empty(len(labels), target.values.dtype) for key in keys}
    step = max(1, BLOCK_VALUES // (len(target) * max(1, len(used))))
    for start in range(0, len(labels), step):
        rows = slice(start, start + step)
        squares = {
            name: _squares(far[name][rows], near[name], middles[name], scales[name])
            for name in used
        }
        for key in keys:
            first, second, _, weight = key
            both = squares[second].lerp(squares[first], weight)
            nearest = both.topk(k, largest=False).indices.numpy()
            told[key][rows] = target.vote(target.values[nearest])
    scores = {key: target.score(labels, votes) for key, votes in told.items()}
    for first, second in pairs:
        if near[first].shape != near[second].shape:
            continue
        for weight in WEIGHTS:
            a, b = np.sqrt(weight) / scales[first], np.sqrt(1 - weight) / scales[second]
            scores[first, second, "summed", weight] = knn_scores(
                a * near[first] + b * near[second], target,
                a * far[first] + b * far[second], labels, k=k,
            )  # fmt: skip
    return scores


def _spread(vectors: np.ndarray, middle: np.ndarray) -> np.float32:
    """Return the root mean square distance of vectors to their middle; 1 where all are the same."""
    total = np.square(vectors - middle, dtype=np.float32).sum(axis=1, dtype=np.float64).mean()
    return np.float32(np.sqrt(total) if total > 0 else 1.0)


def _squares(queries: np.ndarray, gallery: np.ndarray, middle: np.ndarray, scale: Any) -> Any:
    """Return squared distances but for a part that is the same for a query, ``(q, n)``."""
    import torch

    # Moved to the middle, numbers are small and little is lost when they cancel.
    left = torch.from_numpy((queries - middle) / scale)
    right = torch.from_numpy((gallery - middle) / scale)
    return torch.addmm(right.square().sum(1), left, right.T, alpha=-2.0)
