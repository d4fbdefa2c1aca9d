"""`Dual`: two encoders whose vectors are led into one space by what training on pairs makes."""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nearspace.data.batches import Batches
from nearspace.data.coupled import Bag, Coupled, rows_waiting
from nearspace.data.duplicates import components
from nearspace.data.kinds.sides import Sides
from nearspace.data.sided import SIDES, Sided
from nearspace.encoders.affine import Affine
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import piped
from nearspace.encoders.learned.finetuned import Finetuned
from nearspace.encoders.learned.imagined import ridge
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.linear_pair import canonical_maps, fitted_towers
from nearspace.encoders.paired import Paired
from nearspace.encoders.trainable import Trainable, train_only, trainable_nets
from nearspace.errors import DataError
from nearspace.learning.losses import linked_contrast, linked_distances
from nearspace.learning.progress import epoch_bar
from nearspace.learning.train import History, train
from nearspace.metrics.retrieval import nearest

__all__ = ["Dual"]

HELD_OUT = 0.1  # of what hangs together by pairs, nothing of fewer than so many pairs
FEWEST_TO_HOLD_OUT = 40
REGULARIZATION, WEIGHT = 0.1, 2.0  # of the canonical maps, as in `LinearPair`
COMPONENTS = 1024  # of sparse vectors, in which the canonical maps are looked for
PARTNERS = 50  # of an item, which are looked past for hard negatives
STEPS, STEPS_OF_NETWORKS = 1000, 400  # about how many, where nobody says


