"""Users and items by training: BPR, and two towers that see what is said of items."""

from __future__ import annotations

import dataclasses
import math
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn
from torch.nn import functional as F

from nearspace.data.batches import Stacked
from nearspace.data.coupled import Bag, rows_waiting
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.nodes import Nodes
from nearspace.encoders.base import Encoder
from nearspace.encoders.handmade.graphs import SeesNodes, fitted_attributes
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.recommender import Recommender, rows_or_zeros
from nearspace.errors import DataError
from nearspace.learning.device import torch_device
from nearspace.learning.progress import epoch_bar
from nearspace.learning.train import train
from nearspace.nets.graphnet import Map

__all__ = ["BPR", "TwoTower"]

MOST_ITEMS = 20_000  # against which a step of the two towers holds what is hidden
FEWEST_A_STEP, MOST_A_STEP = 128, 2048  # interactions
STEPS = 340  # of users, where nobody says how many passes


class BPR(Recommender):
    """Factors of users and items that put what a user has before what the user has not [1]_.

    An item has a number of its own beside its factors, which is how popular it is: the last
    dimension, 1 for every user.

    Vectors are of the users that were there in `fit`: of others there are none. What interactions
    weigh plays no part.

    Parameters
    ----------
    dim : int, default=64
        Factors.
    epochs : int, default=40
        Passes over the interactions.
    batch_size : int, optional
        Interactions a step, each with an item drawn that the user has not; by default a tenth of
        all, from 128 to 2,048.
    learning_rate : float, default=0.02
        Peak of the one-cycle schedule.
    penalty : float, default=0.02
        By which the squared factors of what is in a step are held down.
    random_state : int, RandomState instance or None, default=0
        Of first factors, order, and what is drawn.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    items_ : ndarray of shape (items, dim + 1), float32
    users_ : ndarray of shape (users, dim + 1), float32
    user_names_ : list of str

    References
    ----------
    .. [1] S. Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", 2009.

    Examples
    --------
    >>> from nearspace import load_interactions, make
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")])
    >>> make("bpr(dim=4, epochs=1)").fit_on(data).transform(data.items).shape
    (6, 5)
    """

    effort = 8
    ignores_weights = True
    items_: NDArray[np.float32]
    users_: NDArray[np.float32]
    user_names_: list[str]
    history_: dict[str, Any]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "dim": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left"), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "device": [StrOptions({"auto", "cpu", "cuda", "mps"})],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        *,
        dim: int = 64,
        epochs: int = 40,
        batch_size: int | None = None,
        learning_rate: float = 0.02,
        penalty: float = 0.02,
        random_state: Any = 0,
        device: str = "auto",
        verbose: bool = False,
    ):
        self.dim = dim
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.penalty = penalty
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)
        n_users, n_items = matrix.shape
        users = np.repeat(np.arange(n_users), np.diff(matrix.indptr))
        links = np.stack([users, matrix.indices], axis=1).astype(np.int64)
        codes_of_all = np.sort(links @ np.array([n_items, 1]))
        has = torch.from_numpy(codes_of_all).to(torch_device(self.device))
        seed = seed_of(self.random_state)
        batch_size = self.batch_size or min(MOST_A_STEP, max(FEWEST_A_STEP, len(links) // 10))

        def losses(
            nets: nn.ModuleDict, batch: Tensor, labels: Any, generator: torch.Generator
        ) -> dict[str, Tensor]:
            """Return how far what users have is before what they have not."""
            user, item = batch.T
            other = torch.randint(n_items, user.shape, generator=generator, device=user.device)
            codes = user * n_items + other
            at = torch.searchsorted(has, codes).clamp(max=len(has) - 1)
            counts = (has[at] != codes).float()  # those that the user has after all tell nothing
            one, rows = nets["of users"](user), [nets["of items"](of) for of in (item, other)]
            scores = [(one * row[:, :-1]).sum(dim=1) + row[:, -1] for row in rows]
            apart = F.softplus(scores[1] - scores[0]) * counts
            squares = one.square().sum(1) + sum(row.square().sum(1) for row in rows)
            return {
                "apart": apart.sum() / counts.sum().clamp(min=1),
                "penalty": self.penalty * squares.mean(),
            }

        with torch.random.fork_rng(), epoch_bar(type(self).__name__, self.verbose):
            torch.manual_seed(seed)
            nets = nn.ModuleDict({
                "of users": _table(n_users, self.dim), "of items": _table(n_items, self.dim + 1),
            })  # fmt: skip
            history = train(
                nets, losses, Stacked(torch.from_numpy(links), lambda rows: rows),
                epochs=self.epochs, batch_size=min(batch_size, len(links)),
                learning_rate=self.learning_rate, weight_decay=0.0, seed=seed, device=self.device,
                held_out=torch.empty(0, dtype=torch.int64),
            )  # fmt: skip
        self.history_ = dataclasses.asdict(history)
        own = _weight(nets["of users"]).detach().cpu().numpy()
        own[np.diff(matrix.indptr) == 0] = 0  # of whom nothing was learnt
        self.users_ = np.concatenate([own, np.ones((n_users, 1), np.float32)], axis=1)
        self.items_ = _weight(nets["of items"]).detach().cpu().numpy()
        self.items_[np.bincount(matrix.indices, minlength=n_items) == 0] = 0
        self.user_names_ = items.names[: items.users].tolist()
        self.width_ = self.dim + 1

    def _of_users(self, items: Nodes, histories: sparse.csr_array, rows: np.ndarray) -> np.ndarray:
        places = {name: at for at, name in enumerate(self.user_names_)}
        names = items.names[rows].tolist()
        if new := [name for name in names if name not in places]:
            raise DataError(
                f"{self.spec} has vectors of the users that it was fitted on, and '{new[0]:.60}' "
                "is none of them: fit it again, or choose one that makes a user of what they have, "
                "as als, ease or two_tower does."
            )
        return self.users_[[places[name] for name in names]].reshape(-1, self.width_)

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Raise `DataError`: a user's vector was learnt with the user."""
        raise DataError(
            f"{self.spec} has vectors of the users that it was fitted on, and makes none of what "
            "somebody has: choose als, ease or two_tower."
        )

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the factors of items, shape ``(n, dim + 1)``."""
        return rows_or_zeros(self.items_, rows)

    def check_whole(self) -> None:
        """Raise an error unless there are vectors of all that it names."""
        self._check_kind()
        for vectors, names in ((self.items_, self.names_), (self.users_, self.user_names_)):
            if vectors.shape != (len(names), self.width_) or not np.isfinite(vectors).all():
                raise ValueError(f"it has vectors of shape {vectors.shape}, or not finite ones")


class TwoTower(SeesNodes, Recommender):
    """A network of what a user has beside one of what an item is, trained to tell what is missing.

    The tower of users takes the mean of the items that a user has, the tower of items an embedding
    of each and what is said of it. Of each user a part of the items is hidden, and the softmax over
    all items is to tell these by the others [1]_; of more than 20,000 some are drawn at each step
    [3]_. Embeddings are left out at random, so that what is said of items has to do alone [2]_: by
    it items that nobody had before are found too. An item has a number of its own beside, which is
    how popular it is: the last dimension, 1 for everyone.
    What interactions weigh plays no part.

    Parameters
    ----------
    encoder : Encoder, optional
        Of what is said of items; by default one that suits its kind, where anything is said.
    dim : int, default=64
        Length of the vectors without that number.
    mask_ratio : float, default=0.5
        Which share of what a user has is hidden, and to be told by the rest.
    dropout : float, default=0.3
        How often the embedding of an item is left out.
    epochs : int, optional
        Passes over the users at most; by default as many as come to some 340 steps, 3 at least. It
        ends early where what is hidden of a tenth of the users, held out, is told no better.
    batch_size : int, default=256
        Users a step.
    learning_rate : float, default=5e-3
        Peak of the one-cycle schedule.
    penalty : float, default=1.0
        By which weights decay.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order, and what is hidden and left out.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    encoder_ : Encoder or None
        Of what is said of items, fitted.
    items_, inputs_ : ndarray of shape (items, d), float32
        The vectors of items, and what each adds to the vector of a user who has it.
    maps_ : dict of str to ndarray
        What leads from what is said of an item to either.

    References
    ----------
    .. [1] D. Liang et al., "Variational autoencoders for collaborative filtering", 2018.
    .. [2] M. Volkovs, G. Yu, T. Poutanen, "DropoutNet: addressing cold start in recommender
       systems", 2017.
    .. [3] X. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
       recommendations", 2019.

    Examples
    --------
    >>> from nearspace import load, load_interactions, make
    >>> films = load(["space horror", "space satire", "murder"], ids=["a", "b", "c"])
    >>> data = load_interactions([(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")], films)
    >>> make("two_tower(dim=4, epochs=1)").fit_on(data).transform(data.items).shape
    (6, 5)
    """

    effort = 12
    ignores_weights = True
    encoder_: Encoder | None
    items_: NDArray[np.float32]
    inputs_: NDArray[np.float32]
    maps_: dict[str, NDArray[np.float32]]
    history_: dict[str, Any]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "encoder": [Encoder, None],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "mask_ratio": [Interval(Real, 0, 1, closed="neither")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "device": [StrOptions({"auto", "cpu", "cuda", "mps"})],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        dim: int = 64,
        mask_ratio: float = 0.5,
        dropout: float = 0.3,
        epochs: int | None = None,
        batch_size: int = 256,
        learning_rate: float = 5e-3,
        penalty: float = 1.0,
        random_state: Any = 0,
        device: str = "auto",
        verbose: bool = False,
    ):
        self.encoder = encoder
        self.dim = dim
        self.mask_ratio = mask_ratio
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.penalty = penalty
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def _fit(self, items: Nodes, y: Any) -> None:
        matrix = self._learnt_from(items)
        assert isinstance(self.kind_, Interactions)
        if self.kind_.attributes is None and self.encoder is not None:
            raise DataError(
                f"{self.spec}: nothing is said of these items that {self.encoder.spec} could "
                "encode; leave it out, or name what is said of them."
            )
        self.encoder_, features = None, None
        if self.kind_.attributes is not None:
            self.encoder_ = fitted_attributes(self.encoder, items, self.kind_, None, self.spec)
            features = self.encoder_.transform(items.attributes)
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
        learnt = np.flatnonzero(counts)  # an item that nobody has is told against none
        place = torch_device(self.device)
        waiting = None if features is None else rows_waiting(features[learnt]).to(place)
        histories = matrix[np.diff(matrix.indptr) > 0][:, learnt]
        seed, batch_size = seed_of(self.random_state), min(self.batch_size, histories.shape[0])
        with torch.random.fork_rng(), epoch_bar(type(self).__name__, self.verbose):
            torch.manual_seed(seed)
            nets = self._build(len(learnt), features)
            share = np.log(counts[learnt] / counts.sum())
            with torch.no_grad():
                _weight(nets["own items"])[:, -1] = torch.from_numpy(share - share.mean())
            history = train(
                nets, lambda *of: self._losses(waiting, *of), rows_waiting(histories),
                epochs=self.epochs, batch_size=batch_size, default_steps=STEPS,
                fewest_steps=STEPS, learning_rate=self.learning_rate, weight_decay=self.penalty,
                seed=seed, device=self.device, held_out=0.1,
            )  # fmt: skip
        self.history_ = dataclasses.asdict(history)
        self.maps_ = {
            name: _weight(nets[f"{name} of said"]).detach().cpu().numpy()
            for name in (("items", "inputs") if features is not None else ())
        }
        for name in ("items", "inputs"):
            own = np.zeros((matrix.shape[1], _weight(nets[f"own {name}"]).shape[1]), np.float32)
            own[learnt] = _weight(nets[f"own {name}"]).detach().cpu().numpy()
            if features is not None:
                own += np.asarray(features @ self.maps_[name], dtype=np.float32)
            setattr(self, f"{name}_", own)
        self.width_ = self.dim + 1

    def _build(self, n: int, features: Any) -> nn.ModuleDict:
        """Return new embeddings, and maps of what is said of items."""
        widths = {"items": self.dim + 1, "inputs": self.dim}
        nets: dict[str, nn.Module] = {
            f"own {name}": _table(n, width) for name, width in widths.items()
        }
        if features is not None:
            nets |= {f"{name} of said": Map(features.shape[1], w) for name, w in widths.items()}
        return nn.ModuleDict(nets)

    def _losses(
        self,
        waiting: Any,
        nets: nn.ModuleDict,
        batch: Bag,
        labels: Any,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return how well what is hidden of users is told by the rest."""
        n, device = len(_weight(nets["own items"])), batch.columns.device
        rows, columns = torch.arange(n, device=device), batch.columns
        among = torch.zeros(n, device=device)
        if n > MOST_ITEMS and nets.training:
            # What users of the batch have is always there, and of all others so many are drawn,
            # each of which stands for those that were not (Yi et al., 2019).
            drawn = torch.randint(n, (MOST_ITEMS,), generator=generator, device=device)
            rows = torch.cat([columns, drawn]).unique()
            columns = torch.searchsorted(rows, columns)
            likely = -math.expm1(MOST_ITEMS * math.log1p(-1 / n))
            among = torch.full((len(rows),), -math.log(likely), device=device)
            among = among.index_fill(0, columns.unique(), 0.0)
        tables = {}
        for name in ("items", "inputs"):
            table = _weight(nets[f"own {name}"])[rows]
            if waiting is not None:
                if nets.training:
                    left = torch.rand((len(rows), 1), generator=generator, device=device)
                    table = table * (left >= self.dropout).float()
                table = table + nets[f"{name} of said"](waiting[rows])
            tables[name] = table
        ends = torch.cat([batch.starts[1:], batch.starts.new_tensor([len(columns)])])
        sizes = ends - batch.starts
        users = torch.arange(len(sizes), device=device).repeat_interleave(sizes)
        shown = torch.rand(len(users), generator=generator, device=device) >= self.mask_ratio
        vectors = _means(tables["inputs"], users[shown], columns[shown], len(sizes))
        logits = vectors @ tables["items"][:, :-1].T + tables["items"][:, -1] + among
        # What is shown is not to be recommended, and does not stand against what is hidden.
        logits = logits.index_put((users[shown], columns[shown]), logits.new_tensor(-1e9))
        told = F.log_softmax(logits, dim=1)[users[~shown], columns[~shown]]
        return {"hidden": -told.sum() / max(1, len(told))}

    def of_histories(self, histories: sparse.csr_array) -> np.ndarray:
        """Return the means of what users have, and 1, shape ``(n, dim + 1)``."""
        counts = np.diff(histories.indptr)
        plain = sparse.csr_array(
            (np.ones(histories.nnz, np.float32), histories.indices, histories.indptr),
            shape=histories.shape,
        )
        scale = 1 / np.sqrt(np.maximum(counts, 1))[:, None]
        vectors = (plain @ self.inputs_ * scale).astype(np.float32)
        return np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], axis=1)

    def of_items(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of items, shape ``(n, dim + 1)``."""
        return rows_or_zeros(self.items_, rows)

    def of_others(self, items: Nodes) -> np.ndarray:
        """Return the vectors of items that come later, by what is said of them."""
        if self.encoder_ is None or not len(items):
            return super().of_others(items)
        said = self.encoder_.transform(items.own)
        return np.asarray(said @ self.maps_["items"], dtype=np.float32)

    @property
    def notes(self) -> tuple[str, ...]:
        """That weights play no part, and what there is to say of the encoder of what is said."""
        return (*self._on_weights(), *super().notes)

    def check_whole(self) -> None:
        """Raise an error unless it makes vectors of items, and of what is said of others."""
        super().check_whole()
        assert isinstance(self.kind_, Interactions)
        if (self.encoder_ is None) != (self.kind_.attributes is None):
            raise ValueError(f"of {self.kind_} it has an encoder of something else")
        if self.encoder_ is None:
            return
        self.encoder_.check_whole()
        said = self.encoder_._n_features_out
        if self.encoder_.kind_ != self.kind_.attributes:
            raise ValueError(f"it takes {self.encoder_.kind_}, and items have something else")
        if self.maps_["items"].shape != (said, self.width_):
            raise ValueError(f"what is said of items are {said} numbers, and its map takes others")


def _table(n: int, dim: int) -> nn.Embedding:
    """Return small vectors of n things."""
    table = nn.Embedding(n, dim)
    nn.init.normal_(table.weight, std=0.05)
    return table


def _weight(net: nn.Module) -> Tensor:
    """Return the matrix of an embedding or of a map."""
    assert isinstance(net, nn.Embedding | Map)
    return net.weight


def _means(table: Tensor, rows: Tensor, columns: Tensor, n: int) -> Tensor:
    """Return the sums of rows of a table over the roots of how many there are, shape ``(n, d)``."""
    sums = table.new_zeros(n, table.shape[1]).index_add(0, rows, table[columns])
    counts = torch.bincount(rows, minlength=n).clamp(min=1)
    return sums / counts.sqrt()[:, None]
