"""`Workers`: processes that fit encoders while this one fits and judges others."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.learning.progress import epoch_listener, tell_epoch

__all__ = ["Job", "Workers", "serve", "spare_cores"]

# Each holds the data and its libraries once more, and what takes long has several threads anyway.
MOST_WORKERS = 3
# What a worker runs. It imports from where this process does, and not what `__main__` is here. What
# the two say to each other, over pipes that nobody else has, is pickled: never what is in a file.
COMMAND = "import sys; sys.path[:] = {path!r}; from nearspace.judge.workers import serve; serve()"


def spare_cores() -> int:
    """Return how many workers have a core to themselves, or nearly, beside this process."""
    if getattr(sys, "frozen", False) or not sys.executable:  # no interpreter of which to start one
        return 0
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not told on macOS and Windows
        cores = os.cpu_count() or 1
    return min(MOST_WORKERS, cores // 2)


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """An encoder to fit.

    Attributes
    ----------
    key : str
        By which its fit is asked for.
    encoder : Encoder
        Not fitted; of the library's own, so that another process has it too.
    train : Dataset
        On which it is fitted.
    """

    key: str
    encoder: Encoder
    train: Dataset


class Workers:
    """Processes that fit encoders, those that are wanted last first.

    The process that judges takes encoders from the other end, so that all meet in the middle. They
    begin when it asks for the first of them: what comes before, which is quick, has all cores.
    What a worker fails at is fitted again where it was asked for, and the error is met there.

    Parameters
    ----------
    jobs : sequence of Job
        In the order in which the fits will be asked for.
    n : int
        How many processes; with 0 everything is left to whoever asks.

    Attributes
    ----------
    seconds : float
        For how long they fitted what was taken from them while nobody waited for it.

    Examples
    --------
    >>> with Workers([], 1) as workers:
    ...     workers.take("pca")
    """

    def __init__(self, jobs: Sequence[Job], n: int):
        self.waiting, self.begun = deque(jobs), False
        self.running: dict[str, tuple[int, int] | None] = {}  # by key, the epochs done and in all
        self.done: dict[str, tuple[Encoder, float]] = {}
        self.changed, self.seconds = threading.Condition(), 0.0
        self.processes = [_start() for _ in range(n if jobs else 0)]
        self.threads = [
            threading.Thread(target=self._feed, args=(process,), daemon=True)
            for process in self.processes
        ]
        for thread in self.threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes, whatever they do."""
        with self.changed:
            self.waiting.clear()
            self.begun = True
            self.changed.notify_all()
        for process in self.processes:
            process.kill()
        for process, thread in zip(self.processes, self.threads, strict=True):
            process.wait()
            thread.join()  # what it talks through is closed by then

    def has(self, key: str) -> bool:
        """Return whether an encoder is being fitted, or is."""
        with self.changed:
            return key in self.running or key in self.done

    def take(self, key: str) -> tuple[Encoder, float] | None:
        """Return a fitted encoder and the seconds that took; None where whoever asks is to fit it.

        Waits for one that is being fitted, and tells of its epochs as if it were trained here.
        """
        told, start = None, time.perf_counter()
        with self.changed:
            for job in [job for job in self.waiting if job.key == key]:
                self.waiting.remove(job)
                self.begun = True
                self.changed.notify_all()
            while key in self.running:
                epochs = self.running[key]
                if epochs is not None and epochs != told:
                    told = epochs
                    tell_epoch(*epochs)
                self.changed.wait(1.0)  # on Windows Ctrl-C is heard between waits
            fit = self.done.pop(key, None)
            self.seconds += max(0.0, fit[1] - (time.perf_counter() - start)) if fit else 0.0
            return fit

    def _feed(self, process: Any) -> None:
        """Give a process one job after another, until there is none or it is no more."""
        sent: set[str] = set()
        job = None
        try:
            pickle.load(process.stdout)  # its libraries are imported: what it is given now begins
            while job := self._next():
                train = job.train
                new = train.fingerprint not in sent
                data = (train.items, train.target, train.kind) if new else None
                sent.add(train.fingerprint)
                pickle.dump((job.encoder, train.fingerprint, data), process.stdin, protocol=5)
                process.stdin.flush()
                while isinstance(answer := pickle.load(process.stdout), Epoch):
                    self._note(job, epochs=(answer.number, answer.epochs))
                self._note(job, fit=answer)
        except Exception:  # it was ended, or what it was given cannot be sent: it is done without
            process.kill()
            if job is not None:
                self._note(job)
        finally:
            process.stdout.close()
            with contextlib.suppress(OSError):  # where something was still to be sent
                process.stdin.close()

    def _next(self) -> Job | None:
        with self.changed:
            while not self.begun:
                self.changed.wait()
            job = self.waiting.pop() if self.waiting else None
            if job is not None:
                self.running[job.key] = None
            return job

    def _note(self, job: Job, epochs: tuple[int, int] | None = None, fit: Any = None) -> None:
        with self.changed:
            if epochs is None:
                del self.running[job.key]
            else:
                self.running[job.key] = epochs
            if fit is not None:
                self.done[job.key] = fit
            self.changed.notify_all()


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What a worker says after each epoch."""

    number: int
    epochs: int


def _start() -> subprocess.Popen[Any]:
    """Return a new process that runs `serve`; the signals of a terminal do not reach it."""
    own: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **own,
    )


def serve() -> None:
    """Fit what standard input asks for, and answer on standard output, until that is closed."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not stand between the answers

    def answer(what: Any) -> None:
        try:
            pickle.dump(what, answers, protocol=5)
            answers.flush()
        except OSError:
            os._exit(0)

    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    import nearspace.encoders.learned.learned  # noqa: F401  # torch takes a while to import

    answer("ready")
    data: dict[str, Any] = {}
    while True:
        encoder, fingerprint, train = jobs.get()
        data.setdefault(fingerprint, train)
        start = time.perf_counter()
        try:
            with epoch_listener(lambda number, epochs: answer(Epoch(number, epochs))):
                fitted = encoder.fit_items(*data[fingerprint])
            answer((fitted, time.perf_counter() - start))
        except Exception:  # it is fitted once more where its error is told
            answer(None)


def _listen(jobs: queue.SimpleQueue[Any]) -> None:
    """Put what comes in into a queue; where nothing can come any more, end this process at once."""
    try:
        while True:
            jobs.put(pickle.load(sys.stdin.buffer))
    except Exception:
        os._exit(0)
