"""``nearspace cache``: what is kept of earlier comparisons."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.errors import NearspaceError


def cache_command(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--cache", metavar="FOLDER", help="One that cache= named; your own if absent."
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all that is in it.")] = False,
) -> None:
    """Show where fitted encoders and judged rows are kept, and how many; or remove them.

    compare, layers, rates and transfer find there what they need not do again. Without it they
    come to the same figures, later.

    [bold]Examples[/]

      nearspace cache

      nearspace cache --clear
    """
    folder = folder or cli.Judging().folder
    from nearspace.judge.cache import LARGEST_CACHE, Cache

    cache = Cache(folder)
    entries = cache.entries()
    if clear:
        removed = cache.clear()
        gone = {entry.path for entry in removed}
        terminal.echo(f"Removed from {folder}: {_told(removed)}.")
        if left := [entry for entry in cache.entries() if entry.path not in gone]:
            raise NearspaceError(
                f"--clear: {len(left):,} of {len(entries):,} entries of the cache in {folder} "
                "could not be removed; expected the right to write there."
            )
        return
    if not entries:
        terminal.echo(f"The cache in {folder} is empty.")
        return
    times = [datetime.datetime.fromtimestamp(entry.used) for entry in entries]
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in (min(times), max(times)))
    terminal.echo(
        f"The cache in {folder} holds {_told(entries)}, of at most {_size(LARGEST_CACHE)}."
    )
    terminal.echo(f"They were used between {first} and {last}.")
    with terminal.waiting("Reading all of it"):
        damaged = sum(not entry.whole for entry in entries)
    if damaged:
        terminal.echo(
            f"Damaged: {damaged:,}, made again when next asked for; --clear removes all there is."
        )


def _told(entries: list[Any]) -> str:
    """Return how many fits and rows there are, and their size."""
    fits = sum(entry.part == "fits" for entry in entries)
    rows = len(entries) - fits
    return (
        f"{fits:,} fitted encoder{'s' * (fits != 1)} and {rows:,} judged row{'s' * (rows != 1)}, "
        f"{_size(sum(entry.size for entry in entries))}"
    )


def _size(size: int) -> str:
    from nearspace.judge.amounts import bytes_text

    return bytes_text(size) if size < 1e9 else f"{size / 1e9:.1f} GB"
