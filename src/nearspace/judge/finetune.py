"""Few labels: which items get them, a linear head on vectors, and training of a whole network."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Kind, take_items

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nearspace.encoders.base import Encoder
    from nearspace.encoders.learned import Learned

__all__ = ["TRAINED", "Way", "blocks", "choose_rate", "draw_labelled", "finetune", "has_network",
           "has_views", "last_part", "linear_head", "log_probabilities"]  # fmt: skip

# The same for fine-tuning and from scratch. An early stop would have to be found on items that a
# few labels cannot spare. Of 1,000 varied digits a network from scratch learns 96.3 % in 10 passes
# and 97.8 % in 30.
FEWEST_STEPS, PASSES, BATCH, EPOCHS = 300, 25, 32, 6
RATES = (1e-3, 3e-3)
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
FOLDS = 3
PREDICTION_BATCH = 512
HEAD = "linear_head"


TRAINED = {
    "scratch": "from scratch",
    "last": "last part fine-tuned",
    "all": "all fine-tuned",
}


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


def draw_labelled(classes: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    """Return the positions of ``n`` items, each class by its share and none left out.

    With a generator of the same seed the first of a longer draw are those of a shorter one.

    Parameters
    ----------
    classes : ndarray of shape (items,), int
        The class number of each item.
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


def linear_head(vectors: Any, classes: np.ndarray, seed: int) -> Any:
    """Return a logistic regression on scaled vectors, its penalty chosen by cross-validation."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, StandardScaler

    scaler = StandardScaler() if isinstance(vectors, np.ndarray) else MaxAbsScaler()
    head: Any = make_pipeline(scaler, LogisticRegression(tol=1e-3, max_iter=200))
    folds = min(FOLDS, int(np.bincount(classes).min()))
    if folds > 1:
        head = GridSearchCV(
            head,
            {"logisticregression__C": PENALTIES},
            scoring="neg_log_loss",
            cv=StratifiedKFold(folds, shuffle=True, random_state=seed),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return head.fit(vectors, classes)


def has_views(kind: Kind) -> bool:
    """Return whether items of a kind can be varied."""
    return type(kind).views is not Kind.views


def has_network(encoder: Encoder) -> bool:
    """Return whether a fitted encoder has a network that gradients reach, to be trained on."""
    from nearspace.encoders.learned import Learned

    return isinstance(encoder, Learned) and bool(_embedding_nets(encoder, encoder.nets_))


def blocks(net: nn.Module) -> dict[str, nn.Module]:
    """Return the blocks of a network that have weights, by name, from input to output."""
    from torch import nn

    found = {
        name: part for name, part in net.named_children() if any(True for _ in part.parameters())
    }
    parts: dict[str, nn.Module] = {}
    for name, part in found.items():
        inner = blocks(part) if len(found) == 1 or isinstance(part, nn.ModuleList) else {}
        parts |= {f"{name}.{key}": block for key, block in inner.items()} or {name: part}
    return parts


def last_part(encoder: Learned) -> list[str]:
    """Return the names of the blocks that fine-tuning of the last part trains: the later half."""
    return list(_last_blocks(_embedding_nets(encoder, encoder.nets_)))


def finetune(
    encoder: Learned,
    items: Any,
    classes: np.ndarray,
    n_classes: int,
    way: Way,
    learning_rate: float,
    seed: int,
) -> nn.ModuleDict:
    """Return the encoder's network under a linear head, trained to classify labelled items.

    Parameters
    ----------
    encoder : Learned
        Fitted; it stays as it is.
    items : sequence of n items
        The labelled items.
    classes : ndarray of shape (n,), int
        Their class numbers.
    n_classes : int
        How many classes there are.
    way : Way
        Which weights are trained, and on what.
    learning_rate : float
        Peak of the schedule.
    seed : int
        Of new weights, order and views.
    """
    import torch
    from torch.nn import functional

    from nearspace.learning.train import train

    # Mirrored where the encoder's own views are.
    mirrored: dict[str, Any] = {"flip": True} if getattr(encoder, "flip", False) else {}

    def losses(nets: Any, batch: Tensor, labels: Any, generator: Any) -> dict[str, Tensor]:
        if way.varied:
            batch = encoder.kind_.views(batch, generator, **mirrored)
        logits = nets[HEAD](encoder.embed(nets, batch))
        return {"cross_entropy": functional.cross_entropy(logits, labels)}

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        nets = _with_head(encoder, way.name, n_classes)
        # Few items are repeated, so that an epoch is long enough for its mean loss to tell.
        seen = max(FEWEST_STEPS * BATCH, PASSES * len(classes))
        rows = torch.arange(seen // EPOCHS) % len(classes)
        train(
            nets,
            losses,
            encoder.kind_.tensor(items)[rows],
            torch.from_numpy(classes.astype(np.int64))[rows],
            to_float=encoder._to_float,
            epochs=EPOCHS,
            batch_size=BATCH,
            learning_rate=learning_rate,
            seed=seed,
            device=encoder.device,
            precision=encoder.precision,
            held_out=0.0,
        )
    return nets


def log_probabilities(encoder: Learned, nets: nn.ModuleDict, items: Any) -> np.ndarray:
    """Return what a network of `finetune` makes of items, shape ``(n, classes)``."""
    import torch

    from nearspace.encoders.learned import torch_device

    device = torch_device(encoder.device)
    x, nets = encoder.kind_.tensor(items), nets.to(device)
    with torch.inference_mode():
        parts = [
            nets[HEAD](encoder.embed(nets, encoder._to_float(part.to(device)))).log_softmax(1)
            for part in x.split(PREDICTION_BATCH)
        ]
    return torch.cat(parts).cpu().numpy()


def choose_rate(
    encoder: Learned, items: Any, classes: np.ndarray, n_classes: int, way: Way, seed: int
) -> float:
    """Return the learning rate that does best on a third of the labelled items, held out."""
    n_kept = max(n_classes, round(2 * len(classes) / 3))
    kept = draw_labelled(classes, n_kept, np.random.default_rng(seed))
    held = np.setdiff1d(np.arange(len(classes)), kept)
    if not len(held):
        return RATES[0]

    def loss(rate: float) -> float:
        part = take_items(items, kept)
        nets = finetune(encoder, part, classes[kept], n_classes, way, rate, seed)
        found = log_probabilities(encoder, nets, take_items(items, held))
        return -float(found[np.arange(len(held)), classes[held]].mean())

    return min(RATES, key=loss)


def _embedding_nets(encoder: Learned, nets: nn.ModuleDict) -> nn.ModuleDict:
    """Return copies of those networks that `embed` runs; empty where no gradient reaches any."""
    import torch
    from torch import nn

    nets = copy.deepcopy(nets).cpu().requires_grad_(True).eval()
    with torch.enable_grad():
        vectors = encoder.embed(nets, torch.zeros(2, *encoder.shape_))
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
    found = blocks(nets)
    names = list(found)[-max(1, len(found) // 2) :]
    return {name: found[name] for name in names}


def _with_head(encoder: Learned, part: str, n_classes: int) -> nn.ModuleDict:
    """Return the network with new weights or the fitted ones, what is not trained frozen."""
    import torch
    from torch import nn

    nets = _embedding_nets(encoder, encoder.build() if part == "scratch" else encoder.nets_)
    if part == "last":
        nets.requires_grad_(False)
        for block in _last_blocks(nets).values():
            block.requires_grad_(True)
    with torch.no_grad():
        dim = encoder.embed(nets.eval(), torch.zeros(2, *encoder.shape_)).shape[1]
    nets[HEAD] = nn.Linear(dim, n_classes)
    return nets
