"""`Dual`: two encoders whose vectors trained maps lead into one space."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.data.batches import Stacked
from nearspace.data.kinds.sides import Sides
from nearspace.data.sided import SIDES, Sided
from nearspace.encoders.affine import Affine
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import piped
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.linear_pair import canonical_maps, tower
from nearspace.encoders.paired import Paired
from nearspace.errors import DataError
from nearspace.learning.losses import linked_contrast
from nearspace.learning.train import train

__all__ = ["Dual"]

HELD_OUT = 0.1  # of what hangs together by pairs
REGULARIZATION, WEIGHT = 0.1, 2.0  # of the canonical maps, as in `LinearPair`


class Temperature(nn.Module):
    """A number above 0 that is trained by its logarithm, and never goes below 0.01."""

    def __init__(self, start: float):
        super().__init__()
        self.log = nn.Parameter(torch.tensor(start).log())

    def forward(self) -> Tensor:
        """Return the temperature."""
        return self.log.exp().clamp(min=0.01)


class Dual(Paired):
    """Two encoders, and maps trained to bring items that belong together near each other.

    Either side is encoded for itself. The maps start as the canonical ones of `LinearPair`, and are
    trained to find the other item of a pair among those of a batch [1]_, at a temperature that is
    learnt. A tenth of the pairs, none of whose items is in another, is held out; where training
    does not lower the loss on them, the canonical maps stay.

    Parameters
    ----------
    left, right : Encoder, optional
        Of the items on either side, with dense vectors; by default one that suits their kind.
    dim : int, default=512
        Dimensions of the common space at most.
    temperature : float, default=0.05
        Divides the cosines when training starts.
    dropout : float, default=0.3
        Share of the numbers that are left out at random in training.
    epochs : int, default=30
        Passes over the pairs at most.
    batch_size : int, default=256
        Pairs a step.
    learning_rate : float, default=1e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of what is held out, of order, and of what is left out.

    References
    ----------
    .. [1] A. Radford et al., "Learning transferable visual models from natural language
       supervision", 2021.

    Examples
    --------
    >>> from nearspace import load, make
    >>> from nearspace.data.pairs import Pairs
    >>> wine = load("wine").items
    >>> pair = make("dual(raw | scale, right=raw | scale, dim=4, epochs=2)")
    >>> links = np.arange(len(wine))[:, None].repeat(2, axis=1)
    >>> pair = pair.fit_on(Pairs(load(wine[:, :6]), load(wine[:, 6:]), links))
    >>> pair.side("left").transform(wine[:2, :6]).shape
    (2, 4)
    """

    metric = "cosine"
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "left": [Encoder, None],
        "right": [Encoder, None],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0.01, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        left: Encoder | None = None,
        right: Encoder | None = None,
        *,
        dim: int = 512,
        temperature: float = 0.05,
        dropout: float = 0.3,
        epochs: int = 30,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        random_state: Any = 0,
    ):
        self.left = left
        self.right = right
        self.dim = dim
        self.temperature = temperature
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _fit_sides(self, items: Sided, kind: Sides) -> tuple[Encoder, Encoder]:
        links = items.links
        if len(links) < 2:
            raise DataError(
                f"{self.spec}: expected at least 2 pairs to learn from, got {len(links)}."
            )
        seed = seed_of(self.random_state)
        towers, vectors = [], []
        for name, given, (own, some) in zip(
            SIDES, (self.left, self.right), kind.of(items), strict=True
        ):
            encoder, rows = tower(given, some, own, f"{self.spec}, {name}")
            towers.append(encoder)
            vectors.append(rows.astype(np.float64))
        held = _held_out(links, [len(rows) for rows in vectors], seed)
        learnt = np.setdiff1d(np.arange(len(links)), held)
        sides = [rows[at] for rows, at in zip(vectors, links[learnt].T, strict=True)]
        matrices = canonical_maps(sides[0], sides[1], self.dim, REGULARIZATION, WEIGHT)
        means = [side.mean(axis=0) for side in sides]
        starts = [
            torch.from_numpy(((rows - mean) @ matrix).astype(np.float32))
            for rows, mean, matrix in zip(vectors, means, matrices, strict=True)
        ]
        turns = self._trained(starts, torch.from_numpy(links), torch.from_numpy(held), seed)
        maps = [
            Affine.of(matrix @ turn, -mean @ matrix @ turn, "cosine")
            for matrix, mean, turn in zip(matrices, means, turns, strict=True)
        ]
        left, right = (piped(encoder, to) for encoder, to in zip(towers, maps, strict=True))
        return left, right

    def _trained(
        self, starts: list[Tensor], links: Tensor, held: Tensor, seed: int
    ) -> list[np.ndarray]:
        """Return the matrices by which vectors, led there by canonical maps, are led on."""
        width, count = starts[0].shape[1], len(starts[1])
        codes = links[:, 0] * count + links[:, 1]
        nets = nn.ModuleDict({name: nn.Linear(width, width, bias=False) for name in SIDES})
        for net in nets.values():
            nn.init.eye_(net.weight)
        nets["temperature"] = Temperature(self.temperature)

        def losses(nets: Any, rows: Any, labels: Any, generator: Any) -> dict[str, Tensor]:
            left, right = (side.unique() for side in links[rows].T)
            linked = torch.isin(left[:, None] * count + right, codes)
            led = []
            for name, start, at in zip(SIDES, starts, (left, right), strict=True):
                batch = start[at]
                if nets.training:
                    stays = torch.rand(batch.shape, generator=generator) >= self.dropout
                    batch = batch * stays / (1 - self.dropout)
                led.append(nets[name](batch))
            return {"pairs": linked_contrast(*led, linked, nets["temperature"]())}

        train(
            nets,
            losses,
            Stacked(torch.arange(len(links)), lambda rows: rows),
            epochs=self.epochs,
            batch_size=min(self.batch_size, len(links) - len(held)),
            learning_rate=self.learning_rate,
            seed=seed,
            device="cpu",
            held_out=held,
            from_start=True,
        )
        return [nets[name].weight.detach().numpy().T.astype(np.float64) for name in SIDES]


def _held_out(links: np.ndarray, sizes: list[int], seed: int) -> np.ndarray:
    """Return the pairs held out, with all that share an item with them, directly or by others."""
    total = sum(sizes)
    ends = links[:, 0], links[:, 1] + sizes[0]
    graph = sparse.coo_array((np.ones(len(links)), ends), shape=(total, total))
    part = sparse.csgraph.connected_components(graph, directed=False)[1][links[:, 0]]
    order = np.random.default_rng(seed).permutation(np.unique(part))
    return np.flatnonzero(np.isin(part, order[: int(HELD_OUT * len(order))]))
