"""The one training loop: batches from memory, early stopping, best weights, a clean interrupt."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from nearspace.data.batches import Batches
from nearspace.errors import NearspaceError
from nearspace.learning.device import torch_device
from nearspace.learning.optimizer import AdamW, Muon
from nearspace.learning.progress import tell_epoch
from nearspace.learning.threads import threads_for

__all__ = ["History", "Losses", "count_flops", "default_epochs", "train"]

Losses = Callable[[nn.ModuleDict, Tensor, Tensor | None, torch.Generator], dict[str, Tensor]]
Terms = Callable[[Tensor, torch.Generator], dict[str, Tensor]]
Weights = Callable[[float], Mapping[str, float]]

STEPS_BETWEEN_LOOKS = 64
FEWEST_TO_HOLD_OUT = 20
# Of a thousand digits or emoji twice as many epochs take twice as long, and no score is higher by
# more than chance.
FEWEST_EPOCHS, MOST_EPOCHS = 3, 30
MOST_FLOPS_ON_CPU = 1e13


@dataclasses.dataclass
class History:
    """How training went.

    Attributes
    ----------
    train_loss, held_out_loss : list of float
        Mean loss of each epoch; the second is empty where nothing was held out.
    terms : dict of str to list of float
        The unweighted held-out terms of the loss of each epoch.
    best_epoch : int
        The epoch, counted from 1, whose weights were kept; 0 if none was finished.
    start_loss : float or None
        Held-out loss before training, where that was asked for.
    steps : int
        Optimiser steps taken.
    stopped : str
        Why training ended: ``"epochs"`` or ``"early"``.
    seconds : float
        Wall time of the epochs, held-out losses included.
    flops_per_item : float
        Floating-point operations of a training step, divided by the items in it.
    """

    train_loss: list[float] = dataclasses.field(default_factory=list)
    held_out_loss: list[float] = dataclasses.field(default_factory=list)
    terms: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    best_epoch: int = 0
    start_loss: float | None = None
    steps: int = 0
    stopped: str = "epochs"
    seconds: float = 0.0
    flops_per_item: float = 0.0

    def is_best(self) -> bool:
        """Return whether no epoch was better than the last, held out where there is any."""
        losses = self.held_out_loss or self.train_loss
        before = [] if self.start_loss is None else [self.start_loss]
        return losses[-1] <= min([*before, *losses])


def default_epochs(
    n_items: int,
    batch_size: int,
    steps: int,
    flops_per_item: float = 0.0,
    device: str = "cpu",
    fewest_steps: int = 0,
) -> int:
    """Return the epochs that come to about ``steps`` optimiser steps, between 3 and 30.

    They are more where 30 would not come to ``fewest_steps``. On a CPU they are fewer where that
    would be more than a minute or two of arithmetic; the rule counts operations and does not look
    at a clock, so that a fit is repeatable.

    Examples
    --------
    >>> default_epochs(54_000, 256, steps=1500), default_epochs(1_200, 64, steps=800)
    (8, 30)
    >>> default_epochs(2_700, 128, steps=5000, flops_per_item=4e8)
    9
    >>> default_epochs(50, 16, steps=3000, fewest_steps=300)
    100
    """
    steps_an_epoch = max(1, n_items // batch_size)
    epochs = math.ceil(steps / steps_an_epoch)
    if flops_per_item and device == "cpu":
        epochs = min(epochs, int(MOST_FLOPS_ON_CPU / (flops_per_item * n_items)))
    most = max(MOST_EPOCHS, math.ceil(fewest_steps / steps_an_epoch))
    return min(most, max(FEWEST_EPOCHS, epochs))


def train(
    nets: nn.ModuleDict,
    losses: Losses,
    batches: Batches,
    y: Tensor | None = None,
    *,
    epochs: int | None,
    batch_size: int,
    learning_rate: float,
    seed: int,
    default_steps: int = 3000,
    fewest_steps: int = 0,
    device: str = "auto",
    precision: str = "32-true",
    held_out: float | Tensor = 0.1,
    from_start: bool = False,
    patience: int | None = None,
    weight_decay: float = 1e-2,
    muon: float = 0.0,
    loss_weights: Weights | None = None,
    own_optimizer: Mapping[str, Sequence[str]] | None = None,
) -> History:
    """Train networks in place on items in memory, and leave the best weights in them.

    AdamW (Loshchilov & Hutter, 2019) under the one-cycle schedule (Smith & Topin, 2018). A part of
    the items is held out; after each epoch the loss on it decides which weights are kept, and
    training stops early when it has not fallen for ``patience`` epochs.

    Parameters
    ----------
    nets : nn.ModuleDict
        The networks; all their parameters are trained that require a gradient. What has none
        of these stays in eval mode.
    losses : callable
        ``losses(nets, batch, labels, generator)`` returns the terms of the loss by name; their
        weighted sum is minimised.
    batches : Batches
        The items as they wait in memory.
    y : Tensor of shape (n,), optional
        Class numbers, int64, or numbers, float32.
    epochs : int or None
        Passes over the items at most; None for as many as `default_epochs` gives.
    batch_size : int
        Items a step.
    learning_rate : float
        The peak of the schedule.
    seed : int
        Of the order of items and of all random numbers in ``losses``.
    default_steps : int, default=3000
        About how many steps to take where ``epochs`` is None.
    fewest_steps : int, default=0
        How many steps 30 epochs have to come to where ``epochs`` is None, or there are more.
    device : str, default="auto"
        See `torch_device`.
    precision : str, default="32-true"
        Of the arithmetic; by ``"bf16-mixed"`` products are rounded to bfloat16.
    held_out : float or Tensor, default=0.1
        Share of the items that is held out, nothing below 20 items; or which.
    from_start : bool, default=False
        Whether the weights stay as they are where training does not lower the held-out loss.
    patience : int, optional
        Epochs without improvement before training stops; by default a third of ``epochs``, at
        least 5.
    weight_decay : float, default=1e-2
        Of AdamW.
    muon : float, default=0.0
        By how many times the learning rate `Muon` trains the matrices of linear and recurrent
        layers, in place of AdamW; 0 for not at all.
    loss_weights : callable, optional
        ``loss_weights(done)`` returns the weights of terms by name when a share ``done`` of the
        steps is taken; a term that is not named weighs 1. Held-out losses take those of the end.
    own_optimizer : mapping of str to sequence of str, optional
        Terms of the loss that stand apart, each with the names of the networks that it alone
        trains: the two sides of a game. The other terms train the other networks. A game has no
        best epoch, so the last one is kept.

    Returns
    -------
    History
        The losses by epoch, the epoch kept, and why training ended.

    Raises
    ------
    NearspaceError
        If the loss is no longer finite; the networks then hold the last good weights.
    KeyboardInterrupt
        Passed on, after the best weights so far are back in the networks.
    """
    place = torch_device(device)
    batches, y = batches.to(place), None if y is None else y.to(place)
    order = torch.Generator().manual_seed(seed)
    if isinstance(held_out, Tensor):
        rest = torch.ones(len(batches), dtype=torch.bool)
        rest[held_out] = False
        held, trained = held_out, rest.nonzero()[:, 0]
    else:
        held, trained = _hold_out(len(batches), held_out, order)
    nets.to(place)
    sides = _sides(nets, own_optimizer or {})
    inner = _inner_matrices(nets) if muon else []
    optimizers: list[tuple[AdamW | Muon, float]] = [
        (AdamW([p for p in params if not any(p is each for each in inner)], weight_decay), 1.0)
        for params in sides.values()
    ]
    if inner:
        optimizers.append((Muon(inner, weight_decay), muon))
    mixed = precision == "bf16-mixed"
    generator = torch.Generator(device=place).manual_seed(seed)

    def terms_of(rows: Tensor, noise: torch.Generator) -> dict[str, Tensor]:
        rows = rows.to(place)
        with torch.autocast(place.type, torch.bfloat16, enabled=mixed):
            return losses(nets, batches[rows], None if y is None else y[rows], noise)

    def take_step(rows: Tensor, done: float) -> Tensor:
        terms = terms_of(rows, generator)
        total = _weighted(terms, sides, loss_weights, done)
        for optimizer, _ in optimizers:
            optimizer.zero_grad()
        if len(sides) == 1:
            total.backward()
        else:  # each side's loss goes through the other side's networks, and must not move them
            for term, params in sides.items():
                loss = terms[term] if term else total
                loss.backward(inputs=params, retain_graph=True)
        for optimizer, times in optimizers:
            optimizer.step(times * learning_rate * one_cycle(done))
        return total.detach()

    def train_epoch(epoch: int, epochs: int) -> float:
        _train_mode(nets)
        total = torch.zeros((), device=place)  # read seldom: each reading waits
        parts = batches.order(trained, batch_size, order)
        for step, rows in enumerate(parts):
            total += take_step(rows, (epoch - 1 + step / len(parts)) / epochs)
            history.steps += 1
            if history.steps % STEPS_BETWEEN_LOOKS == 0 or step + 1 == len(parts):
                _check_finite(total.item(), history.steps, learning_rate)
        return total.item() / len(parts)

    flops = _step_flops(nets, terms_of, trained[:batch_size], place)
    history = History(flops_per_item=flops / batch_size)
    best, waited = copy.deepcopy(nets.state_dict()), 0
    if epochs is None:
        kind, flops_an_item = place.type, history.flops_per_item
        epochs = default_epochs(
            len(batches), batch_size, default_steps, flops_an_item, kind, fewest_steps
        )
    patience = max(5, epochs // 3) if patience is None else patience
    start = time.perf_counter()
    try:
        with threads_for(flops):
            if from_start and len(held):
                terms = _mean_terms(nets, terms_of, held.split(batches.most_at_once), place)
                history.start_loss = float(_weighted(terms, sides, loss_weights, 1.0))
            for epoch in range(1, epochs + 1):
                history.train_loss.append(train_epoch(epoch, epochs))
                if len(held):
                    terms = _mean_terms(nets, terms_of, held.split(batches.most_at_once), place)
                    loss = float(_weighted(terms, sides, loss_weights, 1.0))
                    _check_finite(loss, history.steps, learning_rate)
                    history.held_out_loss.append(loss)
                    for name, value in terms.items():
                        history.terms.setdefault(name, []).append(value)
                if history.is_best() or len(sides) > 1:
                    best, waited = copy.deepcopy(nets.state_dict()), 0
                    history.best_epoch = epoch
                else:
                    waited += 1
                history.seconds = time.perf_counter() - start
                tell_epoch(epoch, epochs)
                if waited >= patience:
                    history.stopped = "early"
                    break
    finally:
        nets.load_state_dict(best)
        nets.to("cpu").eval()
    return history


def _sides(
    nets: nn.ModuleDict, apart: Mapping[str, Sequence[str]]
) -> dict[str, list[nn.Parameter]]:
    """Return the parameters that each term standing apart trains, and under "" all others."""
    trained = {
        term: [p for name in names for p in nets[name].parameters() if p.requires_grad]
        for term, names in apart.items()
    }
    taken = {id(p) for params in trained.values() for p in params}
    rest = [p for p in nets.parameters() if p.requires_grad and id(p) not in taken]
    return {"": rest, **trained}


def _inner_matrices(nets: nn.ModuleDict) -> list[nn.Parameter]:
    """Return the matrices of linear and recurrent layers that are trained."""
    layers = [each for each in nets.modules() if isinstance(each, nn.Linear | nn.RNNBase)]
    inside = {id(p): p for each in layers for p in each.parameters(recurse=False) if p.ndim == 2}
    return [p for p in inside.values() if p.requires_grad]


def _weighted(
    terms: Mapping[str, Any], apart: Mapping[str, Any], weights: Weights | None, done: float
) -> Any:
    """Return the weighted sum of the terms that do not stand apart."""
    factors = {} if weights is None else weights(done)
    parts = [
        term * factors[name] if name in factors else term
        for name, term in terms.items()
        if name not in apart
    ]
    return sum(parts[1:], start=parts[0])


def _train_mode(nets: nn.ModuleDict) -> None:
    """Put networks into train mode, but for what is frozen: its statistics must not move."""
    nets.train()
    for module in nets.modules():
        params = list(module.parameters())
        if params and not any(p.requires_grad for p in params):
            module.eval()


def _hold_out(n: int, share: float, order: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the positions of items held out and of items trained on."""
    shuffled = torch.randperm(n, generator=order)
    n_held = int(share * n) if n >= FEWEST_TO_HOLD_OUT else 0
    return shuffled[:n_held].sort().values, shuffled[n_held:].sort().values


