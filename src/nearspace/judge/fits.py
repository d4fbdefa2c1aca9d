"""Fitting for a comparison: from the cache where it can be, and equal parts of specs once."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, clone

from nearspace.data import Dataset, Kind
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import Composite
from nearspace.encoders.learned.learned import Learned
from nearspace.judge.cache import Cache, content_key, make_key
from nearspace.judge.cost import epochs_of
from nearspace.judge.task import Task
from nearspace.judge.workers import Job, Workers, spare_cores
from nearspace.learning.device import torch_device
from nearspace.learning.progress import about, epoch_listener

__all__ = ["Fits", "Tell", "has_random_state", "is_same", "seeded"]

# Items seen by a network as it trains, epochs times items, below which it is trained before another
# process has its libraries; and how many numbers all items may have to be held by that too.
MANY_SEEN, MOST_SHARED = 20_000, 500_000_000

# How far along (0 to 1), and what is being done.
Tell: TypeAlias = Callable[[float, str], None]


class Fits:
    """The fitted encoders of one study, and who is told how far it is.

    Parameters
    ----------
    task : Task
        The data.
    cache : str or Path, optional
        A folder in which fitted encoders are kept and found again; in memory only without one.
    progress : callable, optional
        Called with the share done and a few words.
    """

    def __init__(self, task: Task, cache: str | Path | None = None, progress: Tell | None = None):
        self.task, self.cache = task, Cache(cache)
        self.tell: Tell = progress or (lambda share, words: None)
        self.done: dict[str, tuple[Encoder, float]] = {}
        self.alive: dict[int, Encoder] = {}  # while it lives, no other encoder gets its id
        self.workers = Workers((), 0)

    def telling(
        self, words: str, start: float, share: float, check: Callable[[], None] | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Return a context whose epochs are told, from ``start`` on, as a share of the study.

        ``check`` is called after each, and may end it all by an exception.
        """
        began = 0.0

        def tell(epoch: int, epochs: int) -> None:
            nonlocal began
            told = f"{words}: epoch {epoch} of {epochs}"
            if epoch == 1:  # what came before is no measure of those to come
                began = time.monotonic()
            else:
                left = (time.monotonic() - began) / (epoch - 1) * (epochs - epoch)
                told += f", about {about(left)} left"
            self.tell(start + share * epoch / epochs, told)
            if check is not None:
                check()

        return epoch_listener(tell)

    def get(self, encoder: Encoder, train: Dataset | None = None) -> tuple[Encoder, float]:
        """Return the encoder fitted on the training side, and the seconds that fitting took.

        ``train`` are other items to fit on, such as the training side of another fold.
        """
        train = self.task.train if train is None else train
        return self._get(encoder, train.items, train.target, train.kind, train.fingerprint)

    def has(self, encoder: Encoder) -> bool:
        """Return whether an encoder fitted on the training side is at hand, or on its way.

        Of one that is put together, whose parts learn from each other, that is not known before.
        """
        if isinstance(encoder, Composite):
            return False
        train = self.task.train
        key = self._key(_as_fitted(encoder), encoder, train.kind, train.fingerprint)
        return key in self.done or self.workers.has(key) or self.cache.has_fit(key)

    def _get(
        self, encoder: Encoder, items: Any, y: Any, kind: Kind, data_key: str
    ) -> tuple[Encoder, float]:
        if isinstance(encoder, Composite):
            return self._parts(encoder, items, y, kind, data_key)
        if encoder.needs_all_items:
            return clone(encoder).fit_on(self.task.dataset), 0.0
        base = _as_fitted(encoder)
        chosen = {name: encoder.get_params()[name] for name in encoder.fit_free_params}
        key = self._key(base, encoder, kind, data_key)
        if key not in self.done:
            fit = self.cache.load_fit(key)
            if fit is None:
                if encoder.spec != base.spec:  # as its own layer: the fit serves every layer
                    encoder.try_untrained(items, y, kind)
                fit = self.workers.take(key)
                if fit is None:
                    start = time.perf_counter()
                    fit = base.fit_items(items, y, kind), time.perf_counter() - start
                if base.is_reproducible:
                    self.cache.store_fit(key, *fit)
            self.done[key] = fit
        fitted, seconds = self.done[key]
        if chosen:
            fitted = copy.copy(fitted).set_params(**chosen)
        return fitted, seconds

    def beside(self, wanted: Iterable[tuple[Encoder, Dataset]], n: int | None = None) -> Workers:
        """Return processes that fit, of the encoders that will be asked for, those that take long.

        Parameters
        ----------
        wanted : iterable of (Encoder, Dataset)
            In the order in which they will be asked for, each with the items to fit it on.
        n : int, optional
            How many processes; by default one for every two cores.
        """
        jobs: dict[str, Job] = {}
        for encoder, train in wanted:
            if _takes_long(encoder, train):
                base = _as_fitted(encoder)
                key = self._key(base, encoder, train.kind, train.fingerprint)
                if key not in self.done and not self.cache.has_fit(key):
                    jobs.setdefault(key, Job(key, base, train))
        if n is None:
            n = min(spare_cores(), len(jobs) - 1)
        self.workers = Workers(list(jobs.values()), max(0, n))
        return self.workers

    def identity(self, encoder: Encoder) -> str:
        """Return what no other encoder has: its spec, and of what no spec tells all which it is."""
        if encoder.is_reproducible:
            return encoder.spec
        self.alive[id(encoder)] = encoder
        return f"{encoder.spec} {id(encoder)}"

    def _key(self, base: Encoder, encoder: Encoder, kind: Kind, data_key: str) -> str:
        """Return under what the fit of an encoder is kept."""
        if not base.is_reproducible:
            self.alive[id(encoder)] = encoder
        own = "" if base.is_reproducible else id(encoder)
        by = (*map(type, base.parts), type(kind))
        return make_key(data_key, base.spec, kind.metric, own, by=by)

    def _parts(
        self, whole: Composite, items: Any, y: Any, kind: Kind, key: str
    ) -> tuple[Encoder, float]:
        fitted, total = clone(whole), 0.0
        items, y = fitted.begin_fit(items, y, kind)

        def fit_part(part: Encoder, X: Any, labels: Any, of: Kind) -> Encoder:
            nonlocal total
            # What came before in a pipe is content; the labels are in the key of the whole.
            inner = key if X is items else make_key(key, content_key(X))
            part, seconds = self._get(part, X, labels, of, inner)
            total += seconds
            return part

        fitted.fit_parts(fit_part, items, y)
        return fitted, total


