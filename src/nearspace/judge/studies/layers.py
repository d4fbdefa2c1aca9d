"""`compare_layers`: what every layer of one network is worth as an embedding."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from nearspace.data.load import dataset_of
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.layers import Layers
from nearspace.encoders.spec import make
from nearspace.errors import DataError, SpecError, called_as, did_you_mean
from nearspace.judge.board import HIDDEN, Board
from nearspace.judge.card import row_line
from nearspace.judge.choice import Resolution, with_recommendation
from nearspace.judge.cost import Cost
from nearspace.judge.fits import Fits, Tell
from nearspace.judge.protocol import Protocol
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.hybrids import hybrid_scores
from nearspace.judge.table import ScoreTable
from nearspace.judge.taps import MEMORY, RAW, Memory, Tapped, own_pool, tap_sides, with_input
from nearspace.judge.task import GEOMETRY_ITEMS, ItemTask
from nearspace.judge.tasks import set_item_task
from nearspace.metrics.directions import unit_vectors
from nearspace.metrics.geometry import effective_rank
from nearspace.metrics.labels import knn_scores, probe_scores
from nearspace.metrics.similarity import cka_of_all
from nearspace.notebook import shortened

__all__ = ["Hybrid", "LayerBoard", "LayerRow", "check_layers", "compare_layers"]


@dataclasses.dataclass(frozen=True, repr=False)
class LayerRow:
    """One layer.

    Attributes
    ----------
    name : str
        Its name in the network.
    shape : tuple of int
        Shape of its output for one item.
    dim : int
        Length of its vectors, after places are pooled.
    effective_rank : float
        How many dimensions are in use.
    zeros : Estimate
        Which share of its numbers is exactly zero, before places are pooled.
    silent : float
        Which share of its numbers is zero for every test item.
    scores : dict of str to Estimate
        That of the k-NN vote, then that of a linear model; empty without labels.
    l2 : Estimate or None
        k-NN score of vectors brought to length one minus that of the vectors as they are, by
        whichever metric layers are ranked; the intervals hold for all layers at once.
    metric : str
        By what neighbours are near: that of the layers, or the raw input's own.
    verdict : str
        ``"best"``, ``"tied with best"`` or ``"worse"`` among the layers and the raw input.
    difference : Estimate or None
        k-NN score minus that of the best layer; the intervals hold for all layers at once.
    recommended : bool
        Whether it is the smallest that cannot be told from the best, see `choice.contenders`.
    over_chance : Estimate or None
        How much better than guessing it is; ``low`` is what it is at least, for all layers at once.
    """

    name: str
    shape: tuple[int, ...]
    dim: int
    effective_rank: float
    zeros: Estimate
    silent: float
    scores: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    l2: Estimate | None = None
    metric: str = ""
    verdict: str = ""
    difference: Estimate | None = None
    recommended: bool = False
    over_chance: Estimate | None = None

    def __repr__(self) -> str:
        """Return how it did and what it costs, on one line."""
        return row_line(self, f"{self.dim:,} numbers an item, {self.effective_rank:.0f} in use")

    @property
    def cost(self) -> Cost:
        """What it costs as far as that is known: its vectors."""
        return Cost(math.nan, math.nan, math.nan, self.dim * FLOAT_BYTES)


@dataclasses.dataclass(frozen=True, repr=False)
class Hybrid:
    """Two layers as one space, see `nearspace.judge.studies.hybrids`.

    Attributes
    ----------
    first, second : str
        The layers.
    how : str
        ``"side by side"`` or ``"summed"``.
    weight : float
        The share of the squared distance that the first layer makes out.
    score : Estimate
        That of the k-NN vote.
    verdict, difference
        As of `LayerRow`, but among all layers, the raw input and all hybrids.
    """

    first: str
    second: str
    how: str
    weight: float
    score: Estimate
    verdict: str
    difference: Estimate

    def __repr__(self) -> str:
        """Return how they did together, on one line."""
        both = f"{shortened(self.first, 20)} and {shortened(self.second, 20)} {self.how}"
        return f"Hybrid({both}, {self.weight:g} of the first: {self.verdict}, {self.score})"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LayerBoard(Board):
    """What every layer of a network is worth: a `Board` whose rows are in its order.

    With labels the first row is the raw input, a candidate like any layer.

    Attributes
    ----------
    guessing : Estimate or None
        What guessing gets by the score that ranks; None without labels.
    hybrids : tuple of Hybrid
        Pairs of layers; empty without labels.
    gain : Estimate or None
        k-NN score of the best hybrid minus that of the best layer or the raw input, with an
        interval that holds for all of them at once.
    cka : ndarray of shape (l, l)
        How alike each two layers are.
    encoder : Encoder
        The fitted encoder.
    task : ItemTask
        The data and its two sides.
    """

    named_by: ClassVar[Mapping[str, str]] = {"layer": "name", "dim": "dim"}
    unranked: ClassVar[str] = "without labels no layer can be called the best"

    guessing: Estimate | None = None
    hybrids: tuple[Hybrid, ...] = ()
    gain: Estimate | None = None
    cka: np.ndarray = dataclasses.field(default_factory=lambda: np.eye(0))
    encoder: Any = dataclasses.field(default=None, metadata=HIDDEN)
    task: Any = dataclasses.field(default=None, metadata=HIDDEN)

    @property
    def chance(self) -> Estimate | None:
        """What guessing gets by the score that ranks, where there is anything to guess."""
        return self.guessing

    def spec(self, row: LayerRow) -> str:
        """Return the encoder that gives a layer."""
        if row.name == RAW:
            return RAW
        encoder = copy.copy(self.encoder).set_params(layer=row.name)
        if "pool" in encoder.get_params():
            encoder.set_params(pool=self.protocol["pool"])
        return str(encoder.spec)


FLOAT_BYTES = 4
ITEM_POOLS = ("flatten", "mean", "max", "cls", "last")
CKA_ITEMS = 1000


@called_as("compare_layers(data, 'mlp', labels=labels)")
def compare_layers(
    data: Any,
    encoder: str | Encoder,
    *,
    labels: Any = None,
    task: str | None = None,
    layers: str | Sequence[str] | None = None,
    pool: str | None = None,
    k: int = 5,
    metric: str | None = None,
    test_size: float = 0.25,
    random_state: int = 0,
    near_duplicates: str = "tell",
    cache: str | Path | None = None,
    progress: Tell | None = None,
    memory: Memory = MEMORY,
) -> LayerBoard:
    """Judge every layer of a network as an embedding, alone and two together.

    The encoder is fitted on the training items only; layers are judged on the test items, or on
    as many of both, drawn at random, as fit into memory with all layers at once.

    Parameters
    ----------
    data : Dataset, or what `load` reads
        The items.
    encoder : str or Encoder
        A spec, or an encoder whose network has layers: ``alexnet``, ``cnn``, ``mlp``, or
        `nearspace.encoders.borrowed.network.Network` around any `nn.Module`.
    labels : array-like or str, optional
        The labels of the items, or the name of a column.
    task : {"classes", "numbers", "unlabelled"}, optional
        What a layer should be good for; by default what the data bring decides.
    layers : str or sequence of str, optional
        One layer, or several from input to output; all of the top level when absent.
    pool : {"flatten", "mean", "max", "cls", "last"}, optional
        What becomes of places and tokens; the encoder's own when absent.
    k : int, default=5
        Neighbours that vote.
    metric : {"cosine", "euclidean"}, optional
        By which neighbours are near; by default the encoder's own.
    test_size : float, default=0.25
        Share of the items that test, where no split is published.
    random_state : int, default=0
        Of the split, the subsamples and the bootstrap.
    near_duplicates : {"tell", "together"}, default="tell"
        Whether test items that are nearly the same as a training item are counted and told, or
        such items are kept on one side of the split.
    cache : str or Path, optional
        A folder in which fitted encoders are kept and found again.
    progress : callable, optional
        Called with the share done and a few words.
    memory : Memory, optional
        How much of the layers may stand in memory at once.

    Returns
    -------
    LayerBoard
        A row a layer in the order of the network, behind the raw input where there are labels;
        then pairs of layers too.

    Raises
    ------
    NearspaceError
        If the encoder has no layers, none of a name, or such wide ones that too few items fit into
        memory, or if the data cannot be split as asked.

    Examples
    --------
    >>> board = compare_layers("digits", "mlp(epochs=2)")
    >>> [(row.name, row.dim) for row in board.rows]
    [('raw', 64), ('fc1', 256), ('fc2', 64), ('logits', 10)]
    """
    encoder = as_encoder(encoder)
    layers = [layers] if isinstance(layers, str) else list(dict.fromkeys(layers or ()))
    check_layers(encoder, pool, metric)
    protocol = Protocol(k, None, 1, test_size, random_state, near_duplicates, metric)
    asked = set_item_task(dataset_of(data, labels), protocol, task)
    fits = Fits(asked, cache, progress)
    for layer in layers or [encoder.get_params()["layer"]]:
        # What a layer that is not there would raise after training, it raises before.
        trial = _pooled(encoder, pool).set_params(layer=layer)
        trial.try_untrained(asked.train.items, asked.train.target, asked.train.kind)
    times = [time.perf_counter()]
    with fits.telling(encoder.spec, 0.0, 0.5):
        fitted: Any = fits.get(encoder)[0]
    times.append(time.perf_counter())
    names = layers or list(fitted.layer_names())
    if not names:
        raise SpecError(f"{encoder.spec}: no layer of the top level can be tapped; name some.")
    if RAW in names:
        raise SpecError(f"{encoder.spec}: the raw input is called '{RAW}', so no layer may be.")
    pool = pool or own_pool(fitted)
    fits.tell(0.5, "embedding")
    sides = tap_sides(asked, fitted, names, pool, (len(asked.train), len(asked.test)), memory)
    if sides is None:
        raise DataError(
            f"The layers of {encoder.spec} are too wide to hold {k} neighbours in memory at "
            "once; pool places by their mean, or name fewer layers."
        )
    train, test = sides
    if asked.labelled:
        raw = make("raw").fit_on(asked.train)
        train, test = with_input(asked.train, train, raw), with_input(asked.test, test, raw)
    notes = (*asked.notes, *asked.ranking_notes("layers"))
    if train.n < len(asked.train) or test.n < len(asked.test):
        notes = (
            *notes,
            f"Judged on {test.n:,} of {len(asked.test):,} test items against {train.n:,} of "
            f"{len(asked.train):,} training items, drawn at random, so that all layers fit into "
            "memory at once.",
        )
    times.append(time.perf_counter())
    measured = _Measured(asked, train, test, fits.tell, metric or fitted.metric)
    rows, resolution = measured.rows()
    own = fitted.get_params()["layer"]
    own = own if own in names else fitted.own_layer if fitted.own_layer in names else names[-1]
    guessing = measured.guessing if asked.labelled else None
    hybrids, gain = measured.hybrids(own) if asked.labelled else ((), None)
    times.append(time.perf_counter())
    notes = (*notes, *fits.cache.close())
    described = asked.describe()
    told = described | {
        "encoder": encoder.spec,
        "pool": pool,
        "metric": measured.metric,
        "rank_by": asked.vote_and_line[0].name if asked.labelled else asked.rank_by,
        "items judged": test.n,
        "items searched": train.n,
        "intervals": f"{described['intervals']}; effective rank, CKA and what is never on are "
        "numbers of the whole sample and have none",
    }
    steps = ("fitting", "embedding", "scoring")
    seconds = dict(zip(steps, np.diff(times).tolist(), strict=True))
    return LayerBoard(
        rows, told, notes, seconds, guessing=guessing, hybrids=hybrids, gain=gain,
        cka=measured.cka(), encoder=fitted, task=asked, leaks=asked.leaks, resolution=resolution,
    )  # fmt: skip


def check_layers(encoder: Any, pool: str | None = None, metric: str | None = None) -> None:
    """Raise `SpecError` if an encoder has no layers, or there is no such pool or metric of them."""
    spec = encoder.spec
    if not isinstance(encoder, Layers):
        raise SpecError(
            f"The encoder '{spec}' has no layers to compare; alexnet, cnn, mlp and "
            "pretrained have, and Network takes any network."
        )
    if pool is not None and pool not in ITEM_POOLS:
        raise SpecError(
            f"There is no pool '{pool}' that gives one vector an item. "
            f"{did_you_mean(pool, ITEM_POOLS)}"
        )
    if metric == "dot":
        raise SpecError(
            "Layers are put together by their distances, and the inner product is none; ask for "
            "the metric cosine or euclidean."
        )
    as_encoder(_pooled(encoder, pool))


def _pooled(encoder: Any, pool: str | None) -> Any:
    """Return an unfitted copy that pools as it is judged, where it pools at all."""
    pools = {} if pool is None or "pool" not in encoder.get_params() else {"pool": pool}
    return clone(encoder).set_params(**pools)


class _Measured:
    """Measures layers one by one, and keeps what their comparison needs."""

    def __init__(self, task: ItemTask, train: Tapped, test: Tapped, progress: Tell, metric: str):
        self.task, self.train, self.test, self.progress = task, train, test, progress
        self.metric = metric
        self.names = list(test.vectors)
        self.knn: list[np.ndarray] = []
        order = np.random.default_rng(task.protocol.random_state).permutation(test.n)
        self.sample = order[:GEOMETRY_ITEMS]

    def rows(self) -> tuple[tuple[LayerRow, ...], Resolution | None]:
        """Return what each layer is worth beside the others, and what the test can tell apart."""
        rows = []
        for index, name in enumerate(self.names):
            self.progress(0.5 + 0.35 * index / len(self.names), name)
            rows.append(self._row(name))
        if not self.task.labelled:
            return tuple(rows), None
        score, table = self.task.vote_and_line[0], self._table(*self.knn)
        told, resolution = with_recommendation(rows, table, score, self._guessed[None])
        told.sort(key=lambda row: self.names.index(row.name))
        return tuple(told), resolution

    def _row(self, name: str) -> LayerRow:
        test, vectors, zeros = self.test, self.test.vectors[name], self.test.zeros[name]
        shares = ScoreTable(zeros[None, None], test.groups, self.task.protocol.random_state)
        told: dict[str, Any] = {}
        if self.task.labelled:
            by = {
                metric: self._knn(self.train.vectors[name], vectors, metric)
                for metric in ("euclidean", "cosine")
            }
            own = self.metric
            if name == RAW:
                own = self.task.protocol.metric or self.task.dataset.kind.metric
            if own not in by:
                by[own] = self._knn(self.train.vectors[name], vectors, own)
            self.knn.append(by[own])
            target, truth = self.train.target, test.target.values
            probed = probe_scores(self.train.vectors[name], target, vectors, truth)
            knn, linear = (score.name for score in self.task.vote_and_line)
            level = 1 - 0.05 / len(self.names)  # for all layers at once
            told = {
                "scores": {knn: self._estimate(self.knn[-1]), linear: self._estimate(probed)},
                "l2": self._table(by["euclidean"], by["cosine"]).gain(level),
                "metric": own,
            }
        return LayerRow(
            name=name,
            shape=test.shapes[name],
            dim=vectors.shape[1],
            effective_rank=effective_rank(vectors[self.sample]),
            zeros=shares.estimates()[0] if zeros.any() else Estimate(0.0),
            silent=test.silent[name],
            **told,
        )

    @property
    def guessing(self) -> Estimate:
        """What guessing gets."""
        return self._estimate(self._guessed)

    @property
    def _guessed(self) -> np.ndarray:
        """What guessing gets of each test item."""
        target, truth = self.task.targets[0], self.test.target.values
        return target.score(truth, np.full(len(truth), target.guess()))

    def _knn(self, train: np.ndarray, test: np.ndarray, metric: str) -> np.ndarray:
        k = self.task.protocol.k
        return knn_scores(train, self.train.target, test, self.test.target.values, k, metric)

    def _table(self, *rows: np.ndarray) -> ScoreTable:
        """Return the table of rows of the score that ranks."""
        (score, *_), at = self.task.vote_and_line, self.test.at
        strata = self.task.strata if self.test.n == len(self.task.test) else None
        strata = None if strata is None else strata[at]
        classes = self.test.target.strata if score.by_class and self.test.target else None
        how = (self.task.protocol.random_state, score.bounded)
        values = np.stack(rows)[:, None]
        return ScoreTable(values, self.test.groups, *how, strata=strata, classes=classes)

    def _estimate(self, values: np.ndarray) -> Estimate:
        return self._table(values).estimates()[0]

    def hybrids(self, own: str) -> tuple[tuple[Hybrid, ...], Estimate | None]:
        """Return pairs of layers, held against all pairs and layers, and what the best gains."""
        self.progress(0.85, "pairs of layers")
        scaled = unit_vectors if self.metric == "cosine" else np.asarray
        train, test = (
            dataclasses.replace(
                side, vectors={of: scaled(x) for of, x in side.vectors.items() if of != RAW}
            )
            for side in (self.train, self.test)
        )
        pairs = hybrid_scores(train, test, own, self.task.protocol.k)
        if not pairs:
            return (), None
        n = len(self.names)
        verdicts = self._table(*self.knn, *pairs.values()).verdicts()
        hybrids = tuple(
            Hybrid(*key, self._estimate(told), verdict.word, verdict.difference)
            for (key, told), verdict in zip(pairs.items(), verdicts[n:], strict=True)
        )
        # The best of all has a difference of 0, so one of these two is the whole gap.
        layer, hybrid = (
            max((verdict.difference for verdict in side), key=lambda gap: gap.value)
            for side in (verdicts[:n], verdicts[n:])
        )
        return hybrids, hybrid if layer.value == 0 else -layer

    def cka(self) -> np.ndarray:
        """Return how alike each two layers are."""
        self.progress(0.975, "similarity of layers")
        sample = self.sample[:CKA_ITEMS]
        return cka_of_all([vectors[sample] for vectors in self.test.vectors.values()])
