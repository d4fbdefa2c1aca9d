"""`Imagine`: from what an item is called, vectors of items that may be meant, drawn and decoded."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from nearspace.data.batches import Stacked
from nearspace.data.kinds.sides import Sides
from nearspace.data.sided import Sided
from nearspace.encoders.affine import Affine
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import piped
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.linear_pair import towers_of
from nearspace.encoders.paired import Paired
from nearspace.encoders.spec import make
from nearspace.errors import DataError
from nearspace.learning.train import train

__all__ = ["Imagine"]

HIDDEN = 256
BATCH = 128
EULER_STEPS = 30
JUDGED_DRAWS = 32
FOLDS = 5
PICTURED_BY = "vae(dim=32)"  # pictures on the left, when nobody says how


class Imagine(Paired):
    """The vectors of the left side as the space, into which the right side is led.

    A description says what is to be seen, though not all of it. Ridge regression leads it to the
    mean of all items that it may mean, which stands in the space as its vector. Around that mean
    `draw` draws single ones, by a rectified flow [1]_: a network that leads normal noise along
    straight ways to vectors of the left side, given where regression puts the description. It
    learns that from predictions of items that regression has not seen, in five folds. Where the
    encoder of the left side decodes, as `vae` does, what is drawn can be looked at.

    Parameters
    ----------
    left, right : Encoder, optional
        Of the items on either side, with dense vectors; by default ``vae(dim=32)`` of images on
        the left, and what suits their kind.
    regularization : float, default=0.5
        What is added to the variances of the right side in regression, as a share of their mean.
    steps : int, default=3000
        Of training of the flow at most.
    random_state : int, RandomState instance or None, default=0
        Of the folds and of the training of the flow.

    Attributes
    ----------
    flow_ : dict of ndarray
        The weights of the network of the flow by their names.
    mean_, scale_ : ndarray of shape (dim,)
        Mean and deviation of the left vectors, by which the flow sees them.

    References
    ----------
    .. [1] X. Liu et al., "Flow straight and fast: learning to generate and transfer data with
       rectified flow", 2023.

    Examples
    --------
    >>> from nearspace import load, make
    >>> from nearspace.data.pairs import Pairs
    >>> wine = load("wine").items
    >>> links = np.arange(len(wine))[:, None].repeat(2, axis=1)
    >>> pairs = Pairs(load(wine[:, :6]), load(wine[:, 6:]), links)
    >>> encoder = make("imagine(raw | scale, right=raw | scale, steps=50)").fit_on(pairs)
    >>> encoder.draw(wine[:2, 6:], 5, random_state=0).shape
    (2, 5, 6)
    """

    draws = True
    flow_: dict[str, Any]
    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "left": [Encoder, None],
        "right": [Encoder, None],
        "regularization": [Interval(Real, 0, None, closed="neither")],
        "steps": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        left: Encoder | None = None,
        right: Encoder | None = None,
        *,
        regularization: float = 0.5,
        steps: int = 3000,
        random_state: Any = 0,
    ):
        self.left = left
        self.right = right
        self.regularization = regularization
        self.steps = steps
        self.random_state = random_state

    def _fit_sides(self, items: Sided, kind: Sides) -> tuple[Encoder, Encoder]:
        if len(items.links) < FOLDS:
            raise DataError(
                f"{self.spec}: expected {FOLDS} pairs or more to learn from, got "
                f"{len(items.links):,}."
            )
        pictured = self.left is None and kind.left.name == "image"
        given = (make(PICTURED_BY) if pictured else self.left, self.right)
        towers, (left, right) = towers_of(given, items, kind, self.spec)
        random = check_random_state(self.random_state)
        self.mean_ = left.mean(axis=0).astype(np.float32)
        self.scale_ = (left.std(axis=0) + 1e-6).astype(np.float32)
        told = self._unseen(left, right, items.links[:, 0], random)
        self.flow_ = self._trained_flow(self._scaled(left), self._scaled(told), random)
        matrix, shift = ridge(right, left, self.regularization)
        return towers[0], piped(towers[1], Affine.of(matrix, shift, towers[0].metric))

    def _unseen(
        self, left: np.ndarray, right: np.ndarray, item: np.ndarray, random: np.random.RandomState
    ) -> np.ndarray:
        """Return what regression makes of every pair, fitted on the pairs of other items."""
        names, position = np.unique(item, return_inverse=True)
        fold = random.permutation(len(names))[position] % FOLDS
        told = np.tile(left.mean(axis=0), (len(left), 1))
        for own in (fold == at for at in range(FOLDS)):
            if own.any() and not own.all():
                matrix, shift = ridge(right[~own], left[~own], self.regularization)
                told[own] = right[own] @ matrix + shift
        return told

    def _scaled(self, vectors: np.ndarray) -> np.ndarray:
        return ((vectors - self.mean_) / self.scale_).astype(np.float32)

    def _trained_flow(
        self, left: np.ndarray, told: np.ndarray, random: np.random.RandomState
    ) -> dict[str, Any]:
        """Return the weights of a network that leads noise to left vectors, given what is told."""
        dim, seed = left.shape[1], seed_of(random)
        batch_size = min(BATCH, len(left))
        rows = torch.from_numpy(np.concatenate([left, told], axis=1))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            nets = nn.ModuleDict(
                {
                    "flow": nn.Sequential(
                        nn.Linear(2 * dim + 1, HIDDEN),
                        nn.SiLU(),
                        nn.Linear(HIDDEN, HIDDEN),
                        nn.SiLU(),
                        nn.Linear(HIDDEN, dim),
                    )
                }
            )
            train(
                nets,
                flow_losses,
                Stacked(rows),
                None,
                epochs=max(1, self.steps * batch_size // len(left)),
                batch_size=batch_size,
                learning_rate=2e-3,
                seed=seed,
                device="cpu",
            )
        weights = nets["flow"].state_dict()
        return {name.replace(".", "_"): value.cpu().numpy() for name, value in weights.items()}

    def draw(
        self,
        X: Any,
        n: int = 1,
        random_state: int | np.random.RandomState | None = None,
        temperature: float = 1.0,
    ) -> np.ndarray:
        """Return vectors of left items that right ones may mean.

        Parameters
        ----------
        X : sequence of m items
            As they stand on the right side, such as sentences.
        n : int, default=1
            How many to draw of each.
        random_state : int, RandomState instance or None, default=None
            Of the noise from which they are led.
        temperature : float, default=1.0
            By what that noise is multiplied: 0 leads all to one place.

        Returns
        -------
        ndarray of shape (m, n, dim), float32
            Vectors of the space; ``encoder.side("left").decoder`` decodes them where it does.

        Raises
        ------
        DataError
            If fewer than one is to be drawn, or the temperature is below 0.
        """
        check_is_fitted(self)
        if n < 1:
            raise DataError(f"imagine: expected 1 draw or more, got {n}.")
        if not 0 <= temperature < np.inf:
            raise DataError(f"imagine: expected a temperature of at least 0, got {temperature}.")
        told = self._scaled(self.right_.transform(X)).repeat(n, axis=0)
        dim = told.shape[1]
        noise = check_random_state(random_state).standard_normal((len(told), dim))
        z = (temperature * noise).astype(np.float32)
        for step in range(EULER_STEPS):
            time = np.full((len(z), 1), step / EULER_STEPS, np.float32)
            z = z + self._velocity(np.concatenate([z, told, time], axis=1)) / EULER_STEPS
        return (z * self.scale_ + self.mean_).astype(np.float32).reshape(-1, n, dim)

    def _velocity(self, given: np.ndarray) -> np.ndarray:
        for layer in (0, 2):
            given = given @ self.flow_[f"{layer}_weight"].T + self.flow_[f"{layer}_bias"]
            given = given * 0.5 * (1 + np.tanh(given / 2))  # SiLU, without overflow
        return given @ self.flow_["4_weight"].T + self.flow_["4_bias"]

    def check_whole(self) -> None:
        """Raise an error unless the flow leads vectors of the space to such, as it is written."""
        super().check_whole()
        dim = self._n_features_out
        wanted = {
            "0_weight": (HIDDEN, 2 * dim + 1),
            "0_bias": (HIDDEN,),
            "2_weight": (HIDDEN, HIDDEN),
            "2_bias": (HIDDEN,),
            "4_weight": (dim, HIDDEN),
            "4_bias": (dim,),
        }
        if {name: np.shape(value) for name, value in self.flow_.items()} != wanted:
            raise ValueError("the weights of its flow are not those of its vectors")
        if self.mean_.shape != (dim,) or self.scale_.shape != (dim,):
            raise ValueError("the mean and the scale of its flow are not those of its vectors")
        given = [*self.flow_.values(), self.mean_, self.scale_]
        if not all(np.isfinite(values).all() for values in given):
            raise ValueError("the weights of its flow are not finite")


def flow_losses(
    nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return by how much the flow misses the straight way from noise to vectors, squared.

    A row of the batch is a vector and beside it what is told of it, both of one length.
    """
    if not nets["flow"].training:  # a few held-out items are judged by more than one draw each
        batch = batch.repeat(JUDGED_DRAWS, 1)
    z, told = batch.chunk(2, dim=1)
    noise = torch.empty_like(z).normal_(generator=generator)
    time = torch.empty_like(z[:, :1]).uniform_(generator=generator)
    way = nets["flow"](torch.cat([time * z + (1 - time) * noise, told, time], dim=1))
    return {"flow": (way - (z - noise)).square().mean()}


def ridge(x: np.ndarray, y: np.ndarray, regularization: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix and the shift of ridge regression of rows on rows.

    Parameters
    ----------
    x, y : ndarray of shape (n, d) and (n, e), float64
        Row i of one belongs to row i of the other.
    regularization : float
        What is added to the variances of ``x``, as a share of their mean.

    Returns
    -------
    ndarray of shape (d, e) and ndarray of shape (e,), float64
    """
    middle, centred = x.mean(axis=0), x - x.mean(axis=0)
    covariance = centred.T @ centred / len(x)
    share = regularization * np.trace(covariance) / len(covariance) or 1.0
    covariance[np.diag_indices_from(covariance)] += share
    matrix = np.linalg.solve(covariance, centred.T @ (y - y.mean(axis=0)) / len(x))
    return matrix, y.mean(axis=0) - middle @ matrix
