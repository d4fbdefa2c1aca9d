"""The tasks, one a file: what data bring decides which it is, unless it is named."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from nearspace.data.pairs import Pairs
from nearspace.errors import DataError, NearspaceError, did_you_mean
from nearspace.judge.protocol import Protocol
from nearspace.judge.task import ItemTask, Task

__all__ = ["check_task", "set_item_task", "set_task"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def check_task(name: str | None) -> None:
    """Raise `NearspaceError` if a task is named that there is not."""
    if name is not None and name not in Task.registry:
        raise NearspaceError(f"There is no task '{name}'. {did_you_mean(name, Task.registry)}")


def set_task(data: Any, protocol: Protocol, name: str | None = None) -> Any:
    """Return the task on data: that of a name, else the one that they bring.

    Raises
    ------
    NearspaceError
        If there is no such task, none for such data, or the data do not allow it.

    Examples
    --------
    >>> from nearspace import load
    >>> set_task(load("wine"), Protocol()).name, set_task(load("wine"), Protocol(), "numbers").name
    ('classes', 'numbers')
    """
    check_task(name)
    suiting = [task for task in Task.registry.values() if task.suits(data)]
    chosen = Task.registry[name] if name is not None else next(iter(suiting), None)
    if chosen is None:
        raise NearspaceError(
            f"There is no task for data of type {type(data).__name__}; expected a Dataset, as "
            "load() returns it, or Pairs."
        )
    if isinstance(data, Pairs) and issubclass(chosen, ItemTask):
        raise DataError(
            f"The task '{chosen.name}' is asked of items one by one, and {data.name} has pairs; "
            "leave task= out."
        )
    protocol.check()
    if protocol.hold_out is not None and protocol.hold_out not in chosen.holds_out:
        may = f"; there it is {' or '.join(chosen.holds_out)}" if chosen.holds_out else ""
        raise NearspaceError(
            f"hold_out='{protocol.hold_out}' has no meaning for {chosen.name}{may}."
        )
    return chosen.of(data, protocol)


def set_item_task(data: Any, protocol: Protocol, name: str | None = None) -> Any:
    """Return the task on items one by one, for studies that no other is for; as `set_task`.

    Raises
    ------
    NearspaceError
        If another task is named, and as of `set_task`.
    """
    check_task(name)
    names = [each for each, task in Task.registry.items() if issubclass(task, ItemTask)]
    if name is not None and name not in names:
        raise NearspaceError(
            f"The task '{name}' is for compare alone; expected {', '.join(names[:-1])} or "
            f"{names[-1]} here."
        )
    return set_task(data, protocol, name)
