"""The one training loop: batches from memory, early stopping, best weights, a clean interrupt."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import dataclasses
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from nearspace.errors import NearspaceError
from nearspace.learning.threads import threads_for

__all__ = ["History", "Losses", "default_epochs", "epoch_listener", "progress_bar", "train"]

Losses = Callable[[nn.ModuleDict, Tensor, Tensor | None, torch.Generator], dict[str, Tensor]]

EVALUATION_BATCH = 1024

_listener: contextvars.ContextVar[Callable[[int, int], None] | None] = contextvars.ContextVar(
    "epoch_listener", default=None
)


@contextlib.contextmanager
def epoch_listener(listener: Callable[[int, int], None]) -> Iterator[None]:
    """Call ``listener(done, epochs)`` after every epoch trained inside the ``with`` block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def progress_bar(name: str, shown: bool) -> Iterator[None]:
    """Show a bar of the epochs trained inside the ``with`` block, on standard error."""
    if not shown:
        yield
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        with epoch_listener(lambda done, total: bar.update(task, completed=done, total=total)):
            yield


@dataclasses.dataclass
class History:
    """How training went.

    Attributes
    ----------
    train_loss, held_out_loss : list of float
        Mean loss of each epoch; the second is empty where nothing was held out.
    best_epoch : int
        The epoch, counted from 1, whose weights were kept; 0 if none was finished.
    steps : int
        Optimiser steps taken.
    stopped : str
        Why training ended: ``"epochs"``, ``"early"`` or ``"interrupted"``.
    """

    train_loss: list[float] = dataclasses.field(default_factory=list)
    held_out_loss: list[float] = dataclasses.field(default_factory=list)
    best_epoch: int = 0
    steps: int = 0
    stopped: str = "epochs"