class Dual(Paired):
    """Two encoders, and what training makes of them so that items that belong together are near.

    Either side is encoded for itself, and its vectors are led into a common space by a map. The
    maps start as the canonical ones of `LinearPair`, and are trained to find the other item of a
    pair among those of a batch [1]_, at a temperature that is learnt. Sparse vectors are taken as
    they are: then each word or run of letters gets a vector of its own. With ``layers`` the
    networks of the encoders are trained as well. With ``objective="distill"`` the right side is a
    teacher that stays as it is, and the left side a student that is led to its vectors [2]_. Where
    networks are trained that are the same on both sides, they start in one space, and no map comes
    between.

    Of 40 pairs or more a tenth is held out, none of whose items is in another. Where training does
    not lower the loss on them, what it started from stays. Maps alone are trained once more on all
    pairs, as long as was best.

    Parameters
    ----------
    left, right : Encoder, optional
        Of the items on either side; by default one that suits their kind.
    dim : int, default=512
        Dimensions of the common space at most; where there is no map, it has those of the vectors.
    objective : {"contrast", "distill"}, default="contrast"
        What is learnt.
    layers : int or "all", optional
        How many blocks are trained of encoders that are networks, from the last one on; none when
        absent.
    temperature : float, default=0.1
        Divides the cosines when training starts.
    hard_negatives : int, default=0
        For each item of a batch so many of the other side join it that are likest to it by the
        canonical maps and do not belong to it.
    dropout : float, default=0.2
        Share of the numbers of a vector that are left out at random in training.
    epochs : int, optional
        Passes over the pairs at most; by default as many as come to some 1,000 steps, or 400 where
        networks are trained, between 3 and 30.
    batch_size : int, default=256
        Pairs a step.
    mini_batch_size : int, default=64
        Items that go through a network at once. A larger batch takes no more memory: its gradients
        are worked out part by part, from the loss of the whole [3]_.
    learning_rate : float, optional
        Peak of the one-cycle schedule; by default 1e-3, or what suits the networks.
    random_state : int, RandomState instance or None, default=0
        Of what is held out, of order, and of what is left out.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    history_ : dict
        The fields of `nearspace.learning.train.History`.

    References
    ----------
    .. [1] A. Radford et al., "Learning transferable visual models from natural language
       supervision", 2021.
    .. [2] N. Reimers, I. Gurevych, "Making monolingual sentence embeddings multilingual using
       knowledge distillation", 2020.
    .. [3] L. Gao et al., "Scaling deep contrastive learning batch size under memory limited setup",
       2021.

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
    history_: dict[str, Any]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "left": [Encoder, None],
        "right": [Encoder, None],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions({"contrast", "distill"})],
        "layers": [Interval(Integral, 1, None, closed="left"), StrOptions({"all"}), None],
        "temperature": [Interval(Real, 0.01, None, closed="left")],
        "hard_negatives": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "mini_batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        left: Encoder | None = None,
        right: Encoder | None = None,
        *,
        dim: int = 512,
        objective: str = "contrast",
        layers: int | str | None = None,
        temperature: float = 0.1,
        hard_negatives: int = 0,
        dropout: float = 0.2,
        epochs: int | None = None,
        batch_size: int = 256,
        mini_batch_size: int = 64,
        learning_rate: float | None = None,
        random_state: Any = 0,
        verbose: bool = False,
    ):
        self.left = left
        self.right = right
        self.dim = dim
        self.objective = objective
        self.layers = layers
        self.temperature = temperature
        self.hard_negatives = hard_negatives
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.mini_batch_size = mini_batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.verbose = verbose

    def _fit_sides(self, items: Sided, kind: Sides) -> tuple[Encoder, Encoder]:
        links = items.links
        if len(links) < 2:
            raise DataError(
                f"{self.spec}: expected at least 2 pairs to learn from, got {len(links)}."
            )
        given = self.left, self.right
        encoders, vectors = fitted_towers(given, items, kind, self.spec, takes_sparse=True)
        seed = seed_of(self.random_state)
        apart = _parts(items, kind)
        held = _held_out(apart, links, seed)
        starts = self._starts(encoders, vectors, np.delete(links, held, axis=0))
        towers = self._towers(encoders, vectors, items, kind, starts)
        history = self._train(towers, links, held, _hard(vectors, starts, apart, self), seed)
        self.history_ = dataclasses.asdict(history)
        if len(held) and not any(tower.nets for tower in towers):
            # Maps are cheap: once it is told how long training helps, all pairs are learnt from.
            starts = self._starts(encoders, vectors, links)
            towers = self._towers(encoders, vectors, items, kind, starts)
            if epochs := history.best_epoch:
                hard = _hard(vectors, starts, apart, self)
                self._train(towers, links, held[:0], hard, seed, epochs)
        left, right = (tower.fitted(self.layers, history) for tower in towers)
        return left, right

    def _train(
        self,
        towers: list[Tower],
        links: np.ndarray,
        held: np.ndarray,
        hard: tuple[Tensor, Tensor] | None,
        seed: int,
        epochs: int | None = None,
    ) -> History:
        """Train the towers in place."""
        nets = nn.ModuleDict(dict(zip(SIDES, towers, strict=True)))
        nets["temperature"] = Temperature(self.temperature)
        rates = [tower.encoder.schedule.rates[0] for tower in towers if tower.nets]
        waiting = towers[0].waiting, towers[1].waiting
        at_once = self.mini_batch_size if rates else max(map(len, waiting))
        with torch.random.fork_rng(), epoch_bar(type(self).__name__, self.verbose):
            torch.manual_seed(seed)  # what is left out at random
            return train(
                nets,
                distances if self.objective == "distill" else contrast,
                Coupled(waiting, torch.from_numpy(links), at_once, hard),
                epochs=epochs or self.epochs,
                default_steps=STEPS_OF_NETWORKS if rates else STEPS,
                batch_size=min(self.batch_size, len(links) - len(held)),
                learning_rate=self.learning_rate or min(rates, default=1e-3),
                seed=seed,
                device="auto" if rates else "cpu",
                held_out=torch.from_numpy(held),
                from_start=True,
            )

    def _starts(
        self, encoders: list[Encoder], vectors: list[Any], links: np.ndarray
    ) -> list[Map | None]:
        """Return the maps from which training starts; of a teacher none, nor of one network."""
        if self.layers is not None and encoders[0].fingerprint == encoders[1].fingerprint:
            return [None, None]
        bases = [_basis(own) for own in vectors]
        dense = [
            own if base is None else own @ base for own, base in zip(vectors, bases, strict=True)
        ]
        pairs = [own[at].astype(np.float64) for own, at in zip(dense, links.T, strict=True)]
        if self.objective == "distill":
            if bases[1] is not None:
                raise DataError(
                    f"{self.spec}: the vectors of the teacher '{encoders[1].spec}' are sparse; "
                    f"make them dense, as '{encoders[1].spec} | svd(dim=256)' does."
                )
            matrix, shift = ridge(pairs[0], pairs[1], REGULARIZATION)
            return [Map.of(matrix if bases[0] is None else bases[0] @ matrix, shift), None]
        starts: list[Map | None] = []
        matrices = canonical_maps(pairs[0], pairs[1], self.dim, REGULARIZATION, WEIGHT)
        for own, matrix, base in zip(pairs, matrices, bases, strict=True):
            shift = -own.mean(axis=0) @ matrix
            size = np.linalg.norm(own @ matrix + shift, axis=1).mean() or 1.0
            whole = matrix if base is None else base @ matrix
            starts.append(Map.of(whole / size, shift / size))
        return starts

    def _towers(
        self,
        encoders: list[Encoder],
        vectors: list[Any],
        items: Sided,
        kind: Sides,
        starts: list[Map | None],
    ) -> list[Tower]:
        """Return what is trained of either side.

        Raises
        ------
        DataError
            If networks are to be trained, and neither encoder is one.
        """
        towers = []
        learn = True, self.objective == "contrast"  # a teacher does not
        for encoder, own, (_, some), start, learns in zip(
            encoders, vectors, kind.of(items), starts, learn, strict=True
        ):
            nets, waiting = nn.ModuleDict(), rows_waiting(own)
            if learns and self.layers is not None and isinstance(encoder, Trainable):
                nets = trainable_nets(encoder)
            if nets:
                train_only(nets, self.layers)
                waiting = encoder.batches(some)
            towers.append(Tower(encoder, waiting, start, nets, self.dropout))
        if self.layers is not None and not any(tower.nets for tower in towers):
            raise DataError(
                f"{self.spec}: expected an encoder that is a network, as layers={self.layers!r} "
                f"trains its blocks, got '{encoders[0].spec}' and '{encoders[1].spec}'; leave "
                "layers out."
            )
        return towers

    @property
    def notes(self) -> tuple[str, ...]:
        """What both sides say, and that training did not help, where it did not."""
        if self.history_["best_epoch"]:
            return super().notes
        return (
            *super().notes,
            "Training did not lower the loss on what was held out: the maps are those from which "
            "it started.",
        )


class Map(nn.Module):
    """Vectors times a matrix, and what is added; of sparse ones, the sum of those of columns."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    @classmethod
    def of(cls, matrix: np.ndarray, shift: np.ndarray) -> Map:
        """Return the map of a matrix of shape (d, e) and a shift of shape (e,)."""
        return cls(*(torch.from_numpy(np.asarray(part, np.float32)) for part in (matrix, shift)))

    def forward(self, batch: Tensor | Bag, dropout: float) -> Tensor:
        """Return vectors of shape (n, e), with a share of what comes in left out in training."""
        dropout = dropout if self.training else 0.0
        if isinstance(batch, Bag):
            values = nn.functional.dropout(batch.values, dropout)
            return self.bias + nn.functional.embedding_bag(
                batch.columns, self.weight, batch.starts, mode="sum", per_sample_weights=values
            )
        return nn.functional.dropout(batch, dropout) @ self.weight + self.bias

    def of_rows(self, rows: Any) -> np.ndarray:
        """Return what the map makes of vectors, dense or sparse."""
        return np.asarray(rows @ self.weight.detach().numpy() + self.bias.detach().numpy())

    def after(self, encoder: Encoder) -> Encoder:
        """Return a fitted encoder whose vectors are led on by the map."""
        matrix, shift = (part.detach().cpu().numpy() for part in (self.weight, self.bias))
        return piped(encoder, Affine.of(matrix, shift, "cosine"))


