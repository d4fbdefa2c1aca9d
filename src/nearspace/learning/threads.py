"""The thread policy of the command: waiting threads give way instead of spinning."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

__all__ = ["let_waiting_threads_sleep"]


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
