"""Networks that look at what is around a node: trained by labels, by edges, or by contrast."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn import functional as F

from nearspace.data import Target
from nearspace.data.batches import Batches
from nearspace.data.coupled import Bag, rows_waiting
from nearspace.data.kinds.graph import Graph
from nearspace.data.memory import check_memory
from nearspace.data.neighbourhoods import EdgeBatch, EdgesWaiting, Neighbourhoods, Subgraph
from nearspace.data.nodes import Edges, Nodes
from nearspace.encoders.base import Encoder
from nearspace.encoders.handmade.graphs import SeesNodes, fitted_attributes, is_of_nodes
from nearspace.encoders.learned.learned import seed_of
from nearspace.encoders.learned.weights import build_with
from nearspace.encoders.spec import make
from nearspace.encoders.state import Weights
from nearspace.encoders.trained import Trained
from nearspace.errors import DataError, NearspaceError
from nearspace.learning.device import torch_device
from nearspace.learning.progress import epoch_bar
from nearspace.learning.threads import threads_for
from nearspace.learning.train import train
from nearspace.nets.graphnet import Convolution, GraphNet, Sage

__all__ = ["DGI", "GCN", "GraphAutoencoder", "GraphNetwork", "GraphSAGE"]

WITHOUT_ATTRIBUTES = "structure | scale"  # what is known of nodes of which nothing is said
MOST_INPUTS = 100_000  # numbers that are said of a node


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GraphNetwork(Trained, SeesNodes, Encoder):
    """A network whose vector of a node is made of what is said of it and of all around it.

    It learns from one graph, and makes vectors of nodes that come later and of other graphs, as
    long as the same is said of their nodes.

    Parameters
    ----------
    encoder : Encoder, optional
        Of what is said of nodes, or of nodes themselves: what the network sees. By default one that
        suits what is said, or of nodes of which nothing is, ``structure | scale``.
    dim : int
        Length of the vectors.
    dropout : float
        Share of numbers that is left out in training, of the input too.
    epochs : int, optional
        Passes over what is learnt from.
    batch_size : int, default=16384
        Nodes or edges a step at most; each brings its whole neighbourhood.
    learning_rate : float, default=1e-2
        Peak of the one-cycle schedule.
    penalty : float
        By how many times half the sum of squared weights is added to the loss.
    random_state : int, RandomState instance or None, default=0
        Of first weights, order, dropout and what is drawn.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    encoder_ : Encoder
        What the network sees, fitted.
    nets_ : nn.ModuleDict
        The networks, in eval mode.
    inputs_ : int
        How many numbers the network sees of a node.
    history_ : dict
        The fields of `nearspace.learning.train.History`.
    hops : int
        How far the network sees.
    """

    kinds = frozenset({Graph})
    learns = "items"
    metric = "cosine"
    effort = 30
    min_items = 2
    hops: ClassVar[int] = 2
    default_steps: ClassVar[int] = 200
    encoder_: Encoder = dataclasses.field(init=False)
    nets_: nn.ModuleDict = dataclasses.field(init=False)
    inputs_: int = dataclasses.field(init=False)
    outputs_: int = dataclasses.field(init=False)
    target_: str = dataclasses.field(init=False)
    history_: dict[str, Any] = dataclasses.field(init=False)
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "encoder": [Encoder, None],
        "dim": [Interval(Integral, 1, None, closed="left")],
        "variational": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "device": [StrOptions({"auto", "cpu", "cuda", "mps"})],
        "verbose": ["boolean"],
    }

    encoder: Encoder | None = None
    dim: int = 64
    dropout: float = 0.5
    epochs: int | None = None
    batch_size: int = 16384
    learning_rate: float = 1e-2
    penalty: float = 5e-4
    random_state: Any = 0
    device: str = "auto"
    verbose: bool = False

    @abstractmethod
    def build(self) -> nn.ModuleDict:
        """Return new networks for nodes of which `inputs_` numbers are seen."""

    @abstractmethod
    def losses(
        self, nets: nn.ModuleDict, batch: Any, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the terms of the loss of a batch by name; their sum is minimised."""

    def vectors(self, nets: nn.ModuleDict, batch: Subgraph) -> Tensor:
        """Return the vectors of nodes, shape ``(n, d)``."""
        return nets["encoder"](batch)

    def told(self, outputs: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """Return the term of the loss of what is told of nodes: cross entropy, or squared error."""
        assert labels is not None  # `fit` asked for them
        target = Target.registry[self.target_]
        return {target.loss_name: target.loss(outputs, labels)}

    def operator(self, edges: Edges) -> sparse.csr_array:
        """Return how much of each node goes to each node at a step."""
        return edges.propagator

    def waiting(self, nodes: Neighbourhoods, edges: Edges) -> Batches:
        """Return what is learnt from, as it waits in memory: the nodes themselves."""
        return nodes

    def batch_size_for(self, n_items: int) -> int:
        """Return the nodes or edges a step."""
        return min(self.batch_size, n_items)

    def _fit(self, items: Nodes, y: Target | None) -> None:
        torch_device(self.device)  # one that is not there is told before anything is done
        assert isinstance(self.kind_, Graph)
        given = self.encoder
        if given is None and self.kind_.attributes is None:
            given = make(WITHOUT_ATTRIBUTES)
        if given is not None and is_of_nodes(given):
            self.encoder_ = clone(given).fit_items(items.everyone, None, self.kind_)
        else:
            self.encoder_ = fitted_attributes(given, items, self.kind_, None, self.spec)
        vectors = self._seen(items.everyone)
        self.inputs_ = vectors.shape[1]
        if self.inputs_ > MOST_INPUTS:
            raise DataError(
                f"{self.spec}: {self.encoder_.spec} says {self.inputs_:,} numbers of a node, more "
                f"than {MOST_INPUTS:,}; make them fewer, as '{self.encoder_.spec} | svd(dim=256)' "
                "does."
            )
        waiting = rows_waiting(vectors)
        labels = None
        if y is not None:
            self.target_, self.outputs_ = y.name, y.width
            labels = torch.from_numpy(y.encode(y.values))
        nodes = self._around(items, lambda rows: waiting[torch.from_numpy(rows)])
        batches = self.waiting(nodes, items.edges)
        seed, self.width_ = seed_of(self.random_state), self.dim
        with torch.random.fork_rng(), epoch_bar(type(self).__name__, self.verbose):
            torch.manual_seed(seed)  # the networks' first weights come from the global generator
            nets = self.build()
            try:
                history = train(
                    nets, self._penalised, batches, labels,
                    epochs=self.epochs or self._usual_epochs(len(batches)),
                    batch_size=self.batch_size_for(len(batches)),
                    learning_rate=self.learning_rate,
                    weight_decay=0.0,
                    seed=seed,
                    device=self.device,
                    held_out=torch.empty(0, dtype=torch.int64),
                )  # fmt: skip
            except (KeyboardInterrupt, NearspaceError) as error:
                stopped = "diverged" if isinstance(error, NearspaceError) else "interrupted"
                self.nets_, self.history_ = nets, {"stopped": stopped}
                raise
        self.nets_, self.history_ = nets, dataclasses.asdict(history)

    def _penalised(
        self, nets: nn.ModuleDict, batch: Any, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, and that of the weights of the layers, as in the papers."""
        terms = self.losses(nets, batch, labels, generator)
        if self.penalty:
            squares = [weights.square().sum() for weights in nets["encoder"].parameters()]
            terms["weights"] = self.penalty / 2 * torch.stack(squares).sum()
        return terms

    def _usual_epochs(self, n: int) -> int:
        """Return the passes that come to `default_steps` steps."""
        return max(1, round(self.default_steps / max(1, n // self.batch_size_for(n))))

    def _seen(self, items: Nodes) -> Any:
        """Return what the network sees of nodes themselves."""
        of_nodes = isinstance(self.encoder_.kind_, Graph)
        return self.encoder_.transform(items if of_nodes else items.own)

    def _around(self, items: Nodes, inputs: Callable[[np.ndarray], Any]) -> Neighbourhoods:
        return Neighbourhoods(inputs, self.operator(items.edges), self.hops, items.rows)

    def _transform(self, items: Nodes) -> np.ndarray:
        return self._run(items, self.device)

    def _vectors_of(self, items: Nodes) -> np.ndarray:
        return self._run(items, "cpu")

    def _run(self, items: Nodes, device: str) -> np.ndarray:
        if not len(items):
            return np.empty((0, self.width_), np.float32)
        place = torch_device(device)
        self.nets_.to(place)
        everyone = items.everyone
        nodes = self._around(items, lambda rows: rows_waiting(self._seen(everyone[rows]))[:])
        with threads_for(self.history_.get("flops_per_item", 0.0) * len(items)):
            return nodes.map(
                lambda batch: self.vectors(self.nets_, batch), len(items), place
            ).numpy()

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state, with its networks built around their weights."""
        weights = fitted.get("nets_")  # not there before `fit`
        rest = {name: value for name, value in fitted.items() if name != "nets_"}
        encoder = super().from_state(params, rest)
        if weights is not None:
            if not isinstance(weights, Weights):
                raise TypeError(f"expected networks, got a {type(weights).__name__}")
            encoder.nets_ = build_with(encoder.build, weights)
        return encoder

    def check_whole(self) -> None:
        """Raise an error unless what the network sees is whole, and as wide as it takes."""
        self._check_kind()
        self.encoder_.check_whole()
        if self.encoder_._n_features_out != self.inputs_:
            raise ValueError(f"its network takes {self.inputs_} numbers of a node")


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GCN(GraphNetwork):
    """Graph convolutions that learn labels; what goes into the last map is the vector [1]_.

    The network is that of the paper, of two layers: ``S relu(S X W + b) V + c`` with the normalised
    adjacency ``S``, of which all before ``V`` is the vector.

    Parameters
    ----------
    encoder, dim, dropout, epochs, batch_size, learning_rate, penalty, random_state, …
        As of `GraphNetwork`.

    References
    ----------
    .. [1] T. Kipf, M. Welling, "Semi-supervised classification with graph convolutional networks",
       2017.

    Examples
    --------
    >>> from nearspace import load, load_graph
    >>> nodes = load(np.eye(6, dtype=np.float32), labels=list("aaabbb"))
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)], nodes)
    >>> GCN(dim=4, epochs=5).fit_on(graph).transform(graph.items).shape
    (6, 4)
    """

    learns = "labels"
    dim: int = 16

    def build(self) -> nn.ModuleDict:
        """Return the convolution, and the map of the vectors to logits."""
        encoder = GraphNet(Convolution, [self.inputs_, self.dim], self.dropout)
        return nn.ModuleDict({"encoder": encoder, "logits": nn.Linear(self.dim, self.outputs_)})

    def vectors(self, nets: nn.ModuleDict, batch: Subgraph) -> Tensor:
        """Return what goes into the map to logits."""
        hidden = F.relu(nets["encoder"](batch))
        hidden = F.dropout(hidden, self.dropout, nets.training)
        return batch.steps[1](hidden)

    def losses(
        self, nets: nn.ModuleDict, batch: Any, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the cross entropy of classes, the squared error of numbers."""
        return self.told(nets["logits"](self.vectors(nets, batch)), labels)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GraphSAGE(GraphNetwork):
    """Layers of GraphSAGE that learn labels: a node's own vector beside its neighbours' mean [1]_.

    Parameters
    ----------
    encoder, dim, dropout, epochs, batch_size, learning_rate, penalty, random_state, …
        As of `GraphNetwork`.

    References
    ----------
    .. [1] W. Hamilton, R. Ying, J. Leskovec, "Inductive representation learning on large graphs",
       2017.

    Examples
    --------
    >>> from nearspace import load, load_graph
    >>> nodes = load(np.eye(6, dtype=np.float32), labels=list("aaabbb"))
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)], nodes)
    >>> GraphSAGE(dim=4, epochs=5).fit_on(graph).transform(graph.items).shape
    (6, 4)
    """

    learns = "labels"

    def operator(self, edges: Edges) -> sparse.csr_array:
        """Return what takes the mean over neighbours."""
        return edges.mean_of_neighbours

    def build(self) -> nn.ModuleDict:
        """Return the layers, and the map of the vectors to logits."""
        encoder = GraphNet(Sage, [self.inputs_, self.dim, self.dim], self.dropout)
        return nn.ModuleDict({"encoder": encoder, "logits": nn.Linear(self.dim, self.outputs_)})

    def vectors(self, nets: nn.ModuleDict, batch: Subgraph) -> Tensor:
        """Return what goes into the map to logits."""
        return F.relu(nets["encoder"](batch))

    def losses(
        self, nets: nn.ModuleDict, batch: Any, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the cross entropy of classes, the squared error of numbers."""
        hidden = F.dropout(self.vectors(nets, batch), self.dropout, nets.training)
        return self.told(nets["logits"](hidden), labels)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GraphAutoencoder(GraphNetwork):
    """Convolutions whose vectors tell by their inner products where there is an edge [1]_.

    `inverse_transform` gives the edges back. Cosines tell them as well, and are by what its vectors
    are compared.

    Parameters
    ----------
    variational : bool, default=False
        Whether vectors are the means of normal distributions that are held to be like a standard
        one.
    encoder, dim, dropout, epochs, batch_size, learning_rate, penalty, random_state, …
        As of `GraphNetwork`.

    References
    ----------
    .. [1] T. Kipf, M. Welling, "Variational graph auto-encoders", 2016.

    Examples
    --------
    >>> from nearspace import load, load_graph
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)], load(np.eye(6)))
    >>> encoder = GraphAutoencoder(dim=4, epochs=5).fit_on(graph)
    >>> vectors = encoder.transform(graph.items)
    >>> vectors.shape, encoder.inverse_transform(vectors).shape
    ((6, 4), (6, 6))
    """

    dim: int = 32
    variational: bool = False
    dropout: float = 0.0
    penalty: float = 0.0

    def waiting(self, nodes: Neighbourhoods, edges: Edges) -> Batches:
        """Return the edges, with the neighbourhoods of their ends."""
        return EdgesWaiting(nodes, edges.ends)

    def build(self) -> nn.ModuleDict:
        """Return the convolutions, of which the last puts out means and deviations if asked."""
        out = self.dim * (2 if self.variational else 1)
        net = GraphNet(Convolution, [self.inputs_, 2 * self.dim, out], self.dropout)
        return nn.ModuleDict({"encoder": net})

    def vectors(self, nets: nn.ModuleDict, batch: Subgraph) -> Tensor:
        """Return the vectors, or the means of their distributions."""
        return nets["encoder"](batch)[:, : self.dim]

    def losses(
        self,
        nets: nn.ModuleDict,
        batch: EdgeBatch,
        labels: Tensor | None,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return how well edges are told from as many pairs of nodes, drawn from their ends."""
        outputs = nets["encoder"](batch.nodes)
        vectors, terms = outputs, {}
        if self.variational:
            vectors, logs = outputs.chunk(2, dim=1)
            spread = 1 + 2 * logs - vectors.square() - (2 * logs).exp()
            # Of the paper: by node, and once more by their number.
            terms["prior"] = -0.5 * spread.sum(dim=1).mean() / len(vectors)
            noise = torch.randn(vectors.shape, generator=generator, device=vectors.device)
            vectors = vectors + noise * logs.exp()
        shape = batch.pairs.shape
        apart = torch.randint(len(vectors), shape, generator=generator, device=vectors.device)
        likely, unlikely = (
            (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(dim=1)
            for pairs in (batch.pairs, apart)
        )
        edges = F.softplus(-likely).mean() + F.softplus(unlikely).mean()
        return {"edges": edges, **terms}

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Return how likely there is an edge between each two of some vectors.

        Parameters
        ----------
        Z : array of shape (n, d)
            Vectors.

        Returns
        -------
        ndarray of shape (n, n), float32
            The sigmoid of their inner products, the probability that the network learnt; of a
            vector and itself it says nothing.
        """
        check_is_fitted(self)
        vectors = np.asarray(Z, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.width_:
            raise DataError(
                f"{self.spec}: expected vectors of shape (n, {self.width_}), got an array of shape "
                f"{vectors.shape}."
            )
        check_memory(len(vectors) ** 2 * 8, "How likely each two nodes are linked")
        return expit(vectors @ vectors.T)


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class DGI(GraphNetwork):
    """A convolution that tells the nodes of a graph from those of one that was corrupted [1]_.

    What is said of nodes is dealt out among them anew; a bilinear map of a node's vector and of the
    mean of all tells which is the graph as it is.

    Parameters
    ----------
    encoder, dim, dropout, epochs, batch_size, learning_rate, penalty, random_state, …
        As of `GraphNetwork`.

    References
    ----------
    .. [1] P. Veličković et al., "Deep Graph Infomax", 2019.

    Examples
    --------
    >>> from nearspace import load, load_graph
    >>> graph = load_graph([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)], load(np.eye(6)))
    >>> DGI(dim=4, epochs=5).fit_on(graph).transform(graph.items).shape
    (6, 4)
    """

    hops = 1
    dim: int = 256
    dropout: float = 0.0
    penalty: float = 0.0

    def build(self) -> nn.ModuleDict:
        """Return the convolution, its activation, and the bilinear map."""
        encoder = GraphNet(Convolution, [self.inputs_, self.dim], self.dropout)
        between = nn.Linear(self.dim, self.dim, bias=False)
        return nn.ModuleDict({"encoder": encoder, "bend": nn.PReLU(), "between": between})

    def waiting(self, nodes: Neighbourhoods, edges: Edges) -> Batches:
        """Return all nodes of the graph."""
        return Neighbourhoods(nodes.inputs, nodes.operator, nodes.hops, np.arange(edges.n))

    def vectors(self, nets: nn.ModuleDict, batch: Subgraph) -> Tensor:
        """Return what the convolution puts out, bent."""
        return nets["bend"](nets["encoder"](batch))

    def losses(
        self,
        nets: nn.ModuleDict,
        batch: Subgraph,
        labels: Tensor | None,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return how well nodes are told from those of the corrupted graph."""
        true = self.vectors(nets, batch)
        false = self.vectors(nets, batch._replace(inputs=_shuffled(batch.inputs, generator)))
        summary = nets["between"](true.mean(dim=0).sigmoid())
        told = [own @ summary for own in (true, false)]
        return {"corrupted": F.softplus(-told[0]).mean() + F.softplus(told[1]).mean()}


def _shuffled(inputs: Tensor | Bag, generator: torch.Generator) -> Tensor | Bag:
    """Return rows in another order."""
    n = len(inputs.starts) if isinstance(inputs, Bag) else len(inputs)
    device = inputs.starts.device if isinstance(inputs, Bag) else inputs.device
    order = torch.randperm(n, generator=generator, device=device)
    if not isinstance(inputs, Bag):
        return inputs[order]
    ends = torch.cat([inputs.starts[1:], inputs.starts.new_tensor([len(inputs.columns)])])
    sizes = (ends - inputs.starts)[order]
    starts = sizes.cumsum(0) - sizes
    within = torch.arange(len(inputs.columns), device=device) - starts.repeat_interleave(sizes)
    at = inputs.starts[order].repeat_interleave(sizes) + within
    return Bag(inputs.columns[at], starts, inputs.values[at])