class Tower(nn.Module):
    """What leads the items of a side into the common space, in training.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    waiting : Batches
        Its vectors, or the items as they wait for the networks that are trained.
    lead : Map, optional
        Of the vectors; where there is none, they are of the common space.
    nets : nn.ModuleDict
        Of the encoder, where they are trained.
    dropout : float
        Share of the numbers of vectors that is left out, where the encoder stays as it is.
    """

    def __init__(
        self,
        encoder: Any,
        waiting: Batches,
        lead: Map | None,
        nets: nn.ModuleDict,
        dropout: float,
    ):
        super().__init__()
        self.encoder, self.waiting, self.lead, self.nets = encoder, waiting, lead, nets
        self.dropout = 0.0 if nets else dropout  # a network has its own

    def forward(self, batches: list[Any]) -> Tensor:
        """Return the vectors of items, with gradients; of several batches one after the other.

        What the networks work out of a batch is worked out again for its gradients, so that no
        more than one batch is in memory.
        """
        if len(batches) == 1 or not (self.nets and torch.is_grad_enabled()):
            return torch.cat([self._of(batch) for batch in batches])
        parts = [checkpoint(self._of, batch, use_reentrant=False) for batch in batches]
        return torch.cat(parts)

    def _of(self, batch: Any) -> Tensor:
        vectors = self.encoder.vectors(self.nets, batch) if self.nets else batch
        return vectors if self.lead is None else self.lead(vectors, self.dropout)

    def fitted(self, layers: int | str | None, history: History) -> Encoder:
        """Return the encoder of the side as training has made it."""
        encoder = self.encoder
        if self.nets and history.best_epoch:
            encoder = Finetuned.of(encoder, self.nets, layers, history)
        return encoder if self.lead is None else self.lead.after(encoder)


