"""How far a space has grown, on a terminal, and what Ctrl-C leaves of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nearspace.cli.terminal import echo, progress_bar

__all__ = ["growing_bar"]


@contextlib.contextmanager
def growing_bar(
    name: str, output: Path, goes_on: bool, unit: str = ""
) -> Iterator[Callable[[int, int], None]]:
    """Show how far a space has grown inside the ``with`` block, and what Ctrl-C leaves of it.

    Parameters
    ----------
    name : str
        What embeds.
    output : Path
        The space.
    goes_on : bool
        Whether it was begun before.
    unit : str, default=""
        What is counted, such as ``" bytes"``; items where it is empty.

    Yields
    ------
    callable
        Is told how many are in the space, of all.
    """
    from nearspace.learning.progress import about, embedding_listener, epoch_listener
    from nearspace.space.file.growing import is_unfinished

    start, first, written, total = time.monotonic(), list[int](), 0, 0

    def show(done: float) -> None:
        since = done - first[0]
        seconds = (time.monotonic() - start) * (total - done) / since if since > 0 else 0.0
        left = f", {about(seconds)} left" if seconds else ""
        bar(done / max(total, 1), f"{name}, {int(done):,} of {total:,}{unit}{left}")

    def tell(done: int, of: int) -> None:
        nonlocal written, total
        written, total = done, of
        first.append(done)
        show(done)

    with (
        progress_bar() as bar,
        epoch_listener(lambda done, epochs: bar(done / epochs, f"{name}, epoch {done:,}")),
        embedding_listener(lambda done, items: show(written + done) if total else None),
    ):
        bar(0.0, name)
        try:
            yield tell
        except KeyboardInterrupt:
            if is_unfinished(output):
                echo(f"{output} holds what is done; the same command goes on from there.", err=True)
            raise
    if goes_on:
        echo("note: went on from where it was interrupted.", err=True)