def default_epochs(n_items: int, batch_size: int, steps: int) -> int:
    """Return the epochs that come to about ``steps`` optimiser steps, between 5 and 60.

    Examples
    --------
    >>> default_epochs(54_000, 256, steps=1500), default_epochs(1_200, 64, steps=800)
    (8, 45)
    """
    return min(60, max(5, math.ceil(steps / max(1, n_items // batch_size))))


def train(
    nets: nn.ModuleDict,
    losses: Losses,
    x: Tensor,
    y: Tensor | None = None,
    *,
    to_float: Callable[[Tensor], Tensor],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    device: str = "auto",
    precision: str = "32-true",
    held_out: float = 0.1,
    patience: int | None = None,
    weight_decay: float = 1e-2,
) -> History:
    """Train networks in place on tensors in memory, and leave the best weights in them.

    AdamW (Loshchilov & Hutter, 2019) under the one-cycle schedule (Smith & Topin, 2018). A part of
    the items is held out; after each epoch the loss on it decides which weights are kept, and
    training stops early when it has not fallen for ``patience`` epochs.

    Parameters
    ----------
    nets : nn.ModuleDict
        The networks; all their parameters are trained.
    losses : callable
        ``losses(nets, batch, labels, generator)`` returns the terms of the loss by name; their
        sum is minimised.
    x : Tensor of shape (n, ...)
        The items as they wait in memory, uint8 for images.
    y : Tensor of shape (n,), optional
        Class numbers, int64.
    to_float : callable
        Turns a batch of ``x`` into the float input of the networks, on its device.
    epochs, batch_size : int
        Passes over the items at most, and items a step.
    learning_rate : float
        The peak of the schedule.
    seed : int
        Of the order of items and of all random numbers in ``losses``.
    device : str, default="auto"
        A Fabric accelerator: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``.
    precision : str, default="32-true"
        A Fabric precision, such as ``"bf16-mixed"``.
    held_out : float, default=0.1
        Share of the items that is held out; nothing is below 20 items.
    patience : int, optional
        Epochs without improvement before training stops; by default a third of ``epochs``, at
        least 5.
    weight_decay : float, default=1e-2
        Of AdamW.

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
    from lightning_fabric import Fabric

    fabric = Fabric(accelerator=device, devices=1, precision=precision)  # type: ignore[arg-type]
    generator = torch.Generator(device=fabric.device).manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(x), generator=order)
    n_held_out = int(held_out * len(x)) if len(x) >= 20 else 0
    held, kept = shuffled[:n_held_out].sort().values, shuffled[n_held_out:].sort().values
    if fabric.device.type != "cpu":
        x = x.to(fabric.device)
        y = None if y is None else y.to(fabric.device)

    optimizer = torch.optim.AdamW(
        nets.parameters(),
        lr=learning_rate,
        weight_decay=weight_decay,
        fused=fabric.device.type in ("cpu", "cuda"),
    )
    nets.to(fabric.device)
    model = fabric.setup_module(_Terms(nets, losses), move_to_device=False)
    optimizer = fabric.setup_optimizers(optimizer)  # type: ignore[assignment]
    steps_per_epoch = max(1, len(kept) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * steps_per_epoch, pct_start=0.2
    )

    history = History()
    best, best_loss, waited = None, math.inf, 0
    patience = max(5, epochs // 3) if patience is None else patience
    first = to_float(x[kept[:batch_size].to(x.device)])
    flops = step_flops(model, first, None if y is None else y[kept[:batch_size].to(x.device)])
    threads = contextlib.ExitStack()
    try:
        threads.enter_context(threads_for(flops))
        for epoch in range(1, epochs + 1):
            nets.train()
            total = torch.zeros((), device=fabric.device)
            permuted = kept[torch.randperm(len(kept), generator=order)]
            for step in range(steps_per_epoch):
                rows = permuted[step * batch_size : (step + 1) * batch_size].to(x.device)
                loss = model(to_float(x[rows]), None if y is None else y[rows], generator)
                optimizer.zero_grad()
                fabric.backward(loss)
                optimizer.step()
                schedule.step()
                total += loss.detach()
            history.steps += steps_per_epoch
            history.train_loss.append(total.item() / steps_per_epoch)
            loss_now = history.train_loss[-1]
            if n_held_out:
                loss_now = evaluate(model, x, y, held, to_float, seed)
                history.held_out_loss.append(loss_now)
            if not (math.isfinite(loss_now) and math.isfinite(history.train_loss[-1])):
                raise NearspaceError(
                    f"Training diverged: the loss was no longer finite by step {history.steps} at "
                    f"learning rate {optimizer.param_groups[0]['lr']:.2g}; lower learning_rate "
                    f"(now {learning_rate:g})."
                )
            if loss_now < best_loss:
                best, best_loss, waited = copy.deepcopy(nets.state_dict()), loss_now, 0
                history.best_epoch = epoch
            else:
                waited += 1
            _tell(epoch, epochs)
            if waited >= patience:
                history.stopped = "early"
                break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
        raise
    finally:
        threads.close()
        if best is not None:
            nets.load_state_dict(best)
        nets.to("cpu").eval()
    return history


def step_flops(model: nn.Module, batch: Tensor, labels: Tensor | None) -> float:
    """Return the floating-point operations of a training step, about three forward passes."""
    from torch.utils.flop_counter import FlopCounterMode

    model.eval()  # statistics of a batch that is not trained on must not be kept
    generator = torch.Generator(device=batch.device).manual_seed(0)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(batch, labels, generator)
    return 3.0 * counter.get_total_flops()


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor | None,
    rows: Tensor,
    to_float: Callable[[Tensor], Tensor],
    seed: int,
) -> float:
    """Return the mean loss over ``rows`` in eval mode, with the same random numbers every time."""
    model.eval()
    total = 0.0
    generator = torch.Generator(device=x.device).manual_seed(seed)
    with torch.no_grad():
        for start in range(0, len(rows), EVALUATION_BATCH):
            part = rows[start : start + EVALUATION_BATCH].to(x.device)
            loss = model(to_float(x[part]), None if y is None else y[part], generator)
            total += loss.item() * len(part)
    return total / len(rows)


class _Terms(nn.Module):
    """The losses as one module, so that Fabric wraps forward and precision in one place."""

    def __init__(self, nets: nn.ModuleDict, losses: Losses):
        super().__init__()
        self.nets, self.losses = nets, losses

    def forward(self, batch: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        terms = self.losses(self.nets, batch, labels, generator)
        return torch.stack(list(terms.values())).sum()


def _tell(epoch: int, epochs: int) -> None:
    listener = _listener.get()
    if listener is not None:
        listener(epoch, epochs)
