"""Few labels: which items get them, a linear head on vectors, and training of a whole network."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Target, take_items

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline
    from torch import Tensor, nn

    from nearspace.encoders.base import Encoder
    from nearspace.encoders.learned.learned import Learned

__all__ = [
    "SCHEDULE", "TRAINED", "Schedule", "Way", "blocks", "choose_rate", "draw_labelled", "finetune",
    "folds", "last_part", "linear_head", "outputs_of",
]  # fmt: skip

BATCH, EPOCHS = 32, 6
PENALTIES = (1000.0, 100.0, 10.0, 1.0, 0.1)
FOLDS = 3
TOLERANCE = 1e-4  # of 1,000 digits 1e-3 tells 94.2 %, 1e-4 94.7 %, the limit 94.8 %
LEAST_LENGTH = 3e-4  # share of the longest side of a span: rounding of products leaves less
PREDICTION_BATCH = 512
HEAD = "linear_head"

TRAINED = {"scratch": "from scratch", "last": "last part fine-tuned", "all": "all fine-tuned"}


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to use labelled items.

    Attributes
    ----------
    name : str
        ``"scratch"``: new weights, all trained. ``"last"``, ``"all"``: those of the fitted
        encoder, of which the last part is trained, or all. Any other: a linear head.
    varied : bool
        Whether each step sees random variations of the items, as `Kind.views` makes them.
    """

    name: str
    varied: bool = False

    def __str__(self) -> str:
        return TRAINED.get(self.name, self.name) + ", varied" * self.varied


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long networks are trained on labelled items: the same for fine-tuning and from scratch.

    An early stop would have to be found on items that a few labels cannot spare. Of 1,000 varied
    digits a network from scratch learns 96.3 % in 10 passes and 97.8 % in 30.

    Attributes
    ----------
    fewest_steps : int
        Steps of 32 items that are taken at least.
    passes : int
        Passes over the labelled items, where those take more steps.
    rates : tuple of float
        Peaks of the learning rate, of which one is chosen.
    """

    fewest_steps: int = 300
    passes: int = 25
    rates: tuple[float, ...] = (1e-3, 3e-3)

    def items(self, labels: int) -> int:
        """Return how many items a network sees of so many, each as often as it comes."""
        return max(self.fewest_steps * BATCH, self.passes * labels)


SCHEDULE = Schedule()


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


def folds(classes: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the positions that are kept and those held out, three times.

    Classes are dealt evenly. Every class is always among the kept: the only item of a class is
    never held out. Where all classes have one item only, there are no folds.

    Parameters
    ----------
    classes : ndarray of shape (items,), int
        The class number of each item.
    seed : int
        Decides which items are held out together.

    Examples
    --------
    >>> classes = np.array([0, 0, 0, 0, 1, 1, 2])
    >>> [np.bincount(classes[kept]).tolist() for kept, _ in folds(classes, seed=0)]
    [[2, 2, 1], [3, 1, 1], [3, 1, 1]]
    """
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    order = order[np.bincount(classes)[classes[order]] > 1]
    held = [order[start::FOLDS] for start in range(FOLDS)]
    return [(np.setdiff1d(shuffled, part), np.sort(part)) for part in held if len(part)]


