"""``nearspace layers``: what every layer of a network is worth for this data."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.compare import STYLES

if TYPE_CHECKING:
    from nearspace.judge.layerboard import LayerBoard

HELP = """
Judge every layer of a network, alone and two together, and write layers.html and layers.json.

[bold]Examples[/]

  nearspace layers digits --with alexnet

  nearspace layers my_photos/ --with 'cnn(epochs=5)' --pool mean

  nearspace layers vectors.npz --labels y --with mlp --layer fc1 --layer fc2
"""


def layers_command(
    source: cli.Source,
    spec: Annotated[str, typer.Option("--with", help="The network, such as alexnet. [encoders]")],
    output: cli.Output = Path(),
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="A layer; repeat for more. All if absent.")
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", help="flatten, mean, max or cls: what places become.")
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
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours that vote.")] = 5,
    random_state: Annotated[int, typer.Option(min=0, help="Of split and subsamples.")] = 0,
    cache: Annotated[bool, typer.Option(help="Keep the fitted encoder, and find it again.")] = True,
) -> None:
    """Judge layers and write the page; the help text stands in HELP."""
    cli.make_folder(output, "layers.html and layers.json")
    from nearspace.encoders.spec import make
    from nearspace.judge.layers import check_layers

    encoder = make(spec)
    check_layers(encoder, pool)  # told before any data is read
    dataset = cli.read(
        source, kind=kind, size=size, column=column, labels=labels, groups=groups, time=time,
        ids=ids, limit=limit, test=test, random_state=random_state,
    )  # fmt: skip
    cli.check_labels(encoder, dataset)
    board = _judge(
        encoder, dataset, layers=layer, pool=pool, k=k, test_size=test_size,
        random_state=random_state, cache=cli.cache_folder() if cache else None,
    )  # fmt: skip
    from nearspace.report.layers import write_layers
    from nearspace.report.places import places_section

    board.protocol["command"] = "nearspace " + shlex.join(sys.argv[1:])
    board.to_json(output / "layers.json")
    path = write_layers(board, output / "layers.html", sections=[places_section(board)])
    _print(board, told=dataset.notes)
    typer.echo(f"\nReport: {path}")


def _judge(encoder: Any, dataset: Any, **settings: Any) -> LayerBoard:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from nearspace.judge.layers import compare_layers

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        return compare_layers(
            encoder,
            dataset,
            progress=lambda share, words: bar.update(task, completed=share, description=words),
            **settings,
        )


def _print(board: LayerBoard, told: tuple[str, ...]) -> None:
    """Print the layers, the pairs of layers, new notes, and the verdict."""
    from rich.console import Console
    from rich.markup import escape

    from nearspace.report.layers import layers_verdict

    console = Console()
    table = _layer_table(board)
    if Console(width=1000).measure(table).maximum > console.width:
        table = _layer_table(board, intervals=False)
    console.print(table)
    if board.hybrids:
        console.print()
        console.print(_pair_table(board))
    for note in board.notes:
        if note not in told:
            console.print(f"note: {escape(note)}", style="dim", highlight=False)
    spec, reason = layers_verdict(board)
    console.print(f"\n{f'Use {spec}. ' if spec else ''}{reason}", highlight=False, markup=False)


def _layer_table(board: LayerBoard, intervals: bool = True) -> Any:
    """Return the table of layers, with or without the intervals of the effect of L2."""
    from rich.markup import escape
    from rich.table import Table

    from nearspace.report.layers import percent, points
    from nearspace.report.words import count_text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("layer", overflow="fold")
    accuracies = ("probe", "effect of L2") if board.rows[0].knn else ()
    if accuracies:
        table.add_column(f"{board.protocol['k']}-NN accuracy", justify="right", no_wrap=True)
    for head in (*accuracies, "dim", "rank", "zeros", "never on", "CKA to next"):
        table.add_column(head, justify="right")
    table.add_column("verdict", no_wrap=True)
    recommended = board.recommended()
    for at, row in enumerate(board.rows):
        effect = " ".join(points(row.l2)[: 1 + intervals])
        told = [" ".join(percent(row.knn)), percent(row.probe)[0], effect]
        last = at + 1 == len(board.rows)
        table.add_row(
            escape(row.name),
            *(escape(text) for text in told if accuracies),
            f"{row.dim:,}",
            count_text(row.effective_rank),
            percent(row.zeros)[0],
            f"{100 * row.silent:.1f}",
            "" if last else f"{board.cka[at, at + 1]:.2f}",
            row.verdict + (" ★" if row is recommended else ""),
            style=STYLES.get(row.verdict, ""),
        )
    for name, score in board.floor.items():
        empty = [""] * (len(table.columns) - 3)
        table.add_row(name, escape(" ".join(percent(score))), *empty, "floor", style="dim")
    return table


def _pair_table(board: LayerBoard) -> Any:
    from rich.markup import escape
    from rich.table import Table

    from nearspace.judge.hybrids import WEIGHTS
    from nearspace.report.layers import FRACTIONS, hybrid_table, percent

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("two layers", overflow="fold")
    table.add_column("")
    for weight in WEIGHTS:
        table.add_column(f"first weighs {FRACTIONS[weight]}", justify="right")
    for first, second, how, cells in hybrid_table(board):
        marked = [
            f"[{STYLES.get(cell.verdict, 'default')}]{percent(cell.knn)[0]}[/]" for cell in cells
        ]
        table.add_row(escape(f"{first} + {second}"), how, *marked)
    return table
