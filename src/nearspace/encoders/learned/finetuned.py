"""`Finetuned`: a network that was trained before, trained on with labels."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Audio, Image, Kind, Series, Target, Text, Vector, take_items
from nearspace.encoders.around import Around
from nearspace.encoders.base import Encoder
from nearspace.encoders.heads import folds
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.spec import make
from nearspace.encoders.trainable import Trainable, chosen_blocks, train_only, trainable_nets
from nearspace.encoders.trained import Trained
from nearspace.errors import DataError
from nearspace.learning.losses import alike_pairs
from nearspace.learning.progress import epoch_bar
from nearspace.learning.train import History, Losses, train

__all__ = ["HEAD", "Finetuned", "LinearHead", "label_losses", "pair_losses"]

HEAD = "linear_head"
HELD_OUT = 10  # one item of so many is held out
FEWEST_TO_HOLD_OUT = 40
FEWEST_STEPS = 40  # of an epoch: fewer items than these take are repeated


class LinearHead(nn.Module):
    """A linear layer on vectors less a mean, brought to length one.

    Without that a small change of all vectors, as the first steps of training make it, would be a
    large one of what is told: under a logistic regression on scaled columns the held-out loss of
    400 texts rose from 0.1 to 14 in the first epoch.

    Parameters
    ----------
    mean : Tensor of shape (d,)
        Of the vectors.
    weight, bias : Tensor of shape (width, d), (width,)
        What it starts from.
    """

    mean: Tensor

    def __init__(self, mean: Tensor, weight: Tensor, bias: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    @classmethod
    def of(cls, vectors: np.ndarray, target: Target, rows: Any = slice(None)) -> Self:
        """Return the head that tells the values of vectors, those of ``target`` at ``rows``."""
        mean = vectors.mean(axis=0)
        unit = normalize(vectors - mean)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = target.linear(1.0).fit(unit, target.values[rows])
        weight, bias = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
        parts = (mean, *target.from_linear(weight, bias))
        return cls(*(torch.from_numpy(np.asarray(part, dtype=np.float32)) for part in parts))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return what is told of vectors, for `Target.loss`."""
        unit = nn.functional.normalize(vectors - self.mean, dim=1)
        return nn.functional.linear(unit, self.weight, self.bias)


def label_losses(encoder: Trainable, target: Target) -> Losses:
    """Return what networks under a linear head minimise to tell labels from an encoder's items."""

    def losses(nets: Any, batch: Any, labels: Any, generator: Any) -> dict[str, Tensor]:
        outputs = nets[HEAD](encoder.vectors(nets, batch))
        return {target.loss_name: target.loss(outputs, labels)}

    return losses


