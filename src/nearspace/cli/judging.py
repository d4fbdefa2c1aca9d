"""The options by which commands judge encoders, and what the commands that judge have in common."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "STYLES",
    "Judging",
    "leave",
    "print_advice",
    "print_notes",
    "progress_bar",
    "write_json",
]

STYLES = {"best": "bold green", "tied with best": "green", "floor": "dim"}


@dataclasses.dataclass(frozen=True)
class Judging:
    """How to judge encoders: what `compare` and the other studies take, as options."""

    task: Annotated[
        str | None,
        typer.Option(help="classes, numbers or unlabelled; overrules what the data bring."),
    ] = None
    test_size: Annotated[float, typer.Option(help="Share that tests, if not published.")] = 0.25
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours that vote.")] = 5
    rank_by: Annotated[str | None, typer.Option(help="knn, probe, knn_r2, …")] = None
    seeds: Annotated[int, typer.Option(min=1, help="Fits of each encoder that learns.")] = 1
    random_state: Annotated[int, typer.Option(min=0, help="Of split and draws.")] = 0
    cache: Annotated[
        bool, typer.Option(help="Keep what is fitted and judged, and find it again.")
    ] = True

    @property
    def folder(self) -> Path | None:
        """The folder of the user's cache, in which what is fitted and judged is kept; or None."""
        from platformdirs import user_cache_path

        return user_cache_path("nearspace") if self.cache else None


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Show on standard error how far a study is, which tells it the share done and a few words."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("getting ready", total=1.0)
        yield lambda share, words: bar.update(task, completed=share, description=words)


def write_json(study: Any, path: Path) -> None:
    """Write what a study found, and the command that found it."""
    study.protocol["command"] = "nearspace " + shlex.join(sys.argv[1:])
    study.to_json(path)


def print_notes(console: Console, notes: Collection[str], told: Collection[str]) -> None:
    """Print the notes that were not told when the source was read."""
    from rich.markup import escape

    for note in notes:
        if note not in told:
            console.print(f"note: {escape(note)}", style="dim", highlight=False)


def print_advice(console: Console, spec: str | None, reason: str) -> None:
    """Print what to use, where anything is, and why."""
    console.print(f"\n{f'Use {spec}. ' if spec else ''}{reason}", highlight=False, markup=False)


def leave(study: Any, judged: bool = True) -> None:
    """End with code 130 where Ctrl-C ended a study early, with 2 where nothing was judged."""
    if study.interrupted:
        raise typer.Exit(130)
    if not judged:
        raise typer.Exit(2)