def linear_head(vectors: Any, target: Target, seed: int) -> Pipeline:
    """Return a linear model on scaled vectors, its penalty chosen by cross-validation.

    Penalties are tried from the strongest on, each from where the one before ended, until one
    does worse on what was held out.

    Parameters
    ----------
    vectors : ndarray or csr_array of shape (n, d)
        Of the labelled items.
    target : Target
        What is to be told of them.
    seed : int
        Decides which items are held out together.

    Returns
    -------
    Pipeline
        A scaler and a linear model, fitted.

    Notes
    -----
    A penalised model lies in the span of what it is fitted on, so where there are fewer vectors
    than columns it is found in as many dimensions as there are vectors, and is the same.

    Examples
    --------
    >>> from nearspace.data import Classes
    >>> vectors = np.repeat([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], 20, axis=0)
    >>> head = linear_head(vectors, Classes(np.repeat(["a", "b"], 20)), seed=0)
    >>> head.predict([[0.1, 0.9, 0.0]]).tolist()
    ['a']
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import Pipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        unfitted = _unfitted_head(vectors, target, seed)
        scaler, scaled = _scaled(vectors)
        if not _is_wide(scaled):
            model = unfitted.fit(scaled, target.values)
        else:
            inner, basis = _in_own_span(scaled)
            model = unfitted.fit(inner, target.values)
            model.coef_, model.n_features_in_ = (model.coef_ @ basis) @ scaled, scaled.shape[1]
    return Pipeline([("scale", scaler), ("linear", model)])


def _unfitted_head(vectors: Any, target: Target, seed: int) -> Any:
    """Return the linear model with the penalty that does best on what is held out in turn."""
    sides = []
    for kept, held in folds(target.strata, seed):
        scaler, inner = _scaled(vectors[kept])
        other = scaler.transform(vectors[held])
        if _is_wide(inner):
            scaled, (inner, basis) = inner, _in_own_span(inner)
            other = (other @ scaled.T) @ basis.T
        sides.append((inner, target.values[kept], other, target.values[held]))
    best, chosen, models = -np.inf, target.linear(1.0), [None] * len(sides)
    for penalty in PENALTIES if sides else ():
        models = [
            target.linear(penalty, start).set_params(tol=TOLERANCE).fit(inner, values)
            for start, (inner, values, *_) in zip(models, sides, strict=True)
        ]
        fits = [
            target.fit_of(model, other, values)
            for model, (*_, other, values) in zip(models, sides, strict=True)
        ]
        if np.mean(fits) <= best:
            break
        best, chosen = float(np.mean(fits)), target.linear(penalty)
    return chosen.set_params(tol=TOLERANCE)


def _scaled(vectors: Any) -> tuple[Any, Any]:
    """Return a scaler fitted on vectors, and them scaled; sparse ones stay so."""
    from sklearn.preprocessing import MaxAbsScaler, StandardScaler

    scaler = (StandardScaler() if isinstance(vectors, np.ndarray) else MaxAbsScaler()).fit(vectors)
    return scaler, scaler.transform(vectors)


def _is_wide(vectors: Any) -> bool:
    """Return whether vectors are so few beside their columns that finding their span pays."""
    return isinstance(vectors, np.ndarray) and vectors.shape[1] > 2 * vectors.shape[0]


def _in_own_span(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors in a basis of their span, which keeps all products, and that basis.

    The basis is told by which shares of the vectors each of its vectors is made of.
    """
    squares, turned = np.linalg.eigh((vectors @ vectors.T).astype(np.float64))
    lengths = np.sqrt(np.maximum(squares, 0.0))
    there = lengths > LEAST_LENGTH * lengths[-1]
    return turned[:, there] * lengths[there], (turned[:, there] / lengths[there]).T


def blocks(net: nn.Module) -> dict[str, nn.Module]:
    """Return the blocks of a network that can be trained, by name, in the order of registration.

    What holds a row of blocks is looked into, and so is the only part that can be trained.
    """
    inside = {
        name: part
        for name, part in net.named_children()
        if any(param.requires_grad for param in part.parameters())
    }
    parts: dict[str, nn.Module] = {}
    for name, part in inside.items():
        inner = blocks(part) if len(inside) == 1 or _is_row(part) else {}
        parts |= {f"{name}.{key}": block for key, block in inner.items()} or {name: part}
    return parts


def _is_row(part: nn.Module) -> bool:
    """Return whether a part is a row of blocks rather than one block made of single layers."""
    from torch import nn

    inner = (child for block in part.children() for child in block.children())
    return isinstance(part, nn.ModuleList) or (
        isinstance(part, nn.Sequential) and next(inner, None) is not None
    )


def last_part(encoder: Encoder) -> list[str]:
    """Return the names of the blocks that fine-tuning of the last part trains: the later half.

    A normalisation by itself counts with the block before it. What the encoder itself holds
    fixed, as an autoencoder its linear path, is no block and stays fixed in every fine-tuning.
    There are none where no network is to be trained on: none that gradients reach.
    """
    from nearspace.encoders.learned.learned import Learned

    nets = _embedding_nets(encoder, encoder.nets_) if isinstance(encoder, Learned) else None
    return list(_last_blocks(nets)) if nets else []


