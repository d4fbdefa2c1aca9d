"""Who is told how far training has come: a listener, or a bar on standard error."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

from nearspace.foreign import printable

__all__ = [
    "about",
    "embedding_listener",
    "epoch_bar",
    "epoch_listener",
    "tell_embedded",
    "tell_epoch",
]

_listener: contextvars.ContextVar[Callable[[int, int], None] | None] = contextvars.ContextVar(
    "epoch_listener", default=None
)

_embedding_listener: contextvars.ContextVar[Callable[[float, int], None] | None] = (
    contextvars.ContextVar("embedding_listener", default=None)
)


@contextlib.contextmanager
def epoch_listener(listener: Callable[[int, int], None]) -> Iterator[None]:
    """Call ``listener(done, epochs)`` after every epoch trained inside the ``with`` block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def epoch_bar(name: str, shown: bool) -> Iterator[None]:
    """Show a bar of the epochs trained inside the ``with`` block, on standard error."""
    if not shown:
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    words = TextColumn("{task.description}", style="progress.description", markup=False)
    columns = (words, *Progress.get_default_columns()[1:])
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(name), total=None)
        with epoch_listener(lambda done, total: bar.update(task, completed=done, total=total)):
            yield


def tell_epoch(done: int, epochs: int) -> None:
    """Tell the listener, where there is one, that an epoch is done."""
    listener = _listener.get()
    if listener is not None:
        listener(done, epochs)


@contextlib.contextmanager
def embedding_listener(listener: Callable[[float, int], None]) -> Iterator[None]:
    """Call ``listener(done, items)`` now and then while items are embedded in the block."""
    token = _embedding_listener.set(listener)
    try:
        yield
    finally:
        _embedding_listener.reset(token)


def tell_embedded(done: float, items: int) -> None:
    """Tell the listener, where there is one, that so many items are embedded, or so much work."""
    listener = _embedding_listener.get()
    if listener is not None:
        listener(done, items)


def about(seconds: float) -> str:
    """Return a time in a few words.

    Examples
    --------
    >>> about(0.3), about(48), about(600)
    ('1 s', '48 s', '10 min')
    """
    return f"{max(1, round(seconds))} s" if seconds < 100 else f"{round(seconds / 60)} min"