class Temperature(nn.Module):
    """A number above 0 that is trained by its logarithm, and never goes below 0.01."""

    def __init__(self, start: float):
        super().__init__()
        self.log = nn.Parameter(torch.tensor(start).log())

    def forward(self) -> Tensor:
        """Return the temperature."""
        return self.log.exp().clamp(min=0.01)


def contrast(nets: Any, batch: Any, labels: Any, generator: Any) -> dict[str, Tensor]:
    """Return how hard it is to find the other item of a pair."""
    left, right = nets["left"](batch.left), nets["right"](batch.right)
    return {"pairs": linked_contrast(left, right, batch.linked, nets["temperature"]())}


def distances(nets: Any, batch: Any, labels: Any, generator: Any) -> dict[str, Tensor]:
    """Return how far the student is from the teacher."""
    left, right = nets["left"](batch.left), nets["right"](batch.right)
    return {"pairs": linked_distances(left, right, batch.linked)}


def _basis(vectors: Any) -> np.ndarray | None:
    """Return the directions in which sparse vectors vary most, as columns; of dense ones None."""
    if not sparse.issparse(vectors):
        return None
    n = min(COMPONENTS, vectors.shape[0] - 1, vectors.shape[1] - 1)
    svd = TruncatedSVD(max(1, n), random_state=0).fit(sparse.csr_matrix(vectors))
    return svd.components_.T


def _parts(items: Sided, kind: Sides) -> list[np.ndarray]:
    """Return for each item of either side a number, the same for all that hang together."""
    same = [own.same(some) for own, some in kind.of(items)]
    sizes = [int(numbers.max(initial=-1)) + 1 for numbers in same]
    left, right = (numbers[at] for numbers, at in zip(same, items.links.T, strict=True))
    of_node = components(sum(sizes), np.stack([left, right + sizes[0]], axis=1))
    return [of_node[same[0]], of_node[same[1] + sizes[0]]]


def _held_out(apart: list[np.ndarray], links: np.ndarray, seed: int) -> np.ndarray:
    """Return the pairs held out, with all that hangs together with them."""
    part = apart[0][links[:, 0]]
    order = np.random.default_rng(seed).permutation(np.unique(part))
    n = int(HELD_OUT * len(order)) if len(links) >= FEWEST_TO_HOLD_OUT else 0
    return np.flatnonzero(np.isin(part, order[:n]))


def _hard(
    vectors: list[Any], starts: list[Map | None], apart: list[np.ndarray], dual: Dual
) -> tuple[Tensor, Tensor] | None:
    """Return for each item of a side those of the other that are likest and hang not together."""
    n = dual.hard_negatives
    if not n:
        return None
    led = [
        own if start is None else start.of_rows(own)
        for own, start in zip(vectors, starts, strict=True)
    ]
    chosen = []
    for here, there in ((0, 1), (1, 0)):
        near, _ = nearest(led[here], led[there], n + PARTNERS, "cosine")
        near = np.maximum(near, 0)  # what has no direction is like nothing: any item will do
        apart_from = apart[there][near] != apart[here][:, None]
        # Where there are too few, what belongs to it stands in: it is in the batch, and no harm.
        order = np.argsort(~apart_from, axis=1, kind="stable")[:, :n]
        chosen.append(torch.from_numpy(np.take_along_axis(near, order, axis=1)))
    return chosen[0], chosen[1]
