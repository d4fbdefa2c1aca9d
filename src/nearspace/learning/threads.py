"""How many threads compute: never as many as happen to be there, and waiting ones sleep.

Products, decompositions, sums and the gradients of convolutions are split among threads, and their
parts rounded and added, by how many there are. What is computed with a number of threads that does
not depend on the machine or its settings has the same bits whatever these are; with any other, what
comes out equal is equal by luck, as long as it is small.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["let_waiting_threads_sleep", "one_thread", "side_by_side", "threads_for"]

# Below this much arithmetic a step, handing work to a second thread costs what it saves.
SMALL_STEP = 1e9
# For more. Where there are fewer cores it costs a few hundredths, since OpenMP's threads do not
# spin where they are more than the cores; those of NumPy's OpenBLAS do, and a hundredfold is lost.
FEW = 4
MOST_AT_ONCE = 16  # parts of a work: more wait for memory

T = TypeVar("T")
R = TypeVar("R")


def let_waiting_threads_sleep(environ: MutableMapping[str, str] = os.environ) -> None:
    """Ask OpenMP to put waiting threads to sleep; call it before torch is imported.

    OpenMP threads that have finished their share of an operation spin while they wait for the
    others. Where a neighbour keeps a core busy, the thread that everybody waits for is the one
    that has no core, and a step of milliseconds takes hundreds. The environment's own settings
    win, so a user can say otherwise.

    Parameters
    ----------
    environ : mapping, default=os.environ
        The environment to set.

    Examples
    --------
    >>> environment = {}
    >>> let_waiting_threads_sleep(environment)
    >>> environment["OMP_WAIT_POLICY"]
    'PASSIVE'
    """
    environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextlib.contextmanager
def threads_for(flops: float) -> Iterator[None]:
    """Let torch use one thread inside the ``with`` block if a step is small, else four.

    The rule looks at the arithmetic alone, not at a clock, the cores or the settings, so that a
    fit has the same bits with any of them. The number is restored after.

    Parameters
    ----------
    flops : float
        Floating-point operations of one step.

    Examples
    --------
    >>> import torch
    >>> with threads_for(1e6):
    ...     torch.get_num_threads()
    1
    """
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if flops < SMALL_STEP else FEW)
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(function: Callable[[T], R], parts: Sequence[T]) -> Iterator[R]:
    """Yield what a function, which computes with torch, makes of each part, in their order.

    As many are computed at once as there are cores, or as OMP_NUM_THREADS says, each with one
    thread: what comes out has the same bits on every machine.

    Examples
    --------
    >>> list(side_by_side(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    import torch

    def alone(part: T) -> R:
        torch.set_num_threads(1)
        return function(part)

    before = torch.get_num_threads()
    try:
        if (n := min(_cores(), MOST_AT_ONCE, len(parts))) < 2:
            yield from map(alone, parts)
            return
        with ThreadPoolExecutor(n) as pool:
            yield from pool.map(alone, parts)
    finally:
        torch.set_num_threads(before)


def _cores() -> int:
    """Return how many cores there are for this process, or how many it was told to use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(told) if told.isdecimal() and int(told) else there or 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy, scikit-learn and torch use one thread inside the ``with`` block.

    Inside it `threads_for` may give torch more. All is restored after; where several threads of
    Python are inside, once the last of them has left, since the setting of OpenBLAS is one of the
    whole process.

    Examples
    --------
    >>> with one_thread():
    ...     pass
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    controller = _controller(len(sys.modules))
    with _OPENBLAS, controller.select(user_api="openmp").limit(limits=1):
        try:
            if torch:  # its MKL is out of the controller's sight
                torch.set_num_threads(1)
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


class _OneForAll:
    """Keeps OpenBLAS at one thread from when the first enters to when the last leaves."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0
        self.limit: Any = None

    def __enter__(self) -> None:
        with self.lock:
            if not self.inside:
                self.limit = _controller(len(sys.modules)).select(user_api="blas").limit(limits=1)
            self.inside += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.limit.restore_original_limits()


_OPENBLAS = _OneForAll()


@functools.lru_cache(maxsize=1)
def _controller(n_modules: int) -> Any:
    """Return what sets the threads of all loaded libraries, which come with modules."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # it looks through all loaded libraries, which takes a while
