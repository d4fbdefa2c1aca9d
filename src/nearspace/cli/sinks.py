"""``nearspace sinks``: on which tokens the attention of a network falls, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import echo, echo_lines
from nearspace.foreign import printable
from nearspace.writing import write_files

if TYPE_CHECKING:
    from nearspace.judge.studies.sinks import LayerSinks, Sinks

# Columns that are left out where there is no room, the last one first.
SPARE = ("nowhere, %", "norm", "heads", "a text", "fair, %")
NAMED = 2  # tokens of a layer
LONGEST = 10  # signs of a token
ROUNDING = 1e-4  # of the attention, below which none falls on no token
HOW_TO_READ = (
    "first: share of the attention that falls on the first token, and what would be fair; others: "
    "on other sinks; a text: sinks that a text has; norm: length of their states against others'; "
    "heads: tenths of the attention of each head that fall on the first token and sinks; sinks: "
    "what they are called, and how many there are."
)


def sinks_command(
    source: cli.Source,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="One with attention, such as pretrained:my_model. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ],
    sample: Annotated[
        int, typer.Option(min=1, metavar="N", help="Texts to look at, drawn at random.")
    ] = 200,
    as_json: cli.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PLACE",
            help="A .html page or a .json file to write, or a folder for both.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
    open_page: cli.Open = False,
    *,
    reading: Annotated[Reading, cli.only("labels", "column", "kind", "chunks", "overlap", "limit")],
    judging: Annotated[cli.Judging, cli.only("random_state")],
) -> None:
    """Tell on which tokens the attention of a network of texts falls, layer by layer.

    A sink is a token at which nearly all others look, though it says little: mostly the first one,
    or a mark at the end. It is told by the attention that it gets, not by its name: at least five
    times the odds of its fair share, in the mean over the heads of a layer.

    [bold]Examples[/]

      nearspace sinks notes.txt --with 'pretrained("./minilm")'

      nearspace sinks reviews.csv --column text --with pretrained:./minilm
        --sample 500 -o sinks.html
    """
    paths = []
    if output is not None or open_page:
        paths = cli.places(output or Path(), "sinks.html", "sinks.json", open_page=open_page)
    from nearspace.encoders.spec import make
    from nearspace.judge.studies.sinks import check_attentive

    encoder = make(spec)
    check_attentive(encoder)  # told before any data is read
    dataset = reading.read(source, random_state=judging.random_state)
    cli.check_labels(encoder, dataset)
    with terminal.progress_bar() as progress:
        from nearspace.judge.studies.sinks import attention_sinks

        study = attention_sinks(
            dataset, encoder, sample=sample, random_state=judging.random_state, progress=progress
        )
    study = terminal.as_commanded(study)
    try:
        if paths:
            from nearspace.report.sinks import sinks_page

            texts = {".html": sinks_page(study).html(), ".json": study.to_json()}
            write_files({path: texts[path.suffix] for path in paths})
    finally:  # what was computed is seen, whatever keeps the disk from holding it
        if as_json:
            echo_lines(study.to_json())
        else:
            _print(study, told=dataset.notes)
    if paths and not as_json:
        echo()
        echo(f"Report: {paths[0]}")
    if open_page:
        terminal.show_page(paths[0])


def _print(study: Sinks, told: tuple[str, ...]) -> None:
    """Print the layers, how to read them, new notes, and what was found."""
    nowhere = any(row.nowhere > ROUNDING for row in study.layers)
    rows = []
    for row in study.layers:
        cells = {
            "layer": str(row.layer),
            "first, %": f"{100 * row.first:.1f}",
            "fair, %": f"{100 * row.fair:.1f}",
            "others, %": f"{100 * row.others:.1f}",
            "a text": f"{row.sinks:.2f}",
            "norm": "" if row.norm is None else f"{row.norm:.2f}",
            "heads": _tenths(row),
        }
        if nowhere:
            cells["nowhere, %"] = f"{100 * row.nowhere:.1f}"
        rows.append(cells | {"sinks": _named(row)})
    terminal.print_table(rows, "layer", words=("heads", "sinks"), spare=SPARE)
    echo()
    terminal.print_words(HOW_TO_READ + " nowhere: on no token." * nowhere)
    terminal.print_notes(study.notes, told)
    terminal.print_words("", study.verdict)


def _tenths(row: LayerSinks) -> str:
    """Return a digit a head: which tenth of its attention falls on the first token and sinks."""
    return "".join(str(min(9, int(10 * (first + others)))) for first, others in row.heads)


def _named(row: LayerSinks) -> str:
    names = [
        f"{terminal.beginning(printable(token.name), LONGEST)} {token.count:,}"
        for token in row.tokens[:NAMED]
    ]
    return ", ".join(names) + ", …" * (len(row.tokens) > NAMED)