def _check_finite(loss: float, step: int, peak: float) -> None:
    if not math.isfinite(loss):
        raise NearspaceError(
            f"Training diverged: the loss was no longer finite by step {step}; lower "
            f"learning_rate (now {peak:g})."
        )


def one_cycle(done: float, warm_up: float = 0.2, start: float = 0.04) -> float:
    """Return the learning rate as a share of its peak when a share ``done`` of steps is taken.

    Cosine from ``start`` up to 1 during ``warm_up``, then down to nearly 0.

    Examples
    --------
    >>> [round(one_cycle(done), 3) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    if done < warm_up:
        return start + (1 - start) * 0.5 * (1 - math.cos(math.pi * done / warm_up))
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


class _FlopCounter(TorchDispatchMode):
    """Counts what ``FlopCounterMode`` of torch counts, without importing torch's compiler."""

    flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=out)
        return out


def count_flops(compute: Callable[[], object]) -> int:
    """Return the floating-point operations of products and convolutions in what is computed."""
    with torch.no_grad(), _FlopCounter() as counter:
        compute()
    return counter.flops


def _step_flops(nets: nn.ModuleDict, terms_of: Terms, rows: Tensor, device: torch.device) -> float:
    """Return the floating-point operations of a training step, about three forward passes."""
    nets.eval()  # statistics of a batch that is not trained on must not be kept
    noise = torch.Generator(device=device).manual_seed(0)
    return 3.0 * count_flops(lambda: terms_of(rows, noise))


def _mean_terms(
    nets: nn.ModuleDict, terms_of: Terms, parts: Sequence[Tensor], device: torch.device
) -> dict[str, float]:
    """Return the mean of each term over rows in eval mode, from the same random numbers."""
    nets.eval()
    noise = torch.Generator(device=device).manual_seed(0)
    sums: dict[str, float] = {}
    with torch.no_grad():
        for part in parts:
            for name, term in terms_of(part, noise).items():
                sums[name] = sums.get(name, 0.0) + term.item() * len(part)
    return {name: value / sum(map(len, parts)) for name, value in sums.items()}
