"""Threads on a shared machine: waiting ones sleep, and small work gets one."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, MutableMapping
from typing import Any

__all__ = ["let_waiting_threads_sleep", "one_thread", "threads_for"]

# Below this much arithmetic a step, handing work to a second thread costs what it saves.
SMALL_STEP = 1e9


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
    """Let torch use one thread inside the ``with`` block if a step is small; restore it after.

    The rule looks at the arithmetic alone and not at a clock, so that a fit is repeatable.

    Parameters
    ----------
    flops : float
        Floating-point operations of one training step.
    """
    import torch

    before = torch.get_num_threads()
    try:
        if flops < SMALL_STEP:
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy and scikit-learn use one thread inside the ``with`` block; restore it after.

    For many small matrix products: the threads of the linear algebra library spin while they wait,
    and beside a busy neighbour each product then takes many times as long.

    Examples
    --------
    >>> with one_thread():
    ...     pass
    """
    with _controller().limit(limits=1):
        yield


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # it looks through all loaded libraries, which takes a while
