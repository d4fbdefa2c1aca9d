"""`Learned`: what all encoders share that are trained by gradient descent."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from nearspace.data import Kind, Target
from nearspace.data.batches import Batches, Stacked
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.layers import Layers
from nearspace.encoders.learned.weights import build_with
from nearspace.encoders.state import State, Weights
from nearspace.encoders.trainable import Trainable
from nearspace.encoders.trained import Trained
from nearspace.errors import DataError, NearspaceError
from nearspace.learning.device import torch_device
from nearspace.learning.progress import epoch_bar
from nearspace.learning.threads import threads_for
from nearspace.learning.train import train
from nearspace.nets.bodies import BODIES
from nearspace.nets.layers import as_vectors, layer_names, output_of, tap
from nearspace.nets.steps import pool_steps

__all__ = ["Learned", "NetworkDecoder", "seed_of"]

TRANSFORM_BATCH = 512
SMALLEST_BATCH = 16
MOST_LAYERS = 100
MOST_STEPS = 2**20  # of an item over time
FEWEST_STEPS = 600  # of training on series and sounds, of which there may be few


class EachIn(Interval):
    """The constraint of a parameter that is a tuple of values which all lie in an interval."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether ``val`` is such a tuple, neither empty nor too long."""
        return (
            isinstance(val, tuple)
            and 1 <= len(val) <= MOST_LAYERS
            and all(map(super().is_satisfied_by, val))
        )

    def __str__(self) -> str:
        return f"a tuple of 1 to {MOST_LAYERS} numbers, each {super().__str__()}"


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Learned(Trained, Trainable, Layers, Encoder):
    """An encoder whose networks the one training loop trains.

    A subclass says which networks there are (`build`) and what they should minimise (`losses`),
    and how a batch becomes vectors (`embed`) where that is not by the network ``"encoder"`` alone.
    It is a dataclass, whose fields are the parameters that it does not share with all.

    Parameters
    ----------
    layer : str, optional
        The layer whose output is the vector; when absent the encoder's own, from which alone it
        decodes.
    pool : {"flatten", "mean", "max"}, default="flatten"
        What becomes of the places of a feature map, or of the steps of a series or a sound: of
        these, which vary in number, ``"flatten"`` is mean and maximum side by side.
    side : int, default=32
        The longer side, in pixels, of the images that the networks see: larger ones are brought to
        it, and what is decoded back to their own size.
    epochs : int, optional
        Passes over the training items at most; by default as many as come to about `default_steps`
        steps, fewer where that is minutes of arithmetic on a CPU.
    batch_size : int, default=128
        Items a step at most; a tenth of the training items where that is fewer.
    learning_rate : float, default=3e-3
        Peak of the one-cycle schedule.
    random_state : int, RandomState instance or None, default=0
        Of all that is random in training: first weights, order, held-out part, noise and views.
    kind : Kind, optional
        Kind of the items; inferred when absent.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : {"32-true", "bf16-mixed"}, default="32-true"
        Of the arithmetic of training; by the second products are rounded to bfloat16.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    nets_ : nn.ModuleDict
        The networks, in eval mode, on the device that last used them.
    history_ : dict
        The fields of `nearspace.learning.train.History`.
    shape_ : tuple of int
        Shape of one item in a batch: ``(channels, height, width)``, ``(d,)``, or of the longest of
        several lengths ``(channels + 1, time)``.
    target_, outputs_ : str, int
        Where labels were learnt from: ``"classes"`` or ``"numbers"``, and how many outputs of a
        network tell them.
    tapped : str
        The network from which the vectors come, and whose layers can be the space.
    mirrored : bool
        Whether there is a network ``"decoder"`` that takes what the other puts out.
    default_steps : int
        Steps of training when `epochs` is absent.
    from_start : bool
        Whether the first weights stay where training does not lower the held-out loss.
    muon : float
        By how many times the learning rate matrices are trained by `Muon`; 0 for not at all.
    """

    min_items = 2
    effort = 3
    moves = True
    fit_free_params = frozenset({"layer", "pool"})
    tapped: ClassVar[str] = "encoder"
    default_steps: ClassVar[int] = 3000
    from_start: ClassVar[bool] = False
    muon: ClassVar[float] = 0.0
    nets_: nn.ModuleDict = dataclasses.field(init=False)
    history_: dict[str, Any] = dataclasses.field(init=False)
    shape_: tuple[int, ...] = dataclasses.field(init=False)
    target_: str = dataclasses.field(init=False)
    outputs_: int = dataclasses.field(init=False)
    mean_: NDArray[np.float32] | None = dataclasses.field(init=False)
    scale_: NDArray[np.float32] | None = dataclasses.field(init=False)
    mirrored: ClassVar[bool] = False
    own_optimizer: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Of leaves too: a parameter has one meaning, whichever of them have it.
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "hidden": [EachIn(Integral, 1, None, closed="left")],
        "body": [StrOptions(set(BODIES))],
        "layer": [str, None],
        "pool": [StrOptions({"flatten", "mean", "max"})],
        "side": [Interval(Integral, 1, None, closed="left")],
        "flip": ["boolean"],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "kind": [Kind, None],
        "device": [StrOptions({"auto", "cpu", "cuda", "mps"})],
        "precision": [StrOptions({"32-true", "bf16-mixed"})],
        "verbose": ["boolean"],
    }

    layer: str | None = None
    pool: str = "flatten"
    side: int = 32
    epochs: int | None = None
    batch_size: int = 128
    learning_rate: float = 3e-3
    random_state: Any = 0
    kind: Kind | None = None
    device: str = "auto"
    precision: str = "32-true"
    verbose: bool = False

    @abstractmethod
    def build(self) -> nn.ModuleDict:
        """Return new networks for items of `shape_`."""

    @abstractmethod
    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the terms of the loss of a float batch by name; their sum is minimised.

        A term named in `own_optimizer` trains only the networks given there, by an optimiser of
        its own; the others train the other networks.
        """

    def start(self, nets: nn.ModuleDict, batches: Batches) -> None:
        """Set the first weights of new networks by the training items, as they wait in memory."""
        return

    def loss_weights(self, done: float) -> Mapping[str, float]:
        """Return weights of terms by name when a share of training is done; others weigh 1."""
        return {}

    def embed(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the vectors of a float batch, shape ``(n, d)``: what the encoder puts out."""
        return nets["encoder"](batch)

    def vectors(self, nets: nn.ModuleDict, batch: Any) -> Tensor:
        """Return the vectors of a batch: those of `embed`, or what `layer` puts out."""
        if self.layer is None:
            return self.embed(nets, batch)
        return self._pooled(output_of(nets[self.tapped], self.layer, batch), batch)

    @property
    def over_time(self) -> bool:
        """Whether items are steps over time, of which a batch says where they end."""
        return len(self.shape_) == 2

    def _pooled(self, output: Tensor, batch: Any) -> Tensor:
        """Return what a layer puts out for a batch as vectors."""
        if self.over_time and output.ndim == 3:
            return pool_steps(output, self.pool)
        return as_vectors(output, self.pool)

    def with_nets(self, nets: nn.ModuleDict) -> Self:
        """Return the fitted encoder with other networks in place of its own."""
        other = copy.copy(self)
        other.nets_ = nets
        return other

    def layer_names(self) -> list[str]:
        """Return the names of the layers of the fitted network, from input to output."""
        return layer_names(self.nets_[self.tapped])

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for a batch of items; steps over time pooled."""
        device = torch_device(self.device)
        batch = self.batches(self._check(X, reset=False))[:].to(device)
        with self.threads_for(len(batch)):
            outputs = tap(self.nets_[self.tapped].to(device), names, batch)
        if not self.over_time:
            return outputs
        return {name: self._pooled(output, batch) for name, output in outputs.items()}

    @property
    def _n_features_out(self) -> int:
        with torch.inference_mode():
            blank = self.blank(1).to(next(self.nets_.parameters()).device)
            return self.vectors(self.nets_, blank).shape[1]

    def _fit(self, items: Any, y: Target | None) -> None:
        torch_device(self.device)  # one that is not there is told before anything is done
        scaling: tuple[Any, Any] = self.kind_.scaling(items) or (None, None)
        self.mean_, self.scale_ = scaling
        labels = None
        if y is not None:
            self.target_, self.outputs_ = y.name, y.width
            labels = torch.from_numpy(y.encode(y.values))
        batches = self.training_batches(items)
        self.shape_ = self.shape_in(batches)
        if self.over_time and self.shape_[1] > MOST_STEPS:
            raise DataError(
                f"{type(self).__name__}: expected at most {MOST_STEPS:,} steps of an item, got "
                f"{self.shape_[1]:,}; cut them (chunks=) or give every few steps."
            )
        seed = seed_of(self.random_state)
        batch_size = self.batch_size_for(len(batches))
        with torch.random.fork_rng(), epoch_bar(type(self).__name__, self.verbose):
            torch.manual_seed(seed)  # the networks' first weights come from the global generator
            nets = self.build()
            self.start(nets, batches)
            self._try(nets)
            try:
                history = train(
                    nets,
                    self.losses,
                    batches,
                    labels,
                    epochs=self.epochs,
                    default_steps=self.default_steps,
                    fewest_steps=FEWEST_STEPS if self.over_time else 0,
                    batch_size=batch_size,
                    learning_rate=self.learning_rate,
                    seed=seed,
                    device=self.device,
                    precision=self.precision,
                    muon=self.muon,
                    loss_weights=self.loss_weights,
                    own_optimizer=self.own_optimizer,
                    from_start=self.from_start,
                )
            except (KeyboardInterrupt, NearspaceError) as error:
                stopped = "diverged" if isinstance(error, NearspaceError) else "interrupted"
                self.nets_, self.history_ = nets, {"stopped": stopped}
                raise
        self.nets_, self.history_ = nets, dataclasses.asdict(history)

    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `transform` would raise after training, such as for a layer that is not there.

        Nothing is fitted: an untrained copy sees one blank item of the shape of ``items``.
        """
        trial = clone(self)
        items, y = trial.begin_fit(items, y, kind)
        trial.mean_ = None
        trial.shape_ = tuple(trial.blank(1).shape[1:])
        if y is not None:
            trial.outputs_ = y.width
        with torch.random.fork_rng():
            trial._try(trial.build())

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state, with its networks built around their weights."""
        weights = fitted.get("nets_")  # not there before `fit`
        rest = {name: value for name, value in fitted.items() if name != "nets_"}
        encoder = super().from_state(params, rest)
        if weights is not None:
            if not isinstance(weights, Weights):
                raise TypeError(f"expected networks, got a {type(weights).__name__}")
            shape = tuple(encoder.blank(0).shape[1:])
            if len(shape) == len(encoder.shape_) == 2:  # time is as long as it was in `fit`
                shape = (shape[0], min(max(1, encoder.shape_[1]), MOST_STEPS))
            if shape != encoder.shape_:  # before networks of that shape are built
                raise ValueError(f"its networks take shape {encoder.shape_}, its items {shape}")
            encoder.nets_ = build_with(encoder.build, weights)
        return encoder

    @property
    def notes(self) -> tuple[str, ...]:
        """That its network sees smaller images than there are, where it does."""
        if len(self.shape_) != 3 or self.shape_[1:] == self.kind_.shape_of_item[:2]:
            return ()
        seen, own = (f"{w} × {h}" for h, w in (self.shape_[1:], self.kind_.shape_of_item[:2]))
        return (f"Its network sees the images of {own} pixels at {seen} (side={self.side}).",)

    @property
    def decodes(self) -> bool:  # type: ignore[override]
        """Whether there is a decoder of the vectors, which are the output of no other layer."""
        return self.mirrored and self.layer is None

    def _decoder(self) -> Decoder | None:
        """Return the network ``"decoder"``; None if there is none, or the space another layer."""
        if not self.decodes or "decoder" not in self.nets_:
            return None
        return NetworkDecoder(self.kind_, self._n_features_out, self)

    def without_decoder(self) -> Self:
        """Return the fitted encoder with no network beside that from which its vectors come."""
        return self.with_network(self.tapped)

    def with_network(self, name: str) -> Self:
        """Return the fitted encoder with one of its networks alone."""
        return self.with_nets(nn.ModuleDict({name: self.nets_[name]}))

    def _try(self, nets: nn.ModuleDict) -> None:
        with torch.inference_mode():
            self.vectors(nets.eval(), self.blank(1).to(next(nets.parameters()).device))

    def batches(self, items: Any) -> Batches:
        """Return checked items as they wait in memory for the networks."""
        scaling = None if self.mean_ is None or self.scale_ is None else (self.mean_, self.scale_)
        return self.kind_.batches(self.kind_.seen(items, self.side), scaling)

    def training_batches(self, items: Any) -> Batches:
        """Return checked items as they wait in memory to be learnt from."""
        return self.batches(items)

    def blank(self, n: int) -> Any:
        """Return a batch of ``n`` items that show nothing, on the CPU."""
        return self.batches(self.kind_.empty()).blank(n)

    def shape_in(self, batches: Batches) -> tuple[int, ...]:
        """Return the shape of one item in a batch of what waits; of several lengths the longest."""
        return tuple(batches.blank(1).shape[1:])

    def batch_and_random(self, X: Any, random_state: Any) -> tuple[Tensor, torch.Generator]:
        """Return items as one batch on the CPU, and random numbers from a seed for them."""
        check_is_fitted(self)
        generator = torch.Generator().manual_seed(seed_of(random_state))
        return self.batches(self._check(X, reset=False))[:], generator

    def batch_size_for(self, n_items: int) -> int:
        """Return the items a step: `batch_size`, or a tenth of the items where that is fewer."""
        return min(self.batch_size, max(SMALLEST_BATCH, n_items // 10), n_items)

    def _vectors_of(self, items: Any) -> np.ndarray:
        with torch.inference_mode():
            return self.vectors(self.nets_.cpu(), self.batches(items)[:]).numpy()

    def _transform(self, items: Any) -> np.ndarray:
        return self._run(lambda batch: self.vectors(self.nets_, batch), self.batches(items)).numpy()

    def _run(self, function: Callable[[Any], Tensor], batches: Batches) -> Tensor:
        """Return what a function makes of items, batch by batch where the networks then are."""
        device = torch_device(self.device)
        self.nets_.to(device)
        with self.threads_for(min(len(batches), TRANSFORM_BATCH)):
            return batches.map(function, TRANSFORM_BATCH, device)

    def threads_for(self, n_items: int) -> contextlib.AbstractContextManager[None]:
        """Let torch use the threads that suit a batch, by the arithmetic that training counted."""
        step = self.history_.get("flops_per_item", 0.0)  # forward and backward
        return threads_for(step / 3 * n_items)

    def _decoded(self, vectors: np.ndarray) -> np.ndarray:
        """Return the items at vectors, images in [0, 1]."""
        decoder = self.decoder
        assert decoder is not None  # or there is nothing to restore with
        return decoder.decode(vectors)

    def _to_items(self, batch: Tensor) -> np.ndarray:
        """Return a float batch on the CPU in the items' own units and shape."""
        values = batch.numpy()
        if self.mean_ is not None:
            values = values * self.scale_ + self.mean_
        return self.kind_.restore(values)