def finetune(
    encoder: Learned,
    items: Any,
    target: Target,
    way: Way,
    learning_rate: float,
    seed: int,
    schedule: Schedule = SCHEDULE,
) -> nn.ModuleDict:
    """Return the encoder's network under a linear head, trained on labelled items.

    Parameters
    ----------
    encoder : Learned
        Fitted; it stays as it is.
    items : sequence of n items
        The labelled items.
    target : Target
        What is to be told of them.
    way : Way
        Which weights are trained, and on what.
    learning_rate : float
        Peak of the schedule.
    seed : int
        Of new weights, order and views.
    schedule : Schedule, optional
        How long it is trained.
    """
    import torch

    from nearspace.learning.train import train

    # Mirrored where the encoder's own views are.
    mirror = bool(getattr(encoder, "flip", False))

    def losses(nets: Any, batch: Tensor, labels: Any, generator: Any) -> dict[str, Tensor]:
        if way.varied:
            batch = encoder.kind_.views(batch, generator, mirror)
        outputs = nets[HEAD](encoder.vectors(nets, batch))
        return {target.loss_name: target.loss(outputs, labels)}

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        nets = _with_head(encoder, way.name, target.width)
        # Few items are repeated, so that an epoch is long enough for its mean loss to tell.
        rows = torch.arange(schedule.items(len(target)) // EPOCHS) % len(target)
        train(
            nets,
            losses,
            encoder.batches(items).take(rows),
            torch.from_numpy(target.encode(target.values))[rows],
            epochs=EPOCHS,
            batch_size=BATCH,
            learning_rate=learning_rate,
            seed=seed,
            device=encoder.device,
            precision=encoder.precision,
            held_out=0.0,
        )
    return nets


def outputs_of(encoder: Learned, nets: nn.ModuleDict, items: Any) -> np.ndarray:
    """Return what a network of `finetune` makes of items, shape ``(n, width)``."""
    from nearspace.learning.device import torch_device

    device = torch_device(encoder.device)
    nets.to(device)

    def outputs(batch: Tensor) -> Tensor:
        return nets[HEAD](encoder.vectors(nets, batch))

    return encoder.batches(items).map(outputs, PREDICTION_BATCH, device).numpy()


def choose_rate(
    encoder: Learned, items: Any, target: Target, way: Way, seed: int, schedule: Schedule = SCHEDULE
) -> float:
    """Return the learning rate that does best on a third of the labelled items, held out.

    All three thirds in turn take three times as long, and of 50 to 200 digits choose no better:
    91.9 % against 91.9 %, where the better of two rates for each way would have told 92.2 %.
    """
    import torch

    splits = folds(target.strata, seed)
    if not splits:
        return schedule.rates[0]
    kept, held = splits[0]
    part, others = target.take(kept), take_items(items, held)
    wanted = torch.from_numpy(part.encode(target.values[held]))

    def loss(rate: float) -> float:
        nets = finetune(encoder, take_items(items, kept), part, way, rate, seed, schedule)
        outputs = torch.from_numpy(outputs_of(encoder, nets, others))
        return float(target.loss(outputs, wanted))

    return min(schedule.rates, key=loss)


def _embedding_nets(encoder: Learned, nets: nn.ModuleDict) -> nn.ModuleDict:
    """Return copies of those networks that `embed` runs; empty where no gradient reaches any."""
    import torch
    from torch import nn

    nets = copy.deepcopy(nets).cpu().eval()
    with torch.enable_grad():
        vectors = encoder.vectors(nets, encoder.blank(2))
    if not vectors.requires_grad:
        return nn.ModuleDict()
    vectors.sum().backward()
    used = {
        name: net
        for name, net in nets.items()
        if any(param.grad is not None for param in net.parameters())
    }
    nets.zero_grad(set_to_none=True)
    return nn.ModuleDict(used)


def _last_blocks(nets: nn.ModuleDict) -> dict[str, nn.Module]:
    parts = blocks(nets)
    names = list(parts)
    heavy = [name for name in names if any(p.ndim > 1 for p in parts[name].parameters())]
    first = (heavy or names)[-max(1, len(heavy) // 2)]
    return {name: parts[name] for name in names[names.index(first) :]}


def _with_head(encoder: Learned, part: str, width: int) -> nn.ModuleDict:
    """Return the network with new weights or the fitted ones, what is not trained frozen."""
    import torch
    from torch import nn

    nets = _embedding_nets(encoder, encoder.build() if part == "scratch" else encoder.nets_)
    if part == "last":
        last = _last_blocks(nets).values()
        trained = [p for block in last for p in block.parameters() if p.requires_grad]
        nets.requires_grad_(False)
        for param in trained:
            param.requires_grad_(True)
    with torch.no_grad():
        dim = encoder.vectors(nets.eval(), encoder.blank(2)).shape[1]
    nets[HEAD] = nn.Linear(dim, width)
    return nets
