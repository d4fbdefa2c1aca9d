"""`LayerBoard`: what `compare_layers` found."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nearspace.judge.board import HIDDEN, Board
from nearspace.judge.statistics import Estimate

__all__ = ["Hybrid", "LayerBoard", "LayerRow"]


@dataclasses.dataclass(frozen=True)
class LayerRow:
    """One layer.

    Attributes
    ----------
    name : str
        Its name in the network.
    shape : tuple of int
        Shape of its output for one item.
    dim : int
        Length of its vectors, after places are pooled.
    effective_rank : float
        How many dimensions are in use.
    zeros : Estimate
        Which share of its numbers is exactly zero, before places are pooled.
    silent : float
        Which share of its numbers is zero for every test item.
    scores : dict of str to Estimate
        That of the k-NN vote, then that of a linear model; empty without labels.
    l2 : Estimate or None
        k-NN score of vectors brought to length one minus that of the vectors as they are; the
        intervals hold for all layers at once.
    verdict : str
        ``"best"``, ``"tied with best"`` or ``"worse"`` among the layers alone.
    difference : Estimate or None
        k-NN score minus that of the best layer; the intervals hold for all layers at once.
    recommended : bool
        Whether it is the smallest of the best and the tied, of equally small ones the best.
    """

    name: str
    shape: tuple[int, ...]
    dim: int
    effective_rank: float
    zeros: Estimate
    silent: float
    scores: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    l2: Estimate | None = None
    verdict: str = ""
    difference: Estimate | None = None
    recommended: bool = False


@dataclasses.dataclass(frozen=True)
class Hybrid:
    """Two layers as one space, see `nearspace.judge.hybrids`.

    Attributes
    ----------
    first, second : str
        The layers.
    how : str
        ``"side by side"`` or ``"summed"``.
    weight : float
        The share of the squared distance that the first layer makes out.
    score : Estimate
        That of the k-NN vote.
    verdict, difference
        As of `LayerRow`, but among all layers alone and all hybrids.
    """

    first: str
    second: str
    how: str
    weight: float
    score: Estimate
    verdict: str
    difference: Estimate


@dataclasses.dataclass(frozen=True, eq=False)
class LayerBoard(Board):
    """What every layer of a network is worth: a `Board` whose rows are in its order.

    Attributes
    ----------
    floor : dict of str to Estimate
        k-NN score of the ``"raw"`` input and of ``"chance"``; empty without labels.
    hybrids : tuple of Hybrid
        Pairs of layers; empty without labels.
    gain : Estimate or None
        k-NN score of the best hybrid minus that of the best layer, with an interval that holds
        for all layers and hybrids at once.
    cka : ndarray of shape (l, l)
        How alike each two layers are.
    encoder : Encoder
        The fitted encoder.
    task : ItemTask
        The data and its two sides.
    """

    floor: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    hybrids: tuple[Hybrid, ...] = ()
    gain: Estimate | None = None
    cka: np.ndarray = dataclasses.field(default_factory=lambda: np.eye(0))
    encoder: Any = dataclasses.field(default=None, metadata=HIDDEN)
    task: Any = dataclasses.field(default=None, metadata=HIDDEN)

    @property
    def chance(self) -> Estimate | None:
        """What guessing gets by the score that ranks, where there is anything to guess."""
        return self.floor.get("chance")