def seed_of(random_state: Any) -> int:
    """Return a seed for PyTorch, drawn from what scikit-learn takes as a ``random_state``."""
    return int(check_random_state(random_state).randint(2**31))


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkDecoder(Decoder):
    """The network ``"decoder"`` of a learned encoder.

    Attributes
    ----------
    encoder : Learned
        The encoder whose network it is. To build it again takes the encoder's parameters and
        shapes, and none of its other networks.
    """

    encoder: Learned

    def _decode(self, vectors: np.ndarray) -> np.ndarray:
        z = torch.from_numpy(vectors)
        if vectors.dtype == np.float64:
            with torch.inference_mode(), self.encoder.threads_for(len(vectors)):
                raw = self._double(z)
        else:
            raw = self.encoder._run(self.encoder.nets_["decoder"], Stacked(z))
        return self.encoder._to_items(self.kind.values(raw))

    def _on_cpu(self, vectors: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            raw = self.encoder.nets_["decoder"].cpu()(torch.from_numpy(vectors))
        return self.encoder._to_items(self.kind.values(raw))

    @functools.cached_property
    def _double(self) -> nn.Module:
        return copy.deepcopy(self.encoder.nets_["decoder"]).cpu().double()

    @property
    def state(self) -> State:
        """All that the decoder is made of again: of the encoder no other network, nor its training.

        The seconds of each epoch would give the file another size each time. What it counted says
        how many threads decode.
        """
        alone = self.encoder.with_network("decoder")
        alone.history_ = {"flops_per_item": self.encoder.history_.get("flops_per_item", 0.0)}
        return {**super().state[0], "encoder": alone}, {}
