"""``nearspace layers``: what every layer of a network is worth for this data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.compose import only
from nearspace.cli.judging import (
    STYLES,
    Judging,
    print_advice,
    print_notes,
    progress_bar,
    write_json,
)
from nearspace.cli.reading import Reading, SourceArgument

if TYPE_CHECKING:
    from nearspace.judge.studies.layers import LayerBoard


def layers_command(
    source: SourceArgument,
    spec: Annotated[str, typer.Option("--with", help="The network, such as alexnet. [encoders]")],
    output: cli.Output = Path(),
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="A layer; repeat for more. All if absent.")
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", help="flatten, mean, max or cls: what places become.")
    ] = None,
    *,
    reading: Reading,
    judging: Annotated[Judging, only("task", "test_size", "k", "random_state", "cache")],
) -> None:
    """Judge every layer of a network, alone and two together, and write layers.html and .json.

    [bold]Examples[/]

      nearspace layers digits --with alexnet

      nearspace layers my_photos/ --with 'cnn(epochs=5)' --pool mean

      nearspace layers vectors.npz --labels y --with mlp --layer fc1 --layer fc2
    """
    cli.make_folder(output, "layers.html and layers.json")
    from nearspace.encoders.spec import make
    from nearspace.judge.studies.layers import check_layers

    encoder = make(spec)
    check_layers(encoder, pool)  # told before any data is read
    dataset = reading.read(source, random_state=judging.random_state)
    cli.check_labels(encoder, dataset)
    with progress_bar() as progress:
        from nearspace.judge.studies.layers import compare_layers

        board = compare_layers(
            dataset, encoder, task=judging.task, layers=layer, pool=pool, k=judging.k,
            test_size=judging.test_size, random_state=judging.random_state, cache=judging.folder,
            progress=progress,
        )  # fmt: skip
    from nearspace.report.layers import layers_page
    from nearspace.report.places import places_sections

    write_json(board, output / "layers.json")
    path = layers_page(board, places_sections(board)).write(output / "layers.html")
    _print(board, told=dataset.notes)
    typer.echo(f"\nReport: {path}")


def _print(board: LayerBoard, told: tuple[str, ...]) -> None:
    """Print the layers, the pairs of layers, new notes, and the verdict."""
    from rich.console import Console

    from nearspace.report.layers import layers_verdict

    console = Console()
    table = _layer_table(board)
    if Console(width=1000).measure(table).maximum > console.width:
        table = _layer_table(board, intervals=False)
    console.print(table)
    if board.hybrids:
        console.print()
        console.print(_pair_table(board))
    print_notes(console, board.notes, told)
    print_advice(console, *layers_verdict(board))


def _layer_table(board: LayerBoard, intervals: bool = True) -> Any:
    """Return the table of layers, with or without the intervals of the effect of L2."""
    from rich.markup import escape
    from rich.table import Table

    from nearspace.judge.scores import SCORES
    from nearspace.report.words import count_text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("layer", overflow="fold")
    accuracies = ("probe", "effect of L2") if board.rows[0].scores else ()
    if accuracies:
        table.add_column(board.label(), justify="right", no_wrap=True)
    for head in (*accuracies, "dim", "rank", "zeros", "never on", "CKA to next"):
        table.add_column(head, justify="right")
    table.add_column("verdict", no_wrap=True)
    for at, row in enumerate(board.rows):
        effect = " ".join(board.score.parts(row.l2, signed=True)[: 1 + intervals])
        scores = [board.score.parts(estimate) for estimate in row.scores.values()]
        told = [" ".join(scores[0]), scores[1][0], effect] if scores else []
        last = at + 1 == len(board.rows)
        table.add_row(
            escape(row.name),
            *map(escape, told),
            f"{row.dim:,}",
            count_text(row.effective_rank),
            SCORES["knn"].parts(row.zeros)[0],
            f"{100 * row.silent:.1f}",
            "" if last else f"{board.cka[at, at + 1]:.2f}",
            row.verdict + (" ★" if row.recommended else ""),
            style=STYLES.get(row.verdict, ""),
        )
    for name, score in board.floor.items():
        empty = [""] * (len(table.columns) - 3)
        table.add_row(
            name, escape(" ".join(board.score.parts(score))), *empty, "floor", style="dim"
        )
    return table


def _pair_table(board: LayerBoard) -> Any:
    from rich.markup import escape
    from rich.table import Table

    from nearspace.judge.studies.hybrids import WEIGHTS
    from nearspace.report.layers import FRACTIONS, hybrid_table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("two layers", overflow="fold")
    table.add_column("")
    for weight in WEIGHTS:
        table.add_column(f"first weighs {FRACTIONS[weight]}", justify="right")
    for first, second, how, cells in hybrid_table(board):
        marked = [
            f"[{STYLES.get(cell.verdict, 'default')}]{board.score.parts(cell.score)[0]}[/]"
            for cell in cells
        ]
        table.add_row(escape(f"{first} + {second}"), how, *marked)
    return table
