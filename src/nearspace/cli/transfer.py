"""``nearspace transfer``: what learning without labels is worth where few items have one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import echo
from nearspace.errors import NearspaceError
from nearspace.foreign import printable
from nearspace.writing import write_files

if TYPE_CHECKING:
    from nearspace.judge.studies.transfer import Transfer


def transfer_command(
    source: cli.Source,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="The encoder, which learns without labels. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ],
    beside: Annotated[
        list[str] | None,
        typer.Option(
            "--beside",
            metavar="ENCODER",
            help="Another, on whose vectors a linear head is judged too; may be repeated.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    counts: Annotated[
        str, typer.Option("--labelled", help="How many items get their label, with commas.")
    ] = "100,1000",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the labelled items.")] = 5,
    output: cli.Pages = Path(),
    open_page: cli.Open = False,
    *,
    reading: Reading,
    judging: Annotated[
        cli.Judging,
        cli.only("task", "test_size", "random_state", "near_duplicates", "cache"),
    ],
) -> None:
    """Fit an encoder without labels, then give a few items theirs.

    A linear head, fine-tuning of the last part or of all, beside the same network from scratch; of
    a pretrained network, beside its frozen vectors. Writes transfer.html and transfer.json.

    [bold]Examples[/]

      nearspace transfer digits --with simclr --labelled 50,200

      nearspace transfer my_photos/ --with autoencoder --seeds 10 -o report

      nearspace transfer my_photos/ --with hog

      nearspace transfer reviews.csv --column text --labels stars --with 'pretrained("my_model")'
        --beside tfidf --labelled 16,64,256
    """
    wanted = _counts(counts)
    paths = cli.places(output, "transfer.html", "transfer.json", open_page=open_page)
    from nearspace.encoders.spec import make

    encoder = make(spec)  # a misspelt encoder is told before any data is read
    others = [make(other) for other in beside or ()]
    judging.check()
    dataset = reading.read(source, random_state=judging.random_state)
    with terminal.progress_bar() as progress:
        from nearspace.judge.studies.transfer import transfer

        study = transfer(
            dataset, encoder, beside=others, task=judging.task, labelled=wanted, seeds=seeds,
            test_size=judging.test_size, random_state=judging.random_state,
            near_duplicates=judging.near_duplicates, cache=judging.folder,
            progress=progress,
        )  # fmt: skip
    from nearspace.report.transfer import transfer_page

    study = terminal.as_commanded(study)
    texts = {".json": study.to_json(), ".html": transfer_page(study).html()}
    try:
        write_files({path: texts[path.suffix] for path in paths})
    finally:  # what was computed is seen, whatever keeps the disk from holding it
        _print(study, told=dataset.notes)
    echo()
    echo(f"Report: {paths[0]}")
    if open_page:
        terminal.show_page(paths[0])
    terminal.leave(study)


def _block(name: str) -> str:
    """Return the end of a block's name that tells it: ``layer.5`` of ``model.encoder.layer.5``."""
    parts = name.split(".")
    return ".".join(parts[-2:]) if parts[-1].isdigit() else parts[-1]


def _counts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise NearspaceError(
            f"--labelled: expected whole numbers with commas, such as 100,1000; got '{text}'."
        ) from None


def _print(study: Transfer, told: tuple[str, ...]) -> None:
    """Print the table, new notes, what pretraining brought, and where the time went."""
    from rich.text import Text

    from nearspace.judge.amounts import seconds_text
    from nearspace.judge.studies.gains import FLOOR, SCRATCH, is_from_scratch

    trains = any(row.difference for row in study.rows)
    plain = next((row.way for row in study.rows if row.way.startswith(FLOOR)), "")
    base = SCRATCH if is_from_scratch(study.rows) else "linear head"
    base = base if trains or not plain else plain
    rows = []
    for row in study.rows:
        gain = row.difference if trains else row.over_plain
        cells = {
            "labels": f"{row.labels:,}",
            "way to use them": row.way + " ★" * row.recommended,
            study.label(): " ".join(study.score.parts(row.score)),
            f"minus {base}": " ".join(study.score.parts(gain, signed=True)),
            "one fit": seconds_text(row.seconds),
        }
        style = "dim" if row.way.startswith(SCRATCH) else ""
        rows.append({head: Text(printable(text), style) for head, text in cells.items()})
    terminal.print_table(rows, "way to use them", spare=("one fit",))
    if study.protocol["last part"]:
        names = ", ".join(_block(name) for name in study.protocol["last part"])
        terminal.print_words(Text(printable(f"The last part is {names}."), "dim"))
    terminal.print_notes(study.notes, told)
    spent = ", ".join(f"{name} {seconds_text(value)}" for name, value in study.seconds.items())
    used = [f"{pick.role}: {pick.spec} ★, {pick.score}." for pick in study.advice.picks]
    used = [sentence[:1].upper() + sentence[1:] for sentence in used]
    terminal.print_words("", *used, *study.verdicts, f"Time: {spent}.")