@dataclasses.dataclass(eq=False, repr=False)
class Finetuned(Trained, Around):
    """A network that was trained before, trained on with labels.

    The encoder is fitted first, as it is by itself: ``finetuned(simclr)`` learns from views of the
    items and then from their labels; a `pretrained` or a `frozen` one brings what it learnt
    elsewhere. Then its last blocks, or all, are trained on. With ``objective="labels"`` that is
    done under a linear head, which starts as the one that suits the vectors as they are (Kumar et
    al., 2022), so that training starts where a linear head on frozen vectors ends. With
    ``objective="contrastive"`` vectors of one class are drawn together and those of others apart,
    which few labels are enough for (SetFit; Tunstall et al., 2022).

    A tenth of the items is held out. Where training does not lower the loss on them, the weights
    stay as they were, and a note says so.

    Parameters
    ----------
    encoder : Encoder or str
        A network: ``pretrained``, ``frozen``, `Network`, or any that is trained here; or its spec.
    layers : int or "all", optional
        How many of its blocks are trained, from the last one on; the later half when absent.
    objective : {"labels", "contrastive"}, default="labels"
        What is learnt; ``"contrastive"`` needs classes.
    epochs : int, optional
        Passes over the items at most; by default as many as come to some 200 steps, at least 3.
    batch_size : int, default=32
        Items a step at most.
    learning_rate : float, optional
        Peak of the one-cycle schedule; by default what suits the encoder.
    random_state : int, RandomState instance or None, default=0
        Of the part that is held out, of order, and of what the network drops at random.
    precision : {"32-true", "bf16-mixed"}, default="32-true"
        Of the arithmetic of training; by the second products are rounded to bfloat16.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    encoder_ : Encoder
        The fitted encoder, as it was before.
    weights_ : dict of str to ndarray
        What training changed, by its name in the ``state_dict`` of the networks.
    trained_ : list of str
        The blocks that were trained.
    history_ : dict
        The fields of `nearspace.learning.train.History`.

    Notes
    -----
    A saved one holds what training changed, and of a `pretrained` model no more than that: the rest
    is found again by its name, as the model is by itself. Of a text that is longer than a model
    reads the beginning alone is trained on.

    References
    ----------
    .. [1] A. Kumar et al., "Fine-tuning can distort pretrained features and underperform
       out-of-distribution", 2022.
    .. [2] L. Tunstall et al., "Efficient few-shot learning without prompts", 2022.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits")
    >>> tuned = Finetuned("autoencoder(epochs=1)", layers="all", epochs=1)
    >>> tuned.fit(digits.items, digits.target).transform(digits.items[:3]).shape
    (3, 32)
    """

    kinds = frozenset({Image, Text, Vector, Series, Audio})
    learns = "labels"
    min_items = 2
    default_steps: ClassVar[int] = 200
    fit_free_params = frozenset()
    encoder_: Encoder = dataclasses.field(init=False)
    weights_: dict[str, NDArray[np.generic]] = dataclasses.field(init=False)
    trained_: list[str] = dataclasses.field(init=False)
    history_: dict[str, Any] = dataclasses.field(init=False)
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "encoder": [Encoder, str],
        "layers": [Interval(Integral, 1, None, closed="left"), StrOptions({"all"}), None],
        "objective": [StrOptions({"labels", "contrastive"})],
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
        "precision": [StrOptions({"32-true", "bf16-mixed"})],
        "verbose": ["boolean"],
    }

    encoder: Encoder | str
    _: dataclasses.KW_ONLY
    layers: int | str | None = None
    objective: str = "labels"
    epochs: int | None = None
    batch_size: int = 32
    learning_rate: float | None = None
    random_state: Any = 0
    precision: str = "32-true"
    verbose: bool = False

    @property
    def start(self) -> Encoder:
        """The encoder that is trained on, unfitted."""
        if not isinstance(self.encoder, str):
            return self.encoder
        if self.__dict__.get("_made", ("",))[0] != self.encoder:
            self._made = self.encoder, make(self.encoder)
        return self._made[1]

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> tuple[Any, Target | None]:
        """Check parameters, items and labels, and that there is a network and something to tell."""
        self._validate_params()
        start: Any = self.start
        if not isinstance(self.start, Trainable):
            raise self._no_network(start)
        if kind is None:
            kind = start._recognised(items)
        if type(kind) not in start.kinds:
            start.begin_fit(items, y, kind)  # which says so
        items, y = super().begin_fit(items, y, kind)
        if self.objective == "contrastive" and y is not None and y.name != "classes":
            raise DataError(
                f"finetuned: the objective 'contrastive' needs classes, got {y.name}; leave it out."
            )
        return items, y

    def _no_network(self, got: Encoder) -> DataError:
        return DataError(
            "finetuned: expected an encoder that is one network, such as pretrained, simclr, or "
            f"frozen of such; got '{got.spec}'."
        )

    def _fit(self, items: Any, y: Target | None) -> None:
        assert y is not None  # or `begin_fit` would have raised
        fitted: Any = clone(self.start).fit_items(items, y, self.kind_)
        self.encoder_, self.kind_ = fitted, fitted.kind_
        inner = fitted
        while isinstance(inner, Around):
            inner = inner.inner
        if not isinstance(inner, Trainable):
            raise self._no_network(inner)
        nets = trainable_nets(fitted)
        if not nets:
            raise DataError(f"finetuned: no gradients lead to the vectors of '{fitted.spec}'.")
        self.trained_ = list(chosen_blocks(nets, self.layers))
        train_only(nets, self.layers)
        before = {name: tensor.clone() for name, tensor in nets.state_dict().items()}
        seed, n = seed_of(self.random_state), len(y)
        trained, held = np.arange(n), np.arange(0)
        if n >= FEWEST_TO_HOLD_OUT and (parts := folds(y.strata, seed, HELD_OUT)):
            trained, held = parts[0]
        batch_size = self.batch_size_for(len(trained))
        rows = torch.from_numpy(
            np.concatenate([np.tile(trained, self._repeats(len(trained))), held])
        )
        losses = label_losses(fitted, y)
        if self.objective == "contrastive":
            losses = pair_losses(fitted)
        else:
            vectors = fitted.transform(take_items(items, trained))
            nets[HEAD] = LinearHead.of(vectors, y, trained)
        with torch.random.fork_rng(), epoch_bar(type(self).__name__, self.verbose):
            torch.manual_seed(seed)  # what a network drops at random
            history = train(
                nets,
                losses,
                fitted.batches(items).take(rows),
                torch.from_numpy(y.encode(y.values))[rows],
                epochs=self.epochs,
                default_steps=self.default_steps,
                batch_size=batch_size,
                learning_rate=self.learning_rate or fitted.schedule.rates[0],
                seed=seed,
                device=fitted.device,
                precision=self.precision,
                held_out=torch.arange(len(rows) - len(held), len(rows)),
                from_start=True,
            )
        self._hold(nets, before, history)
        self.__dict__.pop("_tuned", None)

    def _hold(self, nets: nn.ModuleDict, before: Mapping[str, Tensor], history: History) -> None:
        """Note the weights of networks that were trained, where they are not those from before."""
        self.history_ = dataclasses.asdict(history)
        trained = {name for name, param in nets.named_parameters() if param.requires_grad}
        after = nets.state_dict()
        self.weights_ = {
            name: np.atleast_1d(after[name].numpy())
            for name in before
            if name in trained or not torch.equal(before[name], after[name])
        }

    @classmethod
    def of(
        cls, encoder: Any, nets: nn.ModuleDict, layers: int | str | None, history: History
    ) -> Self:
        """Return a fitted encoder with the weights of networks that were trained on otherwise.

        Parameters
        ----------
        encoder : Encoder
            Fitted, one network, as it was before.
        nets : nn.ModuleDict
            Its networks after training, as `trainable_nets` and `train_only` gave them.
        layers : int or "all", optional
            How many of their blocks were trained.
        history : History
            How it went.
        """
        tuned = cls(clone(encoder), layers=layers)
        tuned.encoder_, tuned.kind_ = encoder, encoder.kind_
        for name in ("n_samples_fit_", "n_features_in_", "feature_names_in_"):
            if hasattr(encoder, name):
                setattr(tuned, name, getattr(encoder, name))
        before = trainable_nets(encoder)
        tuned.trained_ = list(chosen_blocks(before, layers))
        tuned._hold(nets, before.state_dict(), history)
        return tuned

    def batch_size_for(self, n_items: int) -> int:
        """Return the items a step: `batch_size`, or all where those are fewer."""
        return min(self.batch_size, n_items)

    def _repeats(self, n_items: int) -> int:
        """Return how often each item comes in an epoch."""
        return math.ceil(FEWEST_STEPS / max(1, n_items // self.batch_size_for(n_items)))

    @property
    def inner(self) -> Encoder:
        """The fitted encoder with the weights that training gave it."""
        if not hasattr(self, "_tuned"):
            base: Any = self.encoder_
            nets = trainable_nets(base)
            shapes = {name: tensor.shape for name, tensor in nets.state_dict().items()}
            nets.load_state_dict(
                {n: torch.from_numpy(w).reshape(shapes[n]) for n, w in self.weights_.items()},
                strict=False,
            )
            self._tuned = base.with_nets(nets.eval())
        return self._tuned

    @property
    def parts(self) -> list[Encoder]:
        """It and what it is made of; fitted once it is."""
        inner = self.encoder_ if hasattr(self, "encoder_") else self.start
        return [self, *inner.parts]

    @property
    def starts_from(self) -> str:  # type: ignore[override]
        """The spec of its encoder."""
        return self.start.spec

    @property
    def is_reproducible(self) -> bool:
        """Whether its encoder is."""
        return self.start.is_reproducible

    @property
    def effort(self) -> float:  # type: ignore[override]
        """That of its encoder."""
        return self.start.effort

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of its encoder; the cosine where that is what was trained."""
        return "cosine" if self.objective == "contrastive" else self.encoder_.metric

    @property
    def notes(self) -> tuple[str, ...]:
        """What its encoder says, and that training did not help, where it did not."""
        own: tuple[str, ...] = ()
        if self.history_["best_epoch"] == 0:
            own = (
                "Fine-tuning did not lower the loss on what was held out: the weights are those "
                "from before.",
            )
        return (*self.encoder_.notes, *own)

    def check_whole(self) -> None:
        """Raise an error unless its encoder is whole, and what was trained is a part of it."""
        self._check_kind()
        self.encoder_.check_whole()
        assert isinstance(self.encoder_, Trainable)
        now = trainable_nets(self.encoder_).state_dict()
        # A single number is written as an array of one.
        shapes = {name: tuple(tensor.shape) or (1,) for name, tensor in now.items()}
        for name, array in self.weights_.items():
            if shapes.get(name) != array.shape:
                raise ValueError(
                    f"the weights '{name}' have shape {array.shape}, expected "
                    f"{shapes.get(name, 'none')}"
                )


def pair_losses(encoder: Trainable) -> Losses:
    """Return what networks minimise that draw vectors of a class together."""

    def losses(nets: Any, batch: Any, labels: Any, generator: Any) -> dict[str, Tensor]:
        return {"pairs": alike_pairs(encoder.vectors(nets, batch), labels)}

    return losses
