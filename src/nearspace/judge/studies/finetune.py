"""Few labels: which items get them, and training of a network on them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Kind, Target, take_items
from nearspace.encoders.heads import folds

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from nearspace.data.batches import Batches
    from nearspace.encoders.base import Encoder
    from nearspace.encoders.trainable import Schedule, Trainable

__all__ = [
    "TRAINED", "Way", "choose_rate", "draw_labelled", "finetune",
    "last_part", "outputs_of", "ways_of",
]  # fmt: skip

EPOCHS = 6
PREDICTION_BATCH = 512

TRAINED = {
    "scratch": "from scratch",
    "last": "last part fine-tuned",
    "all": "all fine-tuned",
    "pairs": "last part fine-tuned on pairs",
}


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to use labelled items.

    Attributes
    ----------
    name : str
        ``"scratch"``: new weights, all trained. ``"last"``, ``"all"``: those of the fitted
        encoder, of which the last part is trained, or all. ``"pairs"``: its last part, so that
        items of a class are near (SetFit). Any other: a linear head.
    varied : bool
        Whether each step sees random variations of the items, as `Kind.views` makes them.
    """

    name: str
    varied: bool = False

    def __str__(self) -> str:
        return TRAINED.get(self.name, self.name) + ", varied" * self.varied


def draw_labelled(classes: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    """Return the positions of ``n`` items, each class by its share and none left out.

    With a generator of the same seed the first of a longer draw are those of a shorter one.

    Parameters
    ----------
    classes : ndarray of shape (items,), int
        The class number of each item, see `Target.strata`.
    n : int
        At least as many as classes, at most as many as items.
    random : Generator
        Decides which items of a class are drawn.

    Examples
    --------
    >>> classes = np.repeat([0, 1, 2], [60, 39, 1])
    >>> chosen = draw_labelled(classes, 10, np.random.default_rng(0))
    >>> np.bincount(classes[chosen]).tolist()
    [5, 4, 1]
    """
    shuffled = random.permutation(len(classes))
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    sizes = np.bincount(classes)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.where(rank == 0, -1.0, (rank + 0.5) / np.repeat(sizes, sizes))
    return order[np.lexsort((random.random(len(order)), place))[:n]]


def last_part(encoder: Encoder) -> list[str]:
    """Return the names of the blocks that fine-tuning of the last part trains: the later half.

    A normalisation by itself counts with the block before it. What the encoder itself holds
    fixed, as an autoencoder its linear path, is no block and stays fixed in every fine-tuning.
    There are none where no network is to be trained on: none that gradients reach.
    """
    from nearspace.encoders.trainable import Trainable, chosen_blocks, trainable_nets

    nets = trainable_nets(encoder) if isinstance(encoder, Trainable) else None
    return list(chosen_blocks(nets)) if nets else []


def ways_of(encoder: Encoder, kind: Kind, target: Target) -> list[Way]:
    """Return the ways to train a fitted encoder's network on labels.

    One that is trained here is held against the same network from scratch, on items as they are
    and varied where the kind has views. One that was trained elsewhere is held against its frozen
    vectors; where there are classes, its last part is trained on pairs too.
    """
    from nearspace.encoders.learned.learned import Learned

    if isinstance(encoder, Learned):
        views = (False, True) if kind.has_views else (False,)
        return [Way(part, varied) for varied in views for part in ("scratch", "last", "all")]
    return [Way(part) for part in ("last", "all", *["pairs"] * (target.name == "classes"))]


def finetune(
    encoder: Trainable,
    items: Any,
    target: Target,
    way: Way,
    learning_rate: float,
    seed: int,
    schedule: Schedule,
) -> nn.ModuleDict:
    """Return the encoder's network, trained on labelled items, under a linear head.

    Parameters
    ----------
    encoder : Trainable
        Fitted; it stays as it is.
    items : sequence of n items
        The labelled items.
    target : Target
        What is to be told of them.
    way : Way
        Which weights are trained, and on what; the head of ``"pairs"`` is fitted afterwards.
    learning_rate : float
        Peak of the schedule.
    seed : int
        Of new weights, order and views.
    schedule : Schedule
        How long it is trained.
    """
    import torch
    from torch import nn

    from nearspace.encoders.learned.finetuned import HEAD, LinearHead, label_losses, pair_losses
    from nearspace.encoders.learned.learned import Learned
    from nearspace.encoders.trainable import BATCH_SIZE, train_only, trainable_nets
    from nearspace.learning.train import train

    label = pair_losses(encoder) if way.name == "pairs" else label_losses(encoder, target)
    # Mirrored where the encoder's own views are.
    mirror = bool(getattr(encoder, "flip", False))

    def losses(nets: Any, batch: Any, labels: Any, generator: Any) -> dict[str, Tensor]:
        if way.varied:
            assert isinstance(encoder, Learned)
            batch = encoder.kind_.views(batch, generator, mirror)
        return label(nets, batch, labels, generator)

    batches = encoder.batches(items)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if way.name == "scratch":
            assert isinstance(encoder, Learned)
            nets = trainable_nets(encoder, encoder.build())
            with torch.no_grad():
                dim = encoder.vectors(nets.eval(), encoder.blank(2)).shape[1]
            nets[HEAD] = nn.Linear(dim, target.width)
        else:
            nets = trainable_nets(encoder)
            train_only(nets, "all" if way.name == "all" else None)
            if way.name != "pairs":
                nets[HEAD] = LinearHead.of(_vectors(encoder, nets, batches), target)
        # Few items are repeated, so that an epoch is long enough for its mean loss to tell.
        rows = torch.arange(schedule.items(len(target)) // EPOCHS) % len(target)
        train(
            nets,
            losses,
            batches.take(rows),
            torch.from_numpy(target.encode(target.values))[rows],
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            learning_rate=learning_rate,
            seed=seed,
            device=encoder.device,
            precision=encoder.precision,
            held_out=0.0,
        )
    if way.name == "pairs":
        nets[HEAD] = LinearHead.of(_vectors(encoder, nets, batches), target)
    return nets.eval()


def _vectors(encoder: Trainable, nets: nn.ModuleDict, batches: Batches) -> np.ndarray:
    """Return what a network makes of items, before its head."""
    device = _placed(encoder, nets)
    return batches.map(
        lambda batch: encoder.vectors(nets, batch), min(PREDICTION_BATCH, batches.most_at_once),
        device,
    ).numpy()  # fmt: skip


def _placed(encoder: Trainable, nets: nn.ModuleDict) -> torch.device:
    from nearspace.learning.device import torch_device

    device = torch_device(encoder.device)
    nets.to(device)
    return device


def outputs_of(encoder: Trainable, nets: nn.ModuleDict, items: Any) -> np.ndarray:
    """Return what a network of `finetune` makes of items, shape ``(n, width)``."""
    from nearspace.encoders.learned.finetuned import HEAD

    device, batches = _placed(encoder, nets), encoder.batches(items)

    def outputs(batch: Any) -> Tensor:
        return nets[HEAD](encoder.vectors(nets, batch))

    return batches.map(outputs, min(PREDICTION_BATCH, batches.most_at_once), device).numpy()


def choose_rate(
    encoder: Trainable,
    items: Any,
    target: Target,
    way: Way,
    seed: int,
    schedule: Schedule,
) -> float:
    """Return the learning rate that does best on a third of the labelled items, held out.

    All three thirds in turn take three times as long, and of 50 to 200 digits choose no better:
    91.9 % against 91.9 %, where the better of two rates for each way would have told 92.2 %.
    """
    import torch

    rates = schedule.rates
    splits = folds(target.strata, seed)
    if not splits or len(rates) == 1:
        return rates[0]
    kept, held = splits[0]
    part, others = target.take(kept), take_items(items, held)
    wanted = torch.from_numpy(part.encode(target.values[held]))

    def loss(rate: float) -> float:
        nets = finetune(encoder, take_items(items, kept), part, way, rate, seed, schedule)
        outputs = torch.from_numpy(outputs_of(encoder, nets, others))
        return float(target.loss(outputs, wanted))

    return min(rates, key=loss)
