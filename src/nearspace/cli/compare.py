"""``nearspace compare``: which representation is best for this data."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli

if TYPE_CHECKING:
    from nearspace.judge.leaderboard import Leaderboard

STYLES = {"best": "bold green", "tied with best": "green", "floor": "dim"}

HELP = """
Rank the usual encoders for a kind of data, and write report.html and report.json.

[bold]Examples[/]

  nearspace compare digits

  nearspace compare my_photos/ --size 64

  nearspace compare reviews.csv --column text --labels stars

  nearspace compare penguins.csv --labels species --with 'onehot | pca(dim=4)'

  nearspace compare vectors.npz --labels y --groups farm --with 'raw | l2' --seeds 3

  nearspace compare my_photos/ --save-best best.space
"""


def compare_command(
    source: cli.Source,
    specs: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Encoder to compare, such as 'vae(dim=16)'; repeat for more. [encoders]"
        ),
    ] = None,
    output: cli.Output = Path(),
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
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours that vote.")] = 5,
    rank_by: Annotated[str | None, typer.Option(help="knn, probe, r_precision, …")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Fits of each encoder that learns.")] = 1,
    random_state: Annotated[int, typer.Option(min=0, help="Of split and subsamples.")] = 0,
    save_best: Annotated[
        Path | None,
        typer.Option(help="A .space file for all items under the encoder recommended."),
    ] = None,
    force: cli.Force = False,
    cache: Annotated[
        bool, typer.Option(help="Keep fitted encoders and scores, and find them again.")
    ] = True,
) -> None:
    """Rank encoders and write the report; the help text stands in HELP."""
    cli.make_folder(output, "report.html and report.json")
    if save_best is not None:
        cli.check_file(save_best, ".space", option="--save-best")
        cli.check_new(save_best, force, option="--save-best")
    from nearspace.encoders.spec import make_many

    for spec in specs or []:
        make_many(spec)  # a misspelt encoder is told before any data is read
    dataset = cli.read(
        source, kind=kind, size=size, column=column, labels=labels, groups=groups, time=time,
        ids=ids, limit=limit, test=test, random_state=random_state,
    )  # fmt: skip
    board = _compare(
        specs, dataset, k=k, rank_by=rank_by, seeds=seeds, test_size=test_size,
        random_state=random_state, cache=cli.cache_folder() if cache else None,
    )  # fmt: skip
    from nearspace.report.page import write_report

    board.protocol["command"] = "nearspace " + shlex.join(sys.argv[1:])
    board.to_json(output / "report.json")
    path = write_report(board, output / "report.html")
    _print(board, told=dataset.notes)
    typer.echo(f"\nReport: {path}")
    if save_best is not None:
        _save(board, dataset, save_best)
    if board.interrupted:
        raise typer.Exit(130)
    if all(row.spec == "chance" for row in board.results):
        raise typer.Exit(2)


def _save(board: Leaderboard, dataset: Any, path: Path) -> None:
    """Write the space of all items under the recommended encoder."""
    from rich.console import Console

    from nearspace.space.space import embed

    with Console(stderr=True).status("Writing the space"):
        encoder = board.fitted()
        embed(dataset, encoder).save(path)
    typer.echo(f"Space: {path}, {len(dataset):,} items under {board.best().spec}")


def _compare(specs: list[str] | None, dataset: Any, **settings: Any) -> Leaderboard:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with console.status("Getting ready"):
        from nearspace.judge.compare import compare

    def announce(seconds: float) -> None:
        if seconds >= 60:
            console.print(f"This takes about {seconds / 60:.0f} min; Ctrl-C keeps what is done.")

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        return compare(
            specs,
            dataset,
            progress=lambda share, words: bar.update(task, completed=share, description=words),
            on_estimate=announce,
            **settings,
        )


def _print(board: Leaderboard, told: tuple[str, ...]) -> None:
    """Print the ranked table, as wide as the terminal allows, new notes, and the verdict."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nearspace.judge.metrics import METRICS, format_score
    from nearspace.report.words import bytes_text, metric_label, seconds_text, verdict

    console = Console()
    ranked = board.protocol["rank_by"]
    others = [name for name in board.metrics if name != ranked and METRICS[name].better]
    others = others[: max(0, (console.width - 90) // 13)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("encoder", overflow="fold")
    for name in (ranked, *others):
        table.add_column(metric_label(name, board), justify="right", no_wrap=name == ranked)
    for head in ("dim", "fit", "one item", "vector"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in board.results:
        cost = row.cost
        costs = ("", "", "")
        if cost is not None:
            times = (seconds_text(cost.fit_seconds), seconds_text(cost.latency_seconds))
            costs = (*times, bytes_text(cost.bytes_per_vector))
        table.add_row(
            escape(row.spec),
            escape(format_score(ranked, row.scores.get(ranked))),
            *(format_score(name, row.scores.get(name), interval=False) for name in others),
            str(row.dim or ""),
            *costs,
            row.verdict + (" ★" if row.recommended else ""),
            style=STYLES.get(row.verdict, ""),
        )
    console.print(table)
    for failure in board.failures:
        console.print(f"[red]failed[/] {escape(failure.spec)}: {escape(failure.error)}")
    for note in board.notes:
        if note in told:
            continue
        console.print(f"note: {escape(note)}", style="dim", highlight=False)
    spec, reason = verdict(board)
    console.print(f"\n{f'Use {spec}. ' if spec else ''}{reason}", highlight=False, markup=False)
