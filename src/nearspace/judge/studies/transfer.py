"""`transfer`: what is learnt without labels is worth so much where only few items have one."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data import Dataset, Target, take_items
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import make
from nearspace.errors import DataError, SpecError
from nearspace.judge.cache import prune
from nearspace.judge.fits import Fits
from nearspace.judge.studies.finetune import (
    Way,
    choose_rate,
    draw_labelled,
    finetune,
    has_network,
    last_part,
    linear_head,
    outputs_of,
)
from nearspace.judge.studies.transferred import FLOOR, Transfer, assemble
from nearspace.judge.task import ItemTask, Protocol
from nearspace.judge.tasks import dataset_of, set_task
from nearspace.judge.usual import USUAL
from nearspace.learning.progress import epoch_listener

__all__ = ["transfer"]

# How far along (0 to 1), and what is being done.
Progress = Callable[[float, str], None]
PRETRAINING = 0.4  # of the progress bar


def transfer(
    data: Any,
    encoder: str | Encoder,
    *,
    task: str | None = None,
    labels: Iterable[int] = (100, 1000),
    seeds: int = 5,
    test_size: float = 0.25,
    random_state: int = 0,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Transfer:
    """Measure what an encoder fitted without labels is worth where few items have a label.

    The encoder is fitted once on all training items without their labels. Then a few of them get
    their labels, and on these are fitted: a linear head on the frozen vectors; the last part of
    the network, or all of it, under a linear head; and the same network from scratch. Networks
    are trained on the items as they are and, where the kind has views, on random variations of
    them: each is held against the network from scratch that was trained in the same way.

    Parameters
    ----------
    data : Dataset, or what `load` reads
        The items, with labels.
    encoder : str or Encoder
        A spec or an encoder that learns without labels. One without a network that can be
        trained, such as ``hog``, gets the linear head only.
    task : {"classes", "numbers"}, optional
        What is to be told; by default what the labels are decides.
    labels : iterable of int, default=(100, 1000)
        How many training items have a label; what exceeds the training items is left out.
    seeds : int, default=5
        Draws of the labelled items, each with first weights and an order of its own.
    test_size : float, default=0.25
        Share of the items that test, where no split is published.
    random_state : int, default=0
        Of the split, the draws and the bootstrap.
    cache : str or Path, optional
        A folder in which the fitted encoder is kept and found again.
    progress : callable, optional
        Called with the share done and a few words.

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
    >>> found = transfer("digits", "pca(dim=16)", labels=[50], seeds=2)
    >>> [row.way for row in found.rows]
    ['linear head on raw', 'linear head']
    """
    encoder = _checked(encoder)
    protocol = Protocol(k=1, seeds=seeds, test_size=test_size, random_state=random_state)
    asked, counts, notes = _set(dataset_of(data), labels, protocol, task)
    folder = None if cache is None else Path(cache)
    runs = _Runs(encoder, asked, folder, progress or (lambda share, words: None))
    interrupted = False
    try:
        runs.pretrain()
        steps = [(seed, n, way) for n in counts for seed in range(seeds) for way in runs.ways()]
        for index, (seed, n, way) in enumerate(steps):
            share = PRETRAINING + (1 - PRETRAINING) * index / len(steps)
            runs.progress(share, f"{n:,} labels, draw {seed + 1} of {seeds}: {way}")
            runs.run(seed, n, way)
    except KeyboardInterrupt:
        if not runs.done:
            raise  # there is nothing to keep
        interrupted = True
        notes.append("Interrupted; what was done until then stands here.")
    runs.progress(1.0, "intervals")
    prune(folder)
    return dataclasses.replace(
        assemble(asked, encoder.spec, runs.done, runs.rates, runs.last),
        notes=(*notes, *runs.notes),
        seconds=runs.seconds,
        interrupted=interrupted,
    )


def _checked(encoder: str | Encoder) -> Encoder:
    found = make(encoder) if isinstance(encoder, str) else encoder
    if not isinstance(found, Encoder):
        raise SpecError(f"An encoder is a spec or an Encoder; got {type(found).__name__}.")
    if found.learns == "labels":
        raise SpecError(
            f"'{found.spec}' learns from labels, and transfer asks what can be learnt without "
            "them: use an encoder that learns from items, such as simclr or autoencoder."
        )
    try:
        found._validate_params()
    except ValueError as error:
        raise SpecError(f"Cannot use '{found.spec}': {error}") from error
    return found


def _set(
    dataset: Dataset, labels: Iterable[int], protocol: Protocol, name: str | None
) -> tuple[ItemTask, list[int], list[str]]:
    """Return the task, the numbers of labels that there are enough items for, and notes."""
    if dataset.target is None:
        raise DataError(
            f"{dataset.name} has no labels, and transfer is judged by them: sort files into a "
            "subfolder for each class, or name the column (load(…, labels=…), --labels)."
        )
    wanted = sorted(set(labels))
    task = set_task(dataset, protocol, name)
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
    return task, counts, [*task.notes, *notes]


class _Runs:
    """The fits of one transfer, one by one, and what they say of the test items."""

    def __init__(self, encoder: Encoder, task: ItemTask, folder: Path | None, progress: Progress):
        self.encoder, self.task, self.progress = encoder, task, progress
        # Without labels, also for encoders that would look at them.
        unlabelled = dataclasses.replace(task.train, target=None)
        self.fits = Fits(dataclasses.replace(task, train=unlabelled), folder)
        self.target = task.targets[0]
        self.done: dict[tuple[int, Way], list[tuple[np.ndarray, float]]] = {}
        self.rates: dict[tuple[int, Way], float] = {}
        self.notes: list[str] = []
        self.last: list[str] = []
        self.seconds = {"pretraining": 0.0, "choosing learning rates": 0.0, "fits on labels": 0.0}

    def pretrain(self) -> None:
        """Fit the encoder on all training items, and embed the test items."""
        spec, task = self.encoder.spec, self.task
        self.progress(0.0, f"{spec} without labels")
        start = time.perf_counter()

        def tell(epoch: int, epochs: int) -> None:
            words = f"{spec} without labels: epoch {epoch} of {epochs}"
            self.progress(PRETRAINING * epoch / epochs, words)

        with epoch_listener(tell):
            self.fitted = self.fits.get(self.encoder)[0]
        self.seconds["pretraining"] = time.perf_counter() - start
        plain = USUAL[task.train.kind.name].reference
        self.spaces = {"linear head": self.fitted}
        if plain != spec:
            self.spaces = {f"{FLOOR} {plain}": self.fits.get(make(plain))[0], **self.spaces}
        self.test = {way: space.transform(task.test.items) for way, space in self.spaces.items()}
        if has_network(self.fitted):
            self.last = last_part(self.fitted)
        else:
            self.notes.append(f"{spec} has no network to fine-tune: only a linear head is judged.")

    def ways(self) -> list[Way]:
        """Return the ways to use labels, networks from scratch before what is held against them."""
        linear = [Way(name) for name in self.spaces]
        if not self.last:
            return linear
        views = (False, True) if self.task.dataset.kind.has_views else (False,)
        trained = [Way(part, varied) for varied in views for part in ("scratch", "last", "all")]
        return [trained[0], *linear, *trained[1:]]

    def run(self, seed: int, n: int, way: Way) -> None:
        """Fit in one way on one draw of labelled items, and label the test items."""
        random = np.random.default_rng([self.task.protocol.random_state, seed])
        chosen = draw_labelled(self.target.strata, n, random)
        items, target = take_items(self.task.train.items, chosen), self.target.take(chosen)
        start = time.perf_counter()
        if way.name in self.spaces:
            head = linear_head(self.spaces[way.name].transform(items), target, seed)
            found = head.predict(self.test[way.name])
        else:
            rate = self._rate(n, way, items, target)
            start = time.perf_counter()
            found = self._train(way, items, target, rate, seed)
        spent = time.perf_counter() - start
        self.seconds["fits on labels"] += spent
        self.done.setdefault((n, way), []).append((found, spent))

    def _rate(self, n: int, way: Way, items: Any, target: Target) -> float:
        """Return the learning rate for a way, chosen on the first draw."""
        if (n, way) not in self.rates:
            start = time.perf_counter()
            encoder: Any = self.fitted
            seed = self.task.protocol.random_state
            self.rates[n, way] = choose_rate(encoder, items, target, way, seed)
            self.seconds["choosing learning rates"] += time.perf_counter() - start
        return self.rates[n, way]

    def _train(self, way: Way, items: Any, target: Target, rate: float, seed: int) -> np.ndarray:
        encoder: Any = self.fitted
        seed += self.task.protocol.random_state
        nets = finetune(encoder, items, target, way, rate, seed)
        return target.decode(outputs_of(encoder, nets, self.task.test.items))