def _takes_long(encoder: Encoder, train: Dataset) -> bool:
    """Return whether another process, which has the library alone, is to fit an encoder."""
    if not isinstance(encoder, Learned) or not encoder.is_reproducible:
        return False
    elsewhere = encoder.device not in ("auto", "cpu")
    if elsewhere or (encoder.device == "auto" and torch_device("auto").type != "cpu"):
        return False
    here = {type(part).__module__.partition(".")[0] for part in (encoder, train.kind)}
    n = len(train)
    return (
        here == {__name__.partition(".")[0]}
        and n * train.kind.size <= MOST_SHARED
        and n * epochs_of(encoder, n, encoder.batch_size_for(n)) >= MANY_SEEN
    )


def _as_fitted(encoder: Encoder) -> Encoder:
    """Return an encoder without what can be chosen once it is fitted: one fit serves all."""
    parameters = encoder.parameters()
    usual = {name: parameters[name].default for name in encoder.fit_free_params}
    return clone(encoder).set_params(**usual)


def is_same(first: Any, second: Any) -> bool:
    """Return whether two encoders of one spec, or two parameters, are the same in all they hold.

    Networks are the same only if they are one object: equal weights may be used differently.
    """
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, BaseEstimator):  # a spec does not tell the kind of items
        one, other = (x.get_params(deep=False) | {"kind": None} for x in (first, second))
        return all(is_same(one[name], other[name]) for name in one)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(is_same, first, second))
    equal = np.array_equal(first, second) if hasattr(first, "__array__") else first == second
    return bool(equal)


def seeded(encoder: Encoder, seed: int) -> Encoder:
    """Return a clone with ``random_state=seed`` wherever there is a random state."""
    return clone(encoder).set_params(**dict.fromkeys(_random_states(encoder), seed))


def has_random_state(encoder: Encoder) -> bool:
    """Return whether fitting again with another random state can give other vectors."""
    return bool(_random_states(encoder))


def _random_states(encoder: Encoder) -> list[str]:
    """Return the parameters that are random states, of the encoder and of its parts."""
    return [name for name in encoder.get_params() if name.split("__")[-1] == "random_state"]
