"""`transfer`: what is learnt without labels is worth so much where only few items have one."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nearspace.data import Dataset, take_items
from nearspace.data.load import dataset_of
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.heads import linear_head
from nearspace.encoders.spec import make
from nearspace.encoders.trainable import Schedule, Trainable
from nearspace.errors import DataError, SpecError, called_as, count_of
from nearspace.judge.advice import Advice, Pick
from nearspace.judge.board import Board
from nearspace.judge.evidence import Told
from nearspace.judge.fits import Fits, Tell
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.finetune import (
    TRAINED,
    Way,
    choose_rate,
    draw_labelled,
    finetune,
    last_part,
    outputs_of,
    ways_of,
)
from nearspace.judge.studies.gains import FLOOR, TransferRow, to_use, verdicts_on
from nearspace.judge.studies.pace import Pace, Step
from nearspace.judge.table import ScoreTable, beside
from nearspace.judge.task import ItemTask
from nearspace.judge.tasks import set_item_task
from nearspace.judge.usual import USUAL
from nearspace.learning.progress import about

__all__ = ["Transfer", "transfer", "transferred"]

LEVEL = 0.95

Runs = dict[tuple[int, Way], list[tuple[np.ndarray, float]]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transfer(Board):
    """What `transfer` found: a `Board` by number of labels, items as they are before varied.

    Attributes
    ----------
    verdicts : tuple of str
        What pretraining brought, in a sentence each: see `verdicts_on`.
    """

    named_by: ClassVar[Mapping[str, str]] = {"way": "way", "labels": "labels"}
    verdicts: tuple[str, ...] = ()

    @property
    def advice(self) -> Advice:
        """Which way to use with each number of labels, and what pretraining brought."""
        used = [row for row in self.rows if row.recommended]
        picks = [
            Pick(f"with {row.labels:,} labels", row.way, self.score.text(self.ranking(row)), True)
            for row in used
        ]
        return Advice(tuple(picks), self.verdicts)


def transferred(
    task: ItemTask, spec: str, done: Runs, rates: dict[tuple[int, Way], float], last: list[str]
) -> Transfer:
    """Return the rows of what was done, each held against its network from scratch."""
    target, test = task.targets
    values = {
        key: np.stack([task.told.measure(Told((target, test), told)) for told, _ in runs])
        for key, runs in done.items()
    }

    def tables(rows: np.ndarray) -> ScoreTable:
        seed, score = task.protocol.random_state, task.told
        classes = task.classes if score.by_class else None
        how = (seed, score.bounded, score.sign)
        return ScoreTable(rows, task.groups, *how, classes=classes)

    def table(key: tuple[int, Way]) -> ScoreTable:
        return tables(values[key][None])

    rows = []
    for n, way in sorted(done, key=_order):
        base = n, Way("scratch", way.varied)
        if not any(other.name == "scratch" for _, other in done) and way.name in TRAINED:
            base = n, Way("linear head")
        plain = next((k for k in done if k[0] == n and k[1].name.startswith(FLOOR)), None)
        difference = over_plain = None
        if base in values and way.name != "scratch":
            # Every way beside that is a difference of its own; they should hold together.
            family = sum(_is_beside(key, base) for key in done)
            difference = table((n, way)).minus(values[base], 1 - (1 - LEVEL) / family)
        if way.name == "linear head" and plain is not None:
            over_plain = table((n, way)).minus(values[plain])
        runs = done[n, way]
        rows.append(
            TransferRow(
                labels=n,
                way=str(way),
                varied=way.varied,
                seeds=len(runs),
                scores={task.told.name: table((n, way)).estimates()[0]},
                difference=difference,
                over_plain=over_plain,
                learning_rate=rates.get((n, way)),
                seconds=float(np.mean([seconds for _, seconds in runs])),
                predictions=np.stack([told for told, _ in runs]),
                verdict=beside(difference) if difference is not None else "",
            )
        )
    for n in dict.fromkeys(row.labels for row in rows):
        at = [place for place, row in enumerate(rows) if row.labels == n]
        of = [values[key] for key in sorted(done, key=_order) if key[0] == n]
        seeds = min(map(len, of))
        verdicts = tables(np.stack([some[:seeds] for some in of])).verdicts()
        tied = [place for place, told in zip(at, verdicts, strict=True) if told.word != "worse"]
        chosen = tied[to_use([rows[place] for place in tied], task.told)]
        rows[chosen] = dataclasses.replace(rows[chosen], recommended=True)
    said = verdicts_on(rows, task.told, spec)
    told, units = task.describe(), "items" if task.groups is None else "groups"
    same = (
        *("name", "kind", "items", "train", "test", "classes", "labels", "split"),
        *("seeds", "random_state", "training fingerprint", "test fingerprint", "versions"),
    )
    protocol = {
        "encoder": spec,
        "last part": last,
        **{name: told[name] for name in same if name in told},
        "rank_by": task.told.name,
        "intervals": f"95 %, bootstrap over test {units} and draws of labelled items; differences "
        "are paired by both and hold for all rows of one number of labels at once",
        "scope": "this one fit of the encoder",
    }
    return Transfer(tuple(rows), protocol, verdicts=tuple(said))


def _is_beside(key: tuple[int, Way], base: tuple[int, Way]) -> bool:
    """Return whether a way is held against another: what trains, and a head beside scratch."""
    if base[1].name == "scratch":
        return key[0] == base[0] and key[1].name != "scratch"
    return key[0] == base[0] and key[1].name in TRAINED


def _order(key: tuple[int, Way]) -> tuple[int, bool]:
    """Return by what rows are sorted; those that are equal stay in the order of `Way`."""
    return key[0], key[1].varied


@called_as("transfer(data, 'simclr', labels=labels)")
def transfer(
    data: Any,
    encoder: str | Encoder,
    *,
    beside: Iterable[str | Encoder] = (),
    labels: Any = None,
    task: str | None = None,
    labelled: Iterable[int] = (100, 1000),
    seeds: int = 5,
    test_size: float = 0.25,
    random_state: int = 0,
    near_duplicates: str = "tell",
    cache: str | Path | None = None,
    progress: Tell | None = None,
    schedule: Schedule | None = None,
) -> Transfer:
    """Measure what an encoder fitted without labels is worth where few items have a label.

    The encoder is fitted once on all training items without their labels. Then a few of them get
    their labels, and on these are fitted: a linear head on the frozen vectors; the last part of
    the network, or all of it, under a linear head; and the same network from scratch. Networks
    are trained on the items as they are and, where the kind has views, on random variations of
    them: each is held against the network from scratch that was trained in the same way. Of a
    network that was trained elsewhere, such as a `pretrained` one, what is fine-tuned is held
    against the linear head on its frozen vectors, and one way more is judged: its last part is
    trained so that items of a class are near (Tunstall et al., 2022).

    Parameters
    ----------
    data : Dataset, or what `load` reads
        The items, with labels unless `labels` gives them.
    encoder : str or Encoder
        A spec or an encoder that learns without labels, here or elsewhere. One without a network
        that can be trained, such as ``hog``, gets the linear head only.
    beside : iterable of str or Encoder, default=()
        Others, on whose vectors a linear head is judged too.
    labels : array-like or str, optional
        The labels of the items, or the name of a column.
    task : {"classes", "numbers"}, optional
        What is to be told; by default what the labels are decides.
    labelled : iterable of int, default=(100, 1000)
        How many training items have a label; what exceeds the training items is left out.
    seeds : int, default=5
        Draws of the labelled items, each with first weights and an order of its own.
    test_size : float, default=0.25
        Share of the items that test, where no split is published.
    random_state : int, default=0
        Of the split, the draws and the bootstrap.
    near_duplicates : {"tell", "together"}, default="tell"
        Whether test items that are nearly the same as a training item are counted and told, or
        such items are kept on one side of the split.
    cache : str or Path, optional
        A folder in which the fitted encoder is kept and found again.
    progress : callable, optional
        Called with the share done and a few words.
    schedule : Schedule, optional
        How long networks are trained on labelled items, and at which rates; by default what suits
        the encoder.

    Returns
    -------
    Transfer
        One row for each number of labels and each way to use them. Ctrl-C ends early and returns
        what is done.

    Raises
    ------
    NearspaceError
        If there are no labels, fewer of them than classes, or the encoder learns from labels.

    Notes
    -----
    Starting from learnt weights: Yosinski et al. (2014). Learning rates are chosen by
    cross-validation on the labelled items of the first draw, by the same rule for every way; the
    penalty of a linear head by cross-validation on its labelled items. No test item has a part in
    it. The last part is the later half of the blocks. What an encoder itself holds fixed, such as
    the linear path of an autoencoder, stays as it is, also where all is fine-tuned; from scratch
    it adds nothing.

    Examples
    --------
    >>> found = transfer("digits", "pca(dim=16)", labelled=[50], seeds=2)
    >>> [row.way for row in found.rows]
    ['linear head on raw', 'linear head']
    """
    encoder = _unlabelled(encoder)
    protocol = Protocol(
        k=1,
        seeds=seeds,
        test_size=test_size,
        random_state=random_state,
        near_duplicates=near_duplicates,
    )
    asked, counts, notes = _set(dataset_of(data, labels), labelled, protocol, task)
    # Without labels, also for encoders that would look at them.
    unlabelled = dataclasses.replace(asked.train, target=None)
    fits = Fits(dataclasses.replace(asked, train=unlabelled), cache, progress)
    own: Schedule = getattr(encoder, "schedule", Schedule())
    how_long = own if schedule is None else schedule
    others = [_unlabelled(other) for other in beside]
    runs = _Runs(encoder, others, asked, fits, how_long)
    interrupted = False
    try:
        fits.tell(0.0, f"{encoder.spec}: how long it will take")
        pace = Pace(encoder, asked, how_long, fitted=fits.has(encoder))
        runs.pretrain(pace, pace.seconds(_steps(counts, seeds, runs.ways())))
        steps = _steps(counts, seeds, runs.ways())
        for index, step in enumerate(steps):
            left = pace.seconds(steps[index:])
            words = f"{step.labels:,} labels, draw {step.seed + 1} of {seeds}: {step.way}"
            fits.tell(pace.share(left), f"{words}, about {about(left)} left")
            pace.add(step, runs.run(step))
    except KeyboardInterrupt:
        if not runs.done:
            raise  # there is nothing to keep
        interrupted = True
        notes.append("Interrupted; what was done until then stands here.")
    fits.tell(1.0, "intervals")
    return dataclasses.replace(
        transferred(asked, encoder.spec, runs.done, runs.rates, runs.last),
        notes=(*notes, *runs.notes, *fits.cache.close()),
        seconds=runs.seconds,
        interrupted=interrupted,
    )


def _unlabelled(what: Any) -> Encoder:
    """Return an encoder, unless it learns from labels."""
    encoder = as_encoder(what)
    if encoder.learns == "labels":
        raise SpecError(
            f"'{encoder.spec}' learns from labels, and transfer asks what can be learnt without "
            "them: use an encoder that learns from items, such as simclr or autoencoder."
        )
    return encoder


def _steps(counts: list[int], seeds: int, ways: list[Way]) -> list[Step]:
    return [Step(n, seed, way) for n in counts for seed in range(seeds) for way in ways]


def _set(
    dataset: Dataset, labelled: Iterable[int], protocol: Protocol, name: str | None
) -> tuple[ItemTask, list[int], list[str]]:
    """Return the task, the numbers of labels that there are enough items for, and notes."""
    if dataset.target is None:
        raise DataError(
            f"{dataset.name} has no labels, and transfer is judged by them: sort files into a "
            "subfolder for each class, or name the column (labels=…, --labels)."
        )
    if isinstance(labelled, str) or not isinstance(labelled, Iterable):
        raise DataError(
            f"transfer: expected labelled, numbers of labels as in [100, 1000]; got {labelled!r}."
        )
    wanted = sorted({count_of(count, "transfer", "labelled") for count in labelled})
    task = set_item_task(dataset, protocol, name)
    if not task.labelled:
        raise DataError(f"{dataset.name}: all labels are the same, so there is nothing to tell.")
    target = task.targets[0]
    parts = target.strata.max() + 1
    if not wanted or wanted[0] < parts:
        raise DataError(
            f"{dataset.name} has {parts} {target.parts} among its training items, and each needs "
            f"a label: expected numbers of labels of at least {parts}, got "
            f"{wanted[0] if wanted else 'none'}."
        )
    counts = [n for n in wanted if n <= len(task.train)]
    if not counts:
        raise DataError(
            f"{dataset.name} has {len(task.train):,} training items; expected at most as many "
            f"labels, got {wanted[0]:,}."
        )
    notes = [
        f"{n:,} labels are left out: there are {len(task.train):,} training items."
        for n in wanted[len(counts) :]
    ]
    told = (*(leak.told for leak in task.leaks), *task.notes, *task.ranking_notes("ways"))
    return task, counts, [*told, *notes]


class _Runs:
    """The fits of one transfer, one by one, and what they say of the test items."""

    def __init__(
        self,
        encoder: Encoder,
        others: Iterable[Encoder],
        task: ItemTask,
        fits: Fits,
        schedule: Schedule,
    ):
        self.encoder, self.task, self.fits, self.schedule = encoder, task, fits, schedule
        self.target = task.targets[0]
        plain = make(USUAL[task.train.kind.name].reference)
        self.heads = {
            f"{FLOOR} {other.spec}": other
            for other in (plain, *others)
            if other.spec != encoder.spec
        }
        self.heads["linear head"] = encoder
        self.trains = isinstance(encoder, Trainable)  # until it is fitted
        self.done: dict[tuple[int, Way], list[tuple[np.ndarray, float]]] = {}
        self.rates: dict[tuple[int, Way], float] = {}
        self.notes: list[str] = []
        self.last: list[str] = []
        self.seconds = {"pretraining": 0.0, "choosing learning rates": 0.0, "fits on labels": 0.0}

    def pretrain(self, pace: Pace, after: float) -> None:
        """Fit the encoder on all training items, and embed the test items.

        What comes after takes about so many seconds.
        """
        words, task = f"{self.encoder.spec} without labels", self.task
        self.fits.tell(0.0, f"{words}, about {about(pace.pretraining + after)} in all")
        start = time.perf_counter()
        with self.fits.telling(words, 0.0, pace.first(after)):
            self.spaces = {way: self.fits.get(encoder)[0] for way, encoder in self.heads.items()}
        self.seconds["pretraining"] = time.perf_counter() - start
        self.fitted, spec = self.spaces["linear head"], self.encoder.spec
        self.notes += [f"{spec}: {note}" for note in self.fitted.notes]
        self.test = {way: space.transform(task.test.items) for way, space in self.spaces.items()}
        self.last = last_part(self.fitted)
        self.trains = bool(self.last)
        if not self.trains:
            self.notes.append(f"{spec} has no network to fine-tune: only a linear head is judged.")

    def ways(self) -> list[Way]:
        """Return the ways to use labels, networks from scratch before what is held against them."""
        linear = [Way(name) for name in self.heads]
        if not self.trains:
            return linear
        trained = ways_of(self.encoder, self.task.dataset.kind, self.target)
        if trained[0].name != "scratch":
            return [*linear, *trained]
        return [trained[0], *linear, *trained[1:]]

    def run(self, step: Step) -> float:
        """Fit on one draw of labelled items, label the test items, and return the seconds of it."""
        n, seed, way = step.labels, step.seed, step.way
        random = np.random.default_rng([self.task.protocol.random_state, seed])
        chosen = draw_labelled(self.target.strata, n, random)
        items, target = take_items(self.task.train.items, chosen), self.target.take(chosen)
        began = start = time.perf_counter()
        if way.name in self.spaces:
            head = linear_head(self.spaces[way.name].transform(items), target, seed)
            told = head.predict(self.test[way.name])
        else:
            encoder: Any = self.fitted
            first = self.task.protocol.random_state
            if (n, way) not in self.rates:  # chosen on the first draw
                rate = choose_rate(encoder, items, target, way, first, self.schedule)
                self.rates[n, way] = rate
                start = time.perf_counter()
                self.seconds["choosing learning rates"] += start - began
            rate = self.rates[n, way]
            nets = finetune(encoder, items, target, way, rate, first + seed, self.schedule)
            told = target.decode(outputs_of(encoder, nets, self.task.test.items))
        spent = time.perf_counter() - start
        self.seconds["fits on labels"] += spent
        self.done.setdefault((n, way), []).append((told, spent))
        return time.perf_counter() - began
