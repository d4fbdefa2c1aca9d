"""`LayerBoard`: what `compare_layers` found, as rows, as a frame, as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.judge.leaderboard import plain
from nearspace.judge.scores import SCORES, Score
from nearspace.judge.statistics import Estimate
from nearspace.judge.task import ItemTask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Hybrid", "LayerBoard", "LayerRow"]

TOP = ("best", "tied with best")


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
    knn, probe : Estimate or None
        Score of the k-NN vote and of a linear probe; None without labels.
    l2 : Estimate or None
        k-NN score of vectors brought to length one minus that of the vectors as they are; the
        intervals hold for all layers at once.
    verdict : str
        ``"best"``, ``"tied with best"`` or ``"worse"`` among the layers alone.
    difference : Estimate or None
        k-NN score minus that of the best layer; the intervals hold for all layers at once.
    """

    name: str
    shape: tuple[int, ...]
    dim: int
    effective_rank: float
    zeros: Estimate
    silent: float
    knn: Estimate | None = None
    probe: Estimate | None = None
    l2: Estimate | None = None
    verdict: str = ""
    difference: Estimate | None = None


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
    knn : Estimate
        Score of the k-NN vote.
    verdict, difference
        As of `LayerRow`, but among all layers alone and all hybrids.
    """

    first: str
    second: str
    how: str
    weight: float
    knn: Estimate
    verdict: str
    difference: Estimate


@dataclasses.dataclass(frozen=True, eq=False)
class LayerBoard:
    """What every layer of a network is worth.

    Attributes
    ----------
    rows : tuple of LayerRow
        In the order of the network.
    floor : dict of str to Estimate
        k-NN score of the ``"raw"`` input and of ``"chance"``; empty without labels.
    hybrids : tuple of Hybrid
        Pairs of layers; empty without labels.
    gain : Estimate or None
        k-NN score of the best hybrid minus that of the best layer, with an interval that holds
        for all layers and hybrids at once.
    cka : ndarray of shape (l, l)
        How alike each two layers are.
    protocol : dict
        All that is needed to repeat it, in the order in which to read it.
    notes : tuple of str
        Warnings and remarks.
    seconds : dict of str to float
        Where the time went, by step.
    encoder : Encoder
        The fitted encoder.
    task : ItemTask
        The data and its two sides.
    """

    rows: tuple[LayerRow, ...]
    floor: dict[str, Estimate]
    hybrids: tuple[Hybrid, ...]
    gain: Estimate | None
    cka: np.ndarray
    protocol: dict[str, Any]
    notes: tuple[str, ...]
    seconds: dict[str, float]
    encoder: Encoder
    task: ItemTask

    @property
    def score(self) -> Score:
        """The score that ranks."""
        return SCORES[self.protocol.get("rank_by", "knn")]

    @property
    def label(self) -> str:
        """What the score that ranks is called, with the number of neighbours."""
        return self.score.label.replace("k-NN", f"{self.protocol['k']}-NN")

    def best(self) -> LayerRow:
        """Return the layer with the best k-NN score.

        Raises
        ------
        NearspaceError
            If there are no labels.
        """
        for row in self.rows:
            if row.verdict == "best":
                return row
        raise NearspaceError("Which layer is best is told by labels, and there are none.")

    def contenders(self) -> list[LayerRow]:
        """Return the layers that are best or tied with it, and can be told from chance."""
        chance = self.floor.get("chance", Estimate(-np.inf)).value
        return [
            row
            for row in self.rows
            if row.verdict in TOP and row.knn is not None and self.score.beats(row.knn, chance)
        ]

    def recommended(self) -> LayerRow | None:
        """Return the smallest of the contenders, of equally small ones the best; None of none."""

        def order(row: LayerRow) -> tuple[int, float]:
            return row.dim, -row.knn.value if row.knn is not None else 0.0

        return min(self.contenders(), key=order, default=None)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a layer, with the ends of the intervals as columns."""
        import pandas as pd

        return pd.json_normalize([dataclasses.asdict(row) for row in self.rows], sep="_")

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the board as JSON text; write it where asked."""
        value = {
            "protocol": self.protocol,
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "floor": {name: dataclasses.asdict(score) for name, score in self.floor.items()},
            "hybrids": [dataclasses.asdict(hybrid) for hybrid in self.hybrids],
            "gain": None if self.gain is None else dataclasses.asdict(self.gain),
            "cka": self.cka,
            "notes": self.notes,
            "seconds": self.seconds,
        }
        text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text
