"""``nearspace transfer``: what learning without labels is worth where few items have one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.errors import NearspaceError

if TYPE_CHECKING:
    from nearspace.judge.transferred import Transfer

HELP = """
Fit an encoder without labels, then give a few items theirs: a linear head, fine-tuning of the last
part or of all, beside the same network from scratch.

[bold]Examples[/]

  nearspace transfer digits --with simclr --labelled 50,200

  nearspace transfer my_photos/ --with autoencoder --seeds 10 -o transfer.json

  nearspace transfer my_photos/ --with hog
"""


def transfer_command(
    source: cli.Source,
    spec: Annotated[
        str, typer.Option("--with", help="The encoder, which learns without labels. [encoders]")
    ],
    counts: Annotated[
        str, typer.Option("--labelled", help="How many items get their label, with commas.")
    ] = "100,1000",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the labelled items.")] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .json file to write too.")
    ] = None,
    labels: cli.Labels = None,
    column: cli.Column = None,
    kind: cli.Kind = None,
    size: cli.Size = None,
    groups: cli.Groups = None,
    time: cli.Time = None,
    ids: cli.Ids = None,
    limit: cli.Limit = None,
    test: cli.TestPath = None,
    test_size: Annotated[float, typer.Option(help="Share that tests, if not published.")] = 0.25,
    random_state: Annotated[int, typer.Option(min=0, help="Of split and draws.")] = 0,
    cache: Annotated[bool, typer.Option(help="Keep the fitted encoder, and find it again.")] = True,
) -> None:
    """Measure, print the table, write JSON where asked; the help text stands in HELP."""
    wanted = _counts(counts)
    if output is not None:
        cli.check_file(output, ".json")
    from nearspace.encoders.spec import make

    encoder = make(spec)  # a misspelt encoder is told before any data is read
    dataset = cli.read(
        source, kind=kind, size=size, column=column, labels=labels, groups=groups, time=time,
        ids=ids, limit=limit, test=test, random_state=random_state,
    )  # fmt: skip
    found = _transfer(
        encoder, dataset, labels=wanted, seeds=seeds, test_size=test_size,
        random_state=random_state, cache=cli.cache_folder() if cache else None,
    )  # fmt: skip
    _print(found, told=dataset.notes)
    if output is not None:
        found.protocol["command"] = "nearspace " + shlex.join(sys.argv[1:])
        found.to_json(output)
        typer.echo(f"\nWritten: {output}")
    if found.interrupted:
        raise typer.Exit(130)


def _counts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise NearspaceError(
            f"--labelled: expected whole numbers with commas, such as 100,1000; got '{text}'."
        ) from None


def _transfer(encoder: Any, dataset: Any, **settings: Any) -> Transfer:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with console.status("Getting ready"):
        from nearspace.judge.transfer import transfer

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        return transfer(
            encoder,
            dataset,
            progress=lambda share, words: bar.update(task, completed=share, description=words),
            **settings,
        )


def _print(found: Transfer, told: tuple[str, ...]) -> None:
    """Print the table, new notes, what pretraining brought, and where the time went."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nearspace.judge.transferred import FLOOR
    from nearspace.report.layers import percent, points
    from nearspace.report.words import seconds_text

    console = Console()
    trains = any(row.difference for row in found.rows)
    plain = next((row.way for row in found.rows if row.way.startswith(FLOOR)), "")
    base = "from scratch" if trains or not plain else plain
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("labels", justify="right")
    table.add_column("way to use them", no_wrap=True)
    for head in ("accuracy", f"minus {base}", "one fit"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in found.rows:
        table.add_row(
            f"{row.labels:,}",
            escape(row.way),
            escape(" ".join(percent(row.accuracy))),
            escape(" ".join(points(row.difference if trains else row.over_plain))),
            seconds_text(row.seconds),
            style="dim" if row.way.startswith("from scratch") else "",
        )
    console.print(table)
    if found.protocol["last part"]:
        names = ", ".join(name.split(".")[-1] for name in found.protocol["last part"])
        console.print(f"The last part is {escape(names)}.", style="dim", highlight=False)
    for note in found.notes:
        if note not in told:
            console.print(f"note: {escape(note)}", style="dim", highlight=False)
    console.print()
    for sentence in found.verdicts():
        console.print(sentence, highlight=False, markup=False)
    spent = ", ".join(f"{name} {seconds_text(value)}" for name, value in found.seconds.items())
    console.print(f"Time: {spent}.", highlight=False)
