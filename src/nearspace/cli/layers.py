"""``nearspace layers``: what every layer of a network is worth for this data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import echo
from nearspace.writing import write_files

if TYPE_CHECKING:
    from nearspace.judge.studies.layers import LayerBoard


# Columns that are left out where there is no room, the last one first.
SPARE = ("dim", "probe", "effect of L2", "zeros", "rank", "CKA to next", "never on", "its interval")


def layers_command(
    source: cli.Source,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="NETWORK",
            help="The network, such as alexnet. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ],
    output: cli.Pages = Path(),
    open_page: cli.Open = False,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            metavar="LAYER",
            help="A layer; repeat for more. All if absent.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            "--pool",
            metavar="HOW",
            help="flatten, mean, max or cls: what places become.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    *,
    reading: Reading,
    judging: Annotated[
        cli.Judging,
        cli.only("task", "test_size", "k", "metric", "random_state", "near_duplicates", "cache"),
    ],
) -> None:
    """Judge every layer of a network, alone and two together, and write layers.html and .json.

    [bold]Examples[/]

      nearspace layers digits --with alexnet

      nearspace layers my_photos/ --with cnn:epochs=5 --pool mean

      nearspace layers vectors.npz --labels y --with mlp --layer fc1 --layer fc2
    """
    paths = cli.places(output, "layers.html", "layers.json", open_page=open_page)
    from nearspace.encoders.spec import make
    from nearspace.judge.studies.layers import check_layers

    encoder = make(spec)
    check_layers(encoder, pool, judging.metric)  # told before any data is read
    judging.check()
    dataset = reading.read(source, random_state=judging.random_state)
    cli.check_labels(encoder, dataset)
    with terminal.progress_bar() as progress:
        from nearspace.judge.studies.layers import compare_layers

        board = compare_layers(
            dataset, encoder, task=judging.task, layers=layer, pool=pool, k=judging.k,
            metric=judging.metric, test_size=judging.test_size, random_state=judging.random_state,
            near_duplicates=judging.near_duplicates, cache=judging.folder,
            progress=progress,
        )  # fmt: skip
    from nearspace.report.layers import layers_page, places_sections

    board = terminal.as_commanded(board)
    page = layers_page(board, places_sections(board))
    texts = {".html": page.html(), ".json": board.to_json()}
    try:
        write_files({path: texts[path.suffix] for path in paths})
    finally:  # what was computed is seen, whatever keeps the disk from holding it
        _print(board, told=dataset.notes)
    echo()
    echo(f"Report: {paths[0]}")
    if open_page:
        terminal.show_page(paths[0])


def _print(board: LayerBoard, told: tuple[str, ...]) -> None:
    """Print the layers, the pairs of layers, new notes, and the verdict."""
    from nearspace.report.words import leak_words

    _print_layers(board)
    if board.hybrids:
        echo()
        _print_pairs(board)
    terminal.print_notes(board.notes, told)
    terminal.print_advice(board.advice, leak_words(board))


def _print_layers(board: LayerBoard) -> None:
    from nearspace.judge.amounts import count_text
    from nearspace.judge.scores import SCORES

    rows = []
    for at, row in enumerate(board.rows):
        cells = {"layer": row.name}
        if row.scores:
            effect, interval = board.score.parts(row.l2, signed=True)
            cells[board.label()] = " ".join(board.score.parts(board.ranking(row)))
            cells["probe"] = board.score.parts(list(row.scores.values())[1])[0]
            cells |= {"effect of L2": effect, "its interval": interval}
        last = at + 1 == len(board.rows)
        cells |= {
            "dim": f"{row.dim:,}",
            "rank": count_text(row.effective_rank),
            "zeros": SCORES["knn"].parts(row.zeros)[0],
            "never on": f"{100 * row.silent:.1f}",
            "CKA to next": "" if last else f"{board.cka[at, at + 1]:.2f}",
            "verdict": row.verdict + " ★" * row.recommended,
        }
        rows.append(cells)
    if board.chance is not None:
        told = " ".join(board.score.parts(board.chance))
        rows.append({"layer": "chance", board.label(): told, "verdict": "floor"})
    terminal.print_table(rows, "layer", spare=SPARE)


def _print_pairs(board: LayerBoard) -> None:
    from rich.text import Text

    from nearspace.report.layers import FRACTIONS, hybrid_table, together

    rows = []
    for first, second, how, cells in hybrid_table(board):
        row: dict[str, Any] = {"two layers": f"{first} + {second}", "how": how}
        for cell in cells:
            text = Text(board.score.parts(cell.score)[0], terminal.STYLES.get(cell.verdict, ""))
            row[f"first weighs {FRACTIONS[cell.weight]}"] = text
        rows.append(row)
    terminal.print_table(rows, "two layers", words=("how",))
    terminal.print_words(together(board))
